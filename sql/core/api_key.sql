--
-- API keys
--
-- For callers who send a key of their own instead of a JWT.  A key stands for
-- a role and a tenant; the database knows its digest and never the key.
--

CREATE TABLE userlock_private.api_key (
    digest bytea PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    role name NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

COMMENT ON TABLE userlock_private.api_key IS
'API keys by their digests; expired ones stay as a record.';
COMMENT ON COLUMN userlock_private.api_key.digest IS
'SHA-256 of the key, which itself is nowhere.';
COMMENT ON COLUMN userlock_private.api_key.name IS
'Whose key it is: history names them "api_key:" and this; one good key for each tenant and name, two while they overlap.';
COMMENT ON COLUMN userlock_private.api_key.tenant IS
'The tenant that the key''s bearer acts in.';
COMMENT ON COLUMN userlock_private.api_key.role IS
'The database role that the key''s bearer acts as.';
COMMENT ON COLUMN userlock_private.api_key.created_at IS
'When the key was made.';
COMMENT ON COLUMN userlock_private.api_key.expires_at IS
'From when on the key is no good; infinity: until revoked.';

SELECT pg_extension_config_dump('userlock_private.api_key', '');

-- Whoever changes the keys of a name begins here: of two who do so at once, the
-- second waits, and then sees what the first has done.
CREATE FUNCTION userlock_private.begin_api_key_change(name text, tenant text, expires_at timestamptz, overlap interval)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    chosen text := userlock_private.require_tenant(tenant, false);
BEGIN
    IF NOT (userlock_private.name_is_valid(name) AND userlock_private.name_is_valid(chosen))
        OR expires_at <= now() OR overlap NOT BETWEEN '0' AND '1 year'
    THEN
        PERFORM userlock_private.raise('api_key_invalid');
    END IF;
    PERFORM userlock_private.take_turns('userlock_private.api_key', chosen || '/' || name, false);
    RETURN chosen;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.begin_api_key_change FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.begin_api_key_change IS
'Checks the arguments of a change of API keys, locks the name until the transaction ends, and returns the tenant: NULL means the caller''s own. Errors: PT403 not the caller''s tenant, PT422 invalid argument.';

-- Two random UUIDs have 244 random bits.
CREATE FUNCTION userlock_private.issue_api_key(name text, role name, tenant text, expires_at timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key text := 'ulk_' || encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex');
    -- Here, and not in the INSERT, whose plan would show the key to whoever logs plans.
    digest bytea := sha256(convert_to(key, 'UTF8'));
BEGIN
    INSERT INTO userlock_private.api_key (digest, name, tenant, role, created_at, expires_at)
    VALUES (digest, name, tenant, role, now(), coalesce(expires_at, 'infinity'));
    RETURN key;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.issue_api_key FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.issue_api_key IS
'Makes a key, keeps its digest and returns it. For add_api_key and replace_api_key.';

CREATE FUNCTION userlock_private.add_api_key(name text, role name, tenant text, expires_at timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    chosen text := userlock_private.begin_api_key_change(name, tenant, expires_at, '0');
BEGIN
    IF EXISTS (SELECT FROM userlock_private.api_key AS k WHERE k.tenant = chosen AND k.name = $1 AND k.expires_at > now()) THEN
        PERFORM userlock_private.raise('api_key_exists', name, chosen);
    END IF;
    RETURN userlock_private.issue_api_key(name, role, chosen, expires_at);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.add_api_key FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.add_api_key IS
'create_api_key without asking who calls.';

CREATE FUNCTION userlock_private.end_api_key(name text, tenant text, overlap interval)
RETURNS name
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    former name;
BEGIN
    -- Two, if the last rotation left the former one its time.
    WITH ended AS (
        UPDATE userlock_private.api_key AS k
        SET expires_at = least(k.expires_at, now() + coalesce(overlap, '0'))
        WHERE k.tenant = $2 AND k.name = $1 AND k.expires_at > now()
        RETURNING k.role)
    SELECT role INTO former FROM ended LIMIT 1;
    IF former IS NULL THEN
        PERFORM userlock_private.raise('api_key_not_found', name, tenant);
    END IF;
    RETURN former;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.end_api_key FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.end_api_key IS
'Ends the good keys of a name and returns their role. For replace_api_key and revoke_api_key.';

CREATE FUNCTION userlock_private.replace_api_key(
    name text, tenant text, expires_at timestamptz, overlap interval, OUT key text, OUT role name)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    chosen text := userlock_private.begin_api_key_change(name, tenant, expires_at, overlap);
BEGIN
    role := userlock_private.end_api_key(name, chosen, overlap);
    key := userlock_private.issue_api_key(name, role, chosen, expires_at);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.replace_api_key FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.replace_api_key IS
'rotate_api_key without asking who calls: the new key, and the role that it acts as.';

-- Whose keys they may make is judged in C, where it is known who calls.
CREATE FUNCTION userlock.create_api_key(
    name text,
    role name,
    tenant text DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL)
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_create_api_key';

REVOKE EXECUTE ON FUNCTION userlock.create_api_key FROM PUBLIC;
COMMENT ON FUNCTION userlock.create_api_key IS
$$Makes an API key and returns it: the only time that anyone can read it.

name: whose key it is, for history. role: the database role that its bearer acts as, one that the caller is a member of. tenant: NULL means the caller's own. expires_at: NULL means until revoked. Errors: PT403 not the caller's role or tenant, PT409 there is a good key of this name, PT422 invalid argument.$$;

CREATE FUNCTION userlock.rotate_api_key(
    name text,
    tenant text DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL,
    overlap interval DEFAULT '0')
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_rotate_api_key';

REVOKE EXECUTE ON FUNCTION userlock.rotate_api_key FROM PUBLIC;
COMMENT ON FUNCTION userlock.rotate_api_key IS
$$Makes a new API key in place of the one of this name, and returns it.

tenant: NULL means the caller's own. expires_at: of the new key; NULL means until revoked. overlap: how long the old key stays good, for the time that the new one takes to get everywhere; at most a year. Errors: PT403 not the caller's tenant or role, PT404 no good key of this name, PT422 invalid argument.$$;

CREATE FUNCTION userlock.revoke_api_key(
    name text,
    tenant text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM userlock_private.end_api_key(name, userlock_private.begin_api_key_change(name, tenant, NULL, '0'), '0');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.revoke_api_key FROM PUBLIC;
COMMENT ON FUNCTION userlock.revoke_api_key IS
$$Makes the API key of this name no good, from now on.

tenant: NULL means the caller's own. Errors: PT403 not the caller's tenant, PT404 no good key of this name.$$;
