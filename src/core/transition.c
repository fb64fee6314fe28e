/*
 * transition.c
 *		Lock, unlock, block, unblock: one attempt on one user.
 *
 * Nearly every attempt is two statements: an UPDATE whose WHERE clause is the
 * whole judgement, and the INSERT of its event.  Only where the UPDATE finds
 * nothing to do (refused, unknown, changed under us, something expired) is the
 * row locked and judged in the open.  Both ways must come to the same account;
 * the fold that verify() checks is what holds them together.
 *
 * Time: the UPDATE carries a moment read just before it.  If another session
 * changed the row while we waited for its lock, the row's changed_at has passed
 * that moment, the UPDATE leaves it alone, and the moment is read anew with the
 * lock held.  So a user's history is ordered by time as well as by sequence.
 * Where we waited for a session that changed nothing in the end, the moment is
 * moved to when the wait was over: see restamp().
 *
 * Somebody never seen is registered by what restricts them, where the setting
 * userlock.registration says so.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"

#include "core/account.h"
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

/* An UPDATE that took longer than this, in microseconds, may have waited. */
#define WAIT_NOTICED	1000

/*
 * Moves a restriction that has just been set at 'now' to the present, if its
 * UPDATE waited.  A restriction voids the tokens issued until its moment, and
 * those issued during the wait belong to them.  Not where something has ended
 * meanwhile: its expiry would come before an event already numbered.
 */
static void
restamp(const UserLockKey *key, UserLockAccount *account,
		UserLockTransition transition, TimestampTz now)
{
	TimestampTz later = GetCurrentTimestamp();

	if (later - now > WAIT_NOTICED &&
		userlock_state_at(account->state, account->locked_until,
						  account->blocked_until, later) == account->state)
	{
		account->changed_at = later;
		account->access_valid_after = later;
		if (transition == USERLOCK_LOCK)
			account->locked_at = later;
		else
			account->blocked_at = later;
		userlock_store_put(key, account);
	}
}

/* The rest of a transition that the UPDATE has made at 'now'. */
static void
finish(const UserLockRequest *request, UserLockTransition transition,
	   TimestampTz now, UserLockOutcome *outcome)
{
	UserLockState from;

	if (userlock_transition_restricts(transition))
		restamp(&request->key, &outcome->account, transition, now);

	/* A transition turns exactly one bit, so the old state is known. */
	from = outcome->account.state ^ userlock_transition_restriction(transition);
	userlock_account_append(request, &outcome->account,
							userlock_transition_event(transition),
							userlock_state_name(from),
							userlock_state_name(outcome->account.state));
	outcome->has_account = true;
	outcome->result = USERLOCK_RESULT_CHANGED;
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

void
userlock_transition_attempt(const UserLockRequest *request,
							UserLockTransition transition,
							UserLockOutcome *outcome)
{
	TimestampTz now = GetCurrentTimestamp();

	memset(outcome, 0, sizeof(*outcome));
	outcome->key = request->key;
	outcome->expected_sequence = request->expected_sequence;
	if (request->is_asked_for && userlock_transition_restricts(transition))
	{
		outcome->result = userlock_protection_judge(request);
		if (outcome->result != USERLOCK_RESULT_OK)
			return;
	}

	/*
	 * A new end can pass between the check of the request and this moment; what an
	 * event says, the UPDATE does not see.
	 */
	if (request->until <= now || request->expected_details || request->dry_run ||
		!userlock_store_apply(&request->key, transition, now, request->until,
							  request->has_expected_sequence ?
							  &request->expected_sequence : NULL,
							  request->has_expected_state ?
							  &request->expected_state : NULL,
							  &outcome->account))
		outcome->result = attempt_on_locked_row(request, transition, outcome);
	else
		finish(request, transition, now, outcome);
	if (outcome->result == USERLOCK_RESULT_USER_NOT_FOUND &&
		userlock_transition_restricts(transition))
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
