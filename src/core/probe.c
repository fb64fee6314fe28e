/*
 * probe.c
 *		What enforcement must know of one user, read as fast as can be.
 *
 * Enforcement runs before every request and in row-level security, so where it can
 * it goes without SQL.  It reads the account of one user, asks for their history, and
 * whether they were erased, only where that decides, and writes nothing; all writing
 * is in store.c.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "core/erasure.h"
#include "core/local.h"
#include "core/plans.h"
#include "core/probe.h"

/* What is so of a user never seen. */
static const UserLockProbe never_restricted = {
	USERLOCK_ACTIVE, USERLOCK_NO_END, USERLOCK_NO_END, DT_NOBEGIN
};

#define MAX_COLUMNS	4		/* LAST_EVENT has three */

/* What is read of a row: these columns of its table, or those of a statement. */
typedef struct Reading
{
	UserLockTableId table;
	StatementId statement;
	int			count;
	AttrNumber	columns[MAX_COLUMNS];
} Reading;

/* See sql/core/tables.sql and erasure.sql. */
static const Reading account_reading = {
	USERLOCK_ACCOUNT_TABLE, PROBE_ACCOUNT, 4, {3, 7, 8, 11}
};
static const Reading event_reading = {USERLOCK_EVENT_TABLE, LAST_EVENT, 0, {0}};
static const Reading erasure_key_reading = {
	USERLOCK_ERASURE_KEY_TABLE, GET_ERASURE_KEY, 1, {2}
};
static const Reading erasure_reading = {USERLOCK_ERASURE_TABLE, GET_ERASURE, 1, {3}};

/* A table that is being read. */
typedef struct Source
{
	const Reading *reading;
	bool		is_local;
	UserLockLocal local;
} Source;

static Source
open_source(const Reading *reading)
{
	Source		source = {.reading = reading};

	source.is_local = userlock_local_open(reading->table, &source.local);
	return source;
}

static void
close_source(const Source *source)
{
	if (source->is_local)
		userlock_local_close(&source->local);
}

/* What is taken out of a row. */
typedef void (*TakeRow) (const Datum *values, const bool *nulls, void *taken);

/*
 * Where the account was that was found last.  A policy asks of one user for every row;
 * as long as a transaction goes on, its lock keeps rows where they are.
 */
static struct
{
	LocalTransactionId transaction;
	SubTransactionId subtransaction;
	uint64		changes;		/* of tables, until then */
	uint32		user_id;		/* the hash of it, which another rarely has */
	ItemPointerData tid;
}			last_found;

static uint32
hash_user_id(const ScanKeyData *keys)
{
	text	   *user_id = DatumGetTextPP(keys[1].sk_argument);

	return hash_bytes((unsigned char *) VARDATA_ANY(user_id), VARSIZE_ANY_EXHDR(user_id));
}

static void
note_found(const ScanKeyData *keys, const ItemPointerData *tid)
{
	last_found.transaction = userlock_compat_local_transaction();
	last_found.subtransaction = GetCurrentSubTransactionId();
	last_found.changes = userlock_local_changes;
	last_found.user_id = hash_user_id(keys);
	last_found.tid = *tid;
}

/* The account, if it is where the last one was, and a snapshot sees it there. */
static bool
find_again(Relation accounts, const ScanKeyData *keys, int key_count,
		   Snapshot snapshot, TupleTableSlot *slot)
{
	return last_found.transaction == userlock_compat_local_transaction() &&
		last_found.subtransaction == GetCurrentSubTransactionId() &&
		last_found.changes == userlock_local_changes &&
		last_found.user_id == hash_user_id(keys) &&
		table_tuple_fetch_row_version(accounts, &last_found.tid, snapshot, slot) &&
		userlock_local_has_key(slot, keys, key_count);
}

static bool
find_account(const UserLockLocal *accounts, ScanKey keys, int key_count,
			 Snapshot snapshot, TupleTableSlot *slot)
{
	if (find_again(accounts->rows, keys, key_count, snapshot, slot))
		return true;
	if (!userlock_local_find(accounts, keys, key_count, snapshot, slot))
		return false;
	note_found(keys, &slot->tts_tid);
	return true;
}

static bool
read_locally(const Source *source, ScanKey keys, int key_count,
			 Snapshot snapshot, TakeRow take, void *taken)
{
	TupleTableSlot *slot = table_slot_create(source->local.rows, NULL);
	bool		found = (source->reading == &account_reading ? find_account : userlock_local_find)
		(&source->local, keys, key_count, snapshot, slot);
	Datum		values[MAX_COLUMNS];
	bool		nulls[MAX_COLUMNS];

	if (found && take)
	{
		for (int i = 0; i < source->reading->count; i++)
			values[i] = slot_getattr(slot, source->reading->columns[i], &nulls[i]);
		take(values, nulls, taken);
	}
	ExecDropSingleTupleTableSlot(slot);
	return found;
}

static bool
read_by_statement(const Source *source, ScanKey keys, int key_count,
				  Snapshot snapshot, TakeRow take, void *taken)
{
	Datum		parameters[2];
	Datum		values[MAX_COLUMNS];
	bool		nulls[MAX_COLUMNS];
	bool		found;

	Assert(key_count <= lengthof(parameters));
	for (int i = 0; i < key_count; i++)
		parameters[i] = keys[i].sk_argument;
	found = userlock_plans_read_row(source->reading->statement, parameters, snapshot,
									userlock_local_owner(source->reading->table),
									values, nulls);
	if (found && take)
		take(values, nulls, taken);
	return found;
}

/* Reads the last row of a key; take: NULL where it is enough to know that there is one. */
static bool
read_row(const Source *source, ScanKey keys, int key_count,
		 Snapshot snapshot, TakeRow take, void *taken)
{
	return (source->is_local ? read_locally : read_by_statement) (source, keys, key_count,
																  snapshot, take, taken);
}

static void
take_account(const Datum *values, const bool *nulls, void *taken)
{
	UserLockProbe *probe = taken;

	probe->state = DatumGetUserLockState(values[0]);
	probe->locked_until = nulls[1] ? USERLOCK_NO_END : DatumGetTimestampTz(values[1]);
	probe->blocked_until = nulls[2] ? USERLOCK_NO_END : DatumGetTimestampTz(values[2]);
	probe->access_valid_after = nulls[3] ? DT_NOBEGIN : DatumGetTimestampTz(values[3]);
}

static void
take_erasure_key(const Datum *values, const bool *nulls, void *taken)
{
	*(Datum *) taken = datumCopy(values[0], false, -1);
}

static void
take_erasure(const Datum *values, const bool *nulls, void *taken)
{
	*(TimestampTz *) taken = DatumGetTimestampTz(values[0]);
}

/*
 * What is committed now.  It is taken as for a catalog, because no other is to
 * be had in a parallel query.
 */
static Snapshot
register_latest_snapshot(void)
{
	InvalidateCatalogSnapshot();
	return RegisterSnapshot(GetCatalogSnapshot(InvalidOid));
}

/*
 * Looks again, where nobody was found; the account's table is open, and its lock
 * held.  Whatever else is asked is opened before the snapshot is taken, which sees
 * what a rewrite has left that we may have waited for.
 */
static bool
read_latest(const Source *accounts, ScanKey keys, int key_count, UserLockProbe *probe)
{
	Snapshot	latest = register_latest_snapshot();
	bool		found = read_row(accounts, keys, key_count, latest, take_account, probe);

	UnregisterSnapshot(latest);
	return found;
}

/* The same, and who has no account may yet be a user. */
static UserLockProbed
read_latest_or_unseen(const Source *accounts, ScanKey keys, int key_count,
					  const char *user_id, UserLockProbe *probe)
{
	Source		history = open_source(&event_reading);
	Source		erasure_keys = open_source(&erasure_key_reading);
	Source		erasures = open_source(&erasure_reading);
	Snapshot	latest = register_latest_snapshot();
	UserLockProbed result = USERLOCK_PROBED_UNSEEN;
	Datum		digest_key;

	if (read_row(accounts, keys, key_count, latest, take_account, probe))
		result = USERLOCK_PROBED_ACCOUNT;
	else if (read_row(&history, keys, key_count, latest, NULL, NULL))
		result = USERLOCK_PROBED_NOBODY;
	else
	{
		*probe = never_restricted;
		/* Its first column is the tenant, as that of the others. */
		if (read_row(&erasure_keys, keys, 1, latest, take_erasure_key, &digest_key))
		{
			ScanKeyData erased[2] = {keys[0]};

			userlock_local_init_bytea_key(&erased[1], 2,
										  userlock_erasure_digest(digest_key, user_id));
			read_row(&erasures, erased, lengthof(erased), latest,
					 take_erasure, &probe->access_valid_after);
		}
	}
	UnregisterSnapshot(latest);
	close_source(&erasures);
	close_source(&erasure_keys);
	close_source(&history);
	return result;
}

UserLockProbed
userlock_probe(const char *tenant, const char *user_id, bool on_demand,
			   UserLockProbe *probe)
{
	Source		accounts = open_source(&account_reading);
	ScanKeyData keys[2];
	UserLockProbed result = USERLOCK_PROBED_NOBODY;

	userlock_local_init_text_key(&keys[0], 1, CStringGetTextDatum(tenant));
	userlock_local_init_text_key(&keys[1], 2, CStringGetTextDatum(user_id));

	/*
	 * Where the transaction keeps an older snapshot, it does not count: whoever
	 * is locked out must not stay in because they began early.  Nor does any
	 * that finds nobody: it may be from before a rewrite of the table that we
	 * have waited for, and sees none of the rows that it left.
	 */
	if ((!IsolationUsesXactSnapshot() &&
		 read_row(&accounts, keys, lengthof(keys), GetActiveSnapshot(), take_account, probe)) ||
		(!on_demand && read_latest(&accounts, keys, lengthof(keys), probe)))
		result = USERLOCK_PROBED_ACCOUNT;
	else if (on_demand)
		result = read_latest_or_unseen(&accounts, keys, lengthof(keys), user_id, probe);
	close_source(&accounts);
	return result;
}
