-- From 1.0 to 1.1.  May run twice.
\echo Use "ALTER EXTENSION userlock UPDATE TO '1.1'" to load this file. \quit
SET LOCAL search_path = pg_catalog, pg_temp;

-- Transitions are judged in C alone.
DROP FUNCTION IF EXISTS userlock_private.allows(userlock.user_lock_state, timestamptz, timestamptz, timestamptz, text, timestamptz);

CREATE OR REPLACE FUNCTION userlock_private.is_last_holder(tenant text, user_id text, to_lock boolean)
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
        -- Of two who restrict the last two, one has waited for their turn, and sees what the
        -- other has done; in a transaction that goes on seeing what it saw first, it fails
        -- as those do.  Nobody waits here but for who is being deleted: somebody may be
        -- waiting for us.
        IF to_lock THEN
            EXECUTE
                'SELECT FROM userlock_private.account AS a'
                ' WHERE a.tenant = $1 AND a.user_id IN ('
                ' SELECT p.user_id FROM userlock_private.profile AS p'
                ' WHERE p.tenant = $1 AND p.document ? ''roles'' AND p.document -> ''roles'' @> $2)'
                ' ORDER BY a.user_id FOR '
                || CASE WHEN current_setting('transaction_isolation') LIKE 'read %' THEN 'KEY SHARE' ELSE 'NO KEY UPDATE' END
                USING tenant, holding;
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

CREATE OR REPLACE FUNCTION userlock.prune_history(
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
        -- Which could not always count up to then.
        before := least(before, userlock_private.counted_from());
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

COMMENT ON FUNCTION userlock.prune_history IS
$$Drops the events that happened before a moment, of at most so many users, and returns how many; 0: there are none left. The last of each user stays as an event pruned, without actor, reason and details; so does, as it is, what set a restriction that holds.

before: at least 7 days ago. tenant: NULL means all that the caller's claims list, and without claims all that there are. max_users: call it again, and commit in between, until it returns 0. What refresh_statistics() could not count yet stays. verify() goes on from what stays. Errors: PT401 malformed claims, PT403 not the caller's tenant, PT422 invalid argument.$$;

COMMENT ON COLUMN userlock_private.erasure.digest IS
'HMAC-SHA256 of the user id (in UTF-8, if the database has an encoding), with the tenant''s key.';
