/*
 * visibility.c
 *		Which rows the caller may see: those of the tenants that are theirs.
 *
 * One predicate for the policies of the tables and for the views.  So that a caller
 * with claims reads by index also where a query names no tenant, the planner is told
 * which tenants it may be true of.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

#include "core/caller.h"
#include "core/outcome.h"
#include "core/store.h"

PG_FUNCTION_INFO_V1(userlock_tenant_is_visible);
PG_FUNCTION_INFO_V1(userlock_tenant_is_visible_support);
PG_FUNCTION_INFO_V1(userlock_visible_tenants);

static void
read_caller(UserLockCaller *caller)
{
	UserLockOutcome outcome = {.result = USERLOCK_RESULT_CLAIMS_MALFORMED};

	if (!userlock_caller_read(caller))
		userlock_outcome_raise(&outcome);
}

/*
 * tenant_is_visible(tenant): is it one of the caller's?  Claims are read once a
 * query.
 */
Datum
userlock_tenant_is_visible(PG_FUNCTION_ARGS)
{
	UserLockCaller *caller = fcinfo->flinfo->fn_extra;
	text	   *tenant = PG_GETARG_TEXT_PP(0);
	int			length = VARSIZE_ANY_EXHDR(tenant);
	ListCell   *cell;

	if (caller == NULL)
	{
		MemoryContext callers = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		caller = palloc(sizeof(UserLockCaller));
		read_caller(caller);
		caller->tenant = pstrdup(caller->tenant);
		MemoryContextSwitchTo(callers);
		fcinfo->flinfo->fn_extra = caller;
	}
	if (!caller->has_claims)
		PG_RETURN_BOOL(true);
	if (strlen(caller->tenant) == length && memcmp(caller->tenant, VARDATA_ANY(tenant), length) == 0)
		PG_RETURN_BOOL(true);
	foreach(cell, caller->tenants)
	{
		const char *other = lfirst(cell);

		if (strlen(other) == length && memcmp(other, VARDATA_ANY(tenant), length) == 0)
			PG_RETURN_BOOL(true);
	}
	PG_RETURN_BOOL(false);
}

/*
 * visible_tenants(): all that tenant_is_visible() is true of, found once a query.
 *
 * It is asked where the plan was made for a caller with claims.  Should it be kept
 * for one without, these are all that there are.
 */
Datum
userlock_visible_tenants(PG_FUNCTION_ARGS)
{
	MemoryContext callers = CurrentMemoryContext;
	ArrayBuildState *tenants;
	UserLockCaller caller;
	ListCell   *cell;

	if (fcinfo->flinfo->fn_extra != NULL)
		PG_RETURN_POINTER(fcinfo->flinfo->fn_extra);

	tenants = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	read_caller(&caller);
	if (caller.has_claims)
	{
		accumArrayResult(tenants, CStringGetTextDatum(caller.tenant), false,
						 TEXTOID, CurrentMemoryContext);
		foreach(cell, caller.tenants)
			accumArrayResult(tenants, CStringGetTextDatum(lfirst(cell)), false,
							 TEXTOID, CurrentMemoryContext);
	}
	else
	{
		UserLockStore store;

		userlock_store_begin(&store, fcinfo->flinfo->fn_oid);
		userlock_store_tenants(tenants);
		userlock_store_end(&store);
	}
	MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	fcinfo->flinfo->fn_extra = DatumGetPointer(makeArrayResult(tenants, CurrentMemoryContext));
	MemoryContextSwitchTo(callers);
	PG_RETURN_POINTER(fcinfo->flinfo->fn_extra);
}

/* "tenant = ANY (userlock_private.visible_tenants())" */
static Expr *
one_of_visible(Node *tenant, Oid collation)
{
	ScalarArrayOpExpr *condition = makeNode(ScalarArrayOpExpr);
	Oid			function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
										   CStringGetDatum("visible_tenants"),
										   PointerGetDatum(buildoidvector(NULL, 0)),
										   ObjectIdGetDatum(get_namespace_oid("userlock_private", false)));

	condition->opno = TextEqualOperator;
	condition->opfuncid = F_TEXTEQ;
	condition->useOr = true;
	condition->inputcollid = collation;
	condition->args = list_make2(copyObject(tenant),
								 makeFuncExpr(function, TEXTARRAYOID, NIL, collation,
											  InvalidOid, COERCE_EXPLICIT_CALL));
	condition->location = -1;
	return (Expr *) condition;
}

/*
 * Which part of the rows are the caller's, by what is known of the column.  The
 * planner is told twice, for the policy and for the view, and multiplies.
 */
static double
selectivity(const SupportRequestSelectivity *request, const UserLockCaller *caller)
{
	double		sum = 0;
	VariableStatData tenants;
	ListCell   *cell;

	examine_variable(request->root, linitial(request->args), request->varRelid, &tenants);
	sum = var_eq_const(&tenants, TextEqualOperator, C_COLLATION_OID,
					   CStringGetTextDatum(caller->tenant), false, true, false);
	foreach(cell, caller->tenants)
		sum += var_eq_const(&tenants, TextEqualOperator, C_COLLATION_OID,
							CStringGetTextDatum(lfirst(cell)), false, true, false);
	ReleaseVariableStats(tenants);
	return sqrt(Min(sum, 1.0));
}

/*
 * What the planner may ask of tenant_is_visible().  A plan that was made without
 * claims, or with some that cannot be read, serves as well, if not as fast.
 */
Datum
userlock_tenant_is_visible_support(PG_FUNCTION_ARGS)
{
	Node	   *asked = (Node *) PG_GETARG_POINTER(0);
	UserLockCaller caller;
	bool		has_claims = userlock_caller_read(&caller) && caller.has_claims;

	if (IsA(asked, SupportRequestSelectivity) && !((SupportRequestSelectivity *) asked)->is_join)
	{
		SupportRequestSelectivity *request = (SupportRequestSelectivity *) asked;

		request->selectivity = has_claims ? selectivity(request, &caller) : 1.0;
		PG_RETURN_POINTER(asked);
	}
	if (IsA(asked, SupportRequestIndexCondition) && has_claims)
	{
		SupportRequestIndexCondition *request = (SupportRequestIndexCondition *) asked;

		if (request->opfamily != TEXT_BTREE_FAM_OID || !is_funcclause(request->node))
			PG_RETURN_POINTER(NULL);
		request->lossy = false;
		PG_RETURN_POINTER(list_make1(one_of_visible(linitial(((FuncExpr *) request->node)->args),
													request->indexcollation)));
	}
	PG_RETURN_POINTER(NULL);
}
