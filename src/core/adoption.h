/*
 * adoption.h
 *		Existing tables of users: their rows become users, and are followed.
 */
#ifndef USERLOCK_ADOPTION_H
#define USERLOCK_ADOPTION_H

#include "core/outcome.h"
#include "core/users_table.h"

/* The triggers of an adopted table, and the functions that they call. */
#define ROW_TRIGGER			"userlock_follow"
#define ID_TRIGGER			"userlock_keep_id"
#define ROW_FUNCTION		"userlock", "follow_row"
#define TRUNCATE_TRIGGER	"userlock_follow_truncate"
#define TRUNCATE_FUNCTION	"userlock_private", "follow_truncate"

/* Raises a result about a table. */
pg_noreturn extern void userlock_adoption_raise(UserLockResult result, Oid table);

/* Raises that a trigger function of ours is not for anybody to use. */
pg_noreturn extern void userlock_adoption_raise_misuse(void);

/*
 * Does this session load a dump?  These are the settings of every script of
 * pg_dump and every session of pg_restore.
 */
extern bool userlock_session_loads_dump(void);

/* Reads how a table is followed, by its trigger for each row. */
extern UserLockUsersTable userlock_adoption_of(Relation table,
											   const Trigger *trigger);

/*
 * Has a table, in any partition but one ('except', InvalidOid: any), a row of this
 * user?
 */
extern bool userlock_adoption_has_row(Oid table, const UserLockKey *key, Oid except);

/*
 * Has all rows of a table come, or go.  The table's tuples are read as they are:
 * nothing is planned, nothing evaluated.  others: nobody goes who has a row in this
 * table as well; InvalidOid: everybody goes.  function: the one being run, whose
 * owner's rights register.  Returns how many users that made.
 */
extern int64 userlock_adoption_follow_all(Relation table,
										  const UserLockUsersTable *users,
										  bool comes, Oid others, Oid function);

#endif							/* USERLOCK_ADOPTION_H */
