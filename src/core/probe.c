/*
 * probe.c
 *		What enforcement must know of one user, read as fast as can be.
 *
 * Enforcement runs before every request and in row-level security, so it goes
 * through the primary key by itself: a plan, even a kept one, would take three
 * times as long.  It reads the account of one user, asks for their history only
 * where that decides, and writes nothing; all writing is in store.c.
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
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "core/plans.h"
#include "core/probe.h"

/* Columns of userlock_private.account, see sql/core/tables.sql. */
#define STATE_COLUMN				3
#define LOCKED_UNTIL_COLUMN			7
#define BLOCKED_UNTIL_COLUMN		8
#define ACCESS_VALID_AFTER_COLUMN	11

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
	if (relation == account.known || relation == InvalidOid)
		account.known = InvalidOid;
	if (relation == event.known || relation == InvalidOid)
		event.known = InvalidOid;
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

static Relation
open_primary_key(Relation table)
{
	return index_open(userlock_compat_primary_key(table), AccessShareLock);
}

/* The locks stay until the transaction ends, as those of a query would. */
static void
close_both(Relation table, Relation index)
{
	index_close(index, NoLock);
	table_close(table, NoLock);
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

/*
 * Reads a user's last row as a snapshot sees it; probe: NULL where it is enough to
 * know that there is one.  Backwards, because the versions that a row had stay in
 * the index for a while, and the newest mostly come last.
 */
static bool
read_row(Relation table, Relation index, ScanKey keys, int key_count,
		 Snapshot snapshot, UserLockProbe *probe)
{
	TupleTableSlot *slot = table_slot_create(table, NULL);
	IndexScanDesc scan = userlock_compat_index_beginscan(table, index, snapshot,
														 key_count);
	bool		found;

	index_rescan(scan, keys, key_count, NULL, 0);
	found = index_getnext_slot(scan, BackwardScanDirection, slot);
	if (found && probe)
	{
		bool		isnull;

		probe->state = DatumGetUserLockState(slot_getattr(slot, STATE_COLUMN, &isnull));
		probe->locked_until = get_moment(slot, LOCKED_UNTIL_COLUMN, USERLOCK_NO_END);
		probe->blocked_until = get_moment(slot, BLOCKED_UNTIL_COLUMN, USERLOCK_NO_END);
		probe->access_valid_after = get_moment(slot, ACCESS_VALID_AFTER_COLUMN, DT_NOBEGIN);
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	return found;
}

/*
 * Looks again, where nobody was found; the account's table is open, and its lock
 * held.  If the history is asked as well, it is opened before the snapshot is
 * taken, which sees what a rewrite has left that we may have waited for.
 */
static bool
read_latest(Relation table, Relation index, ScanKey keys, int key_count,
			UserLockProbe *probe, bool *was_seen)
{
	Relation	history = was_seen ? open_probed(&event) : NULL;
	Snapshot	latest = register_latest_snapshot(table);
	bool		found = read_row(table, index, keys, key_count, latest, probe);

	if (history)
	{
		Relation	history_index = open_primary_key(history);

		*was_seen = found ||
			read_row(history, history_index, keys, key_count, latest, NULL);
		close_both(history, history_index);
	}
	UnregisterSnapshot(latest);
	return found;
}

bool
userlock_probe(const char *tenant, const char *user_id, UserLockProbe *probe,
			   bool *was_seen)
{
	Relation	table = open_probed(&account);
	Relation	index = open_primary_key(table);
	ScanKeyData keys[2];
	bool		found = false;

	init_key(&keys[0], 1, tenant);
	init_key(&keys[1], 2, user_id);

	/*
	 * Where the transaction keeps an older snapshot, it does not count: whoever
	 * is locked out must not stay in because they began early.  Nor does any
	 * that finds nobody: it may be from before a rewrite of the table that we
	 * have waited for, and sees none of the rows that it left.
	 */
	if (!IsolationUsesXactSnapshot())
		found = read_row(table, index, keys, lengthof(keys),
						 GetActiveSnapshot(), probe);
	if (!found)
		found = read_latest(table, index, keys, lengthof(keys), probe, was_seen);
	close_both(table, index);
	return found;
}
