/*
 * id_change.c
 *		What a row of an adopted table takes along when its id changes.
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "core/arguments.h"
#include "core/id_change.h"
#include "core/transition.h"

UserLockIdChange
userlock_id_change_before(const UserLockRequest *request,
						  const UserLockUsersTable *users, Oid function)
{
	CommandId	began = GetActiveSnapshot()->curcid;
	UserLockIdChange change = {0};
	UserLockAccount account;
	UserLockStore store;

	if (userlock_arguments_check_key(request) != USERLOCK_RESULT_OK)
		return change;
	userlock_store_begin(&store, function);
	/* Whoever is restricting the user just now comes first. */
	userlock_store_get(&request->key, USERLOCK_FOR_DELETE, &account);
	PushCopiedSnapshot(GetTransactionSnapshot());
	GetActiveSnapshot()->curcid = began;
	change.is_ours =
		userlock_store_is_adopted(&request->key, users->adoption, USERLOCK_FOR_READING) &&
		userlock_store_get(&request->key, USERLOCK_FOR_READING, &account);
	if (change.is_ours)
		change.profile = userlock_store_get_profile(&request->key, USERLOCK_FOR_READING);
	PopActiveSnapshot();

	if (change.is_ours)
		change.restrictions =
			userlock_account_restrictions(&request->key,
										  userlock_state_at(account.state, account.locked_until,
															account.blocked_until,
															GetCurrentTimestamp()));
	userlock_store_end(&store);
	return change;
}

/* Sets a restriction, also where there is one that ends earlier. */
static void
restrict_until(const UserLockRequest *request, UserLockTransition transition)
{
	bool		locks = transition == USERLOCK_LOCK;
	UserLockOutcome outcome;

	userlock_transition_attempt(request, transition, &outcome);
	if (outcome.result == USERLOCK_RESULT_UNCHANGED &&
		(locks ? outcome.account.locked_until : outcome.account.blocked_until) < request->until)
	{
		UserLockRequest lift = *request;

		lift.until = USERLOCK_NO_END;
		userlock_transition_attempt(&lift, locks ? USERLOCK_UNLOCK : USERLOCK_UNBLOCK, &outcome);
		userlock_transition_attempt(request, transition, &outcome);
	}
}

void
userlock_id_change_after(const UserLockIdChange *change,
						 const UserLockRequest *after,
						 const UserLockUsersTable *users, Oid function)
{
	const UserLockRestrictions *restrictions = &change->restrictions;
	UserLockStore store;

	if (restrictions->count == 0)
		return;
	userlock_store_begin(&store, function);
	if (userlock_store_is_adopted(&after->key, users->adoption, USERLOCK_FOR_UPDATE))
	{
		for (int i = 0; i < restrictions->count; i++)
		{
			UserLockRequest request = *after;

			request.reason = restrictions->set[i].event.reason;
			request.until = restrictions->set[i].event.until;
			restrict_until(&request, restrictions->set[i].transition);
		}
	}
	userlock_store_end(&store);
}
