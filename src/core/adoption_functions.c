/*
 * adoption_functions.c
 *		adopt() and release(), and what keeps up with partitions: the triggers by
 *		which a table is followed are made and dropped here.
 *
 * To make a trigger evaluates nothing of the table's owner.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/pg_trigger.h"
#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "core/adoption.h"
#include "core/caller.h"

PG_FUNCTION_INFO_V1(userlock_follow_partitions);
PG_FUNCTION_INFO_V1(userlock_adopt);
PG_FUNCTION_INFO_V1(userlock_release);

static List *
strings(const char *one, const char *other)
{
	List	   *list = list_make1(makeString(pstrdup(one)));

	return lappend(list, makeString(pstrdup(other)));
}

/* Makes a trigger.  Nothing of the table's owner is evaluated for that. */
static void
create_trigger(Oid table, const char *name, const char *schema,
			   const char *function, int16 type, List *columns, List *arguments)
{
	CreateTrigStmt *statement = makeNode(CreateTrigStmt);

	statement->trigname = pstrdup(name);
	statement->funcname = strings(schema, function);
	statement->args = arguments;
	statement->row = TRIGGER_FOR_ROW(type);
	statement->timing = type & TRIGGER_TYPE_TIMING_MASK;
	statement->events = type & TRIGGER_TYPE_EVENT_MASK;
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
		Relation	leaf = try_relation_open(lfirst_oid(cell), AccessShareLock);
		UserLockFollowed followed = {.table = leaf, .function = function};
		UserLockStore store;

		if (leaf == NULL)
			continue;			/* dropped meanwhile */
		followed.trigger = userlock_users_table_trigger(leaf, ROW_FUNCTION);
		if (followed.trigger != NULL &&
			userlock_users_table_trigger(leaf, TRUNCATE_FUNCTION) == NULL)
		{
			if (leaf->rd_rel->relkind != RELKIND_RELATION)
				userlock_adoption_raise(USERLOCK_RESULT_TABLE_UNSUITABLE, RelationGetRelid(leaf));
			followed.users = userlock_adoption_of(leaf, followed.trigger);
			userlock_store_begin(&store, function);
			create_trigger(RelationGetRelid(leaf), TRUNCATE_TRIGGER,
						   TRUNCATE_FUNCTION, TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_TRUNCATE, NIL,
						   list_make1(makeString(pstrdup(followed.trigger->tgargs[0]))));
			userlock_store_end(&store);
			registered += userlock_adoption_follow_all(&followed, true);
		}
		relation_close(leaf, NoLock);
	}
	return registered;
}

/* Drops the triggers of a function on a table; not those that are copies. */
static void
drop_triggers(Oid table, const char *schema, const char *function,
			  Oid our_function)
{
	ObjectAddress address = {.classId = TriggerRelationId};
	UserLockStore store;

	for (;;)
	{
		Relation	relation = table_open(table, ShareRowExclusiveLock);
		Trigger    *trigger = userlock_users_table_trigger(relation, schema, function);

		table_close(relation, NoLock);
		if (trigger == NULL || trigger->tgisclone)
			return;
		address.objectId = trigger->tgoid;
		userlock_store_begin(&store, our_function);
		performDeletion(&address, DROP_RESTRICT, PERFORM_DELETION_INTERNAL);
		userlock_store_end(&store);
		CommandCounterIncrement();
	}
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
	UserLockUsersTable users = userlock_adoption_of(table, trigger);
	ListCell   *cell;

	foreach(cell, userlock_users_table_followed(TRUNCATE_FUNCTION, trigger->tgargs[0]))
	{
		Relation	leaf = table_open(lfirst_oid(cell), AccessShareLock);
		UserLockFollowed detached = {
			.users = users,
			.table = leaf,
			.adopted = parent,
			.function = function
		};

		if (userlock_users_table_trigger(leaf, ROW_FUNCTION) == NULL)
		{
			/* Its columns have the same names, and maybe other numbers. */
			for (int i = 0; i < USERLOCK_COLUMN_COUNT; i++)
			{
				if (users.columns[i] != InvalidAttrNumber)
					detached.users.columns[i] =
						get_attnum(lfirst_oid(cell), get_attname(parent, users.columns[i], false));
			}
			if (userlock_users_table_takes(detached.users.columns, RelationGetDescr(leaf)))
				userlock_adoption_follow_all(&detached, false);
			table_close(leaf, NoLock);
			drop_triggers(lfirst_oid(cell), TRUNCATE_FUNCTION, function);
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
		userlock_adoption_raise_misuse();
	if (userlock_session_loads_dump())
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

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		userlock_adoption_raise(USERLOCK_RESULT_TABLE_UNSUITABLE, table);
	if (!userlock_compat_owns_table(table, GetUserId()))
		userlock_adoption_raise(USERLOCK_RESULT_TABLE_NOT_OWNED, table);
}

/*
 * Nobody but its owner locks the table; then nobody changes it.  'command' is what
 * cannot be done on a standby.
 */
static Oid
require_own_table(FunctionCallInfo fcinfo, const char *command)
{
	Oid			table = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);

	userlock_caller_refuse_restricted();
	require_owner(table);
	PreventCommandIfReadOnly(command);
	LockRelationOid(table, ShareRowExclusiveLock);
	require_owner(table);
	return table;
}

/*
 * Is one of the user's key made of others?  Where rows go from partition to partition
 * we have to know it before, see keep_id(), and it is made after.
 */
static bool
has_generated_key(const AttrNumber numbers[USERLOCK_COLUMN_COUNT], TupleDesc columns)
{
	AttrNumber	tenant = numbers[USERLOCK_COLUMN_TENANT];

	return TupleDescAttr(columns, numbers[USERLOCK_COLUMN_ID] - 1)->attgenerated != '\0' ||
		(tenant != InvalidAttrNumber && TupleDescAttr(columns, tenant - 1)->attgenerated != '\0');
}

/*
 * The columns that adopt() names, from its second argument on: what UPDATE OF of
 * the trigger has, and what its argument says of them.
 */
static List *
require_columns(FunctionCallInfo fcinfo, Oid table, char **argument)
{
	Relation	relation = table_open(table, NoLock);
	AttrNumber	numbers[USERLOCK_COLUMN_COUNT] = {InvalidAttrNumber};
	List	   *update_of;

	for (int i = 0; i < USERLOCK_COLUMN_COUNT; i++)
	{
		if (PG_ARGISNULL(i + 1))
			continue;
		numbers[i] = get_attnum(table, NameStr(*PG_GETARG_NAME(i + 1)));
		if (numbers[i] == InvalidAttrNumber)
			userlock_adoption_raise(USERLOCK_RESULT_USERS_INVALID, table);
	}
	if (!userlock_users_table_takes(numbers, RelationGetDescr(relation)) ||
		(relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE &&
		 has_generated_key(numbers, RelationGetDescr(relation))))
		userlock_adoption_raise(USERLOCK_RESULT_USERS_INVALID, table);
	update_of = userlock_users_table_update_of(numbers, RelationGetDescr(relation), argument);
	table_close(relation, NoLock);
	return update_of;
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

	drop_triggers(table, ROW_FUNCTION, function);
	foreach(cell, userlock_users_table_leaves(table))
		drop_triggers(lfirst_oid(cell), TRUNCATE_FUNCTION, function);
}

/* adopt(users, id_column, tenant_column, user_name_column, email_column) */
Datum
userlock_adopt(PG_FUNCTION_ARGS)
{
	Oid			function = fcinfo->flinfo->fn_oid;
	Oid			table = require_own_table(fcinfo, "adopt()");
	UserLockCaller caller;
	UserLockStore store;
	List	   *columns;
	List	   *arguments;
	char	   *meaning;

	userlock_caller_require(&caller);
	columns = require_columns(fcinfo, table, &meaning);
	arguments = strings(adoption_of(table), caller.tenant);
	if (meaning)
		arguments = lappend(arguments, makeString(meaning));

	stop_following(table, function);
	userlock_store_begin(&store, function);
	create_trigger(table, ROW_TRIGGER, ROW_FUNCTION,
				   TRIGGER_TYPE_ROW | TRIGGER_TYPE_INSERT | TRIGGER_TYPE_DELETE |
				   TRIGGER_TYPE_UPDATE,
				   columns, arguments);
	if (get_rel_relkind(table) == RELKIND_PARTITIONED_TABLE)
		create_trigger(table, ID_TRIGGER, ROW_FUNCTION,
					   TRIGGER_TYPE_ROW | TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_UPDATE,
					   columns, arguments);
	userlock_store_end(&store);
	CommandCounterIncrement();
	PG_RETURN_INT64(follow_leaves(table, function));
}

/* release(users) */
Datum
userlock_release(PG_FUNCTION_ARGS)
{
	Oid			table = require_own_table(fcinfo, "release()");
	Relation	relation = table_open(table, NoLock);
	Trigger    *trigger = userlock_users_table_trigger(relation, ROW_FUNCTION);
	bool		is_adopted = trigger != NULL && !trigger->tgisclone;

	table_close(relation, NoLock);
	if (is_adopted)
		stop_following(table, fcinfo->flinfo->fn_oid);
	PG_RETURN_VOID();
}
