--
-- The request, as nginx and PostgREST hand it over
--
-- A contract's function takes the body as it came.  The rest is in headers:
-- those that nginx lets through, x-userlock-user-id, the segment of the path that
-- names the user, and x-userlock-query, what stands behind the question mark.
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

CREATE FUNCTION userlock_http.query()
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT CASE WHEN count(*) = count(name) AND count(*) = count(value) THEN
        coalesce(jsonb_object_agg(name, value ORDER BY position) FILTER (WHERE name IS NOT NULL), '{}')
    END
    FROM (
        SELECT position,
            userlock_http.percent_decode(split_part(parameter, '=', 1)) AS name,
            userlock_http.percent_decode(substr(parameter, length(split_part(parameter, '=', 1)) + 2)) AS value
        FROM string_to_table(replace(userlock_http.header('x-userlock-query'), '+', ' '), '&')
            WITH ORDINALITY AS part (parameter, position)
        WHERE parameter <> ''
    ) AS decoded
);

REVOKE EXECUTE ON FUNCTION userlock_http.query FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.query IS
'The parameters behind the question mark, an object of strings; the last of a name counts, and a plus sign is a space. NULL: malformed, not UTF-8, or with NUL.';

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

CREATE FUNCTION userlock_http.try_status(user_id text, tenant text DEFAULT NULL)
RETURNS userlock.transition_outcome
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tried userlock.transition_outcome;
BEGIN
    tried.user_id := user_id;
    -- Claims are judged before the permission.
    PERFORM userlock.caller_tenants();
    -- A query, because an expression may have been permitted to another role before.
    SELECT status INTO tried.status FROM userlock.user_status(user_id, tenant) AS status;
    tried.outcome := 'unchanged';
    tried.sqlstate := '00000';
    RETURN tried;
EXCEPTION WHEN SQLSTATE 'PT401' OR SQLSTATE 'PT403' OR SQLSTATE 'PT404' OR SQLSTATE 'PT422' OR insufficient_privilege THEN
    GET STACKED DIAGNOSTICS tried.outcome = CONSTRAINT_NAME, tried.sqlstate = RETURNED_SQLSTATE,
        tried.message = MESSAGE_TEXT, tried.detail = PG_EXCEPTION_DETAIL, tried.hint = PG_EXCEPTION_HINT;
    IF tried.sqlstate = '42501' THEN
        tried.outcome := 'permission_denied';
        tried.sqlstate := 'PT403';
    END IF;
    tried.detail := nullif(tried.detail, '');
    -- The name of the refusal at its end is for those who see no outcome.
    tried.hint := nullif(regexp_replace(tried.hint, ' \[\w+\]$', ''), '');
    RETURN tried;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.try_status FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.try_status IS
$$The user as they are now, as userlock.user_status() tells it, with an outcome instead of an error: what try_transition() is to a transition.

The caller needs EXECUTE on user_status as well.$$;

CREATE FUNCTION userlock_http.integer_parameter(query jsonb, name text, otherwise integer)
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN coalesce(query ->> name, '') = '' THEN otherwise
    WHEN query ->> name ~ '^[+-]?[0-9]{1,10}$' AND (query ->> name)::bigint BETWEEN -2147483648 AND 2147483647
        THEN (query ->> name)::integer
END;

REVOKE EXECUTE ON FUNCTION userlock_http.integer_parameter FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.integer_parameter IS
'A parameter of a query that is an integer of 32 bits; otherwise, where it is missing or empty; NULL: it is none.';

CREATE FUNCTION userlock_http.may_list()
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Claims are judged before the permission.
    PERFORM userlock.caller_tenants();
    RETURN has_function_privilege('userlock.find_users'::regproc, 'EXECUTE')
        AND has_function_privilege('userlock.count_users'::regproc, 'EXECUTE');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.may_list FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.may_list IS
'May the caller list users: execute userlock.find_users, and userlock.count_users for how many there are? Error: PT401 malformed claims, which is a bad token.';
