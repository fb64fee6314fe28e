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

-- For sessions that began with the library of 1.0, which asks it in SQL, and go on.
CREATE FUNCTION userlock_private.allows(
    state userlock.user_lock_state,
    changed_at timestamptz,
    locked_until timestamptz,
    blocked_until timestamptz,
    transition text,
    at timestamptz)
RETURNS boolean
LANGUAGE C IMMUTABLE PARALLEL SAFE  -- not STRICT: an end may be NULL
AS 'MODULE_PATHNAME', 'userlock_allows';

COMMENT ON FUNCTION userlock_private.allows IS
'May a transition be made at a moment to an account as it is written? Only if it would change something, no restriction has ended unwritten, and the account was last changed before. Any other transition than lock, unlock, block or unblock is error 22023.';

CREATE FUNCTION userlock.pending_expiries(
    state userlock.user_lock_state,
    sequence bigint,
    changed_at timestamptz,
    locked_until timestamptz,
    blocked_until timestamptz,
    at timestamptz,
    OUT sequence bigint,
    OUT kind text,
    OUT from_state userlock.user_lock_state,
    OUT to_state userlock.user_lock_state,
    OUT at timestamptz,
    OUT until timestamptz)
RETURNS SETOF record
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 1  -- not STRICT: an end may be NULL
AS 'MODULE_PATHNAME', 'userlock_pending_expiries';

COMMENT ON FUNCTION userlock.pending_expiries IS
'The events that an account owes to its history at a moment, because a restriction has ended and nothing has been written since: none, one or two, in order. at: when it ended (until), but never before changed_at, which is later where the clock has been set back.';

-- What kinds of events mean beside a state, for whoever folds a history.
CREATE FUNCTION userlock_private.voids_tokens(kind text, sequence bigint)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN kind = ANY ('{locked,blocked,access_revoked,access_floor_reset}'::text[]) OR kind = 'registered' AND sequence > 1;

COMMENT ON FUNCTION userlock_private.voids_tokens IS
'Does an event set the access floor to its moment? So does the registration of an id that was used before.';

CREATE FUNCTION userlock_private.forgets_failures(kind text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN kind = ANY ('{unlocked,registered,deleted,access_floor_reset}'::text[]);

COMMENT ON FUNCTION userlock_private.forgets_failures IS
'Does an event end the count of failed logins before it?';

-- All functions so far, whatever the installer's default privileges say; but
-- some are for the core itself.
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA userlock, userlock_private TO PUBLIC;
REVOKE EXECUTE ON FUNCTION userlock_private.allows, userlock_private.voids_tokens, userlock_private.forgets_failures FROM PUBLIC;

