--
-- The request, as nginx and PostgREST hand it over
--
-- A contract's function takes the body as it came.  The rest is in headers:
-- those that nginx lets through, and x-userlock-user-id, the segment of the path
-- that names the user.
--

CREATE FUNCTION userlock_http.header(name text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('request.headers', true), '')::json ->> name;

REVOKE EXECUTE ON FUNCTION userlock_http.header FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.header IS
'The request''s header of this name, which is in lower case; NULL: there is none.';

CREATE FUNCTION userlock_http.percent_decode(segment text)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_percent_decode';

REVOKE EXECUTE ON FUNCTION userlock_http.percent_decode FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.percent_decode IS
'What a segment of a path stands for (RFC 3986, section 2.1); NULL: malformed, not UTF-8, or with NUL.';

CREATE FUNCTION userlock_http.user_id()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN userlock_http.percent_decode(userlock_http.header('x-userlock-user-id'));

REVOKE EXECUTE ON FUNCTION userlock_http.user_id FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.user_id IS
'The user that the request''s path names; NULL: not an id that text can hold.';

CREATE FUNCTION userlock_http.json_object(body bytea)
RETURNS json
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_json_object';

REVOKE EXECUTE ON FUNCTION userlock_http.json_object FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.json_object IS
'The JSON object that a body is, an empty one where the body is empty; NULL: malformed, not an object, not UTF-8, or nested more than 1000 deep.';

CREATE FUNCTION userlock_http.is_integer(value json)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(json_typeof(value) = 'number' AND value::text ~ '^-?[0-9]{1,10}$'
    AND value::text::bigint BETWEEN -2147483648 AND 2147483647, false);

REVOKE EXECUTE ON FUNCTION userlock_http.is_integer FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.is_integer IS
'Is a field an integer of 32 bits?';

-- Not in the core's schema, which callers reach: a key would be in the URL.
CREATE FUNCTION userlock_http.api_key_claims(key text)
RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Here, and not in the query, whose plan would show the key to whoever logs plans.
    wanted bytea := sha256(convert_to(key, 'UTF8'));
BEGIN
    RETURN (
        SELECT jsonb_build_object('role', k.role, 'tenant', k.tenant, 'sub', 'api_key:' || k.name)
        FROM userlock_private.api_key AS k
        WHERE k.digest = wanted AND k.expires_at > now()
        AND EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = k.role));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.api_key_claims FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.api_key_claims IS
$$The claims that an API key stands for: role, tenant, and sub for history. NULL: no good key, or one whose role is gone.

Tells nothing that the bearer of the key is not to know.$$;

CREATE FUNCTION userlock_http.reject_credential()
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'credential rejected' USING ERRCODE = 'PT401';
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.reject_credential FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.reject_credential IS
'Ends the request as one with a bad token ends. For claims that nobody can make sense of.';

