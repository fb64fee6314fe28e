/*
 * account.c
 *		How an account row follows its history.
 *
 * Invariant: the account is the fold of its events.  Whoever changes one
 * changes the other by these functions; the SQL function verify() is the same
 * rule read backwards.
 *
 * A restriction ends at its moment whether or not anything is written.  Hence
 * the second invariant: whoever writes an event first writes the expiries that
 * precede it, so history stays in order.
 */
#include "postgres.h"

#include "core/account.h"
#include "core/erasure.h"

TimestampTz
userlock_account_next_moment(const UserLockAccount *account, TimestampTz now)
{
	return Max(now, account->changed_at + 1);
}

int
userlock_account_settle(UserLockAccount *account, TimestampTz now,
						UserLockExpiry expiries[USERLOCK_MAX_EXPIRIES])
{
	int			count = userlock_state_expiries(account->state,
												account->changed_at,
												account->locked_until,
												account->blocked_until,
												now, expiries);

	for (int i = 0; i < count; i++)
	{
		account->state = expiries[i].to;
		userlock_account_advance(account, expiries[i].at);
		userlock_account_note_lifted(account, expiries[i].lifted);
	}
	return count;
}

void
userlock_account_append_expiries(const UserLockKey *key,
								 const UserLockAccount *account,
								 const UserLockExpiry *expiries, int count)
{
	for (int i = 0; i < count; i++)
	{
		UserLockEvent event = {
			.sequence = account->sequence - count + 1 + i,
			.kind = expiries[i].event,
			.from_state = userlock_state_name(expiries[i].from),
			.to_state = userlock_state_name(expiries[i].to),
			.at = expiries[i].at,
			.until = expiries[i].until
		};

		userlock_store_append(key, &event);
	}
}

void
userlock_account_advance(UserLockAccount *account, TimestampTz at)
{
	account->sequence++;
	account->changed_at = at;
}

void
userlock_account_note(UserLockAccount *account, UserLockState restriction,
					  TimestampTz at, TimestampTz until, int64 sequence)
{
	if (restriction == USERLOCK_LOCKED)
	{
		account->locked_at = at;
		account->locked_until = until;
		account->lock_sequence = sequence;
	}
	else
	{
		account->blocked_at = at;
		account->blocked_until = until;
		account->block_sequence = sequence;
	}
}

void
userlock_account_note_lifted(UserLockAccount *account, UserLockState restriction)
{
	userlock_account_note(account, restriction, DT_NOBEGIN, USERLOCK_NO_END, 0);
}

UserLockEvent
userlock_account_event(const UserLockRequest *request,
					   const UserLockAccount *account, const char *kind,
					   const char *from_state, const char *to_state)
{
	return (UserLockEvent) {
		.sequence = account->sequence,
		.kind = kind,
		.from_state = from_state,
		.to_state = to_state,
		.at = account->changed_at,
		.actor = request->actor,
		.reason = request->reason,
		.until = request->until,
		.details = request->details,
		.attributes = request->attributes,
		.batch = request->batch
	};
}

void
userlock_account_append(const UserLockRequest *request,
						const UserLockAccount *account, const char *kind,
						const char *from_state, const char *to_state)
{
	UserLockEvent event = userlock_account_event(request, account, kind,
												 from_state, to_state);

	userlock_store_append(&request->key, &event);
}

UserLockResult
userlock_account_hold(const UserLockRequest *request, UserLockRowLock lock,
					  UserLockAccount *account, UserLockChange *change)
{
	if (!userlock_store_get(&request->key, lock, account))
		return USERLOCK_RESULT_USER_NOT_FOUND;

	/* Time is read with the row locked. */
	change->now = GetCurrentTimestamp();
	change->expired = userlock_account_settle(account, change->now, change->expiries);
	if (request->has_expected_sequence &&
		request->expected_sequence != account->sequence)
		return USERLOCK_RESULT_SEQUENCE_DIFFERS;
	return USERLOCK_RESULT_OK;
}

void
userlock_account_make_room(const UserLockRequest *request,
						   UserLockAccount *account, const UserLockChange *change)
{
	userlock_account_append_expiries(&request->key, account,
									 change->expiries, change->expired);
	userlock_account_advance(account,
							 userlock_account_next_moment(account, change->now));
}

UserLockResult
userlock_account_begin_change(const UserLockRequest *request,
							  UserLockRowLock lock, UserLockAccount *account)
{
	UserLockChange change;
	UserLockResult result = userlock_account_hold(request, lock, account, &change);

	if (result == USERLOCK_RESULT_OK)
		userlock_account_make_room(request, account, &change);
	return result;
}

void
userlock_account_set_floor(const UserLockRequest *request,
						   UserLockAccount *account, const char *kind)
{
	const char *state = userlock_state_name(account->state);

	account->access_valid_after = account->changed_at;
	userlock_store_put(&request->key, account);
	userlock_account_append(request, account, kind, state, state);
}

UserLockRestrictions
userlock_account_restrictions(const UserLockKey *key, UserLockState state)
{
	static const UserLockTransition restricting[] = {USERLOCK_LOCK, USERLOCK_BLOCK};
	UserLockRestrictions restrictions = {0};

	for (int i = 0; i < lengthof(restricting); i++)
	{
		if ((state & userlock_transition_restriction(restricting[i])) &&
			userlock_store_last_of_kind(key,
										userlock_transition_event(restricting[i]),
										&restrictions.set[restrictions.count].event))
			restrictions.set[restrictions.count++].transition = restricting[i];
	}
	return restrictions;
}

/* Sets again what held when the user left, unless it has ended since. */
static void
restore_restrictions(const UserLockKey *key, UserLockState left_in,
					 UserLockAccount *account)
{
	UserLockRestrictions restrictions = userlock_account_restrictions(key, left_in);

	for (int i = 0; i < restrictions.count; i++)
	{
		UserLockState restriction = userlock_transition_restriction(restrictions.set[i].transition);
		const UserLockEvent *event = &restrictions.set[i].event;

		if (event->until > GetCurrentTimestamp())
		{
			account->state |= restriction;
			userlock_account_note(account, restriction, event->at, event->until,
								  event->sequence);
		}
	}
}

/* A user as they begin. */
static void
init_account(UserLockAccount *account)
{
	account->state = USERLOCK_ACTIVE;
	account->sequence = 1;
	account->created_at = account->changed_at = GetCurrentTimestamp();
	userlock_account_note_lifted(account, USERLOCK_LOCKED);
	userlock_account_note_lifted(account, USERLOCK_BLOCKED);
	account->access_valid_after = DT_NOBEGIN;
}

UserLockResult
userlock_account_register(const UserLockRequest *request,
						  const UserLockProfile *profile, Datum adoption,
						  UserLockAccount *account)
{
	const UserLockKey *key = &request->key;
	int64		last_sequence = 0;
	TimestampTz last_at;
	UserLockState left_in = USERLOCK_ACTIVE;
	bool		was_erased;

	init_account(account);
	if (!userlock_store_insert(key, account, adoption))
		return USERLOCK_RESULT_USER_ALREADY_REGISTERED;

	/* Only now can no one else write this user's history. */
	was_erased = !userlock_store_last_event(key, &last_sequence, &last_at, &left_in) &&
		userlock_erasure_of(key, &last_at);
	if (last_sequence > 0 || was_erased)
	{
		account->sequence = last_sequence;
		account->changed_at = last_at;
		userlock_account_advance(account,
								 userlock_account_next_moment(account,
															  GetCurrentTimestamp()));
		account->created_at = account->changed_at;
		account->access_valid_after = account->changed_at;
		restore_restrictions(key, left_in, account);
		userlock_store_put(key, account);
	}
	userlock_account_append(request, account, "registered",
							NULL, userlock_state_name(account->state));
	if (was_erased)
	{
		/* No event before this tells that tokens are void. */
		userlock_account_advance(account, account->changed_at + 1);
		userlock_account_set_floor(request, account, "access_revoked");
	}
	if (profile && !userlock_store_put_profile(key, profile))
		return USERLOCK_RESULT_USER_NAME_TAKEN;
	return USERLOCK_RESULT_CHANGED;
}

UserLockResult
userlock_account_set_profile(const UserLockRequest *request,
							 const UserLockProfile *profile,
							 UserLockAccount *account)
{
	UserLockRequest naming = *request;
	UserLockChange change;
	UserLockResult result = userlock_account_hold(request, USERLOCK_FOR_UPDATE,
												  account, &change);
	const char *state;

	if (result != USERLOCK_RESULT_OK)
		return result;
	state = userlock_state_name(account->state);
	naming.attributes =
		userlock_profile_difference(userlock_store_get_profile(&request->key, USERLOCK_FOR_UPDATE),
									profile->document);
	if (naming.attributes == (Datum) 0)
		return request->idempotent ? USERLOCK_RESULT_UNCHANGED
			: USERLOCK_RESULT_PROFILE_UNCHANGED;
	if (!userlock_store_put_profile(&request->key, profile))
		return USERLOCK_RESULT_USER_NAME_TAKEN;

	userlock_account_make_room(request, account, &change);
	userlock_store_put(&request->key, account);
	userlock_account_append(&naming, account, "profile_changed", state, state);
	return USERLOCK_RESULT_CHANGED;
}

static bool
has_history(const UserLockKey *key)
{
	int64		sequence;
	TimestampTz at;
	UserLockState from_state;

	return userlock_store_last_event(key, &sequence, &at, &from_state);
}

UserLockResult
userlock_account_register_on_demand(const UserLockRequest *request,
									UserLockAccount *account)
{
	const UserLockKey *key = &request->key;
	UserLockRequest registration = {
		.key = *key,
		.actor = request->actor,
		.until = USERLOCK_NO_END,
		.batch = request->batch
	};
	UserLockResult result = USERLOCK_RESULT_CHANGED;
	TimestampTz erased_at;

	if (userlock_registration != USERLOCK_REGISTRATION_ON_DEMAND ||
		request->has_expected_sequence ||
		(request->has_expected_state && request->expected_state != USERLOCK_ACTIVE) ||
		has_history(key))
		return USERLOCK_RESULT_USER_NOT_FOUND;

	init_account(account);
	if (request->dry_run)
		return result;
	if (!userlock_store_insert(key, account, (Datum) 0))
		return USERLOCK_RESULT_USER_ALREADY_REGISTERED;

	/*
	 * Only now can no one else write this user's history, nor have us wait: what
	 * is found to stand against it takes the row away again.
	 */
	account->created_at = account->changed_at = GetCurrentTimestamp();
	/* What registers them voids tokens, and so all that were void already. */
	if (userlock_erasure_of(key, &erased_at))
		account->created_at = account->changed_at = Max(account->changed_at, erased_at + 1);
	if (has_history(key))
		result = USERLOCK_RESULT_USER_NOT_FOUND;
	else if (request->until <= userlock_account_next_moment(account, account->changed_at))
		result = USERLOCK_RESULT_UNTIL_INVALID;
	if (result != USERLOCK_RESULT_CHANGED)
	{
		userlock_store_delete(key);
		return result;
	}
	userlock_store_put(key, account);
	userlock_account_append(&registration, account, "registered",
							NULL, userlock_state_name(account->state));
	return result;
}

UserLockResult
userlock_account_delete(const UserLockRequest *request, UserLockAccount *account)
{
	UserLockResult result = userlock_account_begin_change(request,
														  USERLOCK_FOR_DELETE,
														  account);

	if (result != USERLOCK_RESULT_OK)
		return result;
	userlock_store_delete(&request->key);
	userlock_account_append(request, account, "deleted",
							userlock_state_name(account->state), NULL);
	return USERLOCK_RESULT_CHANGED;
}
