/*
 * state.h
 *		The lock state of a user and the rules by which it changes.
 *
 * Pure C: no server headers, no allocation, no errors thrown, so that the
 * rules can be compiled, tested and fuzzed without a server.
 */
#ifndef USERLOCK_STATE_H
#define USERLOCK_STATE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A set of restrictions in one byte.  The two are independent: lifting one
 * never lifts the other.  "Active" is the empty set, not a bit.
 *
 * The numeric values are the binary wire format and the sort order; they can
 * never change.
 */
typedef uint8_t UserLockState;

#define USERLOCK_ACTIVE		0x00
#define USERLOCK_LOCKED		0x01	/* temporary, caused by a security event */
#define USERLOCK_BLOCKED	0x02	/* administrative: suspended, banned */

#define USERLOCK_STATE_COUNT	4

typedef enum UserLockTransition
{
	USERLOCK_LOCK,
	USERLOCK_UNLOCK,
	USERLOCK_BLOCK,
	USERLOCK_UNBLOCK
} UserLockTransition;

#define USERLOCK_TRANSITION_COUNT	4

/*
 * Moments are microseconds on any one time line, the server's TimestampTz
 * among them.  A restriction that holds until it is lifted ends at
 * USERLOCK_NO_END, which is also how the server spells 'infinity'.
 */
#define USERLOCK_NO_END		INT64_MAX

/*
 * The event of a restriction that ended because its time had passed.  It
 * happened at that moment; but never before the event before it, which may be
 * later where the clock has been set back.
 */
typedef struct UserLockExpiry
{
	const char *event;			/* "lock_expired" or "block_expired" */
	UserLockState lifted;		/* the one restriction */
	UserLockState from;
	UserLockState to;
	int64_t		at;
	int64_t		until;			/* when its time had passed */
} UserLockExpiry;

#define USERLOCK_MAX_EXPIRIES	2

/* Is this byte one of the four states? */
extern bool userlock_state_is_valid(unsigned int byte);

/* "active", "locked", "blocked" or "locked+blocked"; a static string. */
extern const char *userlock_state_name(UserLockState state);

/* The state of exactly that name; false leaves *state alone. */
extern bool userlock_state_parse(const char *name, UserLockState *state);

/* The transition called "lock", "unlock", "block" or "unblock". */
extern bool userlock_transition_parse(const char *name,
									  UserLockTransition *transition);

/* What history calls it: "locked", "unlocked", "blocked" or "unblocked". */
extern const char *userlock_transition_event(UserLockTransition transition);

/* The restriction that a transition sets or lifts: one bit. */
extern UserLockState userlock_transition_restriction(UserLockTransition transition);

/* Does it set its restriction (lock, block) rather than lift it? */
extern bool userlock_transition_restricts(UserLockTransition transition);

/*
 * Applies a transition.  False is a refusal: it would change nothing, and
 * *to is left alone.
 */
extern bool userlock_state_next(UserLockState from,
								UserLockTransition transition,
								UserLockState *to);

/*
 * May a transition be made at 'at' to an account as it is written?  Only if it
 * would change something, no restriction has ended unwritten, and nothing was
 * written at that moment or later.
 */
extern bool userlock_state_allows(UserLockState state,
								  int64_t changed_at,
								  int64_t locked_until,
								  int64_t blocked_until,
								  UserLockTransition transition,
								  int64_t at);

/*
 * Which restrictions of a user have ended by themselves at 'now', in the order
 * in which they ended (the lock first where both ended at once)?  A
 * restriction no longer holds at the very moment it ends.  'changed_at' is when
 * the user's last event happened.  Fills 'expiries' and returns how many there
 * are.
 */
extern int	userlock_state_expiries(UserLockState state,
									int64_t changed_at,
									int64_t locked_until,
									int64_t blocked_until,
									int64_t now,
									UserLockExpiry expiries[USERLOCK_MAX_EXPIRIES]);

/* The state with the restrictions that have ended at 'now' taken away. */
extern UserLockState userlock_state_at(UserLockState state,
									   int64_t locked_until,
									   int64_t blocked_until,
									   int64_t now);

#endif							/* USERLOCK_STATE_H */
