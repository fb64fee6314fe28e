/*
 * id_change.h
 *		What a row of an adopted table takes along when its id changes.
 */
#ifndef USERLOCK_ID_CHANGE_H
#define USERLOCK_ID_CHANGE_H

#include "core/account.h"
#include "core/users_table.h"

typedef struct UserLockIdChange
{
	bool		is_ours;		/* the user came from this table; else nothing goes along */
	UserLockRestrictions restrictions;
	Datum		profile;		/* the document; 0: none */
} UserLockIdChange;

/*
 * What there is of the old id, as it was before the statement that fires this
 * trigger: whoever committed since counts, the triggers of its other rows do not.
 * Else, where every id moves to the next row, the first user's restrictions would
 * move on to everybody.  Only of users who came from this table: others' are none
 * of its business.  function: the one being run, whose owner's rights read.
 */
extern UserLockIdChange userlock_id_change_before(const UserLockRequest *request,
												  const UserLockUsersTable *users,
												  Oid function);

/* Has the new id as restricted as the old one was. */
extern void userlock_id_change_after(const UserLockIdChange *change,
									 const UserLockRequest *after,
									 const UserLockUsersTable *users,
									 Oid function);

#endif							/* USERLOCK_ID_CHANGE_H */
