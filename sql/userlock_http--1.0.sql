\echo Use "CREATE EXTENSION userlock_http" to load this file. \quit

-- A schema of this name may have been made by someone else, who would then own
-- the ground that this script builds on.
DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_namespace AS n
        JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
        WHERE n.nspname OPERATOR(pg_catalog.=) '@extschema@'
        AND (r.rolsuper OR r.rolname OPERATOR(pg_catalog.=) CURRENT_USER)
    ) THEN
        RAISE EXCEPTION 'schema "@extschema@" belongs to someone else'
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Drop the schema, or have its owner give it to you.';
    END IF;
END
$$;

-- What comes and goes over HTTP is UTF-8.
DO $$
BEGIN
    IF pg_catalog.getdatabaseencoding() OPERATOR(pg_catalog.<>) 'UTF8' THEN
        RAISE EXCEPTION 'database encoding % is not supported', pg_catalog.getdatabaseencoding()
            USING ERRCODE = 'feature_not_supported',
                  HINT = 'Create the extension in a database whose encoding is UTF8.';
    END IF;
END
$$;

-- Of the functions below only those that use operators and unqualified names in
-- PL/pgSQL pin the search_path, which takes longer than the rest of them.  In
-- the others there is nothing for it to change: SQL bodies are parsed when they
-- are created, and are inlined where they are called.

COMMENT ON SCHEMA userlock_http IS
'What the HTTP contracts share: the request, the response.';

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
RETURN nullif(pg_catalog.current_setting('request.headers', true), '')::json ->> name;

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

-- Not in the core's schema, which PostgREST serves: a key would be in the URL.
CREATE FUNCTION userlock_http.api_key_claims(key text)
RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT jsonb_build_object('role', k.role, 'tenant', k.tenant, 'sub', 'api_key:' || k.name)
        FROM userlock.api_key AS k
        WHERE k.digest = sha256(convert_to(key, 'UTF8')) AND k.expires_at > now());
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.api_key_claims FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.api_key_claims IS
$$The claims that an API key stands for: role, tenant, and sub for history. NULL: no good key.

Tells nothing that the bearer of the key is not to know.$$;

CREATE FUNCTION userlock_http.reject_credential()
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
BEGIN
    RAISE EXCEPTION 'credential rejected' USING ERRCODE = 'PT401';
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.reject_credential FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.reject_credential IS
'Ends the request as one with a bad token ends. For claims that nobody can make sense of.';

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
AS $$
BEGIN
    PERFORM pg_catalog.set_config('response.status', '204', true);
    RETURN '';
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.no_content FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.no_content IS
'Answers with status 204.';

CREATE FUNCTION userlock_http.refuse(status integer, media_type text, body text, challenge text DEFAULT '')
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $$
BEGIN
    PERFORM pg_catalog.set_config('response.headers', pg_catalog.json_build_array(
        pg_catalog.json_build_object('x-accel-redirect', pg_catalog.format('@refused_%s', status)),
        pg_catalog.json_build_object('content-type', media_type),
        pg_catalog.json_build_object('www-authenticate', challenge),
        pg_catalog.json_build_object('x-userlock-body', body))::text, true);
    RETURN '';
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.refuse FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.refuse IS
'Answers with this error status (one that nginx has a location for), media type, body (ASCII, one line) and, if given, WWW-Authenticate challenge.';

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
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_base64';

REVOKE EXECUTE ON FUNCTION userlock_http.base64 FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.base64 IS
'Base64 without padding and line breaks (RFC 4648, section 4).';

CREATE FUNCTION userlock_http.grpc_refuse(code integer, message text, details bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $$
BEGIN
    PERFORM pg_catalog.set_config('response.headers', pg_catalog.json_build_array(
        pg_catalog.json_build_object('x-grpc-status', code::text),
        pg_catalog.json_build_object('x-grpc-message', userlock_http.grpc_message(message)),
        pg_catalog.json_build_object('x-grpc-details', pg_catalog.concat(userlock_http.base64(details))))::text, true);
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
-- Guardhouse: the System API
--
-- Suspended is our block.  Every call that succeeds revokes access.
--

CREATE SCHEMA userlock_guardhouse;

COMMENT ON SCHEMA userlock_guardhouse IS
'The HTTP contract of Guardhouse''s block and unblock.';

CREATE FUNCTION userlock_guardhouse.unblock_details(body json)
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

REVOKE EXECUTE ON FUNCTION userlock_guardhouse.unblock_details FROM PUBLIC;
COMMENT ON FUNCTION userlock_guardhouse.unblock_details IS
'What of the body of a request to unblock is kept with the event; NULL: the body is not valid.';

CREATE FUNCTION userlock_guardhouse.block_details(body json)
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

REVOKE EXECUTE ON FUNCTION userlock_guardhouse.block_details FROM PUBLIC;
COMMENT ON FUNCTION userlock_guardhouse.block_details IS
'What of the body of a request to block is kept with the event; NULL: the body is not valid.';

CREATE FUNCTION userlock_guardhouse.transition(transition text, details jsonb)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    digits text := ltrim(substring(userlock_http.user_id() FROM '^[0-9]+$'), '0');
    user_id text := CASE WHEN length(digits) BETWEEN 1 AND 10 AND digits::bigint <= 2147483647 THEN digits END;
    outcome userlock.transition_outcome;
BEGIN
    -- An id of NULL is refused, but not before the caller's permission is known.
    outcome := userlock.try_transition(
        transition, CASE WHEN details IS NOT NULL THEN user_id END, details ->> 'suspensionReason',
        idempotent => true, revoke_access => true, details => nullif(details, '{}'));

    IF outcome.sqlstate = '00000' THEN
        RETURN userlock_http.no_content();
    ELSIF outcome.sqlstate = 'PT401' THEN
        PERFORM userlock_http.reject_credential();
    ELSIF outcome.sqlstate = 'PT403' THEN
        RETURN userlock_http.refuse(403, 'application/json', '{"error":"insufficient_scope"}',
            'Bearer error="insufficient_scope"');
    ELSIF outcome.sqlstate = 'PT404' OR user_id IS NULL THEN
        RETURN userlock_http.refuse(404, 'text/plain; charset=utf-8', 'User not found');
    ELSIF outcome.sqlstate = 'PT422' THEN
        RETURN userlock_http.refuse(400, 'application/json', '{"error":"invalid_request"}');
    END IF;
    RETURN userlock_http.refuse(500, 'application/json', '{"error":"server_error"}');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_guardhouse.transition FROM PUBLIC;
COMMENT ON FUNCTION userlock_guardhouse.transition IS
'Makes a transition on the user whose number the path holds, keeps the details with the event, and revokes access. A suspensionReason is also the event''s reason.';

CREATE FUNCTION userlock_guardhouse.unblock(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $$
DECLARE
    body json := userlock_http.json_object($1);
BEGIN
    RETURN userlock_guardhouse.transition('unblock', userlock_guardhouse.unblock_details(body));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_guardhouse.unblock FROM PUBLIC;
COMMENT ON FUNCTION userlock_guardhouse.unblock IS
'PATCH /api/v1/users/{userId}/unblock';

CREATE FUNCTION userlock_guardhouse.block(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $$
DECLARE
    body json := userlock_http.json_object($1);
BEGIN
    RETURN userlock_guardhouse.transition('block', userlock_guardhouse.block_details(body));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_guardhouse.block FROM PUBLIC;
COMMENT ON FUNCTION userlock_guardhouse.block IS
'PATCH /api/v1/users/{userId}/block';

--
-- MonoCloud
--
-- Blocked is our lock, disabled our block.  Callers have an API key, so the
-- function itself sees whose it is.
--

CREATE SCHEMA userlock_monocloud;

COMMENT ON SCHEMA userlock_monocloud IS
'The HTTP contract of MonoCloud''s unblock, disable and enable.';

CREATE FUNCTION userlock_monocloud.refuse(status integer, invalid_field text DEFAULT NULL)
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

REVOKE EXECUTE ON FUNCTION userlock_monocloud.refuse FROM PUBLIC;
COMMENT ON FUNCTION userlock_monocloud.refuse IS
'Refuses with a problem document (RFC 9457) of this status.';

CREATE FUNCTION userlock_monocloud.member(profile jsonb, name text, type text, otherwise text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(profile -> name) = type THEN userlock_http.compact(profile -> name) ELSE otherwise END;

REVOKE EXECUTE ON FUNCTION userlock_monocloud.member FROM PUBLIC;
COMMENT ON FUNCTION userlock_monocloud.member IS
'A member of the profile as JSON, if it is there and of this type.';

CREATE FUNCTION userlock_monocloud.user_json(status userlock.user_status, profile jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN format('{"user_id":%s,"disabled":%s,"has_password":%s,"creation_time":%s,"last_updated":%s,'
    '"password_updated_at":%s,"username":%s,"emails":%s,"phone_numbers":%s,"passkeys":%s,"idps":%s,'
    '"claims":%s,"public_data":%s,"private_data":%s}',
    to_json((status).user_id),
    to_json(userlock.is_blocked((status).state)),
    userlock_monocloud.member(profile, 'has_password', 'boolean', 'false'),
    trunc(extract(epoch FROM (status).created_at)),
    trunc(extract(epoch FROM (status).changed_at)),
    userlock_monocloud.member(profile, 'password_updated_at', 'number', 'null'),
    userlock_monocloud.member(profile, 'username', 'object', 'null'),
    userlock_monocloud.member(profile, 'emails', 'array', '[]'),
    userlock_monocloud.member(profile, 'phone_numbers', 'array', '[]'),
    userlock_monocloud.member(profile, 'passkeys', 'array', '[]'),
    userlock_monocloud.member(profile, 'idps', 'array', '[]'),
    userlock_monocloud.member(profile, 'claims', 'object', '{}'),
    userlock_monocloud.member(profile, 'public_data', 'object', '{}'),
    userlock_monocloud.member(profile, 'private_data', 'object', '{}'));

REVOKE EXECUTE ON FUNCTION userlock_monocloud.user_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_monocloud.user_json IS
'MonoCloud''s User: what the account says, and for the rest the profile; times in seconds since 1970. Every key is there, empty where nothing is known.';

CREATE FUNCTION userlock_monocloud.transition(transition text, body bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    fields json := userlock_http.json_object(body);
    body_is_valid boolean := fields IS NOT NULL
        AND coalesce(json_typeof(fields -> 'revoke_sessions') = 'boolean', true);
    user_id text := substring(userlock_http.user_id() FROM '^[A-Za-z0-9_-]{1,200}$');
    claims jsonb := userlock_http.api_key_claims(userlock_http.header('x-api-key'));
    outcome userlock.transition_outcome;
    profile jsonb;
BEGIN
    IF claims IS NULL THEN
        RETURN userlock_monocloud.refuse(401);
    END IF;
    -- From here on as the bearer of the key.
    PERFORM set_config('request.jwt.claims', claims::text, true), set_config('role', claims ->> 'role', true);

    outcome := userlock.try_transition(transition, CASE WHEN body_is_valid THEN user_id END, idempotent => true);

    IF outcome.sqlstate = 'PT403' THEN
        RETURN userlock_monocloud.refuse(403);
    ELSIF outcome.sqlstate = 'PT404' THEN
        RETURN userlock_monocloud.refuse(404);
    ELSIF outcome.outcome = 'user_id_invalid' AND user_id IS NULL THEN
        RETURN userlock_monocloud.refuse(422, 'user_id');
    ELSIF outcome.outcome = 'user_id_invalid' AND fields IS NULL THEN
        RETURN userlock_monocloud.refuse(400);
    ELSIF outcome.outcome = 'user_id_invalid' THEN
        RETURN userlock_monocloud.refuse(422, 'revoke_sessions');
    ELSIF outcome.sqlstate <> '00000' THEN
        RETURN userlock_monocloud.refuse(500);
    END IF;

    -- Personal data is for whoever may read it in any other way.
    IF has_function_privilege('userlock.user_profile'::regproc, 'EXECUTE') THEN
        profile := userlock.user_profile(user_id);
    END IF;
    RETURN convert_to(userlock_monocloud.user_json(outcome.status, profile), 'UTF8');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_monocloud.transition FROM PUBLIC;
COMMENT ON FUNCTION userlock_monocloud.transition IS
'Makes a transition for the bearer of the X-API-KEY and answers with the User. The profile is part of it if the key''s role may execute userlock.user_profile.';

CREATE FUNCTION userlock_monocloud.unblock(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_monocloud.transition('unlock', '');

REVOKE EXECUTE ON FUNCTION userlock_monocloud.unblock FROM PUBLIC;
COMMENT ON FUNCTION userlock_monocloud.unblock IS
'POST /api/users/{user_id}/unblock; takes no body and ignores one.';

CREATE FUNCTION userlock_monocloud.disable(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_monocloud.transition('block', $1);

REVOKE EXECUTE ON FUNCTION userlock_monocloud.disable FROM PUBLIC;
COMMENT ON FUNCTION userlock_monocloud.disable IS
'POST /api/users/{user_id}/disable; revoke_sessions is checked, and access revoked in any case.';

CREATE FUNCTION userlock_monocloud.enable(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_monocloud.transition('unblock', '');

REVOKE EXECUTE ON FUNCTION userlock_monocloud.enable FROM PUBLIC;
COMMENT ON FUNCTION userlock_monocloud.enable IS
'POST /api/users/{user_id}/enable; takes no body and ignores one.';

--
-- Xekout
--
-- Blocked is our block.
--

CREATE SCHEMA userlock_xekout;

COMMENT ON SCHEMA userlock_xekout IS
'The HTTP contract of Xekout''s block and revoke (which unblocks).';

CREATE FUNCTION userlock_xekout.refuse(code integer, message text)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_http.refuse(code / 1000, 'application/json',
        format('{"status":"error","code":%s,"message":%s}', code, to_json(message)));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_xekout.refuse FROM PUBLIC;
COMMENT ON FUNCTION userlock_xekout.refuse IS
'Refuses with a code, whose first three digits are the HTTP status.';

CREATE FUNCTION userlock_xekout.transition(
    transition text, refused_code integer, refused_message text, not_found_message text)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    uuid text := lower(userlock_http.user_id());
    outcome userlock.transition_outcome := userlock.try_transition(transition,
        substring(uuid FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'));
BEGIN
    CASE outcome.sqlstate
        WHEN '00000' THEN RETURN userlock_http.no_content();
        WHEN 'PT401' THEN PERFORM userlock_http.reject_credential();
        WHEN 'PT403' THEN RETURN userlock_xekout.refuse(401100, 'Operation not permitted');
        WHEN 'PT422' THEN RETURN userlock_xekout.refuse(400010, 'this uuid is invalid for this request');
        WHEN 'PT404' THEN RETURN userlock_xekout.refuse(404014, not_found_message);
        WHEN 'PT400' THEN RETURN userlock_xekout.refuse(refused_code, refused_message);
        ELSE RETURN userlock_xekout.refuse(500001, 'internal error');
    END CASE;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_xekout.transition FROM PUBLIC;
COMMENT ON FUNCTION userlock_xekout.transition IS
'Makes a transition on the user whose UUID the path names, in any case of letters.';

CREATE FUNCTION userlock_xekout.revoke(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_xekout.transition('unblock', 400019, 'error on try unlock user', 'user not found');

REVOKE EXECUTE ON FUNCTION userlock_xekout.revoke FROM PUBLIC;
COMMENT ON FUNCTION userlock_xekout.revoke IS
'POST /v1/admin/tenant/user/revoke/:uuid, which revokes a block; takes no body and ignores one.';

CREATE FUNCTION userlock_xekout.block(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_xekout.transition('block', 400004, 'user is already blocked', 'user not found for this tenant');

REVOKE EXECUTE ON FUNCTION userlock_xekout.block FROM PUBLIC;
COMMENT ON FUNCTION userlock_xekout.block IS
'POST /v1/admin/tenant/user/block/:uuid; takes no body and ignores one.';

--
-- Zitadel: zitadel.user.v2.UserService and zitadel.management.v1.ManagementService
--
-- decide() makes the transition and judges what came of it, in terms of gRPC;
-- how that is told is another matter.
--

CREATE SCHEMA userlock_zitadel;

COMMENT ON SCHEMA userlock_zitadel IS
'The HTTP contract of Zitadel''s lock, unlock, deactivate and reactivate, user API v2 and management API v1.';

CREATE TYPE userlock_zitadel.verdict AS (
    code integer,
    message text,
    error_id text,
    status userlock.user_status
);

COMMENT ON TYPE userlock_zitadel.verdict IS
'code: of gRPC, 0 is success; message: without the id of the error, NULL: a success; error_id: NULL where the error has none; status: the user after a success.';

CREATE FUNCTION userlock_zitadel.problem(name text)
RETURNS userlock_zitadel.verdict
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE name
    WHEN 'missing_token' THEN ROW(16, 'auth header missing', NULL, NULL)::userlock_zitadel.verdict
    WHEN 'bad_token' THEN ROW(16, 'Errors.Token.Invalid', 'AUTH-7fs1e', NULL)::userlock_zitadel.verdict
    WHEN 'too_large' THEN ROW(8, 'Request Entity Too Large', NULL, NULL)::userlock_zitadel.verdict
    WHEN 'compressed' THEN ROW(12, 'compression is not supported', NULL, NULL)::userlock_zitadel.verdict
    WHEN 'malformed' THEN ROW(3, 'invalid request body', NULL, NULL)::userlock_zitadel.verdict
    ELSE ROW(13, 'internal error', NULL, NULL)::userlock_zitadel.verdict
END;

REVOKE EXECUTE ON FUNCTION userlock_zitadel.problem FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel.problem IS
'The verdict on a request that can be told without a user: missing_token, bad_token, too_large, compressed, malformed; any other name is an internal error.';

CREATE FUNCTION userlock_zitadel.decide(operation text, user_id text, body text)
RETURNS userlock_zitadel.verdict
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    organisation text := nullif(userlock_http.header('x-zitadel-orgid'), '');
    outcome userlock.transition_outcome;
    verdict userlock_zitadel.verdict;
    error record;
BEGIN
    IF organisation IS NOT NULL AND organisation <> ALL (userlock.caller_tenants()) THEN
        verdict := (7, 'Organisation doesn''t exist', 'AUTH-Bs7Ds', NULL);
        RETURN verdict;
    END IF;

    outcome := userlock.try_transition(
        CASE substr(operation, 4) WHEN 'deactivate' THEN 'block' WHEN 'reactivate' THEN 'unblock' ELSE substr(operation, 4) END,
        -- An id of NULL is refused, but not before the caller's permission is known.
        CASE body WHEN 'valid' THEN user_id END,
        tenant => organisation,
        expected_state => CASE substr(operation, 4) WHEN 'unlock' THEN 'locked' WHEN 'lock' THEN 'active' END::userlock.user_lock_state);

    IF outcome.sqlstate = '00000' THEN
        verdict.code := 0;
        verdict.status := outcome.status;
        RETURN verdict;
    END IF;

    SELECT * INTO STRICT error FROM (VALUES
        ('v2/unlock', 'UnlockUserRequest.UserId', 'AUTH-AWfge',
            'COMMAND-x377t913pw', 'COMMAND-olb9vb0oca', 'User is not locked'),
        ('v2/lock', 'LockUserRequest.UserId', 'AUTH-AWfge',
            'COMMAND-450yxuqrh1', 'COMMAND-lgws8wtsqf', 'User is not active or initial'),
        ('v2/deactivate', 'DeactivateUserRequest.UserId', 'AUTH-AWfge',
            'COMMAND-5gp2p62iin', 'COMMAND-5gunjw0cd7', 'User already inactive'),
        ('v2/reactivate', 'ReactivateUserRequest.UserId', 'AUTH-AWfge',
            'COMMAND-9hy5kzbuk6', 'COMMAND-s5qqcz97hf', 'User is not inactive'),
        ('v1/unlock', 'UnlockUserRequest.Id', 'AUTH-5mWD2',
            'COMMAND-M0dos', 'COMMAND-4M0ds', 'User is not locked'),
        ('v1/lock', 'LockUserRequest.Id', 'AUTH-5mWD2',
            'COMMAND-5M9fs', 'COMMAND-3NN8v', 'User is not active or initial'),
        ('v1/deactivate', 'DeactivateUserRequest.Id', 'AUTH-5mWD2',
            'COMMAND-3M9ds', 'COMMAND-5M0sf', 'User already inactive'),
        ('v1/reactivate', 'ReactivateUserRequest.Id', 'AUTH-5mWD2',
            'COMMAND-4M0sd', 'COMMAND-6M0sf', 'User is not inactive')
    ) AS e (operation, id_field, denied_id, not_found_id, refused_id, refused)
    WHERE e.operation = decide.operation;

    CASE outcome.sqlstate
        WHEN 'PT400' THEN verdict := (9, error.refused, error.refused_id, NULL);
        WHEN 'PT401' THEN PERFORM userlock_http.reject_credential();
        WHEN 'PT403' THEN verdict := (7, 'No matching permissions found', error.denied_id, NULL);
        WHEN 'PT404' THEN verdict := (5, 'User could not be found', error.not_found_id, NULL);
        WHEN 'PT422' THEN
            IF length(user_id) NOT BETWEEN 1 AND 200 THEN
                verdict := (3, format('invalid %s: value length must be between 1 and 200 runes, inclusive', error.id_field), NULL, NULL);
            ELSE
                verdict := userlock_zitadel.problem(body);
            END IF;
        ELSE verdict := userlock_zitadel.problem('internal_error');
    END CASE;
    RETURN verdict;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel.decide FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel.decide IS
$$Makes a transition in Zitadel's terms and judges it.

operation: v1/ or v2/, then unlock, lock, deactivate or reactivate; user_id: empty where the request has none, or none that text can hold, NULL where the body hides it; body: valid, malformed, compressed or too_large. A transition is judged by the one state that Zitadel shows, in which inactive (blocked) hides locked. The organisation is the header x-zitadel-orgid, else the caller's.$$;

CREATE FUNCTION userlock_zitadel.validity(operation text, body json)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN body IS NOT NULL AND CASE
    WHEN operation LIKE 'v1/%' THEN coalesce(json_typeof(body -> 'id') IN ('string', 'null'), true)
    ELSE coalesce(json_typeof(body -> 'userId') IN ('string', 'null'), true)
        AND coalesce(json_typeof(body -> 'user_id') IN ('string', 'null'), true)
END THEN 'valid' ELSE 'malformed' END;

REVOKE EXECUTE ON FUNCTION userlock_zitadel.validity FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel.validity IS
'Is a body the JSON of the operation''s request message? valid or malformed.';

CREATE FUNCTION userlock_zitadel.full_message(verdict userlock_zitadel.verdict)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (verdict).message || coalesce(' (' || (verdict).error_id || ')', '');

REVOKE EXECUTE ON FUNCTION userlock_zitadel.full_message FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel.full_message IS
'The message of an error with its id; NULL: a success.';

CREATE FUNCTION userlock_zitadel.details_json(operation text, status userlock.user_status)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN format(
    CASE WHEN operation LIKE 'v1/%'
        THEN '{"details":{"sequence":"%1$s","creationDate":"%2$s","changeDate":"%3$s","resourceOwner":%4$s}}'
        ELSE '{"details":{"sequence":"%1$s","changeDate":"%3$s","resourceOwner":%4$s,"creationDate":"%2$s"}}'
    END,
    (status).sequence, userlock_http.timestamp((status).created_at), userlock_http.timestamp((status).changed_at),
    to_json((status).tenant));

REVOKE EXECUTE ON FUNCTION userlock_zitadel.details_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel.details_json IS
'The response message of an operation, in protobuf''s JSON mapping.';

CREATE FUNCTION userlock_zitadel.error_json(verdict userlock_zitadel.verdict)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN format('{"code":%s,"message":%s%s}',
    (verdict).code,
    to_json(userlock_zitadel.full_message(verdict)),
    CASE WHEN (verdict).error_id IS NOT NULL THEN
        format(',"details":[{"@type":"type.googleapis.com/zitadel.v1.ErrorDetail","id":%s,"message":%s}]',
            to_json((verdict).error_id), to_json((verdict).message))
    END);

REVOKE EXECUTE ON FUNCTION userlock_zitadel.error_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel.error_json IS
'A google.rpc.Status in protobuf''s JSON mapping.';

CREATE FUNCTION userlock_zitadel.http_status(code integer)
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE code WHEN 3 THEN 400 WHEN 5 THEN 404 WHEN 7 THEN 403 WHEN 8 THEN 429 WHEN 9 THEN 400 WHEN 12 THEN 501 WHEN 16 THEN 401 ELSE 500 END;

REVOKE EXECUTE ON FUNCTION userlock_zitadel.http_status FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel.http_status IS
'The HTTP status that goes with an error code of gRPC.';

CREATE FUNCTION userlock_zitadel.rest(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $$
DECLARE
    operation text := userlock_http.header('x-userlock-operation');
    verdict userlock_zitadel.verdict;
BEGIN
    verdict := userlock_zitadel.decide(operation, coalesce(userlock_http.user_id(), ''),
        userlock_zitadel.validity(operation, userlock_http.json_object($1)));
    IF verdict.message IS NULL THEN
        RETURN pg_catalog.convert_to(userlock_zitadel.details_json(operation, verdict.status), 'UTF8');
    END IF;
    RETURN userlock_http.refuse(userlock_zitadel.http_status(verdict.code), 'application/json',
        userlock_zitadel.error_json(verdict));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel.rest FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel.rest IS
'POST /v2/users/{user_id}/unlock, lock, deactivate, reactivate; POST /management/v1/users/{id}/_unlock, _lock, _deactivate, _reactivate. nginx names the operation in the header x-userlock-operation, as v2/unlock.';

--
-- Zitadel: the same two services over gRPC, gRPC-Web and Connect
--
-- A function for each protocol and encoding; userlock_zitadel.decide() decides
-- for all of them.  What nginx sees and the database does not, it names in headers,
-- so that it is told here as everything else is: x-userlock-problem, of the token;
-- x-userlock-body-problem, of the body.
--

CREATE SCHEMA userlock_zitadel_rpc;

COMMENT ON SCHEMA userlock_zitadel_rpc IS
'The contract of Zitadel''s LockUser, UnlockUser, DeactivateUser and ReactivateUser over gRPC, gRPC-Web and Connect.';

CREATE TYPE userlock_zitadel_rpc.request AS (
    user_id text,
    body text
);

COMMENT ON TYPE userlock_zitadel_rpc.request IS
'user_id: empty where the request has none, NULL where the body is not valid; body: valid, malformed, compressed or too_large.';

CREATE FUNCTION userlock_zitadel_rpc.read_request(body bytea, framed boolean)
RETURNS userlock_zitadel_rpc.request
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_zitadel_rpc_read_request';

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.read_request FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.read_request IS
'Reads a request message in protobuf''s binary form, of up to 1 MiB, in a frame of gRPC or as it is. Unknown fields are skipped, some hundred of them; the last id counts.';

CREATE FUNCTION userlock_zitadel_rpc.read_json_request(body bytea)
RETURNS userlock_zitadel_rpc.request
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    message json;
    request userlock_zitadel_rpc.request;
BEGIN
    IF length(body) > 1048576 THEN
        request.body := 'too_large';
        RETURN request;
    END IF;
    -- Here, unlike over REST, a body of no bytes is no message.
    message := userlock_http.json_object(nullif(body, ''));
    request.body := userlock_zitadel.validity('v2/', message);
    IF request.body = 'valid' THEN
        request.user_id := coalesce(message ->> 'userId', message ->> 'user_id', '');
    END IF;
    RETURN request;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.read_json_request FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.read_json_request IS
'Reads a request message of the user API v2, of up to 1 MiB, in protobuf''s JSON mapping.';

CREATE FUNCTION userlock_zitadel_rpc.decide(request userlock_zitadel_rpc.request)
RETURNS userlock_zitadel.verdict
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $$
DECLARE
    problem text := userlock_http.header('x-userlock-problem');
    body_problem text := userlock_http.header('x-userlock-body-problem');
BEGIN
    IF problem IS NOT NULL THEN
        RETURN userlock_zitadel.problem(problem);
    END IF;
    IF body_problem IS NOT NULL THEN
        request.user_id := NULL;
        request.body := body_problem;
    END IF;
    RETURN userlock_zitadel.decide(userlock_http.header('x-userlock-operation'), request.user_id, request.body);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.decide FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.decide IS
'The verdict on a request. nginx names the operation in the header x-userlock-operation, as v2/unlock.';

CREATE FUNCTION userlock_zitadel_rpc.write_response(
    operation text, sequence bigint, changed_at timestamptz, created_at timestamptz, resource_owner text)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_zitadel_rpc_write_response';

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.write_response FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.write_response IS
'The response message of an operation, v1/... or v2/..., in protobuf''s binary form.';

CREATE FUNCTION userlock_zitadel_rpc.write_error_detail(error_id text, message text)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_zitadel_rpc_write_error_detail';

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.write_error_detail FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.write_error_detail IS
'A zitadel.v1.ErrorDetail in protobuf''s binary form; message: without the id. NULL: an error without id has none.';

CREATE FUNCTION userlock_zitadel_rpc.write_status(code integer, full_message text, error_id text, message text)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_zitadel_rpc_write_status';

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.write_status FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.write_status IS
'A google.rpc.Status with an ErrorDetail in protobuf''s binary form; full_message: with the id. NULL: an error without id has none.';

CREATE FUNCTION userlock_zitadel_rpc.response(status userlock.user_status)
RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN userlock_zitadel_rpc.write_response(userlock_http.header('x-userlock-operation'),
    (status).sequence, (status).changed_at, (status).created_at, (status).tenant);

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.response FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.response IS
'The response message after a success, in protobuf''s binary form.';

CREATE FUNCTION userlock_zitadel_rpc.details(verdict userlock_zitadel.verdict)
RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN userlock_zitadel_rpc.write_status((verdict).code, userlock_zitadel.full_message(verdict), (verdict).error_id, (verdict).message);

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.details FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.details IS
'What grpc-status-details-bin carries; NULL: a success, or an error without id.';

CREATE FUNCTION userlock_zitadel_rpc.grpc(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $$
DECLARE
    verdict userlock_zitadel.verdict := userlock_zitadel_rpc.decide(userlock_zitadel_rpc.read_request($1, true));
BEGIN
    IF verdict.message IS NULL THEN
        RETURN userlock_http.grpc_frame(userlock_zitadel_rpc.response(verdict.status));
    END IF;
    RETURN userlock_http.grpc_refuse(verdict.code, userlock_zitadel.full_message(verdict), userlock_zitadel_rpc.details(verdict));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.grpc FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.grpc IS
'The four calls of either service over gRPC.';

CREATE FUNCTION userlock_zitadel_rpc.grpc_web(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $$
DECLARE
    verdict userlock_zitadel.verdict := userlock_zitadel_rpc.decide(userlock_zitadel_rpc.read_request($1, true));
    trailers bytea := userlock_http.grpc_web_trailers(verdict.code, userlock_zitadel.full_message(verdict), userlock_zitadel_rpc.details(verdict));
BEGIN
    IF verdict.message IS NULL THEN
        RETURN pg_catalog.byteacat(userlock_http.grpc_frame(userlock_zitadel_rpc.response(verdict.status)), trailers);
    END IF;
    RETURN trailers;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.grpc_web FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.grpc_web IS
'The four calls of either service over gRPC-Web.';

CREATE FUNCTION userlock_zitadel_rpc.connect_code(code integer)
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

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.connect_code FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.connect_code IS
'What Connect calls an error code of gRPC.';

CREATE FUNCTION userlock_zitadel_rpc.connect_error(verdict userlock_zitadel.verdict)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN format('{"code":%s,"message":%s%s}',
    to_json(userlock_zitadel_rpc.connect_code((verdict).code)),
    to_json(userlock_zitadel.full_message(verdict)),
    CASE WHEN (verdict).error_id IS NOT NULL THEN
        format(',"details":[{"type":"zitadel.v1.ErrorDetail","value":%s,"debug":{"id":%s,"message":%s}}]',
            to_json(userlock_http.base64(userlock_zitadel_rpc.write_error_detail((verdict).error_id, (verdict).message))),
            to_json((verdict).error_id), to_json((verdict).message))
    END);

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.connect_error FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.connect_error IS
'The body of an error over Connect, whatever the encoding of the request.';

CREATE FUNCTION userlock_zitadel_rpc.connect_refuse(verdict userlock_zitadel.verdict)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $$
BEGIN
    RETURN userlock_http.refuse(userlock_zitadel.http_status(verdict.code), 'application/json',
        userlock_zitadel_rpc.connect_error(verdict));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.connect_refuse FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.connect_refuse IS
'Answers with an error over Connect.';

CREATE FUNCTION userlock_zitadel_rpc.connect_json(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $$
DECLARE
    verdict userlock_zitadel.verdict := userlock_zitadel_rpc.decide(userlock_zitadel_rpc.read_json_request($1));
BEGIN
    IF verdict.message IS NULL THEN
        RETURN pg_catalog.convert_to(userlock_zitadel.details_json('v2/', verdict.status), 'UTF8');
    END IF;
    RETURN userlock_zitadel_rpc.connect_refuse(verdict);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.connect_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.connect_json IS
'The four calls of the user API v2 over Connect in JSON.';

CREATE FUNCTION userlock_zitadel_rpc.connect_proto(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
AS $$
DECLARE
    verdict userlock_zitadel.verdict := userlock_zitadel_rpc.decide(userlock_zitadel_rpc.read_request($1, false));
BEGIN
    IF verdict.message IS NULL THEN
        RETURN userlock_zitadel_rpc.response(verdict.status);
    END IF;
    RETURN userlock_zitadel_rpc.connect_refuse(verdict);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.connect_proto FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.connect_proto IS
'The four calls of the user API v2 over Connect in protobuf.';

--
-- Privileges
--
-- The installer may have default privileges that give roles of theirs something
-- on every new table or function.  Not on these: a grant is for the deployment
-- to make, with these objects in mind.  (TRIGGER on a table would be the worst:
-- code run with the rights of the owner.)
--

DO $$
DECLARE
    given record;
BEGIN
    FOR given IN
        WITH member AS (
            SELECT d.classid, d.objid
            FROM pg_catalog.pg_depend AS d
            JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
            WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
            AND e.extnamespace = '@extschema@'::pg_catalog.regnamespace
        )
        SELECT 'TABLE' AS kind, c.oid::pg_catalog.regclass::pg_catalog.text AS name, a.grantee
        FROM member AS m JOIN pg_catalog.pg_class AS c ON c.oid = m.objid, pg_catalog.aclexplode(c.relacl) AS a
        WHERE m.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.relkind IN ('r', 'v')
        AND a.grantee <> c.relowner
        UNION
        SELECT 'FUNCTION', p.oid::pg_catalog.regprocedure::pg_catalog.text, a.grantee
        FROM member AS m JOIN pg_catalog.pg_proc AS p ON p.oid = m.objid, pg_catalog.aclexplode(p.proacl) AS a
        WHERE m.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND a.grantee <> p.proowner AND a.grantee <> 0
        UNION
        SELECT 'TYPE', t.oid::pg_catalog.regtype::pg_catalog.text, a.grantee
        FROM member AS m JOIN pg_catalog.pg_type AS t ON t.oid = m.objid, pg_catalog.aclexplode(t.typacl) AS a
        WHERE m.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.typtype IN ('b', 'c', 'd') AND t.typelem = 0
        AND a.grantee <> t.typowner AND a.grantee <> 0
        UNION
        SELECT 'SCHEMA', pg_catalog.quote_ident(n.nspname), a.grantee
        FROM member AS m JOIN pg_catalog.pg_namespace AS n ON n.oid = m.objid, pg_catalog.aclexplode(n.nspacl) AS a
        WHERE m.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
        AND a.grantee <> n.nspowner AND a.grantee <> 0
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON %s %s FROM %s', given.kind, given.name,
            CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE given.grantee::pg_catalog.regrole::pg_catalog.text END);
    END LOOP;
END
$$;
