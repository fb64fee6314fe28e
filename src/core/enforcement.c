/*
 * enforcement.c
 *		May this user come in?  The check before each request, and the predicate
 *		for row-level security: one judgement for both.
 *
 * Writes nothing: works in read-only transactions and on standbys.  A
 * restriction or an access floor counts from the first statement that begins
 * after it was committed.  Somebody never seen is a user where users are
 * registered on demand; whoever was deleted is none.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "core/caller.h"
#include "core/epoch.h"
#include "core/outcome.h"
#include "core/probe.h"

PG_FUNCTION_INFO_V1(userlock_check_request);
PG_FUNCTION_INFO_V1(userlock_current_user_allowed);
PG_FUNCTION_INFO_V1(userlock_user_allowed);

/* How far ahead of ours an issuer's clock may be; as much as PostgREST grants. */
#define CLOCK_SKEW_SECONDS	30

/* A user as they stand now: USERLOCK_RESULT_OK is allowed. */
static UserLockResult
judge_user(const char *tenant, const char *user_id, UserLockProbe *probe)
{
	TimestampTz now = GetCurrentStatementStartTimestamp();
	bool		on_demand = userlock_registration == USERLOCK_REGISTRATION_ON_DEMAND;

	if (!userlock_name_length_is_valid(user_id, strlen(user_id)) ||
		!userlock_name_length_is_valid(tenant, strlen(tenant)) ||
		userlock_probe(tenant, user_id, on_demand, probe) == USERLOCK_PROBED_NOBODY)
		return USERLOCK_RESULT_TOKEN_USER_UNKNOWN;
	probe->state = userlock_state_at(probe->state, probe->locked_until,
									 probe->blocked_until, now);
	if (probe->state & USERLOCK_BLOCKED)
		return USERLOCK_RESULT_USER_BLOCKED;
	if (probe->state & USERLOCK_LOCKED)
		return USERLOCK_RESULT_USER_LOCKED;
	return USERLOCK_RESULT_OK;
}

/*
 * The caller: their claims, then the user, then the token.  A session without
 * claims and a token without subject belong to no user.
 */
static UserLockResult
judge_caller(UserLockCaller *caller, UserLockProbe *probe)
{
	UserLockResult result;

	result = userlock_caller_read(caller);
	if (result != USERLOCK_RESULT_OK || caller->subject == NULL)
		return result;
	result = judge_user(caller->tenant, caller->subject, probe);
	if (result != USERLOCK_RESULT_OK)
		return result;
	if (caller->has_issued_at &&
		caller->issued_at > userlock_epoch_seconds(GetCurrentStatementStartTimestamp()) + CLOCK_SKEW_SECONDS)
		return USERLOCK_RESULT_TOKEN_PREMATURE;

	/* "iat" may be in whole seconds: one of the floor's own second is void. */
	if (probe->access_valid_after != DT_NOBEGIN &&
		(!caller->has_issued_at ||
		 caller->issued_at <= userlock_epoch_seconds(probe->access_valid_after)))
		return USERLOCK_RESULT_TOKEN_VOID;
	return USERLOCK_RESULT_OK;
}

/* check_request(): returns if the caller may go on, else raises why not. */
Datum
userlock_check_request(PG_FUNCTION_ARGS)
{
	UserLockCaller caller;
	UserLockProbe probe;
	UserLockResult result = judge_caller(&caller, &probe);

	if (result != USERLOCK_RESULT_OK)
	{
		UserLockOutcome outcome = {.result = result};

		if (result == USERLOCK_RESULT_USER_LOCKED || result == USERLOCK_RESULT_USER_BLOCKED)
			outcome.key.user_id = CStringGetTextDatum(caller.subject);
		userlock_outcome_raise(&outcome);
	}
	PG_RETURN_VOID();
}

/* current_user_allowed(): would check_request() return? */
Datum
userlock_current_user_allowed(PG_FUNCTION_ARGS)
{
	UserLockCaller caller;
	UserLockProbe probe;

	PG_RETURN_BOOL(judge_caller(&caller, &probe) == USERLOCK_RESULT_OK);
}

/* user_allowed(user_id, tenant): is there such a user, and not restricted? */
Datum
userlock_user_allowed(PG_FUNCTION_ARGS)
{
	UserLockCaller caller;
	UserLockProbe probe;
	const char *tenant;

	if (PG_ARGISNULL(0) || userlock_caller_read(&caller) != USERLOCK_RESULT_OK)
		PG_RETURN_BOOL(false);
	tenant = PG_ARGISNULL(1) ? caller.tenant : text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (!userlock_caller_may_use(&caller, tenant))
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(judge_user(tenant, text_to_cstring(PG_GETARG_TEXT_PP(0)),
							  &probe) == USERLOCK_RESULT_OK);
}
