/*
 * local.c
 *		Tables of ours gone through without SQL, where they hold their rows themselves.
 *
 * A plan, even a kept one, takes three times as long as the index and the heap.
 * Whether a table is as it was made, and can be gone through so, is found out once,
 * and again when it has changed.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/relation.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "storage/lmgr.h"
#include "storage/sinval.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "core/compat.h"
#include "core/local.h"
#include "core/plans.h"

typedef struct Table
{
	const char *name;
	StatementId reading;		/* reads rows of one key in SQL */
	Oid			known;			/* what has been found out of; InvalidOid: nothing */
	bool		is_local;
} Table;

static Table tables[USERLOCK_TABLE_COUNT] = {
	[USERLOCK_ACCOUNT_TABLE] = {"account", PROBE_ACCOUNT},
	[USERLOCK_EVENT_TABLE] = {"event", LAST_EVENT},
	[USERLOCK_ERASURE_KEY_TABLE] = {"erasure_key", GET_ERASURE_KEY},
	[USERLOCK_ERASURE_TABLE] = {"erasure", GET_ERASURE},
};

static void
forget_tables(Datum argument, Oid relation)
{
	for (int i = 0; i < lengthof(tables); i++)
	{
		if (relation == tables[i].known || relation == InvalidOid)
			tables[i].known = InvalidOid;
	}
}

static Oid
find_table(const Table *table)
{
	Oid			found = get_relname_relid(table->name,
										  get_namespace_oid("userlock_private", false));

	if (!OidIsValid(found))
		elog(ERROR, "there is no table userlock_private.%s", table->name);
	return found;
}

/* Does row-level security keep rows from the owner?  Then they may not be counted out. */
static void
require_all_rows(const Table *table, Relation rows)
{
	if (check_enable_rls(RelationGetRelid(rows), rows->rd_rel->relowner, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("row-level security of table userlock_private.%s binds its owner", table->name),
				 errdetail("What it keeps from the owner cannot be told from what is not there."),
				 errhint("Give the table back to the owner of the extension, or take back FORCE ROW LEVEL SECURITY.")));
}

/*
 * Looks a table up and locks it, which may take several attempts: to lock is also
 * to hear of changes.
 */
static Relation
learn_table(Table *table)
{
	static bool listens = false;
	Relation	rows;
	uint64		heard;
	Oid			found;

	if (!listens)
		CacheRegisterRelcacheCallback(forget_tables, (Datum) 0);
	listens = true;

	for (;;)
	{
		heard = SharedInvalidMessageCounter;
		found = find_table(table);
		LockRelationOid(found, AccessShareLock);
		if (heard == SharedInvalidMessageCounter)
			break;
		UnlockRelationOid(found, AccessShareLock);
	}
	rows = relation_open(found, NoLock);
	require_all_rows(table, rows);
	table->is_local = userlock_plans_read_from(rows, table->reading);
	/* A change heard of meanwhile may concern it: then look again next time. */
	if (heard == SharedInvalidMessageCounter)
		table->known = found;
	return rows;
}

/* Opens a table; what is known of it may be gone once it is locked. */
static Relation
open_table(Table *table)
{
	Oid			known = table->known;

	if (OidIsValid(known))
	{
		LockRelationOid(known, AccessShareLock);
		if (OidIsValid(table->known))
			return relation_open(known, NoLock);
		UnlockRelationOid(known, AccessShareLock);
	}
	return learn_table(table);
}

bool
userlock_local_open(UserLockTableId id, UserLockLocal *local)
{
	local->id = id;
	local->rows = open_table(&tables[id]);
	if (!tables[id].is_local)
	{
		relation_close(local->rows, NoLock);
		return false;
	}
	local->key = index_open(userlock_compat_primary_key(local->rows), AccessShareLock);
	return true;
}

void
userlock_local_close(const UserLockLocal *local)
{
	index_close(local->key, NoLock);
	relation_close(local->rows, NoLock);
}

Oid
userlock_local_owner(UserLockTableId id)
{
	Relation	rows = open_table(&tables[id]);
	Oid			owner = rows->rd_rel->relowner;

	relation_close(rows, NoLock);
	return owner;
}

void
userlock_local_init_text_key(ScanKey key, AttrNumber column, Datum value)
{
	ScanKeyEntryInitialize(key, 0, column, BTEqualStrategyNumber, InvalidOid,
						   C_COLLATION_OID, F_TEXTEQ, value);
}

void
userlock_local_init_bytea_key(ScanKey key, AttrNumber column, Datum value)
{
	ScanKeyEntryInitialize(key, 0, column, BTEqualStrategyNumber, InvalidOid,
						   InvalidOid, F_BYTEAEQ, value);
}

/*
 * Backwards, because the versions that a row had stay in the index for a while, and
 * the newest mostly come last.
 */
bool
userlock_local_find(const UserLockLocal *local, ScanKey keys, int key_count,
					Snapshot snapshot, TupleTableSlot *slot)
{
	IndexScanDesc scan = userlock_compat_index_beginscan(local->rows, local->key,
														 snapshot, key_count);
	bool		found;

	index_rescan(scan, keys, key_count, NULL, 0);
	found = index_getnext_slot(scan, BackwardScanDirection, slot);
	index_endscan(scan);
	return found;
}
