/*
 * state_test.c
 *		The rules of states, tested without a server.
 *
 * Speaks TAP.  Every state and every transition is tried; what a state should
 * become is worked out here from the two restrictions, not from the table in
 * state.c.
 */
#include "core/state.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int	tests = 0;
static int	failures = 0;

static void
ok(bool passed, const char *format,...)
{
	va_list		arguments;

	printf("%sok %d - ", passed ? "" : "not ", ++tests);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	failures += !passed;
}

static const char *const names[] = {"active", "locked", "blocked", "locked+blocked"};
static const char *const verbs[] = {"lock", "unlock", "block", "unblock"};

static void
test_names(void)
{
	static const char *const strangers[] = {
		"", "ACTIVE", " active", "active ", "lock", "blocked+locked",
		"locked+", "locked+blocked+locked", "0"
	};
	UserLockState state;
	UserLockTransition transition;

	for (unsigned int i = 0; i < 4; i++)
	{
		state = 99;
		ok(userlock_state_parse(names[i], &state) && state == i &&
		   strcmp(userlock_state_name(state), names[i]) == 0,
		   "\"%s\" is read and written", names[i]);
	}
	for (unsigned int i = 0; i < sizeof(strangers) / sizeof(*strangers); i++)
	{
		state = 99;
		ok(!userlock_state_parse(strangers[i], &state) && state == 99,
		   "\"%s\" is no state", strangers[i]);
	}
	for (unsigned int i = 0; i < 4; i++)
		ok(userlock_transition_parse(verbs[i], &transition) &&
		   transition == (UserLockTransition) i,
		   "\"%s\" is a transition", verbs[i]);
	ok(!userlock_transition_parse("locked", &transition) &&
	   !userlock_transition_parse("", &transition),
	   "anything else is no transition");
}

static void
test_bytes(void)
{
	int			valid = 0;

	for (unsigned int byte = 0; byte < 256; byte++)
		valid += userlock_state_is_valid(byte);
	ok(valid == 4 && userlock_state_is_valid(3) && !userlock_state_is_valid(4),
	   "of 256 bytes the first four are states");
}

static void
test_transitions(void)
{
	for (int from = 0; from < 4; from++)
	{
		for (int verb = 0; verb < 4; verb++)
		{
			int			bit = verb < 2 ? USERLOCK_LOCKED : USERLOCK_BLOCKED;
			bool		restricts = verb % 2 == 0;
			int			wanted = restricts ? from | bit : from & ~bit;
			UserLockState to = 99;
			bool		done = userlock_state_next((UserLockState) from,
												   (UserLockTransition) verb, &to);

			ok(done == (wanted != from) && to == (done ? wanted : 99),
			   "%s a user who is %s: %s", verbs[verb], names[from],
			   wanted == from ? "refused" : names[wanted]);
		}
	}
}

/* The state at 'now' must be what is left after the expiries, whatever ends when. */
static void
test_expiry(void)
{
	static const int64_t moments[] = {INT64_MIN, 99, 100, 101, USERLOCK_NO_END};
	const int64_t now = 100;
	bool		consistent = true;
	bool		ordered = true;
	bool		exact = true;
	bool		allowed = true;

	for (int state = 0; state < 4; state++)
		for (int l = 0; l < 5; l++)
			for (int b = 0; b < 5; b++)
			{
				UserLockExpiry expiries[USERLOCK_MAX_EXPIRIES];
				int			count = userlock_state_expiries((UserLockState) state, 99,
															moments[l], moments[b],
															now, expiries);
				UserLockState left = (UserLockState) state;
				int			wanted = state;

				if (moments[l] <= now)
					wanted &= ~USERLOCK_LOCKED;
				if (moments[b] <= now)
					wanted &= ~USERLOCK_BLOCKED;
				for (int i = 0; i < count; i++)
				{
					consistent &= expiries[i].from == left &&
						expiries[i].to == (left ^ expiries[i].lifted);
					ordered &= i == 0 || expiries[i - 1].at <= expiries[i].at;
					exact &= expiries[i].until ==
						(expiries[i].lifted == USERLOCK_LOCKED ? moments[l] : moments[b]);
					exact &= expiries[i].at == (expiries[i].until > 99 ? expiries[i].until : 99);
					left = expiries[i].to;
				}
				consistent &= left == wanted &&
					left == userlock_state_at((UserLockState) state, moments[l],
											  moments[b], now);
				for (int verb = 0; verb < 4; verb++)
				{
					UserLockState to;
					bool		possible = userlock_state_next((UserLockState) state,
															   (UserLockTransition) verb, &to);

					allowed &= userlock_state_allows((UserLockState) state, now - 1,
													 moments[l], moments[b],
													 (UserLockTransition) verb, now)
						== (possible && count == 0);
					allowed &= !userlock_state_allows((UserLockState) state, now,
													  moments[l], moments[b],
													  (UserLockTransition) verb, now);
				}
			}
	ok(consistent, "expiries lead from the state as written to the state as it is");
	ok(ordered, "expiries come in the order in which they happened");
	ok(exact, "an expiry happened at the end of its restriction, but not before the last event");
	ok(allowed, "a row allows what it can, if nothing has expired and nothing is later");
}

int
main(void)
{
	test_names();
	test_bytes();
	test_transitions();
	test_expiry();
	printf("1..%d\n", tests);
	return failures != 0;
}
