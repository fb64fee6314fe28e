/*
 * account_row.h
 *		The account's row and its events changed without SQL, where that can be.
 */
#ifndef USERLOCK_ACCOUNT_ROW_H
#define USERLOCK_ACCOUNT_ROW_H

#include "core/store.h"

/*
 * What is to become of an account: changes it in memory, and says what its history
 * is to have of that.  False: nothing, or nothing without a closer look.
 */
typedef bool (*UserLockJudge) (void *asked, UserLockAccount *account,
							   UserLockEvent *event);

/*
 * Has an account judged as it is now, and changed at once if nobody else is at it.
 * False: it was not, for whatever reason, and nothing is written: hold the row and
 * look again.  Takes no rights, and needs no open store.
 */
extern bool userlock_account_row_change_at_once(const UserLockKey *key, UserLockJudge judge,
												void *asked, UserLockAccount *account);

/*
 * What store.c does in SQL, faster.  False: it takes SQL, and nothing has happened.
 */

/* Locks the row for a change, and reads it; is_found: is there one? */
extern bool userlock_account_row_lock(const UserLockKey *key, UserLockAccount *account,
									  bool *is_found);

/* Overwrites a row that is locked. */
extern bool userlock_account_row_put(const UserLockKey *key, const UserLockAccount *account);

/* Writes an event of a user who has others. */
extern bool userlock_account_row_append(const UserLockKey *key, const UserLockEvent *event);

#endif							/* USERLOCK_ACCOUNT_ROW_H */
