/*
 * transition_functions.c
 *		SQL functions that make a transition: lock_user() and its three
 *		siblings, their set-based forms, and try_transition() beneath.
 *
 * All of them stand on userlock_transition_attempt(); they differ in whom they
 * take and how they tell what came of it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/arguments.h"
#include "core/batch.h"
#include "core/caller.h"
#include "core/protection.h"
#include "core/transition.h"

PG_FUNCTION_INFO_V1(userlock_lock_user);
PG_FUNCTION_INFO_V1(userlock_unlock_user);
PG_FUNCTION_INFO_V1(userlock_block_user);
PG_FUNCTION_INFO_V1(userlock_unblock_user);
PG_FUNCTION_INFO_V1(userlock_try_transition);
PG_FUNCTION_INFO_V1(userlock_lock_users);
PG_FUNCTION_INFO_V1(userlock_unlock_users);
PG_FUNCTION_INFO_V1(userlock_block_users);
PG_FUNCTION_INFO_V1(userlock_unblock_users);

/* Only what is set can end; a lifted restriction takes no "until". */
static int
takes_until(UserLockTransition transition)
{
	return userlock_transition_restricts(transition) ? USERLOCK_TAKES_UNTIL : 0;
}

/*
 * One user, strict: what is not a success is an error.
 */
static Datum
transition_user(FunctionCallInfo fcinfo, UserLockTransition transition)
{
	UserLockRequest request = {.until = USERLOCK_NO_END};
	UserLockOutcome outcome;

	request.key.user_id = USERLOCK_GETARG_OPTIONAL(0);
	userlock_arguments_read(&request, fcinfo, 1,
							takes_until(transition) |
							USERLOCK_TAKES_EXPECTED_SEQUENCE |
							USERLOCK_TAKES_IDEMPOTENT);
	userlock_arguments_require(&request);

	userlock_transition_attempt_alone(&request, transition, fcinfo->flinfo->fn_oid, &outcome);
	return userlock_outcome_return_status(&outcome, fcinfo);
}

Datum
userlock_lock_user(PG_FUNCTION_ARGS)
{
	return transition_user(fcinfo, USERLOCK_LOCK);
}

Datum
userlock_unlock_user(PG_FUNCTION_ARGS)
{
	return transition_user(fcinfo, USERLOCK_UNLOCK);
}

Datum
userlock_block_user(PG_FUNCTION_ARGS)
{
	return transition_user(fcinfo, USERLOCK_BLOCK);
}

Datum
userlock_unblock_user(PG_FUNCTION_ARGS)
{
	return transition_user(fcinfo, USERLOCK_UNBLOCK);
}

/*
 * Everything that can stand against a request before a row is looked at, for
 * callers that are not admitted by the EXECUTE privilege of a core function.
 */
static UserLockResult
admit(UserLockRequest *request, UserLockTransition transition,
	  UserLockOutcome *outcome)
{
	UserLockResult result;

	outcome->object = userlock_transition_function(transition);
	result = userlock_arguments_admit(request, outcome->object);
	if (result == USERLOCK_RESULT_OK && request->revoke_access &&
		!userlock_caller_may_execute("revoke_access"))
	{
		outcome->object = "revoke_access";
		result = USERLOCK_RESULT_PERMISSION_DENIED;
	}
	if (result == USERLOCK_RESULT_OK)
		result = userlock_arguments_check(request);
	return result;
}

/*
 * try_transition(transition, user_id, …): one user, and an outcome instead of
 * an error.
 */
Datum
userlock_try_transition(PG_FUNCTION_ARGS)
{
	UserLockRequest request = {.until = USERLOCK_NO_END};
	UserLockTransition transition;
	UserLockOutcome outcome = {.result = USERLOCK_RESULT_OK};

	request.key.user_id = USERLOCK_GETARG_OPTIONAL(1);
	userlock_arguments_read(&request, fcinfo, 2,
							USERLOCK_TAKES_UNTIL |
							USERLOCK_TAKES_EXPECTED_SEQUENCE |
							USERLOCK_TAKES_IDEMPOTENT |
							USERLOCK_TAKES_EXPECTED_STATE |
							USERLOCK_TAKES_REVOKE_ACCESS |
							USERLOCK_TAKES_EXPECTED_DETAILS);

	if (PG_ARGISNULL(0) ||
		!userlock_transition_parse(text_to_cstring(PG_GETARG_TEXT_PP(0)),
								   &transition))
		outcome.result = USERLOCK_RESULT_TRANSITION_INVALID;
	else
	{
		outcome.result = admit(&request, transition, &outcome);
		if (outcome.result == USERLOCK_RESULT_OK)
			outcome.result = userlock_arguments_check_user_id(&request);
		if (outcome.result == USERLOCK_RESULT_OK && request.has_until &&
			!takes_until(transition))
			outcome.result = USERLOCK_RESULT_UNTIL_NOT_TAKEN;
		if (outcome.result == USERLOCK_RESULT_OK && request.expected_details &&
			userlock_transition_restricts(transition))
			outcome.result = USERLOCK_RESULT_EXPECTED_DETAILS_NOT_TAKEN;
	}
	outcome.key = request.key;

	if (outcome.result == USERLOCK_RESULT_OK)
		userlock_transition_attempt_alone(&request, transition, fcinfo->flinfo->fn_oid,
										  &outcome);
	return userlock_outcome_return_row(&outcome, fcinfo);
}

static int
compare_texts(const void *a, const void *b)
{
	struct varlena *left = (struct varlena *) DatumGetPointer(*(const Datum *) a);
	struct varlena *right = (struct varlena *) DatumGetPointer(*(const Datum *) b);
	int			left_length = VARSIZE_ANY_EXHDR(left);
	int			right_length = VARSIZE_ANY_EXHDR(right);
	int			difference = memcmp(VARDATA_ANY(left), VARDATA_ANY(right),
									Min(left_length, right_length));

	return difference ? difference : left_length - right_length;
}

/*
 * Takes the ids out of the array, in key order: whoever takes several row
 * locks takes them in the same order as everyone else.
 */
static Datum *
read_user_ids(FunctionCallInfo fcinfo, UserLockRequest *request, int *count)
{
	ArrayType  *array;
	Datum	   *ids;

	if (PG_ARGISNULL(0))
		userlock_arguments_raise(request, USERLOCK_RESULT_USER_IDS_INVALID);
	array = PG_GETARG_ARRAYTYPE_P(0);
	if (ARR_NDIM(array) > 1)
		userlock_arguments_raise(request, USERLOCK_RESULT_USER_IDS_INVALID);
	if (ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) > USERLOCK_MAX_USER_IDS)
		userlock_arguments_raise(request, USERLOCK_RESULT_USER_IDS_TOO_MANY);
	if (array_contains_nulls(array))
		userlock_arguments_raise(request, USERLOCK_RESULT_USER_IDS_CONTAIN_NULL);

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT,
					  &ids, NULL, count);
	qsort(ids, *count, sizeof(Datum), compare_texts);
	for (int i = 1; i < *count; i++)
	{
		if (compare_texts(&ids[i - 1], &ids[i]) == 0)
			userlock_arguments_raise(request, USERLOCK_RESULT_USER_IDS_REPEATED);
	}
	return ids;
}

/*
 * Many users: a row each.  What is wrong with the call is an error, what is
 * wrong with one id is that id's outcome.
 */
static Datum
transition_users(FunctionCallInfo fcinfo, UserLockTransition transition)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	UserLockRequest request = {.until = USERLOCK_NO_END};
	UserLockOutcome outcome = {0};
	UserLockStore store;
	MemoryContext per_user;
	MemoryContext callers;
	Datum	   *user_ids;
	int			count;

	InitMaterializedSRF(fcinfo, 0);

	userlock_arguments_read(&request, fcinfo, 1,
							takes_until(transition) | USERLOCK_TAKES_IDEMPOTENT |
							USERLOCK_TAKES_DRY_RUN);
	outcome.result = admit(&request, transition, &outcome);
	if (outcome.result != USERLOCK_RESULT_OK)
	{
		outcome.key = request.key;
		userlock_outcome_raise(&outcome);
	}
	user_ids = read_user_ids(fcinfo, &request, &count);
	request.batch = userlock_batch_current_or_new();

	userlock_store_begin(&store, fcinfo->flinfo->fn_oid);
	per_user = AllocSetContextCreate(CurrentMemoryContext, "userlock per user",
									 ALLOCSET_DEFAULT_SIZES);
	if (userlock_transition_restricts(transition))
		userlock_protection_prepare(&request, user_ids, count);
	callers = MemoryContextSwitchTo(per_user);
	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();

		request.key.user_id = user_ids[i];
		outcome.key = request.key;
		outcome.has_account = false;
		outcome.batch = (Datum) 0;
		outcome.result = userlock_arguments_check_user_id(&request);
		if (outcome.result == USERLOCK_RESULT_OK)
			userlock_transition_attempt(&request, transition, &outcome);
		tuplestore_puttuple(rsinfo->setResult,
							userlock_outcome_row(&outcome, rsinfo->setDesc));
		MemoryContextReset(per_user);
	}
	MemoryContextSwitchTo(callers);
	MemoryContextDelete(per_user);
	userlock_store_end(&store);

	return (Datum) 0;
}

Datum
userlock_lock_users(PG_FUNCTION_ARGS)
{
	return transition_users(fcinfo, USERLOCK_LOCK);
}

Datum
userlock_unlock_users(PG_FUNCTION_ARGS)
{
	return transition_users(fcinfo, USERLOCK_UNLOCK);
}

Datum
userlock_block_users(PG_FUNCTION_ARGS)
{
	return transition_users(fcinfo, USERLOCK_BLOCK);
}

Datum
userlock_unblock_users(PG_FUNCTION_ARGS)
{
	return transition_users(fcinfo, USERLOCK_UNBLOCK);
}
