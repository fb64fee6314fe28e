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
