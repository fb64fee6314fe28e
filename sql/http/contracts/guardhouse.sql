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
