/*
 * probe.c
 *		What enforcement must know of one user, read as fast as can be.
 *
 * Enforcement runs before every request and in row-level security, so it goes
 * through the primary key by itself: a plan, even a kept one, would take three
 * times as long.  Everything else about accounts is in store.c.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "core/probe.h"

/* Columns of userlock.account, see sql/core/tables.sql. */
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

/* The table, looked up again when any relation has changed. */
static Oid	account;
static bool account_is_known = false;

static void
forget_account(Datum argument, int cache, uint32 hash)
{
	account_is_known = false;
}

/*
 * Opens it.  To look it up, and to lock it, is also to hear of changes; what
 * was known before may then be gone.
 */
static Relation
open_account(void)
{
	static bool listens = false;

	if (!listens)
		CacheRegisterSyscacheCallback(RELOID, forget_account, (Datum) 0);
	listens = true;

	for (;;)
	{
		while (!account_is_known)
		{
			account_is_known = true;
			account = get_relname_relid("account",
										get_namespace_oid("userlock", false));
		}
		LockRelationOid(account, AccessShareLock);
		if (account_is_known)
			return table_open(account, NoLock);
		UnlockRelationOid(account, AccessShareLock);
	}
}

/*
 * What is committed now, where the transaction keeps an older snapshot: whoever
 * is locked out must not stay in because they began early.  It is taken as for a
 * catalog, because no other is to be had in a parallel query.
 */
static Snapshot
register_latest_snapshot(void)
{
	InvalidateCatalogSnapshot();
	return RegisterSnapshot(GetCatalogSnapshot(account));
}

bool
userlock_probe(const char *tenant, const char *user_id, UserLockProbe *probe)
{
	Relation	table = open_account();
	Relation	index = index_open(userlock_compat_primary_key(table),
								   AccessShareLock);
	TupleTableSlot *slot = table_slot_create(table, NULL);
	bool		keeps_snapshot = IsolationUsesXactSnapshot();
	Snapshot	snapshot = keeps_snapshot ? register_latest_snapshot() :
		GetActiveSnapshot();
	ScanKeyData keys[2];
	IndexScanDesc scan;
	bool		found;

	init_key(&keys[0], 1, tenant);
	init_key(&keys[1], 2, user_id);
	scan = userlock_compat_index_beginscan(table, index, snapshot, 2);
	index_rescan(scan, keys, 2, NULL, 0);
	found = index_getnext_slot(scan, ForwardScanDirection, slot);
	if (found)
	{
		bool		isnull;

		probe->state = DatumGetUserLockState(slot_getattr(slot, STATE_COLUMN, &isnull));
		probe->locked_until = get_moment(slot, LOCKED_UNTIL_COLUMN, USERLOCK_NO_END);
		probe->blocked_until = get_moment(slot, BLOCKED_UNTIL_COLUMN, USERLOCK_NO_END);
		probe->access_valid_after = get_moment(slot, ACCESS_VALID_AFTER_COLUMN, DT_NOBEGIN);
	}
	index_endscan(scan);
	if (keeps_snapshot)
		UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	/* The locks stay until the transaction ends, as those of a query would. */
	index_close(index, NoLock);
	table_close(table, NoLock);
	return found;
}
