/*
 * store.c
 *		The account and event rows, as the C code reads and writes them.
 *
 * It alone writes accounts and events, but for prune_history(), which takes old events
 * out: without SQL by account_row.c where it can, else by statements.  Others read
 * them: the views, verify() and the judgement of logins in SQL, which go by what is
 * committed, and the probe.  Counts of failed logins are written by login.sql; here they
 * are only forgotten.
 *
 * Must not judge a request or word a message.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/json.h"
#include "utils/syscache.h"
#include "utils/uuid.h"

#include "core/account_row.h"
#include "core/plans.h"
#include "core/store.h"

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
	userlock_rights_take(store, owner);
}

void
userlock_store_end(UserLockStore *store)
{
	userlock_rights_give_back(store);
	SPI_finish();
}

/* Runs a statement about one user that takes nothing but the key. */
static uint64
run_for_key(StatementId id, const UserLockKey *key, bool read_only)
{
	Datum		values[] = {key->tenant, key->user_id};

	return userlock_plans_run(id, values, NULL, read_only);
}

/* Frees a result at once: a bulk call makes thousands. */
static void
discard_result(void)
{
	SPI_freetuptable(SPI_tuptable);
}

/* The one value that a statement has found, copied; 0: it found no row. */
static Datum
read_value(uint64 found, int length)
{
	Datum		value = (Datum) 0;
	bool		isnull;

	if (found > 0)
		value = datumCopy(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
										1, &isnull), false, length);
	discard_result();
	return value;
}

/* Adds the one column that a statement has found, of texts, to an array. */
static void
accumulate_texts(ArrayBuildState *texts, uint64 found)
{
	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;

		accumArrayResult(texts,
						 SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull),
						 false, TEXTOID, CurrentMemoryContext);
	}
	discard_result();
}

/* Takes ACCOUNT_COLUMNS out of the first row of the result. */
static void
read_account(UserLockAccount *account)
{
	Datum		values[11];
	bool		nulls[11];

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
	account->locked_at = nulls[9] ? DT_NOBEGIN : DatumGetTimestampTz(values[9]);
	account->blocked_at = nulls[10] ? DT_NOBEGIN : DatumGetTimestampTz(values[10]);
	discard_result();
}

bool
userlock_store_get(const UserLockKey *key, UserLockRowLock lock,
				   UserLockAccount *account)
{
	bool		is_found;

	if (lock == USERLOCK_FOR_UPDATE && userlock_account_row_lock(key, account, &is_found))
		return is_found;
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
		TimestampTzGetDatum(account->locked_at),
		TimestampTzGetDatum(account->blocked_at),
		adoption
	};
	char		nulls[] = {
		' ', ' ', ' ', ' ', ' ', ' ',
		account->locked_until == USERLOCK_NO_END ? 'n' : ' ',
		account->blocked_until == USERLOCK_NO_END ? 'n' : ' ',
		account->lock_sequence == 0 ? 'n' : ' ',
		account->block_sequence == 0 ? 'n' : ' ',
		account->access_valid_after == DT_NOBEGIN ? 'n' : ' ',
		account->locked_at == DT_NOBEGIN ? 'n' : ' ',
		account->blocked_at == DT_NOBEGIN ? 'n' : ' ',
		adoption ? ' ' : 'n'
	};

	return userlock_plans_run(id, values, nulls, false);
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
	bool		found = userlock_plans_run(IS_ADOPTED, values, NULL,
							lock == USERLOCK_FOR_READING) > 0;

	discard_result();
	return found;
}

void
userlock_store_put(const UserLockKey *key, const UserLockAccount *account)
{
	if (!userlock_account_row_put(key, account) &&
		run_with_account(PUT_ACCOUNT, key, account, (Datum) 0) != 1)
		elog(ERROR, "could not update an account that is locked");
}

void
userlock_store_delete(const UserLockKey *key)
{
	if (run_for_key(DELETE_ACCOUNT, key, false) != 1)
		elog(ERROR, "could not delete an account that is locked");
	run_for_key(DELETE_PROFILE, key, false);
}

bool
userlock_store_put_profile(const UserLockKey *key, const UserLockProfile *profile)
{
	Datum		values[] = {
		key->tenant,
		key->user_id,
		profile->document,
		profile->user_name,
		profile->external_id,
		profile->email,
		profile->display_name
	};
	char		nulls[lengthof(values)];

	for (int i = 0; i < lengthof(values); i++)
		nulls[i] = values[i] ? ' ' : 'n';

	run_for_key(DELETE_PROFILE, key, false);
	return profile->document == (Datum) 0 ||
		userlock_plans_run(PUT_PROFILE, values, nulls, false) > 0;
}

bool
userlock_store_find_user_name(const UserLockKey *key, Datum user_name,
							  Datum *user_id, Datum *spelling)
{
	Datum		parameters[] = {key->tenant, key->user_id, user_name};
	bool		found = userlock_plans_run(FIND_USER_NAME, parameters, NULL, false) > 0;
	bool		isnull;

	if (found)
	{
		*user_id = datumCopy(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
										   1, &isnull), false, -1);
		*spelling = datumCopy(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
											2, &isnull), false, -1);
	}
	discard_result();
	return found;
}

void
userlock_store_take_holders_turn(Datum tenant, Datum user_ids)
{
	Datum		roles = read_value(userlock_plans_run(PROTECTED_ROLES, NULL, NULL, true), -1);
	Datum		values[] = {tenant, user_ids, roles};
	bool		found = userlock_plans_run(FIND_HOLDER, values, NULL, false) > 0;

	discard_result();
	if (!found)
		return;
	userlock_plans_run(TAKE_HOLDERS_TURN, values, NULL, false);
	discard_result();
}

bool
userlock_store_is_last_holder(const UserLockKey *key, bool to_lock)
{
	Datum		values[] = {key->tenant, key->user_id, BoolGetDatum(to_lock)};
	bool		isnull;
	bool		answer;

	userlock_plans_run(IS_LAST_HOLDER, values, NULL, !to_lock);
	answer = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
										1, &isnull));
	discard_result();
	return answer;
}

int
userlock_store_batch_changes(Datum tenant, Datum batch, TimestampTz since,
							 UserLockBatchChange **changes)
{
	Datum		parameters[] = {tenant, batch, TimestampTzGetDatum(since)};
	int			found = (int) userlock_plans_run(BATCH_CHANGES, parameters, NULL, true);

	*changes = palloc(Max(found, 1) * sizeof(UserLockBatchChange));
	for (int i = 0; i < found; i++)
	{
		Datum		values[4];
		bool		nulls[4];

		heap_deform_tuple(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, values, nulls);
		(*changes)[i] = (UserLockBatchChange) {
			.user_id = datumCopy(values[0], false, -1),
			.sequence = DatumGetInt64(values[1]),
			.locks = DatumGetInt32(values[2]),
			.blocks = DatumGetInt32(values[3])
		};
	}
	discard_result();
	return found;
}

void
userlock_store_forget_failures(const UserLockKey *key)
{
	ArrayBuildState *addresses = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	uint64		found = run_for_key(GET_FAILURES_IF_FREE, key, false);
	Datum		values[] = {key->tenant, key->user_id, (Datum) 0};

	accumulate_texts(addresses, found);
	if (found == 0)
		return;
	values[2] = makeArrayResult(addresses, CurrentMemoryContext);
	userlock_plans_run(FORGET_FAILURES, values, NULL, false);
}

Datum
userlock_store_get_profile(const UserLockKey *key, UserLockRowLock lock)
{
	Datum		profile = (Datum) 0;
	bool		isnull;

	/* Whoever had to wait for the account looks again at what is there. */
	if (run_for_key(GET_PROFILE, key, lock == USERLOCK_FOR_READING) > 0)
		profile = PointerGetDatum(PG_DETOAST_DATUM_COPY(
			SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)));
	discard_result();
	return profile;
}

Datum
userlock_store_get_adoption(const UserLockKey *key)
{
	return read_value(run_for_key(GET_ADOPTION, key, false), UUID_LEN);
}

void
userlock_store_begin_erasure(const UserLockKey *key)
{
	run_for_key(BEGIN_ERASURE, key, false);
	discard_result();
}

void
userlock_store_uncount(const UserLockKey *key, bool is_registered)
{
	Datum		values[] = {key->tenant, key->user_id, BoolGetDatum(is_registered)};

	userlock_plans_run(UNCOUNT, values, NULL, false);
	discard_result();
}

int64
userlock_store_erase_events(const UserLockKey *key)
{
	return run_for_key(ERASE_EVENTS, key, false);
}

int64
userlock_store_erase_failures(const UserLockKey *key)
{
	return run_for_key(ERASE_FAILURES, key, false);
}

Datum
userlock_store_get_erasure_key(Datum tenant)
{
	return read_value(userlock_plans_run(GET_ERASURE_KEY, &tenant, NULL, false), -1);
}

void
userlock_store_add_erasure_key(Datum tenant, Datum erasure_key)
{
	Datum		values[] = {tenant, erasure_key};

	userlock_plans_run(ADD_ERASURE_KEY, values, NULL, false);
}

bool
userlock_store_get_erasure(Datum tenant, Datum digest, TimestampTz *access_valid_after)
{
	Datum		values[] = {tenant, digest};
	bool		found = userlock_plans_run(GET_ERASURE, values, NULL, false) > 0;
	bool		isnull;

	if (found)
		*access_valid_after =
			DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
											  1, &isnull));
	discard_result();
	return found;
}

void
userlock_store_put_erasure(Datum tenant, Datum digest, TimestampTz access_valid_after)
{
	Datum		values[] = {tenant, digest, TimestampTzGetDatum(access_valid_after)};

	userlock_plans_run(PUT_ERASURE, values, NULL, false);
}

/* A text Datum of a string; 0 for none. */
static Datum
optional_text(const char *string)
{
	return string ? CStringGetTextDatum(string) : (Datum) 0;
}

/*
 * Names have 200 characters at most, so the payload is always short enough for NOTIFY.
 */
void
userlock_store_notify(const UserLockKey *key, const UserLockEvent *event)
{
	StringInfoData payload;

	if (!userlock_notify)
		return;
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
		event->details,
		event->attributes,
		event->batch
	};
	char		nulls[] = {
		' ', ' ', ' ', ' ',
		event->from_state ? ' ' : 'n',
		event->to_state ? ' ' : 'n',
		' ',
		event->actor ? ' ' : 'n',
		event->reason ? ' ' : 'n',
		event->until == USERLOCK_NO_END ? 'n' : ' ',
		event->details ? ' ' : 'n',
		event->attributes ? ' ' : 'n',
		event->batch ? ' ' : 'n'
	};

	if (event->from_state == NULL)
		userlock_plans_run(APPEND_FIRST_EVENT, values, nulls, false);
	else if (!userlock_account_row_append(key, event))
		userlock_plans_run(APPEND_EVENT, values, nulls, false);
	userlock_store_notify(key, event);
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

void
userlock_store_tenants(ArrayBuildState *tenants)
{
	accumulate_texts(tenants, userlock_plans_run(TENANTS, NULL, NULL, true));
}

bool
userlock_store_counting(TimestampTz *counted_from, TimestampTz *ends_from)
{
	bool		found = userlock_plans_run(COUNTING, NULL, NULL, true) > 0;
	Datum		values[2];
	bool		nulls[2];

	if (found)
	{
		heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
						  values, nulls);
		*counted_from = DatumGetTimestampTz(values[0]);
		*ends_from = DatumGetTimestampTz(values[1]);
	}
	discard_result();
	return found;
}

bool
userlock_store_last_of_kind(const UserLockKey *key, const char *kind,
							UserLockEvent *event)
{
	Datum		parameters[] = {key->tenant, key->user_id, CStringGetTextDatum(kind)};
	bool		found = userlock_plans_run(LAST_OF_KIND, parameters, NULL, false) > 0;
	Datum		values[5];
	bool		nulls[5];

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
		event->details = nulls[4] ? (Datum) 0 : datumCopy(values[4], false, -1);
	}
	discard_result();
	return found;
}

int
userlock_store_due(const UserLockKey *after, TimestampTz now,
				   UserLockKey *keys, int max)
{
	Datum		values[] = {
		after ? after->tenant : CStringGetTextDatum(""),
		after ? after->user_id : CStringGetTextDatum(""),
		TimestampTzGetDatum(now),
		Int64GetDatum(max)
	};
	int			found = (int) userlock_plans_run(DUE, values, NULL, false);

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
