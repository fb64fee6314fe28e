/*
 * request.c
 *		A request as a SQL function receives it: read, admitted and checked.
 *
 * The order is part of the promise: whoever may not act is told so before
 * anything about their arguments, and both before a row is looked at.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "core/caller.h"
#include "core/request.h"

void
userlock_request_read(UserLockRequest *request, FunctionCallInfo fcinfo,
					  int first, int takes)
{
	int			n = first;

	request->reason = USERLOCK_GETARG_OPTIONAL(n);
	n++;
	if (takes & USERLOCK_TAKES_UNTIL)
	{
		if (!PG_ARGISNULL(n))
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
userlock_request_admit(UserLockRequest *request, const char *function)
{
	UserLockCaller caller;

	userlock_caller_refuse_restricted();
	if (!userlock_caller_read(&caller))
		return USERLOCK_CLAIMS_MALFORMED;
	if (function && !userlock_caller_may_execute(function))
		return USERLOCK_PERMISSION_DENIED;

	if (request->key.tenant == (Datum) 0)
		request->key.tenant = CStringGetTextDatum(caller.tenant);
	else if (!userlock_caller_may_use(&caller,
									  TextDatumGetCString(request->key.tenant)))
		return USERLOCK_TENANT_DENIED;
	else if (!name_is_valid(request->key.tenant))
		return USERLOCK_INVALID_TENANT;

	request->actor = CStringGetTextDatum(userlock_caller_actor(&caller));
	return USERLOCK_CHANGED;
}

bool
userlock_request_is_object(Datum document)
{
	return document == (Datum) 0 || JB_ROOT_IS_OBJECT(DatumGetJsonbP(document));
}

UserLockResult
userlock_request_check_user_id(const UserLockRequest *request)
{
	return name_is_valid(request->key.user_id) ? USERLOCK_CHANGED
		: USERLOCK_INVALID_USER_ID;
}

UserLockResult
userlock_request_check_key(const UserLockRequest *request)
{
	return name_is_valid(request->key.tenant) ?
		userlock_request_check_user_id(request) : USERLOCK_INVALID_TENANT;
}

UserLockResult
userlock_request_check(const UserLockRequest *request)
{
	if (request->until <= GetCurrentTimestamp())
		return USERLOCK_INVALID_UNTIL;
	if (!userlock_request_is_object(request->details))
		return USERLOCK_INVALID_DETAILS;
	return USERLOCK_CHANGED;
}

void
userlock_request_raise(const UserLockRequest *request, UserLockResult result)
{
	UserLockOutcome outcome = {.result = result, .key = request->key};

	userlock_outcome_raise(&outcome);
}

void
userlock_request_require(UserLockRequest *request)
{
	UserLockResult result = userlock_request_admit(request, NULL);

	if (result == USERLOCK_CHANGED)
		result = userlock_request_check_user_id(request);
	if (result == USERLOCK_CHANGED)
		result = userlock_request_check(request);
	if (result != USERLOCK_CHANGED)
		userlock_request_raise(request, result);
}
