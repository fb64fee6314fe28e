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
    ), landmarks AS (
        -- The number of the last event of each kind that an account remembers.
        SELECT
            e.tenant, e.user_id,
            max(e.sequence) AS last,
            max(e.sequence) FILTER (WHERE e.kind = 'registered') AS registered,
            max(e.sequence) FILTER (WHERE e.kind = 'locked') AS locked,
            max(e.sequence) FILTER (WHERE e.kind = 'blocked') AS blocked,
            max(e.sequence) FILTER (
                WHERE e.kind IN ('locked', 'blocked', 'access_revoked')
                OR (e.kind = 'registered' AND e.sequence > 1)) AS floor
        FROM userlock.event AS e
        GROUP BY e.tenant, e.user_id
    ), folded AS (
        SELECT
            l.tenant, l.user_id,
            last.to_state AS state, l.last AS sequence,
            registered.at AS created_at, last.at AS changed_at,
            locked.until AS locked_until, blocked.until AS blocked_until,
            locked.sequence AS lock_sequence, blocked.sequence AS block_sequence,
            floor.at AS access_valid_after
        FROM landmarks AS l
        JOIN userlock.event AS last
            ON (last.tenant, last.user_id, last.sequence) = (l.tenant, l.user_id, l.last)
        LEFT JOIN userlock.event AS registered
            ON (registered.tenant, registered.user_id, registered.sequence) = (l.tenant, l.user_id, l.registered)
        LEFT JOIN userlock.event AS locked
            ON (locked.tenant, locked.user_id, locked.sequence) = (l.tenant, l.user_id, l.locked)
            AND userlock.is_locked(last.to_state)
        LEFT JOIN userlock.event AS blocked
            ON (blocked.tenant, blocked.user_id, blocked.sequence) = (l.tenant, l.user_id, l.blocked)
            AND userlock.is_blocked(last.to_state)
        LEFT JOIN userlock.event AS floor
            ON (floor.tenant, floor.user_id, floor.sequence) = (l.tenant, l.user_id, l.floor)
            AND l.floor >= l.registered
        WHERE last.to_state IS NOT NULL
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
        FULL JOIN folded AS f
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
