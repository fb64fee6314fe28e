\echo Use "CREATE EXTENSION userlock" to load this file. \quit

-- From here on a name without a schema can only mean what pg_catalog has, whatever
-- there is in the schemas that CREATE EXTENSION searches; all that is ours is named
-- in full.  So are operators on our type, hence no IS DISTINCT FROM, IN and the like
-- there: with those, a dump could not be restored.
SET LOCAL search_path = pg_catalog, pg_temp;

-- A schema of this name may be there already, made by someone who owns the ground
-- that this script builds on, left something in it, or lets others in.
DO $$
DECLARE
    objection text;
BEGIN
    SELECT coalesce(
        (SELECT format('It belongs to %I.', owner.rolname) FROM pg_roles AS owner
         WHERE owner.oid = n.nspowner AND NOT owner.rolsuper AND owner.rolname <> CURRENT_USER),
        (SELECT format('It contains %s.', pg_describe_object(d.classid, d.objid, d.objsubid)) FROM pg_depend AS d
         WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid AND d.classid <> 'pg_extension'::regclass
         ORDER BY d.objid LIMIT 1),
        (SELECT format('%s may create objects in it.', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
         FROM aclexplode(n.nspacl) AS a
         WHERE a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner LIMIT 1))
    INTO objection
    FROM pg_namespace AS n WHERE n.nspname = '@extschema@';
    IF objection IS NOT NULL THEN
        RAISE EXCEPTION 'schema "@extschema@" is not safe to install into'
            USING ERRCODE = 'insufficient_privilege', DETAIL = objection,
                  HINT = 'Drop the schema: CREATE EXTENSION makes it anew. Default privileges must not give CREATE on it.';
    END IF;
END
$$;

-- The type is for everybody's tables.  What changes or reveals anything is
-- guarded by EXECUTE and SELECT, which nobody has until they are granted.
GRANT USAGE ON SCHEMA userlock TO PUBLIC;

COMMENT ON SCHEMA userlock IS
'May this user come in? Lock states of application users, changed only through checked transitions, with their history.';

-- Tables, the grounds of the views, and what functions here have in common.  Nobody
-- is let in: what PUBLIC may do with what is there, the type and the views do for them.
CREATE SCHEMA userlock_private;

COMMENT ON SCHEMA userlock_private IS
'What userlock is made of: not an interface, and subject to change.';

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

--
-- Tables
--
-- They are changed by the functions below and read through the views; nobody enters
-- their schema.  Every unique key contains (tenant, user_id) or begins with the
-- tenant, so that the tables can be distributed by it.
--
-- No CHECK constraints: the server would parse each of them anew for every
-- transition, which doubled its time.  The functions are the only writers, and
-- verify() proves what they wrote.
--

CREATE TABLE userlock_private.account (
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
    locked_at timestamptz,
    blocked_at timestamptz,
    adoption uuid,
    PRIMARY KEY (tenant, user_id)
);

-- Few users are restricted: who is out can be listed without reading the rest.
CREATE INDEX account_restricted ON userlock_private.account (tenant, user_id)
WHERE state OPERATOR(userlock.<>) 'active'::userlock.user_lock_state;
CREATE INDEX account_locked ON userlock_private.account (tenant, locked_at)
WHERE state OPERATOR(userlock.<>) 'active'::userlock.user_lock_state;
-- Blocks are few among them, and locks are not to pay for them.
CREATE INDEX account_blocked ON userlock_private.account (tenant, blocked_at)
WHERE blocked_at IS NOT NULL;

-- What ends next, for whoever writes ends into history or shows them there.
CREATE INDEX account_ending ON userlock_private.account (least(locked_until, blocked_until))
WHERE least(locked_until, blocked_until) IS NOT NULL;

COMMENT ON TABLE userlock_private.account IS
'The current state of each user: the fold of their events.';
COMMENT ON COLUMN userlock_private.account.tenant IS
'The organisation that owns the user; 1 to 200 characters.';
COMMENT ON COLUMN userlock_private.account.user_id IS
'The application''s own id of the user, unique in the tenant; 1 to 200 characters.';
COMMENT ON COLUMN userlock_private.account.state IS
'The restrictions as last written. One whose end has passed no longer holds: see state_at().';
COMMENT ON COLUMN userlock_private.account.sequence IS
'The number of the user''s last event.';
COMMENT ON COLUMN userlock_private.account.created_at IS
'When the user was registered.';
COMMENT ON COLUMN userlock_private.account.changed_at IS
'When the last event happened.';
COMMENT ON COLUMN userlock_private.account.locked_until IS
'When the lock ends by itself; NULL: not locked, or until unlocked.';
COMMENT ON COLUMN userlock_private.account.blocked_until IS
'When the block ends by itself; NULL: not blocked, or until unblocked.';
COMMENT ON COLUMN userlock_private.account.lock_sequence IS
'The number of the event that locked the user; NULL: not locked.';
COMMENT ON COLUMN userlock_private.account.block_sequence IS
'The number of the event that blocked the user; NULL: not blocked.';
COMMENT ON COLUMN userlock_private.account.access_valid_after IS
'The access floor: tokens issued before it are void; NULL: none are.';
COMMENT ON COLUMN userlock_private.account.locked_at IS
'When the lock was set; NULL: not locked.';
COMMENT ON COLUMN userlock_private.account.blocked_at IS
'When the block was set; NULL: not blocked.';
COMMENT ON COLUMN userlock_private.account.adoption IS
'The adoption whose table registered the user, who leaves with its row; NULL: none.';

CREATE TABLE userlock_private.event (
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
    attributes text[],
    batch uuid,
    PRIMARY KEY (tenant, user_id, sequence)
);

-- Events are written in the order of time, all but: small, and enough to find the
-- latest of many.
CREATE INDEX event_at ON userlock_private.event USING brin (at) WITH (autosummarize);

COMMENT ON TABLE userlock_private.event IS
'Everything that happened to each user, kept when the account is deleted; never changed, but for what prune_history() and erase_user() drop.';
COMMENT ON COLUMN userlock_private.event.tenant IS
'The organisation that owns the user.';
COMMENT ON COLUMN userlock_private.event.user_id IS
'The application''s own id of the user.';
COMMENT ON COLUMN userlock_private.event.sequence IS
'The number of the event: 1, 2, 3 and so on for each user, without gaps but for what was dropped.';
COMMENT ON COLUMN userlock_private.event.kind IS
'registered, locked, unlocked, lock_expired, blocked, unblocked, block_expired, access_revoked, access_floor_reset, profile_changed or deleted; pruned: what came until then was dropped.';
COMMENT ON COLUMN userlock_private.event.from_state IS
'The state before; NULL: there was no account.';
COMMENT ON COLUMN userlock_private.event.to_state IS
'The state after; NULL: there is no account any more.';
COMMENT ON COLUMN userlock_private.event.at IS
'When it happened, later than the event before: a clock that was set back is not followed but by access_floor_reset. An expiry happens at its exact moment.';
COMMENT ON COLUMN userlock_private.event.actor IS
'Who did it: the JWT''s "sub", else the session user; NULL: time itself.';
COMMENT ON COLUMN userlock_private.event.reason IS
'Why, in the words of the actor.';
COMMENT ON COLUMN userlock_private.event.until IS
'When the restriction ends, or ended, by itself; NULL: when lifted.';
COMMENT ON COLUMN userlock_private.event.details IS
'What the caller wished to keep with the event: a JSON object. Of a pruned one: what the events that were dropped come to.';
COMMENT ON COLUMN userlock_private.event.attributes IS
'Which attributes of the profile changed, never their values; NULL: the event is no profile_changed.';

COMMENT ON COLUMN userlock_private.event.batch IS
'What the event was written by, with others: a set-based call, an HTTP request, or what userlock.batch was set for; NULL: a call of its own.';

-- The document, and beside it what users are found by.
CREATE TABLE userlock_private.profile (
    tenant text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    document jsonb NOT NULL,
    user_name text,
    external_id text COLLATE "C",
    email text,
    display_name text,
    user_name_lower text COLLATE "C",
    email_lower text COLLATE "C",
    display_name_lower text COLLATE "C",
    PRIMARY KEY (tenant, user_id)
);

-- Without those who have none: else, as long as there are few profiles, the planner
-- takes any of them for as good as the key, and a session keeps the plan.
CREATE UNIQUE INDEX profile_user_name ON userlock_private.profile (tenant, user_name_lower)
WHERE user_name_lower IS NOT NULL;
CREATE INDEX profile_external_id ON userlock_private.profile (tenant, external_id)
WHERE external_id IS NOT NULL;
CREATE INDEX profile_email ON userlock_private.profile (tenant, email_lower)
WHERE email_lower IS NOT NULL;
CREATE INDEX profile_display_name ON userlock_private.profile (tenant, display_name_lower)
WHERE display_name_lower IS NOT NULL;
-- For protected roles, which few have.
CREATE INDEX profile_roles ON userlock_private.profile USING gin ((document -> 'roles') jsonb_path_ops)
WHERE document ? 'roles';

COMMENT ON TABLE userlock_private.profile IS
'What is known of each user who has a profile: a SCIM 2.0 core User document (RFC 7643, section 4.1).';
COMMENT ON COLUMN userlock_private.profile.tenant IS
'The organisation that owns the user.';
COMMENT ON COLUMN userlock_private.profile.user_id IS
'The application''s own id of the user.';
COMMENT ON COLUMN userlock_private.profile.document IS
'The profile, as it was given, without passwords.';
COMMENT ON COLUMN userlock_private.profile.user_name IS
'The profile''s userName, unique in the tenant in whatever case of letters; NULL: none.';
COMMENT ON COLUMN userlock_private.profile.external_id IS
'The profile''s externalId: what an identity provider calls the user; NULL: none.';
COMMENT ON COLUMN userlock_private.profile.email IS
'The profile''s primary e-mail address, else the first; NULL: none.';
COMMENT ON COLUMN userlock_private.profile.display_name IS
'The profile''s displayName; NULL: none.';
COMMENT ON COLUMN userlock_private.profile.user_name_lower IS
'lower(user_name), to compare with lower(...) of what is looked for.';
COMMENT ON COLUMN userlock_private.profile.email_lower IS
'lower(email), to compare with lower(...) of what is looked for.';
COMMENT ON COLUMN userlock_private.profile.display_name_lower IS
'lower(display_name), to compare with lower(...) of what is looked for.';

-- What refresh_statistics() has counted; see monitoring.sql.
CREATE TABLE userlock_private.tally (
    tenant text COLLATE "C" NOT NULL,
    metric text COLLATE "C" NOT NULL,
    label text COLLATE "C" NOT NULL,
    value bigint NOT NULL,
    PRIMARY KEY (tenant, metric, label)
);

COMMENT ON TABLE userlock_private.tally IS
'What was counted last, without the events after counted_from, which are counted whenever statistics is read. Not in a dump: what there was is counted anew.';
COMMENT ON COLUMN userlock_private.tally.tenant IS
'Whose users.';
COMMENT ON COLUMN userlock_private.tally.metric IS
'users, events or failed_logins.';
COMMENT ON COLUMN userlock_private.tally.label IS
'The state, the kind of event, counted or refused.';
COMMENT ON COLUMN userlock_private.tally.value IS
'How many; of users it may be less than none.';

CREATE TABLE userlock_private.counting (
    tenant text COLLATE "C" NOT NULL,
    counted_at timestamptz NOT NULL,
    counted_from timestamptz NOT NULL,
    ends_from timestamptz NOT NULL,
    verified_at timestamptz,
    problems bigint,
    PRIMARY KEY (tenant)
);

COMMENT ON TABLE userlock_private.counting IS
'When each tenant was counted last, which is when all were. Not in a dump.';
COMMENT ON COLUMN userlock_private.counting.tenant IS
'Who was counted.';
COMMENT ON COLUMN userlock_private.counting.counted_at IS
'When.';
COMMENT ON COLUMN userlock_private.counting.counted_from IS
'Whatever was not seen then happened after this moment.';
COMMENT ON COLUMN userlock_private.counting.ends_from IS
'No restriction that ended before this moment owes history an event after counted_from.';
COMMENT ON COLUMN userlock_private.counting.verified_at IS
'When verify() was run last; NULL: never.';
COMMENT ON COLUMN userlock_private.counting.problems IS
'How many problems it found; NULL: it was never run.';

-- They hold users' data: a dump of the database must carry it.
SELECT pg_extension_config_dump('userlock_private.account', '');
SELECT pg_extension_config_dump('userlock_private.event', '');
SELECT pg_extension_config_dump('userlock_private.profile', '');

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

--
-- Whom nobody is to restrict by mistake
--

CREATE FUNCTION userlock_private.is_last_holder(tenant text, user_id text, to_lock boolean)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    protected text[] := regexp_split_to_array(trim(current_setting('userlock.protected_roles', true)), '\s*,\s*');
    holding jsonb;
BEGIN
    FOR holding IN
        SELECT DISTINCT jsonb_build_array(jsonb_build_object('value', role.value)) AS roles
        FROM unnest(protected) AS role (value)
        WHERE EXISTS (
            SELECT FROM userlock_private.profile AS p
            JOIN userlock_private.account AS a ON a.tenant = p.tenant AND a.user_id = p.user_id
            WHERE p.tenant = is_last_holder.tenant AND p.user_id = is_last_holder.user_id
            AND p.document -> 'roles' @> jsonb_build_array(jsonb_build_object('value', role.value))
            AND userlock.is_active(userlock.state_at(a.state, a.locked_until, a.blocked_until, clock_timestamp())))
        ORDER BY roles
    LOOP
        -- One at a time restricts holders of a role: of two who restrict the last two, one
        -- waits here, and then sees what the other has done, or fails as serializable
        -- transactions do.
        IF to_lock THEN
            PERFORM FROM userlock_private.account AS a
            WHERE a.tenant = is_last_holder.tenant AND a.user_id IN (
                SELECT p.user_id FROM userlock_private.profile AS p
                WHERE p.tenant = is_last_holder.tenant AND p.document ? 'roles' AND p.document -> 'roles' @> holding)
            ORDER BY a.user_id
            FOR NO KEY UPDATE;
        END IF;
        PERFORM FROM userlock_private.profile AS p
        JOIN userlock_private.account AS a ON a.tenant = p.tenant AND a.user_id = p.user_id
        WHERE p.tenant = is_last_holder.tenant AND p.document ? 'roles' AND p.document -> 'roles' @> holding
        AND p.user_id <> is_last_holder.user_id
        AND userlock.is_active(userlock.state_at(a.state, a.locked_until, a.blocked_until, clock_timestamp()))
        LIMIT 1;
        IF NOT FOUND THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.is_last_holder FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.is_last_holder IS
'Is the user allowed to come in, and has one of userlock.protected_roles that no other such user of the tenant has? Of a profile these are the values of its roles. to_lock: has others wait who are about to restrict holders of the role.';
--
-- What one call did to many users, and how it is taken back
--

CREATE FUNCTION userlock_private.batch_changes(tenant text, batch uuid, since timestamptz)
RETURNS TABLE (user_id text, sequence bigint, locks integer, blocks integer)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
-- The index by time gives nothing but bitmaps, which whoever calls may have switched off.
SET enable_bitmapscan = on
AS $$
BEGIN
    -- Planned for this moment: the same plan does not serve a day and a year.
    RETURN QUERY EXECUTE
        'SELECT e.user_id, max(e.sequence),'
        ' (count(*) FILTER (WHERE e.kind = ''locked'') - count(*) FILTER (WHERE e.kind = ''unlocked''))::integer,'
        ' (count(*) FILTER (WHERE e.kind = ''blocked'') - count(*) FILTER (WHERE e.kind = ''unblocked''))::integer'
        ' FROM userlock_private.event AS e'
        ' WHERE e.at >= $3 AND e.tenant = $1 AND e.batch = $2'
        ' GROUP BY e.user_id ORDER BY e.user_id'
        USING tenant, batch, since;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.batch_changes FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.batch_changes IS
'The users of whom a batch wrote events since a moment: its last event, how often it locked them less how often it unlocked them, and likewise of the block.';

CREATE FUNCTION userlock.undo(
    batch uuid,
    reason text DEFAULT NULL,
    tenant text DEFAULT NULL,
    since timestamptz DEFAULT NULL,
    dry_run boolean DEFAULT false)
RETURNS SETOF userlock.transition_outcome
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100
AS 'MODULE_PATHNAME', 'userlock_undo';

REVOKE EXECUTE ON FUNCTION userlock.undo FROM PUBLIC;
COMMENT ON FUNCTION userlock.undo IS
$$Takes back what one batch did to the users of a tenant: what it locked is unlocked, what it unlocked is locked again with the reason, end and details of before, and so of the block. Returns an outcome for each user, in key order: sequence_differs where anything has happened to the user since, change_not_undoable where the batch did not change the state.

The caller needs EXECUTE on the core functions that it takes. batch: of an event, see user_history; the call's own events have another. reason: of what is lifted. tenant: NULL means the caller's own. since: how far back the batch is looked for; NULL: seven days. dry_run: tell what would come of it, and change nothing. Tokens that were made void stay void. Errors of the whole call: PT403 no permission, PT404 no such batch, PT422 invalid argument.$$;
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

user_id: the application's own id, 1 to 200 characters, unique in the tenant. tenant: NULL means the caller's own. profile: a SCIM 2.0 User document kept with the user, see set_profile(). An id that was used before goes on with its history, as restricted as it was when deleted, and tokens from before stay void. Returns the user's status. Errors: PT403 not the caller's tenant, PT409 already registered, or the user name is taken, PT422 invalid argument.$$;

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

CREATE FUNCTION userlock.set_profile(
    user_id text,
    profile jsonb,
    reason text DEFAULT NULL,
    tenant text DEFAULT NULL,
    expected_sequence bigint DEFAULT NULL,
    idempotent boolean DEFAULT false,
    details jsonb DEFAULT NULL)
RETURNS userlock.user_status
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_set_profile';

REVOKE EXECUTE ON FUNCTION userlock.set_profile FROM PUBLIC;
COMMENT ON FUNCTION userlock.set_profile IS
$$Replaces what is known of a person beside the state; history tells which attributes changed, never their values.

profile: a SCIM 2.0 core User document (RFC 7643, section 4.1) of at most 65536 bytes, and whatever else an application keeps in it; passwords in it are left out; NULL takes the profile away. userName is unique in the tenant, in whatever case of letters. tenant: NULL means the caller's own. expected_sequence: refuse if the user's last event is another. idempotent: accept a profile that is the same, and change nothing. details: a JSON object kept with the event. Returns the user's status. Errors: PT400 the profile is the same, PT403 not the caller's tenant, PT404 no such user, PT409 the user name is taken, PT412 sequence differs, PT422 invalid argument.$$;

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

CREATE FUNCTION userlock.reset_access_floor(
    user_id text,
    reason text DEFAULT NULL,
    tenant text DEFAULT NULL,
    expected_sequence bigint DEFAULT NULL,
    details jsonb DEFAULT NULL)
RETURNS userlock.user_status
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_reset_access_floor';

REVOKE EXECUTE ON FUNCTION userlock.reset_access_floor FROM PUBLIC;
COMMENT ON FUNCTION userlock.reset_access_floor IS
$$For a user whose last event lies in the future, because the clock was wrong: has their history go on at the present, and makes tokens void that were issued until now, and no longer those issued from now on.

For administrators: tokens that were issued while the clock was ahead, and revoked, are good again once their time has come. The state stays; failed logins are forgotten. tenant: NULL means the caller's own. expected_sequence: refuse if the user's last event is another. details: a JSON object kept with the event. Returns the user's status. Errors: PT400 the last event is not in the future, PT403 not the caller's tenant, PT404 no such user, PT412 sequence differs, PT422 invalid argument.$$;

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
$$The user's profile, as set_profile() and register_user() were given it, without passwords; NULL: none, or no such user.

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

By the claims sub, tenant (else userlock.tenant) and iat: PT403, the user is locked or blocked; PT401, nobody is registered under sub (with userlock.registration at on_demand: a user was, and is deleted), the token was issued at or before the second of the access floor or does not say when, was issued more than 30 seconds in the future, or the claims are malformed. A session without claims and a token without sub pass. 55000: userlock_private.account does not hold its rows itself (it is distributed, partitioned, has children, or its owner is bound by row-level security), so no user can be let in; nor, on demand, whoever is not registered, where userlock_private.event does not.$$;

CREATE FUNCTION userlock.current_user_allowed()
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_current_user_allowed';

REVOKE EXECUTE ON FUNCTION userlock.current_user_allowed FROM PUBLIC;
COMMENT ON FUNCTION userlock.current_user_allowed IS
'Would check_request() let the caller pass? For row-level security, best as (SELECT userlock.current_user_allowed()), which is asked once a statement. Never raises because of a user or a token; 55000 where check_request() does.';

CREATE FUNCTION userlock.user_allowed(user_id text, tenant text DEFAULT NULL)
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE  -- not STRICT: a tenant of NULL is the caller's
AS 'MODULE_PATHNAME', 'userlock_user_allowed';

REVOKE EXECUTE ON FUNCTION userlock.user_allowed FROM PUBLIC;
COMMENT ON FUNCTION userlock.user_allowed IS
'Is the user registered, or never seen where userlock.registration is on_demand, and neither locked nor blocked? False also for a tenant that is not the caller''s. tenant: NULL is the caller''s own. Never raises because of a user or a token; 55000 where check_request() does.';

--
-- Who asks, and how they are refused, for functions in SQL
--

CREATE FUNCTION userlock.caller_user_id()
RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_caller_user_id';

GRANT EXECUTE ON FUNCTION userlock.caller_user_id TO PUBLIC;
COMMENT ON FUNCTION userlock.caller_user_id IS
'The user whom the caller''s JWT claims name, the claim sub; NULL: none. Error: PT401 malformed claims.';

CREATE FUNCTION userlock.caller_tenants()
RETURNS text[]
LANGUAGE C STABLE PARALLEL SAFE COST 100  -- what it takes: best asked once, for a search of an index
AS 'MODULE_PATHNAME', 'userlock_caller_tenants';

GRANT EXECUTE ON FUNCTION userlock.caller_tenants TO PUBLIC;
COMMENT ON FUNCTION userlock.caller_tenants IS
'The tenants that the caller''s JWT claims list, their own first; NULL without claims, where privileges alone decide. Error: PT401 malformed claims.';

CREATE FUNCTION userlock_private.raise(result text, subject text DEFAULT NULL, tenant text DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL SAFE  -- not STRICT: a refusal may be about nobody
AS 'MODULE_PATHNAME', 'userlock_raise';

REVOKE EXECUTE ON FUNCTION userlock_private.raise FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.raise IS
'Raises a refusal of this name, for functions in SQL: all are worded in one place. subject: the user, or the name of an API key.';

CREATE FUNCTION userlock_private.take_turns(what regclass, about text, shared boolean)
RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_take_turns';

REVOKE EXECUTE ON FUNCTION userlock_private.take_turns FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.take_turns IS
'Waits for whoever does the same about the same until their transaction has ended, and has them wait until this one has; shared: not for others who share. what: one of our tables.';

CREATE FUNCTION userlock_private.require_tenant(tenant text, signing_in boolean)
RETURNS text
LANGUAGE C STABLE PARALLEL SAFE  -- not STRICT: a tenant of NULL is the caller's
AS 'MODULE_PATHNAME', 'userlock_require_tenant';

REVOKE EXECUTE ON FUNCTION userlock_private.require_tenant FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.require_tenant IS
'The tenant meant, for functions in SQL: NULL means the caller''s own. signing_in: claims with neither sub nor tenant, those of whoever signs in, may name any. Errors: PT401 malformed claims, PT403 not the caller''s tenant.';

CREATE FUNCTION userlock_private.name_is_valid(name text)
RETURNS boolean
LANGUAGE C IMMUTABLE PARALLEL SAFE  -- not STRICT: NULL is no name
AS 'MODULE_PATHNAME', 'userlock_name_is_valid';

REVOKE EXECUTE ON FUNCTION userlock_private.name_is_valid FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.name_is_valid IS
'Is this a user id, a tenant, or the name of a key: 1 to 200 characters? False for NULL.';
--
-- When failed logins lock: a policy for each tenant
--

CREATE TABLE userlock_private.lockout_policy (
    tenant text COLLATE "C" PRIMARY KEY,
    attempts integer NOT NULL,
    observation_window interval NOT NULL,
    duration interval NOT NULL,
    backoff double precision NOT NULL,
    max_duration interval NOT NULL,
    permanent_after integer,
    by_address boolean NOT NULL
);

COMMENT ON TABLE userlock_private.lockout_policy IS
'When failed logins lock: for each tenant that has a policy of its own, see set_lockout_policy(); the others go by the preset pci.';
COMMENT ON COLUMN userlock_private.lockout_policy.tenant IS
'Whose policy it is.';
COMMENT ON COLUMN userlock_private.lockout_policy.attempts IS
'How many failures lock: 1 to 100.';
COMMENT ON COLUMN userlock_private.lockout_policy.observation_window IS
'A failure this long after the one before begins a new count, and a new back-off.';
COMMENT ON COLUMN userlock_private.lockout_policy.duration IS
'How long the first lock lasts.';
COMMENT ON COLUMN userlock_private.lockout_policy.backoff IS
'Each further lock lasts this many times as long as the one before: 1 to 100.';
COMMENT ON COLUMN userlock_private.lockout_policy.max_duration IS
'But no longer than this.';
COMMENT ON COLUMN userlock_private.lockout_policy.permanent_after IS
'From this many failures without a success or an unlock on, not counting those while locked, a lock lasts until lifted; NULL: never.';
COMMENT ON COLUMN userlock_private.lockout_policy.by_address IS
'Count for each user and client address, and shut out the address instead of locking the user?';

SELECT pg_extension_config_dump('userlock_private.lockout_policy', '');

CREATE FUNCTION userlock_private.preset_lockout_policy(preset text)
RETURNS userlock_private.lockout_policy
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    policy userlock_private.lockout_policy;
BEGIN
    IF preset = 'pci' THEN
        policy.attempts := 10;
        policy.observation_window := '30 minutes';
        policy.duration := '30 minutes';
        policy.backoff := 1;
        policy.max_duration := '30 minutes';
        policy.by_address := false;
    ELSIF preset = 'nist' THEN
        policy.attempts := 10;
        policy.observation_window := '1 day';
        policy.duration := '1 minute';
        policy.backoff := 2;
        policy.max_duration := '1 day';
        policy.permanent_after := 100;
        policy.by_address := false;
    END IF;
    RETURN policy;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.preset_lockout_policy FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.preset_lockout_policy IS
'The policy pci (PCI DSS 4.0, 8.3.4: at most 10 attempts, at least 30 minutes) or nist (SP 800-63B: growing waits, at most 100 consecutive failures); NULL: there is no such preset.';

CREATE FUNCTION userlock_private.lockout_policy_of(tenant text)
RETURNS userlock_private.lockout_policy
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p FROM userlock_private.lockout_policy AS p WHERE p.tenant = lockout_policy_of.tenant
    UNION ALL
    SELECT userlock_private.preset_lockout_policy('pci')
    LIMIT 1
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.lockout_policy_of FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.lockout_policy_of IS
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
    policy userlock_private.lockout_policy := userlock_private.preset_lockout_policy(preset);
BEGIN
    policy.tenant := userlock_private.require_tenant(tenant, false);
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
        AND userlock_private.name_is_valid(policy.tenant)) IS NOT TRUE
    THEN
        PERFORM userlock_private.raise('lockout_policy_invalid');
    END IF;
    INSERT INTO userlock_private.lockout_policy AS p SELECT policy.*
    ON CONFLICT ON CONSTRAINT lockout_policy_pkey DO UPDATE SET
        attempts = policy.attempts, observation_window = policy.observation_window, duration = policy.duration, backoff = policy.backoff,
        max_duration = policy.max_duration, permanent_after = policy.permanent_after, by_address = policy.by_address;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.set_lockout_policy FROM PUBLIC;
COMMENT ON FUNCTION userlock.set_lockout_policy IS
$$Sets when failed logins lock, for one tenant; in force from the next failure on.

preset: pci or nist, the values of all arguments that are NULL; the others are described at the table's columns. Errors: PT403 not the caller's tenant, PT422 a value out of its range.$$;
--
-- Failed logins: counted, and locked at the threshold of the tenant's policy
--
-- Whoever checks passwords tells us what came of it, and is told a verdict: these
-- functions never raise for a user's condition, because that would roll the
-- count back.  Users who do not exist are counted like those who do.  A success
-- that is refused runs and writes what a failure does: who tries passwords on a
-- locked user must not see from the time it takes which of them was right.
--
-- Whoever was never seen is counted as ids are that nobody has, and comes in where
-- users are registered on demand; no login registers them.
--
-- These functions alone count, in login_failure; of accounts and events they read,
-- and what they lock goes through try_transition().  An unlock does not write to the
-- counts: they see it in history, so that one call and another never wait for each
-- other's rows crosswise.
--

CREATE TABLE userlock_private.login_failure (
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

COMMENT ON TABLE userlock_private.login_failure IS
'Failed and refused logins of each user since the last success; those of ids that nobody has share a bounded number of rows.';
COMMENT ON COLUMN userlock_private.login_failure.tenant IS
'The tenant that the login was to.';
COMMENT ON COLUMN userlock_private.login_failure.user_id IS
'Who wanted in; empty: somebody who is not registered.';
COMMENT ON COLUMN userlock_private.login_failure.address IS
'From where; empty where the policy does not tell addresses apart. Of ids that nobody has: the number of their row.';
COMMENT ON COLUMN userlock_private.login_failure.failures IS
'All failures, and whatever was refused while locked or blocked, with a right password too.';
COMMENT ON COLUMN userlock_private.login_failure.tried IS
'Those of them that were not while locked or blocked.';
COMMENT ON COLUMN userlock_private.login_failure.counted IS
'Failures towards the next lock.';
COMMENT ON COLUMN userlock_private.login_failure.last_at IS
'When the last one was.';
COMMENT ON COLUMN userlock_private.login_failure.lockouts IS
'Locks so far, for the back-off.';
COMMENT ON COLUMN userlock_private.login_failure.lockout_failures IS
'Which failure the last lock came of.';
COMMENT ON COLUMN userlock_private.login_failure.locked_until IS
'When that lock ends; infinity: until lifted; NULL: there was none.';
COMMENT ON COLUMN userlock_private.login_failure.account_sequence IS
'The user''s last event when the last failure was recorded: an unlock after it resets all of this.';

SELECT pg_extension_config_dump('userlock_private.login_failure', '');

CREATE TYPE userlock.login_verdict AS (
    allowed boolean,
    remaining_attempts integer,
    until timestamptz
);

COMMENT ON TYPE userlock.login_verdict IS
'allowed: may the user try, or come in? remaining_attempts: failures that will still be forgiven, 0 where not allowed. until: when it will be allowed again; NULL: it is, or nobody knows.';

-- The count after one more failure: the whole judgement, on the row that is written.
CREATE FUNCTION userlock_private.next_failure(
    failure userlock_private.login_failure, policy userlock_private.lockout_policy, at timestamptz, account_sequence bigint, reset boolean, held boolean)
RETURNS userlock_private.login_failure
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
    failure.last_at := at;
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

REVOKE EXECUTE ON FUNCTION userlock_private.next_failure FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.next_failure IS
'A row of login_failure after one more failure; it locks where lockout_failures is failures. reset: the user was unlocked since; held: the user is locked or blocked anyway.';

CREATE FUNCTION userlock_private.was_reset(failure userlock_private.login_failure)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM userlock_private.event AS e
        WHERE e.tenant = failure.tenant AND e.user_id = failure.user_id
            AND e.sequence > failure.account_sequence
            AND (userlock_private.forgets_failures(e.kind)
                OR e.kind = 'pruned' AND (e.details ->> 'failures_forgotten')::int8 > failure.account_sequence))
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.was_reset FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.was_reset IS
'Was the user unlocked, registered anew, or the access floor reset, since the last failure?';

-- Without the claims: who signs in has none, and the tenant has been judged.  Whoever
-- guesses passwords is held up whatever role it is about.
CREATE FUNCTION userlock_private.lock_after_failures(failure userlock_private.login_failure, address text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET "request.jwt.claims" = ''
SET userlock.protected_roles = ''
AS $$
DECLARE
    until timestamptz := nullif(failure.locked_until, 'infinity');
    outcome userlock.transition_outcome;
BEGIN
    FOR attempt IN 1 .. 2 LOOP
        outcome := userlock.try_transition('lock', failure.user_id, reason => 'failed logins', until => until, tenant => failure.tenant,
            idempotent => true, details => jsonb_strip_nulls(jsonb_build_object('failures', failure.failures, 'address', left(address, 200))));
        EXIT WHEN outcome.outcome <> 'until_invalid';
        -- The end passed while we waited for the user's row, which is ours now.
        until := clock_timestamp() + (failure.locked_until - failure.last_at);
    END LOOP;
    -- Who was deleted meanwhile needs no lock.  Nothing else may go unnoticed.
    IF outcome.sqlstate NOT IN ('00000', 'PT404') THEN
        RAISE EXCEPTION 'could not lock a user after failed logins'
            USING DETAIL = outcome.message;
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.lock_after_failures FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.lock_after_failures IS
'Locks a user whose failures have reached the threshold, unless they are locked. address: where the last one came from, kept with the lock.';

-- Asked of everybody alike, whose password was right or not, registered or not.
CREATE FUNCTION userlock_private.is_user_unseen(user_id text, tenant text)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN current_setting('userlock.registration', true) IS NOT DISTINCT FROM 'on_demand' AND NOT EXISTS (
        SELECT FROM userlock_private.event AS e
        WHERE e.tenant = is_user_unseen.tenant AND e.user_id = is_user_unseen.user_id);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.is_user_unseen FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.is_user_unseen IS
'Is this a user although nobody registered them? Whoever was never seen is, with the setting userlock.registration at on_demand.';

-- Ids that nobody has are without number; their rows must not be.  So that a flood
-- of them costs no more than one, nothing is counted and nothing looked for: the
-- row of such an id is one of 65536, whichever its hash says.
CREATE FUNCTION userlock_private.no_failures(user_id text, tenant text, address text, policy userlock_private.lockout_policy, registered boolean)
RETURNS userlock_private.login_failure
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    failure userlock_private.login_failure;
BEGIN
    failure.tenant := tenant;
    failure.user_id := user_id;
    failure.address := CASE WHEN policy.by_address THEN left(coalesce(address, ''), 200) ELSE '' END;
    failure.failures := 0;
    failure.tried := 0;
    failure.counted := 0;
    failure.last_at := '-infinity';
    failure.lockouts := 0;
    failure.lockout_failures := 0;
    failure.account_sequence := 0;
    IF NOT registered THEN
        failure.address := hashtextextended(user_id || '/' || failure.address, 0) & 65535;
        failure.user_id := '';
    END IF;
    RETURN failure;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.no_failures FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.no_failures IS
'The row of login_failure that counts for a user at an address, as it is before the first failure.';

CREATE FUNCTION userlock_private.judge_login(user_id text, tenant text, address text, policy userlock_private.lockout_policy)
RETURNS userlock.login_verdict
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    at timestamptz := clock_timestamp();
    account record;
    registered boolean;
    failure userlock_private.login_failure;
    ends timestamptz[] := '{}';
    counted integer := 0;
    tried bigint := 0;
    verdict userlock.login_verdict;
BEGIN
    SELECT a.state, a.locked_until, a.blocked_until INTO account
    FROM userlock_private.account AS a WHERE a.tenant = judge_login.tenant AND a.user_id = judge_login.user_id;
    registered := FOUND;
    IF registered THEN
        account.state := userlock.state_at(account.state, account.locked_until, account.blocked_until, at);
        IF userlock.is_locked(account.state) THEN ends := ends || coalesce(account.locked_until, 'infinity'); END IF;
        IF userlock.is_blocked(account.state) THEN ends := ends || coalesce(account.blocked_until, 'infinity'); END IF;
    END IF;

    failure := userlock_private.no_failures(user_id, tenant, address, policy, registered);
    SELECT * INTO failure FROM userlock_private.login_failure AS f
    WHERE f.tenant = failure.tenant AND f.user_id = failure.user_id AND f.address = failure.address;
    IF FOUND AND NOT userlock_private.was_reset(failure) THEN
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

REVOKE EXECUTE ON FUNCTION userlock_private.judge_login FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.judge_login IS
'The verdict on a login as things stand; writes nothing.';

-- Before anything is judged: else what a right password gets would differ from what
-- a wrong one gets where neither can be written down.
CREATE FUNCTION userlock_private.require_writable()
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'cannot record a login in a read-only transaction'
            USING ERRCODE = 'read_only_sql_transaction',
                  HINT = 'Over HTTP, use POST.';
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.require_writable FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.require_writable IS
'Raises 25006 in a read-only transaction.';

CREATE FUNCTION userlock_private.record_login(user_id text, tenant text, address text, succeeded boolean)
RETURNS userlock.login_verdict
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    policy userlock_private.lockout_policy := userlock_private.lockout_policy_of(tenant);
    at timestamptz := clock_timestamp();
    account record;
    registered boolean;
    unseen boolean;
    failure userlock_private.login_failure;
    verdict userlock.login_verdict;
BEGIN
    PERFORM userlock_private.require_writable();
    -- An id that nobody can have looks like one that nobody has.
    IF NOT (userlock_private.name_is_valid(user_id) AND userlock_private.name_is_valid(tenant)) THEN
        verdict := CASE WHEN succeeded THEN (false, 0, NULL::timestamptz) ELSE (true, policy.attempts - 1, NULL::timestamptz) END;
        RETURN verdict;
    END IF;

    -- An erasure waits for logins that are just being counted, and has them wait, lest
    -- they count somebody who is no more.
    PERFORM userlock_private.take_turns('userlock_private.login_failure', user_id, true);
    SELECT a.sequence, NOT userlock.is_active(userlock.state_at(a.state, a.locked_until, a.blocked_until, at)) AS held INTO account
    FROM userlock_private.account AS a WHERE a.tenant = record_login.tenant AND a.user_id = record_login.user_id;
    registered := FOUND;
    account.sequence := coalesce(account.sequence, 0);
    account.held := coalesce(account.held, false);
    unseen := userlock_private.is_user_unseen(user_id, tenant);
    failure := userlock_private.no_failures(user_id, tenant, address, policy, registered);

    -- Judged either way, so that it takes a failure as long.
    verdict := userlock_private.judge_login(user_id, tenant, address, policy);
    IF succeeded AND registered AND verdict.allowed THEN
        DELETE FROM userlock_private.login_failure AS f
        WHERE f.tenant = failure.tenant AND f.user_id = failure.user_id AND f.address = failure.address;
        verdict.remaining_attempts := policy.attempts;
        RETURN verdict;
    END IF;
    -- What counts for somebody never seen counts for others too: it stays.
    IF succeeded AND unseen AND verdict.allowed THEN
        RETURN verdict;
    END IF;

    failure := userlock_private.next_failure(failure, policy, at, account.sequence, true, account.held);
    INSERT INTO userlock_private.login_failure AS f VALUES (failure.*)
    ON CONFLICT ON CONSTRAINT login_failure_pkey DO UPDATE
    -- The row is locked now, maybe after a wait: time is read anew.
    SET (failures, tried, counted, last_at, lockouts, lockout_failures, locked_until, account_sequence) = (
        SELECT n.failures, n.tried, n.counted, n.last_at, n.lockouts, n.lockout_failures, n.locked_until, n.account_sequence
        FROM userlock_private.next_failure(f, policy, clock_timestamp(), account.sequence, userlock_private.was_reset(f), account.held) AS n)
    RETURNING f.* INTO failure;

    IF registered AND failure.lockout_failures = failure.failures AND NOT policy.by_address THEN
        PERFORM userlock_private.lock_after_failures(failure, address);
    END IF;
    verdict := userlock_private.judge_login(user_id, tenant, address, policy);
    -- Whoever is not registered may try, and never come in.
    IF succeeded AND verdict.allowed THEN
        verdict := (false, 0, NULL);
    END IF;
    RETURN verdict;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.record_login FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.record_login IS
'What record_login_failure() and record_login_success() do, in a tenant that has been judged.';

CREATE FUNCTION userlock.record_login_failure(user_id text, tenant text DEFAULT NULL, address text DEFAULT NULL)
RETURNS userlock.login_verdict
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_private.record_login(user_id, userlock_private.require_tenant(tenant, true), address, false);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.record_login_failure FROM PUBLIC;
COMMENT ON FUNCTION userlock.record_login_failure IS
$$Counts a failed login, and locks the user, or shuts out the address, when the tenant's policy says so. Never raises for a user's condition.

tenant: whose claims have neither sub nor tenant may name any. address: the client's, counted apart where the policy says so, and kept with the lock. Errors: PT403 not the caller's tenant, 25006 read-only transaction.$$;

CREATE FUNCTION userlock.record_login_success(user_id text, tenant text DEFAULT NULL, address text DEFAULT NULL)
RETURNS userlock.login_verdict
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_private.record_login(user_id, userlock_private.require_tenant(tenant, true), address, true);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.record_login_success FROM PUBLIC;
COMMENT ON FUNCTION userlock.record_login_success IS
$$Tells whether a user whose password was right may come in, and if so forgets their failures. Not allowed: locked, blocked, shut out, or not registered, unless users are registered on demand and this one was never seen; that is then written as a failure would be.

Errors: PT403 not the caller's tenant, 25006 read-only transaction.$$;

CREATE FUNCTION userlock.login_verdict(user_id text, tenant text DEFAULT NULL, address text DEFAULT NULL)
RETURNS userlock.login_verdict
LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own_tenant text := userlock_private.require_tenant(tenant, false);
    policy userlock_private.lockout_policy := userlock_private.lockout_policy_of(own_tenant);
BEGIN
    RETURN userlock_private.judge_login(user_id, own_tenant, address, policy);
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
    DELETE FROM userlock_private.login_failure AS f
    USING (SELECT t.tenant, userlock_private.lockout_policy_of(t.tenant) AS policy
           FROM (SELECT DISTINCT tenant FROM userlock_private.login_failure) AS t OFFSET 0) AS p
    WHERE f.tenant = p.tenant
        AND CASE WHEN EXISTS (SELECT FROM userlock_private.account AS a WHERE a.tenant = f.tenant AND a.user_id = f.user_id)
            THEN (p.policy).permanent_after IS NULL AND clock_timestamp() > greatest(f.last_at, f.locked_until) + (p.policy).observation_window
            -- Whom nobody lifts a lock of has none for ever.
            ELSE clock_timestamp() > greatest(f.last_at, nullif(f.locked_until, 'infinity')) + (p.policy).observation_window
        END;
    GET DIAGNOSTICS pruned = ROW_COUNT;
    RETURN pruned;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.prune_login_failures FROM PUBLIC;
COMMENT ON FUNCTION userlock.prune_login_failures IS
'Deletes counts that no longer count, of all tenants, and returns how many; for pg_cron. Those of a policy with permanent_after stay until a success, if their user is registered.';

--
-- Views
--
-- They show a caller with JWT claims only the tenants that are theirs.  SELECT on a
-- view in userlock is all that a role needs.  What lies beneath may be read by
-- everybody, because the views do it in the caller's name; but nobody enters its
-- schema, so the only way there is a view that was granted.  The tables' rows have a
-- policy: unlike the barrier of a view, it lets the planner read a page in the order
-- of an index, and yet keeps a reader's own functions off other tenants' rows.
--
-- Whoever is above policies (superusers, BYPASSRLS) is held to the claims as well,
-- by the views.
--

CREATE FUNCTION userlock_private.tenant_is_visible_support(internal)
RETURNS internal
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_tenant_is_visible_support';

REVOKE EXECUTE ON FUNCTION userlock_private.tenant_is_visible_support FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.tenant_is_visible_support IS
'What the planner may ask of tenant_is_visible(): how an index is searched for it.';

CREATE FUNCTION userlock_private.tenant_is_visible(tenant text)
RETURNS boolean
LANGUAGE C STABLE STRICT PARALLEL SAFE SUPPORT userlock_private.tenant_is_visible_support
AS 'MODULE_PATHNAME', 'userlock_tenant_is_visible';

GRANT EXECUTE ON FUNCTION userlock_private.tenant_is_visible TO PUBLIC;
COMMENT ON FUNCTION userlock_private.tenant_is_visible IS
'Do the caller''s claims list this tenant, or are there none? Error: PT401 malformed claims.';

CREATE FUNCTION userlock_private.visible_tenants()
RETURNS text[]
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_visible_tenants';

GRANT EXECUTE ON FUNCTION userlock_private.visible_tenants TO PUBLIC;
COMMENT ON FUNCTION userlock_private.visible_tenants IS
'The tenants that tenant_is_visible() is true of, for an index to be searched for. Error: PT401 malformed claims.';

-- STABLE: a query has one present, which may not stand still in a long function.
CREATE FUNCTION userlock_private.present()
RETURNS timestamptz
LANGUAGE internal STABLE PARALLEL SAFE
AS 'clock_timestamp';

GRANT EXECUTE ON FUNCTION userlock_private.present TO PUBLIC;
COMMENT ON FUNCTION userlock_private.present IS
'The time by which the views tell what has ended.';

-- What of each table may be read.
DO $$
DECLARE
    readable record;
BEGIN
    FOR readable IN
        SELECT * FROM (VALUES
            ('account', 'tenant, user_id, state, sequence, created_at, changed_at, locked_until, blocked_until, lock_sequence, block_sequence, access_valid_after, locked_at, blocked_at'),
            ('event', 'tenant, user_id, sequence, kind, from_state, to_state, at, actor, reason, until, details, attributes, batch'),
            ('profile', 'tenant, user_id, user_name, external_id, email, display_name, user_name_lower, email_lower, display_name_lower'),
            ('login_failure', 'tenant, failures, tried'),
            ('lockout_policy', 'tenant, attempts, observation_window, duration, backoff, max_duration, permanent_after, by_address'),
            ('tally', 'tenant, metric, label, value'),
            ('counting', 'tenant, counted_at, verified_at, problems')
        ) AS t (name, columns)
    LOOP
        EXECUTE format('ALTER TABLE userlock_private.%I ENABLE ROW LEVEL SECURITY', readable.name);
        EXECUTE format('CREATE POLICY visible ON userlock_private.%I FOR SELECT USING (userlock_private.tenant_is_visible(tenant))', readable.name);
        EXECUTE format('REVOKE ALL ON userlock_private.%I FROM PUBLIC', readable.name);
        EXECUTE format('GRANT SELECT (%s) ON userlock_private.%I TO PUBLIC', readable.columns, readable.name);
        EXECUTE format('CREATE VIEW userlock_private.visible_%I WITH (security_invoker) AS SELECT %s FROM userlock_private.%1$I WHERE userlock_private.tenant_is_visible(tenant)',
            readable.name, readable.columns);
        EXECUTE format('REVOKE ALL ON userlock_private.visible_%I FROM PUBLIC', readable.name);
        EXECUTE format('GRANT SELECT ON userlock_private.visible_%I TO PUBLIC', readable.name);
        EXECUTE format('COMMENT ON VIEW userlock_private.visible_%I IS %L', readable.name,
            format('What of userlock_private.%s the caller may see: the ground of the views.', readable.name));
    END LOOP;
END
$$;

-- A user as they are now, and what the account has to say beside.
CREATE VIEW userlock_private.visible_user WITH (security_invoker) AS
SELECT
    account.tenant,
    account.user_id,
    userlock.state_at(account.state, account.locked_until, account.blocked_until, clock.now) AS state,
    account.sequence
        + CASE WHEN account.locked_until <= clock.now THEN 1 ELSE 0 END
        + CASE WHEN account.blocked_until <= clock.now THEN 1 ELSE 0 END AS sequence,
    account.created_at,
    greatest(account.changed_at,
        CASE WHEN account.locked_until <= clock.now THEN account.locked_until END,
        CASE WHEN account.blocked_until <= clock.now THEN account.blocked_until END) AS changed_at,
    CASE WHEN account.locked_until > clock.now THEN account.locked_until END AS locked_until,
    CASE WHEN account.blocked_until > clock.now THEN account.blocked_until END AS blocked_until,
    profile.user_name,
    profile.external_id,
    profile.email,
    profile.display_name,
    profile.user_name_lower,
    profile.email_lower,
    profile.display_name_lower,
    account.state AS written_state,
    account.locked_at,
    account.lock_sequence,
    account.blocked_at,
    account.block_sequence
FROM (SELECT userlock_private.present() AS now) AS clock
CROSS JOIN userlock_private.visible_account AS account
LEFT JOIN userlock_private.visible_profile AS profile
    ON profile.tenant = account.tenant AND profile.user_id = account.user_id;

REVOKE ALL ON userlock_private.visible_user FROM PUBLIC;
GRANT SELECT ON userlock_private.visible_user TO PUBLIC;
COMMENT ON VIEW userlock_private.visible_user IS
'Users that the caller may see, as they are now, with what is written of their restrictions, over or not: the ground of users and restricted_users.';

CREATE VIEW userlock.users WITH (security_invoker) AS
SELECT tenant, user_id, state, sequence, created_at, changed_at, locked_until, blocked_until,
    user_name, external_id, email, display_name, user_name_lower, email_lower, display_name_lower
FROM userlock_private.visible_user;

COMMENT ON VIEW userlock.users IS
'Every user as they are now, with what users are found by of their profiles. With the tenant named these come from an index: a page by user_id; an exact match of user_id, user_name_lower, external_id, email_lower and display_name_lower; and what begins so and so (^@) of user_name_lower and email_lower.';
COMMENT ON COLUMN userlock.users.state IS
'The restrictions that hold at this moment.';
COMMENT ON COLUMN userlock.users.sequence IS
'The number of the user''s last event; an end that has passed counts as one.';
COMMENT ON COLUMN userlock.users.changed_at IS
'When the last event happened; an end that has passed counts as one.';

-- The events that restrict are looked up one by one, and only where they are shown:
-- joined, the planner may read the whole history to find the few.
CREATE VIEW userlock.restricted_users WITH (security_invoker) AS
SELECT
    restricted.tenant,
    restricted.user_id,
    restricted.state,
    restricted.locked_at,
    restricted.locked_until,
    (SELECT event.reason FROM userlock_private.event
     WHERE event.tenant = restricted.tenant AND event.user_id = restricted.user_id
     AND event.sequence = CASE WHEN userlock.is_locked(restricted.state) THEN restricted.lock_sequence END) AS lock_reason,
    (SELECT event.actor FROM userlock_private.event
     WHERE event.tenant = restricted.tenant AND event.user_id = restricted.user_id
     AND event.sequence = CASE WHEN userlock.is_locked(restricted.state) THEN restricted.lock_sequence END) AS locked_by,
    restricted.blocked_at,
    restricted.blocked_until,
    (SELECT event.reason FROM userlock_private.event
     WHERE event.tenant = restricted.tenant AND event.user_id = restricted.user_id
     AND event.sequence = CASE WHEN userlock.is_blocked(restricted.state) THEN restricted.block_sequence END) AS block_reason,
    (SELECT event.actor FROM userlock_private.event
     WHERE event.tenant = restricted.tenant AND event.user_id = restricted.user_id
     AND event.sequence = CASE WHEN userlock.is_blocked(restricted.state) THEN restricted.block_sequence END) AS blocked_by,
    restricted.sequence,
    restricted.created_at,
    restricted.changed_at,
    restricted.user_name,
    restricted.external_id,
    restricted.email,
    restricted.display_name,
    restricted.user_name_lower,
    restricted.email_lower,
    restricted.display_name_lower
FROM userlock_private.visible_user AS restricted
WHERE restricted.written_state OPERATOR(userlock.<>) 'active'
AND NOT userlock.is_active(restricted.state);

COMMENT ON VIEW userlock.restricted_users IS
'Who is out: since when, until when, why and by whom; and what users are found by. An end of NULL means until lifted. With the tenant named, a page by user_id or locked_at comes from an index, and so does one by blocked_at of those who have that.';
COMMENT ON COLUMN userlock.restricted_users.state IS
'locked, blocked or locked+blocked, at this moment.';
COMMENT ON COLUMN userlock.restricted_users.locked_at IS
'Since when the user is locked; NULL: not locked. Of a lock that is over beside a block that holds: since when they were, until the next change; state tells.';
COMMENT ON COLUMN userlock.restricted_users.lock_reason IS
'Why the user is locked, in the words of the actor; NULL: not locked, or nobody said.';
COMMENT ON COLUMN userlock.restricted_users.locked_by IS
'The actor: the JWT''s "sub", else the session user.';
COMMENT ON COLUMN userlock.restricted_users.blocked_at IS
'Since when the user is blocked; NULL: not blocked. Of a block that is over: as of a lock.';
COMMENT ON COLUMN userlock.restricted_users.block_reason IS
'Why the user is blocked, in the words of the actor; NULL: not blocked, or nobody said.';
COMMENT ON COLUMN userlock.restricted_users.blocked_by IS
'The actor: the JWT''s "sub", else the session user.';
COMMENT ON COLUMN userlock.restricted_users.sequence IS
'The number of the user''s last event; an end that has passed counts as one.';
COMMENT ON COLUMN userlock.restricted_users.changed_at IS
'When the last event happened; an end that has passed counts as one.';

-- What has expired and is not yet written shows as it will be written.  The server
-- reads the last events of one user in order only if the first branch has no WHERE of
-- its own.
CREATE VIEW userlock_private.visible_history WITH (security_invoker) AS
SELECT history.*
FROM (
    SELECT tenant, user_id, sequence, kind, from_state, to_state,
           at, actor, reason, until, details, attributes, batch
    FROM userlock_private.event
    UNION ALL
    SELECT account.tenant, account.user_id, expiry.sequence, expiry.kind,
           expiry.from_state, expiry.to_state,
           expiry.at, NULL, NULL, expiry.until, NULL, NULL, NULL
    FROM (SELECT userlock_private.present() AS now) AS clock
    CROSS JOIN userlock_private.visible_account AS account
    CROSS JOIN LATERAL userlock.pending_expiries(
        account.state, account.sequence, account.changed_at,
        account.locked_until, account.blocked_until, clock.now) AS expiry
    WHERE least(account.locked_until, account.blocked_until) <= clock.now
) AS history
WHERE userlock_private.tenant_is_visible(history.tenant);

REVOKE ALL ON userlock_private.visible_history FROM PUBLIC;
GRANT SELECT ON userlock_private.visible_history TO PUBLIC;
COMMENT ON VIEW userlock_private.visible_history IS
'The history that the caller may see, with the ends that have passed: the ground of the views about events.';

CREATE VIEW userlock.user_history WITH (security_invoker) AS
SELECT tenant, user_id, sequence, kind, from_state, to_state, at, actor, reason, until, details, attributes, batch
FROM userlock_private.visible_history;

COMMENT ON VIEW userlock.user_history IS
'Everything that happened to each user, numbered 1, 2, 3 and so on by sequence. A restriction that has ended by itself is there as lock_expired or block_expired at the moment it ended. With the user named, the last events come from an index: ORDER BY sequence DESC LIMIT ....';

CREATE VIEW userlock.lockout_policies WITH (security_invoker) AS
SELECT tenant, attempts, observation_window, duration, backoff, max_duration, permanent_after, by_address
FROM userlock_private.visible_lockout_policy;

COMMENT ON VIEW userlock.lockout_policies IS
'The policies set, as far as claims let the caller see; a tenant without one goes by the preset pci.';
--
-- Finding users
--
-- A filter is a JSON object, so that whoever builds one (a contract, a console, a
-- script) quotes nothing.  It becomes a condition on userlock_private.visible_user
-- in which only literals are the caller's.
--

-- What a member of a filter may be about, and the column that says it: for most of
-- them one in lower case, because case does not matter.
CREATE FUNCTION userlock_private.filter_column(name text, case_sensitive boolean)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN name = ANY ('{user_id,external_id}'::text[]) THEN name
        WHEN name = ANY ('{user_name,email,display_name}'::text[]) THEN
            CASE WHEN case_sensitive THEN name || ' COLLATE "C"' ELSE name || '_lower' END
    END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.filter_column FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.filter_column IS
'The column that a member of a filter is compared with; NULL: there is none of the name.';

CREATE FUNCTION userlock_private.integer_id(user_id text)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_integer_id';

REVOKE EXECUTE ON FUNCTION userlock_private.integer_id FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.integer_id IS
'The number from 1 to 2147483647 that an id is, written as numbers are; NULL: it is none.';

-- In the order of numbers; where ids are none, there is nothing in it.
CREATE INDEX account_integer_id ON userlock_private.account (tenant, userlock_private.integer_id(user_id))
WHERE userlock_private.integer_id(user_id) IS NOT NULL;

CREATE FUNCTION userlock_private.text_condition(name text, operator text, value text, case_sensitive boolean)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    bare text := userlock_private.filter_column(name, case_sensitive);
    condition text;
BEGIN
    IF bare = name || '_lower' THEN
        value := lower(value);
    END IF;
    condition := CASE operator
        WHEN 'equals' THEN format('%s = %L', bare, value)
        WHEN 'prefix' THEN format('%s ^@ %L', bare, value)
        WHEN 'suffix' THEN format('right(%s, %s) = %L', bare, length(value), value)
        WHEN 'contains' THEN format('strpos(%s, %L) > 0', bare, value)
        WHEN 'after' THEN format('%s > %L', bare, value)
    END;
    -- The index has lower case: it finds the few among whom case is looked at.
    IF bare LIKE '% COLLATE "C"' AND operator = ANY ('{equals,prefix}'::text[]) THEN
        condition := condition || ' AND ' || userlock_private.text_condition(name, operator, value, false);
    END IF;
    RETURN condition;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.text_condition FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.text_condition IS
'A condition on a member of a filter as SQL; NULL: there is no such operator.';

CREATE FUNCTION userlock_private.member_condition(name text, wanted jsonb)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    bare text := userlock_private.filter_column(name, false);
    operator text;
    condition text;
BEGIN
    IF bare IS NULL THEN
        PERFORM userlock_private.raise('filter_invalid');
    END IF;
    CASE jsonb_typeof(wanted)
        WHEN 'null' THEN
            condition := bare || ' IS NULL';
        WHEN 'string' THEN
            condition := userlock_private.text_condition(name, 'equals', wanted #>> '{}', false);
        WHEN 'array' THEN
            IF NOT jsonb_path_exists(wanted, 'strict $[*] ? (@.type() != "string")') THEN
                SELECT format('%s = ANY (%L::text[])', bare,
                    coalesce(array_agg(CASE WHEN bare = name THEN w.value ELSE lower(w.value) END), '{}'))
                INTO condition FROM jsonb_array_elements_text(wanted) AS w (value);
            END IF;
        WHEN 'object' THEN
            SELECT min(k) INTO operator FROM jsonb_object_keys(wanted - 'case_sensitive') AS k HAVING count(*) = 1;
            IF jsonb_typeof(wanted -> operator) = 'string'
                AND coalesce(jsonb_typeof(wanted -> 'case_sensitive') = 'boolean', true)
            THEN
                condition := userlock_private.text_condition(name, operator, wanted ->> operator,
                    coalesce((wanted -> 'case_sensitive')::boolean, false));
            END IF;
        ELSE NULL;
    END CASE;
    IF condition IS NULL THEN
        PERFORM userlock_private.raise('filter_invalid');
    END IF;
    RETURN condition;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.member_condition FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.member_condition IS
'What a filter asks of the user id or of the profile, as SQL. Error: PT422 filter_invalid.';

CREATE FUNCTION userlock_private.state_condition(wanted jsonb)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    states text[];
BEGIN
    IF jsonb_typeof(wanted) = 'string' THEN
        wanted := jsonb_build_array(wanted);
    END IF;
    IF jsonb_typeof(wanted) IS DISTINCT FROM 'array'
        OR jsonb_path_exists(wanted, 'strict $[*] ? (@ != "active" && @ != "locked" && @ != "blocked" && @ != "locked+blocked" || @.type() != "string")')
    THEN
        PERFORM userlock_private.raise('filter_invalid');
    END IF;
    states := ARRAY(SELECT jsonb_array_elements_text(wanted));
    -- Of whoever is restricted there is an index.
    RETURN concat(
        CASE WHEN 'active' <> ALL (states) THEN 'written_state OPERATOR(userlock.<>) ''active''::userlock.user_lock_state AND ' END,
        format('state OPERATOR(userlock.=) ANY (%L::userlock.user_lock_state[])', states));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.state_condition FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.state_condition IS
'What a filter asks of the state, as SQL. Error: PT422 filter_invalid.';

CREATE FUNCTION userlock_private.filter_condition(filter jsonb, depth integer DEFAULT 0)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    member record;
    parts text[] := '{}';
BEGIN
    -- The size in memory: as text, numbers may have very many digits.  Few objects,
    -- because each is asked of every user where no index helps.
    IF jsonb_typeof(filter) IS DISTINCT FROM 'object' OR depth > 32 OR pg_column_size(filter) > 262144
        OR depth = 0 AND (SELECT count(*) > 200 FROM jsonb_path_query(filter, 'strict $.** ? (@.type() == "object")'))
    THEN
        PERFORM userlock_private.raise('filter_invalid');
    END IF;
    FOR member IN SELECT m.key AS name, m.value AS wanted FROM jsonb_each(filter) AS m LOOP
        IF member.name = ANY ('{and,or}'::text[]) AND jsonb_typeof(member.wanted) = 'array' THEN
            parts := parts || coalesce(
                (SELECT '(' || string_agg('(' || userlock_private.filter_condition(w.value, depth + 1) || ')', upper(' ' || member.name || ' ')) || ')'
                 FROM jsonb_array_elements(member.wanted) AS w),
                (member.name = 'and')::text);
        ELSIF member.name = 'not' THEN
            parts := parts || format('(%s) IS NOT TRUE', userlock_private.filter_condition(member.wanted, depth + 1));
        ELSIF member.name = 'state' THEN
            parts := parts || userlock_private.state_condition(member.wanted);
        ELSIF member.name = 'integer_id' AND jsonb_typeof(member.wanted) = 'boolean' THEN
            parts := parts || format('(userlock_private.integer_id(user_id) IS NOT NULL) = %s', member.wanted);
        ELSE
            parts := parts || userlock_private.member_condition(member.name, member.wanted);
        END IF;
    END LOOP;
    RETURN coalesce(nullif(array_to_string(parts, ' AND '), ''), 'true');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.filter_condition FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.filter_condition IS
'A filter of find_users() as a condition in SQL. Error: PT422 filter_invalid.';

-- The planner finds the few of one index by itself, but not those of several that an
-- "or" is about.  Then their ids are collected first.
CREATE FUNCTION userlock_private.filter_candidates(filter jsonb, tenant text, is_alternative boolean DEFAULT false)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    member record;
    candidates text;
BEGIN
    FOR member IN SELECT m.key AS name, m.value AS wanted FROM jsonb_each(filter) AS m LOOP
        candidates := NULL;
        IF member.name = 'or' THEN
            SELECT string_agg(c.candidates, ' UNION ALL ') INTO candidates
            FROM jsonb_array_elements(member.wanted) AS w,
                userlock_private.filter_candidates(w.value, tenant, true) AS c (candidates)
            HAVING bool_and(c.candidates IS NOT NULL);
        ELSIF member.name = 'and' THEN
            SELECT min(c.candidates) INTO candidates
            FROM jsonb_array_elements(member.wanted) AS w,
                userlock_private.filter_candidates(w.value, tenant, is_alternative) AS c (candidates);
        ELSIF is_alternative AND member.name <> ALL ('{not,state}'::text[])
            AND (jsonb_typeof(member.wanted) = ANY ('{string,array}'::text[]) OR member.wanted ?| '{equals,prefix}'::text[])
        THEN
            candidates := format('SELECT user_id FROM userlock_private.%I WHERE tenant = %L AND %s',
                CASE member.name WHEN 'user_id' THEN 'account' ELSE 'profile' END,
                tenant, userlock_private.member_condition(member.name, member.wanted));
        END IF;
        IF candidates IS NOT NULL THEN
            RETURN candidates;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.filter_candidates FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.filter_candidates IS
'A query for the ids among which all are that a filter finds, each part of it by an index; NULL: there is none, or none is needed. The filter is valid.';

CREATE FUNCTION userlock_private.found_users(filter jsonb, tenant text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    condition text := userlock_private.filter_condition(coalesce(filter, '{}'));
    candidates text := userlock_private.filter_candidates(filter, tenant);
BEGIN
    RETURN format('userlock_private.visible_user WHERE tenant = %L AND (%s)', tenant, condition)
        || coalesce(' AND user_id IN (' || candidates || ')', '');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.found_users FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.found_users IS
'The users of a tenant that a filter finds, as what follows FROM in a query. Error: PT422 filter_invalid.';

CREATE FUNCTION userlock.find_users(
    filter jsonb DEFAULT NULL,
    order_by text DEFAULT 'user_id',
    descending boolean DEFAULT false,
    page_size integer DEFAULT 100,
    skip bigint DEFAULT 0,
    tenant text DEFAULT NULL)
RETURNS SETOF userlock.users
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own_tenant text := userlock_private.require_tenant(tenant, false);
    sort_key text := CASE
        -- Whoever has no user name goes by the id.
        WHEN order_by = 'user_name' THEN 'coalesce(user_name_lower, lower(user_id))'
        WHEN order_by = ANY ('{email,display_name}'::text[]) THEN order_by || '_lower'
        WHEN order_by = 'integer_id' THEN 'userlock_private.integer_id(user_id)'
        WHEN order_by = ANY ('{user_id,external_id,state,sequence,created_at,changed_at}'::text[]) THEN order_by
    END;
BEGIN
    IF (sort_key IS NOT NULL AND descending IS NOT NULL AND page_size BETWEEN 0 AND 10000 AND skip >= 0) IS NOT TRUE THEN
        PERFORM userlock_private.raise('page_invalid');
    END IF;
    -- The profiles of the page are looked up one by one, which the inner LIMIT enforces:
    -- else, of a tenant whose size the planner misjudges, it may compare all accounts
    -- with all profiles.  Where filter and order ask for no profile, none is joined.
    RETURN QUERY EXECUTE format(
        'SELECT page.tenant, page.user_id, page.state, page.sequence, page.created_at, page.changed_at,'
        ' page.locked_until, page.blocked_until, profile.user_name, profile.external_id, profile.email,'
        ' profile.display_name, profile.user_name_lower, profile.email_lower, profile.display_name_lower'
        ' FROM (SELECT tenant, user_id, state, sequence, created_at, changed_at, locked_until, blocked_until, %2$s AS sort_key'
        '  FROM %1$s ORDER BY %2$s %3$s, user_id LIMIT %4$s OFFSET %5$s) AS page'
        ' LEFT JOIN LATERAL (SELECT * FROM userlock_private.profile'
        '  WHERE tenant = page.tenant AND user_id = page.user_id LIMIT 1) AS profile ON true'
        ' ORDER BY page.sort_key %3$s, page.user_id',
        userlock_private.found_users(filter, own_tenant),
        sort_key, CASE WHEN descending THEN 'DESC NULLS LAST' END, page_size, skip);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.find_users FROM PUBLIC;
COMMENT ON FUNCTION userlock.find_users IS
$$A page of the users of one tenant that a filter finds; NULL: of all.

filter: an object all of whose members hold. user_id, user_name, external_id, email, display_name: a text (equal; the names and the address in any case), null (has none), an array of texts (one of them), or an object with a text equals, prefix, suffix, contains or after, and maybe case_sensitive. integer_id: true or false, is the id a number from 1 to 2147483647, written as numbers are? state: a state, or an array of them. and, or: arrays of filters; not: a filter. order_by: a column of users that is not *_lower, locked_until or blocked_until; or integer_id, for the order of numbers; whoever has none comes last; ties by user_id. page_size: 0 to 10000. skip: how many come before the page; better, for the next page by user_id, ask for those after the last. tenant: NULL means the caller's own. Works in read-only transactions and on standbys. Errors: PT401 malformed claims, PT403 not the caller's tenant, PT422 invalid argument.$$;

CREATE FUNCTION userlock.count_users(filter jsonb DEFAULT NULL, tenant text DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own_tenant text := userlock_private.require_tenant(tenant, false);
    found bigint;
BEGIN
    EXECUTE 'SELECT count(*) FROM ' || userlock_private.found_users(filter, own_tenant) INTO found;
    RETURN found;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.count_users FROM PUBLIC;
COMMENT ON FUNCTION userlock.count_users IS
$$How many users of one tenant a filter of find_users() finds, exactly; NULL: how many there are. Counts them one by one.

Errors: PT401 malformed claims, PT403 not the caller's tenant, PT422 invalid argument.$$;
--
-- Maintenance
--

CREATE FUNCTION userlock.expire()
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_expire';

REVOKE EXECUTE ON FUNCTION userlock.expire FROM PUBLIC;
COMMENT ON FUNCTION userlock.expire IS
$$Writes into history every restriction that has ended by itself, at the moment it ended; returns how many. A user who is being changed is passed over.

Nothing depends on it: an end counts from its moment on, written or not. For those who read the tables by other means than the views, or want to see expiries in a change stream.$$;

CREATE FUNCTION userlock_private.find_problems(only_tenant text)
RETURNS TABLE (tenant text, user_id text, problem text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
-- Of one tenant by index: the plan must know whether there is one.
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH chained AS (
        SELECT
            e.*,
            lag(e.sequence) OVER history AS sequence_before,
            -- Below where a history was pruned is only what restricted.
            count(*) FILTER (WHERE e.kind <> 'locked' AND e.kind <> 'blocked') OVER history = 1 AS is_first,
            lag(e.to_state) OVER history AS state_before,
            lag(e.from_state) OVER history AS state_left,
            lag(e.at) OVER history AS at_before,
            -- The clock had been set back: the event comes right after the one before, and
            -- an end that it gives is the clock's.
            e.at = (lag(e.at) OVER history + '1 microsecond'::interval) AS pushed
        FROM userlock_private.visible_event AS e
        WHERE only_tenant IS NULL OR e.tenant = only_tenant
        WINDOW history AS (PARTITION BY e.tenant, e.user_id ORDER BY e.sequence)
    ), judged AS (
        SELECT
            c.*,
            CASE
                -- Whoever comes back is at most as restricted as they left.
                WHEN c.kind = 'registered' THEN
                    c.from_state IS NULL
                    AND (NOT userlock.is_locked(c.to_state) OR userlock.is_locked(c.state_left))
                    AND (NOT userlock.is_blocked(c.to_state) OR userlock.is_blocked(c.state_left))
                WHEN c.kind = 'locked' THEN
                    c.to_state OPERATOR(userlock.=) userlock.next_state(c.from_state, 'lock')
                    AND coalesce(c.until > c.at OR c.pushed, true)
                WHEN c.kind = 'unlocked' THEN
                    c.to_state OPERATOR(userlock.=) userlock.next_state(c.from_state, 'unlock')
                WHEN c.kind = 'lock_expired' THEN
                    c.to_state OPERATOR(userlock.=) userlock.next_state(c.from_state, 'unlock')
                    AND c.until <= c.at AND c.at = greatest(c.until, c.at_before)
                WHEN c.kind = 'blocked' THEN
                    c.to_state OPERATOR(userlock.=) userlock.next_state(c.from_state, 'block')
                    AND coalesce(c.until > c.at OR c.pushed, true)
                WHEN c.kind = 'unblocked' THEN
                    c.to_state OPERATOR(userlock.=) userlock.next_state(c.from_state, 'unblock')
                WHEN c.kind = 'block_expired' THEN
                    c.to_state OPERATOR(userlock.=) userlock.next_state(c.from_state, 'unblock')
                    AND c.until <= c.at AND c.at = greatest(c.until, c.at_before)
                WHEN c.kind = ANY ('{access_revoked,profile_changed}'::text[]) THEN
                    c.to_state OPERATOR(userlock.=) c.from_state
                WHEN c.kind = 'access_floor_reset' THEN
                    c.to_state OPERATOR(userlock.=) c.from_state AND c.at <= c.at_before
                WHEN c.kind = 'deleted' THEN
                    c.from_state IS NOT NULL AND c.to_state IS NULL
                WHEN c.kind = 'pruned' THEN
                    c.is_first AND (c.from_state IS NOT NULL OR c.to_state IS NOT NULL)
            END AS lawful
        FROM chained AS c
    ), folded AS (
        -- No joins: with statistics that are out of date, they would take for ever.
        SELECT
            e.tenant, e.user_id,
            (array_agg(e.to_state ORDER BY e.sequence DESC))[1] AS state,
            max(e.sequence) AS sequence,
            (array_agg(e.began ORDER BY e.sequence DESC)
                FILTER (WHERE e.kind = ANY ('{registered,pruned}'::text[])))[1] AS created_at,
            (array_agg(e.at ORDER BY e.sequence DESC))[1] AS changed_at,
            (array_agg(e.until ORDER BY e.sequence DESC)
                FILTER (WHERE e.kind = 'locked'))[1] AS locked_until,
            (array_agg(e.until ORDER BY e.sequence DESC)
                FILTER (WHERE e.kind = 'blocked'))[1] AS blocked_until,
            (array_agg(e.at ORDER BY e.sequence DESC)
                FILTER (WHERE e.kind = 'locked'))[1] AS locked_at,
            (array_agg(e.at ORDER BY e.sequence DESC)
                FILTER (WHERE e.kind = 'blocked'))[1] AS blocked_at,
            max(e.sequence) FILTER (WHERE e.kind = 'locked') AS lock_sequence,
            max(e.sequence) FILTER (WHERE e.kind = 'blocked') AS block_sequence,
            (array_agg(e.floor ORDER BY e.sequence DESC)
                FILTER (WHERE e.kind = 'pruned' OR userlock_private.voids_tokens(e.kind, e.sequence)))[1] AS access_valid_after
        FROM (
            SELECT v.tenant, v.user_id, v.sequence, v.kind, v.to_state, v.at, v.until,
                CASE v.kind WHEN 'pruned' THEN (v.details ->> 'created_at')::timestamptz ELSE v.at END AS began,
                CASE v.kind WHEN 'pruned' THEN (v.details ->> 'access_valid_after')::timestamptz ELSE v.at END AS floor
            FROM userlock_private.visible_event AS v
            WHERE only_tenant IS NULL OR v.tenant = only_tenant) AS e
        GROUP BY e.tenant, e.user_id
    ), living AS (
        -- What is over counts no more.
        SELECT
            f.tenant, f.user_id, f.state, f.sequence, f.created_at, f.changed_at,
            CASE WHEN userlock.is_locked(f.state) THEN f.locked_until END AS locked_until,
            CASE WHEN userlock.is_blocked(f.state) THEN f.blocked_until END AS blocked_until,
            CASE WHEN userlock.is_locked(f.state) THEN f.lock_sequence END AS lock_sequence,
            CASE WHEN userlock.is_blocked(f.state) THEN f.block_sequence END AS block_sequence,
            f.access_valid_after,
            CASE WHEN userlock.is_locked(f.state) THEN f.locked_at END AS locked_at,
            CASE WHEN userlock.is_blocked(f.state) THEN f.blocked_at END AS blocked_at
        FROM folded AS f
        WHERE f.state IS NOT NULL
    ), written AS (
        -- The same columns in the same order.
        SELECT
            a.tenant, a.user_id, a.state, a.sequence, a.created_at, a.changed_at,
            a.locked_until, a.blocked_until, a.lock_sequence, a.block_sequence,
            a.access_valid_after, a.locked_at, a.blocked_at
        FROM userlock_private.visible_account AS a
        WHERE only_tenant IS NULL OR a.tenant = only_tenant
    ), problems AS (
        SELECT
            c.tenant, c.user_id, c.sequence,
            CASE
                -- Nothing is left that it would follow.
                WHEN c.kind = 'pruned' THEN
                    CASE WHEN c.lawful IS NOT TRUE THEN format('event %s is no lawful step', c.sequence) END
                WHEN c.sequence <> coalesce(c.sequence_before, 0) + 1 THEN
                    format('event %s is missing', coalesce(c.sequence_before, 0) + 1)
                WHEN (c.from_state IS NULL) <> (c.state_before IS NULL)
                    OR c.from_state OPERATOR(userlock.<>) c.state_before THEN
                    format('event %s does not begin where the one before ended', c.sequence)
                WHEN c.at < c.at_before AND c.kind <> 'access_floor_reset' THEN
                    format('event %s happened before the one before', c.sequence)
                WHEN c.lawful IS NOT TRUE THEN
                    format('event %s is no lawful step', c.sequence)
            END AS problem,
            c.to_state OPERATOR(userlock.=) userlock.next_state(c.from_state, CASE c.kind WHEN 'locked' THEN 'lock' WHEN 'blocked' THEN 'block' END) AS may_be_kept
        FROM judged AS c
        UNION ALL
        SELECT
            coalesce(a.tenant, f.tenant), coalesce(a.user_id, f.user_id), NULL,
            CASE
                WHEN a.user_id IS NULL THEN 'there is a history but no account'
                WHEN f.user_id IS NULL THEN 'there is an account but no history'
                WHEN a.* <> f.* THEN 'the account is not what its history says'
            END,
            false
        FROM written AS a
        FULL JOIN living AS f
            ON a.tenant = f.tenant AND a.user_id = f.user_id
    )
    SELECT DISTINCT ON (p.tenant, p.user_id) p.tenant, p.user_id, p.problem
    FROM problems AS p
    WHERE p.problem IS NOT NULL
        -- What a restriction was set by stays when the events around it are dropped.
        AND NOT (p.may_be_kept IS TRUE AND EXISTS (
            SELECT FROM userlock_private.event AS e
            WHERE e.tenant = p.tenant AND e.user_id = p.user_id AND e.sequence > p.sequence AND e.kind = 'pruned'))
    ORDER BY p.tenant, p.user_id, p.sequence NULLS LAST;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.find_problems FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.find_problems IS
'What verify() finds, in one tenant or (NULL) in all that the caller may see.';

CREATE FUNCTION userlock.verify(
    tenant text DEFAULT NULL,
    OUT tenant text,
    OUT user_id text,
    OUT problem text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT p.tenant, p.user_id, p.problem
    FROM userlock_private.find_problems(CASE WHEN userlock_private.require_tenant($1, false) IS NOT NULL THEN $1 END) AS p;
END;

REVOKE EXECUTE ON FUNCTION userlock.verify FROM PUBLIC;
COMMENT ON FUNCTION userlock.verify IS
$$Every account that is not the fold of its events, with the first thing that is wrong; no rows: all is well.

tenant: its users alone, by index; NULL means all that the caller's claims list, and without claims all that there are, for which both tables are read whole. Of a history that was pruned, what stays is judged. Errors: PT401 malformed claims, PT403 not the caller's tenant.$$;
--
-- Retention: history that is older than it must be is dropped
--
-- Of each user the oldest events go, up to one that stays as a checkpoint: it keeps
-- its number, its moment and its states, and says in its details what no event tells
-- any more: nothing about persons.  So numbers go on, verify() counts from there, and
-- a transition never waits for this, nor this for a transition: that adds events,
-- and refers to none but those that stay.
--

CREATE FUNCTION userlock_private.restricting_events(tenant text, user_id text)
RETURNS bigint[]
LANGUAGE plpgsql STABLE PARALLEL SAFE COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    events bigint[];
    left_in userlock.user_lock_state;
BEGIN
    SELECT ARRAY[a.lock_sequence, a.block_sequence] INTO events FROM userlock_private.account AS a
    WHERE a.tenant = restricting_events.tenant AND a.user_id = restricting_events.user_id;
    IF NOT FOUND THEN
        -- Whoever was deleted comes back as restricted as they left.
        SELECT e.from_state INTO left_in FROM userlock_private.event AS e
        WHERE e.tenant = restricting_events.tenant AND e.user_id = restricting_events.user_id
        ORDER BY e.sequence DESC LIMIT 1;
        events := ARRAY(
            SELECT (SELECT CASE WHEN coalesce(e.until > clock_timestamp(), true) THEN e.sequence END
                FROM userlock_private.event AS e
                WHERE e.tenant = restricting_events.tenant AND e.user_id = restricting_events.user_id AND e.kind = restriction.set_by
                ORDER BY e.sequence DESC LIMIT 1)
            FROM (VALUES ('locked', userlock.is_locked(left_in)), ('blocked', userlock.is_blocked(left_in))) AS restriction (set_by, held)
            WHERE restriction.held);
    END IF;
    RETURN array_remove(events, NULL);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.restricting_events FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.restricting_events IS
'The numbers of the events that set the restrictions which an account has, or which whoever was deleted would come back with.';

CREATE FUNCTION userlock.prune_history(
    before timestamptz,
    tenant text DEFAULT NULL,
    max_users integer DEFAULT 10000)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- Each user is looked up by index, whatever is known of the size of tables.
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $$
DECLARE
    pruned bigint;
BEGIN
    PERFORM userlock_private.require_tenant(tenant, false);
    IF (before <= clock_timestamp() - '7 days'::interval AND max_users > 0) IS NOT TRUE THEN
        PERFORM userlock_private.raise('retention_invalid');
    END IF;
    -- Of two at once the second waits, and then sees what the first has done.
    PERFORM userlock_private.take_turns('userlock_private.event', '', false);
    -- Numbers are counted on from events that must still be there.
    IF userlock_private.counted_from() < before THEN
        PERFORM userlock.refresh_statistics();
    END IF;

    WITH chosen AS MATERIALIZED (
        -- Who has something to drop: of each user the first event that may go is found, and
        -- no more of them is read than it takes.
        SELECT e.tenant, e.user_id
        FROM userlock_private.event AS e
        WHERE e.at < before AND e.kind <> 'pruned'
            AND (prune_history.tenant IS NULL OR e.tenant = prune_history.tenant)
            AND userlock_private.tenant_is_visible(e.tenant)
            AND (SELECT p.sequence FROM userlock_private.event AS p
                WHERE p.tenant = e.tenant AND p.user_id = e.user_id AND p.sequence < e.sequence
                    AND p.kind <> 'pruned'
                    AND NOT (p.kind = ANY ('{locked,blocked}'::text[])
                        AND p.sequence = ANY (userlock_private.restricting_events(p.tenant, p.user_id)))
                ORDER BY p.sequence LIMIT 1) IS NULL
            AND NOT (e.kind = ANY ('{locked,blocked}'::text[])
                AND e.sequence = ANY (userlock_private.restricting_events(e.tenant, e.user_id)))
        LIMIT max_users
    ), history AS (
        SELECT e.tenant, e.user_id, e.sequence, e.kind, e.at, e.details,
            e.kind <> 'pruned' AND e.sequence <> ALL (c.restricting) AS may_go
        FROM (SELECT u.tenant, u.user_id, userlock_private.restricting_events(u.tenant, u.user_id) AS restricting FROM chosen AS u OFFSET 0) AS c
        CROSS JOIN LATERAL (
            SELECT * FROM userlock_private.event AS e
            WHERE e.tenant = c.tenant AND e.user_id = c.user_id OFFSET 0) AS e
    ), bounded AS (
        -- In the order of numbers, not of time: the clock may have been wrong.
        SELECT h.*, h.may_go AND h.sequence < coalesce(
                min(h.sequence) FILTER (WHERE h.may_go AND h.at >= before) OVER of_user, 9223372036854775807) AS goes
        FROM history AS h
        WINDOW of_user AS (PARTITION BY h.tenant, h.user_id)
    ), divided AS MATERIALIZED (
        SELECT b.*, max(b.sequence) FILTER (WHERE b.goes OR b.kind = 'pruned') OVER of_user AS checkpoint
        FROM bounded AS b
        WINDOW of_user AS (PARTITION BY b.tenant, b.user_id)
    ), folded AS MATERIALIZED (
        SELECT d.tenant, d.user_id, d.checkpoint, jsonb_strip_nulls(jsonb_build_object(
            'created_at', (array_agg(CASE d.kind WHEN 'pruned' THEN d.details -> 'created_at' ELSE to_jsonb(d.at) END ORDER BY d.sequence DESC)
                FILTER (WHERE d.kind = ANY ('{pruned,registered}'::text[])))[1],
            'access_valid_after', (array_agg(CASE d.kind WHEN 'pruned' THEN d.details -> 'access_valid_after' ELSE to_jsonb(d.at) END ORDER BY d.sequence DESC)
                FILTER (WHERE d.kind = 'pruned' OR userlock_private.voids_tokens(d.kind, d.sequence)))[1],
            'failures_forgotten', (array_agg(CASE d.kind WHEN 'pruned' THEN d.details -> 'failures_forgotten' ELSE to_jsonb(d.sequence) END ORDER BY d.sequence DESC)
                FILTER (WHERE d.kind = 'pruned' OR userlock_private.forgets_failures(d.kind)))[1])) AS details
        FROM divided AS d
        WHERE d.sequence <= d.checkpoint
        GROUP BY d.tenant, d.user_id, d.checkpoint
    ), marked AS (
        UPDATE userlock_private.event AS e
        SET kind = 'pruned', actor = NULL, reason = NULL, until = NULL, details = f.details, attributes = NULL, batch = NULL
        FROM folded AS f
        WHERE e.tenant = f.tenant AND e.user_id = f.user_id AND e.sequence = f.checkpoint AND e.kind <> 'pruned'
    ), dropped AS (
        DELETE FROM userlock_private.event AS e
        USING divided AS d
        WHERE (d.goes OR d.kind = 'pruned') AND d.sequence < d.checkpoint
            AND e.tenant = d.tenant AND e.user_id = d.user_id AND e.sequence = d.sequence
    )
    SELECT count(*) INTO pruned FROM divided AS d WHERE d.goes;
    RETURN pruned;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.prune_history FROM PUBLIC;
COMMENT ON FUNCTION userlock.prune_history IS
$$Drops the events that happened before a moment, of at most so many users, and returns how many; 0: there are none left. The last of each user stays as an event pruned, without actor, reason and details; so does, as it is, what set a restriction that holds.

before: at least 7 days ago. tenant: NULL means all that the caller's claims list, and without claims all that there are. max_users: call it again, and commit in between, until it returns 0. verify() goes on from what stays. Errors: PT401 malformed claims, PT403 not the caller's tenant, PT422 invalid argument.$$;

CREATE FUNCTION userlock.export_user(
    user_id text,
    tenant text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own_tenant text := userlock_private.require_tenant(tenant, false);
    status jsonb;
    profile jsonb;
    history jsonb;
    failures jsonb;
BEGIN
    IF NOT userlock_private.name_is_valid(own_tenant) THEN
        PERFORM userlock_private.raise('tenant_invalid', NULL, own_tenant);
    ELSIF NOT userlock_private.name_is_valid(user_id) THEN
        PERFORM userlock_private.raise('user_id_invalid', user_id);
    END IF;
    SELECT jsonb_build_object('state', u.state, 'sequence', u.sequence, 'created_at', u.created_at, 'changed_at', u.changed_at,
            'locked_until', u.locked_until, 'blocked_until', u.blocked_until, 'access_valid_after', a.access_valid_after)
        INTO status
    FROM userlock_private.visible_user AS u
    JOIN userlock_private.account AS a ON a.tenant = u.tenant AND a.user_id = u.user_id
    WHERE u.tenant = own_tenant AND u.user_id = export_user.user_id;
    SELECT p.document INTO profile FROM userlock_private.profile AS p
    WHERE p.tenant = own_tenant AND p.user_id = export_user.user_id;
    SELECT jsonb_agg(to_jsonb(h) - '{tenant,user_id}'::text[] ORDER BY h.sequence) INTO history
    FROM userlock_private.visible_history AS h
    WHERE h.tenant = own_tenant AND h.user_id = export_user.user_id;
    SELECT jsonb_agg(to_jsonb(f) - '{tenant,user_id}'::text[] ORDER BY f.address) INTO failures
    FROM userlock_private.login_failure AS f
    WHERE f.tenant = own_tenant AND f.user_id = export_user.user_id;

    IF coalesce(status, history, failures) IS NULL THEN
        PERFORM userlock_private.raise('user_not_found', user_id, own_tenant);
    END IF;
    RETURN jsonb_build_object('tenant', own_tenant, 'user_id', user_id, 'status', status, 'profile', profile,
        'history', coalesce(history, '[]'), 'login_failures', coalesce(failures, '[]'));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.export_user FROM PUBLIC;
COMMENT ON FUNCTION userlock.export_user IS
$$All that is kept of one user: status (null: deleted), profile (null: none), history in order, login_failures; for whoever asks what is known of them, and for whoever looks into a case.

It has personal data, also of others: actors. tenant: NULL means the caller's own. Works in read-only transactions and on standbys. Errors: PT401 malformed claims, PT403 not the caller's tenant, PT404 nothing is kept of such a user, PT422 invalid argument.$$;
--
-- Erasure: a person's data is removed for good
--
-- What remains is what keeps old tokens void should the id be used again: a moment
-- under a keyed hash of the id, and of the id nothing.  The keys are in a table of
-- their own: the hashes alone, in whatever hands, do not tell whether an id is among
-- them.  Whoever has both may try ids.
--

CREATE TABLE userlock_private.erasure_key (
    tenant text COLLATE "C" PRIMARY KEY,
    key bytea NOT NULL
);

COMMENT ON TABLE userlock_private.erasure_key IS
'For each tenant in which somebody was erased, what their ids are hashed with.';
COMMENT ON COLUMN userlock_private.erasure_key.tenant IS
'Whose key it is.';
COMMENT ON COLUMN userlock_private.erasure_key.key IS
'32 random bytes, made at the first erasure.';

CREATE TABLE userlock_private.erasure (
    tenant text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    access_valid_after timestamptz NOT NULL,
    PRIMARY KEY (tenant, digest)
);

COMMENT ON TABLE userlock_private.erasure IS
'What remains of users who were erased: from when on a token of the id may be good.';
COMMENT ON COLUMN userlock_private.erasure.tenant IS
'The organisation that owned the user.';
COMMENT ON COLUMN userlock_private.erasure.digest IS
'HMAC-SHA256 of the user id (in UTF-8), with the tenant''s key.';
COMMENT ON COLUMN userlock_private.erasure.access_valid_after IS
'When the user was erased: tokens issued before are void.';

SELECT pg_extension_config_dump('userlock_private.erasure_key', '');
SELECT pg_extension_config_dump('userlock_private.erasure', '');

CREATE FUNCTION userlock.erase_user(
    user_id text,
    tenant text DEFAULT NULL,
    OUT events bigint,
    OUT login_failures bigint,
    OUT access_valid_after timestamptz)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_erase_user';

REVOKE EXECUTE ON FUNCTION userlock.erase_user FROM PUBLIC;
COMMENT ON FUNCTION userlock.erase_user IS
$$Removes all that is kept of a user, for good: account, profile, history, restrictions, counts of failed logins. Tokens issued until now stay void, also when the id is used again.

tenant: NULL means the caller's own. events, login_failures: how many there were. access_valid_after: tokens issued before it are void. What the user did to others stays in their histories. Errors: PT400 an adopted table that the user came from has their row, PT403 not the caller's tenant, PT404 nothing is kept of such a user, PT422 invalid argument.$$;
--
-- Existing tables of users: their rows become users, and are followed
--
-- C functions throughout: the tables belong to others, whose casts, indexes and
-- policies must not be evaluated with our rights.
--

-- EXECUTE is for those who make partitions of an adopted table: the server copies
-- the trigger in their name.
CREATE FUNCTION userlock.follow_row()
RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_follow_row';

REVOKE EXECUTE ON FUNCTION userlock.follow_row FROM PUBLIC;
COMMENT ON FUNCTION userlock.follow_row IS
'Trigger of an adopted table and its partitions, after each row; of a partitioned one also before UPDATE, where the id of a restricted user stays: PT400 user_restricted. Arguments: the adoption, the tenant of rows that name none, and what the columns of UPDATE OF are for: id, tenant, user_name, email, or several of these joined by +; without that the id and, if there are two, the tenant.';

CREATE FUNCTION userlock_private.follow_truncate()
RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_follow_truncate';

REVOKE EXECUTE ON FUNCTION userlock_private.follow_truncate FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.follow_truncate IS
'Trigger of each table that holds rows of an adopted one, before TRUNCATE. Argument: the adoption.';

CREATE FUNCTION userlock_private.follow_partitions()
RETURNS event_trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_follow_partitions';

REVOKE EXECUTE ON FUNCTION userlock_private.follow_partitions FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.follow_partitions IS
'Event trigger after CREATE TABLE and ALTER TABLE: the rows of a partition that an adopted table gains become users, and those of one that it loses leave.';

CREATE EVENT TRIGGER userlock_follow_partitions ON ddl_command_end
WHEN TAG IN ('CREATE TABLE', 'CREATE FOREIGN TABLE', 'CREATE SCHEMA', 'ALTER TABLE')
EXECUTE FUNCTION userlock_private.follow_partitions();

COMMENT ON EVENT TRIGGER userlock_follow_partitions IS
'Has partitions of adopted tables followed from the moment on that they are attached.';

CREATE FUNCTION userlock.adopt(
    users regclass,
    id_column name,
    tenant_column name DEFAULT NULL,
    user_name_column name DEFAULT NULL,
    email_column name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_adopt';

REVOKE EXECUTE ON FUNCTION userlock.adopt FROM PUBLIC;
COMMENT ON FUNCTION userlock.adopt IS
$$Registers the rows of a table as users, and has its inserts, deletes, changed ids and TRUNCATE followed from now on, by triggers; also what it calls its users, in their profiles.

users: a table that the caller owns. id_column: of type text, varchar, uuid, smallint, integer or bigint, as is tenant_column; NULL: all are in the caller's own tenant, and so are rows whose tenant is NULL. user_name_column, email_column: of type text, varchar or citext; what they say is the profile's userName and the primary one of its emails, the rest of it stays; NULL: not followed. Users registered already stay as they are, and stay when their row goes. Whoever comes back is as restricted as they left. Returns how many were registered; a NOTICE tells after each 100000 rows. Errors, also of the rows that come later: 42501 not the owner, PT403 a row of a tenant that is not the caller's, PT409 a user name that another user of the tenant has, PT422 no such columns, or a row whose id, user name or e-mail address no user can have.$$;

CREATE FUNCTION userlock.release(users regclass)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_release';

REVOKE EXECUTE ON FUNCTION userlock.release FROM PUBLIC;
COMMENT ON FUNCTION userlock.release IS
$$No longer follows a table that was adopted; its users stay registered, with their profiles. Does nothing to another table.

Error: 42501 the caller does not own it.$$;

--
-- For what watches from outside: metrics, and events for receivers downstream
--

--
-- Numbers.  Nobody counts ten million users for each scrape.  refresh_statistics()
-- counts them, and takes off what events later than a moment have added,
-- counted_from: that is the tally.  The view adds what the events later than that
-- moment add when it is read.  So it is exact, provided that no event which the count
-- did not see happened before that moment; and it takes what happened since.
--
-- No event is asked whether the count has seen it: a snapshot as SQL has it does not
-- tell for those of a subtransaction.
--

CREATE FUNCTION userlock_private.counted_from()
RETURNS timestamptz
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_counted_from';

GRANT EXECUTE ON FUNCTION userlock_private.counted_from TO PUBLIC;
COMMENT ON FUNCTION userlock_private.counted_from IS
'The moment after which events are to be added to the tally; NULL: nothing was counted.';

CREATE FUNCTION userlock_private.ends_from()
RETURNS timestamptz
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_ends_from';

GRANT EXECUTE ON FUNCTION userlock_private.ends_from TO PUBLIC;
COMMENT ON FUNCTION userlock_private.ends_from IS
'The moment before which no restriction has ended that is to be added to the tally; NULL: nothing was counted.';

-- An end that has passed is an event at its moment, written or not.
CREATE VIEW userlock_private.visible_change WITH (security_invoker) AS
SELECT event.tenant, event.user_id, event.kind, event.from_state, event.to_state
FROM userlock_private.visible_event AS event
WHERE event.at > userlock_private.counted_from()
UNION ALL
SELECT account.tenant, account.user_id, expiry.kind, expiry.from_state, expiry.to_state
FROM (SELECT userlock_private.present() AS now) AS clock
CROSS JOIN userlock_private.visible_account AS account
CROSS JOIN LATERAL userlock.pending_expiries(
    account.state, account.sequence, account.changed_at,
    account.locked_until, account.blocked_until, clock.now) AS expiry
WHERE least(account.locked_until, account.blocked_until) <= clock.now
AND least(account.locked_until, account.blocked_until) >= userlock_private.ends_from()
AND expiry.at > userlock_private.counted_from();

REVOKE ALL ON userlock_private.visible_change FROM PUBLIC;
GRANT SELECT ON userlock_private.visible_change TO PUBLIC;
COMMENT ON VIEW userlock_private.visible_change IS
'What the caller may see of the events that are to be added to the tally.';

-- Hashed and never sorted, nor compiled: the planner cannot tell how many events are
-- the latest, and takes them for too few or too many.
CREATE FUNCTION userlock_private.count_changes()
RETURNS TABLE (tenant text, kind text, from_state userlock.user_lock_state, to_state userlock.user_lock_state, value bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET enable_sort = off
SET jit = off
BEGIN ATOMIC
    SELECT change.tenant, change.kind, change.from_state, change.to_state, count(*)
    FROM userlock_private.visible_change AS change
    GROUP BY 1, 2, 3, 4;
END;

GRANT EXECUTE ON FUNCTION userlock_private.count_changes TO PUBLIC;
COMMENT ON FUNCTION userlock_private.count_changes IS
'How many events, of those that the caller may see, are to be added to the tally.';

-- What takes long: in functions that the planner does not look into, or it would
-- prepare for their reading tables whole also where none of them is called.

CREATE FUNCTION userlock_private.count_users(at timestamptz)
RETURNS TABLE (tenant text, label text, value bigint)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT counted.tenant, part.label, coalesce(part.value, 0)
    FROM (
        SELECT account.tenant,
            sum(account.users) FILTER (WHERE userlock.is_active(account.state))::bigint AS active,
            sum(account.users) FILTER (WHERE userlock.is_locked(account.state) AND NOT userlock.is_blocked(account.state))::bigint AS locked,
            sum(account.users) FILTER (WHERE userlock.is_blocked(account.state) AND NOT userlock.is_locked(account.state))::bigint AS blocked,
            sum(account.users) FILTER (WHERE userlock.is_locked(account.state) AND userlock.is_blocked(account.state))::bigint AS locked_and_blocked
        FROM (
            SELECT a.tenant, userlock.state_at(a.state, a.locked_until, a.blocked_until, count_users.at) AS state, count(*) AS users
            FROM userlock_private.visible_account AS a
            GROUP BY 1, 2
        ) AS account
        GROUP BY account.tenant
    ) AS counted
    CROSS JOIN LATERAL (VALUES
        ('active', counted.active), ('locked', counted.locked), ('blocked', counted.blocked), ('locked+blocked', counted.locked_and_blocked)
    ) AS part (label, value);
END;

GRANT EXECUTE ON FUNCTION userlock_private.count_users TO PUBLIC;
COMMENT ON FUNCTION userlock_private.count_users IS
'Reads the accounts that the caller may see: how many are in each state at a moment.';

CREATE FUNCTION userlock_private.count_events()
RETURNS TABLE (tenant text, label text, value bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT event.tenant, event.kind, count(*) FROM userlock_private.visible_history AS event GROUP BY 1, 2;
END;

GRANT EXECUTE ON FUNCTION userlock_private.count_events TO PUBLIC;
COMMENT ON FUNCTION userlock_private.count_events IS
'Reads the history that the caller may see: how many events there are of each kind.';

CREATE FUNCTION userlock_private.count_failed_logins()
RETURNS TABLE (tenant text, label text, value bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT failure.tenant, part.label, sum(part.value)::bigint
    FROM userlock_private.visible_login_failure AS failure
    CROSS JOIN LATERAL (VALUES
        ('counted', failure.tried), ('refused', failure.failures - failure.tried)
    ) AS part (label, value)
    GROUP BY 1, 2;
END;

GRANT EXECUTE ON FUNCTION userlock_private.count_failed_logins TO PUBLIC;
COMMENT ON FUNCTION userlock_private.count_failed_logins IS
'Reads the failed logins that the caller may see: how many were counted, and how many refused.';

CREATE VIEW userlock.statistics WITH (security_invoker) AS
SELECT 'users' AS metric, part.tenant, part.label, sum(part.value)::bigint AS value
FROM (
    SELECT tally.tenant, tally.label, tally.value FROM userlock_private.visible_tally AS tally WHERE tally.metric = 'users'
    UNION ALL
    SELECT change.tenant COLLATE "C", state.label::text, state.value
    FROM userlock_private.count_changes() AS change
    CROSS JOIN LATERAL (VALUES (change.from_state, - change.value), (change.to_state, change.value)) AS state (label, value)
    WHERE state.label IS NOT NULL
    UNION ALL
    SELECT counted.tenant COLLATE "C", counted.label, counted.value FROM userlock_private.count_users(userlock_private.present()) AS counted
    WHERE userlock_private.counted_from() IS NULL
) AS part
GROUP BY 2, 3
UNION ALL
SELECT 'events', part.tenant, part.label, sum(part.value)::bigint
FROM (
    SELECT tally.tenant, tally.label, tally.value FROM userlock_private.visible_tally AS tally WHERE tally.metric = 'events'
    UNION ALL
    SELECT change.tenant COLLATE "C", change.kind, change.value FROM userlock_private.count_changes() AS change
    UNION ALL
    SELECT counted.tenant COLLATE "C", counted.label, counted.value FROM userlock_private.count_events() AS counted
    WHERE userlock_private.counted_from() IS NULL
) AS part
GROUP BY 2, 3
UNION ALL
SELECT 'failed_logins', tally.tenant, tally.label, tally.value
FROM userlock_private.visible_tally AS tally WHERE tally.metric = 'failed_logins'
UNION ALL
SELECT 'failed_logins', counted.tenant COLLATE "C", counted.label, counted.value FROM userlock_private.count_failed_logins() AS counted
WHERE userlock_private.counted_from() IS NULL
UNION ALL
SELECT moment.metric, counting.tenant, '', moment.value
FROM userlock_private.visible_counting AS counting
CROSS JOIN LATERAL (VALUES
    ('counted_at', floor(extract(epoch FROM counting.counted_at))::bigint),
    ('verified_at', floor(extract(epoch FROM counting.verified_at))::bigint),
    ('verify_problems', counting.problems)
) AS moment (metric, value)
WHERE moment.value IS NOT NULL;

COMMENT ON VIEW userlock.statistics IS
'Numbers for a metrics exporter, a row for each metric, tenant and label. users: how many are in each state; events: how many there have been of each kind, a counter; failed_logins: since each user''s last success, counted towards a lock, or refused because there was one, as of counted_at; verify_problems: what verify() found at verified_at. Takes what happened since refresh_statistics(); without that, counts everything.';
COMMENT ON COLUMN userlock.statistics.metric IS
'users, events, failed_logins, counted_at, verified_at or verify_problems.';
COMMENT ON COLUMN userlock.statistics.tenant IS
'Whose users.';
COMMENT ON COLUMN userlock.statistics.label IS
'The state, the kind of event, counted or refused; else empty.';
COMMENT ON COLUMN userlock.statistics.value IS
'How many; of counted_at and verified_at the moment, in seconds since 1970.';

CREATE FUNCTION userlock.refresh_statistics(verify boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET request.jwt.claims = ''  -- all tenants, whoever asks
AS $$
DECLARE
    began_at timestamptz;
    problems jsonb;
    now timestamptz;
    last_from timestamptz;
    next_from timestamptz;
BEGIN
    -- Before the lock: it takes long.
    IF verify THEN
        began_at := clock_timestamp();
        problems := (SELECT coalesce(jsonb_object_agg(p.tenant, p.problems), '{}')
            FROM (SELECT v.tenant, count(*) AS problems FROM userlock.verify() AS v GROUP BY v.tenant) AS p);
    END IF;

    -- One at a time.
    LOCK TABLE userlock_private.tally IN EXCLUSIVE MODE;
    last_from := coalesce((SELECT c.counted_from FROM userlock_private.counting AS c LIMIT 1), '-infinity');

    -- What the count will not see is done by transactions that run now, or begin after
    -- now: nothing happens before the transaction that does it.  Whoever waits for a
    -- table may have looked at the clock without having written anything.  Some
    -- seconds more, as it takes a moment until all can be seen of a session.
    now := clock_timestamp();
    PERFORM pg_stat_clear_snapshot();
    next_from := least(now, (
        SELECT min(coalesce(a.xact_start, a.backend_start)) FROM pg_stat_activity AS a
        WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
        AND (a.backend_xid IS NOT NULL OR a.wait_event_type = 'Lock'))) - interval '10 seconds';
    -- Of a prepared transaction nobody knows when it began, and in a transaction that
    -- goes on seeing what it saw first, nobody knows who ran then.  What the last count
    -- did not see comes after its moment still.
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted')
        OR EXISTS (SELECT FROM pg_prepared_xacts AS p WHERE p.database = current_database()) THEN
        next_from := least(last_from, next_from);
    END IF;

    -- Users are counted; events are added to those counted before, which may be gone.
    -- All in one statement, as of one moment.
    WITH change AS (
        SELECT c.tenant, c.kind, c.from_state, c.to_state, c.at > last_from AS is_new, c.at > next_from AS is_later, count(*) AS events
        FROM (
            SELECT e.tenant, e.kind, e.from_state, e.to_state, e.at FROM userlock_private.event AS e
            UNION ALL
            SELECT a.tenant, e.kind, e.from_state, e.to_state, e.at
            FROM userlock_private.account AS a
            CROSS JOIN LATERAL userlock.pending_expiries(a.state, a.sequence, a.changed_at, a.locked_until, a.blocked_until, now) AS e
            WHERE least(a.locked_until, a.blocked_until) <= now
        ) AS c
        WHERE c.at > least(last_from, next_from)
        GROUP BY 1, 2, 3, 4, 5, 6
    )
    INSERT INTO userlock_private.tally AS t (tenant, metric, label, value)
    SELECT part.tenant, part.metric, part.label, sum(part.value)
    FROM (
        SELECT u.tenant COLLATE "C" AS tenant, 'users' AS metric, u.label, u.value FROM userlock_private.count_users(now) AS u
        UNION ALL
        SELECT c.tenant, 'users', s.label::text, s.value FROM change AS c
        CROSS JOIN LATERAL (VALUES (c.from_state, c.events), (c.to_state, - c.events)) AS s (label, value)
        WHERE c.is_later AND s.label IS NOT NULL
        UNION ALL
        SELECT f.tenant COLLATE "C", 'failed_logins', f.label, f.value FROM userlock_private.count_failed_logins() AS f
        UNION ALL
        SELECT c.tenant, 'events', c.kind, c.events * (c.is_new::int - c.is_later::int) FROM change AS c
        UNION ALL
        SELECT l.tenant, l.metric, l.label, CASE WHEN l.metric = 'events' THEN l.value ELSE 0 END FROM userlock_private.tally AS l
        UNION ALL
        -- What alerts watch begins at none: of a row that was not there, they see no growth.
        SELECT c.tenant, w.metric, w.label, 0
        FROM (SELECT DISTINCT change.tenant FROM change) AS c
        CROSS JOIN (VALUES ('events', 'locked'), ('failed_logins', 'counted'), ('failed_logins', 'refused')) AS w (metric, label)
    ) AS part
    GROUP BY 1, 2, 3
    ON CONFLICT ON CONSTRAINT tally_pkey DO UPDATE SET value = excluded.value WHERE t.value <> excluded.value;

    INSERT INTO userlock_private.counting AS c (tenant, counted_at, counted_from, ends_from, verified_at, problems)
    SELECT t.tenant, now, next_from, ends.since, began_at, CASE WHEN problems IS NOT NULL THEN coalesce((problems ->> t.tenant)::bigint, 0) END
    FROM (SELECT DISTINCT l.tenant FROM userlock_private.tally AS l) AS t
    CROSS JOIN (
        -- Of two ends the first may be over for long; and where the clock was set back, an
        -- event comes after the one before.
        SELECT coalesce(min(least(a.locked_until, a.blocked_until)), next_from) AS since FROM userlock_private.account AS a
        WHERE least(a.locked_until, a.blocked_until) <= next_from AND greatest(a.locked_until, a.blocked_until, a.changed_at) > next_from
    ) AS ends
    ON CONFLICT ON CONSTRAINT counting_pkey DO UPDATE SET counted_at = excluded.counted_at, counted_from = excluded.counted_from,
        ends_from = excluded.ends_from, verified_at = coalesce(excluded.verified_at, c.verified_at), problems = coalesce(excluded.problems, c.problems);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.refresh_statistics FROM PUBLIC;
COMMENT ON FUNCTION userlock.refresh_statistics IS
$$Counts users, events and failed logins of all tenants, so that statistics takes what happens from now on and no more; for pg_cron, every few minutes. verify: runs verify() too, which reads everything, and keeps how many problems it found; for once a day.

Nothing depends on it: without it, statistics counts everything. Events are counted on from the last time, so that their number never gets smaller, whatever becomes of history. While there are prepared transactions, and under REPEATABLE READ and SERIALIZABLE, statistics takes what has happened since the last time but one or longer.$$;

CREATE FUNCTION userlock_private.uncount(tenant text, user_id text, registered boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO userlock_private.tally AS t (tenant, metric, label, value)
    SELECT uncount.tenant, part.metric, part.label, sum(part.value)
    FROM (
        SELECT 'events' AS metric, c.kind AS label, 1 AS value FROM userlock_private.visible_change AS c
        WHERE c.tenant = uncount.tenant AND c.user_id = uncount.user_id
        UNION ALL
        SELECT 'users', s.label::text, s.value FROM userlock_private.visible_change AS c
        CROSS JOIN LATERAL (VALUES (c.from_state, -1), (c.to_state, 1)) AS s (label, value)
        WHERE c.tenant = uncount.tenant AND c.user_id = uncount.user_id AND s.label IS NOT NULL
        UNION ALL
        SELECT 'users', u.state::text, -1 FROM userlock_private.visible_user AS u
        WHERE u.tenant = uncount.tenant AND u.user_id = uncount.user_id AND uncount.registered AND userlock_private.counted_from() IS NOT NULL
    ) AS part
    GROUP BY 2, 3
    ORDER BY 2, 3  -- as everybody takes their rows
    ON CONFLICT ON CONSTRAINT tally_pkey DO UPDATE SET value = t.value + excluded.value;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.uncount FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.uncount IS
'For whoever is about to remove a user without an event, history and all: takes the user off the tally, and keeps the events in it. In the transaction that removes them, as the owner of the tables.';

-- Hours, not days, because a day is as long as the session's time zone says.
CREATE VIEW userlock.events_by_hour WITH (security_invoker) AS
SELECT event.tenant, date_bin('1 hour', event.at, 'epoch'::timestamptz) AS hour, event.kind, count(*) AS events
FROM userlock_private.visible_history AS event
WHERE event.at >= date_bin('1 hour', userlock_private.present() - '168 hours'::interval, 'epoch'::timestamptz)
AND event.at <= userlock_private.present()
GROUP BY 1, 2, 3;

COMMENT ON VIEW userlock.events_by_hour IS
'How many events of each kind there were in each hour of the last seven days, for a chart; hours without any are not there. An end that has passed counts at its moment. Reads the events of these days from an index.';
COMMENT ON COLUMN userlock.events_by_hour.hour IS
'The beginning of the hour, of UTC; the last one is not over.';
COMMENT ON COLUMN userlock.events_by_hour.events IS
'How many.';

-- Addresses are looked up one by one, and only where they are shown.  At a low cost:
-- the planner expects far more events than there are, and would compile the query.
CREATE FUNCTION userlock_private.email_subject(tenant text, user_id text, at timestamptz)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE COST 10
BEGIN ATOMIC
    SELECT jsonb_build_object('format', 'email', 'email', subject.email) FROM userlock_private.visible_user AS subject
    WHERE subject.tenant = email_subject.tenant AND subject.user_id = email_subject.user_id
    AND subject.created_at <= email_subject.at AND subject.email LIKE '%_@_%';
END;

GRANT EXECUTE ON FUNCTION userlock_private.email_subject TO PUBLIC;
COMMENT ON FUNCTION userlock_private.email_subject IS
'The user as the subject of an event at this moment, by the e-mail address that they have now. NULL: they have none, or the account of then was deleted, and the id may be somebody else''s.';

-- What each event means to a receiver; one that changes nothing for it is not there.
-- What names a token ends up in logs, so ids are hashed there, and with them the
-- event's microsecond, which no token tells: to try all likely ids is not enough.
CREATE VIEW userlock.security_events WITH (security_invoker) AS
SELECT event.tenant, event.user_id, event.sequence, event.at, type.name AS type,
    jsonb_build_object(
        'jti', encode(sha256(convert_to(jsonb_build_array(
            event.tenant, event.user_id, event.sequence, (extract(epoch FROM event.at) * 1000000)::int8, type.name)::text, 'UTF8')), 'hex'),
        'txn', encode(sha256(convert_to(jsonb_build_array(
            event.tenant, event.user_id, event.sequence, (extract(epoch FROM event.at) * 1000000)::int8)::text, 'UTF8')), 'hex'),
        'iat', floor(extract(epoch FROM userlock_private.present())),
        'sub_id', CASE
            WHEN current_setting('userlock.issuer', true) <> '' THEN
                jsonb_build_object('format', 'iss_sub', 'iss', current_setting('userlock.issuer', true), 'sub', event.user_id)
            ELSE coalesce(
                userlock_private.email_subject(event.tenant, event.user_id, event.at),
                jsonb_build_object('format', 'opaque', 'id', event.user_id)) END,
        'events', jsonb_build_object(type.uri || type.name, jsonb_build_object(
            'event_timestamp', floor(extract(epoch FROM event.at)),
            'initiating_entity', CASE
                WHEN event.actor IS NULL OR event.reason = 'failed logins' AND event.details ? 'failures' THEN 'policy'
                ELSE 'admin' END,
            'reason_admin', jsonb_build_object('en', coalesce(nullif(event.reason, ''), replace(event.kind, '_', ' ')))))) AS token
FROM userlock_private.visible_history AS event
CROSS JOIN LATERAL (VALUES
    ('https://schemas.openid.net/secevent/risc/event-type/', 'account-disabled',
        event.kind = ANY ('{locked,blocked}'::text[])
        AND event.from_state OPERATOR(userlock.=) 'active'::userlock.user_lock_state),
    ('https://schemas.openid.net/secevent/risc/event-type/', 'account-enabled',
        event.kind = ANY ('{unlocked,unblocked,lock_expired,block_expired}'::text[])
        AND event.to_state OPERATOR(userlock.=) 'active'::userlock.user_lock_state),
    ('https://schemas.openid.net/secevent/risc/event-type/', 'account-purged',
        event.kind = 'deleted'),
    ('https://schemas.openid.net/secevent/caep/event-type/', 'session-revoked',
        event.kind = ANY ('{locked,blocked,access_revoked}'::text[]))
) AS type (uri, name, applies)
WHERE type.applies;

COMMENT ON VIEW userlock.security_events IS
'History in the shape of security event tokens (RFC 8417) with the events of OpenID RISC (account-disabled, account-enabled, account-purged) and CAEP (session-revoked). iss and aud are the transmitter''s to add, and so is the signature. To poll, ask for what is later than some minutes before the last at, and drop what jti tells to be known. Without the setting userlock.issuer it shows users'' e-mail addresses.';
COMMENT ON COLUMN userlock.security_events.type IS
'account-disabled, account-enabled, account-purged or session-revoked.';
COMMENT ON COLUMN userlock.security_events.token IS
'The claims of the token. jti is the same whenever it is read; so is txn, which the tokens of one event share. iat is when it is read. sub_id is the id as the issuer''s (iss_sub) where userlock.issuer is set; else the e-mail address that the user has now (email); else, and of an account that was deleted, the id (opaque).';

--
-- What a view shows of a table means there what it means in the table
--

DO $$
DECLARE
    shown record;
BEGIN
    FOR shown IN
        SELECT v.attrelid::regclass AS view, v.attname AS name, col_description(t.attrelid, t.attnum) AS comment
        FROM (VALUES
            ('userlock_private.visible_account', 'userlock_private.account'),
            ('userlock_private.visible_profile', 'userlock_private.profile'),
            ('userlock_private.visible_event', 'userlock_private.event'),
            ('userlock_private.visible_login_failure', 'userlock_private.login_failure'),
            ('userlock_private.visible_lockout_policy', 'userlock_private.lockout_policy'),
            ('userlock_private.visible_tally', 'userlock_private.tally'),
            ('userlock_private.visible_counting', 'userlock_private.counting'),
            ('userlock_private.visible_change', 'userlock_private.event'),
            ('userlock_private.visible_user', 'userlock_private.profile'),
            ('userlock_private.visible_user', 'userlock_private.account'),
            ('userlock.users', 'userlock_private.profile'),
            ('userlock.users', 'userlock_private.account'),
            ('userlock.restricted_users', 'userlock_private.profile'),
            ('userlock.restricted_users', 'userlock_private.account'),
            ('userlock_private.visible_history', 'userlock_private.event'),
            ('userlock.user_history', 'userlock_private.event'),
            ('userlock.security_events', 'userlock_private.event'),
            ('userlock.events_by_hour', 'userlock_private.event'),
            ('userlock.lockout_policies', 'userlock_private.lockout_policy')
        ) AS pair (view_name, table_name)
        JOIN pg_attribute AS v ON v.attrelid = pair.view_name::regclass
        JOIN pg_attribute AS t ON t.attrelid = pair.table_name::regclass
            AND t.attname = v.attname
        WHERE v.attnum > 0 AND col_description(v.attrelid, v.attnum) IS NULL
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', shown.view, shown.name, shown.comment);
    END LOOP;
END
$$;

--
-- API keys
--
-- For callers who send a key of their own instead of a JWT.  A key stands for
-- a role and a tenant; the database knows its digest and never the key.
--

CREATE TABLE userlock_private.api_key (
    digest bytea PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    role name NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

COMMENT ON TABLE userlock_private.api_key IS
'API keys by their digests; expired ones stay as a record.';
COMMENT ON COLUMN userlock_private.api_key.digest IS
'SHA-256 of the key, which itself is nowhere.';
COMMENT ON COLUMN userlock_private.api_key.name IS
'Whose key it is: history names them "api_key:" and this; one good key for each tenant and name, two while they overlap.';
COMMENT ON COLUMN userlock_private.api_key.tenant IS
'The tenant that the key''s bearer acts in.';
COMMENT ON COLUMN userlock_private.api_key.role IS
'The database role that the key''s bearer acts as.';
COMMENT ON COLUMN userlock_private.api_key.created_at IS
'When the key was made.';
COMMENT ON COLUMN userlock_private.api_key.expires_at IS
'From when on the key is no good; infinity: until revoked.';

SELECT pg_extension_config_dump('userlock_private.api_key', '');

-- Whoever changes the keys of a name begins here: of two who do so at once, the
-- second waits, and then sees what the first has done.
CREATE FUNCTION userlock_private.begin_api_key_change(name text, tenant text, expires_at timestamptz, overlap interval)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    chosen text := userlock_private.require_tenant(tenant, false);
BEGIN
    IF NOT (userlock_private.name_is_valid(name) AND userlock_private.name_is_valid(chosen))
        OR expires_at <= now() OR overlap NOT BETWEEN '0' AND '1 year'
    THEN
        PERFORM userlock_private.raise('api_key_invalid');
    END IF;
    PERFORM userlock_private.take_turns('userlock_private.api_key', chosen || '/' || name, false);
    RETURN chosen;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.begin_api_key_change FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.begin_api_key_change IS
'Checks the arguments of a change of API keys, locks the name until the transaction ends, and returns the tenant: NULL means the caller''s own. Errors: PT403 not the caller''s tenant, PT422 invalid argument.';

-- Two random UUIDs have 244 random bits.
CREATE FUNCTION userlock_private.issue_api_key(name text, role name, tenant text, expires_at timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key text := 'ulk_' || encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex');
    -- Here, and not in the INSERT, whose plan would show the key to whoever logs plans.
    digest bytea := sha256(convert_to(key, 'UTF8'));
BEGIN
    INSERT INTO userlock_private.api_key (digest, name, tenant, role, created_at, expires_at)
    VALUES (digest, name, tenant, role, now(), coalesce(expires_at, 'infinity'));
    RETURN key;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.issue_api_key FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.issue_api_key IS
'Makes a key, keeps its digest and returns it. For add_api_key and replace_api_key.';

CREATE FUNCTION userlock_private.add_api_key(name text, role name, tenant text, expires_at timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    chosen text := userlock_private.begin_api_key_change(name, tenant, expires_at, '0');
BEGIN
    IF EXISTS (SELECT FROM userlock_private.api_key AS k WHERE k.tenant = chosen AND k.name = $1 AND k.expires_at > now()) THEN
        PERFORM userlock_private.raise('api_key_exists', name, chosen);
    END IF;
    RETURN userlock_private.issue_api_key(name, role, chosen, expires_at);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.add_api_key FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.add_api_key IS
'create_api_key without asking who calls.';

CREATE FUNCTION userlock_private.end_api_key(name text, tenant text, overlap interval)
RETURNS name
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    former name;
BEGIN
    -- Two, if the last rotation left the former one its time.
    WITH ended AS (
        UPDATE userlock_private.api_key AS k
        SET expires_at = least(k.expires_at, now() + coalesce(overlap, '0'))
        WHERE k.tenant = $2 AND k.name = $1 AND k.expires_at > now()
        RETURNING k.role)
    SELECT role INTO former FROM ended LIMIT 1;
    IF former IS NULL THEN
        PERFORM userlock_private.raise('api_key_not_found', name, tenant);
    END IF;
    RETURN former;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.end_api_key FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.end_api_key IS
'Ends the good keys of a name and returns their role. For replace_api_key and revoke_api_key.';

CREATE FUNCTION userlock_private.replace_api_key(
    name text, tenant text, expires_at timestamptz, overlap interval, OUT key text, OUT role name)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    chosen text := userlock_private.begin_api_key_change(name, tenant, expires_at, overlap);
BEGIN
    role := userlock_private.end_api_key(name, chosen, overlap);
    key := userlock_private.issue_api_key(name, role, chosen, expires_at);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.replace_api_key FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.replace_api_key IS
'rotate_api_key without asking who calls: the new key, and the role that it acts as.';

-- Whose keys they may make is judged in C, where it is known who calls.
CREATE FUNCTION userlock.create_api_key(
    name text,
    role name,
    tenant text DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL)
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_create_api_key';

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
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_rotate_api_key';

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
    PERFORM userlock_private.end_api_key(name, userlock_private.begin_api_key_change(name, tenant, NULL, '0'), '0');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.revoke_api_key FROM PUBLIC;
COMMENT ON FUNCTION userlock.revoke_api_key IS
$$Makes the API key of this name no good, from now on.

tenant: NULL means the caller's own. Errors: PT403 not the caller's tenant, PT404 no good key of this name.$$;

--
-- Who the caller is, and what they may do
--
-- For a client that decides by it what to show; what decides what is done are the
-- privileges themselves.  With the caller's own rights: it reads nothing but the
-- claims and the catalogs.  After all functions and views there are.
--

CREATE FUNCTION userlock.whoami(
    OUT user_id text,
    OUT tenant text,
    OUT tenants text[],
    OUT role name,
    OUT functions text[],
    OUT views text[])
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH claims AS MATERIALIZED (
        SELECT userlock.caller_user_id() AS user_id, userlock.caller_tenants() AS tenants
    ), member AS (
        SELECT d.classid, d.objid
        FROM pg_extension AS e
        JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
        WHERE e.extname = 'userlock'
    )
    SELECT
        c.user_id,
        coalesce(c.tenants[1], current_setting('userlock.tenant')),
        c.tenants,
        current_user,
        ARRAY(
            SELECT p.proname::text
            FROM member AS m
            JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
            WHERE p.pronamespace = 'userlock'::regnamespace
            AND p.prorettype <> 'trigger'::regtype
            AND has_function_privilege(p.oid, 'EXECUTE')
            -- Not what the installation gives to everybody.
            AND NOT EXISTS (
                SELECT FROM pg_init_privs AS i CROSS JOIN aclexplode(i.initprivs) AS given
                WHERE i.classoid = 'pg_proc'::regclass AND i.objoid = p.oid AND given.grantee = 0::oid)
            ORDER BY p.proname),
        ARRAY(
            SELECT v.relname::text
            FROM member AS m
            JOIN pg_class AS v ON m.classid = 'pg_class'::regclass AND v.oid = m.objid
            WHERE v.relnamespace = 'userlock'::regnamespace AND v.relkind = 'v'
            AND has_table_privilege(v.oid, 'SELECT')
            ORDER BY v.relname)
    FROM claims AS c;
END;

REVOKE EXECUTE ON FUNCTION userlock.whoami FROM PUBLIC;
COMMENT ON FUNCTION userlock.whoami IS
$$Who the caller is by their claims, and what of the interface is theirs.

user_id: the claim sub; NULL: none. tenant: their own, meant where a call names none. tenants: all that they may touch, their own first; NULL without claims: every one. role: as whom they act. functions, views: names of those in schema userlock that the role may execute, and read, sorted; not what is for everybody. Writes nothing, also works on a standby. Error: PT401 malformed claims.$$;
--
-- Privileges
--
-- The installer may have default privileges that give roles of theirs something
-- on every new object.  Not on these: a grant is for the deployment to make, with
-- these objects in mind.  (TRIGGER on a table would be the worst: code run with the
-- rights of the owner.)
--
-- PUBLIC keeps what it was given above (see views.sql for tables), but of types only the
-- one that is for everybody's tables: a column of any other, in a table of somebody
-- else's, would stand in the way of an upgrade.
--

DO $$
DECLARE
    given record;
BEGIN
    FOR given IN
        WITH member AS (
            SELECT d.classid, d.objid
            FROM pg_depend AS d
            JOIN pg_extension AS e ON e.oid = d.refobjid
            WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
            AND e.extnamespace = '@extschema@'::regnamespace
        ), acl AS (
            SELECT 'TABLE' AS kind, c.oid::regclass::text AS name, c.relowner AS owner, c.relacl AS privileges, c.relrowsecurity OR c.relname LIKE 'visible\_%' AS for_public
            FROM member AS m JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
            WHERE c.relkind IN ('r', 'v')
            UNION ALL
            SELECT 'FUNCTION', p.oid::regprocedure::text, p.proowner, p.proacl, true
            FROM member AS m JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
            UNION ALL
            SELECT 'TYPE', t.oid::regtype::text, t.typowner, coalesce(t.typacl, acldefault('T', t.typowner)), t.typtype = 'b'
            FROM member AS m JOIN pg_type AS t
                ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
                OR m.classid = 'pg_class'::regclass AND t.typrelid = m.objid
            WHERE t.typtype IN ('b', 'c', 'd') AND t.typelem = 0
            UNION ALL
            SELECT 'SCHEMA', n.oid::regnamespace::text, n.nspowner, n.nspacl, n.nspname = 'userlock'
            FROM pg_namespace AS n
            WHERE n.nspname = '@extschema@' OR n.oid IN (SELECT m.objid FROM member AS m WHERE m.classid = 'pg_namespace'::regclass)
        )
        SELECT DISTINCT acl.kind, acl.name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
        FROM acl, aclexplode(acl.privileges) AS a
        WHERE a.grantee <> acl.owner AND NOT (acl.for_public AND a.grantee = 0)
    LOOP
        EXECUTE format('REVOKE ALL ON %s %s FROM %s', given.kind, given.name, given.grantee);
    END LOOP;
END
$$;

-- What pg_dump reads to tell our privileges from those given later knows no types of
-- rows: it would warn of each.
DELETE FROM pg_init_privs AS p USING pg_type AS t, pg_class AS c
WHERE p.classoid = 'pg_type'::regclass AND p.objoid = t.oid AND c.oid = t.typrelid AND c.relkind IN ('r', 'v')
AND EXISTS (SELECT FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.objid = c.oid AND e.extnamespace = '@extschema@'::regnamespace);
