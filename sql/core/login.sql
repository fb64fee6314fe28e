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

CREATE FUNCTION userlock_private.was_reset(tenant text, user_id text, account_sequence bigint)
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
    IF current_setting('userlock.registration', true) = 'on_demand' THEN
        PERFORM FROM userlock_private.event AS e
        WHERE e.tenant = is_user_unseen.tenant AND e.user_id = is_user_unseen.user_id
        LIMIT 1;
        RETURN NOT FOUND;
    END IF;
    RETURN false;
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

REVOKE EXECUTE ON FUNCTION userlock.prune_login_failures FROM PUBLIC;
COMMENT ON FUNCTION userlock.prune_login_failures IS
'Deletes counts that no longer count, of all tenants, and returns how many; for pg_cron. Those of a policy with permanent_after stay until a success, if their user is registered.';

