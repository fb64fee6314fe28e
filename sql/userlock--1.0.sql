\echo Use "CREATE EXTENSION userlock" to load this file. \quit

-- A schema of this name may have been made by someone else, who would then own
-- the ground that this script builds on.
DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_namespace AS n
        JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
        WHERE n.nspname OPERATOR(pg_catalog.=) '@extschema@'
        AND (r.rolsuper OR r.rolname OPERATOR(pg_catalog.=) CURRENT_USER)
    ) THEN
        RAISE EXCEPTION 'schema "@extschema@" belongs to someone else'
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Drop the schema, or have its owner give it to you.';
    END IF;
END
$$;

-- The type is for everybody's tables.  What changes or reveals anything is
-- guarded by EXECUTE and SELECT, which nobody has until they are granted.
GRANT USAGE ON SCHEMA userlock TO PUBLIC;

COMMENT ON SCHEMA userlock IS
'May this user come in? Lock states of application users, changed only through checked transitions, with their history.';

--
-- The type user_lock_state
--

CREATE TYPE userlock.user_lock_state;

CREATE FUNCTION userlock.user_lock_state_in(cstring)
RETURNS userlock.user_lock_state
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock.user_lock_state_out(userlock.user_lock_state)
RETURNS cstring
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock.user_lock_state_recv(internal)
RETURNS userlock.user_lock_state
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock.user_lock_state_send(userlock.user_lock_state)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE TYPE userlock.user_lock_state (
    INPUT = userlock.user_lock_state_in,
    OUTPUT = userlock.user_lock_state_out,
    RECEIVE = userlock.user_lock_state_recv,
    SEND = userlock.user_lock_state_send,
    INTERNALLENGTH = 1,
    PASSEDBYVALUE,
    ALIGNMENT = char,
    STORAGE = plain
);

GRANT USAGE ON TYPE userlock.user_lock_state TO PUBLIC;
COMMENT ON TYPE userlock.user_lock_state IS
'The restrictions on a user: active, locked, blocked or locked+blocked. One byte; sorts in that order.';

CREATE CAST (text AS userlock.user_lock_state) WITH INOUT AS ASSIGNMENT;
CREATE CAST (userlock.user_lock_state AS text) WITH INOUT AS ASSIGNMENT;

--
-- Comparison and hashing of user_lock_state
--
-- LEAKPROOF: two bytes are compared, and no value of them can raise an error.
--

CREATE FUNCTION userlock.user_lock_state_eq(userlock.user_lock_state, userlock.user_lock_state)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock.user_lock_state_ne(userlock.user_lock_state, userlock.user_lock_state)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock.user_lock_state_lt(userlock.user_lock_state, userlock.user_lock_state)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock.user_lock_state_le(userlock.user_lock_state, userlock.user_lock_state)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock.user_lock_state_gt(userlock.user_lock_state, userlock.user_lock_state)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock.user_lock_state_ge(userlock.user_lock_state, userlock.user_lock_state)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock.user_lock_state_cmp(userlock.user_lock_state, userlock.user_lock_state)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock.user_lock_state_sortsupport(internal)
RETURNS void
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock.user_lock_state_hash(userlock.user_lock_state)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock.user_lock_state_hash_extended(userlock.user_lock_state, bigint)
RETURNS bigint
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE OPERATOR userlock.= (
    LEFTARG = userlock.user_lock_state, RIGHTARG = userlock.user_lock_state,
    FUNCTION = userlock.user_lock_state_eq,
    COMMUTATOR = OPERATOR(userlock.=), NEGATOR = OPERATOR(userlock.<>),
    RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel,
    HASHES, MERGES
);

COMMENT ON OPERATOR userlock.= (userlock.user_lock_state, userlock.user_lock_state) IS
'Are the states the same?';

CREATE OPERATOR userlock.<> (
    LEFTARG = userlock.user_lock_state, RIGHTARG = userlock.user_lock_state,
    FUNCTION = userlock.user_lock_state_ne,
    COMMUTATOR = OPERATOR(userlock.<>), NEGATOR = OPERATOR(userlock.=),
    RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);

COMMENT ON OPERATOR userlock.<> (userlock.user_lock_state, userlock.user_lock_state) IS
'Do the states differ?';

CREATE OPERATOR userlock.< (
    LEFTARG = userlock.user_lock_state, RIGHTARG = userlock.user_lock_state,
    FUNCTION = userlock.user_lock_state_lt,
    COMMUTATOR = OPERATOR(userlock.>), NEGATOR = OPERATOR(userlock.>=),
    RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);

COMMENT ON OPERATOR userlock.< (userlock.user_lock_state, userlock.user_lock_state) IS
'Does the left state sort before the right one?';

CREATE OPERATOR userlock.<= (
    LEFTARG = userlock.user_lock_state, RIGHTARG = userlock.user_lock_state,
    FUNCTION = userlock.user_lock_state_le,
    COMMUTATOR = OPERATOR(userlock.>=), NEGATOR = OPERATOR(userlock.>),
    RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);

COMMENT ON OPERATOR userlock.<= (userlock.user_lock_state, userlock.user_lock_state) IS
'Does the left state sort before the right one, or equal it?';

CREATE OPERATOR userlock.> (
    LEFTARG = userlock.user_lock_state, RIGHTARG = userlock.user_lock_state,
    FUNCTION = userlock.user_lock_state_gt,
    COMMUTATOR = OPERATOR(userlock.<), NEGATOR = OPERATOR(userlock.<=),
    RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);

COMMENT ON OPERATOR userlock.> (userlock.user_lock_state, userlock.user_lock_state) IS
'Does the left state sort after the right one?';

CREATE OPERATOR userlock.>= (
    LEFTARG = userlock.user_lock_state, RIGHTARG = userlock.user_lock_state,
    FUNCTION = userlock.user_lock_state_ge,
    COMMUTATOR = OPERATOR(userlock.<=), NEGATOR = OPERATOR(userlock.<),
    RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);

COMMENT ON OPERATOR userlock.>= (userlock.user_lock_state, userlock.user_lock_state) IS
'Does the left state sort after the right one, or equal it?';

CREATE OPERATOR CLASS userlock.user_lock_state_ops
DEFAULT FOR TYPE userlock.user_lock_state USING btree AS
    OPERATOR 1 userlock.<,
    OPERATOR 2 userlock.<=,
    OPERATOR 3 userlock.=,
    OPERATOR 4 userlock.>=,
    OPERATOR 5 userlock.>,
    FUNCTION 1 userlock.user_lock_state_cmp(userlock.user_lock_state, userlock.user_lock_state),
    FUNCTION 2 userlock.user_lock_state_sortsupport(internal),
    FUNCTION 4 pg_catalog.btequalimage(oid);

CREATE OPERATOR CLASS userlock.user_lock_state_ops
DEFAULT FOR TYPE userlock.user_lock_state USING hash AS
    OPERATOR 1 userlock.=,
    FUNCTION 1 userlock.user_lock_state_hash(userlock.user_lock_state),
    FUNCTION 2 userlock.user_lock_state_hash_extended(userlock.user_lock_state, bigint);

--
-- The rules of states, free of any table.  Anybody may ask, and the views below
-- need what their readers may ask.
--

CREATE FUNCTION userlock.is_active(state userlock.user_lock_state)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_is_active';

COMMENT ON FUNCTION userlock.is_active IS
'Is the user free of restrictions, neither locked nor blocked? NULL for NULL.';

CREATE FUNCTION userlock.is_locked(state userlock.user_lock_state)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_is_locked';

COMMENT ON FUNCTION userlock.is_locked IS
'Is the user locked, blocked as well or not? NULL for NULL.';

CREATE FUNCTION userlock.is_blocked(state userlock.user_lock_state)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_is_blocked';

COMMENT ON FUNCTION userlock.is_blocked IS
'Is the user blocked, locked as well or not? NULL for NULL.';

CREATE FUNCTION userlock.next_state(state userlock.user_lock_state, transition text)
RETURNS userlock.user_lock_state
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_next_state';

COMMENT ON FUNCTION userlock.next_state IS
'The state after a transition (lock, unlock, block or unblock); NULL where the transition is refused because it would change nothing. Any other transition is error 22023.';

CREATE FUNCTION userlock.state_at(
    state userlock.user_lock_state,
    locked_until timestamptz,
    blocked_until timestamptz,
    at timestamptz)
RETURNS userlock.user_lock_state
LANGUAGE C IMMUTABLE LEAKPROOF PARALLEL SAFE  -- not STRICT: an end may be NULL
AS 'MODULE_PATHNAME', 'userlock_state_at_moment';

COMMENT ON FUNCTION userlock.state_at IS
'The restrictions of an account that hold at a moment: one that ends has ended from that very moment on. An end of NULL means until lifted.';

CREATE FUNCTION userlock.allows(
    state userlock.user_lock_state,
    changed_at timestamptz,
    locked_until timestamptz,
    blocked_until timestamptz,
    transition text,
    at timestamptz)
RETURNS boolean
LANGUAGE C IMMUTABLE PARALLEL SAFE  -- not STRICT: an end may be NULL
AS 'MODULE_PATHNAME', 'userlock_allows';

COMMENT ON FUNCTION userlock.allows IS
'May a transition be made at a moment to an account as it is written? Only if it would change something, no restriction has ended unwritten, and the account was last changed before. Any other transition than lock, unlock, block or unblock is error 22023.';

CREATE FUNCTION userlock.pending_expiries(
    state userlock.user_lock_state,
    sequence bigint,
    locked_until timestamptz,
    blocked_until timestamptz,
    at timestamptz,
    OUT sequence bigint,
    OUT kind text,
    OUT from_state userlock.user_lock_state,
    OUT to_state userlock.user_lock_state,
    OUT at timestamptz)
RETURNS SETOF record
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 1  -- not STRICT: an end may be NULL
AS 'MODULE_PATHNAME', 'userlock_pending_expiries';

COMMENT ON FUNCTION userlock.pending_expiries IS
'The events that an account owes to its history at a moment, because a restriction has ended and nothing has been written since: none, one or two, in order.';

-- All functions so far, whatever the installer's default privileges say; but
-- one is for the core itself.
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA userlock TO PUBLIC;
REVOKE EXECUTE ON FUNCTION userlock.allows FROM PUBLIC;

--
-- Tables
--
-- Nobody is granted anything on them: they are changed by the functions below
-- and read through the views.  Every key contains (tenant, user_id), so that
-- the tables can be distributed by either.
--
-- No CHECK constraints: the server would parse each of them anew for every
-- transition, which doubled its time.  The functions are the only writers, and
-- verify() proves what they wrote.
--

CREATE TABLE userlock.account (
    tenant text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    state userlock.user_lock_state NOT NULL,
    sequence bigint NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    locked_until timestamptz,
    blocked_until timestamptz,
    lock_sequence bigint,
    block_sequence bigint,
    access_valid_after timestamptz,
    PRIMARY KEY (tenant, user_id)
);

-- Few users are restricted: who is out can be listed without reading the rest.
CREATE INDEX account_restricted ON userlock.account (tenant, user_id)
WHERE state OPERATOR(userlock.<>) 'active'::userlock.user_lock_state;

COMMENT ON TABLE userlock.account IS
'The current state of each user: the fold of their events.';
COMMENT ON COLUMN userlock.account.tenant IS
'The organisation that owns the user; 1 to 200 characters.';
COMMENT ON COLUMN userlock.account.user_id IS
'The application''s own id of the user, unique in the tenant; 1 to 200 characters.';
COMMENT ON COLUMN userlock.account.state IS
'The restrictions as last written. One whose end has passed no longer holds: see state_at().';
COMMENT ON COLUMN userlock.account.sequence IS
'The number of the user''s last event.';
COMMENT ON COLUMN userlock.account.created_at IS
'When the user was registered.';
COMMENT ON COLUMN userlock.account.changed_at IS
'When the last event happened.';
COMMENT ON COLUMN userlock.account.locked_until IS
'When the lock ends by itself; NULL: not locked, or until unlocked.';
COMMENT ON COLUMN userlock.account.blocked_until IS
'When the block ends by itself; NULL: not blocked, or until unblocked.';
COMMENT ON COLUMN userlock.account.lock_sequence IS
'The number of the event that locked the user; NULL: not locked.';
COMMENT ON COLUMN userlock.account.block_sequence IS
'The number of the event that blocked the user; NULL: not blocked.';
COMMENT ON COLUMN userlock.account.access_valid_after IS
'The access floor: tokens issued before it are void; NULL: none are.';

CREATE TABLE userlock.event (
    tenant text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    from_state userlock.user_lock_state,
    to_state userlock.user_lock_state,
    at timestamptz NOT NULL,
    actor text,
    reason text,
    until timestamptz,
    details jsonb,
    PRIMARY KEY (tenant, user_id, sequence)
);

COMMENT ON TABLE userlock.event IS
'Everything that happened to each user, never changed; kept when the account is deleted.';
COMMENT ON COLUMN userlock.event.tenant IS
'The organisation that owns the user.';
COMMENT ON COLUMN userlock.event.user_id IS
'The application''s own id of the user.';
COMMENT ON COLUMN userlock.event.sequence IS
'The number of the event: 1, 2, 3 and so on for each user, without gaps.';
COMMENT ON COLUMN userlock.event.kind IS
'registered, locked, unlocked, lock_expired, blocked, unblocked, block_expired, access_revoked or deleted.';
COMMENT ON COLUMN userlock.event.from_state IS
'The state before; NULL: there was no account.';
COMMENT ON COLUMN userlock.event.to_state IS
'The state after; NULL: there is no account any more.';
COMMENT ON COLUMN userlock.event.at IS
'When it happened; an expiry happens at its exact moment.';
COMMENT ON COLUMN userlock.event.actor IS
'Who did it: the JWT''s "sub", else the session user; NULL: time itself.';
COMMENT ON COLUMN userlock.event.reason IS
'Why, in the words of the actor.';
COMMENT ON COLUMN userlock.event.until IS
'When the restriction ends, or ended, by itself; NULL: when lifted.';
COMMENT ON COLUMN userlock.event.details IS
'What the caller wished to keep with the event: a JSON object.';

CREATE TABLE userlock.profile (
    tenant text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    document jsonb NOT NULL,
    PRIMARY KEY (tenant, user_id)
);

COMMENT ON TABLE userlock.profile IS
'A JSON object for each user who has one, kept for contracts that answer with a user.';
COMMENT ON COLUMN userlock.profile.tenant IS
'The organisation that owns the user.';
COMMENT ON COLUMN userlock.profile.user_id IS
'The application''s own id of the user.';
COMMENT ON COLUMN userlock.profile.document IS
'The profile, as it was given to register_user().';

-- They hold users' data: a dump of the database must carry it.
SELECT pg_catalog.pg_extension_config_dump('userlock.account', '');
SELECT pg_catalog.pg_extension_config_dump('userlock.event', '');
SELECT pg_catalog.pg_extension_config_dump('userlock.profile', '');

--
-- Transitions
--
-- C functions that take on the rights of their owner themselves, as SECURITY
-- DEFINER would: EXECUTE on one of them is all that a role needs, and gives it
-- nothing else.
--

CREATE TYPE userlock.user_status AS (
    tenant text,
    user_id text,
    state userlock.user_lock_state,
    sequence bigint,
    created_at timestamptz,
    changed_at timestamptz,
    locked_until timestamptz,
    blocked_until timestamptz
);

GRANT USAGE ON TYPE userlock.user_status TO PUBLIC;
COMMENT ON TYPE userlock.user_status IS
'A user as they are now: sequence is the number of their last event, changed_at its moment; an end of NULL means not restricted, or until lifted.';

CREATE TYPE userlock.transition_outcome AS (
    user_id text,
    outcome text,
    sqlstate text,
    message text,
    detail text,
    hint text,
    status userlock.user_status
);

GRANT USAGE ON TYPE userlock.transition_outcome TO PUBLIC;
COMMENT ON TYPE userlock.transition_outcome IS
'What came of one attempt. outcome: "changed", "unchanged", or the name of what stood against it, which is the CONSTRAINT of the same error; sqlstate: 00000 for success; status: the user as they are now, NULL where not found or not looked up.';

CREATE FUNCTION userlock.lock_user(
    user_id text,
    reason text DEFAULT NULL,
    until timestamptz DEFAULT NULL,
    tenant text DEFAULT NULL,
    expected_sequence bigint DEFAULT NULL,
    idempotent boolean DEFAULT false,
    details jsonb DEFAULT NULL)
RETURNS userlock.user_status
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_lock_user';

REVOKE EXECUTE ON FUNCTION userlock.lock_user FROM PUBLIC;
COMMENT ON FUNCTION userlock.lock_user IS
$$Locks a user: a temporary restriction after a security event.

until: when the lock ends by itself; NULL: when unlocked. tenant: NULL means the caller's own. expected_sequence: refuse if the user's last event is another. idempotent: accept a user who is locked already, and change nothing. details: a JSON object kept with the event. Tokens issued before are void. Returns the user's status. Errors: PT400 already locked, PT403 not the caller's tenant, PT404 no such user, PT412 sequence differs, PT422 invalid argument.$$;

CREATE FUNCTION userlock.unlock_user(
    user_id text,
    reason text DEFAULT NULL,
    tenant text DEFAULT NULL,
    expected_sequence bigint DEFAULT NULL,
    idempotent boolean DEFAULT false,
    details jsonb DEFAULT NULL)
RETURNS userlock.user_status
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_unlock_user';

REVOKE EXECUTE ON FUNCTION userlock.unlock_user FROM PUBLIC;
COMMENT ON FUNCTION userlock.unlock_user IS
$$Unlocks a user: lifts the lock, never the block.

tenant: NULL means the caller's own. expected_sequence: refuse if the user's last event is another. idempotent: accept a user who is not locked, and change nothing. details: a JSON object kept with the event. Returns the user's status. Errors: PT400 not locked, PT403 not the caller's tenant, PT404 no such user, PT412 sequence differs, PT422 invalid argument.$$;

CREATE FUNCTION userlock.block_user(
    user_id text,
    reason text DEFAULT NULL,
    until timestamptz DEFAULT NULL,
    tenant text DEFAULT NULL,
    expected_sequence bigint DEFAULT NULL,
    idempotent boolean DEFAULT false,
    details jsonb DEFAULT NULL)
RETURNS userlock.user_status
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_block_user';

REVOKE EXECUTE ON FUNCTION userlock.block_user FROM PUBLIC;
COMMENT ON FUNCTION userlock.block_user IS
$$Blocks a user: an administrative restriction (suspended, banned).

until: when the block ends by itself; NULL: when unblocked. tenant: NULL means the caller's own. expected_sequence: refuse if the user's last event is another. idempotent: accept a user who is blocked already, and change nothing. details: a JSON object kept with the event. Tokens issued before are void. Returns the user's status. Errors: PT400 already blocked, PT403 not the caller's tenant, PT404 no such user, PT412 sequence differs, PT422 invalid argument.$$;

CREATE FUNCTION userlock.unblock_user(
    user_id text,
    reason text DEFAULT NULL,
    tenant text DEFAULT NULL,
    expected_sequence bigint DEFAULT NULL,
    idempotent boolean DEFAULT false,
    details jsonb DEFAULT NULL)
RETURNS userlock.user_status
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_unblock_user';

REVOKE EXECUTE ON FUNCTION userlock.unblock_user FROM PUBLIC;
COMMENT ON FUNCTION userlock.unblock_user IS
$$Unblocks a user: lifts the block, never the lock.

tenant: NULL means the caller's own. expected_sequence: refuse if the user's last event is another. idempotent: accept a user who is not blocked, and change nothing. details: a JSON object kept with the event. Returns the user's status. Errors: PT400 not blocked, PT403 not the caller's tenant, PT404 no such user, PT412 sequence differs, PT422 invalid argument.$$;

CREATE FUNCTION userlock.try_transition(
    transition text,
    user_id text,
    reason text DEFAULT NULL,
    until timestamptz DEFAULT NULL,
    tenant text DEFAULT NULL,
    expected_sequence bigint DEFAULT NULL,
    idempotent boolean DEFAULT false,
    details jsonb DEFAULT NULL,
    expected_state userlock.user_lock_state DEFAULT NULL,
    revoke_access boolean DEFAULT false)
RETURNS userlock.transition_outcome
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_try_transition';

REVOKE EXECUTE ON FUNCTION userlock.try_transition FROM PUBLIC;
COMMENT ON FUNCTION userlock.try_transition IS
$$Attempts a transition (lock, unlock, block or unblock) and returns an outcome instead of raising an error.

The caller needs EXECUTE on the core function as well: lock_user for lock, and so on; with revoke_access also on that. Arguments as there; until goes with lock and block only. expected_state: refuse unless the user is in exactly this state. revoke_access: after a success, changed or not, tokens issued before are void; what lifts a restriction then writes an event more.$$;

CREATE FUNCTION userlock.lock_users(
    user_ids text[],
    reason text DEFAULT NULL,
    until timestamptz DEFAULT NULL,
    tenant text DEFAULT NULL,
    idempotent boolean DEFAULT false,
    details jsonb DEFAULT NULL)
RETURNS SETOF userlock.transition_outcome
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100
AS 'MODULE_PATHNAME', 'userlock_lock_users';

REVOKE EXECUTE ON FUNCTION userlock.lock_users FROM PUBLIC;
COMMENT ON FUNCTION userlock.lock_users IS
$$Locks many users of one tenant; returns an outcome for each id, in key order.

The caller needs EXECUTE on lock_user as well. user_ids: at most 10000, no NULL, none twice. What is wrong with one id is that id's outcome and stops nothing else. Errors of the whole call: PT403 no permission, PT422 invalid argument.$$;

CREATE FUNCTION userlock.unlock_users(
    user_ids text[],
    reason text DEFAULT NULL,
    tenant text DEFAULT NULL,
    idempotent boolean DEFAULT false,
    details jsonb DEFAULT NULL)
RETURNS SETOF userlock.transition_outcome
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100
AS 'MODULE_PATHNAME', 'userlock_unlock_users';

REVOKE EXECUTE ON FUNCTION userlock.unlock_users FROM PUBLIC;
COMMENT ON FUNCTION userlock.unlock_users IS
$$Unlocks many users of one tenant; returns an outcome for each id, in key order.

The caller needs EXECUTE on unlock_user as well. user_ids: at most 10000, no NULL, none twice. What is wrong with one id is that id's outcome and stops nothing else. Errors of the whole call: PT403 no permission, PT422 invalid argument.$$;

CREATE FUNCTION userlock.block_users(
    user_ids text[],
    reason text DEFAULT NULL,
    until timestamptz DEFAULT NULL,
    tenant text DEFAULT NULL,
    idempotent boolean DEFAULT false,
    details jsonb DEFAULT NULL)
RETURNS SETOF userlock.transition_outcome
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100
AS 'MODULE_PATHNAME', 'userlock_block_users';

REVOKE EXECUTE ON FUNCTION userlock.block_users FROM PUBLIC;
COMMENT ON FUNCTION userlock.block_users IS
$$Blocks many users of one tenant; returns an outcome for each id, in key order.

The caller needs EXECUTE on block_user as well. user_ids: at most 10000, no NULL, none twice. What is wrong with one id is that id's outcome and stops nothing else. Errors of the whole call: PT403 no permission, PT422 invalid argument.$$;

CREATE FUNCTION userlock.unblock_users(
    user_ids text[],
    reason text DEFAULT NULL,
    tenant text DEFAULT NULL,
    idempotent boolean DEFAULT false,
    details jsonb DEFAULT NULL)
RETURNS SETOF userlock.transition_outcome
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100
AS 'MODULE_PATHNAME', 'userlock_unblock_users';

REVOKE EXECUTE ON FUNCTION userlock.unblock_users FROM PUBLIC;
COMMENT ON FUNCTION userlock.unblock_users IS
$$Unblocks many users of one tenant; returns an outcome for each id, in key order.

The caller needs EXECUTE on unblock_user as well. user_ids: at most 10000, no NULL, none twice. What is wrong with one id is that id's outcome and stops nothing else. Errors of the whole call: PT403 no permission, PT422 invalid argument.$$;

--
-- Accounts
--

CREATE FUNCTION userlock.register_user(
    user_id text,
    tenant text DEFAULT NULL,
    profile jsonb DEFAULT NULL)
RETURNS userlock.user_status
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_register_user';

REVOKE EXECUTE ON FUNCTION userlock.register_user FROM PUBLIC;
COMMENT ON FUNCTION userlock.register_user IS
$$Registers a user, who is active.

user_id: the application's own id, 1 to 200 characters, unique in the tenant. tenant: NULL means the caller's own. profile: a JSON object kept with the user. An id that was used before goes on with its history, and tokens from before stay void. Returns the user's status. Errors: PT403 not the caller's tenant, PT409 already registered, PT422 invalid argument.$$;

CREATE FUNCTION userlock.delete_user(
    user_id text,
    reason text DEFAULT NULL,
    tenant text DEFAULT NULL,
    expected_sequence bigint DEFAULT NULL,
    idempotent boolean DEFAULT false,
    details jsonb DEFAULT NULL)
RETURNS userlock.user_status
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_delete_user';

REVOKE EXECUTE ON FUNCTION userlock.delete_user FROM PUBLIC;
COMMENT ON FUNCTION userlock.delete_user IS
$$Deletes a user's account and profile; the history stays.

tenant: NULL means the caller's own. expected_sequence: refuse if the user's last event is another. idempotent: accept that there is no such user, and return NULL. details: a JSON object kept with the event. Returns the status that the user had. Errors: PT403 not the caller's tenant, PT404 no such user, PT412 sequence differs, PT422 invalid argument.$$;

CREATE FUNCTION userlock.revoke_access(
    user_id text,
    reason text DEFAULT NULL,
    tenant text DEFAULT NULL,
    expected_sequence bigint DEFAULT NULL,
    details jsonb DEFAULT NULL)
RETURNS userlock.user_status
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_revoke_access';

REVOKE EXECUTE ON FUNCTION userlock.revoke_access FROM PUBLIC;
COMMENT ON FUNCTION userlock.revoke_access IS
$$Makes every token void that was issued to a user until now; the state stays.

tenant: NULL means the caller's own. expected_sequence: refuse if the user's last event is another. details: a JSON object kept with the event. Returns the user's status. Errors: PT403 not the caller's tenant, PT404 no such user, PT412 sequence differs, PT422 invalid argument.$$;

CREATE FUNCTION userlock.user_status(
    user_id text,
    tenant text DEFAULT NULL)
RETURNS userlock.user_status
LANGUAGE C STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_user_status';

REVOKE EXECUTE ON FUNCTION userlock.user_status FROM PUBLIC;
COMMENT ON FUNCTION userlock.user_status(text, text) IS
$$The user as they are now.

A restriction whose end has passed does not hold. tenant: NULL means the caller's own. Writes nothing, also works in a read-only transaction and on a standby. Errors: PT403 not the caller's tenant, PT404 no such user, PT422 invalid argument.$$;

CREATE FUNCTION userlock.user_profile(
    user_id text,
    tenant text DEFAULT NULL)
RETURNS jsonb
LANGUAGE C STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_user_profile';

REVOKE EXECUTE ON FUNCTION userlock.user_profile FROM PUBLIC;
COMMENT ON FUNCTION userlock.user_profile IS
$$The profile that the user was registered with; NULL: none, or no such user.

It may hold personal data: grant this to whoever may see it. tenant: NULL means the caller's own. Errors: PT403 not the caller's tenant, PT422 invalid argument.$$;

--
-- Enforcement: may this user come in?
--
-- VOLATILE only where an error is the answer; all of them read one row, write
-- nothing, and work in read-only transactions and on standbys.
--

CREATE FUNCTION userlock.check_request()
RETURNS void
LANGUAGE C VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_check_request';

REVOKE EXECUTE ON FUNCTION userlock.check_request FROM PUBLIC;
COMMENT ON FUNCTION userlock.check_request IS
$$Refuses a request of a user who may not come in; for PostgREST's db-pre-request, or a function of your own that is set there.

By the claims sub, tenant (else userlock.tenant) and iat: PT403, the user is locked or blocked; PT401, nobody is registered under sub, the token was issued at or before the second of the access floor or does not say when, was issued more than 30 seconds in the future, or the claims are malformed. A session without claims and a token without sub pass.$$;

CREATE FUNCTION userlock.current_user_allowed()
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_current_user_allowed';

REVOKE EXECUTE ON FUNCTION userlock.current_user_allowed FROM PUBLIC;
COMMENT ON FUNCTION userlock.current_user_allowed IS
'Would check_request() let the caller pass? For row-level security, best as (SELECT userlock.current_user_allowed()), which is asked once a statement. Never raises.';

CREATE FUNCTION userlock.user_allowed(user_id text, tenant text DEFAULT NULL)
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE  -- not STRICT: a tenant of NULL is the caller's
AS 'MODULE_PATHNAME', 'userlock_user_allowed';

REVOKE EXECUTE ON FUNCTION userlock.user_allowed FROM PUBLIC;
COMMENT ON FUNCTION userlock.user_allowed IS
'Is the user registered, and neither locked nor blocked? False also for a tenant that is not the caller''s. tenant: NULL is the caller''s own. Never raises.';

--
-- Views
--
-- They run with the rights of their owner, so SELECT on a view is all that a
-- role needs, and show a caller with JWT claims only the tenants that are
-- theirs.  security_barrier keeps a reader's own functions off the rest.
--

CREATE FUNCTION userlock.caller_tenants()
RETURNS text[]
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_caller_tenants';

GRANT EXECUTE ON FUNCTION userlock.caller_tenants TO PUBLIC;
COMMENT ON FUNCTION userlock.caller_tenants IS
'The tenants that the caller''s JWT claims list, their own first; NULL without claims, where privileges alone decide. Error: PT401 malformed claims.';

CREATE FUNCTION userlock.require_tenant(tenant text, signing_in boolean)
RETURNS text
LANGUAGE C STABLE PARALLEL SAFE  -- not STRICT: a tenant of NULL is the caller's
AS 'MODULE_PATHNAME', 'userlock_require_tenant';

REVOKE EXECUTE ON FUNCTION userlock.require_tenant FROM PUBLIC;
COMMENT ON FUNCTION userlock.require_tenant IS
'The tenant meant, for functions in SQL: NULL means the caller''s own. signing_in: claims with neither sub nor tenant, those of whoever signs in, may name any. Errors: PT401 malformed claims, PT403 not the caller''s tenant.';

-- What claims let a caller see.  security_barrier stands here, at the bottom,
-- because the planner dissolves a UNION ALL above, barrier and all.
CREATE VIEW userlock.claimed_account WITH (security_barrier) AS
SELECT * FROM userlock.account
WHERE tenant = ANY (userlock.caller_tenants());

COMMENT ON VIEW userlock.claimed_account IS
'Accounts of the tenants that the caller''s claims list: the ground of the views below, granted to nobody.';

CREATE VIEW userlock.claimed_event WITH (security_barrier) AS
SELECT * FROM userlock.event
WHERE tenant = ANY (userlock.caller_tenants());

COMMENT ON VIEW userlock.claimed_event IS
'Events of the tenants that the caller''s claims list: the ground of the views below, granted to nobody.';

-- Two branches rather than an OR, because only one of the two has a tenant to
-- look for in the index; the server skips the other.
CREATE VIEW userlock.visible_account AS
SELECT * FROM userlock.claimed_account
UNION ALL
SELECT * FROM userlock.account
WHERE userlock.caller_tenants() IS NULL;

COMMENT ON VIEW userlock.visible_account IS
'Accounts that the caller may see: the ground of the views below, granted to nobody.';

CREATE VIEW userlock.visible_event AS
SELECT * FROM userlock.claimed_event
UNION ALL
SELECT * FROM userlock.event
WHERE userlock.caller_tenants() IS NULL;

COMMENT ON VIEW userlock.visible_event IS
'Events that the caller may see: the ground of the views below, granted to nobody.';

-- The events that restrict are looked up one by one, which the LIMITs enforce:
-- joined, the planner may read the whole history to find the few.
CREATE VIEW userlock.restricted_users WITH (security_barrier) AS
SELECT
    account.tenant,
    account.user_id,
    userlock.state_at(account.state, account.locked_until,
                      account.blocked_until, clock.now) AS state,
    lock.at AS locked_at,
    lock.until AS locked_until,
    lock.reason AS lock_reason,
    lock.actor AS locked_by,
    block.at AS blocked_at,
    block.until AS blocked_until,
    block.reason AS block_reason,
    block.actor AS blocked_by
FROM (SELECT pg_catalog.clock_timestamp() AS now) AS clock
CROSS JOIN userlock.visible_account AS account
LEFT JOIN LATERAL (
    SELECT event.at, event.until, event.reason, event.actor
    FROM userlock.event
    WHERE event.tenant = account.tenant
    AND event.user_id = account.user_id
    AND event.sequence = account.lock_sequence
    AND (event.until IS NULL OR event.until > clock.now)
    LIMIT 1
) AS lock ON true
LEFT JOIN LATERAL (
    SELECT event.at, event.until, event.reason, event.actor
    FROM userlock.event
    WHERE event.tenant = account.tenant
    AND event.user_id = account.user_id
    AND event.sequence = account.block_sequence
    AND (event.until IS NULL OR event.until > clock.now)
    LIMIT 1
) AS block ON true
WHERE account.state <> 'active'
AND userlock.state_at(account.state, account.locked_until,
                      account.blocked_until, clock.now) <> 'active';

COMMENT ON VIEW userlock.restricted_users IS
'Who is out: since when, until when, why and by whom. An end of NULL means until lifted.';
COMMENT ON COLUMN userlock.restricted_users.state IS
'locked, blocked or locked+blocked, at this moment.';
COMMENT ON COLUMN userlock.restricted_users.locked_by IS
'The actor: the JWT''s "sub", else the session user.';
COMMENT ON COLUMN userlock.restricted_users.blocked_by IS
'The actor: the JWT''s "sub", else the session user.';

-- What has expired and is not yet written shows as it will be written.
CREATE VIEW userlock.user_history WITH (security_barrier) AS
SELECT tenant, user_id, sequence, kind, from_state, to_state,
       at, actor, reason, until, details
FROM userlock.visible_event
UNION ALL
SELECT account.tenant, account.user_id, expiry.sequence, expiry.kind,
       expiry.from_state, expiry.to_state,
       expiry.at, NULL, NULL, expiry.at, NULL
FROM (SELECT pg_catalog.clock_timestamp() AS now) AS clock
CROSS JOIN userlock.visible_account AS account
CROSS JOIN LATERAL userlock.pending_expiries(
    account.state, account.sequence,
    account.locked_until, account.blocked_until, clock.now) AS expiry
WHERE account.state <> 'active';

COMMENT ON VIEW userlock.user_history IS
'Everything that happened to each user, numbered 1, 2, 3 and so on by sequence. A restriction that has ended by itself is there as lock_expired or block_expired at the moment it ended.';

--
-- Maintenance
--

CREATE FUNCTION userlock.expire()
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_expire';

REVOKE EXECUTE ON FUNCTION userlock.expire FROM PUBLIC;
COMMENT ON FUNCTION userlock.expire IS
$$Writes into history every restriction that has ended by itself, at the moment it ended; returns how many.

Nothing depends on it: an end counts from its moment on, written or not. For those who read the tables by other means than the views, or want to see expiries in a change stream.$$;

CREATE FUNCTION userlock.verify(
    OUT tenant text,
    OUT user_id text,
    OUT problem text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH chained AS (
        SELECT
            e.*,
            pg_catalog.row_number() OVER history AS expected_sequence,
            pg_catalog.lag(e.to_state) OVER history AS state_before,
            pg_catalog.lag(e.at) OVER history AS at_before,
            CASE e.kind
                WHEN 'registered' THEN e.from_state IS NULL AND e.to_state = 'active'
                WHEN 'locked' THEN e.to_state = userlock.next_state(e.from_state, 'lock') AND coalesce(e.until > e.at, true)
                WHEN 'unlocked' THEN e.to_state = userlock.next_state(e.from_state, 'unlock')
                WHEN 'lock_expired' THEN e.to_state = userlock.next_state(e.from_state, 'unlock') AND e.at = e.until
                WHEN 'blocked' THEN e.to_state = userlock.next_state(e.from_state, 'block') AND coalesce(e.until > e.at, true)
                WHEN 'unblocked' THEN e.to_state = userlock.next_state(e.from_state, 'unblock')
                WHEN 'block_expired' THEN e.to_state = userlock.next_state(e.from_state, 'unblock') AND e.at = e.until
                WHEN 'access_revoked' THEN e.to_state = e.from_state
                WHEN 'deleted' THEN e.from_state IS NOT NULL AND e.to_state IS NULL
            END AS lawful
        FROM userlock.event AS e
        WINDOW history AS (PARTITION BY e.tenant, e.user_id ORDER BY e.sequence)
    ), folded AS (
        -- No joins: with statistics that are out of date, they would take for ever.
        -- A later event has the later moment, or it is found out above.
        SELECT
            e.tenant, e.user_id,
            (array_agg(e.to_state ORDER BY e.sequence DESC))[1] AS state,
            max(e.sequence) AS sequence,
            max(e.at) FILTER (WHERE e.kind = 'registered') AS created_at,
            max(e.at) AS changed_at,
            (array_agg(e.until ORDER BY e.sequence DESC) FILTER (WHERE e.kind = 'locked'))[1] AS locked_until,
            (array_agg(e.until ORDER BY e.sequence DESC) FILTER (WHERE e.kind = 'blocked'))[1] AS blocked_until,
            max(e.sequence) FILTER (WHERE e.kind = 'locked') AS lock_sequence,
            max(e.sequence) FILTER (WHERE e.kind = 'blocked') AS block_sequence,
            max(e.at) FILTER (
                WHERE e.kind IN ('locked', 'blocked', 'access_revoked')
                OR (e.kind = 'registered' AND e.sequence > 1)) AS access_valid_after
        FROM userlock.event AS e
        GROUP BY e.tenant, e.user_id
    ), living AS (
        -- What is over counts no more.
        SELECT
            f.tenant, f.user_id, f.state, f.sequence, f.created_at, f.changed_at,
            CASE WHEN userlock.is_locked(f.state) THEN f.locked_until END AS locked_until,
            CASE WHEN userlock.is_blocked(f.state) THEN f.blocked_until END AS blocked_until,
            CASE WHEN userlock.is_locked(f.state) THEN f.lock_sequence END AS lock_sequence,
            CASE WHEN userlock.is_blocked(f.state) THEN f.block_sequence END AS block_sequence,
            f.access_valid_after
        FROM folded AS f
        WHERE f.state IS NOT NULL
    ), problems AS (
        SELECT
            c.tenant, c.user_id, c.sequence,
            CASE
                WHEN c.sequence <> c.expected_sequence THEN
                    pg_catalog.format('event %s is missing', c.expected_sequence)
                WHEN c.from_state IS DISTINCT FROM c.state_before THEN
                    pg_catalog.format('event %s does not begin where the one before ended', c.sequence)
                WHEN c.at < c.at_before THEN
                    pg_catalog.format('event %s happened before the one before', c.sequence)
                WHEN c.lawful IS NOT TRUE THEN
                    pg_catalog.format('event %s is no lawful step', c.sequence)
            END AS problem
        FROM chained AS c
        UNION ALL
        SELECT
            coalesce(a.tenant, f.tenant), coalesce(a.user_id, f.user_id), NULL,
            CASE
                WHEN a.user_id IS NULL THEN 'there is a history but no account'
                WHEN f.user_id IS NULL THEN 'there is an account but no history'
                WHEN (a.state, a.sequence, a.created_at, a.changed_at,
                      a.locked_until, a.blocked_until,
                      a.lock_sequence, a.block_sequence, a.access_valid_after)
                    IS DISTINCT FROM
                     (f.state, f.sequence, f.created_at, f.changed_at,
                      f.locked_until, f.blocked_until,
                      f.lock_sequence, f.block_sequence, f.access_valid_after) THEN
                    'the account is not what its history says'
            END
        FROM userlock.account AS a
        FULL JOIN living AS f
            ON a.tenant = f.tenant AND a.user_id = f.user_id
    )
    SELECT DISTINCT ON (p.tenant, p.user_id) p.tenant, p.user_id, p.problem
    FROM problems AS p
    WHERE p.problem IS NOT NULL
    AND (userlock.caller_tenants() IS NULL
         OR p.tenant = ANY (userlock.caller_tenants()))
    ORDER BY p.tenant, p.user_id, p.sequence NULLS LAST;
END;

REVOKE EXECUTE ON FUNCTION userlock.verify FROM PUBLIC;
COMMENT ON FUNCTION userlock.verify IS
$$Every account that is not the fold of its events, with the first thing that is wrong; no rows: all is well.

Reads both tables whole. A caller with JWT claims is shown the tenants that are theirs.$$;
--
-- Existing tables of users: register their rows, and follow them
--

-- Whoever may change the table has its users follow, without asking whose tenant
-- they are in: the rows say so.
CREATE FUNCTION userlock.follow_user(user_id text, tenant text, registered boolean)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_follow_user';

REVOKE EXECUTE ON FUNCTION userlock.follow_user FROM PUBLIC;
COMMENT ON FUNCTION userlock.follow_user IS
'Has a user registered, or deleted, unless that is so already; did it change anything? tenant: not NULL. Error: PT422 invalid id or tenant.';

CREATE FUNCTION userlock.tenant_expression(tenant_column text, own_tenant text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF tenant_column = '' THEN
        RETURN format('%L', own_tenant);
    END IF;
    RETURN format('coalesce(%I::text, %L)', tenant_column, own_tenant);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.tenant_expression FROM PUBLIC;
COMMENT ON FUNCTION userlock.tenant_expression IS
'What a query of an adopted table has for the tenant of a row. tenant_column: empty where there is none; own_tenant: where the row names none.';

CREATE FUNCTION userlock.follow_row()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    user_id text := format('%I::text', TG_ARGV[0]);
    tenant text := userlock.tenant_expression(TG_ARGV[1], TG_ARGV[2]);
    before record;
    after record;
    is_there boolean;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        EXECUTE format('SELECT %s AS user_id, %s AS tenant FROM (SELECT ($1).*) AS row', user_id, tenant) INTO before USING OLD;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        EXECUTE format('SELECT %s AS user_id, %s AS tenant FROM (SELECT ($1).*) AS row', user_id, tenant) INTO after USING NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND before = after THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        -- The statement is complete: another of its rows may have the id now.
        EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE %I = ($1).%I AND %s = $2)', coalesce(pg_partition_root(TG_RELID), TG_RELID::regclass), TG_ARGV[0], TG_ARGV[0], tenant)
        INTO is_there USING OLD, before.tenant;
        IF NOT is_there THEN
            PERFORM userlock.follow_user(before.user_id, before.tenant, false);
        END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM userlock.follow_user(after.user_id, after.tenant, true);
    END IF;
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.follow_row FROM PUBLIC;
COMMENT ON FUNCTION userlock.follow_row IS
'Trigger of an adopted table, for each row. Arguments: the columns of the id and the tenant (empty: none), the tenant where none is named.';

CREATE FUNCTION userlock.follow_truncate()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('SELECT count(userlock.follow_user(%I::text, %s, false)) FROM %s', TG_ARGV[0],
        userlock.tenant_expression(TG_ARGV[1], TG_ARGV[2]), TG_RELID::regclass);
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.follow_truncate FROM PUBLIC;
COMMENT ON FUNCTION userlock.follow_truncate IS
'Trigger of an adopted table, before TRUNCATE. Arguments as of follow_row().';

-- In a SECURITY DEFINER function current_user is the owner; the caller is whom SET
-- ROLE made them.
CREATE FUNCTION userlock.require_owner(users regclass)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller name := coalesce(nullif(current_setting('role'), 'none'), session_user);
BEGIN
    IF (SELECT pg_has_role(caller, c.relowner, 'USAGE') AND c.relkind IN ('r', 'p') FROM pg_class AS c WHERE c.oid = users) IS NOT TRUE THEN
        RAISE EXCEPTION 'must be owner of table %', users
            USING ERRCODE = 'insufficient_privilege',
                  DETAIL = 'Its rows become users, by a trigger on it.',
                  HINT = 'Name a table, not a view, and call this as its owner.';
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.require_owner FROM PUBLIC;
COMMENT ON FUNCTION userlock.require_owner IS
'Raises 42501 unless the caller owns the table.';

CREATE FUNCTION userlock.adopt(users regclass, id_column name, tenant_column name DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own_tenant text := current_setting('userlock.tenant');
    arguments text := format('%L, %L, %L', id_column, coalesce(tenant_column, ''), own_tenant);
    entry record;
    seen bigint := 0;
    registered bigint := 0;
BEGIN
    PERFORM userlock.require_owner(users);
    IF (SELECT count(*) FROM pg_attribute AS a
        WHERE a.attrelid = users AND a.attname IN (id_column, tenant_column) AND a.attnum > 0 AND NOT a.attisdropped
            AND (SELECT CASE t.typbasetype WHEN 0 THEN t.oid ELSE t.typbasetype END FROM pg_type AS t WHERE t.oid = a.atttypid)
                IN ('text'::regtype, 'varchar'::regtype, 'uuid'::regtype, 'smallint'::regtype, 'integer'::regtype, 'bigint'::regtype)
        ) <> num_nonnulls(id_column, tenant_column) OR id_column IS NULL OR id_column = tenant_column
    THEN
        RAISE EXCEPTION 'invalid columns of table %', users
            USING ERRCODE = 'PT422', CONSTRAINT = 'users_invalid',
                  DETAIL = 'The column of the id, or of the tenant, does not exist or is of a type that no id has.',
                  HINT = 'Name columns of type text, varchar, uuid, smallint, integer or bigint.';
    END IF;

    -- Nobody changes a row between now and the trigger.
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', users);
    PERFORM userlock.release(users);
    EXECUTE format('CREATE TRIGGER userlock_follow AFTER INSERT OR DELETE OR UPDATE OF %s ON %s FOR EACH ROW EXECUTE FUNCTION userlock.follow_row(%s)',
        concat_ws(', ', quote_ident(id_column), quote_ident(tenant_column)), users, arguments);
    EXECUTE format('CREATE TRIGGER userlock_follow_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION userlock.follow_truncate(%s)',
        users, arguments);

    FOR entry IN EXECUTE format('SELECT %I::text AS user_id, %s AS tenant FROM %s', id_column,
        userlock.tenant_expression(coalesce(tenant_column, ''), own_tenant), users)
    LOOP
        seen := seen + 1;
        IF userlock.follow_user(entry.user_id, entry.tenant, true) THEN
            registered := registered + 1;
        END IF;
        IF seen % 100000 = 0 THEN
            RAISE NOTICE '% rows of table % read, % users registered', seen, users, registered;
        END IF;
    END LOOP;
    RETURN registered;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.adopt FROM PUBLIC;
COMMENT ON FUNCTION userlock.adopt IS
$$Registers the rows of a table as users, and has its inserts, deletes, changed ids and TRUNCATE followed from now on, by triggers.

users: a table that the caller owns. id_column: of type text, varchar, uuid, smallint, integer or bigint, as is tenant_column; NULL: all are in the tenant userlock.tenant as it is now, and so are rows whose tenant is NULL. Users registered already stay as they are. Returns how many were registered; a NOTICE tells after each 100000 rows. Errors: 42501 not the owner, PT422 no such columns, or a row whose id no user can have.$$;

CREATE FUNCTION userlock.release(users regclass)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name name;
BEGIN
    PERFORM userlock.require_owner(users);
    FOR name IN
        SELECT t.tgname FROM pg_trigger AS t
        WHERE t.tgrelid = users AND t.tgparentid = 0 AND t.tgfoid IN ('userlock.follow_row'::regproc, 'userlock.follow_truncate'::regproc)
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', name, users);
    END LOOP;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.release FROM PUBLIC;
COMMENT ON FUNCTION userlock.release IS
$$No longer follows a table that was adopted; its users stay registered. Does nothing to another table.

Error: 42501 the caller does not own it.$$;

--
-- Failed sign-ins: counted, and locked at the threshold of a policy
--
-- Whoever checks passwords tells us what came of it, and is told a verdict: these
-- functions never raise for a user's condition, because that would roll the
-- count back.  Users who do not exist are counted like those who do.
--
-- An unlock does not write to the counts: they see it in history, so that one call
-- and another never wait for each other's rows crosswise.
--

CREATE TABLE userlock.lockout_policy (
    tenant text COLLATE "C" PRIMARY KEY,
    attempts integer NOT NULL,
    observation_window interval NOT NULL,
    duration interval NOT NULL,
    backoff double precision NOT NULL,
    max_duration interval NOT NULL,
    permanent_after integer,
    by_address boolean NOT NULL
);

COMMENT ON TABLE userlock.lockout_policy IS
'When failed sign-ins lock: for each tenant that has a policy of its own, see set_lockout_policy(); the others go by the preset pci.';
COMMENT ON COLUMN userlock.lockout_policy.tenant IS
'Whose policy it is.';
COMMENT ON COLUMN userlock.lockout_policy.attempts IS
'How many failures lock: 1 to 100.';
COMMENT ON COLUMN userlock.lockout_policy.observation_window IS
'A failure this long after the one before begins a new count, and a new back-off.';
COMMENT ON COLUMN userlock.lockout_policy.duration IS
'How long the first lock lasts.';
COMMENT ON COLUMN userlock.lockout_policy.backoff IS
'Each further lock lasts this many times as long as the one before: 1 to 100.';
COMMENT ON COLUMN userlock.lockout_policy.max_duration IS
'But no longer than this.';
COMMENT ON COLUMN userlock.lockout_policy.permanent_after IS
'From this many failures without a success or an unlock on, not counting those while locked, a lock lasts until lifted; NULL: never.';
COMMENT ON COLUMN userlock.lockout_policy.by_address IS
'Count for each user and client address, and shut out the address instead of locking the user?';

CREATE TABLE userlock.login_failure (
    tenant text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    address text COLLATE "C" NOT NULL,
    failures bigint NOT NULL,
    tried bigint NOT NULL,
    counted integer NOT NULL,
    last_at timestamptz NOT NULL,
    lockouts integer NOT NULL,
    lockout_failures bigint NOT NULL,
    locked_until timestamptz,
    account_sequence bigint NOT NULL,
    PRIMARY KEY (tenant, user_id, address)
);

COMMENT ON TABLE userlock.login_failure IS
'Failed sign-ins of each user, existing or not, since the last success.';
COMMENT ON COLUMN userlock.login_failure.tenant IS
'The tenant that the sign-in was to.';
COMMENT ON COLUMN userlock.login_failure.user_id IS
'Who wanted in.';
COMMENT ON COLUMN userlock.login_failure.address IS
'From where; empty where the policy does not tell addresses apart.';
COMMENT ON COLUMN userlock.login_failure.failures IS
'All failures, those while locked among them.';
COMMENT ON COLUMN userlock.login_failure.tried IS
'Those that were not while locked or blocked.';
COMMENT ON COLUMN userlock.login_failure.counted IS
'Failures towards the next lock.';
COMMENT ON COLUMN userlock.login_failure.last_at IS
'When the last one was.';
COMMENT ON COLUMN userlock.login_failure.lockouts IS
'Locks so far, for the back-off.';
COMMENT ON COLUMN userlock.login_failure.lockout_failures IS
'Which failure the last lock came of.';
COMMENT ON COLUMN userlock.login_failure.locked_until IS
'When that lock ends; infinity: until lifted; NULL: there was none.';
COMMENT ON COLUMN userlock.login_failure.account_sequence IS
'The user''s last event when the last failure was recorded: an unlock after it resets all of this.';

SELECT pg_catalog.pg_extension_config_dump('userlock.lockout_policy', '');
SELECT pg_catalog.pg_extension_config_dump('userlock.login_failure', '');

CREATE TYPE userlock.sign_in_verdict AS (
    allowed boolean,
    remaining_attempts integer,
    until timestamptz
);

COMMENT ON TYPE userlock.sign_in_verdict IS
'allowed: may the user try, or come in? remaining_attempts: failures that will still be forgiven, 0 where not allowed. until: when it will be allowed again; NULL: it is, or nobody knows.';

CREATE FUNCTION userlock.preset_lockout_policy(preset text)
RETURNS userlock.lockout_policy
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE preset
    WHEN 'pci' THEN ROW('', 10, '30 minutes', '30 minutes', 1, '30 minutes', NULL, false)::userlock.lockout_policy
    WHEN 'nist' THEN ROW('', 10, '1 day', '1 minute', 2, '1 day', 100, false)::userlock.lockout_policy
END;

REVOKE EXECUTE ON FUNCTION userlock.preset_lockout_policy FROM PUBLIC;
COMMENT ON FUNCTION userlock.preset_lockout_policy IS
'The policy pci (PCI DSS 4.0, 8.3.4: at most 10 attempts, at least 30 minutes) or nist (SP 800-63B: growing waits, at most 100 consecutive failures); NULL: there is no such preset.';

CREATE FUNCTION userlock.lockout_policy_of(tenant text)
RETURNS userlock.lockout_policy
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p FROM userlock.lockout_policy AS p WHERE p.tenant = lockout_policy_of.tenant
    UNION ALL
    SELECT userlock.preset_lockout_policy('pci')
    LIMIT 1
$$;

REVOKE EXECUTE ON FUNCTION userlock.lockout_policy_of FROM PUBLIC;
COMMENT ON FUNCTION userlock.lockout_policy_of IS
'The policy that a tenant goes by: its own, else the preset pci.';

CREATE FUNCTION userlock.set_lockout_policy(
    preset text DEFAULT 'pci',
    tenant text DEFAULT NULL,
    attempts integer DEFAULT NULL,
    observation_window interval DEFAULT NULL,
    duration interval DEFAULT NULL,
    backoff double precision DEFAULT NULL,
    max_duration interval DEFAULT NULL,
    permanent_after integer DEFAULT NULL,
    by_address boolean DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    policy userlock.lockout_policy := userlock.preset_lockout_policy(preset);
BEGIN
    policy.tenant := userlock.require_tenant(tenant, false);
    policy.attempts := coalesce(attempts, policy.attempts);
    -- Seconds: what a month is depends on the day.
    policy.observation_window := make_interval(secs => extract(epoch FROM coalesce(observation_window, policy.observation_window)));
    policy.duration := make_interval(secs => extract(epoch FROM coalesce(duration, policy.duration)));
    policy.backoff := coalesce(backoff, policy.backoff);
    policy.max_duration := greatest(make_interval(secs => extract(epoch FROM coalesce(max_duration, policy.max_duration))), policy.duration);
    policy.permanent_after := coalesce(permanent_after, policy.permanent_after);
    policy.by_address := coalesce(by_address, policy.by_address);
    IF (policy.attempts BETWEEN 1 AND 100
        AND policy.observation_window BETWEEN '0.1 seconds' AND '8766 hours'
        AND policy.duration BETWEEN '0.1 seconds' AND '8766 hours'
        AND policy.backoff BETWEEN 1 AND 100
        AND policy.max_duration <= '8766 hours'
        AND coalesce(policy.permanent_after, 1) >= 1
        AND length(policy.tenant) BETWEEN 1 AND 200) IS NOT TRUE
    THEN
        RAISE EXCEPTION 'invalid lockout policy'
            USING ERRCODE = 'PT422', CONSTRAINT = 'lockout_policy_invalid',
                  DETAIL = 'The preset is unknown, or a value is out of its range.',
                  HINT = 'Use pci or nist, 1 to 100 attempts, intervals of 0.1 seconds to 1 year, a backoff of 1 to 100, and a permanent_after of at least 1.';
    END IF;
    INSERT INTO userlock.lockout_policy AS p VALUES (policy.*)
    ON CONFLICT ON CONSTRAINT lockout_policy_pkey DO UPDATE SET
        attempts = policy.attempts, observation_window = policy.observation_window, duration = policy.duration, backoff = policy.backoff,
        max_duration = policy.max_duration, permanent_after = policy.permanent_after, by_address = policy.by_address;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.set_lockout_policy FROM PUBLIC;
COMMENT ON FUNCTION userlock.set_lockout_policy IS
$$Sets when failed sign-ins lock, for one tenant; in force from the next failure on.

preset: pci or nist, the values of all arguments that are NULL; the others are described at the table's columns. Errors: PT403 not the caller's tenant, PT422 a value out of its range.$$;

CREATE VIEW userlock.lockout_policies WITH (security_barrier) AS
SELECT tenant, attempts, observation_window, duration, backoff, max_duration, permanent_after, by_address
FROM userlock.lockout_policy
WHERE (SELECT userlock.caller_tenants()) IS NULL
    OR tenant OPERATOR(pg_catalog.=) ANY ((SELECT userlock.caller_tenants())::pg_catalog.text[]);

COMMENT ON VIEW userlock.lockout_policies IS
'The policies set, as far as claims let the caller see; a tenant without one goes by the preset pci.';

-- The count after one more failure: the whole judgement, on the row that is written.
CREATE FUNCTION userlock.next_failure(
    failure userlock.login_failure, policy userlock.lockout_policy, at timestamptz, account_sequence bigint, reset boolean, held boolean)
RETURNS userlock.login_failure
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF reset THEN
        failure.failures := 0;
        failure.tried := 0;
        failure.counted := 0;
        failure.lockouts := 0;
        failure.lockout_failures := 0;
        failure.locked_until := NULL;
    ELSIF at > greatest(failure.last_at, nullif(failure.locked_until, 'infinity')) + policy.observation_window THEN
        failure.counted := 0;
        failure.lockouts := 0;
    END IF;
    failure.failures := failure.failures + 1;
    failure.last_at := greatest(at, failure.last_at);
    failure.account_sequence := greatest(account_sequence, failure.account_sequence);

    -- A try while locked counts for nothing: it extends no lock.
    IF held OR coalesce(failure.locked_until > at, false) THEN
        RETURN failure;
    END IF;

    failure.tried := failure.tried + 1;
    failure.counted := failure.counted + 1;
    IF coalesce(failure.tried >= policy.permanent_after, false) THEN
        failure.locked_until := 'infinity';
    ELSIF failure.counted >= policy.attempts THEN
        failure.locked_until := at + policy.duration * least(
            power(policy.backoff, least(failure.lockouts, 60)),
            extract(epoch FROM policy.max_duration) / extract(epoch FROM policy.duration));
    ELSE
        RETURN failure;
    END IF;
    failure.lockout_failures := failure.failures;
    failure.lockouts := failure.lockouts + 1;
    failure.counted := 0;
    RETURN failure;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.next_failure FROM PUBLIC;
COMMENT ON FUNCTION userlock.next_failure IS
'A row of login_failure after one more failure; it locks where lockout_failures is failures. reset: the user was unlocked since; held: the user is locked or blocked anyway.';

CREATE FUNCTION userlock.was_reset(failure userlock.login_failure)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM userlock.event AS e
        WHERE e.tenant = failure.tenant AND e.user_id = failure.user_id AND e.sequence > failure.account_sequence
            AND e.kind IN ('unlocked', 'registered', 'deleted'))
$$;

REVOKE EXECUTE ON FUNCTION userlock.was_reset FROM PUBLIC;
COMMENT ON FUNCTION userlock.was_reset IS
'Was the user unlocked, or registered anew, since the last failure?';

-- Without the claims: who signs in has none, and the tenant has been judged.
CREATE FUNCTION userlock.lock_after_failures(user_id text, tenant text, until timestamptz, details jsonb)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET "request.jwt.claims" = ''
AS $$
BEGIN
    PERFORM userlock.try_transition('lock', user_id, reason => 'failed sign-ins', until => nullif(until, 'infinity'),
        tenant => tenant, idempotent => true, details => details);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.lock_after_failures FROM PUBLIC;
COMMENT ON FUNCTION userlock.lock_after_failures IS
'Locks a user whose failures have reached the threshold, if there is such a user who is not locked.';

CREATE FUNCTION userlock.judge_sign_in(user_id text, tenant text, address text, policy userlock.lockout_policy)
RETURNS userlock.sign_in_verdict
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    at timestamptz := clock_timestamp();
    account record;
    failure userlock.login_failure;
    ends timestamptz[] := '{}';
    counted integer := 0;
    tried bigint := 0;
    verdict userlock.sign_in_verdict;
BEGIN
    SELECT a.state, a.locked_until, a.blocked_until INTO account
    FROM userlock.account AS a WHERE a.tenant = judge_sign_in.tenant AND a.user_id = judge_sign_in.user_id;
    IF FOUND THEN
        account.state := userlock.state_at(account.state, account.locked_until, account.blocked_until, at);
        IF userlock.is_locked(account.state) THEN ends := ends || coalesce(account.locked_until, 'infinity'); END IF;
        IF userlock.is_blocked(account.state) THEN ends := ends || coalesce(account.blocked_until, 'infinity'); END IF;
    END IF;

    SELECT * INTO failure FROM userlock.login_failure AS f
    WHERE f.tenant = judge_sign_in.tenant AND f.user_id = judge_sign_in.user_id AND f.address = judge_sign_in.address;
    IF FOUND AND NOT userlock.was_reset(failure) THEN
        IF failure.locked_until > at THEN ends := ends || failure.locked_until; END IF;
        IF at <= failure.last_at + policy.observation_window THEN counted := failure.counted; END IF;
        tried := failure.tried;
    END IF;

    verdict.allowed := ends = '{}';
    verdict.remaining_attempts := CASE WHEN verdict.allowed THEN greatest(least(policy.attempts - counted, policy.permanent_after - tried), 0) ELSE 0 END;
    SELECT nullif(max(e), 'infinity') INTO verdict.until FROM unnest(ends) AS e;
    RETURN verdict;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.judge_sign_in FROM PUBLIC;
COMMENT ON FUNCTION userlock.judge_sign_in IS
'The verdict on a sign-in as things stand; writes nothing.';

-- Before anything is judged: else what a right password gets would differ from what
-- a wrong one gets where neither can be written down.
CREATE FUNCTION userlock.require_writable()
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'cannot record a sign-in in a read-only transaction'
            USING ERRCODE = 'read_only_sql_transaction',
                  HINT = 'Over HTTP, use POST.';
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.require_writable FROM PUBLIC;
COMMENT ON FUNCTION userlock.require_writable IS
'Raises 25006 in a read-only transaction.';

CREATE FUNCTION userlock.counted_address(address text, policy userlock.lockout_policy)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (policy).by_address THEN left(coalesce(address, ''), 200) ELSE '' END;

REVOKE EXECUTE ON FUNCTION userlock.counted_address FROM PUBLIC;
COMMENT ON FUNCTION userlock.counted_address IS
'The address that failures are counted under; empty where the policy does not tell them apart.';

CREATE FUNCTION userlock.record_login_failure(user_id text, tenant text DEFAULT NULL, address text DEFAULT NULL)
RETURNS userlock.sign_in_verdict
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own_tenant text := userlock.require_tenant(tenant, true);
    policy userlock.lockout_policy := userlock.lockout_policy_of(own_tenant);
    own_address text := userlock.counted_address(address, policy);
    at timestamptz := clock_timestamp();
    account record;
    failure userlock.login_failure;
    verdict userlock.sign_in_verdict;
BEGIN
    PERFORM userlock.require_writable();
    -- An id that nobody can have looks like one that nobody has.
    IF (length(user_id) BETWEEN 1 AND 200) IS NOT TRUE OR (length(own_tenant) BETWEEN 1 AND 200) IS NOT TRUE THEN
        verdict := (true, policy.attempts - 1, NULL);
        RETURN verdict;
    END IF;

    SELECT a.sequence, NOT userlock.is_active(userlock.state_at(a.state, a.locked_until, a.blocked_until, at)) AS held INTO account
    FROM userlock.account AS a WHERE a.tenant = own_tenant AND a.user_id = record_login_failure.user_id;
    -- Of a user who was deleted, history knows the last event.
    account.sequence := coalesce(account.sequence,
        (SELECT max(e.sequence) FROM userlock.event AS e WHERE e.tenant = own_tenant AND e.user_id = record_login_failure.user_id), 0);
    account.held := coalesce(account.held, false);

    failure := userlock.next_failure(
        ROW(own_tenant, user_id, own_address, 0, 0, 0, at, 0, 0, NULL, 0)::userlock.login_failure, policy, at, account.sequence, true, account.held);
    INSERT INTO userlock.login_failure AS f VALUES (failure.*)
    ON CONFLICT ON CONSTRAINT login_failure_pkey DO UPDATE
    -- The row is locked now, maybe after a wait: time is read anew.
    SET (failures, tried, counted, last_at, lockouts, lockout_failures, locked_until, account_sequence) = (
        SELECT n.failures, n.tried, n.counted, n.last_at, n.lockouts, n.lockout_failures, n.locked_until, n.account_sequence
        FROM userlock.next_failure(f, policy, clock_timestamp(), account.sequence, userlock.was_reset(f), account.held) AS n)
    RETURNING f.* INTO failure;

    IF failure.lockout_failures = failure.failures AND NOT policy.by_address THEN
        PERFORM userlock.lock_after_failures(user_id, own_tenant, failure.locked_until,
            jsonb_strip_nulls(jsonb_build_object('failures', failure.failures, 'address', left(address, 200))));
    END IF;
    RETURN userlock.judge_sign_in(user_id, own_tenant, own_address, policy);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.record_login_failure FROM PUBLIC;
COMMENT ON FUNCTION userlock.record_login_failure IS
$$Counts a failed sign-in, and locks the user, or shuts out the address, when the tenant's policy says so. Never raises for a user's condition.

tenant: whose claims have neither sub nor tenant may name any. address: the client's, counted apart where the policy says so, and kept with the lock. Errors: PT403 not the caller's tenant, 25006 read-only transaction.$$;

CREATE FUNCTION userlock.record_login_success(user_id text, tenant text DEFAULT NULL, address text DEFAULT NULL)
RETURNS userlock.sign_in_verdict
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own_tenant text := userlock.require_tenant(tenant, true);
    policy userlock.lockout_policy := userlock.lockout_policy_of(own_tenant);
    own_address text := userlock.counted_address(address, policy);
    verdict userlock.sign_in_verdict := userlock.judge_sign_in(user_id, own_tenant, own_address, policy);
BEGIN
    PERFORM userlock.require_writable();
    IF NOT EXISTS (SELECT FROM userlock.account AS a WHERE a.tenant = own_tenant AND a.user_id = record_login_success.user_id) THEN
        verdict := (false, 0, NULL);
    END IF;
    IF verdict.allowed THEN
        DELETE FROM userlock.login_failure AS f
        WHERE f.tenant = own_tenant AND f.user_id = record_login_success.user_id AND f.address = own_address;
        verdict.remaining_attempts := policy.attempts;
    END IF;
    RETURN verdict;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.record_login_success FROM PUBLIC;
COMMENT ON FUNCTION userlock.record_login_success IS
$$Tells whether a user whose password was right may come in, and if so forgets their failures. Not allowed: locked, blocked, shut out, or not registered.

Errors: PT403 not the caller's tenant, 25006 read-only transaction.$$;

CREATE FUNCTION userlock.login_verdict(user_id text, tenant text DEFAULT NULL, address text DEFAULT NULL)
RETURNS userlock.sign_in_verdict
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own_tenant text := userlock.require_tenant(tenant, false);
    policy userlock.lockout_policy := userlock.lockout_policy_of(own_tenant);
BEGIN
    RETURN userlock.judge_sign_in(user_id, own_tenant, userlock.counted_address(address, policy), policy);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.login_verdict FROM PUBLIC;
COMMENT ON FUNCTION userlock.login_verdict IS
$$May the user try to sign in? Writes nothing; a user who does not exist may try.

Error: PT403 not the caller's tenant.$$;

CREATE FUNCTION userlock.prune_login_failures()
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pruned bigint;
BEGIN
    -- Each tenant's policy once, not for each row.
    DELETE FROM userlock.login_failure AS f
    USING (SELECT t.tenant, userlock.lockout_policy_of(t.tenant) AS policy
           FROM (SELECT DISTINCT tenant FROM userlock.login_failure) AS t OFFSET 0) AS p
    WHERE f.tenant = p.tenant
        AND clock_timestamp() > greatest(f.last_at, f.locked_until) + (p.policy).observation_window
        AND (p.policy).permanent_after IS NULL;
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.prune_login_failures FROM PUBLIC;
COMMENT ON FUNCTION userlock.prune_login_failures IS
'Deletes counts that no longer count, of all tenants, and returns how many; for pg_cron. Those of a policy with permanent_after stay until a success.';

--
-- For what watches from outside: metrics, and events for receivers downstream
--

CREATE VIEW userlock.statistics WITH (security_barrier) AS
SELECT 'users' AS metric, account.tenant,
    userlock.state_at(account.state, account.locked_until, account.blocked_until, clock.now)::pg_catalog.text AS label,
    pg_catalog.count(*) AS value
FROM (SELECT pg_catalog.clock_timestamp() AS now) AS clock
CROSS JOIN userlock.visible_account AS account
GROUP BY 2, 3
UNION ALL
SELECT 'events_last_hour', event.tenant, event.kind, pg_catalog.count(*)
FROM userlock.user_history AS event
WHERE event.at > pg_catalog.clock_timestamp() - interval '1 hour'
GROUP BY 2, 3
UNION ALL
SELECT 'failed_sign_ins', failure.tenant, part.label, pg_catalog.sum(part.value)::bigint
FROM userlock.login_failure AS failure
CROSS JOIN LATERAL (VALUES ('counted', failure.tried), ('refused', failure.failures - failure.tried)) AS part (label, value)
WHERE userlock.caller_tenants() IS NULL OR failure.tenant = ANY (userlock.caller_tenants())
GROUP BY 2, 3;

COMMENT ON VIEW userlock.statistics IS
'Numbers for a metrics exporter, a row for each metric, tenant and label. users: how many are in each state; events_last_hour: of each kind; failed_sign_ins: since each user''s last success, counted towards a lock, or refused because there was one. Reads all accounts and events.';
COMMENT ON COLUMN userlock.statistics.label IS
'The state, the kind of event, counted or refused.';

-- What each event means to a receiver; one that changes nothing for it is not there.
CREATE VIEW userlock.security_events WITH (security_barrier) AS
SELECT event.tenant, event.user_id, event.sequence, event.at, type.name AS type,
    pg_catalog.jsonb_build_object(
        'jti', pg_catalog.jsonb_build_array(event.tenant, event.user_id, event.sequence, type.name)::pg_catalog.text,
        'iat', pg_catalog.floor(extract(epoch FROM event.at)),
        'sub_id', pg_catalog.jsonb_build_object('format', 'opaque', 'id', event.user_id),
        'events', pg_catalog.jsonb_build_object(type.uri || type.name, pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
            'event_timestamp', pg_catalog.floor(extract(epoch FROM event.at)),
            'initiating_entity', CASE WHEN event.actor IS NULL THEN 'policy' ELSE 'admin' END,
            'reason_admin', CASE WHEN event.reason IS NOT NULL THEN pg_catalog.jsonb_build_object('en', event.reason) END)))) AS token
FROM userlock.user_history AS event
CROSS JOIN LATERAL (VALUES
    ('https://schemas.openid.net/secevent/risc/event-type/', 'account-disabled',
        event.kind IN ('locked', 'blocked') AND event.from_state = 'active'),
    ('https://schemas.openid.net/secevent/risc/event-type/', 'account-enabled',
        event.kind IN ('unlocked', 'unblocked', 'lock_expired', 'block_expired') AND event.to_state = 'active'),
    ('https://schemas.openid.net/secevent/risc/event-type/', 'account-purged', event.kind = 'deleted'),
    ('https://schemas.openid.net/secevent/caep/event-type/', 'session-revoked', event.kind IN ('locked', 'blocked', 'access_revoked'))
) AS type (uri, name, applies)
WHERE type.applies;

COMMENT ON VIEW userlock.security_events IS
'History in the shape of security event tokens (RFC 8417) with the events of OpenID RISC (account-disabled, account-enabled, account-purged) and CAEP (session-revoked). iss and aud are the transmitter''s to add, and so is the signature. To poll, ask for what is later than some minutes before the last at, and drop what jti tells to be known.';
COMMENT ON COLUMN userlock.security_events.type IS
'account-disabled, account-enabled, account-purged or session-revoked.';
COMMENT ON COLUMN userlock.security_events.token IS
'The claims of the token; jti is the same whenever it is read.';

--
-- API keys
--
-- For callers who send a key of their own instead of a JWT.  A key stands for
-- a role and a tenant; the database knows its digest and never the key.
--

CREATE TABLE userlock.api_key (
    digest bytea PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    role name NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

COMMENT ON TABLE userlock.api_key IS
'API keys by their digests; expired ones stay as a record.';
COMMENT ON COLUMN userlock.api_key.digest IS
'SHA-256 of the key, which itself is nowhere.';
COMMENT ON COLUMN userlock.api_key.name IS
'Whose key it is: history names them "api_key:" and this; one good key for each tenant and name, two while they overlap.';
COMMENT ON COLUMN userlock.api_key.tenant IS
'The tenant that the key''s bearer acts in.';
COMMENT ON COLUMN userlock.api_key.role IS
'The database role that the key''s bearer acts as.';
COMMENT ON COLUMN userlock.api_key.created_at IS
'When the key was made.';
COMMENT ON COLUMN userlock.api_key.expires_at IS
'From when on the key is no good; infinity: until revoked.';

SELECT pg_catalog.pg_extension_config_dump('userlock.api_key', '');

-- Whoever changes the keys of a name begins here: of two who do so at once, the
-- second waits, and then sees what the first has done.
CREATE FUNCTION userlock.begin_api_key_change(name text, tenant text, expires_at timestamptz, overlap interval)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    chosen text := userlock.require_tenant(tenant, false);
BEGIN
    IF coalesce(length(name) NOT BETWEEN 1 AND 200, true) OR length(chosen) NOT BETWEEN 1 AND 200
        OR expires_at <= now() OR overlap NOT BETWEEN '0' AND '1 year'
    THEN
        RAISE EXCEPTION 'invalid API key'
            USING ERRCODE = 'PT422', CONSTRAINT = 'api_key_invalid',
                  DETAIL = 'The name or the tenant is empty or too long, expires_at has passed, or overlap is negative or more than a year.',
                  HINT = 'Give names of 1 to 200 characters, and a moment in the future or none.';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('userlock.api_key'), hashtext(chosen || '/' || name));
    RETURN chosen;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.begin_api_key_change FROM PUBLIC;
COMMENT ON FUNCTION userlock.begin_api_key_change IS
'Checks the arguments of a change of API keys, locks the name until the transaction ends, and returns the tenant: NULL means the caller''s own. Errors: PT403 not the caller''s tenant, PT422 invalid argument.';

-- Two random UUIDs have 244 random bits.  In a SECURITY DEFINER function
-- current_user is the owner; the caller is whom SET ROLE made them.
CREATE FUNCTION userlock.issue_api_key(name text, role name, tenant text, expires_at timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller name := coalesce(nullif(current_setting('role'), 'none'), session_user);
    key text := 'ulk_' || encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex');
BEGIN
    IF pg_has_role(caller, role, 'MEMBER') IS NOT TRUE THEN
        RAISE EXCEPTION 'permission denied for role %', role
            USING ERRCODE = 'PT403', CONSTRAINT = 'role_denied',
                  DETAIL = format('Role %s is not a member of it.', caller),
                  HINT = 'Choose a role that you could take on yourself.';
    END IF;
    INSERT INTO userlock.api_key (digest, name, tenant, role, created_at, expires_at)
    VALUES (sha256(convert_to(key, 'UTF8')), name, tenant, role, now(), coalesce(expires_at, 'infinity'));
    RETURN key;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.issue_api_key FROM PUBLIC;
COMMENT ON FUNCTION userlock.issue_api_key IS
'Makes a key of a role that the caller is a member of, keeps its digest and returns it. For create_api_key and rotate_api_key.';

CREATE FUNCTION userlock.create_api_key(
    name text,
    role name,
    tenant text DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    chosen text := userlock.begin_api_key_change(name, tenant, expires_at, '0');
BEGIN
    IF EXISTS (SELECT FROM userlock.api_key AS k WHERE k.tenant = chosen AND k.name = $1 AND k.expires_at > now()) THEN
        RAISE EXCEPTION 'API key "%" exists already', name
            USING ERRCODE = 'PT409', CONSTRAINT = 'api_key_exists',
                  DETAIL = format('Tenant "%s" has a good key of this name.', chosen),
                  HINT = 'Use rotate_api_key to replace it, or choose another name.';
    END IF;
    RETURN userlock.issue_api_key(name, role, chosen, expires_at);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.create_api_key FROM PUBLIC;
COMMENT ON FUNCTION userlock.create_api_key IS
$$Makes an API key and returns it: the only time that anyone can read it.

name: whose key it is, for history. role: the database role that its bearer acts as, one that the caller is a member of. tenant: NULL means the caller's own. expires_at: NULL means until revoked. Errors: PT403 not the caller's role or tenant, PT409 there is a good key of this name, PT422 invalid argument.$$;

CREATE FUNCTION userlock.rotate_api_key(
    name text,
    tenant text DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL,
    overlap interval DEFAULT '0')
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    chosen text := userlock.begin_api_key_change(name, tenant, expires_at, overlap);
BEGIN
    RETURN userlock.issue_api_key(name, userlock.end_api_key(name, chosen, overlap), chosen, expires_at);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.rotate_api_key FROM PUBLIC;
COMMENT ON FUNCTION userlock.rotate_api_key IS
$$Makes a new API key in place of the one of this name, and returns it.

tenant: NULL means the caller's own. expires_at: of the new key; NULL means until revoked. overlap: how long the old key stays good, for the time that the new one takes to get everywhere; at most a year. Errors: PT403 not the caller's tenant or role, PT404 no good key of this name, PT422 invalid argument.$$;

CREATE FUNCTION userlock.revoke_api_key(
    name text,
    tenant text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM userlock.end_api_key(name, userlock.begin_api_key_change(name, tenant, NULL, '0'), '0');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.revoke_api_key FROM PUBLIC;
COMMENT ON FUNCTION userlock.revoke_api_key IS
$$Makes the API key of this name no good, from now on.

tenant: NULL means the caller's own. Errors: PT403 not the caller's tenant, PT404 no good key of this name.$$;

CREATE FUNCTION userlock.end_api_key(name text, tenant text, overlap interval)
RETURNS name
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    former name;
BEGIN
    -- Two, if the last rotation left the former one its time.
    WITH ended AS (
        UPDATE userlock.api_key AS k
        SET expires_at = least(k.expires_at, now() + coalesce(overlap, '0'))
        WHERE k.tenant = $2 AND k.name = $1 AND k.expires_at > now()
        RETURNING k.role)
    SELECT role INTO former FROM ended LIMIT 1;
    IF former IS NULL THEN
        RAISE EXCEPTION 'API key "%" not found', name
            USING ERRCODE = 'PT404', CONSTRAINT = 'api_key_not_found',
                  DETAIL = format('Tenant "%s" has no good key of this name.', tenant),
                  HINT = 'Check the name and the tenant; create_api_key makes a key.';
    END IF;
    RETURN former;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.end_api_key FROM PUBLIC;
COMMENT ON FUNCTION userlock.end_api_key IS
'Ends the good keys of a name and returns their role. For rotate_api_key and revoke_api_key.';

--
-- Privileges
--
-- The installer may have default privileges that give roles of theirs something
-- on every new table or function.  Not on these: a grant is for the deployment
-- to make, with these objects in mind.  (TRIGGER on a table would be the worst:
-- code run with the rights of the owner.)
--

DO $$
DECLARE
    given record;
BEGIN
    FOR given IN
        WITH member AS (
            SELECT d.classid, d.objid
            FROM pg_catalog.pg_depend AS d
            JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
            WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
            AND e.extnamespace = '@extschema@'::pg_catalog.regnamespace
        )
        SELECT 'TABLE' AS kind, c.oid::pg_catalog.regclass::pg_catalog.text AS name, a.grantee
        FROM member AS m JOIN pg_catalog.pg_class AS c ON c.oid = m.objid, pg_catalog.aclexplode(c.relacl) AS a
        WHERE m.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.relkind IN ('r', 'v')
        AND a.grantee <> c.relowner
        UNION
        SELECT 'FUNCTION', p.oid::pg_catalog.regprocedure::pg_catalog.text, a.grantee
        FROM member AS m JOIN pg_catalog.pg_proc AS p ON p.oid = m.objid, pg_catalog.aclexplode(p.proacl) AS a
        WHERE m.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND a.grantee <> p.proowner AND a.grantee <> 0
        UNION
        SELECT 'TYPE', t.oid::pg_catalog.regtype::pg_catalog.text, a.grantee
        FROM member AS m JOIN pg_catalog.pg_type AS t ON t.oid = m.objid, pg_catalog.aclexplode(t.typacl) AS a
        WHERE m.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.typtype IN ('b', 'c', 'd') AND t.typelem = 0
        AND a.grantee <> t.typowner AND a.grantee <> 0
        UNION
        SELECT 'SCHEMA', pg_catalog.quote_ident(n.nspname), a.grantee
        FROM member AS m JOIN pg_catalog.pg_namespace AS n ON n.oid = m.objid, pg_catalog.aclexplode(n.nspacl) AS a
        WHERE m.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
        AND a.grantee <> n.nspowner AND a.grantee <> 0
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON %s %s FROM %s', given.kind, given.name,
            CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE given.grantee::pg_catalog.regrole::pg_catalog.text END);
    END LOOP;
END
$$;
