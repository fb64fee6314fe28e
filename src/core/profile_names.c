/*
 * profile_names.c
 *		What others call a user, put into the profile.
 *
 * Whatever else a document has belongs to others, such as an identity provider:
 * it stays, further addresses and what is said of them as well.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "core/outcome.h"
#include "core/profile.h"

#define USER_NAME	"userName"
#define EMAILS		"emails"
#define VALUE		"value"
#define PRIMARY		"primary"

static bool
same_text(Datum one, Datum other)
{
	if (one == (Datum) 0 || other == (Datum) 0)
		return one == other;
	return VARSIZE_ANY_EXHDR(DatumGetPointer(one)) == VARSIZE_ANY_EXHDR(DatumGetPointer(other)) &&
		memcmp(VARDATA_ANY(DatumGetPointer(one)), VARDATA_ANY(DatumGetPointer(other)),
			   VARSIZE_ANY_EXHDR(DatumGetPointer(one))) == 0;
}

bool
userlock_names_same(const UserLockNames *one, const UserLockNames *other)
{
	return same_text(one->user_name, other->user_name) &&
		same_text(one->email, other->email);
}

static bool
is_short(Datum text)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(text);

	return value == NULL ||
		pg_mbstrlen_with_len(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)) <=
		USERLOCK_MAX_ATTRIBUTE_LENGTH;
}

/* Is this the name or address, which others may have in other cases of letters? */
static bool
says(const JsonbValue *value, Datum text)
{
	return text != (Datum) 0 && value->type == jbvString &&
		value->val.string.len == VARSIZE_ANY_EXHDR(DatumGetPointer(text)) &&
		pg_strncasecmp(value->val.string.val, VARDATA_ANY(DatumGetPointer(text)),
					   value->val.string.len) == 0;
}

static void
push_key(JsonbParseState **state, const char *name)
{
	JsonbValue	key = {.type = jbvString};

	key.val.string.val = unconstify(char *, name);
	key.val.string.len = strlen(name);
	pushJsonbValue(state, WJB_KEY, &key);
}

static void
push_text(JsonbParseState **state, const char *name, Datum text)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = VARDATA_ANY(DatumGetPointer(text));
	value.val.string.len = VARSIZE_ANY_EXHDR(DatumGetPointer(text));
	push_key(state, name);
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* Copies what an object has, but for two of its attributes; NULL: none. */
static void
push_rest(JsonbParseState **state, JsonbContainer *object, const char *without,
		  const char *nor)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		JsonbIteratorNext(&iterator, &value, true);
		if ((without && userlock_profile_is_attribute(&key, without)) ||
			(nor && userlock_profile_is_attribute(&key, nor)))
			continue;
		pushJsonbValue(state, WJB_KEY, &key);
		pushJsonbValue(state, WJB_VALUE, &value);
	}
}

/*
 * An entry of the addresses, with what else is said of it (NULL: nothing).
 * address: 0 leaves it its own.
 */
static void
push_email(JsonbParseState **state, JsonbContainer *email, Datum address,
		   bool is_primary)
{
	JsonbValue	primary = {.type = jbvBool};

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	if (email)
		push_rest(state, email, PRIMARY, address ? VALUE : NULL);
	if (address)
		push_text(state, VALUE, address);
	primary.val.boolean = is_primary;
	push_key(state, PRIMARY);
	pushJsonbValue(state, WJB_VALUE, &primary);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static bool
is_email(JsonbContainer *email, Datum address)
{
	JsonbValue	value;

	return userlock_profile_attribute(email, VALUE, &value) && says(&value, address);
}

/* The entry of an address; -1: there is none. */
static int
find_email(JsonbContainer *emails, Datum address)
{
	for (int i = 0; emails && i < JsonContainerSize(emails); i++)
	{
		if (is_email(getIthJsonbValueFromContainer(emails, i)->val.binary.data, address))
			return i;
	}
	return -1;
}

/*
 * The addresses, as far as there are any: one that is said anew takes the place of
 * the one before and is the primary one, and those of others stay.
 */
static void
push_emails(JsonbParseState **state, JsonbContainer *emails, Datum before, Datum after)
{
	int			count = emails ? JsonContainerSize(emails) : 0;
	int			place = find_email(emails, after);
	bool		is_open = false;

	if (place < 0 && after)
		place = find_email(emails, before);
	/* The array is begun with its first entry: an empty one is none. */
	for (int i = after && place < 0 ? -1 : 0; i < count; i++)
	{
		JsonbContainer *email = i < 0 ? NULL :
			getIthJsonbValueFromContainer(emails, i)->val.binary.data;
		bool		is_ours = after && i == place;

		if (!is_ours && email && is_email(email, before))
			continue;
		if (!is_open)
		{
			push_key(state, EMAILS);
			pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
			is_open = true;
		}
		if (is_ours)
			push_email(state, email, after, true);
		else if (after && userlock_profile_is_primary(email))
			push_email(state, email, (Datum) 0, false);
		else
			pushJsonbValue(state, WJB_ELEM, getIthJsonbValueFromContainer(emails, i));
	}
	if (is_open)
		pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

UserLockResult
userlock_profile_rename(Datum document, const UserLockNames *before,
						const UserLockNames *after, UserLockProfile *profile)
{
	UserLockResult result = userlock_profile_read(document, profile);
	JsonbContainer *user = document ? &DatumGetJsonbP(document)->root : NULL;
	JsonbParseState *state = NULL;
	JsonbValue	had;
	Jsonb	   *renamed;
	bool		user_name = !same_text(before->user_name, after->user_name);
	bool		email = !same_text(before->email, after->email);

	if (result != USERLOCK_RESULT_OK)
		return result;
	/* A document could not even hold the longest. */
	if (!is_short(after->user_name) || !is_short(after->email))
		return USERLOCK_RESULT_PROFILE_ATTRIBUTE_INVALID;
	/* Who has another name by now keeps it, unless there is one to replace it. */
	if (user_name && !after->user_name)
		user_name = user && userlock_profile_attribute(user, USER_NAME, &had) &&
			says(&had, before->user_name);

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	if (user)
		push_rest(&state, user, user_name ? USER_NAME : NULL, email ? EMAILS : NULL);
	if (user_name && after->user_name)
		push_text(&state, USER_NAME, after->user_name);
	if (email)
		push_emails(&state,
					user && userlock_profile_attribute(user, EMAILS, &had) ?
					had.val.binary.data : NULL,
					before->email, after->email);
	renamed = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));

	/* Where nothing is left there is no profile, unless it was empty before. */
	if (JB_ROOT_COUNT(renamed) == 0 &&
		(user == NULL || JsonContainerSize(user) > 0))
		return userlock_profile_read((Datum) 0, profile);
	return userlock_profile_read(JsonbPGetDatum(renamed), profile);
}
