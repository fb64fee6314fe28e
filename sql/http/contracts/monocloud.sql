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

