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
    INSERT INTO userlock_private.lockout_policy AS p VALUES (policy.tenant, policy.attempts, policy.observation_window, policy.duration, policy.backoff,
        policy.max_duration, policy.permanent_after, policy.by_address)
    ON CONFLICT ON CONSTRAINT lockout_policy_pkey DO UPDATE SET
        attempts = excluded.attempts, observation_window = excluded.observation_window, duration = excluded.duration, backoff = excluded.backoff,
        max_duration = excluded.max_duration, permanent_after = excluded.permanent_after, by_address = excluded.by_address;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.set_lockout_policy FROM PUBLIC;
COMMENT ON FUNCTION userlock.set_lockout_policy IS
$$Sets when failed logins lock, for one tenant; in force from the next failure on.

preset: pci or nist, the values of all arguments that are NULL; the others are described at the table's columns. Errors: PT403 not the caller's tenant, PT422 a value out of its range.$$;
