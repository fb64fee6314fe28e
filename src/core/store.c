/*
 * store.c
 *		The account and event rows: the SQL of the C code about our own tables,
 *		and the one place where it takes on the rights of the extension's owner.
 *
 * It alone writes accounts and events.  Others read them: the views, verify()
 * and the judgement of logins in SQL, which go by what is committed, and the
 * probe, which goes without SQL.  Counts of failed logins are written by
 * login.sql; here they are only forgotten.
 *
 * The statements are simple on purpose, each naming one user by the full key
 * and computing nothing volatile, so that they run anywhere the tables live.
 * They are prepared once a session, as generic plans.
 *
 * Must not judge a request or word a message.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
#include "parser/parsetree.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "core/store.h"

/*
 * What is in force where our rights are.  Not for our own statements, which
 * name everything in full, but for whatever an administrator has put on the
 * tables (triggers, checks, policies): the caller's search_path must not say
 * what that means.
 */
#define SEARCH_PATH "pg_catalog, pg_temp"

#define EQ " OPERATOR(pg_catalog.=) "
#define LE " OPERATOR(pg_catalog.<=) "
#define PLUS " OPERATOR(pg_catalog.+) "

#define THIS_USER " WHERE tenant" EQ "$1 AND user_id" EQ "$2"

/* In the order that read_account() expects. */
#define ACCOUNT_COLUMNS \
	"state, sequence, created_at, changed_at, locked_until, blocked_until, " \
	"lock_sequence, block_sequence, access_valid_after"

/*
 * A transition in one statement: $3 is the moment, $4 the expected sequence or
 * NULL, $5 the end of a new restriction or NULL, $6 the expected state or NULL.
 *
 * A row changed by another session while we waited for it was changed after $3
 * or is in a state that no longer allows the transition; either way the row is
 * left alone and the caller looks again.
 */
#define APPLY(transition, changes) \
	"UPDATE userlock_private.account SET " \
	"state = userlock.next_state(state, '" transition "'), " \
	"sequence = sequence" PLUS "1, changed_at = $3, " changes \
	THIS_USER \
	" AND userlock_private.allows(state, changed_at, locked_until, blocked_until," \
	" '" transition "', $3)" \
	" AND ($4 IS NULL OR sequence" EQ "$4)" \
	" AND ($6 IS NULL OR state OPERATOR(userlock.=)" \
	" $6::userlock.user_lock_state)" \
	" RETURNING " ACCOUNT_COLUMNS

#define APPLY_TYPES \
	{TEXTOID, TEXTOID, TIMESTAMPTZOID, INT8OID, TIMESTAMPTZOID, TEXTOID}

#define APPEND \
	"INSERT INTO userlock_private.event (tenant, user_id, sequence, kind," \
	" from_state, to_state, at, actor, reason, until, details)" \
	" VALUES ($1, $2, $3, $4, $5::userlock.user_lock_state," \
	" $6::userlock.user_lock_state, $7, $8, $9, $10, $11)"

#define APPEND_TYPES \
	{TEXTOID, TEXTOID, INT8OID, TEXTOID, TEXTOID, TEXTOID, \
	TIMESTAMPTZOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, JSONBOID}

#define MAX_PARAMETERS 12

typedef enum StatementId
{
	/* The first four are indexed by UserLockTransition. */
	APPLY_LOCK,
	APPLY_UNLOCK,
	APPLY_BLOCK,
	APPLY_UNBLOCK,
	GET_ACCOUNT,
	GET_ACCOUNT_FOR_UPDATE,
	GET_ACCOUNT_FOR_DELETE,
	GET_ACCOUNT_IF_FREE,
	INSERT_ACCOUNT,
	IS_ADOPTED,
	PUT_ACCOUNT,
	DELETE_ACCOUNT,
	DELETE_PROFILE,
	PUT_PROFILE,
	GET_PROFILE,
	FORGET_FAILURES,
	APPEND_EVENT,
	APPEND_FIRST_EVENT,
	LAST_EVENT,
	LAST_OF_KIND,
	DUE,
	ADD_API_KEY,
	REPLACE_API_KEY,
	STATEMENT_COUNT
} StatementId;

typedef struct Statement
{
	const char *sql;
	int			parameters;
	Oid			types[MAX_PARAMETERS];
	int			result;			/* the SPI code of success */
} Statement;

static const Statement statements[STATEMENT_COUNT] = {
	[APPLY_LOCK] = {
		APPLY("lock",
			  "locked_until = $5, lock_sequence = sequence" PLUS "1, "
			  "access_valid_after = $3"),
		6, APPLY_TYPES, SPI_OK_UPDATE_RETURNING
	},
	[APPLY_UNLOCK] = {
		APPLY("unlock", "locked_until = NULL, lock_sequence = NULL"),
		6, APPLY_TYPES, SPI_OK_UPDATE_RETURNING
	},
	[APPLY_BLOCK] = {
		APPLY("block",
			  "blocked_until = $5, block_sequence = sequence" PLUS "1, "
			  "access_valid_after = $3"),
		6, APPLY_TYPES, SPI_OK_UPDATE_RETURNING
	},
	[APPLY_UNBLOCK] = {
		APPLY("unblock", "blocked_until = NULL, block_sequence = NULL"),
		6, APPLY_TYPES, SPI_OK_UPDATE_RETURNING
	},
	[GET_ACCOUNT] = {
		"SELECT " ACCOUNT_COLUMNS " FROM userlock_private.account" THIS_USER,
		2, {TEXTOID, TEXTOID}, SPI_OK_SELECT
	},
	[GET_ACCOUNT_FOR_UPDATE] = {
		"SELECT " ACCOUNT_COLUMNS " FROM userlock_private.account" THIS_USER
		" FOR NO KEY UPDATE",
		2, {TEXTOID, TEXTOID}, SPI_OK_SELECT
	},
	[GET_ACCOUNT_FOR_DELETE] = {
		"SELECT " ACCOUNT_COLUMNS " FROM userlock_private.account" THIS_USER
		" FOR UPDATE",
		2, {TEXTOID, TEXTOID}, SPI_OK_SELECT
	},
	[GET_ACCOUNT_IF_FREE] = {
		"SELECT " ACCOUNT_COLUMNS " FROM userlock_private.account" THIS_USER
		" FOR NO KEY UPDATE SKIP LOCKED",
		2, {TEXTOID, TEXTOID}, SPI_OK_SELECT
	},
	[INSERT_ACCOUNT] = {
		"INSERT INTO userlock_private.account"
		" (tenant, user_id, " ACCOUNT_COLUMNS ", adoption)"
		" VALUES ($1, $2, $3::userlock.user_lock_state,"
		" $4, $5, $6, $7, $8, $9, $10, $11, $12)"
		" ON CONFLICT DO NOTHING",
		12, {TEXTOID, TEXTOID, TEXTOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID,
		TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8OID, TIMESTAMPTZOID, UUIDOID},
		SPI_OK_INSERT
	},
	[IS_ADOPTED] = {
		"SELECT FROM userlock_private.account" THIS_USER " AND adoption" EQ "$3",
		3, {TEXTOID, TEXTOID, UUIDOID}, SPI_OK_SELECT
	},
	[PUT_ACCOUNT] = {
		"UPDATE userlock_private.account SET"
		" (" ACCOUNT_COLUMNS ")"
		" = ROW ($3::userlock.user_lock_state,"
		" $4, $5, $6, $7, $8, $9, $10, $11)"
		THIS_USER,
		11, {TEXTOID, TEXTOID, TEXTOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID,
		TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8OID, TIMESTAMPTZOID},
		SPI_OK_UPDATE
	},
	[DELETE_ACCOUNT] = {
		"DELETE FROM userlock_private.account" THIS_USER,
		2, {TEXTOID, TEXTOID}, SPI_OK_DELETE
	},
	[DELETE_PROFILE] = {
		"DELETE FROM userlock_private.profile" THIS_USER,
		2, {TEXTOID, TEXTOID}, SPI_OK_DELETE
	},
	[PUT_PROFILE] = {
		"INSERT INTO userlock_private.profile (tenant, user_id, document)"
		" VALUES ($1, $2, $3)",
		3, {TEXTOID, TEXTOID, JSONBOID}, SPI_OK_INSERT
	},
	[GET_PROFILE] = {
		"SELECT document FROM userlock_private.profile" THIS_USER,
		2, {TEXTOID, TEXTOID}, SPI_OK_SELECT
	},
	[APPEND_EVENT] = {
		APPEND,
		11, APPEND_TYPES, SPI_OK_INSERT
	},
	/*
	 * Under REPEATABLE READ a user deleted and registered again behind the
	 * snapshot shows too low a last sequence.  ON CONFLICT makes the server
	 * report that as the serialization failure it is.
	 */
	[APPEND_FIRST_EVENT] = {
		APPEND " ON CONFLICT DO NOTHING",
		11, APPEND_TYPES, SPI_OK_INSERT
	},
	[LAST_EVENT] = {
		"SELECT sequence, at, from_state FROM userlock_private.event" THIS_USER
		" ORDER BY sequence DESC LIMIT 1",
		2, {TEXTOID, TEXTOID}, SPI_OK_SELECT
	},
	[LAST_OF_KIND] = {
		"SELECT sequence, at, reason, until FROM userlock_private.event" THIS_USER
		" AND kind" EQ "$3 ORDER BY sequence DESC LIMIT 1",
		3, {TEXTOID, TEXTOID, TEXTOID}, SPI_OK_SELECT
	},
	[FORGET_FAILURES] = {
		"DELETE FROM userlock_private.login_failure WHERE ctid" EQ "ANY (ARRAY("
		"SELECT ctid FROM userlock_private.login_failure" THIS_USER
		" FOR UPDATE SKIP LOCKED))",
		2, {TEXTOID, TEXTOID}, SPI_OK_DELETE
	},
	[DUE] = {
		"SELECT tenant, user_id FROM userlock_private.account"
		" WHERE state OPERATOR(userlock.<>) 'active'::userlock.user_lock_state"
		" AND (locked_until" LE "$3 OR blocked_until" LE "$3)"
		" AND ((SELECT userlock.caller_tenants()) IS NULL OR tenant"
		" OPERATOR(pg_catalog.=) ANY ((SELECT userlock.caller_tenants())::pg_catalog.text[]))"
		" AND ($1 IS NULL OR (tenant, user_id)"
		" OPERATOR(pg_catalog.>) ($1, $2))"
		" ORDER BY tenant, user_id LIMIT $4",
		4, {TEXTOID, TEXTOID, TIMESTAMPTZOID, INT8OID}, SPI_OK_SELECT
	},
	[ADD_API_KEY] = {
		"SELECT userlock_private.add_api_key($1, $2, $3, $4)",
		4, {TEXTOID, NAMEOID, TEXTOID, TIMESTAMPTZOID}, SPI_OK_SELECT
	},
	[REPLACE_API_KEY] = {
		"SELECT key, role FROM userlock_private.replace_api_key($1, $2, $3, $4)",
		4, {TEXTOID, TEXTOID, TIMESTAMPTZOID, INTERVALOID}, SPI_OK_SELECT
	}
};

/* Kept for the session. */
static struct
{
	SPIPlanPtr	plan;
	bool		is_planned;		/* at least once */
	Oid			temporary;		/* the session's pg_temp, as of then */
}			plans[STATEMENT_COUNT];

static Oid
temporary_namespace(void)
{
	Oid			namespace;
	Oid			toast;

	GetTempNamespaceState(&namespace, &toast);
	return namespace;
}

/* Sets a setting until the nest level of settings ends. */
static void
set_locally(const char *name, const char *value)
{
	set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
					  GUC_ACTION_SAVE, true, 0, false);
}

static void
take_rights(UserLockStore *store, Oid owner)
{
	GetUserIdAndSecContext(&store->caller, &store->caller_context);
	SetUserIdAndSecContext(owner, store->caller_context |
						   SECURITY_LOCAL_USERID_CHANGE);
	store->nest_level = NewGUCNestLevel();
	set_locally("search_path", SEARCH_PATH);
}

static void
give_rights_back(UserLockStore *store)
{
	AtEOXact_GUC(true, store->nest_level);
	SetUserIdAndSecContext(store->caller, store->caller_context);
}

void
userlock_store_begin(UserLockStore *store, Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			owner;
	MemoryContext callers;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);

	callers = CurrentMemoryContext;
	SPI_connect();
	MemoryContextSwitchTo(callers);
	take_rights(store, owner);
}

void
userlock_store_end(UserLockStore *store)
{
	give_rights_back(store);
	SPI_finish();
}

/*
 * The planner knows where rows are: it reads one by a scan of this very table
 * only if that holds them itself, all of them.  A table that is partitioned, has
 * children, or is the empty shell of one that an extension has distributed looks
 * different in its plan.
 */
bool
userlock_store_is_read_from(Relation table)
{
	const Statement *statement = &statements[GET_ACCOUNT];
	Oid			relation = RelationGetRelid(table);
	Oid			owner = table->rd_rel->relowner;
	MemoryContext planning = AllocSetContextCreate(CurrentMemoryContext,
												   "userlock planning",
												   ALLOCSET_DEFAULT_SIZES);
	MemoryContext callers = MemoryContextSwitchTo(planning);
	UserLockStore rights;
	List	   *queries;
	PlannedStmt *planned;
	Plan	   *plan;
	bool		answer;

	take_rights(&rights, owner);
	queries = pg_analyze_and_rewrite_fixedparams(linitial(pg_parse_query(statement->sql)),
												 statement->sql,
												 statement->types,
												 statement->parameters, NULL);
	planned = linitial(pg_plan_queries(queries, statement->sql, 0, NULL));
	give_rights_back(&rights);

	plan = planned->planTree;
	answer = (IsA(plan, IndexScan) || IsA(plan, IndexOnlyScan) ||
			  IsA(plan, BitmapHeapScan) || IsA(plan, SeqScan)) &&
		rt_fetch(((Scan *) plan)->scanrelid, planned->rtable)->relid == relation &&
		check_enable_rls(relation, owner, true) != RLS_ENABLED;
	MemoryContextSwitchTo(callers);
	MemoryContextDelete(planning);
	return answer;
}

/*
 * Will the server use the plan that it has?  It makes a new one at the first
 * run, when a table has changed, and when the search_path means something else,
 * as it does once the session has temporary tables.
 */
static bool
is_planned(StatementId id)
{
	return plans[id].is_planned &&
		SPI_plan_is_valid(plans[id].plan) &&
		plans[id].temporary == temporary_namespace();
}

/*
 * Executes a statement that the server is about to plan.  The plan will serve
 * for long, so it must not take today's table for small: without this, one that
 * is empty today would be read whole for every user tomorrow.  Nor is a bitmap
 * worth its while for one row.
 */
static int
plan_and_execute(StatementId id, Datum *values, const char *nulls,
				 bool read_only)
{
	int			nest_level = NewGUCNestLevel();
	int			result;

	set_locally("enable_seqscan", "off");
	set_locally("enable_bitmapscan", "off");
	result = SPI_execute_plan(plans[id].plan, values, nulls, read_only, 0);
	AtEOXact_GUC(true, nest_level);

	plans[id].is_planned = true;
	plans[id].temporary = temporary_namespace();
	return result;
}

/*
 * Runs a statement and returns how many rows it found or changed.  The result
 * lives until it is discarded; the memory context stays the caller's, so that
 * a bulk call can reset it after each user.
 */
static uint64
run(StatementId id, Datum *values, const char *nulls, bool read_only)
{
	const Statement *statement = &statements[id];
	MemoryContext callers = CurrentMemoryContext;
	int			result;

	if (plans[id].plan == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare_cursor(statement->sql,
											  statement->parameters,
											  (Oid *) statement->types,
											  CURSOR_OPT_GENERIC_PLAN);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare \"%s\": %s", statement->sql,
				 SPI_result_code_string(SPI_result));
		plans[id].plan = plan;
	}

	if (is_planned(id))
		result = SPI_execute_plan(plans[id].plan, values, nulls, read_only, 0);
	else
		result = plan_and_execute(id, values, nulls, read_only);
	if (result != statement->result)
		elog(ERROR, "could not execute \"%s\": %s", statement->sql,
			 SPI_result_code_string(result));
	MemoryContextSwitchTo(callers);
	return SPI_processed;
}

/* Runs a statement about one user that takes nothing but the key. */
static uint64
run_for_key(StatementId id, const UserLockKey *key, bool read_only)
{
	Datum		values[] = {key->tenant, key->user_id};

	return run(id, values, NULL, read_only);
}

/* Frees a result at once: a bulk call makes thousands. */
static void
discard_result(void)
{
	SPI_freetuptable(SPI_tuptable);
}

/* Takes ACCOUNT_COLUMNS out of the first row of the result. */
static void
read_account(UserLockAccount *account)
{
	Datum		values[9];
	bool		nulls[9];

	heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
					  values, nulls);
	account->state = DatumGetUserLockState(values[0]);
	account->sequence = DatumGetInt64(values[1]);
	account->created_at = DatumGetTimestampTz(values[2]);
	account->changed_at = DatumGetTimestampTz(values[3]);
	account->locked_until = nulls[4] ? DT_NOEND : DatumGetTimestampTz(values[4]);
	account->blocked_until = nulls[5] ? DT_NOEND : DatumGetTimestampTz(values[5]);
	account->lock_sequence = nulls[6] ? 0 : DatumGetInt64(values[6]);
	account->block_sequence = nulls[7] ? 0 : DatumGetInt64(values[7]);
	account->access_valid_after = nulls[8] ? DT_NOBEGIN : DatumGetTimestampTz(values[8]);
	discard_result();
}

bool
userlock_store_apply(const UserLockKey *key, UserLockTransition transition,
					 TimestampTz now, TimestampTz until,
					 const int64 *expected_sequence,
					 const UserLockState *expected_state,
					 UserLockAccount *account)
{
	Datum		values[] = {
		key->tenant,
		key->user_id,
		TimestampTzGetDatum(now),
		Int64GetDatum(expected_sequence ? *expected_sequence : 0),
		TimestampTzGetDatum(until),
		expected_state ? CStringGetTextDatum(userlock_state_name(*expected_state))
		: (Datum) 0
	};
	char		nulls[] = {
		' ', ' ', ' ',
		expected_sequence ? ' ' : 'n',
		until == USERLOCK_NO_END ? 'n' : ' ',
		expected_state ? ' ' : 'n'
	};

	if (run(APPLY_LOCK + (int) transition, values, nulls, false) == 0)
	{
		discard_result();
		return false;
	}
	read_account(account);
	return true;
}

bool
userlock_store_get(const UserLockKey *key, UserLockRowLock lock,
				   UserLockAccount *account)
{
	while (run_for_key(GET_ACCOUNT + (int) lock, key,
					   lock == USERLOCK_FOR_READING) == 0)
	{
		bool		there = false;

		discard_result();
		if (lock == USERLOCK_FOR_UPDATE || lock == USERLOCK_FOR_DELETE)
		{
			/*
			 * We may have waited for a row that another session deleted and
			 * inserted anew, which only a newer snapshot shows.
			 */
			there = run_for_key(GET_ACCOUNT, key, false) > 0;
			discard_result();
		}
		if (!there)
			return false;
	}
	read_account(account);
	return true;
}

/*
 * Runs a statement that takes the key, all of ACCOUNT_COLUMNS, and maybe the
 * adoption.
 */
static uint64
run_with_account(StatementId id, const UserLockKey *key,
				 const UserLockAccount *account, Datum adoption)
{
	Datum		values[] = {
		key->tenant,
		key->user_id,
		CStringGetTextDatum(userlock_state_name(account->state)),
		Int64GetDatum(account->sequence),
		TimestampTzGetDatum(account->created_at),
		TimestampTzGetDatum(account->changed_at),
		TimestampTzGetDatum(account->locked_until),
		TimestampTzGetDatum(account->blocked_until),
		Int64GetDatum(account->lock_sequence),
		Int64GetDatum(account->block_sequence),
		TimestampTzGetDatum(account->access_valid_after),
		adoption
	};
	char		nulls[] = {
		' ', ' ', ' ', ' ', ' ', ' ',
		account->locked_until == USERLOCK_NO_END ? 'n' : ' ',
		account->blocked_until == USERLOCK_NO_END ? 'n' : ' ',
		account->lock_sequence == 0 ? 'n' : ' ',
		account->block_sequence == 0 ? 'n' : ' ',
		account->access_valid_after == DT_NOBEGIN ? 'n' : ' ',
		adoption ? ' ' : 'n'
	};

	return run(id, values, nulls, false);
}

bool
userlock_store_insert(const UserLockKey *key, const UserLockAccount *account,
					  Datum adoption)
{
	return run_with_account(INSERT_ACCOUNT, key, account, adoption) > 0;
}

bool
userlock_store_is_adopted(const UserLockKey *key, Datum adoption,
						  UserLockRowLock lock)
{
	Datum		values[] = {key->tenant, key->user_id, adoption};
	bool		found = run(IS_ADOPTED, values, NULL,
							lock == USERLOCK_FOR_READING) > 0;

	discard_result();
	return found;
}

void
userlock_store_put(const UserLockKey *key, const UserLockAccount *account)
{
	if (run_with_account(PUT_ACCOUNT, key, account, (Datum) 0) != 1)
		elog(ERROR, "could not update an account that is locked");
}

void
userlock_store_delete(const UserLockKey *key)
{
	if (run_for_key(DELETE_ACCOUNT, key, false) != 1)
		elog(ERROR, "could not delete an account that is locked");
	run_for_key(DELETE_PROFILE, key, false);
}

void
userlock_store_put_profile(const UserLockKey *key, Datum profile)
{
	Datum		values[] = {key->tenant, key->user_id, profile};

	run(PUT_PROFILE, values, NULL, false);
}

void
userlock_store_forget_failures(const UserLockKey *key)
{
	run_for_key(FORGET_FAILURES, key, false);
	discard_result();
}

Datum
userlock_store_get_profile(const UserLockKey *key)
{
	Datum		profile = (Datum) 0;
	bool		isnull;

	if (run_for_key(GET_PROFILE, key, true) > 0)
		profile = PointerGetDatum(PG_DETOAST_DATUM_COPY(
			SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)));
	discard_result();
	return profile;
}

/* A text Datum of a string; 0 for none. */
static Datum
optional_text(const char *string)
{
	return string ? CStringGetTextDatum(string) : (Datum) 0;
}

/*
 * Tells listeners that there is an event, and which; what it says they read in
 * user_history.  Names have 200 characters at most, so the payload is always
 * short enough for NOTIFY.
 */
static void
notify(const UserLockKey *key, const UserLockEvent *event)
{
	StringInfoData payload;

	initStringInfo(&payload);
	appendStringInfoString(&payload, "{\"tenant\":");
	escape_json(&payload, TextDatumGetCString(key->tenant));
	appendStringInfoString(&payload, ",\"user_id\":");
	escape_json(&payload, TextDatumGetCString(key->user_id));
	appendStringInfo(&payload, ",\"sequence\":" INT64_FORMAT ",\"kind\":\"%s\"}",
					 event->sequence, event->kind);
	Async_Notify("userlock", payload.data);
}

void
userlock_store_append(const UserLockKey *key, const UserLockEvent *event)
{
	Datum		values[] = {
		key->tenant,
		key->user_id,
		Int64GetDatum(event->sequence),
		CStringGetTextDatum(event->kind),
		optional_text(event->from_state),
		optional_text(event->to_state),
		TimestampTzGetDatum(event->at),
		event->actor,
		event->reason,
		TimestampTzGetDatum(event->until),
		event->details
	};
	char		nulls[] = {
		' ', ' ', ' ', ' ',
		event->from_state ? ' ' : 'n',
		event->to_state ? ' ' : 'n',
		' ',
		event->actor ? ' ' : 'n',
		event->reason ? ' ' : 'n',
		event->until == USERLOCK_NO_END ? 'n' : ' ',
		event->details ? ' ' : 'n'
	};

	run(event->from_state ? APPEND_EVENT : APPEND_FIRST_EVENT,
		values, nulls, false);
	if (userlock_notify)
		notify(key, event);
}

bool
userlock_store_last_event(const UserLockKey *key,
						  int64 *sequence, TimestampTz *at,
						  UserLockState *from_state)
{
	bool		found = run_for_key(LAST_EVENT, key, false) > 0;
	Datum		values[3];
	bool		nulls[3];

	if (found)
	{
		heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
						  values, nulls);
		*sequence = DatumGetInt64(values[0]);
		*at = DatumGetTimestampTz(values[1]);
		*from_state = nulls[2] ? USERLOCK_ACTIVE : DatumGetUserLockState(values[2]);
	}
	discard_result();
	return found;
}

bool
userlock_store_last_of_kind(const UserLockKey *key, const char *kind,
							UserLockEvent *event)
{
	Datum		parameters[] = {key->tenant, key->user_id, CStringGetTextDatum(kind)};
	bool		found = run(LAST_OF_KIND, parameters, NULL, false) > 0;
	Datum		values[4];
	bool		nulls[4];

	if (found)
	{
		heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
						  values, nulls);
		memset(event, 0, sizeof(*event));
		event->sequence = DatumGetInt64(values[0]);
		event->kind = kind;
		event->at = DatumGetTimestampTz(values[1]);
		event->reason = nulls[2] ? (Datum) 0 : datumCopy(values[2], false, -1);
		event->until = nulls[3] ? USERLOCK_NO_END : DatumGetTimestampTz(values[3]);
	}
	discard_result();
	return found;
}

int
userlock_store_due(const UserLockKey *after, TimestampTz now,
				   UserLockKey *keys, int max)
{
	Datum		values[] = {
		after ? after->tenant : (Datum) 0,
		after ? after->user_id : (Datum) 0,
		TimestampTzGetDatum(now),
		Int64GetDatum(max)
	};
	char		nulls[] = {after ? ' ' : 'n', after ? ' ' : 'n', ' ', ' '};
	int			found = (int) run(DUE, values, nulls, false);

	Assert(found <= max);
	for (int i = 0; i < found; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	columns = SPI_tuptable->tupdesc;
		bool		isnull;

		keys[i].tenant = datumCopy(SPI_getbinval(row, columns, 1, &isnull),
								   false, -1);
		keys[i].user_id = datumCopy(SPI_getbinval(row, columns, 2, &isnull),
									false, -1);
	}
	discard_result();
	return found;
}

/* Runs a statement that has one row: a key, and what comes with it. */
static Datum
make_api_key(StatementId id, const NullableDatum *arguments, NameData *role)
{
	Datum		values[MAX_PARAMETERS];
	char		nulls[MAX_PARAMETERS];
	HeapTuple	row;
	TupleDesc	columns;
	Datum		key;
	bool		isnull;

	for (int i = 0; i < statements[id].parameters; i++)
	{
		values[i] = arguments[i].value;
		nulls[i] = arguments[i].isnull ? 'n' : ' ';
	}
	run(id, values, nulls, false);
	row = SPI_tuptable->vals[0];
	columns = SPI_tuptable->tupdesc;
	key = datumCopy(SPI_getbinval(row, columns, 1, &isnull), false, -1);
	if (role)
		*role = *DatumGetName(SPI_getbinval(row, columns, 2, &isnull));
	discard_result();
	return key;
}

Datum
userlock_store_add_api_key(const NullableDatum *arguments)
{
	return make_api_key(ADD_API_KEY, arguments, NULL);
}

Datum
userlock_store_replace_api_key(const NullableDatum *arguments, NameData *role)
{
	return make_api_key(REPLACE_API_KEY, arguments, role);
}
