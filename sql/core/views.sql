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
-- by the views: no more rows come of them, whatever functions of theirs have looked at.
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

-- A user as they are now, and what the account has to say beside: of the tenants that the
-- caller may see; and of every tenant, for functions with the rights of the owner, which
-- have judged whose users they are asked for, and ask no row.
DO $$
DECLARE
    ground record;
BEGIN
    FOR ground IN
        SELECT * FROM (VALUES
            ('visible_user', 'visible_account', 'visible_profile',
                'Users that the caller may see, as they are now, with what is written of their restrictions, over or not: the ground of users and restricted_users.'),
            ('user_now', 'account', 'profile',
                'Users as they are now, of whatever tenant, with what is written of their restrictions, over or not.')
        ) AS v (name, account, profile, comment)
    LOOP
        EXECUTE format($view$
            CREATE VIEW userlock_private.%I WITH (security_invoker) AS
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
            CROSS JOIN userlock_private.%I AS account
            LEFT JOIN userlock_private.%I AS profile
                ON profile.tenant = account.tenant AND profile.user_id = account.user_id
            $view$,
            ground.name, ground.account, ground.profile);
        EXECUTE format('REVOKE ALL ON userlock_private.%I FROM PUBLIC', ground.name);
        EXECUTE format('GRANT SELECT ON userlock_private.%I TO PUBLIC', ground.name);
        EXECUTE format('COMMENT ON VIEW userlock_private.%I IS %L', ground.name, ground.comment);
    END LOOP;
END
$$;

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

-- What has expired and is not yet written shows as it will be written.  Of every tenant,
-- as user_now.  The server reads the last events of one user in order only if the first
-- branch has no WHERE of its own.
CREATE VIEW userlock_private.history_now WITH (security_invoker) AS
SELECT tenant, user_id, sequence, kind, from_state, to_state,
       at, actor, reason, until, details, attributes, batch
FROM userlock_private.event
UNION ALL
SELECT account.tenant, account.user_id, expiry.sequence, expiry.kind,
       expiry.from_state, expiry.to_state,
       expiry.at, NULL, NULL, expiry.until, NULL, NULL, NULL
FROM (SELECT userlock_private.present() AS now) AS clock
CROSS JOIN userlock_private.account
CROSS JOIN LATERAL userlock.pending_expiries(
    account.state, account.sequence, account.changed_at,
    account.locked_until, account.blocked_until, clock.now) AS expiry
WHERE least(account.locked_until, account.blocked_until) <= clock.now;

REVOKE ALL ON userlock_private.history_now FROM PUBLIC;
GRANT SELECT ON userlock_private.history_now TO PUBLIC;
COMMENT ON VIEW userlock_private.history_now IS
'The history of every tenant, with the ends that have passed.';

CREATE VIEW userlock_private.visible_history WITH (security_invoker) AS
SELECT * FROM userlock_private.history_now AS history WHERE userlock_private.tenant_is_visible(history.tenant);

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
