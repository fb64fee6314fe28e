/*
 * api_key.c
 *		SQL functions that make an API key: create_api_key(), rotate_api_key().
 *
 * A key acts as a role, so whoever makes one must be able to take on that role:
 * the effective user, who is known here, before rights change hands, and nowhere
 * behind.  The rest is SQL.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"

#include "core/caller.h"
#include "core/outcome.h"

PG_FUNCTION_INFO_V1(userlock_create_api_key);
PG_FUNCTION_INFO_V1(userlock_rotate_api_key);

/* Raises unless the current user may act as the role; NULL is nobody's. */
static void
require_role(const NameData *role)
{
	UserLockOutcome outcome = {.result = USERLOCK_RESULT_ROLE_DENIED};

	if (role == NULL ||
		!userlock_compat_may_become(GetUserId(),
									get_role_oid(NameStr(*role), false)))
		userlock_outcome_raise(&outcome);
}

/* create_api_key(name, role, tenant, expires_at) */
Datum
userlock_create_api_key(PG_FUNCTION_ARGS)
{
	UserLockStore store;
	Datum		key;

	userlock_caller_refuse_restricted();
	require_role(PG_ARGISNULL(1) ? NULL : PG_GETARG_NAME(1));

	userlock_store_begin(&store, fcinfo->flinfo->fn_oid);
	key = userlock_store_add_api_key(fcinfo->args);
	userlock_store_end(&store);
	PG_RETURN_DATUM(key);
}

/* rotate_api_key(name, tenant, expires_at, overlap) */
Datum
userlock_rotate_api_key(PG_FUNCTION_ARGS)
{
	UserLockStore store;
	NameData	role;
	Datum		key;

	userlock_caller_refuse_restricted();

	userlock_store_begin(&store, fcinfo->flinfo->fn_oid);
	key = userlock_store_replace_api_key(fcinfo->args, &role);
	userlock_store_end(&store);

	/* Only now is it known as whom the key acts; an error undoes it all. */
	require_role(&role);
	PG_RETURN_DATUM(key);
}
