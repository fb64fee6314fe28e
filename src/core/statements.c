/*
 * statements.c
 *		Every SQL statement about our own tables that the C code runs.
 *
 * They are simple on purpose, each naming one user by the full key and computing
 * nothing volatile, so that they run anywhere the tables live.  Every name and
 * operator is qualified.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"

#include "core/statements.h"

#define EQ " OPERATOR(pg_catalog.=) "
#define LE " OPERATOR(pg_catalog.<=) "

#define THIS_USER " WHERE tenant" EQ "$1 AND user_id" EQ "$2"

/* In the order that read_account() expects. */
#define ACCOUNT_COLUMNS \
	"state, sequence, created_at, changed_at, locked_until, blocked_until, " \
	"lock_sequence, block_sequence, access_valid_after, locked_at, blocked_at"

/* The types of the key and of these columns; the state is text. */
#define ACCOUNT_TYPES \
	TEXTOID, TEXTOID, TEXTOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, \
	TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8OID, TIMESTAMPTZOID, \
	TIMESTAMPTZOID, TIMESTAMPTZOID

#define APPEND \
	"INSERT INTO userlock_private.event (tenant, user_id, sequence, kind," \
	" from_state, to_state, at, actor, reason, until, details, attributes, batch)" \
	" VALUES ($1, $2, $3, $4, $5::userlock.user_lock_state," \
	" $6::userlock.user_lock_state, $7, $8, $9, $10, $11, $12, $13)"

#define APPEND_TYPES \
	{TEXTOID, TEXTOID, INT8OID, TEXTOID, TEXTOID, TEXTOID, \
	TIMESTAMPTZOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, JSONBOID, TEXTARRAYOID, UUIDOID}

const UserLockStatement userlock_statements[STATEMENT_COUNT] = {
	[PROBE_ACCOUNT] = {
		"SELECT state, locked_until, blocked_until, access_valid_after"
		" FROM userlock_private.account" THIS_USER,
		2, {TEXTOID, TEXTOID}, SPI_OK_SELECT
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
		" $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
		" ON CONFLICT DO NOTHING",
		14, {ACCOUNT_TYPES, UUIDOID},
		SPI_OK_INSERT
	},
	[IS_ADOPTED] = {
		"SELECT true FROM userlock_private.account" THIS_USER " AND adoption" EQ "$3",
		3, {TEXTOID, TEXTOID, UUIDOID}, SPI_OK_SELECT
	},
	[PUT_ACCOUNT] = {
		"UPDATE userlock_private.account SET"
		" (" ACCOUNT_COLUMNS ")"
		" = ROW ($3::userlock.user_lock_state,"
		" $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
		THIS_USER,
		13, {ACCOUNT_TYPES},
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
	/* A conflict can only be about the user name, which somebody else has. */
	[PUT_PROFILE] = {
		"INSERT INTO userlock_private.profile (tenant, user_id, document,"
		" user_name, external_id, email, display_name,"
		" user_name_lower, email_lower, display_name_lower)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, pg_catalog.lower($4),"
		" pg_catalog.lower($6), pg_catalog.lower($7))"
		" ON CONFLICT DO NOTHING",
		7, {TEXTOID, TEXTOID, JSONBOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID},
		SPI_OK_INSERT
	},
	[GET_PROFILE] = {
		"SELECT document FROM userlock_private.profile" THIS_USER,
		2, {TEXTOID, TEXTOID}, SPI_OK_SELECT
	},
	/* As PUT_PROFILE stores it. */
	[FIND_USER_NAME] = {
		"SELECT user_id, user_name FROM userlock_private.profile"
		" WHERE tenant" EQ "$1 AND user_id OPERATOR(pg_catalog.<>) $2"
		" AND user_name_lower" EQ "pg_catalog.lower($3)",
		3, {TEXTOID, TEXTOID, TEXTOID}, SPI_OK_SELECT
	},
	[APPEND_EVENT] = {
		APPEND,
		13, APPEND_TYPES, SPI_OK_INSERT
	},
	/*
	 * Under REPEATABLE READ a user deleted and registered again behind the
	 * snapshot shows too low a last sequence.  ON CONFLICT makes the server
	 * report that as the serialization failure it is.
	 */
	[APPEND_FIRST_EVENT] = {
		APPEND " ON CONFLICT DO NOTHING",
		13, APPEND_TYPES, SPI_OK_INSERT
	},
	[LAST_EVENT] = {
		"SELECT sequence, at, from_state FROM userlock_private.event" THIS_USER
		" ORDER BY sequence DESC LIMIT 1",
		2, {TEXTOID, TEXTOID}, SPI_OK_SELECT
	},
	[LAST_OF_KIND] = {
		"SELECT sequence, at, reason, until, details FROM userlock_private.event" THIS_USER
		" AND kind" EQ "$3 ORDER BY sequence DESC LIMIT 1",
		3, {TEXTOID, TEXTOID, TEXTOID}, SPI_OK_SELECT
	},
	/* Each as the roles of a profile contain it. */
	[PROTECTED_ROLES] = {
		"SELECT pg_catalog.array_agg(pg_catalog.jsonb_build_array("
		"pg_catalog.jsonb_build_object('value', role)))"
		" FROM pg_catalog.regexp_split_to_table(pg_catalog.btrim("
		"pg_catalog.current_setting('userlock.protected_roles')), '\\s*,\\s*') AS role",
		0, {0}, SPI_OK_SELECT
	},
	[FIND_HOLDER] = {
		"SELECT user_id FROM userlock_private.profile"
		" WHERE tenant" EQ "$1 AND user_id" EQ "ANY ($2)"
		" AND (document OPERATOR(pg_catalog.->) 'roles') OPERATOR(pg_catalog.@>) ANY ($3)"
		" LIMIT 1",
		3, {TEXTOID, TEXTARRAYOID, JSONBARRAYOID}, SPI_OK_SELECT
	},
	[TAKE_HOLDERS_TURN] = {
		"SELECT userlock_private.take_turns('userlock_private.profile', $1, false)",
		1, {TEXTOID}, SPI_OK_SELECT
	},
	[IS_LAST_HOLDER] = {
		"SELECT userlock_private.is_last_holder($1, $2, $3)",
		3, {TEXTOID, TEXTOID, BOOLOID}, SPI_OK_SELECT
	},
	[BATCH_CHANGES] = {
		"SELECT user_id, sequence, locks, blocks"
		" FROM userlock_private.batch_changes($1, $2, $3)",
		3, {TEXTOID, UUIDOID, TIMESTAMPTZOID}, SPI_OK_SELECT
	},
	[GET_FAILURES_IF_FREE] = {
		"SELECT address FROM userlock_private.login_failure" THIS_USER
		" FOR UPDATE SKIP LOCKED",
		2, {TEXTOID, TEXTOID}, SPI_OK_SELECT
	},
	[FORGET_FAILURES] = {
		"DELETE FROM userlock_private.login_failure" THIS_USER " AND address" EQ "ANY ($3)",
		3, {TEXTOID, TEXTOID, TEXTARRAYOID}, SPI_OK_DELETE
	},
	[GET_ADOPTION] = {
		"SELECT adoption FROM userlock_private.account" THIS_USER
		" AND adoption IS NOT NULL",
		2, {TEXTOID, TEXTOID}, SPI_OK_SELECT
	},
	/* In this order: whoever waits for one has nothing that others wait for. */
	[BEGIN_ERASURE] = {
		"SELECT userlock_private.take_turns('userlock_private.event', '', true),"
		" userlock_private.take_turns('userlock_private.login_failure', $2, false)",
		2, {TEXTOID, TEXTOID}, SPI_OK_SELECT
	},
	[UNCOUNT] = {
		"SELECT userlock_private.uncount($1, $2, $3)",
		3, {TEXTOID, TEXTOID, BOOLOID}, SPI_OK_SELECT
	},
	[ERASE_EVENTS] = {
		"DELETE FROM userlock_private.event" THIS_USER,
		2, {TEXTOID, TEXTOID}, SPI_OK_DELETE
	},
	[ERASE_FAILURES] = {
		"DELETE FROM userlock_private.login_failure" THIS_USER,
		2, {TEXTOID, TEXTOID}, SPI_OK_DELETE
	},
	[GET_ERASURE_KEY] = {
		"SELECT key FROM userlock_private.erasure_key WHERE tenant" EQ "$1",
		1, {TEXTOID}, SPI_OK_SELECT
	},
	[ADD_ERASURE_KEY] = {
		"INSERT INTO userlock_private.erasure_key (tenant, key)"
		" VALUES ($1, $2) ON CONFLICT DO NOTHING",
		2, {TEXTOID, BYTEAOID}, SPI_OK_INSERT
	},
	[GET_ERASURE] = {
		"SELECT access_valid_after FROM userlock_private.erasure"
		" WHERE tenant" EQ "$1 AND digest" EQ "$2",
		2, {TEXTOID, BYTEAOID}, SPI_OK_SELECT
	},
	[PUT_ERASURE] = {
		"INSERT INTO userlock_private.erasure AS e"
		" (tenant, digest, access_valid_after) VALUES ($1, $2, $3)"
		" ON CONFLICT ON CONSTRAINT erasure_pkey DO UPDATE SET"
		" access_valid_after = greatest(e.access_valid_after, $3)",
		3, {TEXTOID, BYTEAOID, TIMESTAMPTZOID}, SPI_OK_INSERT
	},
	[DUE] = {
		"SELECT tenant, user_id FROM userlock_private.account"
		" WHERE state OPERATOR(userlock.<>) 'active'::userlock.user_lock_state"
		" AND least(locked_until, blocked_until)" LE "$3"
		" AND (tenant, user_id) OPERATOR(pg_catalog.>) ($1, $2)"
		" ORDER BY tenant, user_id LIMIT $4",
		4, {TEXTOID, TEXTOID, TIMESTAMPTZOID, INT8OID}, SPI_OK_SELECT
	},
	[TENANTS] = {
		"SELECT tenant FROM userlock_private.account"
		" UNION SELECT tenant FROM userlock_private.event"
		" UNION SELECT tenant FROM userlock_private.login_failure"
		" UNION SELECT tenant FROM userlock_private.lockout_policy",
		0, {0}, SPI_OK_SELECT
	},
	/* Of all tenants the same; in an order, so that there is an index for it. */
	[COUNTING] = {
		"SELECT counted_from, ends_from FROM userlock_private.counting ORDER BY tenant LIMIT 1",
		0, {0}, SPI_OK_SELECT
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
