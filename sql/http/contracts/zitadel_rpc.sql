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

