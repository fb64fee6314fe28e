--
-- Zitadel: the same two services over gRPC, gRPC-Web and Connect
--
-- A function for each protocol and encoding; userlock_http.zitadel_decide() decides
-- for all of them.  What nginx sees and the database does not, it names in headers,
-- so that it is told here as everything else is: x-userlock-problem, of the token;
-- x-userlock-body-problem, of the body.
--

CREATE SCHEMA userlock_zitadel_rpc;

COMMENT ON SCHEMA userlock_zitadel_rpc IS
'The contract of Zitadel''s LockUser, UnlockUser, DeactivateUser and ReactivateUser over gRPC, gRPC-Web and Connect.';

CREATE TYPE userlock_http.zitadel_rpc_request AS (
    user_id text,
    body text
);

COMMENT ON TYPE userlock_http.zitadel_rpc_request IS
'user_id: empty where the request has none, NULL where the body is not valid; body: valid, malformed, compressed or too_large.';

CREATE FUNCTION userlock_http.zitadel_rpc_read_request(body bytea, framed boolean)
RETURNS userlock_http.zitadel_rpc_request
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_zitadel_rpc_read_request';

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_read_request FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_read_request IS
'Reads a request message in protobuf''s binary form, of up to 1 MiB, in a frame of gRPC or as it is. Unknown fields are skipped, some hundred of them; the last id counts.';

CREATE FUNCTION userlock_http.zitadel_rpc_read_json_request(body bytea)
RETURNS userlock_http.zitadel_rpc_request
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    message json;
    request userlock_http.zitadel_rpc_request;
BEGIN
    IF length(body) > 1048576 THEN
        request.body := 'too_large';
        RETURN request;
    END IF;
    -- Here, unlike over REST, a body of no bytes is no message.
    message := userlock_http.json_object(nullif(body, ''));
    request.body := userlock_http.zitadel_validity('v2/', message);
    IF request.body = 'valid' THEN
        request.user_id := coalesce(message ->> 'userId', message ->> 'user_id', '');
    END IF;
    RETURN request;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_read_json_request FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_read_json_request IS
'Reads a request message of the user API v2, of up to 1 MiB, in protobuf''s JSON mapping.';

CREATE FUNCTION userlock_http.zitadel_rpc_decide(request userlock_http.zitadel_rpc_request)
RETURNS userlock_http.zitadel_verdict
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    problem text := userlock_http.header('x-userlock-problem');
    body_problem text := userlock_http.header('x-userlock-body-problem');
BEGIN
    IF problem IS NOT NULL THEN
        RETURN userlock_http.zitadel_problem(problem);
    END IF;
    IF body_problem IS NOT NULL THEN
        request.user_id := NULL;
        request.body := body_problem;
    END IF;
    RETURN userlock_http.zitadel_decide(userlock_http.header('x-userlock-operation'), request.user_id, request.body);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_decide FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_decide IS
'The verdict on a request. nginx names the operation in the header x-userlock-operation, as v2/unlock.';

CREATE FUNCTION userlock_http.zitadel_rpc_write_response(
    operation text, sequence bigint, changed_at timestamptz, created_at timestamptz, resource_owner text)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_zitadel_rpc_write_response';

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_write_response FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_write_response IS
'The response message of an operation, v1/... or v2/..., in protobuf''s binary form.';

CREATE FUNCTION userlock_http.zitadel_rpc_write_error_detail(error_id text, message text)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_zitadel_rpc_write_error_detail';

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_write_error_detail FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_write_error_detail IS
'A zitadel.v1.ErrorDetail in protobuf''s binary form; message: without the id. NULL: an error without id has none.';

CREATE FUNCTION userlock_http.zitadel_rpc_write_status(code integer, full_message text, error_id text, message text)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_zitadel_rpc_write_status';

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_write_status FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_write_status IS
'A google.rpc.Status with an ErrorDetail in protobuf''s binary form; full_message: with the id. NULL: an error without id has none.';

CREATE FUNCTION userlock_http.zitadel_rpc_response(status userlock.user_status)
RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN userlock_http.zitadel_rpc_write_response(userlock_http.header('x-userlock-operation'),
    (status).sequence, (status).changed_at, (status).created_at, (status).tenant);

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_response FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_response IS
'The response message after a success, in protobuf''s binary form.';

CREATE FUNCTION userlock_http.zitadel_rpc_details(verdict userlock_http.zitadel_verdict)
RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN userlock_http.zitadel_rpc_write_status((verdict).code, userlock_http.zitadel_full_message(verdict),
    (verdict).error_id, (verdict).message);

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_details FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_details IS
'What grpc-status-details-bin carries; NULL: a success, or an error without id.';

CREATE FUNCTION userlock_zitadel_rpc.grpc(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    verdict userlock_http.zitadel_verdict := userlock_http.zitadel_rpc_decide(
        userlock_http.zitadel_rpc_read_request($1, true));
BEGIN
    IF verdict.message IS NULL THEN
        RETURN userlock_http.grpc_frame(userlock_http.zitadel_rpc_response(verdict.status));
    END IF;
    RETURN userlock_http.grpc_refuse(verdict.code, userlock_http.zitadel_full_message(verdict),
        userlock_http.zitadel_rpc_details(verdict));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.grpc FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.grpc IS
'The four calls of either service over gRPC.';

CREATE FUNCTION userlock_zitadel_rpc.grpc_web(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    verdict userlock_http.zitadel_verdict := userlock_http.zitadel_rpc_decide(
        userlock_http.zitadel_rpc_read_request($1, true));
    trailers bytea := userlock_http.grpc_web_trailers(verdict.code, userlock_http.zitadel_full_message(verdict),
        userlock_http.zitadel_rpc_details(verdict));
BEGIN
    IF verdict.message IS NULL THEN
        RETURN pg_catalog.byteacat(userlock_http.grpc_frame(userlock_http.zitadel_rpc_response(verdict.status)), trailers);
    END IF;
    RETURN trailers;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.grpc_web FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.grpc_web IS
'The four calls of either service over gRPC-Web.';

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
        format(',"details":[{"type":"zitadel.v1.ErrorDetail","value":%s,"debug":{"id":%s,"message":%s}}]',
            to_json(userlock_http.base64(userlock_http.zitadel_rpc_write_error_detail((verdict).error_id, (verdict).message))),
            to_json((verdict).error_id), to_json((verdict).message))
    END);

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_connect_error FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_connect_error IS
'The body of an error over Connect, whatever the encoding of the request.';

CREATE FUNCTION userlock_http.zitadel_rpc_connect_refuse(verdict userlock_http.zitadel_verdict)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_http.refuse(userlock_http.zitadel_http_status(verdict.code), 'application/json',
        userlock_http.zitadel_rpc_connect_error(verdict));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_rpc_connect_refuse FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_rpc_connect_refuse IS
'Answers with an error over Connect.';

CREATE FUNCTION userlock_zitadel_rpc.connect_json(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    verdict userlock_http.zitadel_verdict := userlock_http.zitadel_rpc_decide(
        userlock_http.zitadel_rpc_read_json_request($1));
BEGIN
    IF verdict.message IS NULL THEN
        RETURN pg_catalog.convert_to(userlock_http.zitadel_details_json('v2/', verdict.status), 'UTF8');
    END IF;
    RETURN userlock_http.zitadel_rpc_connect_refuse(verdict);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.connect_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.connect_json IS
'The four calls of the user API v2 over Connect in JSON.';

CREATE FUNCTION userlock_zitadel_rpc.connect_proto(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    verdict userlock_http.zitadel_verdict := userlock_http.zitadel_rpc_decide(
        userlock_http.zitadel_rpc_read_request($1, false));
BEGIN
    IF verdict.message IS NULL THEN
        RETURN userlock_http.zitadel_rpc_response(verdict.status);
    END IF;
    RETURN userlock_http.zitadel_rpc_connect_refuse(verdict);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel_rpc.connect_proto FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel_rpc.connect_proto IS
'The four calls of the user API v2 over Connect in protobuf.';

