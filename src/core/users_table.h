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

/*
 * How a table is followed, as its trigger for each row says.  The columns are
 * those of UPDATE OF: the server keeps them right when one is renamed, in a
 * partition, and in a dump.
 */
typedef struct UserLockUsersTable
{
	Datum		adoption;		/* uuid: which users are this table's */
	Datum		tenant;			/* text: where a row names none */
	AttrNumber	id_column;
	AttrNumber	tenant_column;	/* InvalidAttrNumber: there is none */
} UserLockUsersTable;

/* Is this a type that an id, or a tenant, may have? */
extern bool userlock_users_table_takes_type(Oid type);

/* A copy of the trigger of a function on a table; NULL: there is none. */
extern Trigger *userlock_users_table_trigger(Relation table, const char *schema,
											 const char *function);

/*
 * Reads the trigger for each row.  False: a column is of a type that no id has,
 * or there are no such columns.
 */
extern bool userlock_users_table_read(const Trigger *trigger, TupleDesc columns,
									  UserLockUsersTable *users);

/* Whose row it is.  A user_id of 0 is NULL. */
extern UserLockKey userlock_users_table_key(const UserLockUsersTable *users,
											HeapTuple row, TupleDesc columns);

/* Are they the same user? */
extern bool userlock_users_table_same(const UserLockKey *one, const UserLockKey *other);

/* Does a table that holds rows have one of this user? */
extern bool userlock_users_table_has(Relation table, const UserLockUsersTable *users,
									 const UserLockKey *key);

/* The tables that hold the rows: the table itself, or its partitions. */
extern List *userlock_users_table_leaves(Oid table);

/* The tables that have a trigger of this function and this adoption. */
extern List *userlock_users_table_followed(const char *schema,
										   const char *function,
										   const char *adoption);

/* In an event trigger: the relations that the command has made or altered. */
extern List *userlock_users_table_changed(void);

#endif							/* USERLOCK_USERS_TABLE_H */
