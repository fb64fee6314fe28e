--
-- The type user_lock_state
--

CREATE TYPE userlock.user_lock_state;

CREATE FUNCTION userlock_private.user_lock_state_in(cstring)
RETURNS userlock.user_lock_state
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock_private.user_lock_state_out(userlock.user_lock_state)
RETURNS cstring
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock_private.user_lock_state_recv(internal)
RETURNS userlock.user_lock_state
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock_private.user_lock_state_send(userlock.user_lock_state)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE TYPE userlock.user_lock_state (
    INPUT = userlock_private.user_lock_state_in,
    OUTPUT = userlock_private.user_lock_state_out,
    RECEIVE = userlock_private.user_lock_state_recv,
    SEND = userlock_private.user_lock_state_send,
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

