--
-- SCIM: what is answered
--

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

CREATE FUNCTION userlock_http.scim_list(total bigint, start bigint, resources text[])
RETURNS userlock_http."*/*"
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN convert_to(format(
    '{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":%s,"startIndex":%s,"itemsPerPage":%s,"Resources":[%s]}',
    total, start, coalesce(cardinality(resources), 0), array_to_string(resources, ',')), 'UTF8');

REVOKE EXECUTE ON FUNCTION userlock_http.scim_list FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_list IS
'A ListResponse of these resources, the first of which is number start of the total.';
