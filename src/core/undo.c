/*
 * undo.c
 *		undo(batch): takes back what one call did to many users.
 *
 * It makes the opposite transitions, each on the condition that the batch's event
 * is still the user's last: whatever anybody has done since stays.  A restriction
 * that was lifted is set again with the reason, end and details that it had.  What
 * a restriction did beside, to void tokens, stays done.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "core/account.h"
#include "core/arguments.h"
#include "core/batch.h"
#include "core/caller.h"
#include "core/protection.h"
#include "core/transition.h"

PG_FUNCTION_INFO_V1(userlock_undo);

/* How far back a batch is looked for, where the caller does not say. */
#define DEFAULT_SINCE	(7 * USECS_PER_DAY)

/*
 * What takes back the change, in 'steps': none, one, or one for each restriction.
 * Returns how many.
 */
static int
opposite(const UserLockBatchChange *change, UserLockTransition steps[2])
{
	int			count = 0;

	if (change->locks != 0)
		steps[count++] = change->locks > 0 ? USERLOCK_UNLOCK : USERLOCK_LOCK;
	if (change->blocks != 0)
		steps[count++] = change->blocks > 0 ? USERLOCK_UNBLOCK : USERLOCK_BLOCK;
	return count;
}

/* Whoever undoes must be permitted all that it takes, before anything is done. */
static void
require_permission(const UserLockRequest *request,
				   const UserLockBatchChange *changes, int count)
{
	bool		needed[USERLOCK_TRANSITION_COUNT] = {false};

	for (int i = 0; i < count; i++)
	{
		UserLockTransition steps[2];

		for (int n = opposite(&changes[i], steps); n-- > 0;)
			needed[steps[n]] = true;
	}
	for (int i = 0; i < USERLOCK_TRANSITION_COUNT; i++)
	{
		UserLockOutcome outcome = {
			.result = USERLOCK_RESULT_PERMISSION_DENIED,
			.key = request->key,
			.object = userlock_transition_function(i)
		};

		if (needed[i] && !userlock_caller_may_execute(outcome.object))
			userlock_outcome_raise(&outcome);
	}
}

/* Undo goes through many users, as the call did that it takes back. */
static void
prepare_protection(const UserLockRequest *request,
				   const UserLockBatchChange *changes, int count)
{
	Datum	   *user_ids = palloc(count * sizeof(Datum));
	int			restricted = 0;

	for (int i = 0; i < count; i++)
	{
		if (changes[i].locks < 0 || changes[i].blocks < 0)
			user_ids[restricted++] = changes[i].user_id;
	}
	if (restricted > 0)
		userlock_protection_prepare(request, user_ids, restricted);
}

/* The details of an event that takes back what a batch did. */
static Datum
undoing_details(Datum details, Datum marker)
{
	return details ? DirectFunctionCall2(jsonb_concat, details, marker) : marker;
}

/* What comes of setting again a restriction that would be over by now. */
static UserLockResult
leave_lifted(const UserLockRequest *request, UserLockOutcome *outcome)
{
	UserLockChange read;

	memset(outcome, 0, sizeof(*outcome));
	outcome->key = request->key;
	outcome->expected_sequence = request->expected_sequence;
	outcome->result = userlock_account_hold(request, USERLOCK_FOR_READING,
											&outcome->account, &read);
	outcome->has_account = outcome->result != USERLOCK_RESULT_USER_NOT_FOUND;
	return outcome->result == USERLOCK_RESULT_OK ? USERLOCK_RESULT_UNCHANGED
		: outcome->result;
}

/*
 * Makes one step, whose request has the user and the sequence they must be at.  Of a
 * history that was pruned nobody knows how long a restriction was to last.
 */
static void
undo_step(UserLockRequest *request, UserLockTransition step, Datum marker,
		  UserLockOutcome *outcome)
{
	UserLockEvent event;

	if (userlock_transition_restricts(step))
	{
		if (!userlock_store_last_of_kind(&request->key,
										 userlock_transition_event(step), &event))
		{
			outcome->result = USERLOCK_RESULT_CHANGE_NOT_UNDOABLE;
			return;
		}
		request->reason = event.reason;
		request->until = event.until;
		marker = undoing_details(event.details, marker);
	}
	request->details = marker;

	if (request->until <= GetCurrentTimestamp())
		outcome->result = leave_lifted(request, outcome);
	else
		userlock_transition_attempt(request, step, outcome);
}

/* A dry run's first step has not moved the user on for the second. */
static void
add_step(UserLockAccount *account, UserLockTransition step)
{
	UserLockState restriction = userlock_transition_restriction(step);

	if (!userlock_state_next(account->state, step, &account->state))
		return;
	userlock_account_advance(account, account->changed_at + 1);
	if (!userlock_transition_restricts(step))
		userlock_account_note_lifted(account, restriction);
}

/* Takes back what a batch did to one user, all of it or nothing. */
static void
undo_change(const UserLockRequest *undoing, const UserLockBatchChange *change,
			Datum marker, UserLockOutcome *outcome)
{
	UserLockTransition steps[2];
	int			count = opposite(change, steps);
	int64		sequence = change->sequence;

	if (count > 1 && !undoing->dry_run)
	{
		UserLockRequest rehearsal = *undoing;

		rehearsal.dry_run = true;
		undo_change(&rehearsal, change, marker, outcome);
		if (!userlock_outcome_is_success(outcome))
			return;
	}
	memset(outcome, 0, sizeof(*outcome));
	outcome->key = undoing->key;
	outcome->key.user_id = change->user_id;
	outcome->result = USERLOCK_RESULT_CHANGE_NOT_UNDOABLE;
	for (int i = 0; i < count; i++)
	{
		UserLockRequest request = *undoing;

		request.key.user_id = change->user_id;
		request.has_expected_sequence = true;
		request.expected_sequence = sequence;
		undo_step(&request, steps[i], marker, outcome);
		if (!userlock_outcome_is_success(outcome))
			break;
		if (!undoing->dry_run)
			sequence = outcome->account.sequence;
		else if (i > 0)
			add_step(&outcome->account, steps[0]);
	}
}

/* undo(batch, reason, tenant, since, dry_run) */
Datum
userlock_undo(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	UserLockRequest request = {.until = USERLOCK_NO_END};
	UserLockBatchChange *changes;
	UserLockResult result;
	UserLockStore store;
	MemoryContext per_user;
	MemoryContext callers;
	TimestampTz since;
	Datum		batch;
	Datum		marker;
	int			count;

	InitMaterializedSRF(fcinfo, 0);

	request.reason = USERLOCK_GETARG_OPTIONAL(1);
	request.key.tenant = USERLOCK_GETARG_OPTIONAL(2);
	since = PG_ARGISNULL(3) ? GetCurrentTimestamp() - DEFAULT_SINCE : PG_GETARG_TIMESTAMPTZ(3);
	request.dry_run = !PG_ARGISNULL(4) && PG_GETARG_BOOL(4);
	result = userlock_arguments_admit(&request, NULL);
	if (result == USERLOCK_RESULT_OK)
		result = userlock_arguments_check(&request);
	if (result == USERLOCK_RESULT_OK && PG_ARGISNULL(0))
		result = USERLOCK_RESULT_BATCH_INVALID;
	if (result != USERLOCK_RESULT_OK)
		userlock_arguments_raise(&request, result);

	batch = DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(0));
	marker = DirectFunctionCall1(jsonb_in,
								 CStringGetDatum(psprintf("{\"undo\": \"%s\"}",
														  DatumGetCString(batch))));
	request.batch = userlock_batch_current_or_new();

	userlock_store_begin(&store, fcinfo->flinfo->fn_oid);
	count = userlock_store_batch_changes(request.key.tenant, PG_GETARG_DATUM(0), since, &changes);
	userlock_store_end(&store);
	if (count == 0)
	{
		request.key.user_id = CStringGetTextDatum(DatumGetCString(batch));
		userlock_arguments_raise(&request, USERLOCK_RESULT_BATCH_NOT_FOUND);
	}
	require_permission(&request, changes, count);

	userlock_store_begin(&store, fcinfo->flinfo->fn_oid);
	per_user = AllocSetContextCreate(CurrentMemoryContext, "userlock per user",
									 ALLOCSET_DEFAULT_SIZES);
	prepare_protection(&request, changes, count);
	callers = MemoryContextSwitchTo(per_user);
	for (int i = 0; i < count; i++)
	{
		UserLockOutcome outcome;

		CHECK_FOR_INTERRUPTS();
		undo_change(&request, &changes[i], marker, &outcome);
		tuplestore_puttuple(rsinfo->setResult,
							userlock_outcome_row(&outcome, rsinfo->setDesc));
		MemoryContextReset(per_user);
	}
	MemoryContextSwitchTo(callers);
	MemoryContextDelete(per_user);
	userlock_store_end(&store);

	return (Datum) 0;
}
