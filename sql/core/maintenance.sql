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

CREATE FUNCTION userlock_private.find_problems(tenants text[])
RETURNS TABLE (tenant text, user_id text, problem text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
-- Of few tenants by index: the plan must know them.
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
    -- A constant, by which nothing is sorted.
    only_tenant text := CASE WHEN cardinality(tenants) = 1 THEN tenants[1] END;
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
            e.at = (lag(e.at) OVER history + '1 microsecond'::interval) AS pushed,
            max(e.sequence) FILTER (WHERE e.kind = 'pruned') OVER whole_history AS pruned_at
        FROM userlock_private.event AS e
        WHERE (tenants IS NULL OR e.tenant = ANY (tenants)) AND (only_tenant IS NULL OR e.tenant = only_tenant)
        WINDOW history AS (PARTITION BY e.tenant, e.user_id ORDER BY e.sequence),
            whole_history AS (PARTITION BY e.tenant, e.user_id)
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
            FROM userlock_private.event AS v
            WHERE (tenants IS NULL OR v.tenant = ANY (tenants)) AND (only_tenant IS NULL OR v.tenant = only_tenant)) AS e
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
        FROM userlock_private.account AS a
        WHERE (tenants IS NULL OR a.tenant = ANY (tenants)) AND (only_tenant IS NULL OR a.tenant = only_tenant)
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
            -- What a restriction was set by stays when the events around it are dropped.
            c.sequence < c.pruned_at AND c.to_state OPERATOR(userlock.=) userlock.next_state(c.from_state,
                CASE c.kind WHEN 'locked' THEN 'lock' WHEN 'blocked' THEN 'block' END) AS is_kept
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
    WHERE p.problem IS NOT NULL AND p.is_kept IS NOT TRUE
    ORDER BY p.tenant, p.user_id, p.sequence NULLS LAST;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.find_problems FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.find_problems IS
'What verify() finds in these tenants; NULL: in all.';

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
    FROM userlock_private.find_problems(CASE WHEN userlock_private.require_tenant($1, false) IS NOT NULL THEN
        CASE WHEN $1 IS NULL THEN userlock.caller_tenants() ELSE ARRAY[$1] END END) AS p;
END;

REVOKE EXECUTE ON FUNCTION userlock.verify FROM PUBLIC;
COMMENT ON FUNCTION userlock.verify IS
$$Every account that is not the fold of its events, with the first thing that is wrong; no rows: all is well.

tenant: its users alone, by index; NULL means all that the caller's claims list, and without claims all that there are, for which both tables are read whole. Of a history that was pruned, what stays is judged. Errors: PT401 malformed claims, PT403 not the caller's tenant.$$;
