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

