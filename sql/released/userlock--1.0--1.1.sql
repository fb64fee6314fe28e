-- From 1.0 to 1.1.  May run twice.
\echo Use "ALTER EXTENSION userlock UPDATE TO '1.1'" to load this file. \quit
SET LOCAL search_path = pg_catalog, pg_temp;

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

    -- What visible_change shows of the user, by these moments.
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

-- Functions with the rights of the owner read users and history of whatever tenant they
-- have judged; the views ask of each row whether the caller may see it.

CREATE OR REPLACE VIEW userlock_private.user_now WITH (security_invoker) AS
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
CROSS JOIN userlock_private.account AS account
LEFT JOIN userlock_private.profile AS profile
    ON profile.tenant = account.tenant AND profile.user_id = account.user_id;

CREATE OR REPLACE VIEW userlock_private.history_now WITH (security_invoker) AS
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

CREATE OR REPLACE VIEW userlock_private.visible_history WITH (security_invoker) AS
SELECT * FROM userlock_private.history_now AS history WHERE userlock_private.tenant_is_visible(history.tenant);

CREATE OR REPLACE FUNCTION userlock_private.found_users(filter jsonb, tenant text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    condition text := userlock_private.filter_condition(coalesce(filter, '{}'));
    candidates text := userlock_private.filter_candidates(filter, tenant);
BEGIN
    RETURN format('userlock_private.user_now WHERE tenant = %L AND (%s)', tenant, condition)
        || coalesce(' AND user_id IN (' || candidates || ')', '');
END
$$;

CREATE OR REPLACE FUNCTION userlock_private.page_of(users text, order_by text, descending boolean, page_size integer, skip bigint, OUT page text, OUT in_order text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    sort_key text := CASE
        -- Whoever has no user name goes by the id.
        WHEN order_by = 'user_name' THEN 'coalesce(user_name_lower, lower(user_id))'
        WHEN order_by = ANY ('{email,display_name}'::text[]) THEN order_by || '_lower'
        WHEN order_by = 'integer_id' THEN 'userlock_private.integer_id(user_id)'
        WHEN order_by = ANY ('{user_id,external_id,state,sequence,created_at,changed_at,locked_at,blocked_at}'::text[]) THEN order_by
    END;
    direction text := CASE
        WHEN NOT descending THEN 'ASC'
        -- Nobody is without, and an index is read backwards.
        WHEN order_by = ANY ('{user_id,locked_at,blocked_at}'::text[]) THEN 'DESC'
        ELSE 'DESC NULLS LAST'
    END;
BEGIN
    IF (sort_key IS NOT NULL AND descending IS NOT NULL AND page_size BETWEEN 0 AND 10000 AND skip >= 0) IS NOT TRUE THEN
        PERFORM userlock_private.raise('page_invalid');
    END IF;
    page := format(
        '(SELECT tenant, user_id, state, sequence, created_at, changed_at, locked_until, blocked_until,'
        ' locked_at, lock_sequence, blocked_at, block_sequence, %2$s AS sort_key'
        ' FROM %1$s ORDER BY sort_key %3$s, user_id LIMIT %4$s OFFSET %5$s) AS page',
        users, sort_key, direction, page_size, skip);
    in_order := format('page.sort_key %s, page.user_id', direction);
END
$$;

CREATE OR REPLACE FUNCTION userlock.find_users(
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
    asked record;
BEGIN
    asked := userlock_private.page_of(userlock_private.found_users(filter, own_tenant),
        CASE WHEN order_by <> ALL ('{locked_at,blocked_at}'::text[]) THEN order_by END, descending, page_size, skip);
    RETURN QUERY EXECUTE format(
        'SELECT page.tenant, page.user_id, page.state, page.sequence, page.created_at, page.changed_at,'
        ' page.locked_until, page.blocked_until, profile.user_name, profile.external_id, profile.email,'
        ' profile.display_name, profile.user_name_lower, profile.email_lower, profile.display_name_lower'
        ' FROM %s LEFT JOIN LATERAL (SELECT * FROM userlock_private.profile'
        '  WHERE tenant = %L AND user_id = page.user_id LIMIT 1) AS profile ON true'
        ' ORDER BY %s',
        asked.page, own_tenant, asked.in_order);
END
$$;

CREATE OR REPLACE FUNCTION userlock.find_restricted_users(
    filter jsonb DEFAULT NULL,
    order_by text DEFAULT 'user_id',
    descending boolean DEFAULT false,
    page_size integer DEFAULT 100,
    skip bigint DEFAULT 0,
    tenant text DEFAULT NULL)
RETURNS SETOF userlock.restricted_users
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own_tenant text := userlock_private.require_tenant(tenant, false);
    users text := userlock_private.found_users(filter, own_tenant)
        || ' AND written_state OPERATOR(userlock.<>) ''active''::userlock.user_lock_state AND NOT userlock.is_active(state)';
    asked record;
BEGIN
    IF order_by = ANY ('{locked_at,blocked_at}'::text[]) THEN
        users := users || format(' AND %I IS NOT NULL', order_by);
    END IF;
    asked := userlock_private.page_of(users, order_by, descending, page_size, skip);
    RETURN QUERY EXECUTE format(
        'SELECT page.tenant, page.user_id, page.state, page.locked_at, page.locked_until, locked.reason, locked.actor,'
        ' page.blocked_at, page.blocked_until, blocked.reason, blocked.actor, page.sequence, page.created_at, page.changed_at,'
        ' profile.user_name, profile.external_id, profile.email, profile.display_name,'
        ' profile.user_name_lower, profile.email_lower, profile.display_name_lower'
        ' FROM %1$s LEFT JOIN LATERAL (SELECT * FROM userlock_private.event'
        '  WHERE tenant = %2$L AND user_id = page.user_id'
        '  AND sequence = CASE WHEN userlock.is_locked(page.state) THEN page.lock_sequence END LIMIT 1) AS locked ON true'
        ' LEFT JOIN LATERAL (SELECT * FROM userlock_private.event'
        '  WHERE tenant = %2$L AND user_id = page.user_id'
        '  AND sequence = CASE WHEN userlock.is_blocked(page.state) THEN page.block_sequence END LIMIT 1) AS blocked ON true'
        ' LEFT JOIN LATERAL (SELECT * FROM userlock_private.profile'
        '  WHERE tenant = %2$L AND user_id = page.user_id LIMIT 1) AS profile ON true'
        ' ORDER BY %3$s',
        asked.page, own_tenant, asked.in_order);
END
$$;

CREATE OR REPLACE FUNCTION userlock.find_events(
    user_id text,
    descending boolean DEFAULT true,
    after bigint DEFAULT NULL,
    page_size integer DEFAULT 100,
    tenant text DEFAULT NULL)
RETURNS SETOF userlock.user_history
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own_tenant text := userlock_private.require_tenant(tenant, false);
BEGIN
    IF (descending IS NOT NULL AND page_size BETWEEN 0 AND 10000) IS NOT TRUE THEN
        PERFORM userlock_private.raise('page_invalid');
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT tenant, user_id, sequence, kind, from_state, to_state, at, actor, reason, until, details, attributes, batch'
        ' FROM userlock_private.history_now WHERE tenant = $1 AND user_id = $2 %s ORDER BY sequence %s LIMIT $3',
        CASE WHEN after IS NOT NULL THEN format('AND sequence %s %s', CASE WHEN descending THEN '<' ELSE '>' END, after) END,
        CASE WHEN descending THEN 'DESC' END)
        USING own_tenant, user_id, page_size;
END
$$;

CREATE OR REPLACE FUNCTION userlock.export_user(
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

CREATE OR REPLACE FUNCTION userlock_private.find_problems(tenants text[])
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

CREATE OR REPLACE FUNCTION userlock.verify(
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

DROP FUNCTION IF EXISTS userlock_private.find_problems(text);

CREATE OR REPLACE FUNCTION userlock_private.count_changes()
RETURNS TABLE (tenant text, kind text, from_state userlock.user_lock_state, to_state userlock.user_lock_state, value bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET enable_sort = off
SET jit = off
BEGIN ATOMIC
    SELECT change.tenant, change.kind, change.from_state::text::userlock.user_lock_state, change.to_state::text::userlock.user_lock_state, count(*)
    FROM userlock_private.visible_change AS change
    GROUP BY change.tenant, change.kind, change.from_state::text, change.to_state::text;
END;

CREATE OR REPLACE FUNCTION userlock_private.count_users(at timestamptz)
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
            SELECT a.tenant, userlock.state_at(a.state, a.locked_until, a.blocked_until, count_users.at)::text::userlock.user_lock_state AS state, count(*) AS users
            FROM userlock_private.visible_account AS a
            GROUP BY a.tenant, userlock.state_at(a.state, a.locked_until, a.blocked_until, count_users.at)::text
        ) AS account
        GROUP BY account.tenant
    ) AS counted
    CROSS JOIN LATERAL (VALUES
        ('active', counted.active), ('locked', counted.locked), ('blocked', counted.blocked), ('locked+blocked', counted.locked_and_blocked)
    ) AS part (label, value);
END;

-- What is new has no comment yet.  Of the installer's default privileges nothing is for it:
-- a grant is for the deployment to make.
DO $$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT DISTINCT made.kind, made.name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
        FROM (
            SELECT 'FUNCTION' AS kind, p.oid::regprocedure::text AS name, p.proowner AS owner, coalesce(p.proacl, acldefault('f', p.proowner)) AS privileges
            FROM pg_proc AS p WHERE obj_description(p.oid, 'pg_proc') IS NULL
            AND p.proname = ANY ('{was_reset,find_problems,page_of,find_restricted_users,find_events}')
            AND p.pronamespace IN ('userlock'::regnamespace, 'userlock_private'::regnamespace)
            UNION ALL
            SELECT part.kind, c.oid::regclass::text, c.relowner, part.privileges
            FROM pg_class AS c JOIN pg_type AS t ON t.oid = c.reltype
            CROSS JOIN LATERAL (VALUES ('TABLE', c.relacl), ('TYPE', coalesce(t.typacl, acldefault('T', t.typowner)))) AS part (kind, privileges)
            WHERE obj_description(c.oid, 'pg_class') IS NULL
            AND c.relname = ANY ('{user_now,history_now}') AND c.relnamespace = 'userlock_private'::regnamespace
        ) AS made, aclexplode(made.privileges) AS a
        WHERE a.grantee <> made.owner
    LOOP
        EXECUTE format('REVOKE ALL ON %s %s FROM %s', given.kind, given.name, given.grantee);
    END LOOP;
    -- What the views stand on is for everybody, see views.sql.
    FOR given IN
        SELECT c.oid::regclass::text AS name FROM pg_class AS c
        WHERE obj_description(c.oid, 'pg_class') IS NULL
        AND c.relname = ANY ('{user_now,history_now}') AND c.relnamespace = 'userlock_private'::regnamespace
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO PUBLIC', given.name);
    END LOOP;
END
$$;

DELETE FROM pg_init_privs AS p USING pg_class AS c
WHERE p.classoid = 'pg_type'::regclass AND p.objoid = c.reltype
AND c.relname = ANY ('{user_now,history_now}') AND c.relnamespace = 'userlock_private'::regnamespace;

COMMENT ON VIEW userlock_private.user_now IS
'Users as they are now, of whatever tenant, with what is written of their restrictions, over or not.';

COMMENT ON VIEW userlock_private.history_now IS
'The history of every tenant, with the ends that have passed.';

COMMENT ON FUNCTION userlock_private.was_reset IS
'Was the user unlocked, registered anew, or the access floor reset, since an event, the last when failures were counted?';

COMMENT ON FUNCTION userlock_private.find_problems IS
'What verify() finds in these tenants; NULL: in all.';

COMMENT ON FUNCTION userlock_private.page_of IS
'A page of found_users() as an item of FROM, and the order that it is in. Error: PT422 page_invalid.';

COMMENT ON FUNCTION userlock.find_restricted_users IS
$$A page of those users of one tenant who are out: a row as in restricted_users, with since when, until when, why and by whom.

filter: as of find_users(). order_by: as there; or locked_at or blocked_at, for those alone who have that. page_size, skip and tenant: as there. Works in read-only transactions and on standbys. Errors: PT401 malformed claims, PT403 not the caller's tenant, PT422 invalid argument.$$;

COMMENT ON FUNCTION userlock.find_events IS
$$A page of what happened to one user, rows as in user_history, the last first; none of whom nobody has seen.

user_id: whose. descending: false for the first first. after: the sequence of the last row of the page before; NULL: from where it begins. page_size: 0 to 10000. tenant: NULL means the caller's own. Works in read-only transactions and on standbys. Errors: PT401 malformed claims, PT403 not the caller's tenant, PT422 invalid argument.$$;

-- What a view shows of a table means there what it means in the table.
DO $$
DECLARE
    shown record;
BEGIN
    FOR shown IN
        SELECT v.attrelid::regclass AS view, v.attname AS name, col_description(t.attrelid, t.attnum) AS comment
        FROM (VALUES
            ('userlock_private.user_now', 'userlock_private.profile'),
            ('userlock_private.user_now', 'userlock_private.account'),
            ('userlock_private.history_now', 'userlock_private.event')
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
