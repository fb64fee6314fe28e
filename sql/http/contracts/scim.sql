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
    wanted record;
    user_name text;
    user_id text;
    outcome userlock.transition_outcome;
BEGIN
    IF refused IS NOT NULL THEN
        RETURN userlock_http.scim_refuse(refused);
    END IF;
    wanted := userlock_http.scim_replace(userlock_http.scim_body($1), '{}');
    user_name := wanted.attributes ->> 'userName';
    IF userlock_http.scim_body($1) IS NULL THEN
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
