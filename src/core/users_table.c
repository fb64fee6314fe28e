/*
 * users_table.c
 *		A table of users that belongs to somebody else.
 *
 * Its tuples are read as they are: nothing is planned, so no expression of an
 * index and no policy is evaluated, and no function is called to make text of an
 * id but the server's own.  The catalogs are asked in SQL, with the rights of
 * whoever calls.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

#include "core/compat.h"
#include "core/users_table.h"

/* How the trigger's third argument calls them. */
static const char *const column_words[USERLOCK_COLUMN_COUNT] = {
	[USERLOCK_COLUMN_ID] = "id",
	[USERLOCK_COLUMN_TENANT] = "tenant",
	[USERLOCK_COLUMN_USER_NAME] = "user_name",
	[USERLOCK_COLUMN_EMAIL] = "email"
};

/* May a column of this type be for this? */
static bool
takes_type(UserLockColumn what, Oid type)
{
	/*
	 * Names are read as text: only a superuser says of a type, such as citext,
	 * that its values are just that.
	 */
	if (what == USERLOCK_COLUMN_USER_NAME || what == USERLOCK_COLUMN_EMAIL)
		return IsBinaryCoercible(getBaseType(type), TEXTOID);

	switch (getBaseType(type))
	{
		case TEXTOID:
		case VARCHAROID:
		case UUIDOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return true;
		default:
			return false;
	}
}

/* A trigger function, whoever asks: nobody else has rights on our schema. */
static Oid
function_oid(const char *schema, const char *function)
{
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
						   CStringGetDatum(function),
						   PointerGetDatum(buildoidvector(NULL, 0)),
						   ObjectIdGetDatum(get_namespace_oid(schema, false)));
}

Trigger *
userlock_users_table_trigger(Relation table, const char *schema,
							 const char *function)
{
	Oid			called = function_oid(schema, function);
	TriggerDesc *triggers = table->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		/* The relation's own go away when it changes, or might have. */
		if (triggers->triggers[i].tgfoid == called)
			return &CopyTriggerDesc(triggers)->triggers[i];
	}
	return NULL;
}

/* Does a row have the column's value, and may it be for this? */
static bool
takes_column(UserLockColumn what, TupleDesc columns, AttrNumber number)
{
	Form_pg_attribute column;

	if (number <= 0 || number > columns->natts)
		return false;
	column = TupleDescAttr(columns, number - 1);
	return !column->attisdropped &&
		(column->attgenerated == '\0' || column->attgenerated == ATTRIBUTE_GENERATED_STORED) &&
		takes_type(what, column->atttypid);
}

bool
userlock_users_table_takes(const AttrNumber numbers[USERLOCK_COLUMN_COUNT],
						   TupleDesc columns)
{
	for (int i = 0; i < USERLOCK_COLUMN_COUNT; i++)
	{
		if (numbers[i] == InvalidAttrNumber ? i == USERLOCK_COLUMN_ID
			: !takes_column(i, columns, numbers[i]))
			return false;
		if (i != USERLOCK_COLUMN_TENANT && numbers[i] != InvalidAttrNumber &&
			numbers[i] == numbers[USERLOCK_COLUMN_TENANT])
			return false;
	}
	return true;
}

List *
userlock_users_table_update_of(const AttrNumber numbers[USERLOCK_COLUMN_COUNT],
							   TupleDesc columns, char **argument)
{
	List	   *update_of = NIL;
	StringInfoData words;

	initStringInfo(&words);
	for (int i = 0; i < USERLOCK_COLUMN_COUNT; i++)
	{
		bool		is_first = numbers[i] != InvalidAttrNumber;

		for (int earlier = 0; earlier < i; earlier++)
			is_first = is_first && numbers[earlier] != numbers[i];
		if (!is_first)
			continue;
		appendStringInfo(&words, "%s%s", update_of == NIL ? "" : ",", column_words[i]);
		for (int later = i + 1; later < USERLOCK_COLUMN_COUNT; later++)
		{
			if (numbers[later] == numbers[i])
				appendStringInfo(&words, "+%s", column_words[later]);
		}
		update_of = lappend(update_of,
							makeString(pstrdup(NameStr(TupleDescAttr(columns, numbers[i] - 1)->attname))));
	}
	*argument = numbers[USERLOCK_COLUMN_USER_NAME] == InvalidAttrNumber &&
		numbers[USERLOCK_COLUMN_EMAIL] == InvalidAttrNumber ? NULL : words.data;
	return update_of;
}

/* Which column of UPDATE OF is for what; false: the words do not fit the columns. */
static bool
read_columns(const Trigger *trigger, AttrNumber numbers[USERLOCK_COLUMN_COUNT])
{
	const char *words = trigger->tgnargs > 2 ? trigger->tgargs[2] :
		trigger->tgnattr == 1 ? "id" : "id,tenant";
	int			column = 0;

	memset(numbers, 0, sizeof(AttrNumber) * USERLOCK_COLUMN_COUNT);
	for (;;)
	{
		size_t		length = strcspn(words, "+,");
		int			what = 0;

		while (what < USERLOCK_COLUMN_COUNT &&
			   (strlen(column_words[what]) != length ||
				strncmp(column_words[what], words, length) != 0))
			what++;
		if (what == USERLOCK_COLUMN_COUNT || numbers[what] != InvalidAttrNumber ||
			column >= trigger->tgnattr)
			return false;
		numbers[what] = trigger->tgattr[column];

		words += length;
		if (*words == '\0')
			return column == trigger->tgnattr - 1;
		if (*words++ == ',')
			column++;
	}
}

bool
userlock_users_table_read(const Trigger *trigger, TupleDesc columns,
						  UserLockUsersTable *users)
{
	if (trigger->tgnargs < 2 || trigger->tgnargs > 3 ||
		!read_columns(trigger, users->columns))
		return false;
	users->adoption = DirectFunctionCall1(uuid_in, CStringGetDatum(trigger->tgargs[0]));
	users->tenant = CStringGetTextDatum(trigger->tgargs[1]);
	return userlock_users_table_takes(users->columns, columns);
}

/* A column of a row as text; 0 for NULL. */
static Datum
column_text(HeapTuple row, TupleDesc columns, AttrNumber column)
{
	bool		isnull;
	Datum		value = heap_getattr(row, column, columns, &isnull);

	if (isnull)
		return (Datum) 0;

	/* Of a domain it is the base type's own form that counts. */
	switch (getBaseType(TupleDescAttr(columns, column - 1)->atttypid))
	{
		case TEXTOID:
		case VARCHAROID:
			return PointerGetDatum(PG_DETOAST_DATUM_PACKED(value));
		case UUIDOID:
			return CStringGetTextDatum(DatumGetCString(DirectFunctionCall1(uuid_out, value)));
		case INT2OID:
			return CStringGetTextDatum(psprintf("%d", DatumGetInt16(value)));
		case INT4OID:
			return CStringGetTextDatum(psprintf("%d", DatumGetInt32(value)));
		case INT8OID:
			return CStringGetTextDatum(psprintf(INT64_FORMAT, DatumGetInt64(value)));
		default:
			elog(ERROR, "column %d is of a type that no id has", column);
	}
}

/* Are two values of a column, or of two, the same?  0 is NULL. */
static bool
same_text(Datum one, Datum other)
{
	return one && other &&
		VARSIZE_ANY_EXHDR(DatumGetPointer(one)) == VARSIZE_ANY_EXHDR(DatumGetPointer(other)) &&
		memcmp(VARDATA_ANY(DatumGetPointer(one)), VARDATA_ANY(DatumGetPointer(other)),
			   VARSIZE_ANY_EXHDR(DatumGetPointer(one))) == 0;
}

bool
userlock_users_table_same(const UserLockKey *one, const UserLockKey *other)
{
	return same_text(one->user_id, other->user_id) &&
		same_text(one->tenant, other->tenant);
}

UserLockKey
userlock_users_table_key(const UserLockUsersTable *users, HeapTuple row,
						 TupleDesc columns)
{
	UserLockKey key = {.tenant = (Datum) 0};

	key.user_id = column_text(row, columns, users->columns[USERLOCK_COLUMN_ID]);
	if (users->columns[USERLOCK_COLUMN_TENANT] != InvalidAttrNumber)
		key.tenant = column_text(row, columns, users->columns[USERLOCK_COLUMN_TENANT]);
	if (key.tenant == (Datum) 0)
		key.tenant = users->tenant;
	return key;
}

/* A column of a type that is as good as text, if there is such a column. */
static Datum
name_in(HeapTuple row, TupleDesc columns, AttrNumber column)
{
	bool		isnull = true;
	Datum		value = column == InvalidAttrNumber ? (Datum) 0 :
		heap_getattr(row, column, columns, &isnull);

	if (isnull)
		return (Datum) 0;
	value = PointerGetDatum(PG_DETOAST_DATUM_PACKED(value));
	return VARSIZE_ANY_EXHDR(DatumGetPointer(value)) > 0 ? value : (Datum) 0;
}

UserLockNames
userlock_users_table_names(const UserLockUsersTable *users, HeapTuple row,
						   TupleDesc columns)
{
	UserLockNames names;

	names.user_name = name_in(row, columns, users->columns[USERLOCK_COLUMN_USER_NAME]);
	names.email = name_in(row, columns, users->columns[USERLOCK_COLUMN_EMAIL]);
	return names;
}

/* A text as a column of this type has it; false: none of its values is that. */
static bool
column_value(Oid type, Datum id, Datum *value)
{
	char	   *string = TextDatumGetCString(id);
	char	   *end;
	int64		number;

	switch (getBaseType(type))
	{
		case TEXTOID:
		case VARCHAROID:
			*value = id;
			return true;
		case UUIDOID:
			/* The key was made of such a value. */
			*value = DirectFunctionCall1(uuid_in, CStringGetDatum(string));
			return true;
		default:
			number = strtoll(string, &end, 10);
			*value = getBaseType(type) == INT8OID ? Int64GetDatum(number) :
				getBaseType(type) == INT4OID ? Int32GetDatum((int32) number) :
				Int16GetDatum((int16) number);
			return *end == '\0';
	}
}

/* Was the index built after our snapshot, over rows that we may still see? */
static bool
is_too_young(Relation index)
{
	return index->rd_index->indcheckxmin &&
		!TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data),
							   TransactionXmin);
}

/*
 * An index by which rows of an id can be found without evaluating anything: its
 * first column is the id, and it has all rows.  Operator classes are made by
 * superusers alone.  NULL: there is none.
 */
static Relation
open_index(Relation table, AttrNumber id_column)
{
	Relation	found = NULL;
	ListCell   *cell;

	foreach(cell, RelationGetIndexList(table))
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		if (found == NULL && index->rd_rel->relam == BTREE_AM_OID &&
			index->rd_index->indisvalid &&
			index->rd_index->indkey.values[0] == id_column &&
			heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL) &&
			!is_too_young(index))
			found = index;
		else
			index_close(index, AccessShareLock);
	}
	return found;
}

/* Finds the rows of an id, or all of a table without an index on it. */
typedef struct RowScan
{
	Relation	index;
	IndexScanDesc by_index;
	TableScanDesc whole;
	TupleTableSlot *slot;
} RowScan;

static bool
next_row(RowScan *scan)
{
	CHECK_FOR_INTERRUPTS();
	return scan->index ?
		index_getnext_slot(scan->by_index, ForwardScanDirection, scan->slot) :
		table_scan_getnextslot(scan->whole, ForwardScanDirection, scan->slot);
}

/* Is a row, of the table that is being read, one of those looked for? */
static bool
is_wanted(HeapTuple row, TupleDesc columns, const UserLockUsersTable *users,
		  const UserLockRowsWanted *wanted)
{
	UserLockKey key = userlock_users_table_key(users, row, columns);
	UserLockNames names;

	if (!userlock_users_table_same(wanted->key, &key))
		return false;
	names = userlock_users_table_names(users, row, columns);
	return (wanted->names.user_name == (Datum) 0 ||
			same_text(wanted->names.user_name, names.user_name)) &&
		(wanted->names.email == (Datum) 0 ||
		 same_text(wanted->names.email, names.email));
}

bool
userlock_users_table_has(Relation table, const UserLockUsersTable *users,
						 const UserLockRowsWanted *wanted)
{
	AttrNumber	id_column = users->columns[USERLOCK_COLUMN_ID];
	Oid			type = TupleDescAttr(RelationGetDescr(table), id_column - 1)->atttypid;
	ItemPointer except_row = RelationGetRelid(table) == wanted->except ? wanted->except_row : NULL;
	/* What the statement itself has done counts as well. */
	Snapshot	snapshot = RegisterSnapshot(wanted->as_of ? wanted->as_of : GetLatestSnapshot());
	RowScan		scan = {.slot = table_slot_create(table, NULL)};
	MemoryContext per_row = AllocSetContextCreate(CurrentMemoryContext,
												  "userlock adopted row",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext callers = CurrentMemoryContext;
	bool		found = false;
	Datum		id;

	if (column_value(type, wanted->key->user_id, &id))
		scan.index = open_index(table, id_column);
	if (scan.index)
	{
		Oid			indexed = scan.index->rd_opcintype[0];
		ScanKeyData equal;

		ScanKeyEntryInitialize(&equal, 0, 1, BTEqualStrategyNumber, InvalidOid,
							   scan.index->rd_indcollation[0],
							   get_opcode(get_opfamily_member(scan.index->rd_opfamily[0],
															  indexed, indexed,
															  BTEqualStrategyNumber)),
							   id);
		scan.by_index = userlock_compat_index_beginscan(table, scan.index, snapshot, 1);
		index_rescan(scan.by_index, &equal, 1, NULL, 0);
	}
	else
		scan.whole = table_beginscan(table, snapshot, 0, NULL);

	while (!found && next_row(&scan))
	{
		bool		must_free;
		HeapTuple	row = ExecFetchSlotHeapTuple(scan.slot, false, &must_free);

		MemoryContextSwitchTo(per_row);
		found = is_wanted(row, RelationGetDescr(table), users, wanted) &&
			!(except_row && ItemPointerEquals(&scan.slot->tts_tid, except_row));
		MemoryContextSwitchTo(callers);
		MemoryContextReset(per_row);
		if (must_free)
			heap_freetuple(row);
	}
	MemoryContextDelete(per_row);
	if (scan.index)
	{
		index_endscan(scan.by_index);
		index_close(scan.index, NoLock);
	}
	else
		table_endscan(scan.whole);
	ExecDropSingleTupleTableSlot(scan.slot);
	UnregisterSnapshot(snapshot);
	return found;
}

List *
userlock_users_table_leaves(Oid table)
{
	List	   *leaves = NIL;
	ListCell   *cell;

	if (get_rel_relkind(table) != RELKIND_PARTITIONED_TABLE)
		return list_make1_oid(table);
	foreach(cell, find_all_inheritors(table, AccessShareLock, NULL))
	{
		if (get_rel_relkind(lfirst_oid(cell)) != RELKIND_PARTITIONED_TABLE)
			leaves = lappend_oid(leaves, lfirst_oid(cell));
	}
	return leaves;
}

/* The oids that a query of the catalogs finds. */
static List *
query_oids(const char *query, int parameters, Oid *types, Datum *values)
{
	MemoryContext callers = CurrentMemoryContext;
	List	   *oids = NIL;

	/* As they are now, whatever the transaction keeps. */
	PushActiveSnapshot(GetLatestSnapshot());
	SPI_connect();
	if (SPI_execute_with_args(query, parameters, types, values, NULL,
							  true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not query the catalogs");
	MemoryContextSwitchTo(callers);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Datum		oid = SPI_getbinval(SPI_tuptable->vals[i],
										SPI_tuptable->tupdesc, 1, &isnull);

		oids = lappend_oid(oids, DatumGetObjectId(oid));
	}
	SPI_finish();
	PopActiveSnapshot();
	return oids;
}

List *
userlock_users_table_followed(const char *schema, const char *function,
							  const char *adoption)
{
	Oid			types[] = {OIDOID, TEXTOID};
	Datum		values[] = {
		ObjectIdGetDatum(function_oid(schema, function)),
		CStringGetTextDatum(adoption)
	};

	return query_oids("SELECT t.tgrelid FROM pg_catalog.pg_depend AS d"
					  " JOIN pg_catalog.pg_trigger AS t ON t.oid OPERATOR(pg_catalog.=) d.objid"
					  " WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_trigger'::pg_catalog.regclass"
					  " AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass"
					  " AND d.refobjid OPERATOR(pg_catalog.=) $1"
					  " AND pg_catalog.substr(t.tgargs, 1, 36) OPERATOR(pg_catalog.=) pg_catalog.convert_to($2, 'SQL_ASCII')",
					  lengthof(values), types, values);
}

List *
userlock_users_table_changed(void)
{
	return query_oids("SELECT objid FROM pg_catalog.pg_event_trigger_ddl_commands()"
					  " WHERE classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass",
					  0, NULL, NULL);
}
