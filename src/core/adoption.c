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

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/partition.h"
#include "catalog/pg_trigger.h"
#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "core/account.h"
#include "core/arguments.h"
#include "core/caller.h"
#include "core/transition.h"
#include "core/users_table.h"

PG_FUNCTION_INFO_V1(userlock_follow_row);
PG_FUNCTION_INFO_V1(userlock_follow_truncate);
PG_FUNCTION_INFO_V1(userlock_follow_partitions);
PG_FUNCTION_INFO_V1(userlock_adopt);
PG_FUNCTION_INFO_V1(userlock_release);

/* The triggers of an adopted table, and the functions that they call. */
#define ROW_TRIGGER			"userlock_follow"
#define ROW_FUNCTION		"userlock", "follow_row"
#define TRUNCATE_TRIGGER	"userlock_follow_truncate"
#define TRUNCATE_FUNCTION	"userlock_private", "follow_truncate"

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

/* Raises a result about a table. */
pg_noreturn static void
raise_for_table(UserLockResult result, Oid table)
{
	UserLockOutcome outcome = {.result = result, .object = table_name(table)};

	userlock_outcome_raise(&outcome);
}

/* Reads how a table is followed, by the trigger that calls us or its own. */
static UserLockUsersTable
require_users(Relation table, const Trigger *trigger)
{
	UserLockUsersTable users;

	if (!userlock_users_table_read(trigger, RelationGetDescr(table), &users))
		raise_for_table(USERLOCK_RESULT_USERS_INVALID, RelationGetRelid(table));
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
	bool		names_tenant;

	if (!userlock_caller_read(&caller))
		userlock_arguments_raise(&request, USERLOCK_RESULT_CLAIMS_MALFORMED);
	request.actor = CStringGetTextDatum(userlock_caller_actor(&caller));
	request.key = userlock_users_table_key(users, row, columns, &names_tenant);
	if (names_tenant &&
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
	result = userlock_account_register(request, (Datum) 0, users->adoption, &account);
	userlock_store_end(&store);
	return result == USERLOCK_RESULT_CHANGED;
}

/* A row is gone: its user leaves, if they came from this table. */
static void
follow_out(const UserLockRequest *request, const UserLockUsersTable *users,
		   Oid function)
{
	UserLockAccount account;
	UserLockStore store;

	if (userlock_arguments_check_key(request) != USERLOCK_RESULT_OK)
		return;					/* nobody has such an id */
	userlock_store_begin(&store, function);
	/* Locked first: who comes back by other ways meanwhile is not ours. */
	if (userlock_store_get(&request->key, USERLOCK_FOR_DELETE, &account) &&
		userlock_store_is_adopted(&request->key, users->adoption, USERLOCK_FOR_DELETE))
		userlock_account_delete(request, &account);
	userlock_store_end(&store);
}

/* The restrictions of a user, with the events that set them. */
typedef struct Restrictions
{
	int			count;
	struct
	{
		UserLockTransition transition;
		UserLockEvent event;
	}			set[2];
} Restrictions;

/*
 * What held before the statement that fires this trigger: whoever committed
 * since counts, the triggers of its other rows do not.  Else, where every id
 * moves to the next row, the first user's restrictions would move on to
 * everybody.  Only of users who came from this table: others' are none of its
 * business.
 */
static Restrictions
restrictions_before(const UserLockRequest *request,
					const UserLockUsersTable *users, Oid function)
{
	static const UserLockTransition restricting[] = {USERLOCK_LOCK, USERLOCK_BLOCK};
	CommandId	began = GetActiveSnapshot()->curcid;
	Restrictions restrictions = {0};
	UserLockState state = USERLOCK_ACTIVE;
	UserLockAccount account;
	UserLockStore store;

	if (userlock_arguments_check_key(request) != USERLOCK_RESULT_OK)
		return restrictions;
	userlock_store_begin(&store, function);
	PushCopiedSnapshot(GetTransactionSnapshot());
	GetActiveSnapshot()->curcid = began;
	if (userlock_store_is_adopted(&request->key, users->adoption, USERLOCK_FOR_READING) &&
		userlock_store_get(&request->key, USERLOCK_FOR_READING, &account))
		state = userlock_state_at(account.state, account.locked_until,
								  account.blocked_until, GetCurrentTimestamp());
	PopActiveSnapshot();

	for (int i = 0; i < lengthof(restricting); i++)
	{
		if ((state & userlock_transition_restriction(restricting[i])) &&
			userlock_store_last_of_kind(&request->key,
										userlock_transition_event(restricting[i]),
										&restrictions.set[restrictions.count].event))
			restrictions.set[restrictions.count++].transition = restricting[i];
	}
	userlock_store_end(&store);
	return restrictions;
}

/* An id has changed: the new one is as restricted as the old one was. */
static void
carry_restrictions(const Restrictions *restrictions, const UserLockRequest *after,
				   const UserLockUsersTable *users, Oid function)
{
	UserLockStore store;

	if (restrictions->count == 0)
		return;
	userlock_store_begin(&store, function);
	if (userlock_store_is_adopted(&after->key, users->adoption, USERLOCK_FOR_UPDATE))
	{
		for (int i = 0; i < restrictions->count; i++)
		{
			UserLockRequest request = *after;
			UserLockOutcome outcome;

			request.reason = restrictions->set[i].event.reason;
			request.until = restrictions->set[i].event.until;
			userlock_transition_attempt(&request, restrictions->set[i].transition, &outcome);
		}
	}
	userlock_store_end(&store);
}

/*
 * Does this session load a dump?  These are the settings of every script of
 * pg_dump and every session of pg_restore.
 */
static bool
session_loads_dump(void)
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
	elog(ERROR, "relation %u is a partition of no adopted table",
		 RelationGetRelid(table));
}

/* Has another row, of any partition, the user whom this row had? */
static bool
is_still_there(Relation table, const Trigger *trigger, const UserLockKey *key,
			   Datum id)
{
	bool		found = false;
	ListCell   *cell;

	/* The statement is complete: one of its rows may have the id now. */
	CommandCounterIncrement();
	foreach(cell, userlock_users_table_leaves(adopted_table(table, trigger)))
	{
		Relation	leaf = table_open(lfirst_oid(cell), AccessShareLock);
		Trigger    *of_leaf = userlock_users_table_trigger(leaf, ROW_FUNCTION);
		UserLockUsersTable users;

		if (of_leaf != NULL)
		{
			users = require_users(leaf, of_leaf);
			found = userlock_users_table_has(leaf, &users, key, id);
		}
		table_close(leaf, NoLock);
		if (found)
			break;
	}
	return found;
}

pg_noreturn static void
raise_misuse(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("this trigger function is for userlock.adopt to use"),
			 errhint("Call userlock.adopt, which makes the triggers of a table.")));
}

/* Called as a trigger at the moments that adopt() sets, and at no others? */
static void
require_trigger(FunctionCallInfo fcinfo, bool (*fits) (TriggerEvent event))
{
	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!fits(((TriggerData *) fcinfo->context)->tg_event))
		raise_misuse();
	userlock_caller_refuse_restricted();
}

static bool
is_after_row(TriggerEvent event)
{
	return TRIGGER_FIRED_AFTER(event) && TRIGGER_FIRED_FOR_ROW(event);
}

static bool
is_before_truncate(TriggerEvent event)
{
	return TRIGGER_FIRED_BEFORE(event) && TRIGGER_FIRED_BY_TRUNCATE(event);
}

/* follow_row(adoption, tenant): the trigger of an adopted table for each row. */
Datum
userlock_follow_row(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Oid			function = fcinfo->flinfo->fn_oid;
	UserLockUsersTable users;
	UserLockRequest before = {0};
	UserLockRequest after = {0};
	Restrictions restrictions = {0};
	TupleDesc	columns;
	bool		goes;
	bool		comes;
	Datum		id;
	bool		isnull;

	require_trigger(fcinfo, is_after_row);
	users = require_users(trigger->tg_relation, trigger->tg_trigger);
	columns = RelationGetDescr(trigger->tg_relation);
	comes = !TRIGGER_FIRED_BY_DELETE(trigger->tg_event);
	goes = !TRIGGER_FIRED_BY_INSERT(trigger->tg_event);
	if (!goes && session_loads_dump())
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
		restrictions = restrictions_before(&before, &users, function);
	if (goes && before.key.user_id)
	{
		id = heap_getattr(trigger->tg_trigtuple, users.id_column, columns, &isnull);
		if (!is_still_there(trigger->tg_relation, trigger->tg_trigger, &before.key, id))
			follow_out(&before, &users, function);
	}
	if (comes)
		follow_in(&after, &users, function);
	if (goes && comes)
		carry_restrictions(&restrictions, &after, &users, function);
	return PointerGetDatum(NULL);
}

/*
 * Has all rows of a table come, or go.  The table's tuples are read as they are:
 * nothing is planned, nothing evaluated.  Returns how many users that changed.
 */
static int64
follow_all(Relation table, const UserLockUsersTable *users, bool comes, Oid function)
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
			follow_out(&request, users, function);
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
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Trigger    *for_rows;

	require_trigger(fcinfo, is_before_truncate);
	for_rows = userlock_users_table_trigger(trigger->tg_relation, ROW_FUNCTION);
	if (for_rows != NULL)
	{
		UserLockUsersTable users = require_users(trigger->tg_relation, for_rows);

		follow_all(trigger->tg_relation, &users, false, fcinfo->flinfo->fn_oid);
	}
	return PointerGetDatum(NULL);
}

/*
 * Makes a trigger for each row, after the event, or for TRUNCATE, before it.
 * Nothing of the table's owner is evaluated for that.
 */
static void
create_trigger(Oid table, const char *name, const char *schema,
			   const char *function, int16 events, List *columns, List *arguments)
{
	CreateTrigStmt *statement = makeNode(CreateTrigStmt);

	statement->trigname = pstrdup(name);
	statement->funcname = list_make2(makeString(pstrdup(schema)), makeString(pstrdup(function)));
	statement->args = arguments;
	statement->row = events != TRIGGER_TYPE_TRUNCATE;
	statement->timing = statement->row ? TRIGGER_TYPE_AFTER : TRIGGER_TYPE_BEFORE;
	statement->events = events;
	statement->columns = columns;
	CreateTrigger(statement, NULL, table, InvalidOid, InvalidOid, InvalidOid,
				  InvalidOid, InvalidOid, NULL, false, false);
}

/*
 * Follows the tables that hold rows and are not followed yet, of one that has
 * the trigger for rows: makes the trigger for TRUNCATE, registers what is there.
 * Returns how many users that made.
 */
static int64
follow_leaves(Oid table, Oid function)
{
	ListCell   *cell;
	int64		registered = 0;

	foreach(cell, userlock_users_table_leaves(table))
	{
		Relation	leaf = table_open(lfirst_oid(cell), AccessShareLock);
		Trigger    *trigger = userlock_users_table_trigger(leaf, ROW_FUNCTION);
		UserLockUsersTable users;
		UserLockStore store;

		if (trigger != NULL &&
			userlock_users_table_trigger(leaf, TRUNCATE_FUNCTION) == NULL)
		{
			if (leaf->rd_rel->relkind != RELKIND_RELATION)
				raise_for_table(USERLOCK_RESULT_TABLE_NOT_OWNED, RelationGetRelid(leaf));
			users = require_users(leaf, trigger);
			userlock_store_begin(&store, function);
			create_trigger(RelationGetRelid(leaf), TRUNCATE_TRIGGER,
						   TRUNCATE_FUNCTION, TRIGGER_TYPE_TRUNCATE, NIL,
						   list_make1(makeString(pstrdup(trigger->tgargs[0]))));
			userlock_store_end(&store);
			registered += follow_all(leaf, &users, true, function);
		}
		table_close(leaf, NoLock);
	}
	return registered;
}

/* Drops the trigger of a function on a table; not one that is a copy. */
static void
drop_trigger(Oid table, const char *schema, const char *function,
			 Oid our_function)
{
	Relation	relation = table_open(table, ShareRowExclusiveLock);
	Trigger    *trigger = userlock_users_table_trigger(relation, schema, function);
	ObjectAddress address = {.classId = TriggerRelationId};
	UserLockStore store;

	if (trigger != NULL && !trigger->tgisclone)
		address.objectId = trigger->tgoid;
	table_close(relation, NoLock);
	if (!OidIsValid(address.objectId))
		return;
	userlock_store_begin(&store, our_function);
	performDeletion(&address, DROP_RESTRICT, PERFORM_DELETION_INTERNAL);
	userlock_store_end(&store);
	CommandCounterIncrement();
}

/*
 * Those of a partition that was detached are no longer in the table: its users
 * leave.  'parent' has the trigger for rows, the partition no longer has it.
 */
static void
let_detached_go(Oid parent, Oid function)
{
	Relation	table = table_open(parent, AccessShareLock);
	Trigger    *trigger = userlock_users_table_trigger(table, ROW_FUNCTION);
	UserLockUsersTable users = require_users(table, trigger);
	ListCell   *cell;

	foreach(cell, userlock_users_table_followed(TRUNCATE_FUNCTION, trigger->tgargs[0]))
	{
		Relation	leaf = table_open(lfirst_oid(cell), AccessShareLock);
		UserLockUsersTable detached = users;

		if (userlock_users_table_trigger(leaf, ROW_FUNCTION) == NULL)
		{
			/* Its columns have the same names, and maybe other numbers. */
			detached.id_column = get_attnum(lfirst_oid(cell),
											get_attname(parent, users.id_column, false));
			if (users.tenant_column != InvalidAttrNumber)
				detached.tenant_column = get_attnum(lfirst_oid(cell),
													get_attname(parent, users.tenant_column, false));
			follow_all(leaf, &detached, false, function);
			table_close(leaf, NoLock);
			drop_trigger(lfirst_oid(cell), TRUNCATE_FUNCTION, function);
		}
		else
			table_close(leaf, NoLock);
	}
	table_close(table, NoLock);
}

/*
 * follow_partitions(): the event trigger after CREATE TABLE and ALTER TABLE, for
 * partitions that an adopted table gains or loses.  In a dump all is in place.
 */
Datum
userlock_follow_partitions(PG_FUNCTION_ARGS)
{
	Oid			function = fcinfo->flinfo->fn_oid;
	ListCell   *cell;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		raise_misuse();
	if (session_loads_dump())
		PG_RETURN_NULL();

	foreach(cell, userlock_users_table_changed())
	{
		Relation	table = try_relation_open(lfirst_oid(cell), AccessShareLock);
		bool		is_adopted;

		if (table == NULL)
			continue;
		is_adopted = userlock_users_table_trigger(table, ROW_FUNCTION) != NULL;
		relation_close(table, NoLock);
		if (is_adopted)
		{
			follow_leaves(lfirst_oid(cell), function);
			let_detached_go(lfirst_oid(cell), function);
		}
	}
	PG_RETURN_NULL();
}

/* The caller must own the table, by the rights in force now. */
static void
require_owner(Oid table)
{
	char		kind = get_rel_relkind(table);

	if ((kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE) ||
		!userlock_compat_owns_table(table, GetUserId()))
		raise_for_table(USERLOCK_RESULT_TABLE_NOT_OWNED, table);
}

/* Nobody but its owner locks the table; then nobody changes it. */
static Oid
require_own_table(FunctionCallInfo fcinfo)
{
	Oid			table = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);

	userlock_caller_refuse_restricted();
	require_owner(table);
	LockRelationOid(table, ShareRowExclusiveLock);
	require_owner(table);
	return table;
}

/* A column that is named must be there, and of a type that an id may have. */
static void
require_column(Oid table, const char *name)
{
	AttrNumber	column = get_attnum(table, name);

	if (column <= 0 ||
		!userlock_users_table_takes_type(get_atttype(table, column)))
		raise_for_table(USERLOCK_RESULT_USERS_INVALID, table);
}

/* The adoption of a table that is followed already goes on; else a new one. */
static char *
adoption_of(Oid table)
{
	Relation	relation = table_open(table, NoLock);
	Trigger    *trigger = userlock_users_table_trigger(relation, ROW_FUNCTION);
	char	   *adoption = trigger && trigger->tgnargs > 0 ? pstrdup(trigger->tgargs[0]) :
		DatumGetCString(DirectFunctionCall1(uuid_out,
											DirectFunctionCall1(gen_random_uuid, (Datum) 0)));

	table_close(relation, NoLock);
	return adoption;
}

static void
stop_following(Oid table, Oid function)
{
	ListCell   *cell;

	drop_trigger(table, ROW_FUNCTION, function);
	foreach(cell, userlock_users_table_leaves(table))
		drop_trigger(lfirst_oid(cell), TRUNCATE_FUNCTION, function);
}

/* adopt(users, id_column, tenant_column) */
Datum
userlock_adopt(PG_FUNCTION_ARGS)
{
	Oid			function = fcinfo->flinfo->fn_oid;
	Oid			table = require_own_table(fcinfo);
	List	   *columns = NIL;
	UserLockCaller caller;
	UserLockStore store;
	char	   *adoption;

	if (!userlock_caller_read(&caller))
		raise_for_table(USERLOCK_RESULT_CLAIMS_MALFORMED, table);
	for (int i = 1; i <= 2; i++)
	{
		if (PG_ARGISNULL(i))
			continue;
		require_column(table, NameStr(*PG_GETARG_NAME(i)));
		columns = lappend(columns, makeString(NameStr(*PG_GETARG_NAME(i))));
	}
	if (PG_ARGISNULL(1) ||
		(list_length(columns) == 2 && equal(linitial(columns), lsecond(columns))))
		raise_for_table(USERLOCK_RESULT_USERS_INVALID, table);

	adoption = adoption_of(table);
	stop_following(table, function);
	userlock_store_begin(&store, function);
	create_trigger(table, ROW_TRIGGER, ROW_FUNCTION,
				   TRIGGER_TYPE_INSERT | TRIGGER_TYPE_DELETE | TRIGGER_TYPE_UPDATE, columns,
				   list_make2(makeString(adoption), makeString(caller.tenant)));
	userlock_store_end(&store);
	CommandCounterIncrement();
	PG_RETURN_INT64(follow_leaves(table, function));
}

/* release(users) */
Datum
userlock_release(PG_FUNCTION_ARGS)
{
	Oid			table = require_own_table(fcinfo);
	Relation	relation = table_open(table, NoLock);
	Trigger    *trigger = userlock_users_table_trigger(relation, ROW_FUNCTION);
	bool		is_adopted = trigger != NULL && !trigger->tgisclone;

	table_close(relation, NoLock);
	if (is_adopted)
		stop_following(table, fcinfo->flinfo->fn_oid);
	PG_RETURN_VOID();
}
