/*
 * account_row.c
 *		The account's row and its events changed without SQL, where that can be.
 *
 * A row that nobody holds is judged and written without being locked before.  Who comes
 * in between is waited for: where they changed it nothing is written, and where they did
 * not, it is as it was at the moment that the judgement read.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/account_row.h"
#include "core/local.h"

/* Columns as sql/core/tables.sql has them, from 0. */
enum AccountColumn
{
	ACCOUNT_TENANT,
	ACCOUNT_USER_ID,
	ACCOUNT_STATE,
	ACCOUNT_SEQUENCE,
	ACCOUNT_CREATED_AT,
	ACCOUNT_CHANGED_AT,
	ACCOUNT_LOCKED_UNTIL,
	ACCOUNT_BLOCKED_UNTIL,
	ACCOUNT_LOCK_SEQUENCE,
	ACCOUNT_BLOCK_SEQUENCE,
	ACCOUNT_ACCESS_VALID_AFTER,
	ACCOUNT_LOCKED_AT,
	ACCOUNT_BLOCKED_AT,
	ACCOUNT_ADOPTION,
	ACCOUNT_COLUMN_COUNT
};

static TimestampTz
get_moment(const TupleTableSlot *slot, int column, TimestampTz none)
{
	return slot->tts_isnull[column] ? none : DatumGetTimestampTz(slot->tts_values[column]);
}

static int64
get_sequence(const TupleTableSlot *slot, int column)
{
	return slot->tts_isnull[column] ? 0 : DatumGetInt64(slot->tts_values[column]);
}

static void
read_account(TupleTableSlot *slot, UserLockAccount *account)
{
	slot_getallattrs(slot);
	account->state = DatumGetUserLockState(slot->tts_values[ACCOUNT_STATE]);
	account->sequence = get_sequence(slot, ACCOUNT_SEQUENCE);
	account->created_at = get_moment(slot, ACCOUNT_CREATED_AT, DT_NOBEGIN);
	account->changed_at = get_moment(slot, ACCOUNT_CHANGED_AT, DT_NOBEGIN);
	account->locked_until = get_moment(slot, ACCOUNT_LOCKED_UNTIL, USERLOCK_NO_END);
	account->blocked_until = get_moment(slot, ACCOUNT_BLOCKED_UNTIL, USERLOCK_NO_END);
	account->lock_sequence = get_sequence(slot, ACCOUNT_LOCK_SEQUENCE);
	account->block_sequence = get_sequence(slot, ACCOUNT_BLOCK_SEQUENCE);
	account->access_valid_after = get_moment(slot, ACCOUNT_ACCESS_VALID_AFTER, DT_NOBEGIN);
	account->locked_at = get_moment(slot, ACCOUNT_LOCKED_AT, DT_NOBEGIN);
	account->blocked_at = get_moment(slot, ACCOUNT_BLOCKED_AT, DT_NOBEGIN);
}

static void
put_moment(TupleTableSlot *slot, int column, TimestampTz moment, TimestampTz none)
{
	slot->tts_isnull[column] = moment == none;
	slot->tts_values[column] = TimestampTzGetDatum(moment);
}

static void
put_sequence(TupleTableSlot *slot, int column, int64 sequence)
{
	slot->tts_isnull[column] = sequence == 0;
	slot->tts_values[column] = Int64GetDatum(sequence);
}

/* The row that was found, with another account in it. */
static TupleTableSlot *
make_row(const UserLockLocal *accounts, const TupleTableSlot *found,
		 const UserLockAccount *account)
{
	TupleTableSlot *slot = table_slot_create(accounts->rows, NULL);
	const size_t count = ACCOUNT_COLUMN_COUNT;

	memcpy(slot->tts_values, found->tts_values, count * sizeof(Datum));
	memcpy(slot->tts_isnull, found->tts_isnull, count * sizeof(bool));
	slot->tts_values[ACCOUNT_STATE] = UserLockStateGetDatum(account->state);
	put_sequence(slot, ACCOUNT_SEQUENCE, account->sequence);
	put_moment(slot, ACCOUNT_CREATED_AT, account->created_at, DT_NOBEGIN);
	put_moment(slot, ACCOUNT_CHANGED_AT, account->changed_at, DT_NOBEGIN);
	put_moment(slot, ACCOUNT_LOCKED_UNTIL, account->locked_until, USERLOCK_NO_END);
	put_moment(slot, ACCOUNT_BLOCKED_UNTIL, account->blocked_until, USERLOCK_NO_END);
	put_sequence(slot, ACCOUNT_LOCK_SEQUENCE, account->lock_sequence);
	put_sequence(slot, ACCOUNT_BLOCK_SEQUENCE, account->block_sequence);
	put_moment(slot, ACCOUNT_ACCESS_VALID_AFTER, account->access_valid_after, DT_NOBEGIN);
	put_moment(slot, ACCOUNT_LOCKED_AT, account->locked_at, DT_NOBEGIN);
	put_moment(slot, ACCOUNT_BLOCKED_AT, account->blocked_at, DT_NOBEGIN);
	return ExecStoreVirtualTuple(slot);
}

/* The conditions of the primary key: tenant and user id. */
#define KEY_COUNT	2

static void
init_keys(ScanKeyData keys[KEY_COUNT], const UserLockKey *key)
{
	userlock_local_init_text_key(&keys[0], ACCOUNT_TENANT + 1, key->tenant);
	userlock_local_init_text_key(&keys[1], ACCOUNT_USER_ID + 1, key->user_id);
}

static bool
find_account(const UserLockLocal *accounts, const UserLockKey *key, Snapshot snapshot,
			 TupleTableSlot *slot)
{
	ScanKeyData keys[KEY_COUNT];

	init_keys(keys, key);
	return userlock_local_find(accounts, keys, KEY_COUNT, snapshot, slot);
}

static void
insert_event(const UserLockLocal *events, const UserLockKey *key, const UserLockEvent *event)
{
	TupleTableSlot *slot = table_slot_create(events->rows, NULL);
	UserLockState from = USERLOCK_ACTIVE;
	UserLockState to = USERLOCK_ACTIVE;
	bool		has_from = event->from_state && userlock_state_parse(event->from_state, &from);
	bool		has_to = event->to_state && userlock_state_parse(event->to_state, &to);
	const Datum values[] = {
		key->tenant,
		key->user_id,
		Int64GetDatum(event->sequence),
		CStringGetTextDatum(event->kind),
		UserLockStateGetDatum(from),
		UserLockStateGetDatum(to),
		TimestampTzGetDatum(event->at),
		event->actor,
		event->reason,
		TimestampTzGetDatum(event->until),
		event->details,
		event->attributes,
		event->batch
	};
	const bool	nulls[] = {
		false, false, false, false,
		!has_from,
		!has_to,
		false,
		event->actor == (Datum) 0,
		event->reason == (Datum) 0,
		event->until == USERLOCK_NO_END,
		event->details == (Datum) 0,
		event->attributes == (Datum) 0,
		event->batch == (Datum) 0
	};

	memcpy(slot->tts_values, values, sizeof(values));
	memcpy(slot->tts_isnull, nulls, sizeof(nulls));
	userlock_local_insert(events, ExecStoreVirtualTuple(slot));
	ExecDropSingleTupleTableSlot(slot);
}

/* What a statement would see that comes after the last. */
static Snapshot
register_next_snapshot(void)
{
	CommandCounterIncrement();
	return RegisterSnapshot(GetTransactionSnapshot());
}

/* Writes an account over the row that was found. */
static bool
overwrite(const UserLockLocal *accounts, TupleTableSlot *found,
		  const UserLockAccount *account, Snapshot snapshot)
{
	TupleTableSlot *row = make_row(accounts, found, account);
	bool		is_written = userlock_local_update(accounts, &found->tts_tid, row, snapshot);

	ExecDropSingleTupleTableSlot(row);
	return is_written;
}

/* With both tables open. */
static bool
change_at_once(const UserLockLocal *accounts, const UserLockLocal *events,
			   const UserLockKey *key, UserLockJudge judge, void *asked,
			   UserLockAccount *account)
{
	TupleTableSlot *found = table_slot_create(accounts->rows, NULL);
	Snapshot	snapshot = register_next_snapshot();
	UserLockEvent event;
	bool		is_changed = false;

	if (find_account(accounts, key, snapshot, found))
	{
		read_account(found, account);
		is_changed = userlock_local_is_free(found) && judge(asked, account, &event) &&
			overwrite(accounts, found, account, snapshot);
	}
	if (is_changed)
	{
		insert_event(events, key, &event);
		userlock_store_notify(key, &event);
		CommandCounterIncrement();
	}
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(found);
	return is_changed;
}

bool
userlock_account_row_change_at_once(const UserLockKey *key, UserLockJudge judge,
									void *asked, UserLockAccount *account)
{
	UserLockLocal accounts;
	UserLockLocal events;
	bool		is_changed = false;

	if (!userlock_local_open_for_change(USERLOCK_ACCOUNT_TABLE, &accounts))
		return false;
	if (userlock_local_open_for_change(USERLOCK_EVENT_TABLE, &events))
	{
		is_changed = change_at_once(&accounts, &events, key, judge, asked, account);
		userlock_local_close(&events);
	}
	userlock_local_close(&accounts);
	return is_changed;
}

bool
userlock_account_row_lock(const UserLockKey *key, UserLockAccount *account, bool *is_found)
{
	UserLockLocal accounts;
	TupleTableSlot *found;
	ScanKeyData keys[KEY_COUNT];
	bool		is_locked = false;

	if (!userlock_local_open_for_change(USERLOCK_ACCOUNT_TABLE, &accounts))
		return false;
	found = table_slot_create(accounts.rows, NULL);
	init_keys(keys, key);
	for (*is_found = true; *is_found && !is_locked;)
	{
		/*
		 * A row that was deleted while we waited may have been inserted anew, and one
		 * that was changed may be somebody else's.
		 */
		Snapshot	snapshot = register_next_snapshot();

		*is_found = userlock_local_find(&accounts, keys, KEY_COUNT, snapshot, found);
		is_locked = *is_found && userlock_local_lock(&accounts, found, snapshot) &&
			userlock_local_has_key(found, keys, KEY_COUNT);
		UnregisterSnapshot(snapshot);
	}
	if (is_locked)
		read_account(found, account);
	ExecDropSingleTupleTableSlot(found);
	userlock_local_close(&accounts);
	return true;
}

bool
userlock_account_row_put(const UserLockKey *key, const UserLockAccount *account)
{
	UserLockLocal accounts;
	TupleTableSlot *found;
	Snapshot	snapshot;

	if (!userlock_local_open_for_change(USERLOCK_ACCOUNT_TABLE, &accounts))
		return false;
	found = table_slot_create(accounts.rows, NULL);
	snapshot = register_next_snapshot();
	if (!find_account(&accounts, key, snapshot, found))
		elog(ERROR, "could not find an account that is locked");
	slot_getallattrs(found);
	if (!overwrite(&accounts, found, account, snapshot))
		elog(ERROR, "could not update an account that is locked");
	CommandCounterIncrement();
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(found);
	userlock_local_close(&accounts);
	return true;
}

bool
userlock_account_row_append(const UserLockKey *key, const UserLockEvent *event)
{
	UserLockLocal events;

	if (!userlock_local_open_for_change(USERLOCK_EVENT_TABLE, &events))
		return false;
	insert_event(&events, key, event);
	CommandCounterIncrement();
	userlock_local_close(&events);
	return true;
}
