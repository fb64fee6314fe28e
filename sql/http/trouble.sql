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
