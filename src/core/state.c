/*
 * state.c
 *		The lock state of a user and the rules by which it changes.
 *
 * Everything that is true of a state without a clock, a table or a caller is
 * here and nowhere else.  This file must not include a server header.
 */
#include "core/state.h"

#include <string.h>

/* Indexed by UserLockState. */
static const char *const state_names[USERLOCK_STATE_COUNT] = {
	"active",
	"locked",
	"blocked",
	"locked+blocked"
};

/* Indexed by UserLockTransition. */
static const struct
{
	const char *name;
	const char *event;
	UserLockState restriction;
	bool		restricts;
}			transitions[USERLOCK_TRANSITION_COUNT] = {
	{"lock", "locked", USERLOCK_LOCKED, true},
	{"unlock", "unlocked", USERLOCK_LOCKED, false},
	{"block", "blocked", USERLOCK_BLOCKED, true},
	{"unblock", "unblocked", USERLOCK_BLOCKED, false}
};

bool
userlock_state_is_valid(unsigned int byte)
{
	return byte < USERLOCK_STATE_COUNT;
}

const char *
userlock_state_name(UserLockState state)
{
	return userlock_state_is_valid(state) ? state_names[state] : "invalid";
}

bool
userlock_state_parse(const char *name, UserLockState *state)
{
	for (int i = 0; i < USERLOCK_STATE_COUNT; i++)
	{
		if (strcmp(name, state_names[i]) == 0)
		{
			*state = (UserLockState) i;
			return true;
		}
	}
	return false;
}

bool
userlock_transition_parse(const char *name, UserLockTransition *transition)
{
	for (int i = 0; i < USERLOCK_TRANSITION_COUNT; i++)
	{
		if (strcmp(name, transitions[i].name) == 0)
		{
			*transition = (UserLockTransition) i;
			return true;
		}
	}
	return false;
}

const char *
userlock_transition_event(UserLockTransition transition)
{
	return transitions[transition].event;
}

UserLockState
userlock_transition_restriction(UserLockTransition transition)
{
	return transitions[transition].restriction;
}

bool
userlock_transition_restricts(UserLockTransition transition)
{
	return transitions[transition].restricts;
}

bool
userlock_state_next(UserLockState from, UserLockTransition transition,
					UserLockState *to)
{
	UserLockState restriction = transitions[transition].restriction;
	bool		restricted = (from & restriction) != 0;

	if (restricted == transitions[transition].restricts)
		return false;

	*to = from ^ restriction;
	return true;
}

/* Over from that very moment on; what has no end is never over. */
static bool
has_ended(int64_t until, int64_t now)
{
	return until <= now && until != USERLOCK_NO_END;
}

bool
userlock_state_allows(UserLockState state, int64_t changed_at,
					  int64_t locked_until, int64_t blocked_until,
					  UserLockTransition transition, int64_t at)
{
	UserLockState to;

	return changed_at < at &&
		userlock_state_at(state, locked_until, blocked_until, at) == state &&
		userlock_state_next(state, transition, &to);
}

int
userlock_state_expiries(UserLockState state, int64_t changed_at,
						int64_t locked_until, int64_t blocked_until,
						int64_t now,
						UserLockExpiry expiries[USERLOCK_MAX_EXPIRIES])
{
	bool		lock_ended = (state & USERLOCK_LOCKED) && has_ended(locked_until, now);
	bool		block_ended = (state & USERLOCK_BLOCKED) && has_ended(blocked_until, now);
	int			count = 0;

	while (lock_ended || block_ended)
	{
		UserLockExpiry *expiry = &expiries[count++];

		expiry->from = state;
		if (lock_ended && !(block_ended && blocked_until < locked_until))
		{
			expiry->event = "lock_expired";
			expiry->lifted = USERLOCK_LOCKED;
			expiry->until = locked_until;
			lock_ended = false;
		}
		else
		{
			expiry->event = "block_expired";
			expiry->lifted = USERLOCK_BLOCKED;
			expiry->until = blocked_until;
			block_ended = false;
		}
		expiry->at = expiry->until > changed_at ? expiry->until : changed_at;
		state ^= expiry->lifted;
		expiry->to = state;
	}
	return count;
}

UserLockState
userlock_state_at(UserLockState state,
				  int64_t locked_until, int64_t blocked_until, int64_t now)
{
	if (has_ended(locked_until, now))
		state &= (UserLockState) ~USERLOCK_LOCKED;
	if (has_ended(blocked_until, now))
		state &= (UserLockState) ~USERLOCK_BLOCKED;
	return state;
}
