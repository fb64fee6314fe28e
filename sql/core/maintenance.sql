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
                -- Whoever comes back is at most as restricted as they left.
                WHEN 'registered' THEN e.from_state IS NULL
                    AND (NOT userlock.is_locked(e.to_state) OR userlock.is_locked(pg_catalog.lag(e.from_state) OVER history))
                    AND (NOT userlock.is_blocked(e.to_state) OR userlock.is_blocked(pg_catalog.lag(e.from_state) OVER history))
                WHEN 'locked' THEN e.to_state OPERATOR(userlock.=) userlock.next_state(e.from_state, 'lock') AND coalesce(e.until > e.at, true)
                WHEN 'unlocked' THEN e.to_state OPERATOR(userlock.=) userlock.next_state(e.from_state, 'unlock')
                WHEN 'lock_expired' THEN e.to_state OPERATOR(userlock.=) userlock.next_state(e.from_state, 'unlock') AND e.at = e.until
                WHEN 'blocked' THEN e.to_state OPERATOR(userlock.=) userlock.next_state(e.from_state, 'block') AND coalesce(e.until > e.at, true)
                WHEN 'unblocked' THEN e.to_state OPERATOR(userlock.=) userlock.next_state(e.from_state, 'unblock')
                WHEN 'block_expired' THEN e.to_state OPERATOR(userlock.=) userlock.next_state(e.from_state, 'unblock') AND e.at = e.until
                WHEN 'access_revoked' THEN e.to_state OPERATOR(userlock.=) e.from_state
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
                WHEN c.from_state::text IS DISTINCT FROM c.state_before::text THEN
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
                WHEN (a.state::text, a.sequence, a.created_at, a.changed_at,
                      a.locked_until, a.blocked_until,
                      a.lock_sequence, a.block_sequence, a.access_valid_after)
                    IS DISTINCT FROM
                     (f.state::text, f.sequence, f.created_at, f.changed_at,
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
