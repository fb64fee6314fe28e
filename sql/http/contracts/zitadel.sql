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

