-- What check_request() is compared with.
CREATE SCHEMA bench;

CREATE FUNCTION bench.empty() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
END
$$;

-- The pre-request function that one would write: the same checks, one query.
CREATE FUNCTION bench.check_request() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    claims json := nullif(current_setting('request.jwt.claims', true), '')::json;
    account record;
BEGIN
    IF claims ->> 'sub' IS NULL THEN
        RETURN;
    END IF;
    SELECT userlock.state_at(a.state, a.locked_until, a.blocked_until, statement_timestamp()) AS state, a.access_valid_after
    INTO account
    FROM userlock_private.account AS a
    WHERE a.tenant = coalesce(claims ->> 'tenant', 'default') AND a.user_id = claims ->> 'sub';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'unknown user' USING ERRCODE = 'PT401';
    END IF;
    IF NOT userlock.is_active(account.state) THEN
        RAISE EXCEPTION 'user is %', account.state USING ERRCODE = 'PT403';
    END IF;
    IF account.access_valid_after >= to_timestamp((claims ->> 'iat')::numeric) THEN
        RAISE EXCEPTION 'token is void' USING ERRCODE = 'PT401';
    END IF;
END
$$;
