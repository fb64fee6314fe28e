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
            WHERE p.tenant = is_last_holder.tenant AND a.tenant = is_last_holder.tenant AND p.user_id = is_last_holder.user_id
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
        WHERE p.tenant = is_last_holder.tenant AND a.tenant = is_last_holder.tenant
        AND p.document ? 'roles' AND p.document -> 'roles' @> holding AND p.user_id <> is_last_holder.user_id
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

-- Where the table was partitioned, its rows are not in it.
DO $$
BEGIN
    IF (SELECT c.relkind FROM pg_class AS c WHERE c.oid = 'userlock_private.account'::regclass) = 'r' THEN
        ALTER TABLE userlock_private.account SET (fillfactor = 85);
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION userlock_private.lockout_policy_of(tenant text)
RETURNS userlock_private.lockout_policy
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    policy userlock_private.lockout_policy;
BEGIN
    SELECT * INTO policy FROM userlock_private.lockout_policy AS p WHERE p.tenant = lockout_policy_of.tenant;
    RETURN CASE WHEN FOUND THEN policy ELSE userlock_private.preset_lockout_policy('pci') END;
END
$$;

CREATE OR REPLACE FUNCTION userlock.set_lockout_policy(
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
    INSERT INTO userlock_private.lockout_policy AS p VALUES (policy.tenant, policy.attempts, policy.observation_window, policy.duration, policy.backoff,
        policy.max_duration, policy.permanent_after, policy.by_address)
    ON CONFLICT ON CONSTRAINT lockout_policy_pkey DO UPDATE SET
        attempts = excluded.attempts, observation_window = excluded.observation_window, duration = excluded.duration, backoff = excluded.backoff,
        max_duration = excluded.max_duration, permanent_after = excluded.permanent_after, by_address = excluded.by_address;
END
$$;

DROP FUNCTION IF EXISTS userlock_private.was_reset(userlock_private.login_failure);

CREATE OR REPLACE FUNCTION userlock_private.was_reset(tenant text, user_id text, account_sequence bigint)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM userlock_private.event AS e
    WHERE e.tenant = was_reset.tenant AND e.user_id = was_reset.user_id
        AND e.sequence > was_reset.account_sequence
        AND (userlock_private.forgets_failures(e.kind)
            OR e.kind = 'pruned' AND (e.details ->> 'failures_forgotten')::int8 > was_reset.account_sequence)
    LIMIT 1;
    RETURN FOUND;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.was_reset FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.was_reset IS
'Was the user unlocked, registered anew, or the access floor reset, since an event, the last when failures were counted?';

CREATE OR REPLACE FUNCTION userlock_private.is_user_unseen(user_id text, tenant text)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('userlock.registration', true) = 'on_demand' THEN
        PERFORM FROM userlock_private.event AS e
        WHERE e.tenant = is_user_unseen.tenant AND e.user_id = is_user_unseen.user_id
        LIMIT 1;
        RETURN NOT FOUND;
    END IF;
    RETURN false;
END
$$;

CREATE OR REPLACE FUNCTION userlock_private.judge_login(user_id text, tenant text, address text, policy userlock_private.lockout_policy)
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
    IF FOUND AND NOT userlock_private.was_reset(failure.tenant, failure.user_id, failure.account_sequence) THEN
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

CREATE OR REPLACE FUNCTION userlock_private.record_login(user_id text, tenant text, address text, succeeded boolean)
RETURNS userlock.login_verdict
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    policy userlock_private.lockout_policy := userlock_private.lockout_policy_of(tenant);
    at timestamptz;
    account record;
    registered boolean;
    unseen boolean;
    is_first boolean;
    failure userlock_private.login_failure;
    written userlock_private.login_failure;
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
    PERFORM FROM userlock_private.account AS a WHERE a.tenant = record_login.tenant AND a.user_id = record_login.user_id;
    registered := FOUND;
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

    LOOP
        SELECT * INTO written FROM userlock_private.login_failure AS f
        WHERE f.tenant = failure.tenant AND f.user_id = failure.user_id AND f.address = failure.address
        FOR NO KEY UPDATE;
        is_first := NOT FOUND;
        IF NOT is_first THEN
            failure := written;
        END IF;
        -- The row is locked now, maybe after a wait: time is read anew, and so is the user.
        at := clock_timestamp();
        SELECT a.sequence, userlock.state_at(a.state, a.locked_until, a.blocked_until, at) AS state INTO account
        FROM userlock_private.account AS a WHERE a.tenant = record_login.tenant AND a.user_id = record_login.user_id;
        failure := userlock_private.next_failure(failure, policy, at, account.sequence,
            is_first OR userlock_private.was_reset(failure.tenant, failure.user_id, failure.account_sequence), NOT coalesce(userlock.is_active(account.state), true));
        IF is_first THEN
            INSERT INTO userlock_private.login_failure VALUES (failure.tenant, failure.user_id, failure.address, failure.failures, failure.tried,
                failure.counted, failure.last_at, failure.lockouts, failure.lockout_failures, failure.locked_until, failure.account_sequence)
            ON CONFLICT DO NOTHING;
            -- Nothing: somebody else was first, and their row is there now.
            EXIT WHEN FOUND;
        ELSE
            UPDATE userlock_private.login_failure AS f
            SET failures = failure.failures, tried = failure.tried, counted = failure.counted, last_at = failure.last_at, lockouts = failure.lockouts,
                lockout_failures = failure.lockout_failures, locked_until = failure.locked_until, account_sequence = failure.account_sequence
            WHERE f.tenant = failure.tenant AND f.user_id = failure.user_id AND f.address = failure.address;
            EXIT;
        END IF;
    END LOOP;

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

CREATE OR REPLACE FUNCTION userlock.prune_login_failures()
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    at timestamptz := clock_timestamp();
    own text;
    policy userlock_private.lockout_policy;
    cutoff timestamptz;
    deleted bigint;
    pruned bigint := 0;
BEGIN
    FOR own IN SELECT DISTINCT f.tenant FROM userlock_private.login_failure AS f LOOP
        policy := userlock_private.lockout_policy_of(own);
        -- To be subtracted is as good: a policy has seconds, no months.
        cutoff := at - policy.observation_window;
        DELETE FROM userlock_private.login_failure AS f
        WHERE f.tenant = own
            AND f.last_at < cutoff AND (f.locked_until IS NULL OR f.locked_until < cutoff OR f.locked_until = 'infinity')
            -- Whom nobody lifts a lock of has none for ever.
            AND (policy.permanent_after IS NULL AND f.locked_until IS DISTINCT FROM 'infinity'
                OR NOT EXISTS (SELECT FROM userlock_private.account AS a WHERE a.tenant = own AND a.user_id = f.user_id));
        GET DIAGNOSTICS deleted = ROW_COUNT;
        pruned := pruned + deleted;
    END LOOP;
    RETURN pruned;
END
$$;

CREATE OR REPLACE FUNCTION userlock_private.uncount(tenant text, user_id text, registered boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    counted_from timestamptz;
    ends_from timestamptz;
    now timestamptz;
    part record;
BEGIN
    -- Who is counting is waited for, and from here on nobody counts: these moments stay.
    LOCK TABLE userlock_private.tally IN ROW EXCLUSIVE MODE;
    counted_from := userlock_private.counted_from();
    ends_from := userlock_private.ends_from();
    now := clock_timestamp();

    FOR part IN
        SELECT p.metric, p.label, sum(p.value) AS value
        FROM (
            SELECT l.metric, l.label, l.value
            FROM (
                SELECT e.kind, e.from_state, e.to_state FROM userlock_private.event AS e
                WHERE e.tenant = uncount.tenant AND e.user_id = uncount.user_id AND e.at > counted_from
                UNION ALL
                SELECT e.kind, e.from_state, e.to_state
                FROM userlock_private.account AS a
                CROSS JOIN LATERAL userlock.pending_expiries(a.state, a.sequence, a.changed_at, a.locked_until, a.blocked_until, now) AS e
                WHERE a.tenant = uncount.tenant AND a.user_id = uncount.user_id
                    AND least(a.locked_until, a.blocked_until) <= now AND least(a.locked_until, a.blocked_until) >= ends_from
                    AND e.at > counted_from
            ) AS c
            CROSS JOIN LATERAL (VALUES ('events', c.kind, 1), ('users', c.from_state::text, -1), ('users', c.to_state::text, 1)) AS l (metric, label, value)
            WHERE l.label IS NOT NULL
            UNION ALL
            SELECT 'users', userlock.state_at(a.state, a.locked_until, a.blocked_until, now)::text, -1
            FROM userlock_private.account AS a
            WHERE a.tenant = uncount.tenant AND a.user_id = uncount.user_id AND uncount.registered AND counted_from IS NOT NULL
        ) AS p
        GROUP BY 1, 2
        ORDER BY 1, 2  -- as everybody takes their rows
    LOOP
        INSERT INTO userlock_private.tally AS t (tenant, metric, label, value)
        VALUES (uncount.tenant, part.metric, part.label, part.value)
        ON CONFLICT ON CONSTRAINT tally_pkey DO UPDATE SET value = t.value + excluded.value;
    END LOOP;
END
$$;
