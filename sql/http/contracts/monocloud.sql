--
-- MonoCloud
--
-- Blocked is our lock, disabled our block.  Callers have an API key, so the
-- function itself sees whose it is.
--

CREATE SCHEMA userlock_monocloud;

COMMENT ON SCHEMA userlock_monocloud IS
'The HTTP contract of MonoCloud''s unblock, disable and enable.';

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

CREATE FUNCTION userlock_http.monocloud_member(profile jsonb, name text, type text, otherwise text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(profile -> name) = type THEN userlock_http.compact(profile -> name) ELSE otherwise END;

REVOKE EXECUTE ON FUNCTION userlock_http.monocloud_member FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.monocloud_member IS
'A member of the profile as JSON, if it is there and of this type.';

CREATE FUNCTION userlock_http.monocloud_user_json(status userlock.user_status, profile jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN format('{"user_id":%s,"disabled":%s,"has_password":%s,"creation_time":%s,"last_updated":%s,'
    '"password_updated_at":%s,"username":%s,"emails":%s,"phone_numbers":%s,"passkeys":%s,"idps":%s,'
    '"claims":%s,"public_data":%s,"private_data":%s}',
    to_json((status).user_id),
    to_json(userlock.is_blocked((status).state)),
    userlock_http.monocloud_member(profile, 'has_password', 'boolean', 'false'),
    trunc(extract(epoch FROM (status).created_at)),
    trunc(extract(epoch FROM (status).changed_at)),
    userlock_http.monocloud_member(profile, 'password_updated_at', 'number', 'null'),
    userlock_http.monocloud_member(profile, 'username', 'object', 'null'),
    userlock_http.monocloud_member(profile, 'emails', 'array', '[]'),
    userlock_http.monocloud_member(profile, 'phone_numbers', 'array', '[]'),
    userlock_http.monocloud_member(profile, 'passkeys', 'array', '[]'),
    userlock_http.monocloud_member(profile, 'idps', 'array', '[]'),
    userlock_http.monocloud_member(profile, 'claims', 'object', '{}'),
    userlock_http.monocloud_member(profile, 'public_data', 'object', '{}'),
    userlock_http.monocloud_member(profile, 'private_data', 'object', '{}'));

REVOKE EXECUTE ON FUNCTION userlock_http.monocloud_user_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.monocloud_user_json IS
'MonoCloud''s User: what the account says, and for the rest the profile; times in seconds since 1970. Every key is there, empty where nothing is known.';

CREATE FUNCTION userlock_http.monocloud_transition(transition text, body bytea)
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
        RETURN userlock_http.monocloud_refuse(401);
    END IF;
    -- From here on as the bearer of the key.
    PERFORM set_config('request.jwt.claims', claims::text, true), set_config('role', claims ->> 'role', true);

    outcome := userlock.try_transition(transition, CASE WHEN body_is_valid THEN user_id END, idempotent => true);

    IF outcome.sqlstate = 'PT403' THEN
        RETURN userlock_http.monocloud_refuse(403);
    ELSIF outcome.sqlstate = 'PT404' THEN
        RETURN userlock_http.monocloud_refuse(404);
    ELSIF outcome.outcome = 'user_id_invalid' AND user_id IS NULL THEN
        RETURN userlock_http.monocloud_refuse(422, 'user_id');
    ELSIF outcome.outcome = 'user_id_invalid' AND fields IS NULL THEN
        RETURN userlock_http.monocloud_refuse(400);
    ELSIF outcome.outcome = 'user_id_invalid' THEN
        RETURN userlock_http.monocloud_refuse(422, 'revoke_sessions');
    ELSIF outcome.sqlstate <> '00000' THEN
        RETURN userlock_http.monocloud_refuse(500);
    END IF;

    -- Personal data is for whoever may read it in any other way.
    IF has_function_privilege('userlock.user_profile'::regproc, 'EXECUTE') THEN
        profile := userlock.user_profile(user_id);
    END IF;
    RETURN convert_to(userlock_http.monocloud_user_json(outcome.status, profile), 'UTF8');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.monocloud_transition FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.monocloud_transition IS
'Makes a transition for the bearer of the X-API-KEY and answers with the User. The profile is part of it if the key''s role may execute userlock.user_profile.';

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

