/*
 * follow.h
 *		A row of an adopted table is followed: its user comes, goes, or is called
 *		otherwise.
 */
#ifndef USERLOCK_FOLLOW_H
#define USERLOCK_FOLLOW_H

#include "core/id_change.h"
#include "core/request.h"
#include "core/users_table.h"

/* What is followed. */
typedef struct UserLockFollowed
{
	UserLockUsersTable users;
	Relation	table;			/* the one with the rows, maybe a partition */
	const Trigger *trigger;		/* its trigger for each row */
	Oid			adopted;		/* the table adopted; InvalidOid: that of the trigger */
	Oid			function;		/* the one being run, whose owner's rights register */
} UserLockFollowed;

typedef struct UserLockFollowedRow
{
	UserLockRequest request;	/* whose row, and who changes it */
	UserLockNames names;
	ItemPointer place;			/* in the table */
} UserLockFollowedRow;

/*
 * Reads a row, and who changes it, and what they may: a row that names a tenant
 * must name one of the caller's, but for whoever has yet to sign in.
 */
extern UserLockFollowedRow userlock_follow_begin(const UserLockFollowed *followed,
												 HeapTuple row);

/*
 * A row is there: its user is one of ours, and called so.  before: what it was with
 * another id, of which 'change' goes along; both NULL: it is new.  Returns whether
 * that registered the user.
 */
extern bool userlock_follow_comes(const UserLockFollowed *followed,
								  const UserLockFollowedRow *row,
								  const UserLockFollowedRow *before,
								  const UserLockIdChange *change);

/* A row of the same user has changed. */
extern void userlock_follow_changes(const UserLockFollowed *followed,
									const UserLockFollowedRow *before,
									const UserLockFollowedRow *after);

/*
 * A row is gone.  With the last, but for those of the table itself where 'detached'
 * says so, its user leaves; else what it alone called them goes.
 */
extern void userlock_follow_goes(const UserLockFollowed *followed,
								 const UserLockFollowedRow *row, bool detached);

/* All rows are gone: the user leaves, whatever there is elsewhere. */
extern void userlock_follow_leaves(const UserLockFollowed *followed,
								   const UserLockFollowedRow *row);

#endif							/* USERLOCK_FOLLOW_H */
