/*
 * profile.c
 *		What is known of a person beside the state: a SCIM 2.0 User document.
 *
 * Documents come from applications and identity providers, which send passwords
 * along; none is ever kept.  Whatever else a document has stays as it was given.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/qunique.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "core/document.h"
#include "core/outcome.h"
#include "core/profile.h"

/* What is kept of a name's part: more than the longest of the words looked for. */
#define MAX_LETTERS		64

/* Are these the letters of a word for a password, or do they end with one? */
static bool
ends_with_password(const char *letters, bool *is_whole)
{
	static const char *const words[] = {"password", "passwd", "pwd", "passphrase", "passwordhash"};
	size_t		length = strlen(letters);

	for (int i = 0; i < lengthof(words); i++)
	{
		size_t		word = strlen(words[i]);

		*is_whole = length == word;
		if (length >= word && strcmp(letters + length - word, words[i]) == 0)
			return true;
	}
	return false;
}

/*
 * Does a member of this name hold a password?  The name is taken apart where the
 * path of an attribute is (a URN too), and of each part only the letters count, in
 * any case.  A part may also end with the word, as newPassword does; but a truth
 * value is none, has_password.
 */
static bool
holds_password(const JsonbValue *name, const JsonbValue *value)
{
	char		letters[MAX_LETTERS] = "";
	int			count = 0;

	for (int i = 0; i <= name->val.string.len; i++)
	{
		char		c = i < name->val.string.len ? name->val.string.val[i] : ' ';
		bool		is_whole;

		if (isalpha((unsigned char) c) && count < MAX_LETTERS - 1)
			letters[count++] = pg_ascii_tolower(c);
		else if (!IS_HIGHBIT_SET(c) && !isalnum((unsigned char) c) && c != '_' && c != '-')
		{
			letters[count] = '\0';
			if (ends_with_password(letters, &is_whole) &&
				(is_whole || value->type != jbvBool))
				return true;
			count = 0;
		}
	}
	return false;
}

/* The document without passwords, however deep they are. */
static Jsonb *
without_passwords(Jsonb *document)
{
	JsonbIterator *iterator = JsonbIteratorInit(&document->root);
	JsonbParseState *state = NULL;
	JsonbValue *result = NULL;
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			JsonbIterator look = *iterator;
			JsonbIterator *ahead = &look;
			JsonbValue	held;

			JsonbIteratorNext(&ahead, &held, true);
			if (holds_password(&value, &held))
			{
				/* With all that is in it. */
				JsonbIteratorNext(&iterator, &held, true);
				continue;
			}
		}
		result = pushJsonbValue(&state, token, token < WJB_BEGIN_ARRAY ? &value : NULL);
	}
	return JsonbValueToJsonb(result);
}

bool
userlock_profile_is_attribute(const JsonbValue *key, const char *name)
{
	return key->val.string.len == strlen(name) &&
		pg_strncasecmp(key->val.string.val, name, key->val.string.len) == 0;
}

bool
userlock_profile_attribute(JsonbContainer *object, const char *name,
						   JsonbValue *found)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;
	bool		is_there = false;

	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		JsonbIteratorNext(&iterator, &value, true);
		if (userlock_profile_is_attribute(&key, name))
		{
			bool		is_exact = strncmp(key.val.string.val, name, key.val.string.len) == 0;

			if (is_exact || !is_there)
				*found = value;
			is_there = true;
			if (is_exact)
				break;
		}
	}
	return is_there && found->type != jbvNull;
}

/* A text that users are found by; false: it is none.  Empty is as good as absent. */
static bool
take_text(const JsonbValue *value, Datum *text)
{
	if (value->type != jbvString ||
		pg_mbstrlen_with_len(value->val.string.val, value->val.string.len) >
		USERLOCK_MAX_ATTRIBUTE_LENGTH)
		return false;
	if (value->val.string.len > 0)
		*text = PointerGetDatum(cstring_to_text_with_len(value->val.string.val,
														 value->val.string.len));
	return true;
}

static bool
read_text(JsonbContainer *object, const char *name, Datum *text)
{
	JsonbValue	value;

	return !userlock_profile_attribute(object, name, &value) || take_text(&value, text);
}

bool
userlock_profile_is_primary(JsonbContainer *entry)
{
	JsonbValue	primary;

	return userlock_profile_attribute(entry, "primary", &primary) &&
		primary.type == jbvBool && primary.val.boolean;
}

/* The address that counts: the primary one, else the first. */
static bool
read_email(JsonbContainer *user, Datum *address)
{
	JsonbValue	emails;
	bool		has_primary = false;

	if (!userlock_profile_attribute(user, "emails", &emails))
		return true;
	if (emails.type != jbvBinary || !JsonContainerIsArray(emails.val.binary.data))
		return false;

	for (int i = 0; i < JsonContainerSize(emails.val.binary.data); i++)
	{
		JsonbValue *email = getIthJsonbValueFromContainer(emails.val.binary.data, i);
		Datum		value = (Datum) 0;
		bool		is_primary;

		if (email->type != jbvBinary || !JsonContainerIsObject(email->val.binary.data) ||
			!read_text(email->val.binary.data, "value", &value))
			return false;
		is_primary = userlock_profile_is_primary(email->val.binary.data);
		if (value && (*address == (Datum) 0 || (is_primary && !has_primary)))
		{
			*address = value;
			has_primary = is_primary;
		}
	}
	return true;
}

UserLockResult
userlock_profile_read(Datum document, UserLockProfile *profile)
{
	Jsonb	   *user;

	memset(profile, 0, sizeof(*profile));
	if (document == (Datum) 0)
		return USERLOCK_RESULT_OK;
	if (!JB_ROOT_IS_OBJECT(DatumGetJsonbP(document)))
		return USERLOCK_RESULT_PROFILE_INVALID;

	user = without_passwords(DatumGetJsonbP(document));
	profile->document = JsonbPGetDatum(user);
	if (!userlock_document_is_shown_in(profile->document, USERLOCK_MAX_PROFILE_BYTES))
		return USERLOCK_RESULT_PROFILE_TOO_LONG;
	if (!read_text(&user->root, "userName", &profile->user_name) ||
		!read_text(&user->root, "externalId", &profile->external_id) ||
		!read_text(&user->root, "displayName", &profile->display_name) ||
		!read_email(&user->root, &profile->email))
		return USERLOCK_RESULT_PROFILE_ATTRIBUTE_INVALID;
	return USERLOCK_RESULT_OK;
}

/* Has an object this member, with this very value? */
static bool
has_member(Jsonb *document, JsonbValue *key, JsonbValue *value)
{
	JsonbValue *other = document == NULL ? NULL :
		findJsonbValueFromContainer(&document->root, JB_FOBJECT, key);
	Jsonb	   *one;
	Jsonb	   *two;

	if (other == NULL)
		return false;
	one = JsonbValueToJsonb(value);
	two = JsonbValueToJsonb(other);
	return VARSIZE(one) == VARSIZE(two) && memcmp(one, two, VARSIZE(one)) == 0;
}

/* Adds the names of members that another document does not have like this. */
static void
add_differing(Jsonb *document, Jsonb *other, ArrayBuildState **names)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	if (document == NULL)
		return;
	iterator = JsonbIteratorInit(&document->root);
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		JsonbIteratorNext(&iterator, &value, true);
		if (!has_member(other, &key, &value))
			*names = accumArrayResult(*names,
									  PointerGetDatum(cstring_to_text_with_len(key.val.string.val,
																			   key.val.string.len)),
									  false, TEXTOID, CurrentMemoryContext);
	}
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(TextDatumGetCString(*(const Datum *) a), TextDatumGetCString(*(const Datum *) b));
}

Datum
userlock_profile_difference(Datum before, Datum after)
{
	Jsonb	   *old = before ? DatumGetJsonbP(before) : NULL;
	Jsonb	   *new = after ? DatumGetJsonbP(after) : NULL;
	ArrayBuildState *names = NULL;

	add_differing(old, new, &names);
	add_differing(new, old, &names);
	if (names == NULL)
		/* An empty document is not the same as none, if only just. */
		return (old == NULL) == (new == NULL) ? (Datum) 0
			: PointerGetDatum(construct_empty_array(TEXTOID));

	qsort(names->dvalues, names->nelems, sizeof(Datum), compare_names);
	names->nelems = qunique(names->dvalues, names->nelems, sizeof(Datum), compare_names);
	return makeArrayResult(names, CurrentMemoryContext);
}
