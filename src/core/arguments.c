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

#include "core/arguments.h"
#include "core/batch.h"
#include "core/caller.h"
#include "core/document.h"

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
	{
		request->revoke_access = !PG_ARGISNULL(n) && PG_GETARG_BOOL(n);
		n++;
	}
	if (takes & USERLOCK_TAKES_EXPECTED_DETAILS)
	{
		request->expected_details = USERLOCK_GETARG_OPTIONAL(n);
		n++;
	}
	if (takes & USERLOCK_TAKES_DRY_RUN)
		request->dry_run = !PG_ARGISNULL(n) && PG_GETARG_BOOL(n);
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
	UserLockResult result;

	userlock_caller_refuse_restricted();
	result = userlock_caller_read(&caller);
	if (result != USERLOCK_RESULT_OK)
		return result;
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
	request->is_asked_for = true;
	if (userlock_protect_caller && caller.has_claims && caller.subject &&
		strcmp(caller.tenant, TextDatumGetCString(request->key.tenant)) == 0)
		request->caller = CStringGetTextDatum(caller.subject);
	request->batch = userlock_batch_current();
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

static UserLockResult
check_details(Datum details)
{
	if (details == (Datum) 0)
		return USERLOCK_RESULT_OK;
	if (!JB_ROOT_IS_OBJECT(DatumGetJsonbP(details)))
		return USERLOCK_RESULT_DETAILS_INVALID;
	return userlock_document_is_shown_in(details, USERLOCK_MAX_DETAILS_BYTES) ?
		USERLOCK_RESULT_OK : USERLOCK_RESULT_DETAILS_TOO_LONG;
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
	return check_details(request->details);
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
