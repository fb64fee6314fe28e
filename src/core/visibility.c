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
#include "core/store.h"

PG_FUNCTION_INFO_V1(userlock_tenant_is_visible);
PG_FUNCTION_INFO_V1(userlock_tenant_is_visible_support);
PG_FUNCTION_INFO_V1(userlock_visible_tenants);

/*
 * tenant_is_visible(tenant): is it one of the caller's?  Claims are read once a
 * query.
 */
Datum
userlock_tenant_is_visible(PG_FUNCTION_ARGS)
{
	UserLockCaller *caller = fcinfo->flinfo->fn_extra;
	text	   *tenant = PG_GETARG_TEXT_PP(0);

	if (caller == NULL)
	{
		MemoryContext callers = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		caller = palloc(sizeof(UserLockCaller));
		userlock_caller_require(caller);
		caller->tenant = pstrdup(caller->tenant);
		MemoryContextSwitchTo(callers);
		fcinfo->flinfo->fn_extra = caller;
	}
	PG_RETURN_BOOL(userlock_caller_may_use_bytes(caller, VARDATA_ANY(tenant),
												 VARSIZE_ANY_EXHDR(tenant)));
}

static ArrayType *
every_tenant(Oid function)
{
	ArrayBuildState *tenants = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	UserLockStore store;

	userlock_store_begin(&store, function);
	userlock_store_tenants(tenants);
	userlock_store_end(&store);
	return DatumGetArrayTypeP(makeArrayResult(tenants, CurrentMemoryContext));
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
	MemoryContext callers;
	UserLockCaller caller;

	if (fcinfo->flinfo->fn_extra == NULL)
	{
		userlock_caller_require(&caller);
		callers = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = caller.has_claims ?
			userlock_caller_claimed_tenants(&caller) :
			every_tenant(fcinfo->flinfo->fn_oid);
		MemoryContextSwitchTo(callers);
	}
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
	VariableStatData column;
	Datum	   *tenants;
	int			count;

	deconstruct_array(userlock_caller_claimed_tenants(caller), TEXTOID, -1, false,
					  TYPALIGN_INT, &tenants, NULL, &count);
	examine_variable(request->root, linitial(request->args), request->varRelid, &column);
	for (int i = 0; i < count; i++)
		sum += var_eq_const(&column, TextEqualOperator, C_COLLATION_OID,
							tenants[i], false, true, false);
	ReleaseVariableStats(column);
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
	bool		has_claims = userlock_caller_read(&caller) == USERLOCK_RESULT_OK &&
		caller.has_claims;

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
