--
-- Who asks, and how they are refused, for functions in SQL
--

CREATE FUNCTION userlock.caller_user_id()
RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_caller_user_id';

GRANT EXECUTE ON FUNCTION userlock.caller_user_id TO PUBLIC;
COMMENT ON FUNCTION userlock.caller_user_id IS
'The user whom the caller''s JWT claims name, the claim sub; NULL: none. Error: PT401 malformed claims.';

CREATE FUNCTION userlock.caller_tenants()
RETURNS text[]
LANGUAGE C STABLE PARALLEL SAFE COST 100  -- what it takes: best asked once, for a search of an index
AS 'MODULE_PATHNAME', 'userlock_caller_tenants';

GRANT EXECUTE ON FUNCTION userlock.caller_tenants TO PUBLIC;
COMMENT ON FUNCTION userlock.caller_tenants IS
'The tenants that the caller''s JWT claims list, their own first; NULL without claims, where privileges alone decide. Error: PT401 malformed claims.';

CREATE FUNCTION userlock_private.raise(result text, subject text DEFAULT NULL, tenant text DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL SAFE  -- not STRICT: a refusal may be about nobody
AS 'MODULE_PATHNAME', 'userlock_raise';

REVOKE EXECUTE ON FUNCTION userlock_private.raise FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.raise IS
'Raises a refusal of this name, for functions in SQL: all are worded in one place. subject: the user, or the name of an API key.';

CREATE FUNCTION userlock_private.take_turns(what regclass, about text, shared boolean)
RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_take_turns';

REVOKE EXECUTE ON FUNCTION userlock_private.take_turns FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.take_turns IS
'Waits for whoever does the same about the same until their transaction has ended, and has them wait until this one has; shared: not for others who share. what: one of our tables.';

CREATE FUNCTION userlock_private.require_tenant(tenant text, signing_in boolean)
RETURNS text
LANGUAGE C STABLE PARALLEL SAFE  -- not STRICT: a tenant of NULL is the caller's
AS 'MODULE_PATHNAME', 'userlock_require_tenant';

REVOKE EXECUTE ON FUNCTION userlock_private.require_tenant FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.require_tenant IS
'The tenant meant, for functions in SQL: NULL means the caller''s own. signing_in: claims with neither sub nor tenant, those of whoever signs in, may name any. Errors: PT401 malformed claims, PT403 not the caller''s tenant.';

CREATE FUNCTION userlock_private.name_is_valid(name text)
RETURNS boolean
LANGUAGE C IMMUTABLE PARALLEL SAFE  -- not STRICT: NULL is no name
AS 'MODULE_PATHNAME', 'userlock_name_is_valid';

REVOKE EXECUTE ON FUNCTION userlock_private.name_is_valid FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.name_is_valid IS
'Is this a user id, a tenant, or the name of a key: 1 to 200 characters? False for NULL.';
