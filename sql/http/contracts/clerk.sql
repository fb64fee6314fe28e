--
-- Clerk
--
-- Locked is our lock, banned our block.  Callers have a token or an API key, so each
-- call sees itself whose it is.
--

CREATE SCHEMA userlock_clerk;

COMMENT ON SCHEMA userlock_clerk IS
'The HTTP contract of Clerk''s users: get, lock, unlock, ban and unban, and ban and unban of many.';

CREATE FUNCTION userlock_http.clerk_refuse(status integer, code text, message text, long_message text, parameter text DEFAULT NULL)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_http.refuse(status, 'application/json', format(
        '{"errors":[{"message":"%s","long_message":%s,"code":"%s"%s}],"clerk_trace_id":"%s"}',
        message, userlock_http.ascii_json(long_message), code,
        ',"meta":{"param_name":"' || parameter || '"}',
        userlock_http.header('x-userlock-trace-id')));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_refuse FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_refuse IS
'Refuses with this status and one error; parameter: what of the body it is about.';

CREATE FUNCTION userlock_http.clerk_refuse_outcome(sqlstate text)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CASE sqlstate
        WHEN 'PT401' THEN PERFORM userlock_http.reject_credential();
        WHEN 'PT403' THEN RETURN userlock_http.clerk_refuse(403, 'authorization_invalid',
            'Unauthorized request', 'You are not authorized to perform this request');
        -- An id that nobody can have is one that nobody has.  A header does not hold just any.
        WHEN 'PT404', 'PT422' THEN RETURN userlock_http.clerk_refuse(404, 'resource_not_found', 'not found',
            'No user was found with id ' || left(coalesce(userlock_http.user_id(), userlock_http.header('x-userlock-user-id')), 200));
        ELSE RETURN userlock_http.clerk_refuse(500, 'internal_clerk_error',
            'Oops, an unexpected error occurred', 'There was an internal error on our servers.');
    END CASE;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_refuse_outcome FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_refuse_outcome IS
'Refuses what came to this sqlstate for the user whom the path names.';

CREATE FUNCTION userlock_http.clerk_milliseconds(moment timestamptz)
RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN trunc(extract(epoch FROM moment) * 1000);

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_milliseconds FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_milliseconds IS
'A moment as Clerk writes it: milliseconds since 1970.';

CREATE FUNCTION userlock_http.clerk_id(status userlock.user_status, kind text, value text)
RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN 'idn_' || left(encode(sha256(convert_to(
    json_build_array((status).tenant, (status).user_id, kind, value)::text, 'UTF8')), 'hex'), 27);

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_id FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_id IS
'The id of an address that a user has, the same each time; NULL: no address.';

CREATE FUNCTION userlock_http.clerk_addresses(status userlock.user_status, profile jsonb, attribute text, kind text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    address record;
    addresses text[] := '{}';
BEGIN
    FOR address IN SELECT * FROM userlock_http.scim_values(profile, attribute) LOOP
        -- linked_to has to be there: clients go through it.
        addresses := addresses || format(
            '{"id":"%s","object":"%s","%2$s":%s,%s"reserved":false,"verification":%s,"linked_to":[],%s"created_at":%s,"updated_at":%s}',
            userlock_http.clerk_id(status, kind, address.value),
            kind,
            to_json(CASE kind WHEN 'phone_number' THEN userlock_http.telephone_number(address.value) ELSE address.value END),
            CASE kind WHEN 'phone_number' THEN '"reserved_for_second_factor":false,"default_second_factor":false,' END,
            CASE WHEN address.element -> 'verified' = 'true'
                THEN '{"object":"verification_admin","status":"verified","strategy":"admin","attempts":null,"expire_at":null}'
                ELSE 'null' END,
            CASE kind WHEN 'phone_number' THEN '"backup_codes":[],' ELSE '"matches_sso_connection":false,' END,
            userlock_http.clerk_milliseconds((status).created_at),
            userlock_http.clerk_milliseconds((status).changed_at));
    END LOOP;
    RETURN format('[%s]', array_to_string(addresses, ','));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_addresses FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_addresses IS
'The emails or phoneNumbers of a profile as Clerk has them; kind: email_address or phone_number. An element that says so is verified.';

CREATE FUNCTION userlock_http.clerk_objects(own jsonb, name text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_typeof(own -> name) IS DISTINCT FROM 'array' THEN
        RETURN '[]';
    END IF;
    -- A verification may lead to a URL while it is under way, and clients fail on what is none.
    RETURN (
        SELECT userlock_http.compact(coalesce(jsonb_agg(CASE WHEN jsonb_typeof(e.value -> 'verification') = 'object'
            THEN e.value #- '{verification,external_verification_redirect_url}' ELSE e.value END ORDER BY e.ordinality), '[]'))
        FROM jsonb_array_elements(own -> name) WITH ORDINALITY AS e
        WHERE jsonb_typeof(e.value) = 'object');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_objects FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_objects IS
'The objects in an array that a profile has under urn:userlock:clerk.';

CREATE FUNCTION userlock_http.clerk_user_json(status userlock.user_status, profile jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT format('{"id":%s,"object":"user","username":%s,"first_name":%s,"last_name":%s,"locale":%s,"timezone":%s,"image_url":%s,'
        '"has_image":%s,"primary_email_address_id":%s,"primary_phone_number_id":%s,"primary_web3_wallet_id":%s,',
        to_json((status).user_id),
        coalesce(to_json(userlock_http.string_attribute(profile, 'userName'))::text, 'null'),
        coalesce(to_json(userlock_http.string_attribute(name, 'givenName'))::text, 'null'),
        coalesce(to_json(userlock_http.string_attribute(name, 'familyName'))::text, 'null'),
        coalesce(to_json(userlock_http.string_attribute(profile, 'locale'))::text, 'null'),
        coalesce(to_json(userlock_http.string_attribute(profile, 'timezone'))::text, 'null'),
        to_json(coalesce(image, '')),
        to_json(image IS NOT NULL),
        coalesce(to_json(userlock_http.clerk_id(status, 'email_address', userlock_http.scim_primary(profile, 'emails')))::text, 'null'),
        coalesce(to_json(userlock_http.clerk_id(status, 'phone_number', userlock_http.scim_primary(profile, 'phoneNumbers')))::text, 'null'),
        userlock_http.member(own, 'primary_web3_wallet_id', 'string', 'null'))
    || format('"password_enabled":%s,"two_factor_enabled":%s,"totp_enabled":%s,"backup_code_enabled":%s,"email_addresses":%s,'
        '"phone_numbers":%s,"web3_wallets":%s,"passkeys":%s,"external_accounts":%s,"saml_accounts":%s,"enterprise_accounts":%s,'
        '"password_last_updated_at":%s,"public_metadata":%s,"private_metadata":%s,"unsafe_metadata":%s,"external_id":%s,"last_sign_in_at":%s,',
        userlock_http.member(own, 'password_enabled', 'boolean', 'false'),
        userlock_http.member(own, 'two_factor_enabled', 'boolean', 'false'),
        userlock_http.member(own, 'totp_enabled', 'boolean', 'false'),
        userlock_http.member(own, 'backup_code_enabled', 'boolean', 'false'),
        userlock_http.clerk_addresses(status, profile, 'emails', 'email_address'),
        userlock_http.clerk_addresses(status, profile, 'phoneNumbers', 'phone_number'),
        userlock_http.clerk_objects(own, 'web3_wallets'),
        userlock_http.clerk_objects(own, 'passkeys'),
        userlock_http.clerk_objects(own, 'external_accounts'),
        userlock_http.clerk_objects(own, 'saml_accounts'),
        userlock_http.clerk_objects(own, 'enterprise_accounts'),
        userlock_http.member(own, 'password_last_updated_at', 'number', 'null'),
        userlock_http.member(own, 'public_metadata', 'object', '{}'),
        userlock_http.member(own, 'private_metadata', 'object', '{}'),
        userlock_http.member(own, 'unsafe_metadata', 'object', '{}'),
        coalesce(to_json(userlock_http.string_attribute(profile, 'externalId'))::text, 'null'),
        userlock_http.member(own, 'last_sign_in_at', 'number', 'null'))
    || format('"banned":%s,"locked":%s,"deprovisioned":false,"lockout_expires_in_seconds":%s,"verification_attempts_remaining":%s,'
        '"created_at":%s,"updated_at":%s,"delete_self_enabled":%s,"create_organization_enabled":%s,"create_organizations_limit":%s,'
        '"last_active_at":%s,"mfa_enabled_at":%s,"mfa_disabled_at":%s,"legal_accepted_at":%s}',
        to_json(userlock.is_blocked((status).state)),
        to_json(userlock.is_locked((status).state)),
        coalesce(ceil(extract(epoch FROM (status).locked_until - now()))::text, 'null'),
        userlock_http.member(own, 'verification_attempts_remaining', 'number', 'null'),
        userlock_http.clerk_milliseconds((status).created_at),
        userlock_http.clerk_milliseconds((status).changed_at),
        userlock_http.member(own, 'delete_self_enabled', 'boolean', 'false'),
        userlock_http.member(own, 'create_organization_enabled', 'boolean', 'false'),
        userlock_http.member(own, 'create_organizations_limit', 'number', 'null'),
        userlock_http.member(own, 'last_active_at', 'number', 'null'),
        userlock_http.member(own, 'mfa_enabled_at', 'number', 'null'),
        userlock_http.member(own, 'mfa_disabled_at', 'number', 'null'),
        userlock_http.member(own, 'legal_accepted_at', 'number', 'null'))
    FROM (SELECT profile -> 'urn:userlock:clerk' AS own, userlock_http.attribute(profile, 'name') AS name,
        userlock_http.scim_primary(profile, 'photos') AS image) AS kept
);

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_user_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_user_json IS
$$Clerk's User: what the account says, the SCIM attributes of the profile, and what that has under urn:userlock:clerk.

Every key is there, empty, false or null where nothing is known. A lock without an end has no seconds, as at Clerk.$$;

CREATE FUNCTION userlock_http.clerk_user(outcome userlock.transition_outcome)
RETURNS text
LANGUAGE sql STABLE PARALLEL UNSAFE
RETURN userlock_http.clerk_user_json(
    (outcome).status, userlock_http.profile(((outcome).status).user_id, ((outcome).status).tenant));

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_user FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_user IS
'The User of a success, as far as the caller may see them.';

-- Whoever may lock need not be able to see the policies.
CREATE FUNCTION userlock_http.clerk_lock_duration()
RETURNS interval
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
RETURN (userlock_private.lockout_policy_of(userlock_private.require_tenant(NULL, false))).duration;

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_lock_duration FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_lock_duration IS
'How long a first lock after failed logins lasts in the caller''s own tenant. Error: PT401 malformed claims.';

CREATE FUNCTION userlock_http.clerk_transition(transition text)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    outcome userlock.transition_outcome;
BEGIN
    IF NOT userlock_http.admit() THEN
        RETURN userlock_http.clerk_refuse_outcome('PT401');
    END IF;
    outcome := userlock.try_transition(transition, userlock_http.user_id(),
        until => CASE transition WHEN 'lock' THEN now() + userlock_http.clerk_lock_duration() END, idempotent => true);
    IF outcome.sqlstate <> '00000' THEN
        RETURN userlock_http.clerk_refuse_outcome(outcome.sqlstate);
    END IF;
    RETURN convert_to(userlock_http.clerk_user(outcome), 'UTF8');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_transition FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_transition IS
'Makes a transition on the user whom the path names and answers with the User.';

CREATE FUNCTION userlock_http.clerk_bulk_transition(transition text, body bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    outcome userlock.transition_outcome;
    fields json;
    user_id text;
    users text[] := '{}';
BEGIN
    IF NOT userlock_http.admit() THEN
        RETURN userlock_http.clerk_refuse_outcome('PT401');
    END IF;
    -- Nobody's id is refused for what it is, but not before the caller's permission is known.
    outcome := userlock.try_transition(transition, NULL);
    IF outcome.sqlstate <> 'PT422' THEN
        RETURN userlock_http.clerk_refuse_outcome(outcome.sqlstate);
    END IF;

    fields := userlock_http.json_object(body);
    IF fields IS NULL THEN
        RETURN userlock_http.clerk_refuse(400, 'request_body_invalid', 'Request body invalid',
            'The request body is invalid. Please consult the API documentation for more information.');
    END IF;
    fields := fields -> 'user_ids';
    IF coalesce(json_typeof(fields), 'null') = 'null' THEN
        RETURN userlock_http.clerk_refuse(422, 'form_param_missing', 'is missing', 'user_ids must be included.', 'user_ids');
    ELSIF json_typeof(fields) <> 'array' OR EXISTS (SELECT FROM json_array_elements(fields) AS e WHERE json_typeof(e) <> 'string') THEN
        RETURN userlock_http.clerk_refuse(422, 'form_param_type_invalid', 'is invalid', '`user_ids` must be a `list of strings`.', 'user_ids');
    ELSIF json_array_length(fields) = 0 THEN
        RETURN userlock_http.clerk_refuse(422, 'form_param_value_invalid', 'is invalid', 'user_ids is invalid', 'user_ids');
    ELSIF json_array_length(fields) > 50 THEN
        RETURN userlock_http.clerk_refuse(422, 'form_param_array_size_exceeded', 'exceeds maximum size',
            'user_ids should not exceed 50 items.', 'user_ids');
    END IF;

    -- All take the rows in one order, so that none wait for each other.
    FOR user_id IN SELECT DISTINCT e COLLATE "C" FROM json_array_elements_text(fields) AS e ORDER BY 1 LOOP
        outcome := userlock.try_transition(transition, user_id, idempotent => true);
        IF outcome.sqlstate = '00000' THEN
            users := users || userlock_http.clerk_user(outcome);
        END IF;
    END LOOP;
    RETURN convert_to(format('[%s]', array_to_string(users, ',')), 'UTF8');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.clerk_bulk_transition FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.clerk_bulk_transition IS
'Makes a transition on the users whom the body lists, 1 to 50, and answers with those whom there are, in the order of their ids. Ids that nobody has stop nothing.';

CREATE FUNCTION userlock_clerk.get(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    outcome userlock.transition_outcome;
BEGIN
    IF NOT userlock_http.admit() THEN
        RETURN userlock_http.clerk_refuse_outcome('PT401');
    END IF;
    outcome := userlock_http.try_status(userlock_http.user_id());
    IF outcome.sqlstate <> '00000' THEN
        RETURN userlock_http.clerk_refuse_outcome(outcome.sqlstate);
    END IF;
    RETURN convert_to(userlock_http.clerk_user(outcome), 'UTF8');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_clerk.get FROM PUBLIC;
COMMENT ON FUNCTION userlock_clerk.get IS
'GET /v1/users/{user_id}';

CREATE FUNCTION userlock_clerk.lock(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.clerk_transition('lock');

REVOKE EXECUTE ON FUNCTION userlock_clerk.lock FROM PUBLIC;
COMMENT ON FUNCTION userlock_clerk.lock IS
'POST /v1/users/{user_id}/lock, for as long as the lockout policy of the tenant says; takes no body and ignores one.';

CREATE FUNCTION userlock_clerk.unlock(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.clerk_transition('unlock');

REVOKE EXECUTE ON FUNCTION userlock_clerk.unlock FROM PUBLIC;
COMMENT ON FUNCTION userlock_clerk.unlock IS
'POST /v1/users/{user_id}/unlock; takes no body and ignores one.';

CREATE FUNCTION userlock_clerk.ban(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.clerk_transition('block');

REVOKE EXECUTE ON FUNCTION userlock_clerk.ban FROM PUBLIC;
COMMENT ON FUNCTION userlock_clerk.ban IS
'POST /v1/users/{user_id}/ban; takes no body and ignores one.';

CREATE FUNCTION userlock_clerk.unban(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.clerk_transition('unblock');

REVOKE EXECUTE ON FUNCTION userlock_clerk.unban FROM PUBLIC;
COMMENT ON FUNCTION userlock_clerk.unban IS
'POST /v1/users/{user_id}/unban; takes no body and ignores one.';

CREATE FUNCTION userlock_clerk.bulk_ban(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.clerk_bulk_transition('block', $1);

REVOKE EXECUTE ON FUNCTION userlock_clerk.bulk_ban FROM PUBLIC;
COMMENT ON FUNCTION userlock_clerk.bulk_ban IS
'POST /v1/users/ban';

CREATE FUNCTION userlock_clerk.bulk_unban(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.clerk_bulk_transition('unblock', $1);

REVOKE EXECUTE ON FUNCTION userlock_clerk.bulk_unban FROM PUBLIC;
COMMENT ON FUNCTION userlock_clerk.bulk_unban IS
'POST /v1/users/unban';
