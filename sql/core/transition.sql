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

COMMENT ON TYPE userlock.user_status IS
'A user as they are now: sequence is the number of their last event, changed_at its moment; an end of NULL means not restricted, or until lifted.';

CREATE TYPE userlock.transition_outcome AS (
    user_id text,
    outcome text,
    sqlstate text,
    message text,
    detail text,
    hint text,
    status userlock.user_status,
    batch uuid
);

COMMENT ON TYPE userlock.transition_outcome IS
'What came of one attempt. outcome: "changed", "unchanged", or the name of what stood against it, which is the CONSTRAINT of the same error; sqlstate: 00000 for success; status: the user as they are now, NULL where not found or not looked up; batch: of the event written, see undo(), NULL where none was or it has none.';

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
    revoke_access boolean DEFAULT false,
    expected_details jsonb DEFAULT NULL)
RETURNS userlock.transition_outcome
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_try_transition';

REVOKE EXECUTE ON FUNCTION userlock.try_transition FROM PUBLIC;
COMMENT ON FUNCTION userlock.try_transition IS
$$Attempts a transition (lock, unlock, block or unblock) and returns an outcome instead of raising an error.

The caller needs EXECUTE on the core function as well: lock_user for lock, and so on; with revoke_access also on that. Arguments as there; until goes with lock and block only. expected_state: refuse unless the user is in exactly this state. revoke_access: after a success, changed or not, tokens issued before are void; what lifts a restriction then writes an event more. expected_details: for unlock and unblock, refuse to lift a restriction unless it was set with details that contain these.$$;

CREATE FUNCTION userlock.lock_users(
    user_ids text[],
    reason text DEFAULT NULL,
    until timestamptz DEFAULT NULL,
    tenant text DEFAULT NULL,
    idempotent boolean DEFAULT false,
    details jsonb DEFAULT NULL,
    dry_run boolean DEFAULT false)
RETURNS SETOF userlock.transition_outcome
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100
AS 'MODULE_PATHNAME', 'userlock_lock_users';

REVOKE EXECUTE ON FUNCTION userlock.lock_users FROM PUBLIC;
COMMENT ON FUNCTION userlock.lock_users IS
$$Locks many users of one tenant; returns an outcome for each id, in key order.

The caller needs EXECUTE on lock_user as well. user_ids: at most 10000, no NULL, none twice. What is wrong with one id is that id's outcome and stops nothing else. dry_run: tell what would come of it, and change nothing. Errors of the whole call: PT403 no permission, PT422 invalid argument.$$;

CREATE FUNCTION userlock.unlock_users(
    user_ids text[],
    reason text DEFAULT NULL,
    tenant text DEFAULT NULL,
    idempotent boolean DEFAULT false,
    details jsonb DEFAULT NULL,
    dry_run boolean DEFAULT false)
RETURNS SETOF userlock.transition_outcome
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100
AS 'MODULE_PATHNAME', 'userlock_unlock_users';

REVOKE EXECUTE ON FUNCTION userlock.unlock_users FROM PUBLIC;
COMMENT ON FUNCTION userlock.unlock_users IS
$$Unlocks many users of one tenant; returns an outcome for each id, in key order.

The caller needs EXECUTE on unlock_user as well. user_ids: at most 10000, no NULL, none twice. What is wrong with one id is that id's outcome and stops nothing else. dry_run: tell what would come of it, and change nothing. Errors of the whole call: PT403 no permission, PT422 invalid argument.$$;

CREATE FUNCTION userlock.block_users(
    user_ids text[],
    reason text DEFAULT NULL,
    until timestamptz DEFAULT NULL,
    tenant text DEFAULT NULL,
    idempotent boolean DEFAULT false,
    details jsonb DEFAULT NULL,
    dry_run boolean DEFAULT false)
RETURNS SETOF userlock.transition_outcome
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100
AS 'MODULE_PATHNAME', 'userlock_block_users';

REVOKE EXECUTE ON FUNCTION userlock.block_users FROM PUBLIC;
COMMENT ON FUNCTION userlock.block_users IS
$$Blocks many users of one tenant; returns an outcome for each id, in key order.

The caller needs EXECUTE on block_user as well. user_ids: at most 10000, no NULL, none twice. What is wrong with one id is that id's outcome and stops nothing else. dry_run: tell what would come of it, and change nothing. Errors of the whole call: PT403 no permission, PT422 invalid argument.$$;

CREATE FUNCTION userlock.unblock_users(
    user_ids text[],
    reason text DEFAULT NULL,
    tenant text DEFAULT NULL,
    idempotent boolean DEFAULT false,
    details jsonb DEFAULT NULL,
    dry_run boolean DEFAULT false)
RETURNS SETOF userlock.transition_outcome
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100
AS 'MODULE_PATHNAME', 'userlock_unblock_users';

REVOKE EXECUTE ON FUNCTION userlock.unblock_users FROM PUBLIC;
COMMENT ON FUNCTION userlock.unblock_users IS
$$Unblocks many users of one tenant; returns an outcome for each id, in key order.

The caller needs EXECUTE on unblock_user as well. user_ids: at most 10000, no NULL, none twice. What is wrong with one id is that id's outcome and stops nothing else. dry_run: tell what would come of it, and change nothing. Errors of the whole call: PT403 no permission, PT422 invalid argument.$$;

