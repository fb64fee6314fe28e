/*
 * caller_functions.c
 *		SQL functions about who asks: caller_user_id() and caller_tenants() for
 *		everybody, require_tenant() for functions in SQL.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/caller.h"
#include "core/outcome.h"

PG_FUNCTION_INFO_V1(userlock_caller_user_id);
PG_FUNCTION_INFO_V1(userlock_caller_tenants);
PG_FUNCTION_INFO_V1(userlock_require_tenant);

/*
 * require_tenant(tenant, signing_in): the tenant meant.  Whoever signs in has no
 * claims yet that would hold them to one.
 */
Datum
userlock_require_tenant(PG_FUNCTION_ARGS)
{
	UserLockOutcome outcome = {.result = USERLOCK_RESULT_TENANT_DENIED};
	UserLockCaller caller;
	char	   *tenant;

	userlock_caller_refuse_restricted();
	userlock_caller_require(&caller);
	if (PG_ARGISNULL(0))
		PG_RETURN_TEXT_P(cstring_to_text(caller.tenant));

	tenant = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!(PG_GETARG_BOOL(1) ? userlock_caller_may_name(&caller, tenant) :
		  userlock_caller_may_use(&caller, tenant)))
		userlock_outcome_raise(&outcome);
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/* caller_user_id(): the user whom the claims name; NULL: none. */
Datum
userlock_caller_user_id(PG_FUNCTION_ARGS)
{
	UserLockCaller caller;

	userlock_caller_require(&caller);
	if (caller.subject == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(caller.subject));
}

/*
 * caller_tenants(): the tenants that claims hold a caller to; NULL without
 * claims, where nothing does.
 */
Datum
userlock_caller_tenants(PG_FUNCTION_ARGS)
{
	UserLockCaller caller;

	userlock_caller_require(&caller);
	if (!caller.has_claims)
		PG_RETURN_NULL();

	PG_RETURN_ARRAYTYPE_P(userlock_caller_claimed_tenants(&caller));
}
