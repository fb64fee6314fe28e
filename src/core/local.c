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
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "storage/lmgr.h"
#include "storage/sinval.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "core/compat.h"
#include "core/foreign.h"
#include "core/local.h"
#include "core/plans.h"
#include "core/rights.h"

/* A column as our scripts make it.  Type 0: user_lock_state. */
typedef struct Column
{
	const char *name;
	Oid			type;
	bool		is_required;
} Column;

#define MAX_COLUMNS		16

/* What is known of a table, until it changes. */
typedef struct Table
{
	const char *name;
	StatementId reading;		/* reads rows of one key in SQL */
	int			key_columns;	/* its primary key: the first so many */
	const Column columns[MAX_COLUMNS];	/* of one that is changed here */

	Oid			known;			/* InvalidOid: nothing */
	bool		is_local;
	bool		is_changeable;
	MemoryContext context;		/* of what follows */
	EState	   *estate;
	int			index_count;
	Oid			indexes[USERLOCK_MAX_INDEXES];
	IndexInfo  *infos[USERLOCK_MAX_INDEXES];
} Table;

static Table tables[USERLOCK_TABLE_COUNT] = {
	[USERLOCK_ACCOUNT_TABLE] = {
		.name = "account",
		.reading = PROBE_ACCOUNT,
		.key_columns = 2,
		.columns = {
			{"tenant", TEXTOID, true},
			{"user_id", TEXTOID, true},
			{"state", 0, true},
			{"sequence", INT8OID, true},
			{"created_at", TIMESTAMPTZOID, true},
			{"changed_at", TIMESTAMPTZOID, true},
			{"locked_until", TIMESTAMPTZOID, false},
			{"blocked_until", TIMESTAMPTZOID, false},
			{"lock_sequence", INT8OID, false},
			{"block_sequence", INT8OID, false},
			{"access_valid_after", TIMESTAMPTZOID, false},
			{"locked_at", TIMESTAMPTZOID, false},
			{"blocked_at", TIMESTAMPTZOID, false},
			{"adoption", UUIDOID, false}
		}
	},
	[USERLOCK_EVENT_TABLE] = {
		.name = "event",
		.reading = LAST_EVENT,
		.key_columns = 3,
		.columns = {
			{"tenant", TEXTOID, true},
			{"user_id", TEXTOID, true},
			{"sequence", INT8OID, true},
			{"kind", TEXTOID, true},
			{"from_state", 0, false},
			{"to_state", 0, false},
			{"at", TIMESTAMPTZOID, true},
			{"actor", TEXTOID, false},
			{"reason", TEXTOID, false},
			{"until", TIMESTAMPTZOID, false},
			{"details", JSONBOID, false},
			{"attributes", TEXTARRAYOID, false},
			{"batch", UUIDOID, false}
		}
	},
	[USERLOCK_ERASURE_KEY_TABLE] = {.name = "erasure_key", .reading = GET_ERASURE_KEY, .key_columns = 1},
	[USERLOCK_ERASURE_TABLE] = {.name = "erasure", .reading = GET_ERASURE, .key_columns = 2},
};

uint64		userlock_local_changes = 0;

static void
forget_tables(Datum argument, Oid relation)
{
	for (int i = 0; i < lengthof(tables); i++)
	{
		if (relation == tables[i].known || relation == InvalidOid)
		{
			tables[i].known = InvalidOid;
			userlock_local_changes++;
		}
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

/* Can a key be looked up as our scripts made it: these columns in this order, by their bytes? */
static bool
has_our_key(const Table *table, Relation rows)
{
	Oid			id = userlock_compat_primary_key(rows);
	Relation	key;
	bool		is_ours;

	if (!OidIsValid(id))
		return false;
	key = index_open(id, AccessShareLock);
	is_ours = IndexRelationGetNumberOfKeyAttributes(key) == table->key_columns;
	for (int i = 0; is_ours && i < table->key_columns; i++)
		is_ours = key->rd_index->indkey.values[i] == i + 1 &&
			(key->rd_indcollation[i] == C_COLLATION_OID || !OidIsValid(key->rd_indcollation[i]));
	index_close(key, NoLock);
	return is_ours;
}

/* Has the table the columns that our scripts gave it, and no others? */
static bool
has_our_columns(const Table *table, TupleDesc columns)
{
	Oid			state = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
										CStringGetDatum("user_lock_state"),
										ObjectIdGetDatum(get_namespace_oid("userlock", false)));
	int			count = 0;

	for (; count < columns->natts && table->columns[count].name != NULL; count++)
	{
		const Column *ours = &table->columns[count];
		Form_pg_attribute theirs = TupleDescAttr(columns, count);

		if (theirs->attisdropped || theirs->attgenerated != '\0' ||
			theirs->attidentity != '\0' || theirs->atttypmod != -1 ||
			strcmp(NameStr(theirs->attname), ours->name) != 0 ||
			theirs->atttypid != (ours->type ? ours->type : state) ||
			theirs->attnotnull != ours->is_required)
			return false;
	}
	return count > 0 && count == columns->natts && table->columns[count].name == NULL;
}

/*
 * Keeps what it takes to insert into an index, in the current memory context.  False:
 * that would run what others wrote, or check something later or by other means.
 */
static bool
learn_index(Table *table, Oid id)
{
	Relation	index = index_open(id, AccessShareLock);
	IndexInfo  *info = BuildIndexInfo(index);
	bool		can_insert = index->rd_index->indimmediate &&
		!index->rd_index->indisexclusion &&
		!userlock_foreign_in_index(index, info);

	if (can_insert)
	{
		info->ii_PredicateState = ExecPrepareQual(info->ii_Predicate, table->estate);
		info->ii_ExpressionsState = ExecPrepareExprList(info->ii_Expressions, table->estate);
		table->indexes[table->index_count] = id;
		table->infos[table->index_count++] = info;
	}
	index_close(index, NoLock);
	return can_insert;
}

/*
 * Can a row be written here as SQL would?  Keeps what that takes, with the rights of
 * the owner: whoever asks first may not call what is in an index.
 */
static bool
learn_to_change(Table *table, Relation rows)
{
	const AclMode needed = ACL_SELECT | ACL_INSERT | ACL_UPDATE;
	UserLockRights rights;
	MemoryContext callers;
	List	   *indexes;
	ListCell   *cell;
	bool		can_change;

	if (table->context)
		MemoryContextDelete(table->context);
	table->context = NULL;
	table->index_count = 0;
	if (rows->rd_rel->relkind != RELKIND_RELATION || rows->rd_rel->relispartition ||
		rows->trigdesc != NULL || rows->rd_rules != NULL ||
		(rows->rd_att->constr && rows->rd_att->constr->num_check > 0) ||
		!has_our_columns(table, RelationGetDescr(rows)) ||
		pg_class_aclmask(RelationGetRelid(rows), rows->rd_rel->relowner, needed,
						 ACLMASK_ALL) != needed)
		return false;

	table->context = AllocSetContextCreate(CacheMemoryContext, "userlock table",
										   ALLOCSET_SMALL_SIZES);
	callers = MemoryContextSwitchTo(table->context);
	table->estate = CreateExecutorState();
	userlock_rights_take(&rights, rows->rd_rel->relowner);
	indexes = RelationGetIndexList(rows);
	can_change = list_length(indexes) <= USERLOCK_MAX_INDEXES;
	foreach(cell, indexes)
		can_change = can_change && learn_index(table, lfirst_oid(cell));
	userlock_rights_give_back(&rights);
	MemoryContextSwitchTo(callers);
	return can_change;
}

/*
 * Looks a table up and locks it, which may take several attempts: to lock is also
 * to hear of changes.
 */
static Relation
learn_table(Table *table, LOCKMODE mode)
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
		LockRelationOid(found, mode);
		if (heard == SharedInvalidMessageCounter)
			break;
		UnlockRelationOid(found, mode);
	}
	rows = relation_open(found, NoLock);
	require_all_rows(table, rows);
	table->is_local = has_our_key(table, rows) && userlock_plans_read_from(rows, table->reading);
	table->is_changeable = table->is_local && learn_to_change(table, rows);
	/* A change heard of meanwhile may concern it: then look again next time. */
	if (heard == SharedInvalidMessageCounter)
		table->known = found;
	return rows;
}

/* Opens a table; what is known of it may be gone once it is locked. */
static Relation
open_table(Table *table, LOCKMODE mode)
{
	Oid			known = table->known;

	if (OidIsValid(known))
	{
		LockRelationOid(known, mode);
		if (OidIsValid(table->known))
			return relation_open(known, NoLock);
		UnlockRelationOid(known, mode);
	}
	return learn_table(table, mode);
}

bool
userlock_local_open(UserLockTableId id, UserLockLocal *local)
{
	local->id = id;
	local->rows = open_table(&tables[id], AccessShareLock);
	if (!tables[id].is_local)
	{
		relation_close(local->rows, NoLock);
		return false;
	}
	local->key = index_open(userlock_compat_primary_key(local->rows), AccessShareLock);
	local->index_count = 0;
	return true;
}

bool
userlock_local_open_for_change(UserLockTableId id, UserLockLocal *local)
{
	const Table *table = &tables[id];

	if (XactReadOnly || IsInParallelMode() || IsolationUsesXactSnapshot())
		return false;
	local->id = id;
	local->rows = open_table(&tables[id], RowExclusiveLock);
	if (!table->is_changeable)
	{
		relation_close(local->rows, NoLock);
		return false;
	}
	local->index_count = table->index_count;
	for (int i = 0; i < table->index_count; i++)
	{
		local->indexes[i] = index_open(table->indexes[i], RowExclusiveLock);
		if (local->indexes[i]->rd_index->indisprimary)
			local->key = local->indexes[i];
	}
	return true;
}

void
userlock_local_close(const UserLockLocal *local)
{
	if (local->index_count == 0)
		index_close(local->key, NoLock);
	for (int i = 0; i < local->index_count; i++)
		index_close(local->indexes[i], NoLock);
	relation_close(local->rows, NoLock);
}

Oid
userlock_local_owner(UserLockTableId id)
{
	Relation	rows = open_table(&tables[id], AccessShareLock);
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

bool
userlock_local_has_key(TupleTableSlot *slot, const ScanKeyData *keys, int key_count)
{
	bool		is_same = true;

	for (int i = 0; is_same && i < key_count; i++)
	{
		bool		isnull;
		Datum		value = slot_getattr(slot, keys[i].sk_attno, &isnull);

		is_same = !isnull && DatumGetBool(DirectFunctionCall2Coll(keys[i].sk_func.fn_addr,
																  keys[i].sk_collation, value,
																  keys[i].sk_argument));
	}
	return is_same;
}

/*
 * Inserts a row, or a new version of one, into the indexes; entries: which of them take
 * it.  What is kept of an index may be from before CREATE INDEX CONCURRENTLY had it
 * ready.
 */
static void
insert_index_entries(const UserLockLocal *local, TupleTableSlot *slot, bool is_update,
					 UserLockIndexEntries entries)
{
	const Table *table = &tables[local->id];
	ExprContext *context = GetPerTupleExprContext(table->estate);

	context->ecxt_scantuple = slot;
	for (int i = 0; i < local->index_count; i++)
	{
		Relation	index = local->indexes[i];
		IndexInfo  *info = table->infos[i];
		Datum		values[INDEX_MAX_KEYS];
		bool		nulls[INDEX_MAX_KEYS];

		if (!index->rd_index->indisready ||
			!userlock_compat_takes_entry(index, entries) ||
			!ExecQual(info->ii_PredicateState, context))
			continue;

		/* What the access method keeps for the statement is of this call. */
		info->ii_Context = CurrentMemoryContext;
		info->ii_AmCache = NULL;
		FormIndexDatum(info, slot, table->estate, values, nulls);
		index_insert(index, values, nulls, &slot->tts_tid, local->rows,
					 index->rd_index->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO,
					 is_update && index->rd_index->indisprimary, info);
		userlock_compat_insert_cleanup(index, info);
	}
	ResetExprContext(context);
}

bool
userlock_local_lock(const UserLockLocal *local, TupleTableSlot *slot, Snapshot snapshot)
{
	ItemPointerData tid = slot->tts_tid;
	TM_FailureData failure;
	TM_Result	result = table_tuple_lock(local->rows, &tid, snapshot, slot,
										  GetCurrentCommandId(true), LockTupleNoKeyExclusive,
										  LockWaitBlock,
										  TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS |
										  TUPLE_LOCK_FLAG_FIND_LAST_VERSION,
										  &failure);

	if (result != TM_Ok && result != TM_Deleted)
		elog(ERROR, "could not lock a row of %s: %d", RelationGetRelationName(local->rows), result);
	return result == TM_Ok;
}

/* Whoever held it last may have gone without leaving a mark: then it looks held once more. */
bool
userlock_local_is_free(const TupleTableSlot *slot)
{
	return slot->tts_ops == &TTSOpsBufferHeapTuple &&
		(((const HeapTupleTableSlot *) slot)->tuple->t_data->t_infomask & HEAP_XMAX_INVALID) != 0;
}

bool
userlock_local_update(const UserLockLocal *local, const ItemPointerData *found,
					  TupleTableSlot *slot, Snapshot snapshot)
{
	ItemPointerData tid = *found;
	TM_FailureData failure;
	LockTupleMode lock;
	UserLockIndexEntries entries;

	CheckCmdReplicaIdentity(local->rows, CMD_UPDATE);
	if (table_tuple_update(local->rows, &tid, slot, GetCurrentCommandId(true), snapshot,
						   InvalidSnapshot, true, &failure, &lock, &entries) != TM_Ok)
		return false;
	if (entries != USERLOCK_COMPAT_NO_ENTRIES)
		insert_index_entries(local, slot, true, entries);
	return true;
}

void
userlock_local_insert(const UserLockLocal *local, TupleTableSlot *slot)
{
	table_tuple_insert(local->rows, slot, GetCurrentCommandId(true), 0, NULL);
	insert_index_entries(local, slot, false, USERLOCK_COMPAT_ALL_ENTRIES);
}
