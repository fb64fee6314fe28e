--
-- Trouble: what nginx asks where PostgREST's answer does not tell
--

CREATE SCHEMA userlock_nginx;

COMMENT ON SCHEMA userlock_nginx IS
'What nginx asks for itself, beside the calls of the contracts.';

CREATE FUNCTION userlock_nginx.trouble()
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('response.status', CASE WHEN pg_is_in_recovery() THEN '503' ELSE '500' END, true);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_nginx.trouble FROM PUBLIC;
COMMENT ON FUNCTION userlock_nginx.trouble IS
'Answers with status 503 where nothing can be written, on a standby, else 500. For nginx, which asks when PostgREST answered a call with 400 or not at all.';

CREATE FUNCTION userlock_nginx.can_run()
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF pg_is_in_recovery() AND EXISTS (
        SELECT FROM pg_proc WHERE proname = userlock_http.header('x-userlock-function')
            AND pronamespace = 'userlock'::regnamespace AND provolatile = 'v')
    THEN
        PERFORM set_config('response.status', '503', true),
            set_config('response.headers', '[{"X-Userlock-Standby": "yes"}]', true);
    ELSE
        PERFORM set_config('response.headers', '[{"X-Accel-Redirect": "@native"}]', true);
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_nginx.can_run FROM PUBLIC;
COMMENT ON FUNCTION userlock_nginx.can_run IS
'Sends nginx on to call the function of schema userlock that X-Userlock-Function names, unless that is one that may write, on a standby: status 503. For nginx, before POST, where the database may be a standby.';
