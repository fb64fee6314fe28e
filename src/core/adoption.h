/*
 * adoption.h
 *		Existing tables of users: their rows become users, and are followed.
 */
#ifndef USERLOCK_ADOPTION_H
#define USERLOCK_ADOPTION_H

#include "core/follow.h"
#include "core/outcome.h"

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

/* The table that was adopted: the trigger of a partition is a copy of its. */
extern Oid	userlock_adoption_table(Relation table, const Trigger *trigger);

/* Has an adopted table, in any partition, a row of those that are looked for? */
extern bool userlock_adoption_has_row(Oid table, const UserLockRowsWanted *wanted);

/*
 * Has all rows of a table come, or go.  The table's tuples are read as they are:
 * nothing is planned, nothing evaluated.  Of those that go nobody leaves who has a
 * row in 'adopted'; where that is InvalidOid, everybody leaves.  Returns how many
 * users were registered.
 */
extern int64 userlock_adoption_follow_all(const UserLockFollowed *followed, bool comes);

#endif							/* USERLOCK_ADOPTION_H */
