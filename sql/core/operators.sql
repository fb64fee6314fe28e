--
-- Comparison and hashing of user_lock_state
--
-- LEAKPROOF: two bytes are compared, and no value of them can raise an error.
--

CREATE FUNCTION userlock_private.user_lock_state_eq(userlock.user_lock_state, userlock.user_lock_state)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock_private.user_lock_state_ne(userlock.user_lock_state, userlock.user_lock_state)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock_private.user_lock_state_lt(userlock.user_lock_state, userlock.user_lock_state)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock_private.user_lock_state_le(userlock.user_lock_state, userlock.user_lock_state)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock_private.user_lock_state_gt(userlock.user_lock_state, userlock.user_lock_state)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock_private.user_lock_state_ge(userlock.user_lock_state, userlock.user_lock_state)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock_private.user_lock_state_cmp(userlock.user_lock_state, userlock.user_lock_state)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock_private.user_lock_state_sortsupport(internal)
RETURNS void
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock_private.user_lock_state_hash(userlock.user_lock_state)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE FUNCTION userlock_private.user_lock_state_hash_extended(userlock.user_lock_state, bigint)
RETURNS bigint
LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE
AS 'MODULE_PATHNAME';

CREATE OPERATOR userlock.= (
    LEFTARG = userlock.user_lock_state, RIGHTARG = userlock.user_lock_state,
    FUNCTION = userlock_private.user_lock_state_eq,
    COMMUTATOR = OPERATOR(userlock.=), NEGATOR = OPERATOR(userlock.<>),
    RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel,
    HASHES, MERGES
);

COMMENT ON OPERATOR userlock.= (userlock.user_lock_state, userlock.user_lock_state) IS
'Are the states the same?';

CREATE OPERATOR userlock.<> (
    LEFTARG = userlock.user_lock_state, RIGHTARG = userlock.user_lock_state,
    FUNCTION = userlock_private.user_lock_state_ne,
    COMMUTATOR = OPERATOR(userlock.<>), NEGATOR = OPERATOR(userlock.=),
    RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);

COMMENT ON OPERATOR userlock.<> (userlock.user_lock_state, userlock.user_lock_state) IS
'Do the states differ?';

CREATE OPERATOR userlock.< (
    LEFTARG = userlock.user_lock_state, RIGHTARG = userlock.user_lock_state,
    FUNCTION = userlock_private.user_lock_state_lt,
    COMMUTATOR = OPERATOR(userlock.>), NEGATOR = OPERATOR(userlock.>=),
    RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);

COMMENT ON OPERATOR userlock.< (userlock.user_lock_state, userlock.user_lock_state) IS
'Does the left state sort before the right one?';

CREATE OPERATOR userlock.<= (
    LEFTARG = userlock.user_lock_state, RIGHTARG = userlock.user_lock_state,
    FUNCTION = userlock_private.user_lock_state_le,
    COMMUTATOR = OPERATOR(userlock.>=), NEGATOR = OPERATOR(userlock.>),
    RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);

COMMENT ON OPERATOR userlock.<= (userlock.user_lock_state, userlock.user_lock_state) IS
'Does the left state sort before the right one, or equal it?';

CREATE OPERATOR userlock.> (
    LEFTARG = userlock.user_lock_state, RIGHTARG = userlock.user_lock_state,
    FUNCTION = userlock_private.user_lock_state_gt,
    COMMUTATOR = OPERATOR(userlock.<), NEGATOR = OPERATOR(userlock.<=),
    RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);

COMMENT ON OPERATOR userlock.> (userlock.user_lock_state, userlock.user_lock_state) IS
'Does the left state sort after the right one?';

CREATE OPERATOR userlock.>= (
    LEFTARG = userlock.user_lock_state, RIGHTARG = userlock.user_lock_state,
    FUNCTION = userlock_private.user_lock_state_ge,
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
    FUNCTION 1 userlock_private.user_lock_state_cmp(userlock.user_lock_state, userlock.user_lock_state),
    FUNCTION 2 userlock_private.user_lock_state_sortsupport(internal),
    FUNCTION 4 btequalimage(oid);

CREATE OPERATOR CLASS userlock.user_lock_state_ops
DEFAULT FOR TYPE userlock.user_lock_state USING hash AS
    OPERATOR 1 userlock.=,
    FUNCTION 1 userlock_private.user_lock_state_hash(userlock.user_lock_state),
    FUNCTION 2 userlock_private.user_lock_state_hash_extended(userlock.user_lock_state, bigint);

