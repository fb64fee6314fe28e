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

CREATE FUNCTION userlock_http.percent_encode(segment text)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_percent_encode';

REVOKE EXECUTE ON FUNCTION userlock_http.percent_encode FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.percent_encode IS
'A segment of a path that stands for a text (RFC 3986, section 2.1).';

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

CREATE FUNCTION userlock_http.admit()
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key text := userlock_http.header('x-api-key');
    claims jsonb := userlock_http.api_key_claims(key);
BEGIN
    IF claims IS NOT NULL THEN
        PERFORM set_config('request.jwt.claims', claims::text, true), set_config('role', claims ->> 'role', true);
    END IF;
    RETURN key IS NULL OR claims IS NOT NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.admit FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.admit IS
'Has the request go on as the bearer of its API key, if it has one, else as that of its token; false: the key is no good.';

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

-- What the calls of the core that raise errors come to, for those below.
CREATE FUNCTION userlock_http.outcome_of_error(user_id text, name text, sqlstate text, message text, detail text, hint text)
RETURNS userlock.transition_outcome
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- The name of the refusal at the end of the hint is for those who see no outcome.
RETURN ROW(
    user_id,
    CASE sqlstate WHEN '42501' THEN 'permission_denied' ELSE name END,
    CASE sqlstate WHEN '42501' THEN 'PT403' ELSE sqlstate END,
    message, nullif(detail, ''), nullif(regexp_replace(hint, ' \[\w+\]$', ''), ''), NULL, NULL)::userlock.transition_outcome;

REVOKE EXECUTE ON FUNCTION userlock_http.outcome_of_error FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.outcome_of_error IS
'An error of the core, or of a permission that is missing, as the outcome that it would be.';

CREATE FUNCTION userlock_http.try_status(user_id text, tenant text DEFAULT NULL)
RETURNS userlock.transition_outcome
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found userlock.user_status;
    name text;
    detail text;
    hint text;
BEGIN
    -- Claims are judged before the permission.
    PERFORM userlock.caller_tenants();
    -- A query, because an expression may have been permitted to another role before.
    SELECT * INTO found FROM userlock.user_status(user_id, tenant);
    RETURN ROW(user_id, 'unchanged', '00000', NULL, NULL, NULL, found, NULL)::userlock.transition_outcome;
EXCEPTION WHEN SQLSTATE 'PT401' OR SQLSTATE 'PT403' OR SQLSTATE 'PT404' OR SQLSTATE 'PT422' OR insufficient_privilege THEN
    GET STACKED DIAGNOSTICS name = CONSTRAINT_NAME, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN userlock_http.outcome_of_error(user_id, name, SQLSTATE, SQLERRM, detail, hint);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.try_status FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.try_status IS
$$The user as they are now, as userlock.user_status() tells it, with an outcome instead of an error: what try_transition() is to a transition.

The caller needs EXECUTE on user_status as well.$$;

CREATE FUNCTION userlock_http.try_change(
    change text,
    user_id text,
    profile jsonb DEFAULT NULL,
    expected_sequence bigint DEFAULT NULL,
    reason text DEFAULT NULL)
RETURNS userlock.transition_outcome
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changed userlock.user_status;
    name text;
    detail text;
    hint text;
BEGIN
    -- Claims are judged before the permission.
    PERFORM userlock.caller_tenants();
    -- Queries, because an expression may have been permitted to another role before.
    CASE change
        WHEN 'register' THEN
            SELECT * INTO changed FROM userlock.register_user(user_id, profile => profile);
        WHEN 'set_profile' THEN
            SELECT * INTO changed FROM userlock.set_profile(user_id, profile, reason, expected_sequence => expected_sequence, idempotent => true);
        WHEN 'delete' THEN
            SELECT * INTO changed FROM userlock.delete_user(user_id, reason, expected_sequence => expected_sequence);
    END CASE;
    RETURN ROW(user_id, 'changed', '00000', NULL, NULL, NULL, changed, NULL)::userlock.transition_outcome;
EXCEPTION WHEN SQLSTATE 'PT401' OR SQLSTATE 'PT403' OR SQLSTATE 'PT404' OR SQLSTATE 'PT409' OR SQLSTATE 'PT412' OR SQLSTATE 'PT422'
    OR insufficient_privilege THEN
    GET STACKED DIAGNOSTICS name = CONSTRAINT_NAME, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN userlock_http.outcome_of_error(user_id, name, SQLSTATE, SQLERRM, detail, hint);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.try_change FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.try_change IS
$$A change that is no transition, with an outcome instead of an error: register (with a profile), set_profile (idempotent) or delete.

The caller needs EXECUTE on register_user, set_profile or delete_user as well.$$;

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

CREATE FUNCTION userlock_http.may_execute(VARIADIC functions text[])
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Claims are judged before the permission.
    PERFORM userlock.caller_tenants();
    RETURN (SELECT bool_and(has_function_privilege(('userlock.' || f)::regproc, 'EXECUTE')) FROM unnest(functions) AS f);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.may_execute FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.may_execute IS
'May the caller execute these functions of the core? Error: PT401 malformed claims, which is a bad token.';

CREATE FUNCTION userlock_http.may_list()
RETURNS boolean
LANGUAGE sql STABLE PARALLEL UNSAFE
RETURN userlock_http.may_execute('find_users', 'count_users');

REVOKE EXECUTE ON FUNCTION userlock_http.may_list FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.may_list IS
'May the caller list users: execute userlock.find_users, and userlock.count_users for how many there are? Error: PT401 malformed claims, which is a bad token.';
