--
-- Zitadel: how a user is shown
--
-- In protobuf's JSON mapping, from which every other form is made.  A member of NULL
-- is left out in the end.
--

CREATE FUNCTION userlock_http.zitadel_details(operation text, status userlock.user_status)
RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN operation LIKE 'v1/%' THEN
    json_build_object(
        'sequence', (status).sequence::text,
        'creationDate', userlock_http.timestamp((status).created_at),
        'changeDate', userlock_http.timestamp((status).changed_at),
        'resourceOwner', (status).tenant)
ELSE
    json_build_object(
        'sequence', (status).sequence::text,
        'changeDate', userlock_http.timestamp((status).changed_at),
        'resourceOwner', (status).tenant,
        'creationDate', userlock_http.timestamp((status).created_at))
END;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_details FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_details IS
'The details of a user, for a call of v1 or of v2.';

CREATE FUNCTION userlock_http.zitadel_machine(profile jsonb)
RETURNS json
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    machine jsonb := profile #> '{urn:userlock:zitadel,machine}';
BEGIN
    -- As in visible_zitadel_machine.
    IF (machine <> ALL ('{"null",false}')) IS NOT TRUE THEN
        RETURN NULL;
    END IF;
    RETURN json_build_object(
        'name', coalesce(userlock_http.string_attribute(machine, 'name'), userlock_http.string_attribute(profile, 'displayName')),
        'description', userlock_http.string_attribute(machine, 'description'),
        'hasSecret', nullif(userlock_http.attribute(machine, 'hasSecret') IS NOT DISTINCT FROM 'true', false),
        'accessTokenType', substring(userlock_http.string_attribute(machine, 'accessTokenType') FROM '^ACCESS_TOKEN_TYPE_JWT$'));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_machine FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_machine IS
'What a profile says of a machine, for either API; NULL: it is a human''s.';

CREATE FUNCTION userlock_http.zitadel_contact(profile jsonb, name text, is_verified text, OUT value text, OUT verified boolean)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    SELECT v.value,
        nullif('true' IN (userlock_http.attribute(v.element, 'verified'), profile #> ARRAY['urn:userlock:zitadel', is_verified]), false)
    INTO value, verified
    FROM userlock_http.scim_values(profile, name) AS v WHERE v.is_primary;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_contact FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_contact IS
'The primary e-mail address or phone number of a profile; verified: true where the entry says so as "verified", or what stands under urn:userlock:zitadel in this member, else NULL.';

CREATE FUNCTION userlock_http.zitadel_human(operation text, profile jsonb)
RETURNS json
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name jsonb := userlock_http.attribute(profile, 'name');
    given_name text := userlock_http.string_attribute(name, 'givenName');
    family_name text := userlock_http.string_attribute(name, 'familyName');
    nick_name text := userlock_http.string_attribute(profile, 'nickName');
    display_name text := userlock_http.string_attribute(profile, 'displayName');
    language text := userlock_http.string_attribute(profile, 'preferredLanguage');
    gender text := substring(profile #>> '{urn:userlock:zitadel,gender}' FROM '^GENDER_(?:FEMALE|MALE|DIVERSE)$');
    avatar_url text := userlock_http.scim_primary(profile, 'photos');
    email record := userlock_http.zitadel_contact(profile, 'emails', 'isEmailVerified');
    phone record := userlock_http.zitadel_contact(profile, 'phoneNumbers', 'isPhoneVerified');
BEGIN
    IF operation LIKE 'v1/%' THEN
        RETURN json_build_object(
            'profile', json_build_object(
                'firstName', given_name, 'lastName', family_name, 'nickName', nick_name, 'displayName', display_name,
                'preferredLanguage', language, 'gender', gender, 'avatarUrl', avatar_url),
            'email', json_build_object('email', email.value, 'isEmailVerified', email.verified),
            'phone', json_build_object('phone', phone.value, 'isPhoneVerified', phone.verified));
    END IF;
    -- Four fields are optional in v2, and always there.
    RETURN json_build_object(
        'profile', json_build_object(
            'givenName', given_name, 'familyName', family_name,
            'nickName', coalesce(nick_name, ''), 'displayName', coalesce(display_name, ''),
            'preferredLanguage', coalesce(language, 'und'), 'gender', coalesce(gender, 'GENDER_UNSPECIFIED'),
            'avatarUrl', avatar_url),
        'email', json_build_object('email', email.value, 'isVerified', email.verified),
        'phone', json_build_object('phone', phone.value, 'isVerified', phone.verified));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_human FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_human IS
'What a profile says of a human, as a call of v1 or of v2 shows it; profile: NULL where there is none.';

CREATE FUNCTION userlock_http.zitadel_user(operation text, status userlock.user_status, profile jsonb)
RETURNS json
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name text := coalesce(userlock_http.string_attribute(profile, 'userName'), status.user_id);
    state text := CASE WHEN userlock.is_blocked(status.state) THEN 'USER_STATE_INACTIVE'
        WHEN userlock.is_locked(status.state) THEN 'USER_STATE_LOCKED'
        ELSE 'USER_STATE_ACTIVE' END;
    machine json := userlock_http.zitadel_machine(profile);
    human json := CASE WHEN machine IS NULL THEN userlock_http.zitadel_human(operation, profile) END;
    details json := userlock_http.zitadel_details(operation, status);
BEGIN
    IF operation LIKE 'v1/%' THEN
        RETURN json_build_object('id', status.user_id, 'details', details, 'state', state,
            'userName', name, 'loginNames', json_build_array(name), 'preferredLoginName', name,
            'human', human, 'machine', machine);
    END IF;
    RETURN json_build_object('userId', status.user_id, 'state', state,
        'username', name, 'loginNames', json_build_array(name), 'preferredLoginName', name,
        'human', human, 'machine', machine, 'details', details);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_user FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_user IS
'A user as a call of v1 or of v2 shows them; profile: NULL where there is none.';

