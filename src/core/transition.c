/*
 * transition.c
 *		Lock, unlock, block, unblock: one attempt on one user.
 *
 * Nearly every attempt is made at once: the row is read, judged, and written if nobody
 * else is at it.  Whatever else there is (refused, unknown, changed under us, something
 * expired, a table that takes SQL) has the row locked first, and judged in the open.
 * Both ways must come to the same account; the fold that verify() checks is what holds
 * them together.
 *
 * Time is read where nobody is waited for any more: between reading the row and writing
 * it, or with the row locked.  So a user's history is ordered by time as well as by
 * sequence, and a restriction voids the tokens that were issued while it waited.
 *
 * Somebody never seen is registered by what restricts them, where the setting
 * userlock.registration says so.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/fmgrprotos.h"

#include "core/account.h"
#include "core/account_row.h"
#include "core/protection.h"
#include "core/transition.h"

const char *
userlock_transition_function(UserLockTransition transition)
{
	switch (transition)
	{
		case USERLOCK_LOCK:
			return "lock_user";
		case USERLOCK_UNLOCK:
			return "unlock_user";
		case USERLOCK_BLOCK:
			return "block_user";
		case USERLOCK_UNBLOCK:
			return "unblock_user";
	}
	pg_unreachable();
}

/* The result of asking for what is so already. */
static UserLockResult
refusal(UserLockTransition transition)
{
	switch (transition)
	{
		case USERLOCK_LOCK:
			return USERLOCK_RESULT_USER_ALREADY_LOCKED;
		case USERLOCK_UNLOCK:
			return USERLOCK_RESULT_USER_NOT_LOCKED;
		case USERLOCK_BLOCK:
			return USERLOCK_RESULT_USER_ALREADY_BLOCKED;
		case USERLOCK_UNBLOCK:
			return USERLOCK_RESULT_USER_NOT_BLOCKED;
	}
	pg_unreachable();
}

/* Makes the transition to 'to' on an account in memory. */
static void
apply(UserLockAccount *account, UserLockTransition transition,
	  UserLockState to, TimestampTz now, TimestampTz until)
{
	UserLockState restriction = userlock_transition_restriction(transition);

	account->state = to;
	userlock_account_advance(account, now);
	if (userlock_transition_restricts(transition))
	{
		account->access_valid_after = now;
		userlock_account_note(account, restriction, now, until, account->sequence);
	}
	else
		userlock_account_note_lifted(account, restriction);
}

/* Makes it on an account whose row is locked, and writes it down. */
static UserLockResult
change(const UserLockRequest *request, UserLockTransition transition,
	   UserLockState to, TimestampTz moment, UserLockAccount *account)
{
	UserLockState from = account->state;

	apply(account, transition, to, moment, request->until);
	if (request->dry_run)
		return USERLOCK_RESULT_CHANGED;
	userlock_store_put(&request->key, account);
	userlock_account_append(request, account,
							userlock_transition_event(transition),
							userlock_state_name(from),
							userlock_state_name(to));
	return USERLOCK_RESULT_CHANGED;
}

/* A transition that is asked for. */
typedef struct Asked
{
	const UserLockRequest *request;
	UserLockTransition transition;
} Asked;

/* Judges an account that nobody is waited for; false: not without a closer look. */
static bool
judge_at_once(void *arg, UserLockAccount *account, UserLockEvent *event)
{
	const Asked *asked = arg;
	const UserLockRequest *request = asked->request;
	TimestampTz now = GetCurrentTimestamp();
	UserLockState from = account->state;
	UserLockState to;

	/* A new end can pass between the check of the request and this moment. */
	if (request->until <= now ||
		(request->has_expected_sequence && request->expected_sequence != account->sequence) ||
		(request->has_expected_state && request->expected_state != from) ||
		!userlock_state_allows(from, account->changed_at, account->locked_until,
							   account->blocked_until, asked->transition, now))
		return false;
	userlock_state_next(from, asked->transition, &to);
	apply(account, asked->transition, to, now, request->until);
	*event = userlock_account_event(request, account,
									userlock_transition_event(asked->transition),
									userlock_state_name(from), userlock_state_name(to));
	return true;
}

/*
 * Makes a transition at once, if nothing stands against it and nothing else is to be
 * looked at, such as what history says, or what others are.
 */
static bool
attempt_at_once(const UserLockRequest *request, UserLockTransition transition,
				UserLockOutcome *outcome)
{
	bool		restricts = userlock_transition_restricts(transition);
	Asked		asked = {request, transition};

	if (request->expected_details || request->dry_run ||
		(request->revoke_access && !restricts) ||
		(restricts && userlock_protection_applies(request)) ||
		!userlock_account_row_change_at_once(&request->key, judge_at_once, &asked,
											 &outcome->account))
		return false;
	outcome->has_account = true;
	outcome->result = USERLOCK_RESULT_CHANGED;
	outcome->batch = request->batch;
	return true;
}

/* Was the restriction that the transition lifts set with what is expected of it? */
static bool
has_expected_details(const UserLockRequest *request, UserLockTransition transition)
{
	UserLockTransition restricting = transition == USERLOCK_UNLOCK ? USERLOCK_LOCK : USERLOCK_BLOCK;
	UserLockEvent event;

	return request->expected_details == (Datum) 0 ||
		(userlock_store_last_of_kind(&request->key,
									 userlock_transition_event(restricting), &event) &&
		 event.details != (Datum) 0 &&
		 DatumGetBool(DirectFunctionCall2(jsonb_contains, event.details,
										  request->expected_details)));
}

/*
 * Locks the row, then judges it, and writes if there is anything to write.  A dry
 * run does neither: what it tells may be over by then.
 */
static UserLockResult
attempt_on_locked_row(const UserLockRequest *request,
					  UserLockTransition transition, UserLockOutcome *outcome)
{
	UserLockAccount *account = &outcome->account;
	UserLockChange held;
	UserLockResult result = userlock_account_hold(request,
												  request->dry_run ?
												  USERLOCK_FOR_READING :
												  USERLOCK_FOR_UPDATE,
												  account, &held);
	UserLockState to;

	outcome->has_account = result != USERLOCK_RESULT_USER_NOT_FOUND;
	if (result != USERLOCK_RESULT_OK)
		return result;
	if (request->has_expected_state && request->expected_state != account->state)
		return USERLOCK_RESULT_STATE_DIFFERS;
	if (!userlock_state_next(account->state, transition, &to))
		return request->idempotent ? USERLOCK_RESULT_UNCHANGED : refusal(transition);
	if (!has_expected_details(request, transition))
		return USERLOCK_RESULT_DETAILS_DIFFER;
	if (request->until <= held.now)
		return USERLOCK_RESULT_UNTIL_INVALID;	/* passed meanwhile */

	if (!request->dry_run)
		userlock_account_append_expiries(&request->key, account,
										 held.expiries, held.expired);
	/* Ends are the clock's; the event's moment follows the event before it. */
	return change(request, transition, to,
				  userlock_account_next_moment(account, held.now), account);
}

/* Restricts somebody who is not there, but whom a restriction may register. */
static UserLockResult
attempt_on_demand(const UserLockRequest *request,
				  UserLockTransition transition, UserLockOutcome *outcome)
{
	UserLockAccount *account = &outcome->account;
	UserLockResult result = userlock_account_register_on_demand(request, account);
	UserLockState to;

	if (result == USERLOCK_RESULT_USER_ALREADY_REGISTERED)	/* just now, by another */
		return attempt_on_locked_row(request, transition, outcome);
	outcome->has_account = result == USERLOCK_RESULT_CHANGED;
	if (result != USERLOCK_RESULT_CHANGED ||
		!userlock_state_next(account->state, transition, &to))
		return result;
	return change(request, transition, to,
				  userlock_account_next_moment(account, account->changed_at),
				  account);
}

/* Revokes access after a success; the row is locked, changed or not. */
static void
revoke_access(const UserLockRequest *request, UserLockTransition transition,
			  UserLockOutcome *outcome)
{
	UserLockAccount *account = &outcome->account;
	UserLockRequest revocation = *request;

	/* The transition has seen to these. */
	revocation.has_expected_sequence = false;
	revocation.until = USERLOCK_NO_END;

	if (outcome->result == USERLOCK_RESULT_CHANGED &&
		userlock_transition_restricts(transition))
		return;					/* a new restriction has done so itself */
	userlock_account_begin_change(&revocation, USERLOCK_FOR_UPDATE, account);
	userlock_account_set_floor(&revocation, account, "access_revoked");
}

static void
init_outcome(UserLockOutcome *outcome, const UserLockRequest *request)
{
	memset(outcome, 0, sizeof(*outcome));
	outcome->key = request->key;
	outcome->expected_sequence = request->expected_sequence;
}

/* Makes what could not be made at once. */
static void
attempt_closely(const UserLockRequest *request, UserLockTransition transition,
				UserLockOutcome *outcome)
{
	bool		restricts = userlock_transition_restricts(transition);

	if (!request->dry_run)
		PreventCommandIfReadOnly(psprintf("%s()", userlock_transition_function(transition)));
	if (restricts && userlock_protection_applies(request))
	{
		outcome->result = userlock_protection_judge(request);
		if (outcome->result != USERLOCK_RESULT_OK)
			return;
	}
	outcome->result = attempt_on_locked_row(request, transition, outcome);
	if (outcome->result == USERLOCK_RESULT_USER_NOT_FOUND && restricts)
		outcome->result = attempt_on_demand(request, transition, outcome);

	/* Failures see an unlock in history; this one leaves nothing there. */
	if (outcome->result == USERLOCK_RESULT_UNCHANGED &&
		transition == USERLOCK_UNLOCK && !request->dry_run)
		userlock_store_forget_failures(&request->key);

	if (request->revoke_access && userlock_outcome_is_success(outcome))
		revoke_access(request, transition, outcome);
	if (outcome->result == USERLOCK_RESULT_CHANGED && !request->dry_run)
		outcome->batch = request->batch;
}

void
userlock_transition_attempt(const UserLockRequest *request,
							UserLockTransition transition,
							UserLockOutcome *outcome)
{
	init_outcome(outcome, request);
	if (!attempt_at_once(request, transition, outcome))
		attempt_closely(request, transition, outcome);
}

void
userlock_transition_attempt_alone(const UserLockRequest *request,
								  UserLockTransition transition, Oid function,
								  UserLockOutcome *outcome)
{
	UserLockStore store;

	init_outcome(outcome, request);
	if (attempt_at_once(request, transition, outcome))
		return;
	userlock_store_begin(&store, function);
	attempt_closely(request, transition, outcome);
	userlock_store_end(&store);
}
