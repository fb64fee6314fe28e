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

REVOKE EXECUTE ON FUNCTION userlock.prune_history FROM PUBLIC;
COMMENT ON FUNCTION userlock.prune_history IS
$$Drops the events that happened before a moment, of at most so many users, and returns how many; 0: there are none left. The last of each user stays as an event pruned, without actor, reason and details; so does, as it is, what set a restriction that holds.

before: at least 7 days ago. tenant: NULL means all that the caller's claims list, and without claims all that there are. max_users: call it again, and commit in between, until it returns 0. What refresh_statistics() could not count yet stays. verify() goes on from what stays. Errors: PT401 malformed claims, PT403 not the caller's tenant, PT422 invalid argument.$$;

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
    FROM userlock_private.user_now AS u
    JOIN userlock_private.account AS a ON a.tenant = u.tenant AND a.user_id = u.user_id
    WHERE u.tenant = own_tenant AND u.user_id = export_user.user_id;
    SELECT p.document INTO profile FROM userlock_private.profile AS p
    WHERE p.tenant = own_tenant AND p.user_id = export_user.user_id;
    SELECT jsonb_agg(to_jsonb(h) - '{tenant,user_id}'::text[] ORDER BY h.sequence) INTO history
    FROM userlock_private.history_now AS h
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
