/*
 * users_table.h
 *		A table of users that belongs to somebody else.
 *
 * Its owner is not trusted: values are taken out of its tuples here, by number
 * and type, and nothing of the owner's making (a cast, an index's expression, a
 * policy) is ever evaluated.
 */
#ifndef USERLOCK_USERS_TABLE_H
#define USERLOCK_USERS_TABLE_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"

#include "core/store.h"

/* What columns may be for; each, but for the tenant's, for several. */
typedef enum UserLockColumn
{
	USERLOCK_COLUMN_ID,
	USERLOCK_COLUMN_TENANT,
	USERLOCK_COLUMN_USER_NAME,
	USERLOCK_COLUMN_EMAIL
} UserLockColumn;

#define USERLOCK_COLUMN_COUNT	4

/*
 * How a table is followed, as its trigger for each row says.  The columns are
 * those of UPDATE OF: the server keeps them right when one is renamed, in a
 * partition, and in a dump.  What they are for is in the trigger's third argument.
 */
typedef struct UserLockUsersTable
{
	Datum		adoption;		/* uuid: which users are this table's */
	Datum		tenant;			/* text: where a row names none */
	AttrNumber	columns[USERLOCK_COLUMN_COUNT]; /* InvalidAttrNumber: none */
} UserLockUsersTable;

/* Is there a column for the id, and are all of types that they may have? */
extern bool userlock_users_table_takes(const AttrNumber numbers[USERLOCK_COLUMN_COUNT],
									   TupleDesc columns);

/*
 * What a trigger has in UPDATE OF to follow these columns, and says in its third
 * argument; NULL: it needs none.
 */
extern List *userlock_users_table_update_of(const AttrNumber numbers[USERLOCK_COLUMN_COUNT],
											TupleDesc columns, char **argument);

/* A copy of the trigger of a function on a table; NULL: there is none. */
extern Trigger *userlock_users_table_trigger(Relation table, const char *schema,
											 const char *function);

/*
 * Reads the trigger for each row.  False: a column is of a type that it may not
 * have, or there are no such columns.
 */
extern bool userlock_users_table_read(const Trigger *trigger, TupleDesc columns,
									  UserLockUsersTable *users);

/* Whose row it is.  A user_id of 0 is NULL. */
extern UserLockKey userlock_users_table_key(const UserLockUsersTable *users,
											HeapTuple row, TupleDesc columns);

/* What it calls them; what is empty is as good as NULL. */
extern UserLockNames userlock_users_table_names(const UserLockUsersTable *users,
												HeapTuple row, TupleDesc columns);

/* Are they the same user? */
extern bool userlock_users_table_same(const UserLockKey *one, const UserLockKey *other);

/* The rows that are looked for: a user's, but for some. */
typedef struct UserLockRowsWanted
{
	const UserLockKey *key;
	UserLockNames names;		/* what they must call the user; 0: anything */
	Oid			except;			/* a table whose rows do not count; InvalidOid: none */
	ItemPointer except_row;		/* … this row alone; NULL: all of them */
	Snapshot	as_of;			/* NULL: as they are now */
} UserLockRowsWanted;

/* Does a table that holds rows have one of these? */
extern bool userlock_users_table_has(Relation table, const UserLockUsersTable *users,
									 const UserLockRowsWanted *wanted);

/* The tables that hold the rows: the table itself, or its partitions. */
extern List *userlock_users_table_leaves(Oid table);

/* The tables that have a trigger of this function and this adoption. */
extern List *userlock_users_table_followed(const char *schema,
										   const char *function,
										   const char *adoption);

/* In an event trigger: the relations that the command has made or altered. */
extern List *userlock_users_table_changed(void);

#endif							/* USERLOCK_USERS_TABLE_H */
