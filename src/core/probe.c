/*
 * probe.c
 *		What enforcement must know of one user, read as fast as can be.
 *
 * Enforcement runs before every request and in row-level security, so it goes
 * through the primary key by itself: a plan, even a kept one, would take three
 * times as long.  It reads the account of one user, asks for their history, and
 * whether they were erased, only where that decides, and writes nothing; all writing
 * is in store.c.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "storage/lmgr.h"
#include "storage/sinval.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "core/erasure.h"
#include "core/plans.h"
#include "core/probe.h"

/* What is so of a user never seen. */
static const UserLockProbe never_restricted = {
	USERLOCK_ACTIVE, USERLOCK_NO_END, USERLOCK_NO_END, DT_NOBEGIN
};

/* Columns of userlock_private.account, see sql/core/tables.sql. */
#define STATE_COLUMN				3
#define LOCKED_UNTIL_COLUMN			7
#define BLOCKED_UNTIL_COLUMN		8
#define ACCESS_VALID_AFTER_COLUMN	11

/* Of erasure_key and erasure, see sql/core/erasure.sql. */
#define ERASURE_KEY_COLUMN			2
#define ERASED_UNTIL_COLUMN			3

static TimestampTz
get_moment(TupleTableSlot *slot, int column, TimestampTz none)
{
	bool		isnull;
	Datum		moment = slot_getattr(slot, column, &isnull);

	return isnull ? none : DatumGetTimestampTz(moment);
}

static void
init_key(ScanKey key, AttrNumber column, const char *value)
{
	ScanKeyEntryInitialize(key, 0, column, BTEqualStrategyNumber, InvalidOid,
						   C_COLLATION_OID, F_TEXTEQ, CStringGetTextDatum(value));
}

static void
init_digest_key(ScanKey key, AttrNumber column, Datum digest)
{
	ScanKeyEntryInitialize(key, 0, column, BTEqualStrategyNumber, InvalidOid,
						   InvalidOid, F_BYTEAEQ, digest);
}

/* A table that is read here. */
typedef struct ProbedTable
{
	const char *name;
	StatementId reading;		/* what reads rows of one user in SQL */
	const char *unknown;		/* what cannot be said without it */
	const char *out;			/* who then stays out */
	Oid			known;			/* once it has been found to hold its rows;
								 * looked up anew when it has changed */
} ProbedTable;

static ProbedTable account = {
	"account", GET_ACCOUNT, "who is locked", "no user", InvalidOid
};
static ProbedTable event = {
	"event", LAST_EVENT, "who was deleted", "nobody who is not registered", InvalidOid
};

static ProbedTable erasure_key = {
	"erasure_key", GET_ERASURE_KEY, "who was erased", "nobody who is not registered", InvalidOid
};
static ProbedTable erasure = {
	"erasure", GET_ERASURE, "who was erased", "nobody who is not registered", InvalidOid
};

static void
require_its_rows(const ProbedTable *probed, Relation table)
{
	if (!userlock_plans_read_from(table, probed->reading))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table userlock_private.%s does not hold its rows itself",
						probed->name),
				 errdetail("It is distributed, partitioned, foreign or a view, has children, or has row-level security that binds its owner: %s cannot be read from it.",
						   probed->unknown),
				 errhint("Make it a plain local table again; until then %s is let in.",
						 probed->out)));
}

static void
forget_tables(Datum argument, Oid relation)
{
	ProbedTable *probed[] = {&account, &event, &erasure_key, &erasure};

	for (int i = 0; i < lengthof(probed); i++)
	{
		if (relation == probed[i]->known || relation == InvalidOid)
			probed[i]->known = InvalidOid;
	}
}

/*
 * Looks a table up and locks it, which may take several attempts: to lock is also
 * to hear of changes.
 */
static Relation
find_table(ProbedTable *probed)
{
	static bool listens = false;
	Relation	table;
	uint64		heard;
	Oid			found;

	if (!listens)
		CacheRegisterRelcacheCallback(forget_tables, (Datum) 0);
	listens = true;

	for (;;)
	{
		heard = SharedInvalidMessageCounter;
		found = get_relname_relid(probed->name,
								  get_namespace_oid("userlock_private", false));
		if (!OidIsValid(found))
			elog(ERROR, "there is no table userlock_private.%s", probed->name);
		LockRelationOid(found, AccessShareLock);
		if (heard == SharedInvalidMessageCounter)
			break;
		UnlockRelationOid(found, AccessShareLock);
	}
	table = table_open(found, NoLock);
	require_its_rows(probed, table);
	/* A change heard of meanwhile may concern it: then look again next time. */
	if (heard == SharedInvalidMessageCounter)
		probed->known = found;
	return table;
}

/* Opens a table; what is known of it may be gone once it is locked. */
static Relation
open_probed(ProbedTable *probed)
{
	Oid			known = probed->known;

	if (OidIsValid(known))
	{
		LockRelationOid(known, AccessShareLock);
		if (OidIsValid(probed->known))
			return table_open(known, NoLock);
		UnlockRelationOid(known, AccessShareLock);
	}
	return find_table(probed);
}

/* A table that is being read, by its primary key. */
typedef struct OpenTable
{
	Relation	table;
	Relation	index;
} OpenTable;

static OpenTable
open_by_key(ProbedTable *probed)
{
	OpenTable	open = {.table = open_probed(probed)};

	open.index = index_open(userlock_compat_primary_key(open.table), AccessShareLock);
	return open;
}

/* The locks stay until the transaction ends, as those of a query would. */
static void
close_by_key(const OpenTable *open)
{
	index_close(open->index, NoLock);
	table_close(open->table, NoLock);
}

/*
 * What is committed now.  It is taken as for a catalog, because no other is to
 * be had in a parallel query.
 */
static Snapshot
register_latest_snapshot(Relation table)
{
	InvalidateCatalogSnapshot();
	return RegisterSnapshot(GetCatalogSnapshot(RelationGetRelid(table)));
}

/* What is taken out of a row. */
typedef void (*TakeRow) (TupleTableSlot *slot, void *taken);

static void
take_account(TupleTableSlot *slot, void *taken)
{
	UserLockProbe *probe = taken;
	bool		isnull;

	probe->state = DatumGetUserLockState(slot_getattr(slot, STATE_COLUMN, &isnull));
	probe->locked_until = get_moment(slot, LOCKED_UNTIL_COLUMN, USERLOCK_NO_END);
	probe->blocked_until = get_moment(slot, BLOCKED_UNTIL_COLUMN, USERLOCK_NO_END);
	probe->access_valid_after = get_moment(slot, ACCESS_VALID_AFTER_COLUMN, DT_NOBEGIN);
}

static void
take_erasure_key(TupleTableSlot *slot, void *taken)
{
	bool		isnull;

	*(Datum *) taken = datumCopy(slot_getattr(slot, ERASURE_KEY_COLUMN, &isnull), false, -1);
}

static void
take_erasure(TupleTableSlot *slot, void *taken)
{
	*(TimestampTz *) taken = get_moment(slot, ERASED_UNTIL_COLUMN, DT_NOBEGIN);
}

/*
 * Reads the last row of a key as a snapshot sees it; take: NULL where it is enough
 * to know that there is one.  Backwards, because the versions that a row had stay in
 * the index for a while, and the newest mostly come last.
 */
static bool
read_row(const OpenTable *open, ScanKey keys, int key_count,
		 Snapshot snapshot, TakeRow take, void *taken)
{
	TupleTableSlot *slot = table_slot_create(open->table, NULL);
	IndexScanDesc scan = userlock_compat_index_beginscan(open->table, open->index,
														 snapshot, key_count);
	bool		found;

	index_rescan(scan, keys, key_count, NULL, 0);
	found = index_getnext_slot(scan, BackwardScanDirection, slot);
	if (found && take)
		take(slot, taken);
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return found;
}

/*
 * Looks again, where nobody was found; the account's table is open, and its lock
 * held.  Whatever else is asked is opened before the snapshot is taken, which sees
 * what a rewrite has left that we may have waited for.
 */
static bool
read_latest(const OpenTable *accounts, ScanKey keys, int key_count,
			UserLockProbe *probe)
{
	Snapshot	latest = register_latest_snapshot(accounts->table);
	bool		found = read_row(accounts, keys, key_count, latest, take_account, probe);

	UnregisterSnapshot(latest);
	return found;
}

/* The same, and who has no account may yet be a user. */
static UserLockProbed
read_latest_or_unseen(const OpenTable *accounts, ScanKey keys, int key_count,
					  const char *user_id, UserLockProbe *probe)
{
	OpenTable	history = open_by_key(&event);
	OpenTable	erasure_keys = open_by_key(&erasure_key);
	OpenTable	erasures = open_by_key(&erasure);
	Snapshot	latest = register_latest_snapshot(accounts->table);
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

			init_digest_key(&erased[1], 2, userlock_erasure_digest(digest_key, user_id));
			read_row(&erasures, erased, lengthof(erased), latest,
					 take_erasure, &probe->access_valid_after);
		}
	}
	UnregisterSnapshot(latest);
	close_by_key(&erasures);
	close_by_key(&erasure_keys);
	close_by_key(&history);
	return result;
}

UserLockProbed
userlock_probe(const char *tenant, const char *user_id, bool on_demand,
			   UserLockProbe *probe)
{
	OpenTable	accounts = open_by_key(&account);
	ScanKeyData keys[2];
	UserLockProbed result = USERLOCK_PROBED_NOBODY;

	init_key(&keys[0], 1, tenant);
	init_key(&keys[1], 2, user_id);

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
	close_by_key(&accounts);
	return result;
}
