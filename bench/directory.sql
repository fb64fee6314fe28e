-- What one would write in PL/pgSQL instead of the directory: the same tables, the same
-- answers, each statement written for its purpose.
CREATE SCHEMA handmade;

CREATE FUNCTION handmade.get(wanted text)
RETURNS SETOF userlock.user_status
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('request.jwt.claims', true)::json ->> 'tenant' IS NULL THEN
        RAISE EXCEPTION 'no tenant' USING ERRCODE = 'PT403';
    END IF;
    RETURN QUERY
    SELECT a.tenant, a.user_id, userlock.state_at(a.state, a.locked_until, a.blocked_until, clock_timestamp()), a.sequence,
        a.created_at, a.changed_at, a.locked_until, a.blocked_until
    FROM userlock_private.account AS a
    WHERE a.tenant = current_setting('request.jwt.claims', true)::json ->> 'tenant' AND a.user_id = wanted;
END
$$;

CREATE FUNCTION handmade.exact(wanted text)
RETURNS SETOF userlock.users
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT a.tenant, a.user_id, userlock.state_at(a.state, a.locked_until, a.blocked_until, clock_timestamp()), a.sequence,
        a.created_at, a.changed_at, a.locked_until, a.blocked_until, p.user_name, p.external_id, p.email, p.display_name,
        p.user_name_lower, p.email_lower, p.display_name_lower
    FROM userlock_private.profile AS p
    JOIN userlock_private.account AS a ON a.tenant = p.tenant AND a.user_id = p.user_id
    WHERE p.tenant = current_setting('request.jwt.claims', true)::json ->> 'tenant' AND p.user_name_lower = lower(wanted);
END
$$;

CREATE FUNCTION handmade.page(last text)
RETURNS SETOF userlock.users
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT a.tenant, a.user_id, userlock.state_at(a.state, a.locked_until, a.blocked_until, clock_timestamp()), a.sequence,
        a.created_at, a.changed_at, a.locked_until, a.blocked_until, p.user_name, p.external_id, p.email, p.display_name,
        p.user_name_lower, p.email_lower, p.display_name_lower
    FROM userlock_private.account AS a
    LEFT JOIN userlock_private.profile AS p ON p.tenant = a.tenant AND p.user_id = a.user_id
    WHERE a.tenant = current_setting('request.jwt.claims', true)::json ->> 'tenant' AND a.user_id > last
    ORDER BY a.user_id
    LIMIT 100;
END
$$;
