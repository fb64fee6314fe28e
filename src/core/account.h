/*
 * account.h
 *		How an account row follows its history.
 */
#ifndef USERLOCK_ACCOUNT_H
#define USERLOCK_ACCOUNT_H

#include "core/request.h"
#include "core/result.h"

/*
 * The moment of the next event of an account whose row is locked: 'now', but
 * always after the last event, even where the clock has been set back.
 */
extern TimestampTz userlock_account_next_moment(const UserLockAccount *account,
												TimestampTz now);

/*
 * Ends, in memory, the restrictions that have expired at 'now', and returns
 * how many.  The account then looks as if a tireless sweeper had written each
 * expiry into history the moment it happened.
 */
extern int	userlock_account_settle(UserLockAccount *account, TimestampTz now,
									UserLockExpiry expiries[USERLOCK_MAX_EXPIRIES]);

/* Writes into history what userlock_account_settle() has just ended. */
extern void userlock_account_append_expiries(const UserLockKey *key,
											 const UserLockAccount *account,
											 const UserLockExpiry *expiries,
											 int count);

/* Counts one more event, at 'at', without changing the state. */
extern void userlock_account_advance(UserLockAccount *account, TimestampTz at);

/*
 * Notes the end of one restriction and the event that set it; USERLOCK_NO_END
 * and 0 where it is lifted.
 */
extern void userlock_account_note(UserLockAccount *account,
								  UserLockState restriction,
								  TimestampTz until, int64 sequence);

/*
 * Writes the account's latest event: its sequence and moment come from the
 * account, who, why and what else from the request.
 */
extern void userlock_account_append(const UserLockRequest *request,
									const UserLockAccount *account,
									const char *kind,
									const char *from_state,
									const char *to_state);

/*
 * Locks an account for a change that is allowed in any state, brings it up to
 * date and makes room for the event.
 */
extern UserLockResult userlock_account_begin_change(const UserLockRequest *request,
													UserLockRowLock lock,
													UserLockAccount *account);

/*
 * Makes void every token issued to the user until the moment of the latest
 * event, and no other.  Room has been made for the event, which this writes.
 */
extern void userlock_account_set_floor(const UserLockRequest *request,
									   UserLockAccount *account,
									   const char *kind);

/* Restrictions, with the events that set them. */
typedef struct UserLockRestrictions
{
	int			count;
	struct
	{
		UserLockTransition transition;
		UserLockEvent event;
	}			set[USERLOCK_MAX_EXPIRIES];
} UserLockRestrictions;

/* What a user in this state is restricted by, as history has it. */
extern UserLockRestrictions userlock_account_restrictions(const UserLockKey *key,
														  UserLockState state);

/*
 * Registers a user.  Whoever comes back under an id that was used before goes on
 * with its history, as restricted as they left; no token from before is good
 * again.  profile, adoption: 0 where there is none.
 */
extern UserLockResult userlock_account_register(const UserLockRequest *request,
												Datum profile, Datum adoption,
												UserLockAccount *account);

/* Deletes the account and the profile; history stays. */
extern UserLockResult userlock_account_delete(const UserLockRequest *request,
											  UserLockAccount *account);

#endif							/* USERLOCK_ACCOUNT_H */
