--
-- Enforcement: may this user come in?
--
-- VOLATILE only where an error is the answer; all of them read one row, write
-- nothing, and work in read-only transactions and on standbys.
--

CREATE FUNCTION userlock.check_request()
RETURNS void
LANGUAGE C VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_check_request';

REVOKE EXECUTE ON FUNCTION userlock.check_request FROM PUBLIC;
COMMENT ON FUNCTION userlock.check_request IS
$$Refuses a request of a user who may not come in; for PostgREST's db-pre-request, or a function of your own that is set there.

By the claims sub, tenant (else userlock.tenant) and iat: PT403, the user is locked or blocked; PT401, nobody is registered under sub (with userlock.registration at on_demand: a user was, and is deleted), the token was issued at or before the second of the access floor or does not say when, was issued more than 30 seconds in the future, or the claims are malformed. A session without claims and a token without sub pass. 55000: userlock_private.account does not hold its rows itself (it is distributed, partitioned, has children, or its owner is bound by row-level security), so no user can be let in; nor, on demand, whoever is not registered, where userlock_private.event does not.$$;

CREATE FUNCTION userlock.current_user_allowed()
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_current_user_allowed';

REVOKE EXECUTE ON FUNCTION userlock.current_user_allowed FROM PUBLIC;
COMMENT ON FUNCTION userlock.current_user_allowed IS
'Would check_request() let the caller pass? For row-level security, best as (SELECT userlock.current_user_allowed()), which is asked once a statement. Never raises because of a user or a token; 55000 where check_request() does.';

CREATE FUNCTION userlock.user_allowed(user_id text, tenant text DEFAULT NULL)
RETURNS boolean
LANGUAGE C STABLE PARALLEL SAFE  -- not STRICT: a tenant of NULL is the caller's
AS 'MODULE_PATHNAME', 'userlock_user_allowed';

REVOKE EXECUTE ON FUNCTION userlock.user_allowed FROM PUBLIC;
COMMENT ON FUNCTION userlock.user_allowed IS
'Is the user registered, or never seen where userlock.registration is on_demand, and neither locked nor blocked? False also for a tenant that is not the caller''s. tenant: NULL is the caller''s own. Never raises because of a user or a token; 55000 where check_request() does.';

