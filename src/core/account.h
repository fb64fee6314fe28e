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

/* Notes one restriction: when it was set, when it ends, by which event. */
extern void userlock_account_note(UserLockAccount *account,
								  UserLockState restriction, TimestampTz at,
								  TimestampTz until, int64 sequence);

/* Notes that one restriction is no more. */
extern void userlock_account_note_lifted(UserLockAccount *account,
										 UserLockState restriction);

/*
 * The account's latest event: its sequence and moment come from the account, who, why
 * and what else from the request.
 */
extern UserLockEvent userlock_account_event(const UserLockRequest *request,
											const UserLockAccount *account,
											const char *kind,
											const char *from_state,
											const char *to_state);

/* Writes it. */
extern void userlock_account_append(const UserLockRequest *request,
									const UserLockAccount *account,
									const char *kind,
									const char *from_state,
									const char *to_state);

/* An account that is about to change, and what it owes to its history. */
typedef struct UserLockChange
{
	TimestampTz now;
	UserLockExpiry expiries[USERLOCK_MAX_EXPIRIES];
	int			expired;
} UserLockChange;

/*
 * Locks an account for a change, and brings it up to date in memory.  Nothing is
 * written, so the change may yet be refused.
 */
extern UserLockResult userlock_account_hold(const UserLockRequest *request,
											UserLockRowLock lock,
											UserLockAccount *account,
											UserLockChange *change);

/* Makes room for the event of a change to the account that is held. */
extern void userlock_account_make_room(const UserLockRequest *request,
									   UserLockAccount *account,
									   const UserLockChange *change);

/* Both at once, for a change that nothing else stands against. */
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
 * again.  profile: NULL where there is none, adoption: 0.
 */
extern UserLockResult userlock_account_register(const UserLockRequest *request,
												const UserLockProfile *profile,
												Datum adoption,
												UserLockAccount *account);

/*
 * Replaces the user's profile, or takes it away.  attributes: those that differ
 * are in the event.
 */
extern UserLockResult userlock_account_set_profile(const UserLockRequest *request,
												   const UserLockProfile *profile,
												   UserLockAccount *account);

/*
 * Registers somebody never seen whom a request restricts, where users are
 * registered on demand.  USERLOCK_RESULT_USER_NOT_FOUND: they are not, the request
 * expects to find a user, or the user was deleted; ..._ALREADY_REGISTERED: another
 * session has done so just now.  Whatever is not a success has left nothing behind;
 * after one, nothing stands against a restriction at the next moment.
 */
extern UserLockResult userlock_account_register_on_demand(const UserLockRequest *request,
														  UserLockAccount *account);

/* Deletes the account and the profile; history stays. */
extern UserLockResult userlock_account_delete(const UserLockRequest *request,
											  UserLockAccount *account);

#endif							/* USERLOCK_ACCOUNT_H */
