/*
 * erasure.c
 *		A user's data removed for good, and what remains.
 *
 * What remains is a moment under a keyed hash of the id: enough to tell, of an id
 * that is shown, since when its tokens may be good, and no id by itself.
 */
#include "postgres.h"

#include "common/hmac.h"
#include "common/sha2.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/adoption.h"
#include "core/erasure.h"

#define KEY_LENGTH	32

Datum
userlock_erasure_digest(Datum erasure_key, const char *user_id)
{
	bytea	   *key = DatumGetByteaPP(erasure_key);
	/*
	 * A dump may be loaded into a database of another encoding.  Where there is none,
	 * an id need not be UTF-8.
	 */
	const char *id = GetDatabaseEncoding() == PG_SQL_ASCII ? user_id :
		pg_server_to_any(user_id, strlen(user_id), PG_UTF8);
	bytea	   *digest = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	pg_hmac_ctx *hmac = pg_hmac_create(PG_SHA256);
	bool		is_made;

	SET_VARSIZE(digest, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	is_made = hmac != NULL &&
		pg_hmac_init(hmac, (uint8 *) VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key)) >= 0 &&
		pg_hmac_update(hmac, (uint8 *) id, strlen(id)) >= 0 &&
		pg_hmac_final(hmac, (uint8 *) VARDATA(digest), PG_SHA256_DIGEST_LENGTH) >= 0;
	pg_hmac_free(hmac);
	if (!is_made)
		elog(ERROR, "could not hash a user id");
	return PointerGetDatum(digest);
}

/* The digest of a user, where anybody of the tenant was erased; else 0. */
static Datum
digest_of(const UserLockKey *key)
{
	Datum		erasure_key = userlock_store_get_erasure_key(key->tenant);

	return erasure_key == (Datum) 0 ? (Datum) 0 :
		userlock_erasure_digest(erasure_key, TextDatumGetCString(key->user_id));
}

bool
userlock_erasure_of(const UserLockKey *key, TimestampTz *access_valid_after)
{
	Datum		digest = digest_of(key);

	return digest != (Datum) 0 &&
		userlock_store_get_erasure(key->tenant, digest, access_valid_after);
}

/* Keeps of a user that tokens issued until then are void. */
static void
remember(const UserLockKey *key, TimestampTz access_valid_after)
{
	Datum		digest = digest_of(key);

	if (digest == (Datum) 0)
	{
		bytea	   *erasure_key = palloc(VARHDRSZ + KEY_LENGTH);

		SET_VARSIZE(erasure_key, VARHDRSZ + KEY_LENGTH);
		if (!pg_strong_random(VARDATA(erasure_key), KEY_LENGTH))
			elog(ERROR, "could not make a random key");
		userlock_store_add_erasure_key(key->tenant, PointerGetDatum(erasure_key));
		/* Of two that are made at once the first counts. */
		digest = digest_of(key);
	}
	userlock_store_put_erasure(key->tenant, digest, access_valid_after);
}

/* Holds whoever has the id, or keeps everybody from registering it; false: nobody has. */
static bool
hold(const UserLockKey *key, UserLockAccount *account)
{
	while (!userlock_store_get(key, USERLOCK_FOR_DELETE, account))
	{
		UserLockAccount nobody = {
			.locked_until = USERLOCK_NO_END,
			.blocked_until = USERLOCK_NO_END,
			.access_valid_after = DT_NOBEGIN,
			.locked_at = DT_NOBEGIN,
			.blocked_at = DT_NOBEGIN
		};

		*account = nobody;
		if (userlock_store_insert(key, account, (Datum) 0))
			return false;
	}
	return true;
}

/* Has the table that the user came from, if it is followed, a row of theirs? */
static bool
has_row(const UserLockKey *key)
{
	UserLockRowsWanted wanted = {.key = key};
	Datum		adoption = userlock_store_get_adoption(key);
	ListCell   *cell;

	if (adoption == (Datum) 0)
		return false;
	foreach(cell, userlock_users_table_followed(TRUNCATE_FUNCTION,
												DatumGetCString(DirectFunctionCall1(uuid_out, adoption))))
	{
		if (userlock_adoption_has_row(lfirst_oid(cell), &wanted))
			return true;
	}
	return false;
}

UserLockResult
userlock_erasure_erase(const UserLockRequest *request, UserLockErasure *erased)
{
	const UserLockKey *key = &request->key;
	UserLockAccount account;
	TimestampTz last_at = DT_NOBEGIN;
	UserLockState left_in;
	int64		sequence;
	bool		is_registered;

	/* Whoever holds their table up keeps us waiting, and nobody for us. */
	(void) has_row(key);
	userlock_store_begin_erasure(key);
	is_registered = hold(key, &account);
	if (is_registered && has_row(key))
		return USERLOCK_RESULT_USER_HAS_ROW;

	/* A clock that was ahead may have written what is later. */
	userlock_store_last_event(key, &sequence, &last_at, &left_in);
	erased->access_valid_after = Max(Max(GetCurrentTimestamp(), last_at),
									 account.access_valid_after);
	userlock_store_uncount(key, is_registered);
	erased->events = userlock_store_erase_events(key);
	erased->login_failures = userlock_store_erase_failures(key);
	userlock_store_delete(key);
	if (!is_registered && erased->events == 0 && erased->login_failures == 0)
		return USERLOCK_RESULT_USER_NOT_FOUND;
	remember(key, erased->access_valid_after);
	return USERLOCK_RESULT_CHANGED;
}
