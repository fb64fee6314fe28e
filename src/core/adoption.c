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

/*
 * Who follows a row, and what they may: a row that names a tenant must name one
 * of the caller's, but for whoever has yet to sign in.
 */
static UserLockRequest
begin_request(const UserLockUsersTable *users, HeapTuple row, TupleDesc columns)
{
	UserLockRequest request = {.until = USERLOCK_NO_END, .idempotent = true};
	UserLockCaller caller;

	if (!userlock_caller_read(&caller))
		userlock_arguments_raise(&request, USERLOCK_RESULT_CLAIMS_MALFORMED);
	request.actor = CStringGetTextDatum(userlock_caller_actor(&caller));
	request.key = userlock_users_table_key(users, row, columns);
	if (users->tenant_column != InvalidAttrNumber &&
		!userlock_caller_may_name(&caller, TextDatumGetCString(request.key.tenant)))
		userlock_arguments_raise(&request, USERLOCK_RESULT_TENANT_DENIED);
	return request;
}

/* A row is there: its user is one of ours. */
static bool
follow_in(const UserLockRequest *request, const UserLockUsersTable *users,
		  Oid function)
{
	UserLockResult result = userlock_arguments_check_key(request);
	UserLockAccount account;
	UserLockStore store;

	if (result != USERLOCK_RESULT_OK)
		userlock_arguments_raise(request, result);
	userlock_store_begin(&store, function);
	/* Whoever is registered is held, lest a row that goes just now takes them. */
	do
	{
		result = userlock_account_register(request, NULL, users->adoption, &account);
	} while (result != USERLOCK_RESULT_CHANGED &&
			 !userlock_store_get(&request->key, USERLOCK_FOR_UPDATE, &account));
	userlock_store_end(&store);
	return result == USERLOCK_RESULT_CHANGED;
}

/*
 * Did the user come from this table?  Holds on to them, so that the rows of other
 * sessions are settled before anybody asks whether one is left.
 */
static bool
hold_ours(const UserLockRequest *request, const UserLockUsersTable *users,
		  Oid function)
{
	UserLockAccount account;
	UserLockStore store;
	bool		is_ours;

	if (userlock_arguments_check_key(request) != USERLOCK_RESULT_OK)
		return false;			/* nobody has such an id */
	userlock_store_begin(&store, function);
	is_ours = userlock_store_get(&request->key, USERLOCK_FOR_DELETE, &account) &&
		userlock_store_is_adopted(&request->key, users->adoption, USERLOCK_FOR_DELETE);
	userlock_store_end(&store);
	return is_ours;
}

/* The last row of a user whom hold_ours() holds is gone: they leave. */
static void
follow_out(const UserLockRequest *request, Oid function)
{
	UserLockAccount account;
	UserLockStore store;

	userlock_store_begin(&store, function);
	userlock_account_delete(request, &account);
	userlock_store_end(&store);
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

/* The table that was adopted: the trigger of a partition is a copy of its. */
static Oid
adopted_table(Relation table, const Trigger *trigger)
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
userlock_adoption_has_row(Oid table, const UserLockKey *key, Oid except)
{
	bool		found = false;
	ListCell   *cell;

	/* What the statement itself has done counts. */
	CommandCounterIncrement();
	foreach(cell, userlock_users_table_leaves(table))
	{
		Relation	leaf = lfirst_oid(cell) == except ? NULL :
			try_relation_open(lfirst_oid(cell), AccessShareLock);
		Trigger    *trigger;
		UserLockUsersTable users;

		if (leaf == NULL)
			continue;
		trigger = userlock_users_table_trigger(leaf, ROW_FUNCTION);
		if (trigger != NULL && leaf->rd_rel->relkind == RELKIND_RELATION)
		{
			users = userlock_adoption_of(leaf, trigger);
			found = userlock_users_table_has(leaf, &users, key);
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
	TupleDesc	columns = RelationGetDescr(trigger->tg_relation);
	UserLockUsersTable users;
	UserLockRequest before;
	UserLockRequest after;

	if (!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		userlock_adoption_raise_misuse();
	users = userlock_adoption_of(trigger->tg_relation, trigger->tg_trigger);
	before = begin_request(&users, trigger->tg_trigtuple, columns);
	after = begin_request(&users, trigger->tg_newtuple, columns);
	if (!userlock_users_table_same(&before.key, &after.key) &&
		userlock_id_change_before(&before, &users, fcinfo->flinfo->fn_oid).count > 0)
		userlock_arguments_raise(&before, USERLOCK_RESULT_USER_RESTRICTED);
	return PointerGetDatum(trigger->tg_newtuple);
}

/*
 * follow_row(adoption, tenant): the trigger of an adopted table for each row; of a
 * partitioned one also before UPDATE.
 */
Datum
userlock_follow_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger;
	Oid			function = fcinfo->flinfo->fn_oid;
	UserLockUsersTable users;
	UserLockRequest before = {0};
	UserLockRequest after = {0};
	UserLockRestrictions restrictions = {0};
	TupleDesc	columns;
	bool		goes;
	bool		comes;

	if (CALLED_AS_TRIGGER(fcinfo) &&
		TRIGGER_FIRED_BEFORE(((TriggerData *) fcinfo->context)->tg_event))
		return keep_id(fcinfo);

	trigger = require_trigger(fcinfo, TRIGGER_EVENT_AFTER | TRIGGER_EVENT_ROW);
	users = userlock_adoption_of(trigger->tg_relation, trigger->tg_trigger);
	columns = RelationGetDescr(trigger->tg_relation);
	comes = !TRIGGER_FIRED_BY_DELETE(trigger->tg_event);
	goes = !TRIGGER_FIRED_BY_INSERT(trigger->tg_event);
	if (!goes && userlock_session_loads_dump())
	{
		warn_of_dump(trigger->tg_relation);
		return PointerGetDatum(NULL);
	}

	if (goes)
		before = begin_request(&users, trigger->tg_trigtuple, columns);
	if (comes)
		after = begin_request(&users, goes ? trigger->tg_newtuple : trigger->tg_trigtuple, columns);
	if (goes && comes && userlock_users_table_same(&before.key, &after.key))
		return PointerGetDatum(NULL);

	if (goes && comes)
		restrictions = userlock_id_change_before(&before, &users, function);
	/* The statement is complete: another of its rows may have the id now. */
	if (goes && hold_ours(&before, &users, function) &&
		!userlock_adoption_has_row(adopted_table(trigger->tg_relation, trigger->tg_trigger),
								   &before.key, InvalidOid))
		follow_out(&before, function);
	if (comes)
		follow_in(&after, &users, function);
	if (goes && comes)
		userlock_id_change_after(&restrictions, &after, &users, function);
	return PointerGetDatum(NULL);
}

int64
userlock_adoption_follow_all(Relation table, const UserLockUsersTable *users,
							 bool comes, Oid others, Oid function)
{
	TupleDesc	columns = RelationGetDescr(table);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	TableScanDesc scan = table_beginscan(table, snapshot, 0, NULL);
	TupleTableSlot *slot = table_slot_create(table, NULL);
	MemoryContext per_row = AllocSetContextCreate(CurrentMemoryContext,
												  "userlock adoption row",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext callers = MemoryContextSwitchTo(per_row);
	int64		seen = 0;
	int64		registered = 0;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		bool		free_row;
		HeapTuple	row = ExecFetchSlotHeapTuple(slot, false, &free_row);
		UserLockRequest request = begin_request(users, row, columns);

		CHECK_FOR_INTERRUPTS();
		if (!comes)
		{
			if (hold_ours(&request, users, function) &&
				!(OidIsValid(others) &&
				  userlock_adoption_has_row(others, &request.key, RelationGetRelid(table))))
				follow_out(&request, function);
		}
		else if (follow_in(&request, users, function))
			registered++;
		if (comes && ++seen % NOTICE_INTERVAL == 0)
			ereport(NOTICE,
					(errmsg(INT64_FORMAT " rows of table %s read, " INT64_FORMAT " users registered",
							seen, table_name(RelationGetRelid(table)), registered)));
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
	Trigger    *for_rows;

	for_rows = userlock_users_table_trigger(trigger->tg_relation, ROW_FUNCTION);
	if (for_rows != NULL)
	{
		UserLockUsersTable users = userlock_adoption_of(trigger->tg_relation, for_rows);

		userlock_adoption_follow_all(trigger->tg_relation, &users, false, InvalidOid,
									 fcinfo->flinfo->fn_oid);
	}
	return PointerGetDatum(NULL);
}
