-- Who the caller is, and what of the interface is theirs: whoami(), caller_user_id().
SET search_path = userlock, userlock_private, public;
\set VERBOSITY terse

-- Without claims: privileges alone decide, in every tenant.
SELECT user_id, tenant, tenants, role = current_user AS own_role FROM whoami();
SET userlock.tenant = 'acme';
SELECT user_id, tenant, tenants FROM whoami();
SELECT caller_user_id() IS NULL AS nobody;

-- With claims, what they say.
CREATE FUNCTION public.whoami_as(claims text, OUT user_id text, OUT tenant text, OUT tenants text[], OUT same boolean) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('request.jwt.claims', claims, true);
    SELECT w.user_id, w.tenant, w.tenants, w.user_id IS NOT DISTINCT FROM userlock.caller_user_id() INTO user_id, tenant, tenants, same FROM userlock.whoami() AS w;
    PERFORM set_config('request.jwt.claims', '', true);
END
$$;
SELECT claims, w.* FROM unnest(ARRAY[
    '{}', '{"sub":null}', '{"sub":""}', '{"sub":"alice"}', '{"sub":"j\u00fcrgen","tenant":"default"}', '{"sub":"alice","tenants":["more","most"]}',
    '{"sub":"alice","tenant":"own","tenants":["more"]}', '{"sub":"a","sub":"b"}', '{"sub":"a","sub":null}', '{"a":{"sub":"x"},"n":1e400000,"role":"service"}']) AS claims, whoami_as(claims) AS w;
SELECT whoami_as('{');
SELECT whoami_as('{"sub":5}');
SELECT whoami_as('{"tenant":""}');
SELECT whoami_as('{"tenants":"x"}');
DROP FUNCTION public.whoami_as;

-- What a role may: nothing, until it is granted, and then what it was granted.
CREATE ROLE regress_userlock_clerk NOLOGIN;
CREATE ROLE regress_userlock_chief NOLOGIN;
SET ROLE regress_userlock_clerk;
SELECT whoami();
SELECT caller_user_id();
RESET ROLE;
GRANT EXECUTE ON FUNCTION userlock.whoami TO regress_userlock_clerk, regress_userlock_chief;
SET ROLE regress_userlock_clerk;
SELECT role, functions, views FROM whoami();
RESET ROLE;
GRANT EXECUTE ON FUNCTION userlock.unlock_user, userlock.try_transition, userlock.user_status, userlock.check_request TO regress_userlock_clerk;
GRANT SELECT ON userlock.restricted_users TO regress_userlock_clerk;
GRANT regress_userlock_clerk TO regress_userlock_chief;
GRANT EXECUTE ON FUNCTION userlock.block_user TO regress_userlock_chief;
GRANT SELECT ON userlock.user_history TO regress_userlock_chief;
SET ROLE regress_userlock_clerk;
SELECT role, functions, views FROM whoami();
SET request.jwt.claims = '{"sub":"carl","tenant":"acme"}';
SELECT user_id, role, functions, views FROM whoami();
RESET request.jwt.claims;
SET ROLE regress_userlock_chief;
SELECT role, functions, views FROM whoami();
RESET ROLE;
-- What everybody is given by the deployment is there; what the installation gives is not.
GRANT EXECUTE ON FUNCTION userlock.lock_user TO PUBLIC;
SET ROLE regress_userlock_clerk;
SELECT functions FROM whoami();
RESET ROLE;
REVOKE EXECUTE ON FUNCTION userlock.lock_user FROM PUBLIC;

-- Of somebody who may do everything: each function that a role has to be granted, and each view; none is missing, and none too many.
SELECT cardinality(functions) > 20 AS functions, cardinality(views) > 3 AS views FROM whoami();
SELECT p.proname FROM pg_proc AS p, whoami() AS w
WHERE p.pronamespace = 'userlock'::regnamespace AND p.prorettype <> 'trigger'::regtype
AND (p.proname = ANY (w.functions)) = has_function_privilege('public', p.oid, 'EXECUTE');
SELECT c.relname FROM pg_class AS c, whoami() AS w
WHERE c.relnamespace = 'userlock'::regnamespace AND c.relkind = 'v' AND c.relname <> ALL (w.views);
-- Not what others have put into the schema.
CREATE FUNCTION userlock.theirs() RETURNS integer LANGUAGE sql RETURN 1;
CREATE VIEW userlock.their_view AS SELECT 1 AS one;
SELECT 'theirs' = ANY (functions) AS function, 'their_view' = ANY (views) AS view FROM whoami();
DROP FUNCTION userlock.theirs;
DROP VIEW userlock.their_view;

-- Nothing is written.
BEGIN READ ONLY;
SELECT tenant FROM whoami();
COMMIT;
SELECT provolatile, proparallel, prosecdef FROM pg_proc WHERE oid = 'userlock.whoami'::regproc;

DROP OWNED BY regress_userlock_clerk, regress_userlock_chief;
DROP ROLE regress_userlock_clerk, regress_userlock_chief;
