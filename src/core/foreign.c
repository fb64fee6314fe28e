/*
 * foreign.c
 *		What others wrote, and an index would run.
 *
 * In SQL it runs with the rights of the owner of our functions, and under their
 * search_path.  Nowhere else may it run.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "core/foreign.h"

/* What is in none of these schemas is somebody else's, rather than the server's or ours. */
static bool
is_foreign(Oid namespace)
{
	return namespace != PG_CATALOG_NAMESPACE &&
		namespace != get_namespace_oid("userlock", false) &&
		namespace != get_namespace_oid("userlock_private", false);
}

static bool
is_foreign_function(Oid function, void *context)
{
	return is_foreign(get_func_namespace(function));
}

static bool
is_foreign_type(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	bool		answer;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	answer = is_foreign(((Form_pg_type) GETSTRUCT(tuple))->typnamespace);
	ReleaseSysCache(tuple);
	return answer;
}

/*
 * Types as well: a domain has constraints, and least() compares, without a function
 * being named.
 */
static bool
is_foreign_expression(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return (!IsA(node, List) && is_foreign_type(exprType(node))) ||
		check_functions_in_node(node, is_foreign_function, context) ||
		expression_tree_walker(node, userlock_compat_walker(is_foreign_expression), context);
}

/* Does an index compare, or take values apart, by what others wrote? */
static bool
has_foreign_operators(Relation index)
{
	bool		answer = false;

	for (int i = 0; !answer && i < IndexRelationGetNumberOfKeyAttributes(index); i++)
	{
		HeapTuple	tuple = SearchSysCache1(OPFAMILYOID,
											ObjectIdGetDatum(index->rd_opfamily[i]));

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for operator family %u", index->rd_opfamily[i]);
		answer = is_foreign(((Form_pg_opfamily) GETSTRUCT(tuple))->opfnamespace);
		ReleaseSysCache(tuple);
	}
	return answer;
}

bool
userlock_foreign_in_index(Relation index, const IndexInfo *info)
{
	return has_foreign_operators(index) ||
		is_foreign_expression((Node *) info->ii_Predicate, NULL) ||
		is_foreign_expression((Node *) info->ii_Expressions, NULL);
}
