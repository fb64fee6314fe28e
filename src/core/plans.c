/*
 * plans.c
 *		The statements, run by plans that are kept for the session.
 *
 * They are prepared once, as generic plans: planned anew, a transition would take
 * several times as long.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"
#include "tcop/tcopprot.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/plans.h"
#include "core/rights.h"

/* Kept for the session. */
static struct
{
	SPIPlanPtr	plan;
	bool		is_planned;		/* at least once */
	Oid			temporary;		/* the session's pg_temp, as of then */
}			plans[STATEMENT_COUNT];

static Oid
temporary_namespace(void)
{
	Oid			namespace;
	Oid			toast;

	GetTempNamespaceState(&namespace, &toast);
	return namespace;
}

/*
 * Will the server use the plan that it has?  It makes a new one at the first
 * run, when a table has changed, and when the search_path means something else,
 * as it does once the session has temporary tables.
 */
static bool
is_planned(StatementId id)
{
	return plans[id].is_planned &&
		SPI_plan_is_valid(plans[id].plan) &&
		plans[id].temporary == temporary_namespace();
}

/*
 * Executes a statement.  One that leaves no row behind looks at those that are there
 * now; what the transaction should not see yet, it cannot be serialized with, as the
 * server says of foreign keys.
 */
static int
execute(StatementId id, Datum *values, const char *nulls, bool read_only, Snapshot snapshot)
{
	if (snapshot)
		return SPI_execute_snapshot(plans[id].plan, values, nulls, snapshot,
									InvalidSnapshot, read_only, false, 0);
	if ((id == ERASE_EVENTS || id == ERASE_FAILURES) && IsolationUsesXactSnapshot())
		return SPI_execute_snapshot(plans[id].plan, values, nulls, GetLatestSnapshot(),
									GetTransactionSnapshot(), read_only, true, 0);
	return SPI_execute_plan(plans[id].plan, values, nulls, read_only, 0);
}

/*
 * Executes a statement that the server is about to plan.  The plan will serve
 * for long, so it must not take today's table for small: without this, one that
 * is empty today would be read whole for every user tomorrow.  Nor is a bitmap
 * worth its while for one row.
 */
static int
plan_and_execute(StatementId id, Datum *values, const char *nulls,
				 bool read_only, Snapshot snapshot)
{
	int			nest_level = NewGUCNestLevel();
	int			result;

	userlock_set_locally("enable_seqscan", "off");
	userlock_set_locally("enable_bitmapscan", "off");
	result = execute(id, values, nulls, read_only, snapshot);
	AtEOXact_GUC(true, nest_level);

	plans[id].is_planned = true;
	plans[id].temporary = temporary_namespace();
	return result;
}

static uint64
run(StatementId id, Datum *values, const char *nulls, bool read_only, Snapshot snapshot)
{
	const UserLockStatement *statement = &userlock_statements[id];
	MemoryContext callers = CurrentMemoryContext;
	int			result;

	if (plans[id].plan == NULL)
	{
		/* Users of all tenants, wherever they are, are found only by a plan for its values. */
		int			options = id == DUE ? CURSOR_OPT_CUSTOM_PLAN : CURSOR_OPT_GENERIC_PLAN;
		SPIPlanPtr	plan = SPI_prepare_cursor(statement->sql,
											  statement->parameters,
											  (Oid *) statement->types, options);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare \"%s\": %s", statement->sql,
				 SPI_result_code_string(SPI_result));
		plans[id].plan = plan;
	}

	if (is_planned(id))
		result = execute(id, values, nulls, read_only, snapshot);
	else
		result = plan_and_execute(id, values, nulls, read_only, snapshot);
	if (result != statement->result)
		elog(ERROR, "could not execute \"%s\": %s", statement->sql,
			 SPI_result_code_string(result));
	MemoryContextSwitchTo(callers);
	return SPI_processed;
}

uint64
userlock_plans_run(StatementId id, Datum *values, const char *nulls, bool read_only)
{
	return run(id, values, nulls, read_only, InvalidSnapshot);
}

bool
userlock_plans_read_row(StatementId id, Datum *parameters, Snapshot snapshot, Oid owner,
						Datum *values, bool *nulls)
{
	MemoryContext callers = CurrentMemoryContext;
	UserLockRights rights;
	bool		found;

	SPI_connect();
	userlock_rights_take(&rights, owner);
	found = run(id, parameters, NULL, true, snapshot) > 0;
	if (found)
	{
		TupleDesc	columns = SPI_tuptable->tupdesc;

		heap_deform_tuple(SPI_tuptable->vals[0], columns, values, nulls);
		MemoryContextSwitchTo(callers);
		for (int i = 0; i < columns->natts; i++)
		{
			if (!nulls[i])
				values[i] = datumCopy(values[i], TupleDescAttr(columns, i)->attbyval,
									  TupleDescAttr(columns, i)->attlen);
		}
	}
	userlock_rights_give_back(&rights);
	SPI_finish();
	return found;
}

/*
 * The planner knows where rows are: it reads one by a scan of this very table
 * only if that holds them itself, all of them.  A table that is partitioned, has
 * children, or is the empty shell of one that an extension has distributed looks
 * different in its plan.
 */
bool
userlock_plans_read_from(Relation table, StatementId id)
{
	const UserLockStatement *statement = &userlock_statements[id];
	Oid			relation = RelationGetRelid(table);
	Oid			owner = table->rd_rel->relowner;
	MemoryContext planning = AllocSetContextCreate(CurrentMemoryContext,
												   "userlock planning",
												   ALLOCSET_DEFAULT_SIZES);
	MemoryContext callers = MemoryContextSwitchTo(planning);
	UserLockRights rights;
	List	   *queries;
	PlannedStmt *planned;
	Plan	   *plan;
	bool		answer;

	userlock_rights_take(&rights, owner);
	queries = pg_analyze_and_rewrite_fixedparams(linitial(pg_parse_query(statement->sql)),
												 statement->sql,
												 statement->types,
												 statement->parameters, NULL);
	planned = linitial(pg_plan_queries(queries, statement->sql, 0, NULL));
	userlock_rights_give_back(&rights);

	plan = planned->planTree;
	while (IsA(plan, Limit) || IsA(plan, Sort))
		plan = outerPlan(plan);
	answer = (IsA(plan, IndexScan) || IsA(plan, IndexOnlyScan) ||
			  IsA(plan, BitmapHeapScan) || IsA(plan, SeqScan)) &&
		rt_fetch(((Scan *) plan)->scanrelid, planned->rtable)->relid == relation;
	MemoryContextSwitchTo(callers);
	MemoryContextDelete(planning);
	return answer;
}
