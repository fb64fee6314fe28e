-- From 1.0 to 1.1.  May run twice.
\echo Use "ALTER EXTENSION userlock_http UPDATE TO '1.1'" to load this file. \quit
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE OR REPLACE FUNCTION userlock_nginx.can_run()
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

-- What is new has no comment yet.  Of the installer's default privileges nothing is for it:
-- a grant is for the deployment to make.
DO $$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT DISTINCT p.oid::regprocedure::text AS name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
        FROM pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
        WHERE p.pronamespace = 'userlock_nginx'::regnamespace AND p.proname = 'can_run'
        AND obj_description(p.oid, 'pg_proc') IS NULL AND a.grantee <> p.proowner
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', given.name, given.grantee);
    END LOOP;
END
$$;

COMMENT ON FUNCTION userlock_nginx.can_run IS
'Sends nginx on to call the function of schema userlock that X-Userlock-Function names, unless that is one that may write, on a standby: status 503. For nginx, before POST, where the database may be a standby.';
