/*
 * arguments.c
 *		A request as a SQL function receives it: read, admitted and checked.
 *
 * The order is part of the promise: whoever may not act is told so before
 * anything about their arguments, and both before a row is looked at.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "core/caller.h"
#include "core/arguments.h"

void
userlock_arguments_read(UserLockRequest *request, FunctionCallInfo fcinfo,
						int first, int takes)
{
	int			n = first;

	request->reason = USERLOCK_GETARG_OPTIONAL(n);
	n++;
	if (takes & USERLOCK_TAKES_UNTIL)
	{
		request->has_until = !PG_ARGISNULL(n);
		if (request->has_until)
			request->until = PG_GETARG_TIMESTAMPTZ(n);
		n++;
	}
	request->key.tenant = USERLOCK_GETARG_OPTIONAL(n);
	n++;
	if (takes & USERLOCK_TAKES_EXPECTED_SEQUENCE)
	{
		request->has_expected_sequence = !PG_ARGISNULL(n);
		if (request->has_expected_sequence)
			request->expected_sequence = PG_GETARG_INT64(n);
		n++;
	}
	if (takes & USERLOCK_TAKES_IDEMPOTENT)
	{
		request->idempotent = !PG_ARGISNULL(n) && PG_GETARG_BOOL(n);
		n++;
	}
	request->details = USERLOCK_GETARG_OPTIONAL(n);
	n++;
	if (takes & USERLOCK_TAKES_EXPECTED_STATE)
	{
		request->has_expected_state = !PG_ARGISNULL(n);
		if (request->has_expected_state)
			request->expected_state = PG_GETARG_USER_LOCK_STATE(n);
		n++;
	}
	if (takes & USERLOCK_TAKES_REVOKE_ACCESS)
		request->revoke_access = !PG_ARGISNULL(n) && PG_GETARG_BOOL(n);
}

static bool
name_is_valid(Datum name)
{
	struct varlena *text = (struct varlena *) DatumGetPointer(name);

	return text != NULL &&
		userlock_name_length_is_valid(VARDATA_ANY(text),
									  VARSIZE_ANY_EXHDR(text));
}

UserLockResult
userlock_arguments_admit(UserLockRequest *request, const char *function)
{
	UserLockCaller caller;

	userlock_caller_refuse_restricted();
	if (!userlock_caller_read(&caller))
		return USERLOCK_RESULT_CLAIMS_MALFORMED;
	if (function && !userlock_caller_may_execute(function))
		return USERLOCK_RESULT_PERMISSION_DENIED;

	if (request->key.tenant == (Datum) 0)
		request->key.tenant = CStringGetTextDatum(caller.tenant);
	else if (!userlock_caller_may_use(&caller,
									  TextDatumGetCString(request->key.tenant)))
		return USERLOCK_RESULT_TENANT_DENIED;
	else if (!name_is_valid(request->key.tenant))
		return USERLOCK_RESULT_TENANT_INVALID;

	request->actor = CStringGetTextDatum(userlock_caller_actor(&caller));
	return USERLOCK_RESULT_OK;
}

static bool
reason_is_short(Datum reason)
{
	struct varlena *text = (struct varlena *) DatumGetPointer(reason);

	/* No character is shorter than a byte: most reasons need no counting. */
	return text == NULL ||
		VARSIZE_ANY_EXHDR(text) <= USERLOCK_MAX_REASON_LENGTH ||
		pg_mbstrlen_with_len(VARDATA_ANY(text), VARSIZE_ANY_EXHDR(text)) <=
		USERLOCK_MAX_REASON_LENGTH;
}

/* How many bytes a part of a document is shown in, at least. */
static int64
shown_bytes(JsonbIteratorToken token, const JsonbValue *value)
{
	bool		is_scalar = token == WJB_KEY || token == WJB_VALUE || token == WJB_ELEM;

	if (is_scalar && value->type == jbvString)
		return value->val.string.len + 2;
	if (is_scalar && value->type == jbvNumeric)
		return strlen(DatumGetCString(DirectFunctionCall1(numeric_out,
														  NumericGetDatum(value->val.numeric))));
	return 1;
}

/*
 * Is a document shown in at most so many bytes?  To show it may take far more
 * memory than it does itself: a number of six characters, 1e131071, has 131072
 * digits.  So its parts are counted first, until they are too many.
 */
static bool
is_shown_in(Jsonb *document, int max_bytes)
{
	JsonbIterator *iterator = JsonbIteratorInit(&document->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	int64		bytes = 0;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		bytes += shown_bytes(token, &value);
		if (bytes > max_bytes)
			return false;
	}
	return strlen(JsonbToCString(NULL, &document->root, bytes)) <= max_bytes;
}

/* Is this jsonb (or NULL) an object, and not too long? */
static UserLockResult
check_document(Datum document, int max_bytes,
			   UserLockResult no_object, UserLockResult too_long)
{
	Jsonb	   *jsonb;

	if (document == (Datum) 0)
		return USERLOCK_RESULT_OK;
	jsonb = DatumGetJsonbP(document);
	if (!JB_ROOT_IS_OBJECT(jsonb))
		return no_object;
	return is_shown_in(jsonb, max_bytes) ? USERLOCK_RESULT_OK : too_long;
}

UserLockResult
userlock_arguments_check_profile(Datum profile)
{
	return check_document(profile, USERLOCK_MAX_PROFILE_BYTES,
						  USERLOCK_RESULT_PROFILE_INVALID, USERLOCK_RESULT_PROFILE_TOO_LONG);
}

UserLockResult
userlock_arguments_check_user_id(const UserLockRequest *request)
{
	return name_is_valid(request->key.user_id) ? USERLOCK_RESULT_OK
		: USERLOCK_RESULT_USER_ID_INVALID;
}

UserLockResult
userlock_arguments_check_key(const UserLockRequest *request)
{
	return name_is_valid(request->key.tenant) ?
		userlock_arguments_check_user_id(request) : USERLOCK_RESULT_TENANT_INVALID;
}

UserLockResult
userlock_arguments_check(const UserLockRequest *request)
{
	if (request->until <= GetCurrentTimestamp())
		return USERLOCK_RESULT_UNTIL_INVALID;
	if (!reason_is_short(request->reason))
		return USERLOCK_RESULT_REASON_TOO_LONG;
	return check_document(request->details, USERLOCK_MAX_DETAILS_BYTES,
						  USERLOCK_RESULT_DETAILS_INVALID, USERLOCK_RESULT_DETAILS_TOO_LONG);
}

void
userlock_arguments_raise(const UserLockRequest *request, UserLockResult result)
{
	UserLockOutcome outcome = {.result = result, .key = request->key};

	userlock_outcome_raise(&outcome);
}

void
userlock_arguments_require(UserLockRequest *request)
{
	UserLockResult result = userlock_arguments_admit(request, NULL);

	if (result == USERLOCK_RESULT_OK)
		result = userlock_arguments_check_user_id(request);
	if (result == USERLOCK_RESULT_OK)
		result = userlock_arguments_check(request);
	if (result != USERLOCK_RESULT_OK)
		userlock_arguments_raise(request, result);
}
