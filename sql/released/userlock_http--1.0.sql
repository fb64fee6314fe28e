\echo Use "CREATE EXTENSION userlock_http" to load this file. \quit

-- From here on a name without a schema can only mean what pg_catalog has, whatever
-- there is in the schemas that CREATE EXTENSION searches; all that is ours is named
-- in full.  So are operators on our type, hence no IS DISTINCT FROM, IN and the like
-- there: with those, a dump could not be restored.
SET LOCAL search_path = pg_catalog, pg_temp;

-- A schema of this name may be there already, made by someone who owns the ground
-- that this script builds on, left something in it, or lets others in.
DO $$
DECLARE
    objection text;
BEGIN
    SELECT coalesce(
        (SELECT format('It belongs to %I.', owner.rolname) FROM pg_roles AS owner
         WHERE owner.oid = n.nspowner AND NOT owner.rolsuper AND owner.rolname <> CURRENT_USER),
        (SELECT format('It contains %s.', pg_describe_object(d.classid, d.objid, d.objsubid)) FROM pg_depend AS d
         WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid AND d.classid <> 'pg_extension'::regclass
         ORDER BY d.objid LIMIT 1),
        (SELECT format('%s may create objects in it.', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
         FROM aclexplode(n.nspacl) AS a
         WHERE a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner LIMIT 1))
    INTO objection
    FROM pg_namespace AS n WHERE n.nspname = '@extschema@';
    IF objection IS NOT NULL THEN
        RAISE EXCEPTION 'schema "@extschema@" is not safe to install into'
            USING ERRCODE = 'insufficient_privilege', DETAIL = objection,
                  HINT = 'Drop the schema: CREATE EXTENSION makes it anew. Default privileges must not give CREATE on it.';
    END IF;
END
$$;

-- What comes and goes over HTTP is UTF-8.
DO $$
BEGIN
    IF getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION 'database encoding % is not supported', getdatabaseencoding()
            USING ERRCODE = 'feature_not_supported',
                  HINT = 'Create the extension in a database whose encoding is UTF8.';
    END IF;
END
$$;

-- PostgREST exposes the schemas of the contracts, in which every function is a call.
-- What these call in turn is here, with the caller's rights: what all contracts share,
-- and with a contract's name before it what is its own.  PL/pgSQL pins the search_path,
-- as everywhere.  SQL bodies are parsed as they are created, under the one of this
-- script, and are inlined where they are called.

COMMENT ON SCHEMA userlock_http IS
'What the HTTP contracts call: the request, the response. Not to be exposed over HTTP.';

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
--
-- The response, as PostgREST and nginx take it
--
-- What a contract's function returns is the body of status 200; nginx knows the
-- media type.  What comes to nginx with an error status comes from PostgREST (a
-- bad token, a database that is down) and is given the contract's shape there.
-- A refusal by the function must be told from that, so it comes with status 200
-- too: x-accel-redirect names the status, and x-userlock-body carries the body.
--

-- A function of this type answers every Accept header with bytes as they are.
CREATE DOMAIN userlock_http."*/*" AS bytea;

COMMENT ON DOMAIN userlock_http."*/*" IS
'The body of a response, of any media type; PostgREST looks for this name.';

CREATE FUNCTION userlock_http.no_content()
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('response.status', '204', true);
    RETURN '';
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.no_content FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.no_content IS
'Answers with status 204.';

CREATE FUNCTION userlock_http.refuse(status integer, media_type text, body text, challenge text DEFAULT '')
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('response.headers', json_build_array(
        json_build_object('x-accel-redirect', format('@refused_%s', status)),
        json_build_object('content-type', media_type),
        json_build_object('www-authenticate', challenge),
        json_build_object('x-userlock-body', body))::text, true);
    RETURN '';
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.refuse FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.refuse IS
'Answers with this error status (one that nginx has a location for), media type, body (ASCII, one line) and, if given, WWW-Authenticate challenge.';

CREATE FUNCTION userlock_http.ascii_json(value text)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT string_agg(CASE
        WHEN code BETWEEN 32 AND 126 THEN character
        WHEN code < 65536 THEN format('\u%s', lpad(to_hex(code), 4, '0'))
        -- A surrogate pair.
        ELSE format('\u%s\u%s', to_hex(55296 + (code - 65536) / 1024), to_hex(56320 + (code - 65536) % 1024))
    END, '' ORDER BY position)
    FROM string_to_table(to_json(value)::text, NULL) WITH ORDINALITY AS part (character, position), ascii(character) AS code
);

REVOKE EXECUTE ON FUNCTION userlock_http.ascii_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.ascii_json IS
'A string as JSON of printable ASCII, as userlock_http.refuse() takes it.';

CREATE FUNCTION userlock_http.compact(document jsonb)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_compact';

REVOKE EXECUTE ON FUNCTION userlock_http.compact FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.compact IS
'A document without spaces between its parts.';

CREATE FUNCTION userlock_http.timestamp(moment timestamptz)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_timestamp';

REVOKE EXECUTE ON FUNCTION userlock_http.timestamp FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.timestamp IS
'A finite moment as protobuf''s JSON mapping writes it: RFC 3339 in UTC, with 0, 3 or 6 digits of a fraction.';

--
-- The profile: what contracts read of a SCIM core User document (RFC 7643, 4.1)
--
-- Whoever wrote the document may have put anything anywhere: what is not of the
-- type that is looked for is as good as not there.
--
-- These are called for each of many users.  In SQL they would be planned anew each
-- time, unless they are inlined, so those that look something up are in PL/pgSQL.
--

CREATE FUNCTION userlock_http.profile(user_id text, tenant text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF has_function_privilege('userlock.user_profile'::regproc, 'EXECUTE') THEN
        RETURN userlock.user_profile(user_id, tenant);
    END IF;
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.profile FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.profile IS
'The profile of a user, for who may execute userlock.user_profile: personal data is for whoever may read it in any other way. NULL for everybody else, and where there is none.';

CREATE FUNCTION userlock_http.member(document jsonb, name text, type text, otherwise text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(document -> name) = type THEN userlock_http.compact(document -> name) ELSE otherwise END;

REVOKE EXECUTE ON FUNCTION userlock_http.member FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.member IS
'A member of a document as JSON, if it is there and of this type, as jsonb_typeof() calls it.';

CREATE FUNCTION userlock_http.attribute(document jsonb, name text)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF document ? name OR jsonb_typeof(document) IS DISTINCT FROM 'object' THEN
        RETURN document -> name;
    END IF;
    RETURN (SELECT m.value FROM jsonb_each(document) AS m WHERE lower(m.key) = lower(name) LIMIT 1);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.attribute FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.attribute IS
'An attribute of a document, written as SCIM does or in any other case; NULL: none.';

CREATE FUNCTION userlock_http.string_attribute(document jsonb, name text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    value jsonb := userlock_http.attribute(document, name);
BEGIN
    RETURN CASE WHEN jsonb_typeof(value) = 'string' THEN nullif(value #>> '{}', '') END;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.string_attribute FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.string_attribute IS
'An attribute of a document that is a string; NULL: none, or an empty one.';

CREATE FUNCTION userlock_http.scim_values(profile jsonb, name text)
RETURNS TABLE (place bigint, value text, is_primary boolean, element jsonb)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 2
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    elements jsonb := userlock_http.attribute(profile, name);
BEGIN
    IF jsonb_typeof(elements) = 'array' THEN
        RETURN QUERY SELECT e.ordinality, v,
            row_number() OVER (ORDER BY userlock_http.attribute(e.value, 'primary') = 'true' DESC NULLS LAST, e.ordinality) = 1,
            e.value
        FROM jsonb_array_elements(elements) WITH ORDINALITY AS e, userlock_http.string_attribute(e.value, 'value') AS v
        WHERE v IS NOT NULL
        ORDER BY e.ordinality;
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_values FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_values IS
'The values of an attribute that has several (emails, phoneNumbers, photos). One is the primary: the first that says so, else the first.';

CREATE FUNCTION userlock_http.scim_primary(profile jsonb, name text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT v.value FROM userlock_http.scim_values(profile, name) AS v WHERE v.is_primary);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_primary FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_primary IS
'The primary value of an attribute that has several; NULL: none.';

CREATE FUNCTION userlock_http.telephone_number(value text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value ~ '^(tel:)?\+[0-9][-.() 0-9]*$' THEN regexp_replace(value, '[^+0-9]', '', 'g') ELSE value END;

REVOKE EXECUTE ON FUNCTION userlock_http.telephone_number FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.telephone_number IS
'A value of phoneNumbers in E.164, if it is a URI of a telephone (RFC 3966) or has separators for the eye; any other as it is.';
--
-- gRPC and gRPC-Web: how a message and the status of a call travel
--

CREATE FUNCTION userlock_http.grpc_frame(message bytea, trailers boolean DEFAULT false)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_grpc_frame';

REVOKE EXECUTE ON FUNCTION userlock_http.grpc_frame FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.grpc_frame IS
'A message in a frame; trailers: it is the trailers of gRPC-Web.';

CREATE FUNCTION userlock_http.grpc_message(message text)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_grpc_message';

REVOKE EXECUTE ON FUNCTION userlock_http.grpc_message FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.grpc_message IS
'A message as grpc-message carries it: %XX instead of what is not printable ASCII, and of the percent sign.';

CREATE FUNCTION userlock_http.base64(bytes bytea)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN translate(encode(bytes, 'base64'), E'=\n', '');

REVOKE EXECUTE ON FUNCTION userlock_http.base64 FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.base64 IS
'Base64 without padding and line breaks (RFC 4648, section 4).';

CREATE FUNCTION userlock_http.grpc_refuse(code integer, message text, details bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('response.headers', json_build_array(
        json_build_object('x-grpc-status', code::text),
        json_build_object('x-grpc-message', userlock_http.grpc_message(message)),
        json_build_object('x-grpc-details', concat(userlock_http.base64(details))))::text, true);
    RETURN '';
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.grpc_refuse FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.grpc_refuse IS
'Answers with an error of gRPC, in headers that nginx turns into trailers. code: not 0; details: a google.rpc.Status, NULL: none.';

CREATE FUNCTION userlock_http.grpc_web_trailers(code integer, message text, details bytea)
RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN userlock_http.grpc_frame(convert_to(concat(
    'grpc-status: ' || code || E'\r\n',
    'grpc-message: ' || userlock_http.grpc_message(message) || E'\r\n',
    'grpc-status-details-bin: ' || userlock_http.base64(details) || E'\r\n'), 'UTF8'), trailers => true);

REVOKE EXECUTE ON FUNCTION userlock_http.grpc_web_trailers FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.grpc_web_trailers IS
'The frame that ends every answer of gRPC-Web. code: 0 is success; message, details (a google.rpc.Status): NULL where there is none.';

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
--
-- Clerk
--
-- Locked is our lock, banned our block.  Callers have a token or an API key, so each
-- call sees itself whose it is.
--

CREATE SCHEMA userlock_clerk;

COMMENT ON SCHEMA userlock_clerk IS
'The HTTP contract of Clerk''s users: get, lock, unlock, ban and unban, and ban and unban of many.';

CREATE FUNCTION userlock_http.clerk_refuse(status integer, code text, message text, long_message text, parameter text DEFAULT NULL)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_http.refuse(status, 'application/json', format(
        '{"errors":[{"message":"%s","long_message":%s,"code":"%s"%s}],"clerk_trace_id":"%s"}',
        message, userlock_http.ascii_json(long_message), code,
        ',"meta":{"param_name":"' || parameter || '"}',
        userlock_http.header('x-userlock-trace-id')));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_refuse FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_refuse IS
'Refuses with this status and one error; parameter: what of the body it is about.';

CREATE FUNCTION userlock_http.clerk_refuse_outcome(sqlstate text)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CASE sqlstate
        WHEN 'PT401' THEN PERFORM userlock_http.reject_credential();
        WHEN 'PT403' THEN RETURN userlock_http.clerk_refuse(403, 'authorization_invalid',
            'Unauthorized request', 'You are not authorized to perform this request');
        -- An id that nobody can have is one that nobody has.  A header does not hold just any.
        WHEN 'PT404', 'PT422' THEN RETURN userlock_http.clerk_refuse(404, 'resource_not_found', 'not found',
            'No user was found with id ' || left(coalesce(userlock_http.user_id(), userlock_http.header('x-userlock-user-id')), 200));
        ELSE RETURN userlock_http.clerk_refuse(500, 'internal_clerk_error',
            'Oops, an unexpected error occurred', 'There was an internal error on our servers.');
    END CASE;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_refuse_outcome FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_refuse_outcome IS
'Refuses what came to this sqlstate for the user whom the path names.';

CREATE FUNCTION userlock_http.clerk_milliseconds(moment timestamptz)
RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN trunc(extract(epoch FROM moment) * 1000);

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_milliseconds FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_milliseconds IS
'A moment as Clerk writes it: milliseconds since 1970.';

CREATE FUNCTION userlock_http.clerk_id(status userlock.user_status, kind text, value text)
RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN 'idn_' || left(encode(sha256(convert_to(
    json_build_array((status).tenant, (status).user_id, kind, value)::text, 'UTF8')), 'hex'), 27);

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_id FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_id IS
'The id of an address that a user has, the same each time; NULL: no address.';

CREATE FUNCTION userlock_http.clerk_addresses(status userlock.user_status, profile jsonb, attribute text, kind text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    address record;
    addresses text[] := '{}';
BEGIN
    FOR address IN SELECT * FROM userlock_http.scim_values(profile, attribute) LOOP
        -- linked_to has to be there: clients go through it.
        addresses := addresses || format(
            '{"id":"%s","object":"%s","%2$s":%s,%s"reserved":false,"verification":%s,"linked_to":[],%s"created_at":%s,"updated_at":%s}',
            userlock_http.clerk_id(status, kind, address.value),
            kind,
            to_json(CASE kind WHEN 'phone_number' THEN userlock_http.telephone_number(address.value) ELSE address.value END),
            CASE kind WHEN 'phone_number' THEN '"reserved_for_second_factor":false,"default_second_factor":false,' END,
            CASE WHEN address.element -> 'verified' = 'true'
                THEN '{"object":"verification_admin","status":"verified","strategy":"admin","attempts":null,"expire_at":null}'
                ELSE 'null' END,
            CASE kind WHEN 'phone_number' THEN '"backup_codes":[],' ELSE '"matches_sso_connection":false,' END,
            userlock_http.clerk_milliseconds((status).created_at),
            userlock_http.clerk_milliseconds((status).changed_at));
    END LOOP;
    RETURN format('[%s]', array_to_string(addresses, ','));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_addresses FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_addresses IS
'The emails or phoneNumbers of a profile as Clerk has them; kind: email_address or phone_number. An element that says so is verified.';

CREATE FUNCTION userlock_http.clerk_objects(own jsonb, name text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_typeof(own -> name) IS DISTINCT FROM 'array' THEN
        RETURN '[]';
    END IF;
    -- A verification may lead to a URL while it is under way, and clients fail on what is none.
    RETURN (
        SELECT userlock_http.compact(coalesce(jsonb_agg(CASE WHEN jsonb_typeof(e.value -> 'verification') = 'object'
            THEN e.value #- '{verification,external_verification_redirect_url}' ELSE e.value END ORDER BY e.ordinality), '[]'))
        FROM jsonb_array_elements(own -> name) WITH ORDINALITY AS e
        WHERE jsonb_typeof(e.value) = 'object');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_objects FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_objects IS
'The objects in an array that a profile has under urn:userlock:clerk.';

CREATE FUNCTION userlock_http.clerk_user_json(status userlock.user_status, profile jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT format('{"id":%s,"object":"user","username":%s,"first_name":%s,"last_name":%s,"locale":%s,"timezone":%s,"image_url":%s,'
        '"has_image":%s,"primary_email_address_id":%s,"primary_phone_number_id":%s,"primary_web3_wallet_id":%s,',
        to_json((status).user_id),
        coalesce(to_json(userlock_http.string_attribute(profile, 'userName'))::text, 'null'),
        coalesce(to_json(userlock_http.string_attribute(name, 'givenName'))::text, 'null'),
        coalesce(to_json(userlock_http.string_attribute(name, 'familyName'))::text, 'null'),
        coalesce(to_json(userlock_http.string_attribute(profile, 'locale'))::text, 'null'),
        coalesce(to_json(userlock_http.string_attribute(profile, 'timezone'))::text, 'null'),
        to_json(coalesce(image, '')),
        to_json(image IS NOT NULL),
        coalesce(to_json(userlock_http.clerk_id(status, 'email_address', userlock_http.scim_primary(profile, 'emails')))::text, 'null'),
        coalesce(to_json(userlock_http.clerk_id(status, 'phone_number', userlock_http.scim_primary(profile, 'phoneNumbers')))::text, 'null'),
        userlock_http.member(own, 'primary_web3_wallet_id', 'string', 'null'))
    || format('"password_enabled":%s,"two_factor_enabled":%s,"totp_enabled":%s,"backup_code_enabled":%s,"email_addresses":%s,'
        '"phone_numbers":%s,"web3_wallets":%s,"passkeys":%s,"external_accounts":%s,"saml_accounts":%s,"enterprise_accounts":%s,'
        '"password_last_updated_at":%s,"public_metadata":%s,"private_metadata":%s,"unsafe_metadata":%s,"external_id":%s,"last_sign_in_at":%s,',
        userlock_http.member(own, 'password_enabled', 'boolean', 'false'),
        userlock_http.member(own, 'two_factor_enabled', 'boolean', 'false'),
        userlock_http.member(own, 'totp_enabled', 'boolean', 'false'),
        userlock_http.member(own, 'backup_code_enabled', 'boolean', 'false'),
        userlock_http.clerk_addresses(status, profile, 'emails', 'email_address'),
        userlock_http.clerk_addresses(status, profile, 'phoneNumbers', 'phone_number'),
        userlock_http.clerk_objects(own, 'web3_wallets'),
        userlock_http.clerk_objects(own, 'passkeys'),
        userlock_http.clerk_objects(own, 'external_accounts'),
        userlock_http.clerk_objects(own, 'saml_accounts'),
        userlock_http.clerk_objects(own, 'enterprise_accounts'),
        userlock_http.member(own, 'password_last_updated_at', 'number', 'null'),
        userlock_http.member(own, 'public_metadata', 'object', '{}'),
        userlock_http.member(own, 'private_metadata', 'object', '{}'),
        userlock_http.member(own, 'unsafe_metadata', 'object', '{}'),
        coalesce(to_json(userlock_http.string_attribute(profile, 'externalId'))::text, 'null'),
        userlock_http.member(own, 'last_sign_in_at', 'number', 'null'))
    || format('"banned":%s,"locked":%s,"deprovisioned":false,"lockout_expires_in_seconds":%s,"verification_attempts_remaining":%s,'
        '"created_at":%s,"updated_at":%s,"delete_self_enabled":%s,"create_organization_enabled":%s,"create_organizations_limit":%s,'
        '"last_active_at":%s,"mfa_enabled_at":%s,"mfa_disabled_at":%s,"legal_accepted_at":%s}',
        to_json(userlock.is_blocked((status).state)),
        to_json(userlock.is_locked((status).state)),
        coalesce(ceil(extract(epoch FROM (status).locked_until - now()))::text, 'null'),
        userlock_http.member(own, 'verification_attempts_remaining', 'number', 'null'),
        userlock_http.clerk_milliseconds((status).created_at),
        userlock_http.clerk_milliseconds((status).changed_at),
        userlock_http.member(own, 'delete_self_enabled', 'boolean', 'false'),
        userlock_http.member(own, 'create_organization_enabled', 'boolean', 'false'),
        userlock_http.member(own, 'create_organizations_limit', 'number', 'null'),
        userlock_http.member(own, 'last_active_at', 'number', 'null'),
        userlock_http.member(own, 'mfa_enabled_at', 'number', 'null'),
        userlock_http.member(own, 'mfa_disabled_at', 'number', 'null'),
        userlock_http.member(own, 'legal_accepted_at', 'number', 'null'))
    FROM (SELECT profile -> 'urn:userlock:clerk' AS own, userlock_http.attribute(profile, 'name') AS name,
        userlock_http.scim_primary(profile, 'photos') AS image) AS kept
);

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_user_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_user_json IS
$$Clerk's User: what the account says, the SCIM attributes of the profile, and what that has under urn:userlock:clerk.

Every key is there, empty, false or null where nothing is known. A lock without an end has no seconds, as at Clerk.$$;

CREATE FUNCTION userlock_http.clerk_user(outcome userlock.transition_outcome)
RETURNS text
LANGUAGE sql STABLE PARALLEL UNSAFE
RETURN userlock_http.clerk_user_json(
    (outcome).status, userlock_http.profile(((outcome).status).user_id, ((outcome).status).tenant));

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_user FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_user IS
'The User of a success, as far as the caller may see them.';

-- Whoever may lock need not be able to see the policies.
CREATE FUNCTION userlock_http.clerk_lock_duration()
RETURNS interval
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
RETURN (userlock_private.lockout_policy_of(userlock_private.require_tenant(NULL, false))).duration;

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_lock_duration FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_lock_duration IS
'How long a first lock after failed logins lasts in the caller''s own tenant. Error: PT401 malformed claims.';

CREATE FUNCTION userlock_http.clerk_transition(transition text)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    outcome userlock.transition_outcome;
BEGIN
    IF NOT userlock_http.admit() THEN
        RETURN userlock_http.clerk_refuse_outcome('PT401');
    END IF;
    outcome := userlock.try_transition(transition, userlock_http.user_id(),
        until => CASE transition WHEN 'lock' THEN now() + userlock_http.clerk_lock_duration() END, idempotent => true);
    IF outcome.sqlstate <> '00000' THEN
        RETURN userlock_http.clerk_refuse_outcome(outcome.sqlstate);
    END IF;
    RETURN convert_to(userlock_http.clerk_user(outcome), 'UTF8');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_transition FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_transition IS
'Makes a transition on the user whom the path names and answers with the User.';

CREATE FUNCTION userlock_http.clerk_bulk_transition(transition text, body bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    outcome userlock.transition_outcome;
    fields json;
    user_id text;
    users text[] := '{}';
BEGIN
    IF NOT userlock_http.admit() THEN
        RETURN userlock_http.clerk_refuse_outcome('PT401');
    END IF;
    -- Nobody's id is refused for what it is, but not before the caller's permission is known.
    outcome := userlock.try_transition(transition, NULL);
    IF outcome.sqlstate <> 'PT422' THEN
        RETURN userlock_http.clerk_refuse_outcome(outcome.sqlstate);
    END IF;

    fields := userlock_http.json_object(body);
    IF fields IS NULL THEN
        RETURN userlock_http.clerk_refuse(400, 'request_body_invalid', 'Request body invalid',
            'The request body is invalid. Please consult the API documentation for more information.');
    END IF;
    fields := fields -> 'user_ids';
    IF coalesce(json_typeof(fields), 'null') = 'null' THEN
        RETURN userlock_http.clerk_refuse(422, 'form_param_missing', 'is missing', 'user_ids must be included.', 'user_ids');
    ELSIF json_typeof(fields) <> 'array' OR EXISTS (SELECT FROM json_array_elements(fields) AS e WHERE json_typeof(e) <> 'string') THEN
        RETURN userlock_http.clerk_refuse(422, 'form_param_type_invalid', 'is invalid', '`user_ids` must be a `list of strings`.', 'user_ids');
    ELSIF json_array_length(fields) = 0 THEN
        RETURN userlock_http.clerk_refuse(422, 'form_param_value_invalid', 'is invalid', 'user_ids is invalid', 'user_ids');
    ELSIF json_array_length(fields) > 50 THEN
        RETURN userlock_http.clerk_refuse(422, 'form_param_array_size_exceeded', 'exceeds maximum size',
            'user_ids should not exceed 50 items.', 'user_ids');
    END IF;

    -- All take the rows in one order, so that none wait for each other.
    FOR user_id IN SELECT DISTINCT e COLLATE "C" FROM json_array_elements_text(fields) AS e ORDER BY 1 LOOP
        outcome := userlock.try_transition(transition, user_id, idempotent => true);
        IF outcome.sqlstate = '00000' THEN
            users := users || userlock_http.clerk_user(outcome);
        END IF;
    END LOOP;
    RETURN convert_to(format('[%s]', array_to_string(users, ',')), 'UTF8');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_bulk_transition FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_bulk_transition IS
'Makes a transition on the users whom the body lists, 1 to 50, and answers with those whom there are, in the order of their ids. Ids that nobody has stop nothing.';

CREATE FUNCTION userlock_clerk.get(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    outcome userlock.transition_outcome;
BEGIN
    IF NOT userlock_http.admit() THEN
        RETURN userlock_http.clerk_refuse_outcome('PT401');
    END IF;
    outcome := userlock_http.try_status(userlock_http.user_id());
    IF outcome.sqlstate <> '00000' THEN
        RETURN userlock_http.clerk_refuse_outcome(outcome.sqlstate);
    END IF;
    RETURN convert_to(userlock_http.clerk_user(outcome), 'UTF8');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_clerk.get FROM PUBLIC;
COMMENT ON FUNCTION userlock_clerk.get IS
'GET /v1/users/{user_id}';

CREATE FUNCTION userlock_clerk.lock(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.clerk_transition('lock');

REVOKE EXECUTE ON FUNCTION userlock_clerk.lock FROM PUBLIC;
COMMENT ON FUNCTION userlock_clerk.lock IS
'POST /v1/users/{user_id}/lock, for as long as the lockout policy of the tenant says; takes no body and ignores one.';

CREATE FUNCTION userlock_clerk.unlock(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.clerk_transition('unlock');

REVOKE EXECUTE ON FUNCTION userlock_clerk.unlock FROM PUBLIC;
COMMENT ON FUNCTION userlock_clerk.unlock IS
'POST /v1/users/{user_id}/unlock; takes no body and ignores one.';

CREATE FUNCTION userlock_clerk.ban(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.clerk_transition('block');

REVOKE EXECUTE ON FUNCTION userlock_clerk.ban FROM PUBLIC;
COMMENT ON FUNCTION userlock_clerk.ban IS
'POST /v1/users/{user_id}/ban; takes no body and ignores one.';

CREATE FUNCTION userlock_clerk.unban(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.clerk_transition('unblock');

REVOKE EXECUTE ON FUNCTION userlock_clerk.unban FROM PUBLIC;
COMMENT ON FUNCTION userlock_clerk.unban IS
'POST /v1/users/{user_id}/unban; takes no body and ignores one.';

CREATE FUNCTION userlock_clerk.bulk_ban(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.clerk_bulk_transition('block', $1);

REVOKE EXECUTE ON FUNCTION userlock_clerk.bulk_ban FROM PUBLIC;
COMMENT ON FUNCTION userlock_clerk.bulk_ban IS
'POST /v1/users/ban';

CREATE FUNCTION userlock_clerk.bulk_unban(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.clerk_bulk_transition('unblock', $1);

REVOKE EXECUTE ON FUNCTION userlock_clerk.bulk_unban FROM PUBLIC;
COMMENT ON FUNCTION userlock_clerk.bulk_unban IS
'POST /v1/users/unban';
--
-- Guardhouse: the System API
--
-- Suspended is our block, locked our lock.  What suspends or does not revokes access.
--

CREATE SCHEMA userlock_guardhouse;

COMMENT ON SCHEMA userlock_guardhouse IS
'The HTTP contract of Guardhouse''s users: get, list, block and unblock.';

CREATE FUNCTION userlock_http.guardhouse_unblock_details(body json)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN body IS NOT NULL
        AND coalesce(json_typeof(body -> 'triggerWebhook') = 'boolean', true)
        AND coalesce(json_typeof(body -> 'notifyUserViaEmail') = 'boolean', true)
        AND coalesce(json_typeof(body -> 'unblockedByUserId') = 'null'
            OR userlock_http.is_integer(body -> 'unblockedByUserId'), true)
    THEN jsonb_strip_nulls(jsonb_build_object(
        'triggerWebhook', body -> 'triggerWebhook',
        'notifyUserViaEmail', body -> 'notifyUserViaEmail',
        'unblockedByUserId', body -> 'unblockedByUserId'))
END;

REVOKE EXECUTE ON FUNCTION userlock_http.guardhouse_unblock_details FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.guardhouse_unblock_details IS
'What of the body of a request to unblock is kept with the event; NULL: the body is not valid.';

CREATE FUNCTION userlock_http.guardhouse_block_details(body json)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN body IS NOT NULL
        AND coalesce(json_typeof(body -> 'triggerWebhook') = 'boolean', true)
        AND coalesce(json_typeof(body -> 'notifyUserViaEmail') = 'boolean', true)
        AND coalesce(json_typeof(body -> 'suspensionReason') IN ('string', 'null'), true)
        AND coalesce(length(body ->> 'suspensionReason') <= 250, true)
        AND userlock_http.is_integer(body -> 'blockedByUserId')
        AND body ->> 'blockedByUserId' !~ '^-|^0$'
    THEN jsonb_strip_nulls(jsonb_build_object(
        'triggerWebhook', body -> 'triggerWebhook',
        'notifyUserViaEmail', body -> 'notifyUserViaEmail',
        'suspensionReason', body -> 'suspensionReason',
        'blockedByUserId', body -> 'blockedByUserId'))
END;

REVOKE EXECUTE ON FUNCTION userlock_http.guardhouse_block_details FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.guardhouse_block_details IS
'What of the body of a request to block is kept with the event; NULL: the body is not valid.';

CREATE FUNCTION userlock_http.guardhouse_user_id()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT CASE WHEN length(digits) BETWEEN 1 AND 10 AND digits::bigint <= 2147483647 THEN digits END
    FROM ltrim(substring(userlock_http.user_id() FROM '^[0-9]+$'), '0') AS digits);

REVOKE EXECUTE ON FUNCTION userlock_http.guardhouse_user_id FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.guardhouse_user_id IS
'The user whose number the path names, written as numbers are; NULL: it is none from 1 to 2147483647.';

CREATE FUNCTION userlock_http.guardhouse_refuse(sqlstate text)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CASE sqlstate
        WHEN 'PT401' THEN PERFORM userlock_http.reject_credential();
        WHEN 'PT403' THEN RETURN userlock_http.refuse(403, 'application/json', '{"error":"insufficient_scope"}',
            'Bearer error="insufficient_scope"');
        WHEN 'PT404' THEN RETURN userlock_http.refuse(404, 'text/plain; charset=utf-8', 'User not found');
        WHEN 'PT422' THEN RETURN userlock_http.refuse(400, 'application/json', '{"error":"invalid_request"}');
        ELSE RETURN userlock_http.refuse(500, 'application/json', '{"error":"server_error"}');
    END CASE;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.guardhouse_refuse FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.guardhouse_refuse IS
'Refuses what came to this sqlstate.';

CREATE FUNCTION userlock_http.guardhouse_transition(transition text, details jsonb)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    user_id text := userlock_http.guardhouse_user_id();
    outcome userlock.transition_outcome;
BEGIN
    -- An id of NULL is refused, but not before the caller's permission is known.
    outcome := userlock.try_transition(
        transition, CASE WHEN details IS NOT NULL THEN user_id END, details ->> 'suspensionReason',
        idempotent => true, revoke_access => true, details => nullif(details, '{}'));

    CASE
        WHEN outcome.sqlstate = '00000' THEN RETURN userlock_http.no_content();
        WHEN outcome.sqlstate = 'PT422' AND user_id IS NULL THEN RETURN userlock_http.guardhouse_refuse('PT404');
        ELSE RETURN userlock_http.guardhouse_refuse(outcome.sqlstate);
    END CASE;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.guardhouse_transition FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.guardhouse_transition IS
'Makes a transition on the user whose number the path holds, keeps the details with the event, and revokes access. A suspensionReason is also the event''s reason.';

CREATE FUNCTION userlock_http.guardhouse_grants(own jsonb, name text, is_listed boolean)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    element jsonb;
    grants text[] := '{}';
BEGIN
    IF jsonb_typeof(own -> name) = 'array' THEN
        FOR element IN SELECT jsonb_array_elements(own -> name) LOOP
            CONTINUE WHEN NOT userlock_http.is_integer((element -> 'id')::json);
            grants := grants || format(
                CASE WHEN is_listed THEN '{"id":%s,"key":%s,"name":%s,"description":%s}' ELSE '{"id":%1$s,"name":%3$s}' END,
                element -> 'id',
                userlock_http.member(element, 'key', 'string', '""'),
                userlock_http.member(element, 'name', 'string', '""'),
                userlock_http.member(element, 'description', 'string', '""'));
        END LOOP;
    END IF;
    RETURN format('[%s]', array_to_string(grants, ','));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.guardhouse_grants FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.guardhouse_grants IS
'Roles or permissions that a profile has under urn:userlock:guardhouse; is_listed: as a list of users shows them.';

CREATE FUNCTION userlock_http.guardhouse_user_json(status userlock.user_status, profile jsonb, is_listed boolean)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT CASE WHEN is_listed
        THEN format('{"id":%s,"firstName":%s,"lastName":%s,"email":%s,"roles":%s,"permissions":%s,"lastLogin":%s,'
            '"status":%s,"isSuspended":%s,"isLocked":%s,"avatarUrl":%s}',
            (status).user_id, first_name, last_name, email, userlock_http.guardhouse_grants(own, 'roles', true),
            userlock_http.guardhouse_grants(own, 'permissions', true),
            CASE WHEN own ->> 'lastLogin' ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$'
                THEN userlock_http.member(own, 'lastLogin', 'string', 'null') ELSE 'null' END,
            user_status, to_json(userlock.is_blocked((status).state)), to_json(userlock.is_locked((status).state)), avatar)
        ELSE format('{"id":%s,"email":%s,"firstName":%s,"lastName":%s,"status":%s,"avatarUrl":%s,"roles":%s,"systemPermissions":%s}',
            (status).user_id, email, first_name, last_name, user_status, avatar, userlock_http.guardhouse_grants(own, 'roles', false),
            userlock_http.guardhouse_grants(own, 'systemPermissions', false))
    END
    FROM (SELECT
        own,
        to_json(coalesce(userlock_http.string_attribute(name, 'givenName'), '')) AS first_name,
        to_json(coalesce(userlock_http.string_attribute(name, 'familyName'), '')) AS last_name,
        to_json(coalesce(userlock_http.scim_primary(profile, 'emails'), '')) AS email,
        -- 1 staged, 2 invited, 3 active, 4 archived
        CASE WHEN own ->> 'status' ~ '^[1-4]$' THEN userlock_http.member(own, 'status', 'number', '3') ELSE '3' END AS user_status,
        userlock_http.member(own, 'avatarUrl', 'string',
            coalesce(to_json(userlock_http.scim_primary(profile, 'photos'))::text, 'null')) AS avatar
        FROM (SELECT profile -> 'urn:userlock:guardhouse' AS own, userlock_http.attribute(profile, 'name') AS name) AS kept
    ) AS person
);

REVOKE EXECUTE ON FUNCTION userlock_http.guardhouse_user_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.guardhouse_user_json IS
$$A user as Guardhouse has them, one asked for or, is_listed, one of a list: what the account says, the SCIM attributes of the profile, and what that has under urn:userlock:guardhouse.

Names and the address are empty and the rest is null where nothing is known; the status is 3, active, unless the profile has another.$$;

CREATE FUNCTION userlock_guardhouse.unblock(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    body json := userlock_http.json_object($1);
BEGIN
    RETURN userlock_http.guardhouse_transition('unblock', userlock_http.guardhouse_unblock_details(body));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_guardhouse.unblock FROM PUBLIC;
COMMENT ON FUNCTION userlock_guardhouse.unblock IS
'PATCH /api/v1/users/{userId}/unblock';

CREATE FUNCTION userlock_guardhouse.block(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    body json := userlock_http.json_object($1);
BEGIN
    RETURN userlock_http.guardhouse_transition('block', userlock_http.guardhouse_block_details(body));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_guardhouse.block FROM PUBLIC;
COMMENT ON FUNCTION userlock_guardhouse.block IS
'PATCH /api/v1/users/{userId}/block';

CREATE FUNCTION userlock_guardhouse.get(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    outcome userlock.transition_outcome := userlock_http.try_status(userlock_http.guardhouse_user_id());
BEGIN
    CASE outcome.sqlstate
        WHEN '00000' THEN RETURN convert_to(userlock_http.guardhouse_user_json(
            outcome.status, userlock_http.profile(outcome.user_id), false), 'UTF8');
        -- The id is all that can be invalid.
        WHEN 'PT422' THEN RETURN userlock_http.guardhouse_refuse('PT404');
        ELSE RETURN userlock_http.guardhouse_refuse(outcome.sqlstate);
    END CASE;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_guardhouse.get FROM PUBLIC;
COMMENT ON FUNCTION userlock_guardhouse.get IS
'GET /api/v1/users/{userId}';

CREATE FUNCTION userlock_guardhouse.list(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    query jsonb := userlock_http.query();
    page_size integer := userlock_http.integer_parameter(query, 'pageSize', 50);
    skip integer := userlock_http.integer_parameter(query, 'offset', 0);
    -- Others cannot be told here.
    filter jsonb := '{"integer_id": true}';
    users text;
BEGIN
    IF NOT userlock_http.may_list() THEN
        RETURN userlock_http.guardhouse_refuse('PT403');
    ELSIF query IS NULL OR page_size IS NULL OR page_size > 1000 OR skip IS NULL THEN
        RETURN userlock_http.guardhouse_refuse('PT422');
    END IF;

    IF query ->> 'email' <> '' THEN
        filter := filter || jsonb_build_object('email', jsonb_build_object('contains', query ->> 'email'));
    END IF;
    SELECT string_agg(userlock_http.guardhouse_user_json(
        ROW(u.tenant, u.user_id, u.state, u.sequence, u.created_at, u.changed_at, u.locked_until, u.blocked_until)::userlock.user_status,
        userlock_http.profile(u.user_id, u.tenant), true), ',' ORDER BY u.ordinality)
    INTO users
    FROM userlock.find_users(filter, 'integer_id', page_size => greatest(page_size, 0), skip => greatest(skip, 0)) WITH ORDINALITY AS u;
    RETURN convert_to(format('{"total":%s,"users":[%s]}', userlock.count_users(filter), users), 'UTF8');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_guardhouse.list FROM PUBLIC;
COMMENT ON FUNCTION userlock_guardhouse.list IS
'GET /api/v1/users?pageSize&offset&email, in the order of their numbers: users whose id is one from 1 to 2147483647, 50 unless told otherwise, at most 1000.';
--
-- MonoCloud
--
-- Blocked is our lock, disabled our block.  Callers have an API key, so each call
-- sees itself whose it is.
--

CREATE SCHEMA userlock_monocloud;

COMMENT ON SCHEMA userlock_monocloud IS
'The HTTP contract of MonoCloud''s users: get, list, unblock, disable and enable.';

CREATE FUNCTION userlock_http.monocloud_refuse(status integer, invalid_field text DEFAULT NULL)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_http.refuse(status, 'application/problem+json', format(
        '{"type":"https://httpstatuses.io/%1$s%2$s","title":"%3$s","status":%1$s,"traceId":"%4$s"%5$s}',
        status,
        CASE status WHEN 422 THEN '#validation-error' END,
        CASE status WHEN 400 THEN 'Bad Request' WHEN 401 THEN 'Unauthorized' WHEN 403 THEN 'Forbidden'
            WHEN 404 THEN 'Not Found' WHEN 422 THEN 'Unprocessable Entity' ELSE 'Internal Server Error' END,
        userlock_http.header('x-userlock-trace-id'),
        ',"errors":{"' || invalid_field || '":["The ' || invalid_field || ' is not valid."]}'));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.monocloud_refuse FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.monocloud_refuse IS
'Refuses with a problem document (RFC 9457) of this status.';

CREATE FUNCTION userlock_http.monocloud_id(status userlock.user_status, kind text, value text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN overlay(overlay(
    encode(substr(sha256(convert_to(json_build_array((status).tenant, (status).user_id, kind, value)::text, 'UTF8')), 1, 16), 'hex')
    PLACING '8' FROM 13) PLACING '8' FROM 17)::uuid::text;

REVOKE EXECUTE ON FUNCTION userlock_http.monocloud_id FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.monocloud_id IS
'The id of what a user has: a UUID (RFC 9562, version 8) that is the same each time.';

CREATE FUNCTION userlock_http.monocloud_username(status userlock.user_status, profile jsonb)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name text := userlock_http.string_attribute(profile, 'userName');
BEGIN
    IF name IS NULL THEN
        RETURN 'null';
    END IF;
    RETURN format('{"id":"%s","username":%s,"idps":[],"authenticators":[]}',
        userlock_http.monocloud_id(status, 'username', name), to_json(name));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.monocloud_username FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.monocloud_username IS
'The userName of a profile as MonoCloud has it.';

CREATE FUNCTION userlock_http.monocloud_contacts(status userlock.user_status, profile jsonb, attribute text, name text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    contact record;
    shown text;
    contacts text[] := '{}';
BEGIN
    FOR contact IN SELECT * FROM userlock_http.scim_values(profile, attribute) LOOP
        shown := CASE name WHEN 'phone' THEN userlock_http.telephone_number(contact.value) ELSE contact.value END;
        contacts := contacts || format('{"id":"%s","%s":%s,"primary":%s,"verified":%s,"idps":[],"authenticators":[]}',
            userlock_http.monocloud_id(status, name, shown), name, to_json(shown), to_json(contact.is_primary),
            userlock_http.member(contact.element, 'verified', 'boolean', 'false'));
    END LOOP;
    RETURN format('[%s]', array_to_string(contacts, ','));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.monocloud_contacts FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.monocloud_contacts IS
'The emails or phoneNumbers of a profile as MonoCloud has them; name: email or phone. An element that says so is verified.';

CREATE FUNCTION userlock_http.monocloud_user_json(status userlock.user_status, profile jsonb, is_listed boolean)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT format('{"user_id":%s,"disabled":%s,"has_password":%s,"creation_time":%s,"last_updated":%s,'
        '"password_updated_at":%s,"username":%s,"emails":%s,"phone_numbers":%s,"passkeys":%s,"idps":%s,"claims":%s',
        to_json((status).user_id),
        to_json(userlock.is_blocked((status).state)),
        userlock_http.member(own, 'has_password', 'boolean', 'false'),
        trunc(extract(epoch FROM (status).created_at)),
        trunc(extract(epoch FROM (status).changed_at)),
        userlock_http.member(own, 'password_updated_at', 'number', 'null'),
        userlock_http.member(own, 'username', 'object', userlock_http.monocloud_username(status, profile)),
        userlock_http.member(own, 'emails', 'array', userlock_http.monocloud_contacts(status, profile, 'emails', 'email')),
        userlock_http.member(own, 'phone_numbers', 'array', userlock_http.monocloud_contacts(status, profile, 'phoneNumbers', 'phone')),
        userlock_http.member(own, 'passkeys', 'array', '[]'),
        userlock_http.member(own, 'idps', 'array', userlock_http.member(own, 'external_providers', 'array', '[]')),
        userlock_http.member(own, 'claims', 'object', '{}'))
    || CASE WHEN is_listed THEN '' ELSE format(',"public_data":%s,"private_data":%s',
        userlock_http.member(own, 'public_data', 'object', '{}'),
        userlock_http.member(own, 'private_data', 'object', '{}'))
    END
    -- What a user had who was asked for, when users had "blocked".
    || format(',"sign_in_count":%s,"last_sign_in_ip":%s,"last_sign_in_attempt":%s,"blocked":%s',
        userlock_http.member(own, 'sign_in_count', 'number', userlock_http.member(own, 'sign_in_attempts_count', 'number', '0')),
        userlock_http.member(own, 'last_sign_in_ip', 'string', userlock_http.member(own, 'last_sign_in_attempt_ip', 'string', 'null')),
        userlock_http.member(own, 'last_sign_in_attempt', 'number', 'null'),
        to_json(userlock.is_locked((status).state)))
    -- What newer clients look for.  To them a user is blocked who has an end of it.
    || format(',"block_until":%s,"external_providers":%s,"connections":%s,"force_password_reset":%s,"failure_count":%s,'
        '"sign_in_attempts_count":%s,"last_sign_in_attempt_ip":%s,"sign_in_success_count":%s,"last_sign_in_success":%s,'
        '"last_sign_in_success_ip":%s,"last_activity":%s,"last_known_city":%s,"last_known_country":%s,"last_known_region":%s}',
        CASE WHEN userlock.is_locked((status).state)
            THEN coalesce(ceil(extract(epoch FROM (status).locked_until)), 253402300799)::text ELSE 'null' END,
        userlock_http.member(own, 'external_providers', 'array', userlock_http.member(own, 'idps', 'array', '[]')),
        userlock_http.member(own, 'connections', 'array', '[]'),
        userlock_http.member(own, 'force_password_reset', 'boolean', 'false'),
        userlock_http.member(own, 'failure_count', 'number', '0'),
        userlock_http.member(own, 'sign_in_attempts_count', 'number', userlock_http.member(own, 'sign_in_count', 'number', '0')),
        userlock_http.member(own, 'last_sign_in_attempt_ip', 'string', userlock_http.member(own, 'last_sign_in_ip', 'string', 'null')),
        userlock_http.member(own, 'sign_in_success_count', 'number', '0'),
        userlock_http.member(own, 'last_sign_in_success', 'number', 'null'),
        userlock_http.member(own, 'last_sign_in_success_ip', 'string', 'null'),
        userlock_http.member(own, 'last_activity', 'number', 'null'),
        userlock_http.member(own, 'last_known_city', 'string', 'null'),
        userlock_http.member(own, 'last_known_country', 'string', 'null'),
        userlock_http.member(own, 'last_known_region', 'string', 'null'))
    FROM (SELECT profile -> 'urn:userlock:monocloud' AS own) AS kept
);

REVOKE EXECUTE ON FUNCTION userlock_http.monocloud_user_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.monocloud_user_json IS
$$MonoCloud's User of both generations of its API: what the account says, then what the profile has under urn:userlock:monocloud, then its SCIM attributes; is_listed: as one of a list.

Every key is there, empty where nothing is known. Times are seconds since 1970; a lock without an end is until the end of the year 9999.$$;

CREATE FUNCTION userlock_http.monocloud_answer(outcome userlock.transition_outcome, invalid_field text DEFAULT NULL)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CASE outcome.sqlstate
        WHEN '00000' THEN RETURN convert_to(userlock_http.monocloud_user_json(
            outcome.status, userlock_http.profile((outcome.status).user_id, (outcome.status).tenant), false), 'UTF8');
        WHEN 'PT403' THEN RETURN userlock_http.monocloud_refuse(403);
        WHEN 'PT404' THEN RETURN userlock_http.monocloud_refuse(404);
        WHEN 'PT422' THEN RETURN userlock_http.monocloud_refuse(CASE WHEN invalid_field IS NULL THEN 400 ELSE 422 END, invalid_field);
        ELSE RETURN userlock_http.monocloud_refuse(500);
    END CASE;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.monocloud_answer FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.monocloud_answer IS
'Answers with the User after a success, with a problem document else. invalid_field: what was not valid, NULL: the whole body.';

CREATE FUNCTION userlock_http.monocloud_user_id()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN substring(userlock_http.user_id() FROM '^[A-Za-z0-9_-]{1,200}$');

REVOKE EXECUTE ON FUNCTION userlock_http.monocloud_user_id FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.monocloud_user_id IS
'The user that the path names; NULL: not an id of MonoCloud''s.';

CREATE FUNCTION userlock_http.monocloud_transition(transition text, body bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    fields json := userlock_http.json_object(body);
    user_id text := userlock_http.monocloud_user_id();
    invalid_field text := CASE
        WHEN user_id IS NULL THEN 'user_id'
        WHEN json_typeof(fields -> 'revoke_sessions') <> 'boolean' THEN 'revoke_sessions'
    END;
BEGIN
    IF NOT userlock_http.admit() THEN
        RETURN userlock_http.monocloud_refuse(401);
    END IF;
    -- An id of NULL is refused, but not before the caller's permission is known.
    RETURN userlock_http.monocloud_answer(
        userlock.try_transition(transition, CASE WHEN fields IS NOT NULL AND invalid_field IS NULL THEN user_id END, idempotent => true),
        invalid_field);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.monocloud_transition FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.monocloud_transition IS
'Makes a transition for the bearer of the X-API-KEY and answers with the User.';

CREATE FUNCTION userlock_http.monocloud_filter(filter text)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    rest text := btrim(filter);
    part text[];
    value text;
    terms jsonb := '[]';
BEGIN
    IF coalesce(rest, '') = '' THEN
        RETURN '{}';
    END IF;
    -- field:value or value, which is in quotes unless plain; then AND and the rest.
    WHILE rest IS NOT NULL LOOP
        part := regexp_match(rest, '^(?:(user_id|email|username):)?'
            '(?:"((?:[^"\\]|\\.)+)"|([A-Za-z0-9._@\u0080-\U0010ffff][A-Za-z0-9._@+\u0080-\U0010ffff-]*))(?: +AND +(.*))?$');
        IF part IS NULL OR part[3] IN ('AND', 'OR', 'NOT') OR jsonb_array_length(terms) = 20 THEN
            RETURN NULL;
        END IF;
        value := coalesce(regexp_replace(part[2], '\\(.)', '\1', 'g'), part[3]);
        terms := terms || CASE part[1]
            WHEN 'user_id' THEN jsonb_build_object('user_id', value)
            WHEN 'email' THEN jsonb_build_object('email', value)
            WHEN 'username' THEN jsonb_build_object('user_name', value)
            ELSE jsonb_build_object('or', jsonb_build_array(jsonb_build_object('user_id', value),
                jsonb_build_object('email', value), jsonb_build_object('user_name', value)))
        END;
        rest := part[4];
    END LOOP;
    RETURN jsonb_build_object('and', terms);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.monocloud_filter FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.monocloud_filter IS
'A filter in MonoCloud''s words as one of userlock.find_users(): up to 20 terms joined by AND, of user_id, email, username, or of any of the three. NULL: not understood.';

CREATE FUNCTION userlock_monocloud.get(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT userlock_http.admit() THEN
        RETURN userlock_http.monocloud_refuse(401);
    END IF;
    RETURN userlock_http.monocloud_answer(userlock_http.try_status(userlock_http.monocloud_user_id()), 'user_id');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_monocloud.get FROM PUBLIC;
COMMENT ON FUNCTION userlock_monocloud.get IS
'GET /api/users/{user_id}';

CREATE FUNCTION userlock_monocloud.list(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    query jsonb := userlock_http.query();
    page integer := userlock_http.integer_parameter(query, 'page', 1);
    size integer := userlock_http.integer_parameter(query, 'size', 10);
    sort text[] := regexp_match(coalesce(nullif(query ->> 'sort', ''), 'user_id:1'),
        '^(creation_time|last_updated|user_id|username|email):(1|-1)$');
    filter jsonb;
    total bigint;
    users text;
BEGIN
    IF NOT userlock_http.admit() THEN
        RETURN userlock_http.monocloud_refuse(401);
    ELSIF NOT userlock_http.may_list() THEN
        RETURN userlock_http.monocloud_refuse(403);
    END IF;
    filter := userlock_http.monocloud_filter(query ->> 'filter');
    IF query IS NULL OR filter IS NULL OR sort IS NULL OR page IS NULL OR page < 1 OR size IS NULL OR size NOT BETWEEN 1 AND 100 THEN
        RETURN userlock_http.monocloud_refuse(400);
    END IF;

    total := userlock.count_users(filter);
    SELECT string_agg(userlock_http.monocloud_user_json(
        ROW(u.tenant, u.user_id, u.state, u.sequence, u.created_at, u.changed_at, u.locked_until, u.blocked_until)::userlock.user_status,
        userlock_http.profile(u.user_id, u.tenant), true), ',' ORDER BY u.ordinality)
    INTO users
    FROM userlock.find_users(filter,
        CASE sort[1] WHEN 'creation_time' THEN 'created_at' WHEN 'last_updated' THEN 'changed_at' WHEN 'username' THEN 'user_name' ELSE sort[1] END,
        sort[2] = '-1', size, (page - 1)::bigint * size) WITH ORDINALITY AS u;
    PERFORM set_config('response.headers', json_build_array(json_build_object('x-pagination', format(
        '{"page_size":%s,"current_page":%s,"total_count":%s,"has_previous":%s,"has_next":%s}',
        size, page, total, to_json(page > 1), to_json(page::bigint * size < total))))::text, true);
    RETURN convert_to(format('[%s]', users), 'UTF8');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_monocloud.list FROM PUBLIC;
COMMENT ON FUNCTION userlock_monocloud.list IS
'GET /api/users?page&size&filter&sort; pages of 10 users, at most 100, in the order of their ids.';

CREATE FUNCTION userlock_monocloud.unblock(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.monocloud_transition('unlock', '');

REVOKE EXECUTE ON FUNCTION userlock_monocloud.unblock FROM PUBLIC;
COMMENT ON FUNCTION userlock_monocloud.unblock IS
'POST /api/users/{user_id}/unblock; takes no body and ignores one.';

CREATE FUNCTION userlock_monocloud.disable(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.monocloud_transition('block', $1);

REVOKE EXECUTE ON FUNCTION userlock_monocloud.disable FROM PUBLIC;
COMMENT ON FUNCTION userlock_monocloud.disable IS
'POST /api/users/{user_id}/disable; revoke_sessions is checked, and access revoked in any case.';

CREATE FUNCTION userlock_monocloud.enable(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.monocloud_transition('unblock', '');

REVOKE EXECUTE ON FUNCTION userlock_monocloud.enable FROM PUBLIC;
COMMENT ON FUNCTION userlock_monocloud.enable IS
'POST /api/users/{user_id}/enable; takes no body and ignores one.';

--
-- Okta: the lifecycle of users
--
-- LOCKED_OUT is our lock, SUSPENDED our block.  A user of Okta's has one status: of one
-- who is both, it is SUSPENDED.
--

CREATE SCHEMA userlock_okta;

COMMENT ON SCHEMA userlock_okta IS
'The HTTP contract of the lifecycle of Okta''s users: unlock, suspend and unsuspend.';

CREATE FUNCTION userlock_http.okta_refuse(status integer, code text, summary text, cause text DEFAULT NULL)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_http.refuse(status, 'application/json', format(
        '{"errorCode":"%1$s","errorSummary":%2$s,"errorLink":"%1$s","errorId":"%3$s","errorCauses":[%4$s]}',
        code, userlock_http.ascii_json(summary), userlock_http.header('x-userlock-error-id'),
        '{"errorSummary":' || userlock_http.ascii_json(cause) || '}'));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.okta_refuse FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.okta_refuse IS
'Refuses with one of Okta''s errors. cause: what is under errorCauses, NULL: nothing.';

CREATE FUNCTION userlock_http.okta_transition(transition text)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    user_id text := userlock_http.user_id();
    outcome userlock.transition_outcome;
BEGIN
    IF NOT userlock_http.admit() THEN
        RETURN userlock_http.okta_refuse(401, 'E0000011', 'Invalid token provided');
    END IF;
    -- An id of NULL is refused, but not before the caller's permission is known.
    outcome := userlock.try_transition(transition, user_id,
        expected_state => CASE transition WHEN 'unlock' THEN 'locked' WHEN 'block' THEN 'active' END::userlock.user_lock_state);

    CASE
        WHEN outcome.sqlstate = '00000' THEN
            RETURN '';
        WHEN outcome.sqlstate = 'PT400' AND transition = 'unlock' THEN
            RETURN userlock_http.okta_refuse(403, 'E0000032', 'Unlock is not allowed for this user.');
        WHEN outcome.sqlstate = 'PT400' THEN
            RETURN userlock_http.okta_refuse(400, 'E0000001', 'Api validation failed', CASE transition
                WHEN 'block' THEN 'Cannot suspend a user that is not active' ELSE 'Cannot unsuspend a user that is not suspended' END);
        WHEN outcome.sqlstate = 'PT401' THEN
            RETURN userlock_http.okta_refuse(401, 'E0000011', 'Invalid token provided');
        WHEN outcome.sqlstate = 'PT403' THEN
            RETURN userlock_http.okta_refuse(403, 'E0000006', 'You do not have permission to perform the requested action');
        -- What is no id is nobody's.
        WHEN outcome.sqlstate IN ('PT404', 'PT422') THEN
            RETURN userlock_http.okta_refuse(404, 'E0000007', format('Not found: Resource not found: %s (User)',
                left(coalesce(user_id, userlock_http.header('x-userlock-user-id')), 200)));
        ELSE
            RETURN userlock_http.okta_refuse(500, 'E0000009', 'Internal Server Error');
    END CASE;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.okta_transition FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.okta_transition IS
'Makes a transition on the user whom the path names, for the bearer of a token or an API key, and answers with an empty body.';

CREATE FUNCTION userlock_okta.unlock(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.okta_transition('unlock');

REVOKE EXECUTE ON FUNCTION userlock_okta.unlock FROM PUBLIC;
COMMENT ON FUNCTION userlock_okta.unlock IS
'POST /api/v1/users/{id}/lifecycle/unlock; takes no body and ignores one, as do the others.';

CREATE FUNCTION userlock_okta.suspend(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.okta_transition('block');

REVOKE EXECUTE ON FUNCTION userlock_okta.suspend FROM PUBLIC;
COMMENT ON FUNCTION userlock_okta.suspend IS
'POST /api/v1/users/{id}/lifecycle/suspend';

CREATE FUNCTION userlock_okta.unsuspend(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.okta_transition('unblock');

REVOKE EXECUTE ON FUNCTION userlock_okta.unsuspend FROM PUBLIC;
COMMENT ON FUNCTION userlock_okta.unsuspend IS
'POST /api/v1/users/{id}/lifecycle/unsuspend';
--
-- SCIM: what is answered
--

CREATE FUNCTION userlock_http.scim_refuse(status integer, scim_type text DEFAULT NULL)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_http.refuse(status, 'application/scim+json', format(
        '{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"%s"%s,"detail":"%s"}', status, ',"scimType":"' || scim_type || '"',
        CASE
            WHEN scim_type = 'invalidFilter' THEN 'The filter is not understood: userName, externalId, id, active and emails are compared by eq, joined by and.'
            WHEN scim_type = 'invalidSyntax' THEN 'The body is not what SCIM has for this request.'
            WHEN scim_type = 'invalidPath' THEN 'The path of an operation is not understood.'
            WHEN scim_type = 'noTarget' THEN 'An operation that removes takes a path.'
            WHEN scim_type = 'mutability' THEN 'A user name cannot be taken away.'
            WHEN scim_type = 'uniqueness' THEN 'There is a user of this name.'
            WHEN scim_type = 'invalidValue' THEN 'A value is missing, or not of the type that its attribute has.'
            WHEN status = 401 THEN 'The credential is missing or no good.'
            WHEN status = 403 THEN 'The bearer of the credential may not do this.'
            WHEN status = 404 THEN 'There is no such user.'
            WHEN status = 412 THEN 'The user has changed since the version that is expected.'
            ELSE 'The service failed.'
        END), CASE status WHEN 401 THEN 'Bearer' ELSE '' END);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_refuse FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_refuse IS
'Refuses with an Error of SCIM (RFC 7644, section 3.12).';

CREATE FUNCTION userlock_http.scim_refuse_outcome(outcome userlock.transition_outcome)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CASE outcome.sqlstate
        WHEN 'PT401' THEN PERFORM userlock_http.reject_credential();
        WHEN 'PT403' THEN RETURN userlock_http.scim_refuse(403);
        WHEN 'PT404' THEN RETURN userlock_http.scim_refuse(404);
        WHEN 'PT409' THEN RETURN userlock_http.scim_refuse(409, 'uniqueness');
        WHEN 'PT412' THEN RETURN userlock_http.scim_refuse(412);
        WHEN 'PT422' THEN
            -- An id that nobody can have is nobody's.
            RETURN CASE outcome.outcome WHEN 'user_id_invalid' THEN userlock_http.scim_refuse(404) ELSE userlock_http.scim_refuse(400, 'invalidValue') END;
        ELSE RETURN userlock_http.scim_refuse(500);
    END CASE;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_refuse_outcome FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_refuse_outcome IS
'Refuses as an outcome says that is no success.';

CREATE FUNCTION userlock_http.scim_answer(status userlock.user_status, profile jsonb, http_status integer DEFAULT 200)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('response.status', http_status::text, true),
        set_config('response.headers', (jsonb_build_array(jsonb_build_object('ETag', userlock_http.scim_version(status.sequence)))
            || CASE http_status WHEN 201 THEN jsonb_build_array(jsonb_build_object('Location', userlock_http.scim_location(status.user_id))) ELSE '[]' END)::text, true);
    RETURN convert_to(userlock_http.scim_user(status, profile), 'UTF8');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_answer FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_answer IS
'Answers with a User, their version, and where a new one is.';

CREATE FUNCTION userlock_http.scim_list(total bigint, start bigint, resources text[])
RETURNS userlock_http."*/*"
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN convert_to(format(
    '{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":%s,"startIndex":%s,"itemsPerPage":%s,"Resources":[%s]}',
    total, start, coalesce(cardinality(resources), 0), array_to_string(resources, ',')), 'UTF8');

REVOKE EXECUTE ON FUNCTION userlock_http.scim_list FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_list IS
'A ListResponse of these resources, the first of which is number start of the total.';
--
-- SCIM: how a PUT or a PATCH changes a user
--

CREATE FUNCTION userlock_http.scim_is_expected(sequence bigint)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(bool_or(btrim(tag) = '*' OR regexp_replace(btrim(tag), '^W/', '') = format('"%s"', sequence)), true)
    FROM string_to_table(nullif(userlock_http.header('if-match'), ''), ',') AS tag
);

REVOKE EXECUTE ON FUNCTION userlock_http.scim_is_expected FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_is_expected IS
'Is this version of a user among those that If-Match names? True where it names none.';

CREATE FUNCTION userlock_http.scim_set_active(user_id text, active boolean, expected_sequence bigint)
RETURNS userlock.transition_outcome
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    outcome userlock.transition_outcome;
BEGIN
    IF active THEN
        outcome := userlock.try_transition('unblock', user_id, 'reactivated by the identity provider', expected_sequence => expected_sequence,
            idempotent => true, details => '{"scim": true}', expected_details => '{"scim": true}');
        -- Somebody else's block stays, and shows.
        IF outcome.outcome = 'details_differ' THEN
            outcome.sqlstate := '00000';
        END IF;
    ELSE
        outcome := userlock.try_transition('block', user_id, 'deactivated by the identity provider', expected_sequence => expected_sequence,
            idempotent => true, details => '{"scim": true}');
    END IF;
    RETURN outcome;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_set_active FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_set_active IS
'Blocks a user for the identity provider, or lifts such a block and no other; either way nobody else changes the user before the transaction ends.';

CREATE FUNCTION userlock_http.scim_goes_by_id(user_id text)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    outcome userlock.transition_outcome := userlock_http.try_status(user_id);
BEGIN
    RETURN outcome.sqlstate = '00000' AND NOT userlock_http.scim_shown(userlock_http.profile(user_id)) ? 'userName';
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_goes_by_id FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_goes_by_id IS
'Is there a user of this id who has no user name? The id is it then, and nobody else''s to take.';

CREATE FUNCTION userlock_http.scim_replace(replacement jsonb, INOUT attributes jsonb, OUT active boolean, OUT trouble text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given jsonb := userlock_http.attribute(replacement, 'active');
    given_name jsonb := userlock_http.attribute(replacement, 'userName');
    replaced jsonb := userlock_http.scim_shown(replacement);
BEGIN
    active := userlock_http.scim_truth(given);
    IF given <> 'null' AND active IS NULL OR given_name <> 'null' AND NOT replaced ? 'userName' THEN
        trouble := 'invalidValue';
    END IF;
    -- A name that is not said is not taken away.
    attributes := jsonb_strip_nulls(jsonb_build_object('userName', attributes -> 'userName')) || replaced;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_replace FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_replace IS
'What a PUT makes of a user''s attributes, and whether the user shall be active; NULL: nothing is said of that. trouble: as of scim_patch().';

CREATE FUNCTION userlock_http.scim_wanted(operations jsonb, replacement jsonb, INOUT attributes jsonb, OUT active boolean, OUT trouble text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF operations IS NULL THEN
        SELECT * INTO attributes, active, trouble FROM userlock_http.scim_replace(replacement, attributes);
    ELSE
        SELECT * INTO attributes, active, trouble FROM userlock_http.scim_patch(operations, attributes);
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_wanted FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_wanted IS
'What a PATCH (operations) or a PUT (replacement) makes of a user: see scim_patch() and scim_replace().';

CREATE FUNCTION userlock_http.scim_change(operations jsonb, replacement jsonb)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    user_id text := userlock_http.user_id();
    is_conditional boolean := coalesce(userlock_http.header('if-match'), '') <> '';
    outcome userlock.transition_outcome;
    status userlock.user_status;
    profile jsonb;
    shown jsonb;
    wanted record;
    user_name text;
    kept jsonb;
BEGIN
    wanted := userlock_http.scim_wanted(operations, replacement, '{}');
    IF NOT userlock_http.may_execute(CASE wanted.active WHEN true THEN 'unblock_user' WHEN false THEN 'block_user' ELSE 'set_profile' END) THEN
        RETURN userlock_http.scim_refuse(403);
    END IF;
    -- Whoever changes the user between a look and a change has us look again.
    FOR attempt IN 1..10 LOOP
        outcome := userlock_http.try_status(user_id);
        status := outcome.status;
        IF outcome.sqlstate <> '00000' THEN
            RETURN userlock_http.scim_refuse_outcome(outcome);
        ELSIF NOT userlock_http.scim_is_expected(status.sequence) THEN
            RETURN userlock_http.scim_refuse(412);
        END IF;
        profile := userlock_http.profile(user_id);
        shown := userlock_http.scim_shown(profile);
        wanted := userlock_http.scim_wanted(operations, replacement, shown);
        user_name := wanted.attributes ->> 'userName';
        -- Nobody stays because of a title that cannot be read.
        IF wanted.trouble IS NOT NULL AND wanted.active IS NULL THEN
            RETURN userlock_http.scim_refuse(400, wanted.trouble);
        END IF;

        IF wanted.active IS NOT NULL THEN
            outcome := userlock_http.scim_set_active(user_id, wanted.active, status.sequence);
            CONTINUE WHEN outcome.sqlstate = 'PT412' AND NOT is_conditional;
            IF outcome.sqlstate <> '00000' THEN
                RETURN userlock_http.scim_refuse_outcome(outcome);
            END IF;
            status := outcome.status;
        END IF;
        kept := userlock_http.scim_kept(profile, wanted.attributes);
        IF kept <> coalesce(profile, '{}') THEN
            IF user_name IS DISTINCT FROM shown ->> 'userName' AND user_name <> user_id AND userlock_http.scim_goes_by_id(user_name) THEN
                outcome.sqlstate := 'PT409';
            ELSE
                outcome := userlock_http.try_change('set_profile', user_id, kept, status.sequence, 'by the identity provider');
            END IF;
            CONTINUE WHEN outcome.sqlstate = 'PT412' AND NOT is_conditional;
            IF outcome.sqlstate = '00000' THEN
                status := outcome.status;
                profile := userlock_http.profile(user_id);
            ELSIF wanted.active IS NULL THEN
                RETURN userlock_http.scim_refuse_outcome(outcome);
            END IF;
        END IF;
        RETURN userlock_http.scim_answer(status, profile);
    END LOOP;
    RETURN userlock_http.scim_refuse(412);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_change FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_change IS
'Makes what a PATCH (operations) or a PUT (replacement) says of the user that the path names, and answers with the user. What is said of active is done whatever stands against the rest, which is then left out.';
--
-- SCIM: what of a profile is shown, and what of a request is kept
--
-- Providers send what they will, and applications keep what they will.  SCIM sees the
-- attributes of its schema, and extensions under URNs of their own; what is not of
-- its type is as good as not there.  What SCIM does not see it does not change.
--

CREATE FUNCTION userlock_http.scim_truth(value jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(value) = 'boolean' THEN value::boolean
    WHEN jsonb_typeof(value) = 'string' AND lower(value #>> '{}') = ANY ('{true,false}'::text[]) THEN lower(value #>> '{}') = 'true'
END;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_truth FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_truth IS
'A truth value, or one in words, as Entra ID writes it ("False"); NULL: neither.';

CREATE FUNCTION userlock_http.scim_with_one_primary(elements jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_array_length(jsonb_path_query_array(elements, '$[*] ? (@.primary == true)')) < 2 THEN
        RETURN elements;
    END IF;
    RETURN (
        SELECT jsonb_agg(CASE WHEN e.nth > 1 AND e.value @> '{"primary": true}' THEN e.value || '{"primary": false}' ELSE e.value END ORDER BY e.ordinality)
        FROM (SELECT *, count(*) FILTER (WHERE m.value @> '{"primary": true}') OVER (ORDER BY m.ordinality) AS nth
            FROM jsonb_array_elements(elements) WITH ORDINALITY AS m) AS e);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_with_one_primary FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_with_one_primary IS
'The values of an attribute that has several, of which the first that says so is the primary.';

CREATE FUNCTION userlock_http.scim_of_type(value jsonb, definition jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    one jsonb := definition || '{"is_multiple": false}';
BEGIN
    IF (definition -> 'is_multiple')::boolean THEN
        IF jsonb_typeof(value) = 'array' AND jsonb_array_length(value) > 500 THEN
            RETURN NULL;
        END IF;
        -- One alone is meant as the only one.
        RETURN userlock_http.scim_with_one_primary((
            SELECT jsonb_agg(typed ORDER BY e.ordinality)
            FROM jsonb_array_elements(CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE jsonb_build_array(value) END) WITH ORDINALITY AS e,
                userlock_http.scim_of_type(e.value, one) AS typed
            WHERE typed IS NOT NULL));
    END IF;
    CASE definition ->> 'type'
        WHEN 'complex' THEN
            IF jsonb_typeof(value) = 'string' AND definition -> 'parts' ? 'value' THEN
                value := jsonb_build_object('value', value);
            END IF;
            IF jsonb_typeof(value) = 'object' THEN
                -- Of one that is spelt in several ways, the right one.
                RETURN (SELECT jsonb_object_agg(part ->> 'name', typed ORDER BY m.key = part ->> 'name')
                    FROM jsonb_each(value) AS m, jsonb_extract_path(definition, 'parts', lower(m.key)) AS part,
                        userlock_http.scim_of_type(m.value, part) AS typed
                    WHERE typed IS NOT NULL);
            END IF;
        WHEN 'boolean' THEN
            RETURN to_jsonb(userlock_http.scim_truth(value));
        ELSE
            IF jsonb_typeof(value) = 'string' AND value <> '""' THEN
                RETURN value;
            END IF;
    END CASE;
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_of_type FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_of_type IS
'What of a value is of the type that a definition gives, with names as the schema spells them; NULL: nothing, or an empty text, or more than 500 values.';

CREATE FUNCTION userlock_http.scim_is_extension(name text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN name ~* '^urn:' AND name !~* '^urn:(userlock|ietf:params:scim:schemas:core):';

REVOKE EXECUTE ON FUNCTION userlock_http.scim_is_extension FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_is_extension IS
'Is this the name of an extension of the schema? What other contracts keep under urn:userlock is none.';

CREATE FUNCTION userlock_http.scim_attributes(document jsonb)
RETURNS TABLE (key text, name text, value jsonb)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT a.key, a.name, a.value
    FROM (
        SELECT m.key, coalesce(definition ->> 'name', m.key) AS name, CASE
            WHEN definition IS NOT NULL THEN userlock_http.scim_of_type(m.value, definition)
            WHEN jsonb_typeof(m.value) = 'object' AND userlock_http.scim_is_extension(m.key) THEN nullif(jsonb_strip_nulls(m.value), '{}')
        END AS value
        FROM jsonb_each(document) AS m, jsonb_extract_path(userlock_http.scim_definitions(), lower(m.key)) AS definition
        OFFSET 0
    ) AS a
    WHERE a.value IS NOT NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_attributes FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_attributes IS
'What SCIM sees of a document: key is how it is spelt there, name how the schema spells it.';

CREATE FUNCTION userlock_http.scim_shown(document jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT coalesce(jsonb_object_agg(a.name, a.value ORDER BY a.key = a.name), '{}') FROM userlock_http.scim_attributes(document) AS a);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_shown FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_shown IS
'What SCIM sees of a document, as it shows it; without a document, an empty one.';

CREATE FUNCTION userlock_http.scim_unseen(value jsonb, definition jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_typeof(value) IS DISTINCT FROM 'object' OR definition IS NULL THEN
        RETURN '{}';
    END IF;
    RETURN value - ARRAY(
        SELECT m.key FROM jsonb_each(value) AS m, jsonb_extract_path(definition, 'parts', lower(m.key)) AS part
        WHERE userlock_http.scim_of_type(m.value, part) IS NOT NULL);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_unseen FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_unseen IS
'The parts of a complex value that SCIM does not see, such as whether an address is verified.';

CREATE FUNCTION userlock_http.scim_with_unseen(attribute jsonb, before jsonb, definition jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_typeof(attribute) = 'object' THEN
        RETURN userlock_http.scim_unseen(before, definition) || attribute;
    ELSIF jsonb_typeof(attribute) = 'array' THEN
        -- What was said of one address is not said of another that takes its place.
        RETURN (
            SELECT jsonb_agg(coalesce(same.unseen, '{}') || a.value ORDER BY a.ordinality)
            FROM jsonb_array_elements(attribute) WITH ORDINALITY AS a
            LEFT JOIN (
                SELECT DISTINCT ON (userlock_http.attribute(b.value, 'value'))
                    userlock_http.attribute(b.value, 'value') AS value, userlock_http.scim_unseen(b.value, definition) AS unseen
                FROM jsonb_array_elements(CASE jsonb_typeof(before) WHEN 'array' THEN before ELSE jsonb_build_array(before) END) WITH ORDINALITY AS b
                ORDER BY 1, b.ordinality
            ) AS same ON same.value = a.value -> 'value');
    END IF;
    RETURN attribute;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_with_unseen FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_with_unseen IS
'An attribute with the parts that SCIM does not see as they were before: of each value, if there are several, that is still there.';

CREATE FUNCTION userlock_http.scim_kept(document jsonb, attributes jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    shown jsonb := userlock_http.scim_shown(document);
    definitions jsonb := userlock_http.scim_definitions();
BEGIN
    RETURN coalesce(document - ARRAY(
            SELECT a.key FROM userlock_http.scim_attributes(document) AS a WHERE shown -> a.name IS DISTINCT FROM attributes -> a.name), '{}')
        || (SELECT coalesce(jsonb_object_agg(a.key,
                userlock_http.scim_with_unseen(a.value, userlock_http.attribute(document, a.key), definitions -> lower(a.key))), '{}')
            FROM jsonb_each(attributes) AS a WHERE a.value IS DISTINCT FROM shown -> a.key);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_kept FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_kept IS
'A document whose attributes, as SCIM sees it, are these. What is the same already, and what SCIM does not see, is as it was.';

CREATE FUNCTION userlock_http.scim_user(status userlock.user_status, profile jsonb)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    shown jsonb := userlock_http.scim_shown(profile);
    schemas jsonb := '["urn:ietf:params:scim:schemas:core:2.0:User"]' || coalesce(
        (SELECT jsonb_agg(k ORDER BY k) FROM jsonb_object_keys(shown) AS k WHERE userlock_http.scim_is_extension(k)), '[]');
    rest text := userlock_http.compact(shown - '{externalId,userName}'::text[]);
BEGIN
    RETURN concat(
        '{"schemas":', userlock_http.compact(schemas),
        ',"id":', to_json(status.user_id),
        ',"externalId":' || (shown -> 'externalId')::text,
        ',"userName":', coalesce(shown -> 'userName', to_jsonb(status.user_id)),
        ',' || nullif(substr(rest, 2, length(rest) - 2), ''),
        ',"active":', to_json(NOT userlock.is_blocked(status.state)),
        ',"meta":{"resourceType":"User","created":"', userlock_http.timestamp(status.created_at),
        '","lastModified":"', userlock_http.timestamp(status.changed_at),
        '","version":', to_json(userlock_http.scim_version(status.sequence)),
        ',"location":', to_json(userlock_http.scim_location(status.user_id)), '}}');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_user FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_user IS
'A User in JSON. Active is who is not blocked; a lock is not shown, because the provider would take it for its own to lift. Whoever has no user name goes by the id.';

CREATE FUNCTION userlock_http.scim_version(sequence bigint)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN format('W/"%s"', sequence);

REVOKE EXECUTE ON FUNCTION userlock_http.scim_version FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_version IS
'The version of a user, an entity tag (RFC 7644, section 3.14): the number of the last event.';

CREATE FUNCTION userlock_http.scim_base()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN userlock_http.header('x-userlock-base');

REVOKE EXECUTE ON FUNCTION userlock_http.scim_base FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_base IS
'What clients call, up to /scim/v2: nginx is configured with it.';

CREATE FUNCTION userlock_http.scim_location(user_id text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN userlock_http.scim_base() || '/Users/' || userlock_http.percent_encode(user_id);

REVOKE EXECUTE ON FUNCTION userlock_http.scim_location FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_location IS
'The URL of a user.';
--
-- SCIM: finding users (RFC 7644, section 3.4.2.2)
--

CREATE FUNCTION userlock_http.scim_condition(comparison jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name text := lower(comparison ->> 'attribute');
    part text := lower(comparison ->> 'sub');
    wanted text := comparison ->> 'value';
BEGIN
    IF comparison ->> 'schema' !~* '^urn:ietf:params:scim:schemas:core:2\.0:User$' THEN
        RETURN NULL;
    ELSIF name = 'emails' AND coalesce(part, 'value') = 'value' THEN
        -- The address may be in the brackets as well.
        wanted := coalesce(wanted, (SELECT c.value ->> 'value' FROM jsonb_array_elements(comparison -> 'where') AS c
            WHERE lower(c.value ->> 'attribute') = 'value' LIMIT 1));
        RETURN jsonb_build_object('email', wanted) WHERE wanted IS NOT NULL;
    ELSIF comparison ?| '{where,sub}'::text[] OR wanted IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN CASE name
        WHEN 'id' THEN jsonb_build_object('user_id', wanted)
        WHEN 'externalid' THEN jsonb_build_object('external_id', wanted)
        -- Whoever has no user name goes by the id.
        WHEN 'username' THEN jsonb_build_object('or', jsonb_build_array(
            jsonb_build_object('user_name', wanted), jsonb_build_object('user_id', wanted, 'user_name', NULL)))
        WHEN 'active' THEN CASE userlock_http.scim_truth(comparison -> 'value')
            WHEN true THEN '{"state": ["active", "locked"]}'::jsonb
            WHEN false THEN '{"state": ["blocked", "locked+blocked"]}'
        END
    END;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_condition FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_condition IS
'A comparison, as scim_filter() gives it, as a filter of userlock.find_users(); NULL: not one by which users are found.';

CREATE FUNCTION userlock_http.scim_find(scim_filter text, OUT filter jsonb, OUT email_conditions jsonb)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    comparisons jsonb := CASE WHEN coalesce(btrim(scim_filter), '') = '' THEN '[]' ELSE userlock_http.scim_filter(scim_filter) END;
BEGIN
    SELECT jsonb_build_object('and', coalesce(jsonb_agg(condition), '[]')),
        jsonb_agg(c.value -> 'where' || CASE WHEN c.value ? 'value'
            THEN jsonb_build_array(jsonb_build_object('attribute', 'value', 'value', c.value -> 'value')) ELSE '[]' END)
            FILTER (WHERE c.value ? 'where')
    INTO filter, email_conditions
    FROM jsonb_array_elements(comparisons) AS c, userlock_http.scim_condition(c.value) AS condition
    HAVING count(*) = count(condition);
    IF comparisons IS NULL THEN
        filter := NULL;
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_find FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_find IS
'A filter as one of userlock.find_users(), NULL: not understood; and what beside that must hold of one of the addresses of whoever is found, an array of conditions for each, NULL: nothing.';
--
-- SCIM: what a PATCH makes of a user's attributes (RFC 7644, section 3.5.2)
--
-- Providers write operations as they understand them.  Names and operations are taken
-- in any case, what is of no use here is passed over, and what cannot be done is
-- told: whether that stands against the whole is for the caller to say.
--

CREATE FUNCTION userlock_http.scim_matches(element jsonb, conditions jsonb)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    condition jsonb;
    part jsonb;
BEGIN
    -- Not a query, because it is asked of each of many values.
    FOR nth IN 0 .. coalesce(jsonb_array_length(conditions), 0) - 1 LOOP
        condition := conditions -> nth;
        part := userlock_http.attribute(element, condition ->> 'attribute');
        IF (CASE jsonb_typeof(condition -> 'value')
            WHEN 'boolean' THEN userlock_http.scim_truth(part) = (condition -> 'value')::boolean
            ELSE lower(part #>> '{}') = lower(condition ->> 'value') END) IS NOT TRUE
        THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN true;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_matches FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_matches IS
'Do all conditions of a path, as scim_path() gives them, hold for one value of an attribute that has several? True without conditions.';

CREATE FUNCTION userlock_http.scim_with_part(element jsonb, name text, value jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(element) = 'object' THEN element ELSE '{}'::jsonb END - name
    || CASE WHEN value IS NULL THEN '{}'::jsonb ELSE jsonb_build_object(name, value) END;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_with_part FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_with_part IS
'A complex value with one part as given; NULL: without that part.';

CREATE FUNCTION userlock_http.scim_patch_single(before jsonb, part text, value jsonb, given jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN part IS NOT NULL THEN userlock_http.scim_with_part(before, part, value)
    -- Parts that are not named stay.
    WHEN jsonb_typeof(before) = 'object' AND jsonb_typeof(value) = 'object' THEN
        before - ARRAY(SELECT m.key FROM jsonb_each(CASE jsonb_typeof(given) WHEN 'object' THEN given ELSE '{}' END) AS m WHERE m.value = 'null') || value
    ELSE value
END;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_patch_single FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_patch_single IS
'What an operation makes of an attribute with one value, or of one value of several. value: of the attribute''s type, NULL: none; given: as it came.';

CREATE FUNCTION userlock_http.scim_patch_several(op text, before jsonb, definition jsonb, conditions jsonb, part text, wanted jsonb, given jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    elements jsonb := CASE jsonb_typeof(before) WHEN 'array' THEN before WHEN 'object' THEN jsonb_build_array(before) ELSE '[]' END;
    -- Of several, one at most is the primary: the one that was said last.
    takes_primary boolean := CASE part WHEN 'primary' THEN wanted = 'true' ELSE wanted @> '{"primary": true}' END;
    any_chosen boolean;
    element jsonb;
    after jsonb;
BEGIN
    IF conditions IS NULL AND part IS NULL THEN
        IF op = 'replace' OR wanted IS NULL THEN
            RETURN wanted;
        ELSIF op = 'remove' THEN
            RETURN (SELECT jsonb_agg(e.value ORDER BY e.ordinality) FROM jsonb_array_elements(elements) WITH ORDINALITY AS e
                WHERE e.value NOT IN (SELECT v.one FROM jsonb_array_elements(wanted) AS v (one)));
        END IF;
        after := (SELECT jsonb_agg(e.value ORDER BY e.ordinality) FROM jsonb_array_elements(wanted) WITH ORDINALITY AS e
            WHERE e.value NOT IN (SELECT v.one FROM jsonb_array_elements(elements) AS v (one)));
        IF after @> '[{"primary": true}]' THEN
            SELECT coalesce(jsonb_agg(userlock_http.scim_demoted(e.value) ORDER BY e.ordinality), '[]') INTO elements
            FROM jsonb_array_elements(elements) WITH ORDINALITY AS e;
        END IF;
        RETURN elements || coalesce(after, '[]');
    END IF;

    SELECT coalesce(jsonb_agg(CASE
            WHEN e.is_chosen THEN userlock_http.scim_patch_single(e.value, part, wanted, given)
            WHEN takes_primary THEN userlock_http.scim_demoted(e.value)
            ELSE e.value
        END ORDER BY e.ordinality) FILTER (WHERE NOT e.is_chosen OR wanted IS NOT NULL OR part IS NOT NULL), '[]'),
        coalesce(bool_or(e.is_chosen), false)
    INTO after, any_chosen
    FROM (SELECT v.value, v.ordinality, conditions IS NULL OR userlock_http.scim_matches(v.value, conditions) AS is_chosen
        FROM jsonb_array_elements(elements) WITH ORDINALITY AS v) AS e;
    IF NOT any_chosen AND wanted IS NOT NULL THEN
        -- Entra ID also replaces what is not there: it is made to what the path says.
        SELECT coalesce(jsonb_object_agg(c.value ->> 'attribute', c.value -> 'value'), '{}') INTO element FROM jsonb_array_elements(conditions) AS c;
        after := after || jsonb_build_array(userlock_http.scim_patch_single(
            coalesce(userlock_http.scim_of_type(element, definition || '{"is_multiple": false}'), element), part, wanted, given));
    END IF;
    RETURN after;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_patch_several FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_patch_several IS
'What an operation makes of an attribute with several values, or of those that conditions choose. wanted: of the attribute''s type, NULL: none; given: as it came.';

CREATE FUNCTION userlock_http.scim_demoted(element jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN element @> '{"primary": true}' THEN element || '{"primary": false}' ELSE element END;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_demoted FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_demoted IS
'One value of an attribute that has several, which is not the primary.';

CREATE FUNCTION userlock_http.scim_patch_attribute(
    op text, before jsonb, definition jsonb, path jsonb, given jsonb, OUT after jsonb, OUT trouble text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    conditions jsonb := path -> 'where';
    -- Of what has no definition, what is there tells.
    is_multiple boolean := coalesce((definition -> 'is_multiple')::boolean, conditions IS NOT NULL OR jsonb_typeof(before) = 'array', false);
    target jsonb := CASE
        WHEN path ? 'sub' THEN jsonb_extract_path(definition, 'parts', lower(path ->> 'sub'))
        WHEN conditions IS NOT NULL THEN definition || '{"is_multiple": false}'
        ELSE definition
    END;
    part text := CASE WHEN path ? 'sub' THEN coalesce(target ->> 'name', path ->> 'sub') END;
    value jsonb := CASE WHEN definition IS NULL THEN jsonb_strip_nulls(given) ELSE userlock_http.scim_of_type(given, target) END;
BEGIN
    after := before;
    IF definition IS NOT NULL AND target IS NULL OR op = 'add' AND given = '[]' THEN
        RETURN;
    ELSIF conditions IS NOT NULL AND NOT is_multiple THEN
        trouble := 'invalidPath';
        RETURN;
    ELSIF op = 'remove' AND (value IS NULL OR NOT is_multiple OR conditions IS NOT NULL OR part IS NOT NULL)
        OR given IS NULL OR given IN ('null', '""', '[]')
    THEN
        value := NULL;
    ELSIF value IS NULL THEN
        trouble := 'invalidValue';
        RETURN;
    END IF;
    after := CASE
        WHEN is_multiple THEN userlock_http.scim_patch_several(op, before, definition, conditions, part,
            CASE WHEN definition IS NULL AND conditions IS NULL AND part IS NULL AND jsonb_typeof(value) <> 'array'
                THEN jsonb_build_array(value) ELSE value END, given)
        ELSE userlock_http.scim_patch_single(before, part, value, given)
    END;
    IF jsonb_array_length(CASE jsonb_typeof(after) WHEN 'array' THEN after END) > 500 THEN
        after := before;
        trouble := 'invalidValue';
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_patch_attribute FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_patch_attribute IS
'What an operation makes of an attribute; NULL: it is gone. definition: of scim_definitions(), NULL: of an extension. trouble: the scimType of what stands against it.';

CREATE FUNCTION userlock_http.scim_patch_path(
    op text, path jsonb, given jsonb, INOUT attributes jsonb, OUT trouble text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema text := path ->> 'schema';
    name text := path ->> 'attribute';
    definition jsonb;
    extension jsonb;
    patched record;
BEGIN
    IF schema IS NULL OR schema ~* '^urn:ietf:params:scim:schemas:core:' THEN
        definition := jsonb_extract_path(userlock_http.scim_definitions(), lower(name));
        IF definition IS NOT NULL THEN
            name := definition ->> 'name';
            patched := userlock_http.scim_patch_attribute(op, attributes -> name, definition, path, given);
            trouble := CASE WHEN name = 'userName' AND patched.after IS NULL AND patched.trouble IS NULL
                THEN CASE op WHEN 'remove' THEN 'mutability' ELSE 'invalidValue' END ELSE patched.trouble END;
            attributes := userlock_http.scim_with_part(attributes, name, patched.after);
        END IF;
    ELSIF userlock_http.scim_is_extension(schema) THEN
        schema := coalesce((SELECT k FROM jsonb_object_keys(attributes) AS k WHERE lower(k) = lower(schema) LIMIT 1), schema);
        extension := coalesce(attributes -> schema, '{}');
        IF name IS NULL THEN
            patched := userlock_http.scim_patch_attribute(op, extension, NULL, path, given);
            extension := patched.after;
        ELSE
            name := coalesce((SELECT k FROM jsonb_object_keys(extension) AS k WHERE lower(k) = lower(name) LIMIT 1), name);
            -- Entra ID gives a manager by the id alone, and takes one away by an empty id.
            IF lower(name) = 'manager' AND NOT path ? 'sub' THEN
                given := CASE WHEN given @> '{"value": ""}' THEN NULL
                    WHEN jsonb_typeof(given) = 'string' AND given <> '""' THEN jsonb_build_object('value', given)
                    ELSE given END;
            END IF;
            patched := userlock_http.scim_patch_attribute(op, extension -> name, NULL, path, given);
            extension := userlock_http.scim_with_part(extension, name, patched.after);
        END IF;
        trouble := CASE WHEN jsonb_typeof(extension) <> 'object' THEN 'invalidValue' ELSE patched.trouble END;
        IF trouble IS NULL THEN
            attributes := userlock_http.scim_with_part(attributes, schema, nullif(extension, '{}'));
        END IF;
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_patch_path FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_patch_path IS
'What an operation on one path makes of a user''s attributes; what SCIM does not see stays out of its reach. trouble: the scimType of what stands against it.';

CREATE FUNCTION userlock_http.scim_targets(operation jsonb, OUT op text, OUT targets jsonb, OUT trouble text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    path text := userlock_http.string_attribute(operation, 'path');
    given jsonb := userlock_http.attribute(operation, 'value');
BEGIN
    op := lower(userlock_http.string_attribute(operation, 'op'));
    targets := '[]';
    IF op IS NULL OR op <> ALL ('{add,replace,remove}'::text[]) THEN
        trouble := 'invalidSyntax';
    ELSIF path IS NOT NULL THEN
        targets := jsonb_build_array(jsonb_build_object('path', userlock_http.scim_path(path), 'value', given));
        IF targets @> '[{"path": null}]' THEN
            trouble := 'invalidPath';
            targets := '[]';
        END IF;
    ELSIF op = 'remove' THEN
        trouble := 'noTarget';
    ELSIF jsonb_typeof(given) IS DISTINCT FROM 'object' THEN
        trouble := 'invalidValue';
    ELSE
        -- Each of its members is an attribute by its name, or by its path.
        SELECT coalesce(jsonb_agg(jsonb_build_object('path', userlock_http.scim_path(m.key), 'value', m.value)), '[]') INTO targets
        FROM jsonb_each(given) AS m WHERE userlock_http.scim_path(m.key) IS NOT NULL;
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_targets FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_targets IS
'What an operation is about: its op in lower case, and its paths with their values. trouble: the scimType of what is wrong with it.';

CREATE FUNCTION userlock_http.scim_patch(operations jsonb, INOUT attributes jsonb, OUT active boolean, OUT trouble text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    operation record;
    target record;
    patched record;
    changes integer := 0;
BEGIN
    FOR operation IN SELECT t.* FROM jsonb_array_elements(operations) AS o, userlock_http.scim_targets(o.value) AS t LOOP
        trouble := coalesce(trouble, operation.trouble);
        FOR target IN SELECT t.value -> 'path' AS path, t.value -> 'value' AS given FROM jsonb_array_elements(operation.targets) AS t LOOP
            IF lower(target.path ->> 'attribute') = 'active' AND NOT target.path ?| '{where,sub}'::text[]
                AND coalesce(target.path ->> 'schema', 'urn:ietf:params:scim:schemas:core:') ~* '^urn:ietf:params:scim:schemas:core:'
            THEN
                active := CASE WHEN operation.op <> 'remove' THEN userlock_http.scim_truth(target.given) END;
                trouble := CASE WHEN active IS NULL THEN coalesce(trouble, 'invalidValue') ELSE trouble END;
            ELSE
                -- Each costs as much as there are values.
                changes := changes + 1;
                IF changes > 100 THEN
                    trouble := coalesce(trouble, 'invalidValue');
                    CONTINUE;
                END IF;
                patched := userlock_http.scim_patch_path(operation.op, target.path, target.given, attributes);
                trouble := coalesce(trouble, patched.trouble);
                attributes := CASE WHEN patched.trouble IS NULL THEN patched.attributes ELSE attributes END;
            END IF;
        END LOOP;
    END LOOP;
    attributes := userlock_http.scim_shown(attributes);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_patch FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_patch IS
'What the operations of a PATCH make of a user''s attributes, and whether the user shall be active; NULL: nothing is said of that. trouble: the scimType of the first thing that could not be done; the rest is done, but for what is more than 100 changes.';
--
-- SCIM: what a path names, and what a filter asks for (RFC 7644, 3.5.2 and 3.4.2.2)
--

CREATE FUNCTION userlock_http.scim_path(path text)
RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_scim_path';

REVOKE EXECUTE ON FUNCTION userlock_http.scim_path FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_path IS
'What a path names: schema, attribute, where, sub, as far as they are there, in the case they were written in; a schema alone has no attribute. where: an array of attribute and value, of which all hold. NULL: it is no path, or has more than 1 MiB.';

CREATE FUNCTION userlock_http.scim_filter(filter text)
RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_scim_filter';

REVOKE EXECUTE ON FUNCTION userlock_http.scim_filter FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_filter IS
'The comparisons of a filter, of which all hold: an array of what scim_path() gives and value, a string or boolean; without value where there is but a where. NULL: it is not understood, which takes eq and and alone.';
--
-- SCIM: the schema of a User (RFC 7643, section 4.1)
--
-- One table says which attributes there are: clients are told by it, and by it
-- is judged what of a document is shown and kept.
--

CREATE FUNCTION userlock_http.scim_schema()
RETURNS TABLE (name text, part text, type text, is_multiple boolean, description text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 70
BEGIN ATOMIC
    SELECT * FROM (VALUES
        ('userName', NULL, 'string', false, 'The name that the user signs in with, in any case of letters.'),
        ('name', NULL, 'complex', false, 'The parts of the real name.'),
        ('name', 'formatted', 'string', false, 'The whole name, as it is shown.'),
        ('name', 'familyName', 'string', false, 'The family name.'),
        ('name', 'givenName', 'string', false, 'The given name.'),
        ('name', 'middleName', 'string', false, 'The middle names.'),
        ('name', 'honorificPrefix', 'string', false, 'What is said before the name, such as Dr.'),
        ('name', 'honorificSuffix', 'string', false, 'What is said after the name, such as III.'),
        ('displayName', NULL, 'string', false, 'The name that others are shown.'),
        ('nickName', NULL, 'string', false, 'What the user is called by friends.'),
        ('profileUrl', NULL, 'reference', false, 'Where on the web the user has a page.'),
        ('title', NULL, 'string', false, 'The title at work.'),
        ('userType', NULL, 'string', false, 'How the user belongs to the organisation, such as Contractor.'),
        ('preferredLanguage', NULL, 'string', false, 'The languages preferred, as in Accept-Language.'),
        ('locale', NULL, 'string', false, 'How numbers, dates and currencies are written.'),
        ('timezone', NULL, 'string', false, 'The time zone, by its name in the Olson database.'),
        ('active', NULL, 'boolean', false, 'Whether the user is not blocked.'),
        ('emails', NULL, 'complex', true, 'The addresses of e-mail.'),
        ('phoneNumbers', NULL, 'complex', true, 'The numbers of telephones.'),
        ('ims', NULL, 'complex', true, 'The addresses of instant messaging.'),
        ('photos', NULL, 'complex', true, 'Where pictures of the user are.'),
        ('addresses', NULL, 'complex', true, 'The postal addresses.'),
        ('addresses', 'formatted', 'string', false, 'The whole address, as it is written on a letter.'),
        ('addresses', 'streetAddress', 'string', false, 'The street, the house, a post box.'),
        ('addresses', 'locality', 'string', false, 'The city or town.'),
        ('addresses', 'region', 'string', false, 'The state or region.'),
        ('addresses', 'postalCode', 'string', false, 'The postal code.'),
        ('addresses', 'country', 'string', false, 'The country, by its two letters.'),
        ('entitlements', NULL, 'complex', true, 'What the user has a right to.'),
        ('roles', NULL, 'complex', true, 'What the user is, such as Student.'),
        ('x509Certificates', NULL, 'complex', true, 'The certificates issued to the user.')
    ) AS attribute (name, part, type, is_multiple, description)
    UNION ALL
    -- What every attribute of several values has.
    SELECT owner.name, part.name,
        CASE WHEN part.name <> 'value' THEN part.type ELSE owner.type_of_value END, false, part.description
    FROM (VALUES ('emails', 'string'), ('phoneNumbers', 'string'), ('ims', 'string'), ('photos', 'reference'),
        ('addresses', NULL), ('entitlements', 'string'), ('roles', 'string'), ('x509Certificates', 'binary')
    ) AS owner (name, type_of_value)
    CROSS JOIN (VALUES
        ('value', NULL, 'The value itself.'),
        ('display', 'string', 'What it is shown as.'),
        ('type', 'string', 'What it is for, such as work or home.'),
        ('primary', 'boolean', 'Whether it is the one preferred; at most one is.')
    ) AS part (name, type, description)
    WHERE owner.type_of_value IS NOT NULL OR part.name IN ('type', 'primary');
END;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_schema FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_schema IS
'The attributes of a User that SCIM sees, and the parts of those that are complex.';

CREATE FUNCTION userlock_http.scim_definitions()
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT jsonb_object_agg(lower(a.name), jsonb_build_object('name', a.name, 'type', a.type, 'is_multiple', a.is_multiple, 'parts', (
        SELECT jsonb_object_agg(lower(p.part), jsonb_build_object('name', p.part, 'type', p.type, 'is_multiple', false))
        FROM userlock_http.scim_schema() AS p WHERE p.name = a.name AND p.part IS NOT NULL)))
    FROM (
        SELECT s.name, s.type, s.is_multiple FROM userlock_http.scim_schema() AS s WHERE s.part IS NULL AND s.name <> 'active'
        UNION ALL SELECT 'externalId', 'string', false
    ) AS a
);

REVOKE EXECUTE ON FUNCTION userlock_http.scim_definitions FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_definitions IS
'The attributes that a profile holds for SCIM, each by its name in lower case. The state of an account is none of them.';

CREATE FUNCTION userlock_http.scim_attribute_json(name text, type text, is_multiple boolean, description text, parts text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN format('{"name":%s,"type":%s,"multiValued":%s,"description":%s,"required":%s,"caseExact":%s,"mutability":"readWrite","returned":"default","uniqueness":"%s"',
        to_json(name), to_json(type), to_json(is_multiple), to_json(description), to_json(name = 'userName'),
        to_json(type = ANY ('{reference,binary}'::text[])), CASE name WHEN 'userName' THEN 'server' ELSE 'none' END)
    || CASE WHEN type = 'reference' THEN ',"referenceTypes":["external"]' ELSE '' END
    || coalesce(',"subAttributes":[' || parts || ']', '') || '}';

REVOKE EXECUTE ON FUNCTION userlock_http.scim_attribute_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_attribute_json IS
'An attribute of a schema (RFC 7643, section 7). parts: those of one that is complex.';

CREATE FUNCTION userlock_http.scim_schema_json(base text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT format('{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"urn:ietf:params:scim:schemas:core:2.0:User","name":"User",'
        '"description":"User Account","attributes":[%s],"meta":{"resourceType":"Schema","location":%s}}',
        string_agg(userlock_http.scim_attribute_json(a.name, a.type, a.is_multiple, a.description, (
            SELECT string_agg(userlock_http.scim_attribute_json(p.part, p.type, p.is_multiple, p.description, NULL), ',' ORDER BY p.ordinality)
            FROM userlock_http.scim_schema() WITH ORDINALITY AS p WHERE p.name = a.name AND p.part IS NOT NULL)), ',' ORDER BY a.ordinality),
        to_json(base || '/Schemas/urn:ietf:params:scim:schemas:core:2.0:User'))
    FROM userlock_http.scim_schema() WITH ORDINALITY AS a WHERE a.part IS NULL
);

REVOKE EXECUTE ON FUNCTION userlock_http.scim_schema_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_schema_json IS
'The schema of a User, as clients are told it.';
--
-- SCIM 2.0
--
-- A user is active who is not blocked.  The identity provider blocks and unblocks;
-- what support has blocked, it does not lift, and a lock is none of its business.
-- Every call takes the rights to see a user's state and profile, because it answers
-- with both.
--

CREATE SCHEMA userlock_scim;

COMMENT ON SCHEMA userlock_scim IS
'The HTTP contract of SCIM 2.0 (RFC 7644): users, and what the service tells of itself.';

CREATE FUNCTION userlock_http.scim_may(VARIADIC functions text[] DEFAULT '{}')
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN NOT userlock_http.admit() THEN 401
        WHEN NOT userlock_http.may_execute(VARIADIC functions || '{user_status,user_profile}'::text[]) THEN 403
    END;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_may FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_may IS
'Has the request go on as the bearer of its credential, who may execute these functions beside those that every call takes; NULL: so be it, else the status to refuse with.';

CREATE FUNCTION userlock_http.scim_body(body bytea)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_http.json_object(nullif(body, ''))::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    -- JSON that holds what jsonb cannot.
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_body FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_body IS
'The object that a body is; NULL: it is none, or there is no body.';

--
-- Users
--

CREATE FUNCTION userlock_scim.list(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused integer := userlock_http.scim_may('find_users', 'count_users');
    query jsonb := userlock_http.query();
    start integer := greatest(userlock_http.integer_parameter(query, 'startIndex', 1), 1);
    count integer := least(greatest(userlock_http.integer_parameter(query, 'count', 100), 0), 200);
    wanted record;
    total bigint;
    resources text[];
BEGIN
    IF refused IS NOT NULL THEN
        RETURN userlock_http.scim_refuse(refused);
    END IF;
    SELECT * INTO wanted FROM userlock_http.scim_find(query ->> 'filter');
    IF query IS NULL OR wanted.filter IS NULL THEN
        RETURN userlock_http.scim_refuse(400, 'invalidFilter');
    ELSIF userlock_http.integer_parameter(query, 'startIndex', 1) IS NULL OR userlock_http.integer_parameter(query, 'count', 100) IS NULL THEN
        RETURN userlock_http.scim_refuse(400, 'invalidValue');
    END IF;

    -- Of the few who have an address, those who have it in the way that is asked for.
    SELECT array_agg(userlock_http.scim_user(
        ROW(u.tenant, u.user_id, u.state, u.sequence, u.created_at, u.changed_at, u.locked_until, u.blocked_until)::userlock.user_status,
        profile) ORDER BY u.ordinality)
    INTO resources
    FROM userlock.find_users(wanted.filter,
            page_size => CASE WHEN wanted.email_conditions IS NULL THEN count ELSE 1000 END,
            skip => CASE WHEN wanted.email_conditions IS NULL THEN start - 1 ELSE 0 END) WITH ORDINALITY AS u,
        userlock_http.profile(u.user_id, u.tenant) AS profile
    WHERE NOT EXISTS (
        SELECT FROM jsonb_array_elements(wanted.email_conditions) AS conditions
        WHERE NOT EXISTS (
            SELECT FROM jsonb_array_elements(userlock_http.scim_shown(profile) -> 'emails') AS email
            WHERE userlock_http.scim_matches(email.value, conditions.value)));
    IF wanted.email_conditions IS NULL THEN
        total := userlock.count_users(wanted.filter);
    ELSE
        total := coalesce(cardinality(resources), 0);
        resources := (resources[start:])[:count];
    END IF;
    RETURN userlock_http.scim_list(total, start, resources);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_scim.list FROM PUBLIC;
COMMENT ON FUNCTION userlock_scim.list IS
'GET /scim/v2/Users?filter&startIndex&count; pages of 100 users, at most 200, in the order of their ids.';

CREATE FUNCTION userlock_scim.get(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused integer := userlock_http.scim_may();
    outcome userlock.transition_outcome;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN userlock_http.scim_refuse(refused);
    END IF;
    outcome := userlock_http.try_status(userlock_http.user_id());
    IF outcome.sqlstate <> '00000' THEN
        RETURN userlock_http.scim_refuse_outcome(outcome);
    END IF;
    RETURN userlock_http.scim_answer(outcome.status, userlock_http.profile(outcome.user_id));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_scim.get FROM PUBLIC;
COMMENT ON FUNCTION userlock_scim.get IS
'GET /scim/v2/Users/{id}';

CREATE FUNCTION userlock_scim.add(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused integer := userlock_http.scim_may('register_user');
    body jsonb := userlock_http.scim_body($1);
    wanted record;
    user_name text;
    user_id text;
    outcome userlock.transition_outcome;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN userlock_http.scim_refuse(refused);
    END IF;
    wanted := userlock_http.scim_replace(body, '{}');
    user_name := wanted.attributes ->> 'userName';
    IF body IS NULL THEN
        RETURN userlock_http.scim_refuse(400, 'invalidSyntax');
    ELSIF wanted.trouble IS NOT NULL OR user_name IS NULL THEN
        RETURN userlock_http.scim_refuse(400, 'invalidValue');
    ELSIF NOT wanted.active AND NOT userlock_http.may_execute('block_user') THEN
        RETURN userlock_http.scim_refuse(403);
    END IF;

    user_id := user_name;
    IF current_setting('userlock_http.scim_user_id', true) = 'uuid' THEN
        IF userlock_http.scim_goes_by_id(user_name) THEN
            RETURN userlock_http.scim_refuse(409, 'uniqueness');
        END IF;
        user_id := gen_random_uuid()::text;
    END IF;
    outcome := userlock_http.try_change('register', user_id, userlock_http.scim_kept(NULL, wanted.attributes));
    IF outcome.outcome = 'user_id_invalid' THEN
        RETURN userlock_http.scim_refuse(400, 'invalidValue');
    ELSIF outcome.sqlstate <> '00000' THEN
        RETURN userlock_http.scim_refuse_outcome(outcome);
    END IF;
    -- Whoever was here before is as restricted as they left, and stays so if the bearer
    -- may not lift that.
    IF wanted.active = userlock.is_blocked((outcome.status).state) AND (NOT wanted.active OR userlock_http.may_execute('unblock_user')) THEN
        outcome := userlock_http.scim_set_active(user_id, wanted.active, (outcome.status).sequence);
    END IF;
    RETURN userlock_http.scim_answer(outcome.status, userlock_http.profile(user_id), 201);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_scim.add FROM PUBLIC;
COMMENT ON FUNCTION userlock_scim.add IS
'POST /scim/v2/Users; the id is the userName, or a UUID if the setting userlock_http.scim_user_id is uuid.';

CREATE FUNCTION userlock_scim.replace(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused integer := userlock_http.scim_may();
    replacement jsonb := userlock_http.scim_body($1);
BEGIN
    IF refused IS NOT NULL THEN
        RETURN userlock_http.scim_refuse(refused);
    ELSIF replacement IS NULL THEN
        RETURN userlock_http.scim_refuse(400, 'invalidSyntax');
    END IF;
    RETURN userlock_http.scim_change(NULL, replacement);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_scim.replace FROM PUBLIC;
COMMENT ON FUNCTION userlock_scim.replace IS
'PUT /scim/v2/Users/{id}; without active it leaves the state, and without userName the name.';

CREATE FUNCTION userlock_scim.modify(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused integer := userlock_http.scim_may();
    operations jsonb := userlock_http.attribute(userlock_http.scim_body($1), 'Operations');
BEGIN
    IF refused IS NOT NULL THEN
        RETURN userlock_http.scim_refuse(refused);
    ELSIF jsonb_typeof(operations) IS DISTINCT FROM 'array' OR jsonb_array_length(operations) NOT BETWEEN 1 AND 1000 THEN
        RETURN userlock_http.scim_refuse(400, 'invalidSyntax');
    END IF;
    RETURN userlock_http.scim_change(operations, NULL);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_scim.modify FROM PUBLIC;
COMMENT ON FUNCTION userlock_scim.modify IS
'PATCH /scim/v2/Users/{id}; up to 1000 operations, and 100 changes.';

CREATE FUNCTION userlock_scim.delete(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused integer := userlock_http.scim_may('delete_user');
    user_id text := userlock_http.user_id();
    outcome userlock.transition_outcome;
    expected_sequence bigint;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN userlock_http.scim_refuse(refused);
    END IF;
    IF userlock_http.header('if-match') <> '' THEN
        outcome := userlock_http.try_status(user_id);
        expected_sequence := (outcome.status).sequence;
        IF outcome.sqlstate = '00000' AND NOT userlock_http.scim_is_expected(expected_sequence) THEN
            RETURN userlock_http.scim_refuse(412);
        END IF;
    END IF;
    outcome := userlock_http.try_change('delete', user_id, expected_sequence => expected_sequence, reason => 'deleted by the identity provider');
    IF outcome.sqlstate <> '00000' THEN
        RETURN userlock_http.scim_refuse_outcome(outcome);
    END IF;
    RETURN userlock_http.no_content();
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_scim.delete FROM PUBLIC;
COMMENT ON FUNCTION userlock_scim.delete IS
'DELETE /scim/v2/Users/{id}; the history stays.';

CREATE FUNCTION userlock_scim.groups(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    refused integer := userlock_http.scim_may('find_users', 'count_users');
BEGIN
    IF refused IS NOT NULL THEN
        RETURN userlock_http.scim_refuse(refused);
    END IF;
    RETURN userlock_http.scim_list(0, greatest(coalesce(userlock_http.integer_parameter(userlock_http.query(), 'startIndex', 1), 1), 1), '{}');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_scim.groups FROM PUBLIC;
COMMENT ON FUNCTION userlock_scim.groups IS
'GET /scim/v2/Groups; there are none, and providers ask.';

--
-- What the service tells of itself, to everyone
--

CREATE FUNCTION userlock_scim.service_provider_config(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql STABLE PARALLEL SAFE
RETURN convert_to(concat(
    '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],"patch":{"supported":true},',
    '"bulk":{"supported":false,"maxOperations":0,"maxPayloadSize":0},"filter":{"supported":true,"maxResults":200},',
    '"changePassword":{"supported":false},"sort":{"supported":false},"etag":{"supported":true},',
    '"authenticationSchemes":[{"name":"OAuth Bearer Token","description":"Authentication scheme using the OAuth Bearer Token Standard",',
    '"specUri":"http://www.rfc-editor.org/info/rfc6750","type":"oauthbearertoken","primary":true}],',
    '"meta":{"location":', to_json(userlock_http.scim_base() || '/ServiceProviderConfig'), ',"resourceType":"ServiceProviderConfig"}}'), 'UTF8');

REVOKE EXECUTE ON FUNCTION userlock_scim.service_provider_config FROM PUBLIC;
COMMENT ON FUNCTION userlock_scim.service_provider_config IS
'GET /scim/v2/ServiceProviderConfig';

CREATE FUNCTION userlock_scim.resource_type(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql STABLE PARALLEL SAFE
RETURN convert_to(concat(
    '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"id":"User","name":"User","endpoint":"/Users","description":"User Account",',
    '"schema":"urn:ietf:params:scim:schemas:core:2.0:User","meta":{"location":', to_json(userlock_http.scim_base() || '/ResourceTypes/User'),
    ',"resourceType":"ResourceType"}}'), 'UTF8');

REVOKE EXECUTE ON FUNCTION userlock_scim.resource_type FROM PUBLIC;
COMMENT ON FUNCTION userlock_scim.resource_type IS
'GET /scim/v2/ResourceTypes/User';

CREATE FUNCTION userlock_scim.resource_types(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql STABLE PARALLEL SAFE
RETURN userlock_http.scim_list(1, 1, ARRAY[convert_from(userlock_scim.resource_type($1), 'UTF8')]);

REVOKE EXECUTE ON FUNCTION userlock_scim.resource_types FROM PUBLIC;
COMMENT ON FUNCTION userlock_scim.resource_types IS
'GET /scim/v2/ResourceTypes';

CREATE FUNCTION userlock_scim.schema(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql STABLE PARALLEL SAFE
RETURN convert_to(userlock_http.scim_schema_json(userlock_http.scim_base()), 'UTF8');

REVOKE EXECUTE ON FUNCTION userlock_scim.schema FROM PUBLIC;
COMMENT ON FUNCTION userlock_scim.schema IS
'GET /scim/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:User';

CREATE FUNCTION userlock_scim.schemas(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql STABLE PARALLEL SAFE
RETURN userlock_http.scim_list(1, 1, ARRAY[userlock_http.scim_schema_json(userlock_http.scim_base())]);

REVOKE EXECUTE ON FUNCTION userlock_scim.schemas FROM PUBLIC;
COMMENT ON FUNCTION userlock_scim.schemas IS
'GET /scim/v2/Schemas';
--
-- Xekout
--
-- Blocked is our block.
--

CREATE SCHEMA userlock_xekout;

COMMENT ON SCHEMA userlock_xekout IS
'The HTTP contract of Xekout''s customers: get, list, block and revoke (which unblocks).';

CREATE FUNCTION userlock_http.xekout_refuse(code integer, message text)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_http.refuse(code / 1000, 'application/json',
        format('{"status":"error","code":%s,"message":%s}', code, to_json(message)));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.xekout_refuse FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.xekout_refuse IS
'Refuses with a code, whose first three digits are the HTTP status.';

CREATE FUNCTION userlock_http.xekout_refuse_outcome(sqlstate text, not_found_message text)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CASE sqlstate
        WHEN 'PT401' THEN PERFORM userlock_http.reject_credential();
        WHEN 'PT403' THEN RETURN userlock_http.xekout_refuse(401100, 'Operation not permitted');
        WHEN 'PT422' THEN RETURN userlock_http.xekout_refuse(400010, 'this uuid is invalid for this request');
        WHEN 'PT404' THEN RETURN userlock_http.xekout_refuse(404014, not_found_message);
        ELSE RETURN userlock_http.xekout_refuse(500001, 'internal error');
    END CASE;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.xekout_refuse_outcome FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.xekout_refuse_outcome IS
'Refuses what came to this sqlstate.';

CREATE FUNCTION userlock_http.xekout_uuid()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN substring(lower(userlock_http.user_id()) FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$');

REVOKE EXECUTE ON FUNCTION userlock_http.xekout_uuid FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.xekout_uuid IS
'The user whose UUID the path names, in any case of letters; NULL: it is none.';

CREATE FUNCTION userlock_http.xekout_transition(
    transition text, refused_code integer, refused_message text, not_found_message text)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    outcome userlock.transition_outcome := userlock.try_transition(transition, userlock_http.xekout_uuid());
BEGIN
    CASE outcome.sqlstate
        WHEN '00000' THEN RETURN userlock_http.no_content();
        WHEN 'PT400' THEN RETURN userlock_http.xekout_refuse(refused_code, refused_message);
        ELSE RETURN userlock_http.xekout_refuse_outcome(outcome.sqlstate, not_found_message);
    END CASE;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.xekout_transition FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.xekout_transition IS
'Makes a transition on the user whose UUID the path names.';

CREATE FUNCTION userlock_http.xekout_moment(moment timestamptz)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS');

REVOKE EXECUTE ON FUNCTION userlock_http.xekout_moment FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.xekout_moment IS
'A moment as Xekout writes it: in UTC, without a zone.';

CREATE FUNCTION userlock_http.xekout_user_json(status userlock.user_status, profile jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT format('{"id":%s,"uuid":%s,"name":%s,"email":%s,"phone":%s,"phone_code_id":%s,"cpf":%s,"token_access":null,'
        '"remember_token":null,"state_id":%s,"active":%s,"gender":%s,"email_verified_at":%s,"shopify_user_id":%s,'
        '"gateway_user_id":%s,"gateway_id":%s,"user_address_id":%s,"api_token":null,"birth":%s,"status":%s,'
        '"created_at":"%s","updated_at":"%s"}',
        userlock_http.member(own, 'id', 'number', 'null'),
        to_json((status).user_id),
        coalesce(to_json(coalesce(
            userlock_http.string_attribute(profile, 'displayName'),
            userlock_http.string_attribute(name, 'formatted'),
            nullif(concat_ws(' ', userlock_http.string_attribute(name, 'givenName'), userlock_http.string_attribute(name, 'familyName')), '')))::text, 'null'),
        coalesce(to_json(userlock_http.scim_primary(profile, 'emails'))::text, 'null'),
        coalesce(to_json(userlock_http.scim_primary(profile, 'phoneNumbers'))::text, 'null'),
        userlock_http.member(own, 'phone_code_id', 'number', 'null'),
        userlock_http.member(own, 'cpf', 'string', 'null'),
        userlock_http.member(own, 'state_id', 'number', 'null'),
        to_json(NOT userlock.is_blocked((status).state)),
        userlock_http.member(own, 'gender', 'string', 'null'),
        userlock_http.member(own, 'email_verified_at', 'string', 'null'),
        userlock_http.member(own, 'shopify_user_id', 'number', 'null'),
        userlock_http.member(own, 'gateway_user_id', 'string', 'null'),
        userlock_http.member(own, 'gateway_id', 'number', 'null'),
        userlock_http.member(own, 'user_address_id', 'number', 'null'),
        userlock_http.member(own, 'birth', 'string', 'null'),
        to_json(NOT userlock.is_blocked((status).state)),
        userlock_http.xekout_moment((status).created_at),
        userlock_http.xekout_moment((status).changed_at))
    FROM (SELECT profile -> 'urn:userlock:xekout' AS own, userlock_http.attribute(profile, 'name') AS name) AS kept
);

REVOKE EXECUTE ON FUNCTION userlock_http.xekout_user_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.xekout_user_json IS
'A user as Xekout has it: what the account says, the SCIM attributes of the profile, and what that has under urn:userlock:xekout; null where nothing is known. Tokens are always null. active and status: not blocked.';

CREATE FUNCTION userlock_xekout.revoke(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.xekout_transition('unblock', 400019, 'error on try unlock user', 'user not found');

REVOKE EXECUTE ON FUNCTION userlock_xekout.revoke FROM PUBLIC;
COMMENT ON FUNCTION userlock_xekout.revoke IS
'POST /v1/admin/tenant/user/revoke/:uuid, which revokes a block; takes no body and ignores one.';

CREATE FUNCTION userlock_xekout.block(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.xekout_transition('block', 400004, 'user is already blocked', 'user not found for this tenant');

REVOKE EXECUTE ON FUNCTION userlock_xekout.block FROM PUBLIC;
COMMENT ON FUNCTION userlock_xekout.block IS
'POST /v1/admin/tenant/user/block/:uuid; takes no body and ignores one.';

CREATE FUNCTION userlock_xekout.get(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    outcome userlock.transition_outcome := userlock_http.try_status(userlock_http.xekout_uuid());
BEGIN
    IF outcome.sqlstate <> '00000' THEN
        RETURN userlock_http.xekout_refuse_outcome(outcome.sqlstate, 'user not found or not avaliable');
    END IF;
    RETURN convert_to(format('{"status":"success","code":200002,"user":%s}',
        userlock_http.xekout_user_json(outcome.status, userlock_http.profile(outcome.user_id))), 'UTF8');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_xekout.get FROM PUBLIC;
COMMENT ON FUNCTION userlock_xekout.get IS
'GET /v1/admin/users/:uuid';

CREATE FUNCTION userlock_xekout.list(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    query jsonb := userlock_http.query();
    is_paged boolean := query ?| ARRAY['page', 'perPage'];
    page integer := userlock_http.integer_parameter(query, 'page', 1);
    per_page integer := userlock_http.integer_parameter(query, 'perPage', CASE WHEN is_paged THEN 20 ELSE 10000 END);
    total bigint;
    users text;
BEGIN
    IF NOT userlock_http.may_list() THEN
        RETURN userlock_http.xekout_refuse_outcome('PT403', NULL);
    ELSIF query IS NULL OR page IS NULL OR page < 1 OR per_page IS NULL OR per_page NOT BETWEEN 1 AND 10000 THEN
        RETURN userlock_http.xekout_refuse(400000, 'bad request');
    END IF;

    SELECT string_agg(userlock_http.xekout_user_json(
        ROW(u.tenant, u.user_id, u.state, u.sequence, u.created_at, u.changed_at, u.locked_until, u.blocked_until)::userlock.user_status,
        userlock_http.profile(u.user_id, u.tenant)), ',' ORDER BY u.ordinality)
    INTO users
    FROM userlock.find_users(page_size => per_page, skip => (page - 1)::bigint * per_page) WITH ORDINALITY AS u;
    IF users IS NULL THEN
        RETURN userlock_http.xekout_refuse_outcome('PT404', 'users not found or not avaliable');
    ELSIF NOT is_paged THEN
        RETURN convert_to(format('{"status":"success","code":200003,"user":[%s]}', users), 'UTF8');
    END IF;
    total := userlock.count_users();
    RETURN convert_to(format('{"status":"success","code":200003,"user":[%1$s],"items":[%1$s],"total":%2$s,"perPage":%3$s,"page":%4$s,"lastPage":%5$s}',
        users, total, per_page, page, (total + per_page - 1) / per_page), 'UTF8');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_xekout.list FROM PUBLIC;
COMMENT ON FUNCTION userlock_xekout.list IS
'GET /v1/admin/users, in the order of their ids, up to 10000 users; with page or perPage (20 unless given) as newer clients have it.';
--
-- Zitadel: whom a ListUsersRequest asks for
--
-- Its queries become a filter of userlock.find_users().  They come from the codec,
-- which leaves only what there is, in one spelling: a query is an object with one
-- member, or with none.
--

-- The rights over the table are the owner's; the claims and the privilege that count
-- are those of whoever asks.
CREATE VIEW userlock_http.visible_zitadel_machine WITH (security_barrier) AS
SELECT tenant, user_id
FROM userlock_private.profile
WHERE document #> '{urn:userlock:zitadel,machine}' <> ALL ('{"null",false}')
AND userlock_private.tenant_is_visible(tenant)
AND (SELECT has_function_privilege('userlock.user_profile'::regproc, 'EXECUTE'));

REVOKE ALL ON userlock_http.visible_zitadel_machine FROM PUBLIC;
GRANT SELECT ON userlock_http.visible_zitadel_machine TO PUBLIC;
COMMENT ON VIEW userlock_http.visible_zitadel_machine IS
'The users whom Zitadel''s API shows as machines; of the caller''s tenants, and only to whoever may execute userlock.user_profile.';

CREATE FUNCTION userlock_http.zitadel_type_filter(type text, tenant text)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    machines jsonb;
BEGIN
    SELECT jsonb_build_object('user_id', coalesce(jsonb_agg(m.user_id), '[]')) INTO machines
    FROM userlock_http.visible_zitadel_machine AS m WHERE m.tenant = zitadel_type_filter.tenant;
    RETURN CASE type WHEN 'TYPE_HUMAN' THEN jsonb_build_object('not', machines) WHEN 'TYPE_MACHINE' THEN machines ELSE '{"or": []}' END;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_type_filter FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_type_filter IS
'A TypeQuery as a filter of the users of this tenant.';

CREATE FUNCTION userlock_http.zitadel_state_filter(state text)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE state
    WHEN 'USER_STATE_ACTIVE' THEN '{"state": "active"}'::jsonb
    WHEN 'USER_STATE_LOCKED' THEN '{"state": "locked"}'::jsonb
    -- Of two restrictions the block is shown.
    WHEN 'USER_STATE_INACTIVE' THEN '{"state": ["blocked", "locked+blocked"]}'::jsonb
    ELSE '{"or": []}'::jsonb
END;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_state_filter FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_state_filter IS
'A StateQuery as a filter; of a state that no user of ours has, one that finds nobody.';

CREATE FUNCTION userlock_http.zitadel_text_filter(attribute text, wanted text, method text)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT jsonb_build_object(attribute, jsonb_build_object(m.operator, coalesce(wanted, ''), 'case_sensitive', m.case_sensitive))
    FROM (VALUES
        ('EQUALS', 'equals', true), ('EQUALS_IGNORE_CASE', 'equals', false),
        ('STARTS_WITH', 'prefix', true), ('STARTS_WITH_IGNORE_CASE', 'prefix', false),
        ('CONTAINS', 'contains', true), ('CONTAINS_IGNORE_CASE', 'contains', false),
        ('ENDS_WITH', 'suffix', true), ('ENDS_WITH_IGNORE_CASE', 'suffix', false)
    ) AS m (name, operator, case_sensitive)
    WHERE 'TEXT_QUERY_METHOD_' || m.name = coalesce(method, 'TEXT_QUERY_METHOD_EQUALS')
);

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_text_filter FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_text_filter IS
'A query of an attribute by a TextQueryMethod, as a filter; NULL: there is no such method.';

-- The case of ids matters.  To ignore it is to look for the id in lower case, too,
-- which takes no more than an index.
CREATE FUNCTION userlock_http.zitadel_name_filter(wanted text, method text)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT jsonb_build_object('or', jsonb_build_array(named, jsonb_build_object('user_name', NULL) || unnamed))
    FROM (SELECT userlock_http.zitadel_text_filter('user_name', wanted, method),
        CASE WHEN method LIKE '%\_IGNORE\_CASE' AND lower(wanted) <> wanted THEN
            jsonb_build_object('or', jsonb_build_array(userlock_http.zitadel_text_filter('user_id', wanted, method),
                userlock_http.zitadel_text_filter('user_id', lower(wanted), method)))
        ELSE
            userlock_http.zitadel_text_filter('user_id', wanted, method)
        END) AS f (named, unnamed)
    WHERE named IS NOT NULL
);

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_name_filter FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_name_filter IS
'A query of the name that a user is shown by, the id where there is no other, as a filter; NULL: there is no such method.';

CREATE FUNCTION userlock_http.zitadel_filter(query json, operation text, tenant text)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kind text;
    asked json;
    inner_filter jsonb;
BEGIN
    SELECT q.key, q.value INTO kind, asked FROM json_each(query) AS q;
    CASE kind
        WHEN 'userNameQuery' THEN
            RETURN userlock_http.zitadel_name_filter(asked ->> 'userName', asked ->> 'method');
        WHEN 'loginNameQuery' THEN
            RETURN userlock_http.zitadel_name_filter(asked ->> 'loginName', asked ->> 'method');
        WHEN 'emailQuery' THEN
            RETURN userlock_http.zitadel_text_filter('email', asked ->> 'emailAddress', asked ->> 'method');
        WHEN 'stateQuery' THEN
            RETURN userlock_http.zitadel_state_filter(asked ->> 'state');
        WHEN 'typeQuery' THEN
            RETURN userlock_http.zitadel_type_filter(asked ->> 'type', tenant);
        WHEN 'inUserIdsQuery' THEN
            RETURN jsonb_build_object('user_id', coalesce(asked -> 'userIds', '[]'));
        WHEN 'organizationIdQuery' THEN
            -- The management API has no such query.
            RETURN CASE WHEN operation LIKE 'v2/%' THEN
                CASE WHEN asked ->> 'organizationId' = tenant THEN '{}'::jsonb ELSE '{"or": []}'::jsonb END
            END;
        WHEN 'andQuery' THEN
            RETURN jsonb_build_object('and', f.filters) FROM userlock_http.zitadel_filters(asked, operation, tenant) AS f (filters) WHERE f.filters IS NOT NULL;
        WHEN 'orQuery' THEN
            RETURN jsonb_build_object('or', f.filters) FROM userlock_http.zitadel_filters(asked, operation, tenant) AS f (filters) WHERE f.filters IS NOT NULL;
        WHEN 'notQuery' THEN
            inner_filter := userlock_http.zitadel_filter(asked -> 'query', operation, tenant);
            RETURN CASE WHEN inner_filter IS NOT NULL THEN jsonb_build_object('not', inner_filter) END;
        ELSE
            RETURN NULL;
    END CASE;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_filter FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_filter IS
'A SearchQuery of a call of v1 or v2 as a filter of the users of this tenant; NULL: it has no query that is served.';

CREATE FUNCTION userlock_http.zitadel_filters(request json, operation text, tenant text)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT coalesce(jsonb_agg(f.filter), '[]')
        FROM json_array_elements(request -> 'queries') AS q (query), userlock_http.zitadel_filter(q.query, operation, tenant) AS f (filter)
        HAVING count(*) = count(f.filter));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_filters FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_filters IS
'The queries of a message as an array of filters of the users of this tenant; NULL: one of them is not served.';

CREATE FUNCTION userlock_http.zitadel_order(sorting_column text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE sorting_column
    WHEN 'USER_FIELD_NAME_USER_NAME' THEN 'user_name'
    WHEN 'USER_FIELD_NAME_DISPLAY_NAME' THEN 'display_name'
    WHEN 'USER_FIELD_NAME_EMAIL' THEN 'email'
    WHEN 'USER_FIELD_NAME_STATE' THEN 'state'
    WHEN 'USER_FIELD_NAME_CREATION_DATE' THEN 'created_at'
    ELSE 'user_id'
END;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_order FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_order IS
'The column of userlock.users for a UserFieldName; user_id for what is not kept in one.';

--
-- Zitadel: how a user is shown
--
-- In protobuf's JSON mapping, from which every other form is made.  A member of NULL
-- is left out in the end.
--

CREATE FUNCTION userlock_http.zitadel_details(operation text, status userlock.user_status)
RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN operation LIKE 'v1/%' THEN
    json_build_object(
        'sequence', (status).sequence::text,
        'creationDate', userlock_http.timestamp((status).created_at),
        'changeDate', userlock_http.timestamp((status).changed_at),
        'resourceOwner', (status).tenant)
ELSE
    json_build_object(
        'sequence', (status).sequence::text,
        'changeDate', userlock_http.timestamp((status).changed_at),
        'resourceOwner', (status).tenant,
        'creationDate', userlock_http.timestamp((status).created_at))
END;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_details FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_details IS
'The details of a user, for a call of v1 or of v2.';

CREATE FUNCTION userlock_http.zitadel_machine(profile jsonb)
RETURNS json
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    machine jsonb := profile #> '{urn:userlock:zitadel,machine}';
BEGIN
    -- As in visible_zitadel_machine.
    IF (machine <> ALL ('{"null",false}')) IS NOT TRUE THEN
        RETURN NULL;
    END IF;
    RETURN json_build_object(
        'name', coalesce(userlock_http.string_attribute(machine, 'name'), userlock_http.string_attribute(profile, 'displayName')),
        'description', userlock_http.string_attribute(machine, 'description'),
        'hasSecret', nullif(userlock_http.attribute(machine, 'hasSecret') IS NOT DISTINCT FROM 'true', false),
        'accessTokenType', substring(userlock_http.string_attribute(machine, 'accessTokenType') FROM '^ACCESS_TOKEN_TYPE_JWT$'));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_machine FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_machine IS
'What a profile says of a machine, for either API; NULL: it is a human''s.';

CREATE FUNCTION userlock_http.zitadel_contact(profile jsonb, name text, is_verified text, OUT value text, OUT verified boolean)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT v.value,
        nullif('true' IN (userlock_http.attribute(v.element, 'verified'), profile #> ARRAY['urn:userlock:zitadel', is_verified]), false)
    INTO value, verified
    FROM userlock_http.scim_values(profile, name) AS v WHERE v.is_primary;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_contact FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_contact IS
'The primary e-mail address or phone number of a profile; verified: true where the entry says so as "verified", or what stands under urn:userlock:zitadel in this member, else NULL.';

CREATE FUNCTION userlock_http.zitadel_human(operation text, profile jsonb)
RETURNS json
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name jsonb := userlock_http.attribute(profile, 'name');
    given_name text := userlock_http.string_attribute(name, 'givenName');
    family_name text := userlock_http.string_attribute(name, 'familyName');
    nick_name text := userlock_http.string_attribute(profile, 'nickName');
    display_name text := userlock_http.string_attribute(profile, 'displayName');
    language text := userlock_http.string_attribute(profile, 'preferredLanguage');
    gender text := substring(profile #>> '{urn:userlock:zitadel,gender}' FROM '^GENDER_(?:FEMALE|MALE|DIVERSE)$');
    avatar_url text := userlock_http.scim_primary(profile, 'photos');
    email record := userlock_http.zitadel_contact(profile, 'emails', 'isEmailVerified');
    phone record := userlock_http.zitadel_contact(profile, 'phoneNumbers', 'isPhoneVerified');
BEGIN
    IF operation LIKE 'v1/%' THEN
        RETURN json_build_object(
            'profile', json_build_object(
                'firstName', given_name, 'lastName', family_name, 'nickName', nick_name, 'displayName', display_name,
                'preferredLanguage', language, 'gender', gender, 'avatarUrl', avatar_url),
            'email', json_build_object('email', email.value, 'isEmailVerified', email.verified),
            'phone', json_build_object('phone', phone.value, 'isPhoneVerified', phone.verified));
    END IF;
    -- Four fields are optional in v2, and always there.
    RETURN json_build_object(
        'profile', json_build_object(
            'givenName', given_name, 'familyName', family_name,
            'nickName', coalesce(nick_name, ''), 'displayName', coalesce(display_name, ''),
            'preferredLanguage', coalesce(language, 'und'), 'gender', coalesce(gender, 'GENDER_UNSPECIFIED'),
            'avatarUrl', avatar_url),
        'email', json_build_object('email', email.value, 'isVerified', email.verified),
        'phone', json_build_object('phone', phone.value, 'isVerified', phone.verified));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_human FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_human IS
'What a profile says of a human, as a call of v1 or of v2 shows it; profile: NULL where there is none.';

CREATE FUNCTION userlock_http.zitadel_user(operation text, status userlock.user_status, profile jsonb)
RETURNS json
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name text := coalesce(userlock_http.string_attribute(profile, 'userName'), status.user_id);
    state text := CASE WHEN userlock.is_blocked(status.state) THEN 'USER_STATE_INACTIVE'
        WHEN userlock.is_locked(status.state) THEN 'USER_STATE_LOCKED'
        ELSE 'USER_STATE_ACTIVE' END;
    machine json := userlock_http.zitadel_machine(profile);
    human json := CASE WHEN machine IS NULL THEN userlock_http.zitadel_human(operation, profile) END;
    details json := userlock_http.zitadel_details(operation, status);
BEGIN
    IF operation LIKE 'v1/%' THEN
        RETURN json_build_object('id', status.user_id, 'details', details, 'state', state,
            'userName', name, 'loginNames', json_build_array(name), 'preferredLoginName', name,
            'human', human, 'machine', machine);
    END IF;
    RETURN json_build_object('userId', status.user_id, 'state', state,
        'username', name, 'loginNames', json_build_array(name), 'preferredLoginName', name,
        'human', human, 'machine', machine, 'details', details);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_user FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_user IS
'A user as a call of v1 or of v2 shows them; profile: NULL where there is none.';

--
-- Zitadel: what is asked, and what comes of it
--
-- Each call is judged in terms of gRPC, on the fields of its request, and answered
-- with the fields of a response; how both travel is another matter.
--

CREATE TYPE userlock_http.zitadel_request AS (
    fields json,
    body text
);

COMMENT ON TYPE userlock_http.zitadel_request IS
'fields: the request message in protobuf''s JSON mapping, each field in camelCase and of its type, nothing that is unknown, NULL where the body is not valid; body: valid, malformed, compressed, too_large or too_deep.';

CREATE FUNCTION userlock_http.zitadel_read_json(operation text, message json)
RETURNS userlock_http.zitadel_request
LANGUAGE C IMMUTABLE PARALLEL SAFE  -- not STRICT: no message is a malformed one
AS 'MODULE_PATHNAME', 'userlock_http_zitadel_read_json';

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_read_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_read_json IS
'Reads the request message of a call, v1/... or v2/..., in protobuf''s JSON mapping. Names are in camelCase or with underscores; unknown members are skipped.';

CREATE TYPE userlock_http.zitadel_verdict AS (
    code integer,
    message text,
    error_id text,
    response json
);

COMMENT ON TYPE userlock_http.zitadel_verdict IS
'code: of gRPC, 0 is success; message: without the id of the error, NULL: a success; error_id: NULL where the error has none; response: after a success the response message, in protobuf''s JSON mapping.';

CREATE FUNCTION userlock_http.zitadel_problem(name text)
RETURNS userlock_http.zitadel_verdict
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE name
    WHEN 'missing_token' THEN ROW(16, 'auth header missing', NULL, NULL)::userlock_http.zitadel_verdict
    WHEN 'bad_token' THEN ROW(16, 'Errors.Token.Invalid', 'AUTH-7fs1e', NULL)::userlock_http.zitadel_verdict
    WHEN 'foreign_organisation' THEN ROW(7, 'Organisation doesn''t exist', 'AUTH-Bs7Ds', NULL)::userlock_http.zitadel_verdict
    WHEN 'too_large' THEN ROW(8, 'Request Entity Too Large', NULL, NULL)::userlock_http.zitadel_verdict
    WHEN 'compressed' THEN ROW(12, 'compression is not supported', NULL, NULL)::userlock_http.zitadel_verdict
    WHEN 'malformed' THEN ROW(3, 'invalid request body', NULL, NULL)::userlock_http.zitadel_verdict
    WHEN 'too_deep' THEN ROW(3, 'Errors.Query.TooManyNestingLevels', 'USER-zsQ97', NULL)::userlock_http.zitadel_verdict
    WHEN 'invalid_query' THEN ROW(3, 'List.Query.Invalid', 'GRPC-vR9nC', NULL)::userlock_http.zitadel_verdict
    ELSE ROW(13, 'internal error', NULL, NULL)::userlock_http.zitadel_verdict
END;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_problem FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_problem IS
'The verdict on a request that can be told without a user: missing_token, bad_token, foreign_organisation, too_large, compressed, malformed, too_deep, invalid_query; any other name is an internal error.';

CREATE FUNCTION userlock_http.zitadel_organisation()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(userlock_http.header('x-zitadel-orgid'), '');

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_organisation FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_organisation IS
'The tenant that the header x-zitadel-orgid names; NULL: the caller''s own.';

CREATE FUNCTION userlock_http.zitadel_refusal(operation text, sqlstate text, user_id text, body text)
RETURNS userlock_http.zitadel_verdict
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    verdict userlock_http.zitadel_verdict;
    error record;
BEGIN
    SELECT * INTO STRICT error FROM (VALUES
        ('v2/unlock', 'UnlockUserRequest.UserId', 'COMMAND-x377t913pw', 'COMMAND-olb9vb0oca', 'User is not locked'),
        ('v2/lock', 'LockUserRequest.UserId', 'COMMAND-450yxuqrh1', 'COMMAND-lgws8wtsqf', 'User is not active or initial'),
        ('v2/deactivate', 'DeactivateUserRequest.UserId', 'COMMAND-5gp2p62iin', 'COMMAND-5gunjw0cd7', 'User already inactive'),
        ('v2/reactivate', 'ReactivateUserRequest.UserId', 'COMMAND-9hy5kzbuk6', 'COMMAND-s5qqcz97hf', 'User is not inactive'),
        ('v2/get', 'GetUserByIDRequest.UserId', 'QUERY-Dfbg2', NULL, NULL),
        ('v2/list', NULL, NULL, NULL, NULL),
        ('v1/unlock', 'UnlockUserRequest.Id', 'COMMAND-M0dos', 'COMMAND-4M0ds', 'User is not locked'),
        ('v1/lock', 'LockUserRequest.Id', 'COMMAND-5M9fs', 'COMMAND-3NN8v', 'User is not active or initial'),
        ('v1/deactivate', 'DeactivateUserRequest.Id', 'COMMAND-3M9ds', 'COMMAND-5M0sf', 'User already inactive'),
        ('v1/reactivate', 'ReactivateUserRequest.Id', 'COMMAND-4M0sd', 'COMMAND-6M0sf', 'User is not inactive'),
        ('v1/get', 'GetUserByIDRequest.Id', 'QUERY-Dfbg2', NULL, NULL),
        ('v1/list', NULL, NULL, NULL, NULL)
    ) AS e (operation, id_field, not_found_id, refused_id, refused)
    WHERE e.operation = zitadel_refusal.operation;

    CASE sqlstate
        WHEN 'PT400' THEN verdict := (9, error.refused, error.refused_id, NULL);
        WHEN 'PT401' THEN PERFORM userlock_http.reject_credential();
        WHEN 'PT403' THEN verdict := (7, 'No matching permissions found', CASE WHEN operation LIKE 'v1/%' THEN 'AUTH-5mWD2' ELSE 'AUTH-AWfge' END, NULL);
        WHEN 'PT404' THEN verdict := (5, 'User could not be found', error.not_found_id, NULL);
        WHEN 'PT422' THEN
            IF length(user_id) NOT BETWEEN 1 AND 200 THEN
                verdict := (3, format('invalid %s: value length must be between 1 and 200 runes, inclusive', error.id_field), NULL, NULL);
            ELSE
                verdict := userlock_http.zitadel_problem(body);
            END IF;
        ELSE verdict := userlock_http.zitadel_problem('internal_error');
    END CASE;
    RETURN verdict;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_refusal FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_refusal IS
'What stood against a call, v1/... or v2/..., by the sqlstate of its outcome; user_id and body: as the call was given them.';

CREATE FUNCTION userlock_http.zitadel_success(response json)
RETURNS userlock_http.zitadel_verdict
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- What is NULL is not there; and no spaces.
RETURN ROW(0, NULL, NULL, json_strip_nulls(response))::userlock_http.zitadel_verdict;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_success FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_success IS
'A success that answers with these fields; those of NULL are left out.';

CREATE FUNCTION userlock_http.zitadel_change(operation text, user_id text, body text)
RETURNS userlock_http.zitadel_verdict
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    organisation text := userlock_http.zitadel_organisation();
    transition text := substr(operation, 4);
    outcome userlock.transition_outcome;
BEGIN
    IF organisation <> ALL (userlock.caller_tenants()) THEN
        RETURN userlock_http.zitadel_problem('foreign_organisation');
    END IF;
    outcome := userlock.try_transition(
        CASE transition WHEN 'deactivate' THEN 'block' WHEN 'reactivate' THEN 'unblock' ELSE transition END,
        -- An id of NULL is refused, but not before the caller's permission is known.
        CASE body WHEN 'valid' THEN user_id END,
        tenant => organisation,
        expected_state => CASE transition WHEN 'unlock' THEN 'locked' WHEN 'lock' THEN 'active' END::userlock.user_lock_state);
    IF outcome.sqlstate <> '00000' THEN
        RETURN userlock_http.zitadel_refusal(operation, outcome.sqlstate, user_id, body);
    END IF;
    RETURN userlock_http.zitadel_success(json_build_object('details', userlock_http.zitadel_details(operation, outcome.status)));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_change FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_change IS
$$Makes a transition in Zitadel's terms and judges it.

operation: v1/ or v2/, then unlock, lock, deactivate or reactivate; user_id: empty where the request has none, or none that text can hold, NULL where the body hides it; body: as in zitadel_request. A transition is judged by the one state that Zitadel shows, in which inactive (blocked) hides locked. The organisation is the header x-zitadel-orgid, else the caller's.$$;

CREATE FUNCTION userlock_http.zitadel_get(operation text, user_id text, body text)
RETURNS userlock_http.zitadel_verdict
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    organisation text := userlock_http.zitadel_organisation();
    outcome userlock.transition_outcome;
    shown json;
BEGIN
    IF organisation <> ALL (userlock.caller_tenants()) THEN
        RETURN userlock_http.zitadel_problem('foreign_organisation');
    END IF;
    outcome := userlock_http.try_status(CASE body WHEN 'valid' THEN user_id END, organisation);
    IF outcome.sqlstate <> '00000' THEN
        RETURN userlock_http.zitadel_refusal(operation, outcome.sqlstate, user_id, body);
    END IF;
    shown := userlock_http.zitadel_user(operation, outcome.status, userlock_http.profile(user_id, organisation));
    RETURN userlock_http.zitadel_success(CASE WHEN operation LIKE 'v1/%' THEN json_build_object('user', shown)
        ELSE json_build_object('details', shown -> 'details', 'user', shown) END);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_get FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_get IS
'Finds a user. operation: v1/get or v2/get; the rest as for zitadel_change(). The caller needs EXECUTE on userlock.user_status.';

CREATE FUNCTION userlock_http.zitadel_list(operation text, request userlock_http.zitadel_request)
RETURNS userlock_http.zitadel_verdict
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenants text[] := userlock.caller_tenants();
    organisation text := userlock_http.zitadel_organisation();
    filters jsonb;
    -- 100 users are shown unless told otherwise, and never more than 1000.
    page_size integer := least(coalesce(nullif(request.fields #>> '{query,limit}', '0'), '100')::bigint, 1000);
    skip bigint := least(coalesce(request.fields #>> '{query,offset}', '0')::numeric, 9223372036854775807);
    shown record;
    total bigint;
BEGIN
    IF organisation <> ALL (tenants) THEN
        RETURN userlock_http.zitadel_problem('foreign_organisation');
    END IF;
    IF NOT userlock_http.may_list() THEN
        RETURN userlock_http.zitadel_refusal(operation, 'PT403', NULL, NULL);
    END IF;
    IF request.body IS DISTINCT FROM 'valid' THEN
        RETURN userlock_http.zitadel_problem(request.body);
    END IF;

    organisation := coalesce(organisation,
        -- Whoever asks for one of their organisations by a query means that one.
        (SELECT q.query #>> '{organizationIdQuery,organizationId}' FROM json_array_elements(request.fields -> 'queries') AS q (query)
            WHERE q.query #>> '{organizationIdQuery,organizationId}' = ANY (tenants) LIMIT 1),
        tenants[1], current_setting('userlock.tenant'));
    filters := userlock_http.zitadel_filters(request.fields, operation, organisation);
    IF filters IS NULL THEN
        RETURN userlock_http.zitadel_problem('invalid_query');
    END IF;

    SELECT count(*) AS users, max(u.sequence) AS sequence, json_agg(
        userlock_http.zitadel_user(operation,
            (u.tenant, u.user_id, u.state, u.sequence, u.created_at, u.changed_at, u.locked_until, u.blocked_until),
            userlock_http.profile(u.user_id, u.tenant))
        ORDER BY u.ordinality) AS result
    INTO shown
    FROM userlock.find_users(jsonb_build_object('and', filters),
        userlock_http.zitadel_order(request.fields ->> 'sortingColumn'),
        coalesce(request.fields #>> '{query,asc}', 'false') <> 'true',
        page_size, skip, organisation) WITH ORDINALITY AS u;
    -- The last page tells how many there are.
    total := CASE WHEN shown.users < page_size AND (shown.users > 0 OR skip = 0) THEN skip + shown.users
        ELSE userlock.count_users(jsonb_build_object('and', filters), organisation) END;
    RETURN userlock_http.zitadel_success(json_build_object(
        'details', json_build_object(
            'totalResult', nullif(total, 0)::text,
            'processedSequence', shown.sequence::text,
            CASE WHEN operation LIKE 'v1/%' THEN 'viewTimestamp' ELSE 'timestamp' END, userlock_http.timestamp(now())),
        'result', shown.result));
EXCEPTION WHEN SQLSTATE 'PT422' THEN
    -- A filter too long.
    RETURN userlock_http.zitadel_problem('invalid_query');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_list FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_list IS
$$Finds users. operation: v1/list or v2/list.

The organisation is the header x-zitadel-orgid, else one of the caller's that the queries name, else the caller's own. The caller needs EXECUTE on userlock.find_users and userlock.count_users.$$;

CREATE FUNCTION userlock_http.zitadel_full_message(verdict userlock_http.zitadel_verdict)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (verdict).message || coalesce(' (' || (verdict).error_id || ')', '');

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_full_message FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_full_message IS
'The message of an error with its id; NULL: a success.';

CREATE FUNCTION userlock_http.zitadel_http_status(code integer)
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE code WHEN 3 THEN 400 WHEN 5 THEN 404 WHEN 7 THEN 403 WHEN 8 THEN 429 WHEN 9 THEN 400 WHEN 12 THEN 501 WHEN 16 THEN 401 ELSE 500 END;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_http_status FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_http_status IS
'The HTTP status that goes with an error code of gRPC.';

--
-- Zitadel: zitadel.user.v2.UserService and zitadel.management.v1.ManagementService
-- over REST
--
-- The parts in zitadel/ judge calls and word the responses; here they are told.
--

CREATE SCHEMA userlock_zitadel;

COMMENT ON SCHEMA userlock_zitadel IS
'The HTTP contract of Zitadel''s lock, unlock, deactivate and reactivate, and of finding users, user API v2 and management API v1.';

CREATE FUNCTION userlock_http.zitadel_error_json(verdict userlock_http.zitadel_verdict)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN format('{"code":%s,"message":%s%s}',
    (verdict).code,
    to_json(userlock_http.zitadel_full_message(verdict)),
    CASE WHEN (verdict).error_id IS NOT NULL THEN
        format(',"details":[{"@type":"type.googleapis.com/zitadel.v1.ErrorDetail","id":%s,"message":%s}]',
            to_json((verdict).error_id), to_json((verdict).message))
    END);

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_error_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_error_json IS
'A google.rpc.Status in protobuf''s JSON mapping.';

CREATE FUNCTION userlock_http.zitadel_rest(verdict userlock_http.zitadel_verdict)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF verdict.message IS NULL THEN
        RETURN pg_catalog.convert_to(verdict.response::text, 'UTF8');
    END IF;
    RETURN userlock_http.refuse(userlock_http.zitadel_http_status(verdict.code), 'application/json',
        userlock_http.zitadel_error_json(verdict));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rest FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rest IS
'Answers over REST.';

CREATE FUNCTION userlock_zitadel.rest(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    operation text := userlock_http.header('x-userlock-operation');
    request userlock_http.zitadel_request := userlock_http.zitadel_read_json(operation, userlock_http.json_object($1));
BEGIN
    RETURN userlock_http.zitadel_rest(userlock_http.zitadel_change(operation, coalesce(userlock_http.user_id(), ''), request.body));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel.rest FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel.rest IS
'POST /v2/users/{user_id}/unlock, lock, deactivate, reactivate; POST /management/v1/users/{id}/_unlock, _lock, _deactivate, _reactivate. nginx names the operation in the header x-userlock-operation, as v2/unlock.';

CREATE FUNCTION userlock_zitadel.read_rest(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    operation text := userlock_http.header('x-userlock-operation');
BEGIN
    IF operation LIKE '%/get' THEN
        RETURN userlock_http.zitadel_rest(userlock_http.zitadel_get(operation, coalesce(userlock_http.user_id(), ''), 'valid'));
    END IF;
    RETURN userlock_http.zitadel_rest(userlock_http.zitadel_list(operation,
        userlock_http.zitadel_read_json(operation, userlock_http.json_object($1))));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel.read_rest FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel.read_rest IS
'GET /v2/users/{user_id}, POST /v2/users; GET /management/v1/users/{id}, POST /management/v1/users/_search. nginx names the operation in the header x-userlock-operation, as v2/get or v2/list.';

--
-- Zitadel: the same two services over gRPC, gRPC-Web and Connect
--
-- A function for each protocol and encoding, of calls that change and of calls that
-- read; the functions of zitadel/ decide for all of them.  What nginx sees and the
-- database does not, it names in headers, so that it is told here as everything else
-- is: x-userlock-problem, of the token; x-userlock-body-problem, of the body.
--

CREATE SCHEMA userlock_zitadel_rpc;

COMMENT ON SCHEMA userlock_zitadel_rpc IS
'The contract of Zitadel''s LockUser, UnlockUser, DeactivateUser, ReactivateUser, GetUserByID and ListUsers over gRPC, gRPC-Web and Connect.';

CREATE FUNCTION userlock_http.zitadel_rpc_read(operation text, body bytea, framed boolean)
RETURNS userlock_http.zitadel_request
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_zitadel_rpc_read';

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_read FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_read IS
'Reads the request message of a call, v1/... or v2/..., in protobuf''s binary form, of up to 1 MiB, in a frame of gRPC or as it is. Unknown fields are skipped; of several of one field the last counts.';

CREATE FUNCTION userlock_http.zitadel_rpc_read_connect_json(operation text, body bytea)
RETURNS userlock_http.zitadel_request
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF length(body) > 1048576 THEN
        RETURN (NULL, 'too_large')::userlock_http.zitadel_request;
    END IF;
    -- Here, unlike over REST, a body of no bytes is no message.
    RETURN userlock_http.zitadel_read_json(operation, userlock_http.json_object(nullif(body, '')));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_read_connect_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_read_connect_json IS
'Reads the request message of a call of v2, of up to 1 MiB, in protobuf''s JSON mapping.';

CREATE FUNCTION userlock_http.zitadel_rpc_write(message text, fields json)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_zitadel_rpc_write';

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_write FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_write IS
'A message of ours in protobuf''s binary form. message: the call whose response it is, v1/... or v2/...; or status, a google.rpc.Status, or error_detail, a zitadel.v1.ErrorDetail; fields: in protobuf''s JSON mapping, but for an Any, which is as zitadel_rpc.proto has it.';

CREATE FUNCTION userlock_http.zitadel_rpc_operation()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN userlock_http.header('x-userlock-operation');

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_operation FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_operation IS
'The call, as v2/unlock.';

CREATE FUNCTION userlock_http.zitadel_rpc_body(request userlock_http.zitadel_request)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(userlock_http.header('x-userlock-body-problem'), (request).body);

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_body FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_body IS
'What a body is, as in zitadel_request: what nginx says of it goes first.';

CREATE FUNCTION userlock_http.zitadel_rpc_user_id(operation text, request userlock_http.zitadel_request)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN userlock_http.zitadel_rpc_body(request) = 'valid' THEN
    coalesce((request).fields ->> CASE WHEN operation LIKE 'v1/%' THEN 'id' ELSE 'userId' END, '')
END;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_user_id FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_user_id IS
'The user whom a request names, empty where it names none; NULL: the body is not valid.';

CREATE FUNCTION userlock_http.zitadel_rpc_change(request userlock_http.zitadel_request)
RETURNS userlock_http.zitadel_verdict
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    problem text := userlock_http.header('x-userlock-problem');
    operation text := userlock_http.zitadel_rpc_operation();
BEGIN
    IF problem IS NOT NULL THEN
        RETURN userlock_http.zitadel_problem(problem);
    END IF;
    RETURN userlock_http.zitadel_change(operation, userlock_http.zitadel_rpc_user_id(operation, request),
        userlock_http.zitadel_rpc_body(request));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_change FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_change IS
'The verdict on a request to change a user.';

CREATE FUNCTION userlock_http.zitadel_rpc_find(request userlock_http.zitadel_request)
RETURNS userlock_http.zitadel_verdict
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    problem text := userlock_http.header('x-userlock-problem');
    operation text := userlock_http.zitadel_rpc_operation();
BEGIN
    IF problem IS NOT NULL THEN
        RETURN userlock_http.zitadel_problem(problem);
    END IF;
    IF operation LIKE '%/get' THEN
        RETURN userlock_http.zitadel_get(operation, userlock_http.zitadel_rpc_user_id(operation, request),
            userlock_http.zitadel_rpc_body(request));
    END IF;
    request.body := userlock_http.zitadel_rpc_body(request);
    RETURN userlock_http.zitadel_list(operation, request);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_find FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_find IS
'The verdict on a request to find users.';

CREATE FUNCTION userlock_http.zitadel_rpc_error_detail(verdict userlock_http.zitadel_verdict)
RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN (verdict).error_id IS NOT NULL THEN
    json_build_object('id', (verdict).error_id, 'message', (verdict).message)
END;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_error_detail FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_error_detail IS
'A zitadel.v1.ErrorDetail; NULL: an error without id has none.';

CREATE FUNCTION userlock_http.zitadel_rpc_status(verdict userlock_http.zitadel_verdict)
RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN (verdict).error_id IS NOT NULL THEN
    userlock_http.zitadel_rpc_write('status', json_build_object(
        'code', (verdict).code,
        'message', userlock_http.zitadel_full_message(verdict),
        'details', json_build_array(json_build_object(
            'typeUrl', 'type.googleapis.com/zitadel.v1.ErrorDetail',
            'value', userlock_http.zitadel_rpc_error_detail(verdict)))))
END;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_status FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_status IS
'What grpc-status-details-bin carries; NULL: a success, or an error without id.';

CREATE FUNCTION userlock_http.zitadel_rpc_grpc(verdict userlock_http.zitadel_verdict)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF verdict.message IS NULL THEN
        RETURN userlock_http.grpc_frame(userlock_http.zitadel_rpc_write(userlock_http.zitadel_rpc_operation(), verdict.response));
    END IF;
    RETURN userlock_http.grpc_refuse(verdict.code, userlock_http.zitadel_full_message(verdict),
        userlock_http.zitadel_rpc_status(verdict));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_grpc FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_grpc IS
'Answers over gRPC.';

CREATE FUNCTION userlock_http.zitadel_rpc_grpc_web(verdict userlock_http.zitadel_verdict)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    trailers bytea := userlock_http.grpc_web_trailers(verdict.code, userlock_http.zitadel_full_message(verdict),
        userlock_http.zitadel_rpc_status(verdict));
BEGIN
    IF verdict.message IS NULL THEN
        RETURN pg_catalog.byteacat(
            userlock_http.grpc_frame(userlock_http.zitadel_rpc_write(userlock_http.zitadel_rpc_operation(), verdict.response)), trailers);
    END IF;
    RETURN trailers;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_grpc_web FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_grpc_web IS
'Answers over gRPC-Web.';

CREATE FUNCTION userlock_http.zitadel_rpc_connect_code(code integer)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE code
    WHEN 3 THEN 'invalid_argument'
    WHEN 5 THEN 'not_found'
    WHEN 7 THEN 'permission_denied'
    WHEN 8 THEN 'resource_exhausted'
    WHEN 9 THEN 'failed_precondition'
    WHEN 12 THEN 'unimplemented'
    WHEN 16 THEN 'unauthenticated'
    ELSE 'internal'
END;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_connect_code FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_connect_code IS
'What Connect calls an error code of gRPC.';

CREATE FUNCTION userlock_http.zitadel_rpc_connect_error(verdict userlock_http.zitadel_verdict)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN format('{"code":%s,"message":%s%s}',
    to_json(userlock_http.zitadel_rpc_connect_code((verdict).code)),
    to_json(userlock_http.zitadel_full_message(verdict)),
    CASE WHEN (verdict).error_id IS NOT NULL THEN
        format(',"details":[{"type":"zitadel.v1.ErrorDetail","value":%s,"debug":%s}]',
            to_json(userlock_http.base64(userlock_http.zitadel_rpc_write('error_detail', userlock_http.zitadel_rpc_error_detail(verdict)))),
            json_strip_nulls(userlock_http.zitadel_rpc_error_detail(verdict)))
    END);

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_connect_error FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_connect_error IS
'The body of an error over Connect, whatever the encoding of the request.';

CREATE FUNCTION userlock_http.zitadel_rpc_connect(verdict userlock_http.zitadel_verdict, in_json boolean)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF verdict.message IS NOT NULL THEN
        RETURN userlock_http.refuse(userlock_http.zitadel_http_status(verdict.code), 'application/json',
            userlock_http.zitadel_rpc_connect_error(verdict));
    ELSIF in_json THEN
        RETURN pg_catalog.convert_to(verdict.response::text, 'UTF8');
    END IF;
    RETURN userlock_http.zitadel_rpc_write(userlock_http.zitadel_rpc_operation(), verdict.response);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_connect FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_connect IS
'Answers over Connect, in JSON or in protobuf.';

CREATE FUNCTION userlock_zitadel_rpc.grpc(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_http.zitadel_rpc_grpc(userlock_http.zitadel_rpc_change(
        userlock_http.zitadel_rpc_read(userlock_http.zitadel_rpc_operation(), $1, true)));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.grpc FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.grpc IS
'The four calls of either service that change a user, over gRPC.';

CREATE FUNCTION userlock_zitadel_rpc.read_grpc(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_http.zitadel_rpc_grpc(userlock_http.zitadel_rpc_find(
        userlock_http.zitadel_rpc_read(userlock_http.zitadel_rpc_operation(), $1, true)));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.read_grpc FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.read_grpc IS
'The two calls of either service that find users, over gRPC.';

CREATE FUNCTION userlock_zitadel_rpc.grpc_web(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_http.zitadel_rpc_grpc_web(userlock_http.zitadel_rpc_change(
        userlock_http.zitadel_rpc_read(userlock_http.zitadel_rpc_operation(), $1, true)));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.grpc_web FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.grpc_web IS
'The four calls of either service that change a user, over gRPC-Web.';

CREATE FUNCTION userlock_zitadel_rpc.read_grpc_web(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_http.zitadel_rpc_grpc_web(userlock_http.zitadel_rpc_find(
        userlock_http.zitadel_rpc_read(userlock_http.zitadel_rpc_operation(), $1, true)));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.read_grpc_web FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.read_grpc_web IS
'The two calls of either service that find users, over gRPC-Web.';

CREATE FUNCTION userlock_zitadel_rpc.connect_json(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_http.zitadel_rpc_connect(userlock_http.zitadel_rpc_change(
        userlock_http.zitadel_rpc_read_connect_json(userlock_http.zitadel_rpc_operation(), $1)), true);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.connect_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.connect_json IS
'The four calls of the user API v2 that change a user, over Connect in JSON.';

CREATE FUNCTION userlock_zitadel_rpc.read_connect_json(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_http.zitadel_rpc_connect(userlock_http.zitadel_rpc_find(
        userlock_http.zitadel_rpc_read_connect_json(userlock_http.zitadel_rpc_operation(), $1)), true);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.read_connect_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.read_connect_json IS
'The two calls of the user API v2 that find users, over Connect in JSON.';

CREATE FUNCTION userlock_zitadel_rpc.connect_proto(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_http.zitadel_rpc_connect(userlock_http.zitadel_rpc_change(
        userlock_http.zitadel_rpc_read(userlock_http.zitadel_rpc_operation(), $1, false)), false);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.connect_proto FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.connect_proto IS
'The four calls of the user API v2 that change a user, over Connect in protobuf.';

CREATE FUNCTION userlock_zitadel_rpc.read_connect_proto(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_http.zitadel_rpc_connect(userlock_http.zitadel_rpc_find(
        userlock_http.zitadel_rpc_read(userlock_http.zitadel_rpc_operation(), $1, false)), false);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.read_connect_proto FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.read_connect_proto IS
'The two calls of the user API v2 that find users, over Connect in protobuf.';

--
-- Privileges
--
-- The installer may have default privileges that give roles of theirs something
-- on every new object.  Not on these: a grant is for the deployment to make, with
-- these objects in mind.  (TRIGGER on a table would be the worst: code run with the
-- rights of the owner.)
--
-- PUBLIC keeps what it was given above (see views.sql for tables), but of types only the
-- one that is for everybody's tables: a column of any other, in a table of somebody
-- else's, would stand in the way of an upgrade.
--

DO $$
DECLARE
    given record;
BEGIN
    FOR given IN
        WITH member AS (
            SELECT d.classid, d.objid
            FROM pg_depend AS d
            JOIN pg_extension AS e ON e.oid = d.refobjid
            WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
            AND e.extnamespace = '@extschema@'::regnamespace
        ), acl AS (
            SELECT 'TABLE' AS kind, c.oid::regclass::text AS name, c.relowner AS owner, c.relacl AS privileges, c.relrowsecurity OR c.relname LIKE 'visible\_%' AS for_public
            FROM member AS m JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
            WHERE c.relkind IN ('r', 'v')
            UNION ALL
            SELECT 'FUNCTION', p.oid::regprocedure::text, p.proowner, p.proacl, true
            FROM member AS m JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
            UNION ALL
            SELECT 'TYPE', t.oid::regtype::text, t.typowner, coalesce(t.typacl, acldefault('T', t.typowner)), t.typtype = 'b'
            FROM member AS m JOIN pg_type AS t
                ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
                OR m.classid = 'pg_class'::regclass AND t.typrelid = m.objid
            WHERE t.typtype IN ('b', 'c', 'd') AND t.typelem = 0
            UNION ALL
            SELECT 'SCHEMA', n.oid::regnamespace::text, n.nspowner, n.nspacl, n.nspname = 'userlock'
            FROM pg_namespace AS n
            WHERE n.nspname = '@extschema@' OR n.oid IN (SELECT m.objid FROM member AS m WHERE m.classid = 'pg_namespace'::regclass)
        )
        SELECT DISTINCT acl.kind, acl.name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
        FROM acl, aclexplode(acl.privileges) AS a
        WHERE a.grantee <> acl.owner AND NOT (acl.for_public AND a.grantee = 0)
    LOOP
        EXECUTE format('REVOKE ALL ON %s %s FROM %s', given.kind, given.name, given.grantee);
    END LOOP;
END
$$;

-- What pg_dump reads to tell our privileges from those given later knows no types of
-- rows: it would warn of each.
DELETE FROM pg_init_privs AS p USING pg_type AS t, pg_class AS c
WHERE p.classoid = 'pg_type'::regclass AND p.objoid = t.oid AND c.oid = t.typrelid AND c.relkind IN ('r', 'v')
AND EXISTS (SELECT FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.objid = c.oid AND e.extnamespace = '@extschema@'::regnamespace);
