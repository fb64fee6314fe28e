/*
 * account_functions.c
 *		SQL functions about an account as a whole: register_user(),
 *		delete_user(), set_profile(), revoke_access(), reset_access_floor(),
 *		user_status() and user_profile().
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/account.h"
#include "core/arguments.h"
#include "core/caller.h"

PG_FUNCTION_INFO_V1(userlock_register_user);
PG_FUNCTION_INFO_V1(userlock_delete_user);
PG_FUNCTION_INFO_V1(userlock_set_profile);
PG_FUNCTION_INFO_V1(userlock_revoke_access);
PG_FUNCTION_INFO_V1(userlock_reset_access_floor);
PG_FUNCTION_INFO_V1(userlock_user_status);
PG_FUNCTION_INFO_V1(userlock_user_profile);

/* Raises if the caller may not go on; else fills in whom it is about. */
static void
begin_outcome(UserLockOutcome *outcome, UserLockRequest *request)
{
	userlock_arguments_require(request);
	outcome->key = request->key;
	outcome->expected_sequence = request->expected_sequence;
}

/* Reads the profile that a caller gives; raises what is wrong with it. */
static void
require_profile(const UserLockRequest *request, Datum document,
				UserLockProfile *profile)
{
	UserLockResult result = userlock_profile_read(document, profile);

	if (result != USERLOCK_RESULT_OK)
		userlock_arguments_raise(request, result);
}

/* register_user(user_id, tenant, profile) */
Datum
userlock_register_user(PG_FUNCTION_ARGS)
{
	UserLockRequest request = {.until = USERLOCK_NO_END};
	UserLockOutcome outcome = {.result = USERLOCK_RESULT_OK};
	UserLockStore store;
	UserLockProfile profile;

	request.key.user_id = USERLOCK_GETARG_OPTIONAL(0);
	request.key.tenant = USERLOCK_GETARG_OPTIONAL(1);
	begin_outcome(&outcome, &request);
	require_profile(&request, USERLOCK_GETARG_OPTIONAL(2), &profile);

	userlock_store_begin(&store, fcinfo->flinfo->fn_oid);
	outcome.result = userlock_account_register(&request, &profile,
											   (Datum) 0, &outcome.account);
	outcome.has_account = outcome.result == USERLOCK_RESULT_CHANGED;
	userlock_store_end(&store);

	return userlock_outcome_return_status(&outcome, fcinfo);
}

/* delete_user(user_id, reason, tenant, expected_sequence, idempotent, details) */
Datum
userlock_delete_user(PG_FUNCTION_ARGS)
{
	UserLockRequest request = {.until = USERLOCK_NO_END};
	UserLockOutcome outcome = {.result = USERLOCK_RESULT_OK};
	UserLockStore store;

	request.key.user_id = USERLOCK_GETARG_OPTIONAL(0);
	userlock_arguments_read(&request, fcinfo, 1,
							USERLOCK_TAKES_EXPECTED_SEQUENCE |
							USERLOCK_TAKES_IDEMPOTENT);
	begin_outcome(&outcome, &request);

	userlock_store_begin(&store, fcinfo->flinfo->fn_oid);
	outcome.result = userlock_account_delete(&request, &outcome.account);
	outcome.has_account = outcome.result != USERLOCK_RESULT_USER_NOT_FOUND;
	userlock_store_end(&store);

	if (outcome.result == USERLOCK_RESULT_USER_NOT_FOUND && request.idempotent)
		PG_RETURN_NULL();
	return userlock_outcome_return_status(&outcome, fcinfo);
}

/*
 * set_profile(user_id, profile, reason, tenant, expected_sequence, idempotent,
 * details)
 */
Datum
userlock_set_profile(PG_FUNCTION_ARGS)
{
	UserLockRequest request = {.until = USERLOCK_NO_END};
	UserLockOutcome outcome = {.result = USERLOCK_RESULT_OK};
	UserLockStore store;
	UserLockProfile profile;

	request.key.user_id = USERLOCK_GETARG_OPTIONAL(0);
	userlock_arguments_read(&request, fcinfo, 2,
							USERLOCK_TAKES_EXPECTED_SEQUENCE |
							USERLOCK_TAKES_IDEMPOTENT);
	begin_outcome(&outcome, &request);
	require_profile(&request, USERLOCK_GETARG_OPTIONAL(1), &profile);

	userlock_store_begin(&store, fcinfo->flinfo->fn_oid);
	outcome.result = userlock_account_set_profile(&request, &profile, &outcome.account);
	outcome.has_account = outcome.result != USERLOCK_RESULT_USER_NOT_FOUND;
	userlock_store_end(&store);

	return userlock_outcome_return_status(&outcome, fcinfo);
}

static UserLockResult
revoke_access(const UserLockRequest *request, UserLockAccount *account)
{
	UserLockResult result = userlock_account_begin_change(request,
														  USERLOCK_FOR_UPDATE,
														  account);

	if (result == USERLOCK_RESULT_USER_NOT_FOUND &&
		userlock_account_register_on_demand(request, account) != result)
		result = userlock_account_begin_change(request, USERLOCK_FOR_UPDATE, account);
	if (result != USERLOCK_RESULT_OK)
		return result;
	userlock_account_set_floor(request, account, "access_revoked");
	return USERLOCK_RESULT_CHANGED;
}

/*
 * Has a user go on from the present whose last event lies in the future,
 * because the clock was ahead of what it says now.  This one event comes before
 * the one before it; those after it have the time again.
 */
static UserLockResult
reset_access_floor(const UserLockRequest *request, UserLockAccount *account)
{
	UserLockResult result = userlock_account_begin_change(request,
														  USERLOCK_FOR_UPDATE,
														  account);
	TimestampTz now = GetCurrentTimestamp();

	if (result != USERLOCK_RESULT_OK)
		return result;
	if (account->changed_at <= now)
		return USERLOCK_RESULT_USER_NOT_AHEAD;
	account->changed_at = now;
	userlock_account_set_floor(request, account, "access_floor_reset");
	return USERLOCK_RESULT_CHANGED;
}

/* (user_id, reason, tenant, expected_sequence, details) */
static Datum
change_floor(FunctionCallInfo fcinfo,
			 UserLockResult (*change) (const UserLockRequest *request,
									   UserLockAccount *account))
{
	UserLockRequest request = {.until = USERLOCK_NO_END};
	UserLockOutcome outcome = {.result = USERLOCK_RESULT_OK};
	UserLockStore store;

	request.key.user_id = USERLOCK_GETARG_OPTIONAL(0);
	userlock_arguments_read(&request, fcinfo, 1,
							USERLOCK_TAKES_EXPECTED_SEQUENCE);
	begin_outcome(&outcome, &request);

	userlock_store_begin(&store, fcinfo->flinfo->fn_oid);
	outcome.result = change(&request, &outcome.account);
	outcome.has_account = outcome.result != USERLOCK_RESULT_USER_NOT_FOUND;
	userlock_store_end(&store);

	return userlock_outcome_return_status(&outcome, fcinfo);
}

Datum
userlock_revoke_access(PG_FUNCTION_ARGS)
{
	return change_floor(fcinfo, revoke_access);
}

Datum
userlock_reset_access_floor(PG_FUNCTION_ARGS)
{
	return change_floor(fcinfo, reset_access_floor);
}

/* user_status(user_id, tenant): writes nothing, works on a standby. */
Datum
userlock_user_status(PG_FUNCTION_ARGS)
{
	UserLockRequest request = {.until = USERLOCK_NO_END};
	UserLockOutcome outcome = {.result = USERLOCK_RESULT_OK};
	UserLockExpiry expiries[USERLOCK_MAX_EXPIRIES];
	UserLockStore store;

	request.key.user_id = USERLOCK_GETARG_OPTIONAL(0);
	request.key.tenant = USERLOCK_GETARG_OPTIONAL(1);
	begin_outcome(&outcome, &request);

	userlock_store_begin(&store, fcinfo->flinfo->fn_oid);
	outcome.has_account = userlock_store_get(&request.key, USERLOCK_FOR_READING,
											 &outcome.account);
	userlock_store_end(&store);

	outcome.result = outcome.has_account ? USERLOCK_RESULT_OK
		: USERLOCK_RESULT_USER_NOT_FOUND;
	if (outcome.has_account)
		userlock_account_settle(&outcome.account, GetCurrentTimestamp(),
								expiries);
	return userlock_outcome_return_status(&outcome, fcinfo);
}

/* user_profile(user_id, tenant): writes nothing, works on a standby. */
Datum
userlock_user_profile(PG_FUNCTION_ARGS)
{
	UserLockRequest request = {.until = USERLOCK_NO_END};
	UserLockStore store;
	Datum		profile;

	request.key.user_id = USERLOCK_GETARG_OPTIONAL(0);
	request.key.tenant = USERLOCK_GETARG_OPTIONAL(1);
	userlock_arguments_require(&request);

	userlock_store_begin(&store, fcinfo->flinfo->fn_oid);
	profile = userlock_store_get_profile(&request.key, USERLOCK_FOR_READING);
	userlock_store_end(&store);

	if (profile == (Datum) 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(profile);
}
