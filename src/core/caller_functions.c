/*
 * caller_functions.c
 *		SQL functions about who asks: caller_user_id() and caller_tenants() for
 *		everybody, require_tenant() for functions in SQL.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/caller.h"
#include "core/outcome.h"

PG_FUNCTION_INFO_V1(userlock_caller_user_id);
PG_FUNCTION_INFO_V1(userlock_caller_tenants);
PG_FUNCTION_INFO_V1(userlock_require_tenant);

/* Reads the claims, which a function in SQL depends on. */
static void
require_caller(UserLockCaller *caller)
{
	UserLockOutcome outcome = {.result = USERLOCK_RESULT_CLAIMS_MALFORMED};

	if (!userlock_caller_read(caller))
		userlock_outcome_raise(&outcome);
}

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
	require_caller(&caller);
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

	require_caller(&caller);
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
	Datum	   *tenants;
	int			count = 0;
	ListCell   *cell;

	require_caller(&caller);
	if (!caller.has_claims)
		PG_RETURN_NULL();

	tenants = palloc((1 + list_length(caller.tenants)) * sizeof(Datum));
	tenants[count++] = CStringGetTextDatum(caller.tenant);
	foreach(cell, caller.tenants)
		tenants[count++] = CStringGetTextDatum(lfirst(cell));
	PG_RETURN_ARRAYTYPE_P(construct_array(tenants, count, TEXTOID, -1, false,
										  TYPALIGN_INT));
}
