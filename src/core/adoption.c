/*
 * adoption.c
 *		Existing tables of users: their rows become users, and are followed.
 *
 * Whoever may change a row has its user come and go, and nothing more: only
 * users who came from the table leave with its rows, and restrictions outlive
 * them.  The table belongs to somebody else, see users_table.h; only
 * the registering has our rights.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "core/account.h"
#include "core/adoption.h"
#include "core/arguments.h"
#include "core/caller.h"
#include "core/id_change.h"

PG_FUNCTION_INFO_V1(userlock_follow_row);
PG_FUNCTION_INFO_V1(userlock_follow_truncate);

/* After so many rows adopt() says how far it is. */
#define NOTICE_INTERVAL	100000

/* A table as messages name it; it may be none. */
static const char *
table_name(Oid table)
{
	char	   *name = get_rel_name(table);

	return name == NULL ? "-" :
		quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)), name);
}

void
userlock_adoption_raise(UserLockResult result, Oid table)
{
	UserLockOutcome outcome = {.result = result, .object = table_name(table)};

	userlock_outcome_raise(&outcome);
}

UserLockUsersTable
userlock_adoption_of(Relation table, const Trigger *trigger)
{
	UserLockUsersTable users;

	if (!userlock_users_table_read(trigger, RelationGetDescr(table), &users))
		userlock_adoption_raise(USERLOCK_RESULT_USERS_INVALID, RelationGetRelid(table));
	return users;
}

bool
userlock_session_loads_dump(void)
{
	return !check_function_bodies && !row_security;
}

/*
 * A dump has the accounts as well, which may come before or after the rows.
 * Says so once a session.
 */
static void
warn_of_dump(Relation table)
{
	static bool warned = false;

	if (!warned)
		ereport(WARNING,
				(errmsg("rows of table %s are not registered as users",
						table_name(RelationGetRelid(table))),
				 errdetail("The session has the settings of pg_restore: the accounts come with the dump."),
				 errhint("If the dump has none, call userlock.adopt again.")));
	warned = true;
}

Oid
userlock_adoption_table(Relation table, const Trigger *trigger)
{
	ListCell   *cell;

	if (!trigger->tgisclone)
		return RelationGetRelid(table);
	foreach(cell, get_partition_ancestors(RelationGetRelid(table)))
	{
		Relation	ancestor = table_open(lfirst_oid(cell), AccessShareLock);
		Trigger    *original = userlock_users_table_trigger(ancestor, ROW_FUNCTION);
		bool		is_adopted = original != NULL && !original->tgisclone;

		table_close(ancestor, NoLock);
		if (is_adopted)
			return lfirst_oid(cell);
	}
	/* It is being detached just now. */
	return RelationGetRelid(table);
}

bool
userlock_adoption_has_row(Oid table, const UserLockRowsWanted *wanted)
{
	bool		found = false;
	ListCell   *cell;

	/* What the statement itself has done counts. */
	CommandCounterIncrement();
	foreach(cell, userlock_users_table_leaves(table))
	{
		bool		counts = lfirst_oid(cell) != wanted->except || wanted->except_row;
		Relation	leaf = counts ? try_relation_open(lfirst_oid(cell), AccessShareLock) : NULL;
		Trigger    *trigger;
		UserLockUsersTable users;

		if (leaf == NULL)
			continue;
		trigger = userlock_users_table_trigger(leaf, ROW_FUNCTION);
		/* Into another session's temporary table nobody sees. */
		if (trigger != NULL && leaf->rd_rel->relkind == RELKIND_RELATION &&
			!RELATION_IS_OTHER_TEMP(leaf))
		{
			users = userlock_adoption_of(leaf, trigger);
			found = userlock_users_table_has(leaf, &users, wanted);
		}
		relation_close(leaf, NoLock);
		if (found)
			break;
	}
	return found;
}

void
userlock_adoption_raise_misuse(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("this trigger function is for userlock.adopt to use"),
			 errhint("Call userlock.adopt, which makes the triggers of a table.")));
}

/* Called as a trigger at the moment that adopt() sets, and at no other? */
static TriggerData *
require_trigger(FunctionCallInfo fcinfo, TriggerEvent moment)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		(trigger->tg_event & (TRIGGER_EVENT_ROW | TRIGGER_EVENT_TIMINGMASK)) != moment)
		userlock_adoption_raise_misuse();
	userlock_caller_refuse_restricted();
	return trigger;
}

static UserLockFollowed
begin_following(const TriggerData *trigger, Oid function)
{
	UserLockFollowed followed = {
		.users = userlock_adoption_of(trigger->tg_relation, trigger->tg_trigger),
		.table = trigger->tg_relation,
		.trigger = trigger->tg_trigger,
		.function = function
	};

	return followed;
}

/*
 * Before an id changes in a partitioned table.  A row that goes to another
 * partition is a DELETE and an INSERT to triggers that come after, which cannot
 * tell whose restrictions the new row should have: so of those who are restricted
 * the id stays.
 */
static Datum
keep_id(FunctionCallInfo fcinfo)
{
	TriggerData *trigger = require_trigger(fcinfo, TRIGGER_EVENT_BEFORE | TRIGGER_EVENT_ROW);
	UserLockFollowed followed;
	UserLockRequest before;
	UserLockRequest after;

	if (!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		userlock_adoption_raise_misuse();
	followed = begin_following(trigger, fcinfo->flinfo->fn_oid);
	before = userlock_follow_begin(&followed, trigger->tg_trigtuple).request;
	after = userlock_follow_begin(&followed, trigger->tg_newtuple).request;
	if (!userlock_users_table_same(&before.key, &after.key) &&
		userlock_id_change_before(&before, &followed.users, followed.function).restrictions.count > 0)
		userlock_arguments_raise(&before, USERLOCK_RESULT_USER_RESTRICTED);
	return PointerGetDatum(trigger->tg_newtuple);
}

/*
 * follow_row(adoption, tenant, columns): the trigger of an adopted table for each
 * row; of a partitioned one also before UPDATE.
 */
Datum
userlock_follow_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger;
	UserLockFollowed followed;
	UserLockFollowedRow before;
	UserLockFollowedRow after;
	UserLockIdChange change;

	if (CALLED_AS_TRIGGER(fcinfo) &&
		TRIGGER_FIRED_BEFORE(((TriggerData *) fcinfo->context)->tg_event))
		return keep_id(fcinfo);

	trigger = require_trigger(fcinfo, TRIGGER_EVENT_AFTER | TRIGGER_EVENT_ROW);
	followed = begin_following(trigger, fcinfo->flinfo->fn_oid);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event) && userlock_session_loads_dump())
	{
		warn_of_dump(trigger->tg_relation);
		return PointerGetDatum(NULL);
	}

	before = userlock_follow_begin(&followed, trigger->tg_trigtuple);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		userlock_follow_comes(&followed, &before, NULL, NULL);
	else if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		userlock_follow_goes(&followed, &before, false);
	else
	{
		after = userlock_follow_begin(&followed, trigger->tg_newtuple);
		if (userlock_users_table_same(&before.request.key, &after.request.key))
			userlock_follow_changes(&followed, &before, &after);
		else
		{
			change = userlock_id_change_before(&before.request, &followed.users, followed.function);
			/* The statement is complete: another of its rows may have the id now. */
			userlock_follow_goes(&followed, &before, false);
			userlock_follow_comes(&followed, &after, &before, &change);
			userlock_id_change_after(&change, &after.request, &followed.users, followed.function);
		}
	}
	return PointerGetDatum(NULL);
}

int64
userlock_adoption_follow_all(const UserLockFollowed *followed, bool comes)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(followed->table, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(followed->table, NULL);
	MemoryContext per_row = AllocSetContextCreate(CurrentMemoryContext,
												  "userlock adoption row",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext callers = MemoryContextSwitchTo(per_row);
	int64		seen = 0;
	int64		registered = 0;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		free_row;
		UserLockFollowedRow row =
			userlock_follow_begin(followed, ExecFetchSlotHeapTuple(slot, false, &free_row));

		CHECK_FOR_INTERRUPTS();
		if (!comes && OidIsValid(followed->adopted))
			userlock_follow_goes(followed, &row, true);
		else if (!comes)
			userlock_follow_leaves(followed, &row);
		else if (userlock_follow_comes(followed, &row, NULL, NULL))
			registered++;
		if (comes && ++seen % NOTICE_INTERVAL == 0)
			ereport(NOTICE,
					(errmsg(INT64_FORMAT " rows of table %s read, " INT64_FORMAT " users registered",
							seen, table_name(RelationGetRelid(followed->table)), registered)));
		MemoryContextReset(per_row);
	}
	MemoryContextSwitchTo(callers);
	MemoryContextDelete(per_row);
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	return registered;
}

/* follow_truncate(adoption): the trigger of a table with rows, before TRUNCATE. */
Datum
userlock_follow_truncate(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = require_trigger(fcinfo, TRIGGER_EVENT_BEFORE);
	UserLockFollowed followed = {
		.table = trigger->tg_relation,
		.function = fcinfo->flinfo->fn_oid
	};

	followed.trigger = userlock_users_table_trigger(followed.table, ROW_FUNCTION);
	if (followed.trigger != NULL)
	{
		followed.users = userlock_adoption_of(followed.table, followed.trigger);
		userlock_adoption_follow_all(&followed, false);
	}
	return PointerGetDatum(NULL);
}
