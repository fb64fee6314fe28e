--
-- The profile: what contracts read of a SCIM core User document (RFC 7643, 4.1)
--
-- Whoever wrote the document may have put anything anywhere: what is not of the
-- type that is looked for is as good as not there.
--
-- These are called for each of many users.  In SQL they would be planned anew each
-- time, unless they are inlined, so those that look something up are in PL/pgSQL.
--

CREATE FUNCTION userlock_http.profile(user_id text, tenant text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF has_function_privilege('userlock.user_profile'::regproc, 'EXECUTE') THEN
        RETURN userlock.user_profile(user_id, tenant);
    END IF;
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.profile FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.profile IS
'The profile of a user, for who may execute userlock.user_profile: personal data is for whoever may read it in any other way. NULL for everybody else, and where there is none.';

CREATE FUNCTION userlock_http.member(document jsonb, name text, type text, otherwise text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(document -> name) = type THEN userlock_http.compact(document -> name) ELSE otherwise END;

REVOKE EXECUTE ON FUNCTION userlock_http.member FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.member IS
'A member of a document as JSON, if it is there and of this type, as jsonb_typeof() calls it.';

CREATE FUNCTION userlock_http.attribute(document jsonb, name text)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF document ? name OR jsonb_typeof(document) IS DISTINCT FROM 'object' THEN
        RETURN document -> name;
    END IF;
    RETURN (SELECT m.value FROM jsonb_each(document) AS m WHERE lower(m.key) = lower(name) LIMIT 1);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.attribute FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.attribute IS
'An attribute of a document, written as SCIM does or in any other case; NULL: none.';

CREATE FUNCTION userlock_http.string_attribute(document jsonb, name text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    value jsonb := userlock_http.attribute(document, name);
BEGIN
    RETURN CASE WHEN jsonb_typeof(value) = 'string' THEN nullif(value #>> '{}', '') END;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.string_attribute FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.string_attribute IS
'An attribute of a document that is a string; NULL: none, or an empty one.';

CREATE FUNCTION userlock_http.scim_values(profile jsonb, name text)
RETURNS TABLE (place bigint, value text, is_primary boolean, element jsonb)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 2
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    elements jsonb := userlock_http.attribute(profile, name);
BEGIN
    IF jsonb_typeof(elements) = 'array' THEN
        RETURN QUERY SELECT e.ordinality, v,
            row_number() OVER (ORDER BY userlock_http.attribute(e.value, 'primary') = 'true' DESC NULLS LAST, e.ordinality) = 1,
            e.value
        FROM jsonb_array_elements(elements) WITH ORDINALITY AS e, userlock_http.string_attribute(e.value, 'value') AS v
        WHERE v IS NOT NULL
        ORDER BY e.ordinality;
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_values FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_values IS
'The values of an attribute that has several (emails, phoneNumbers, photos). One is the primary: the first that says so, else the first.';

CREATE FUNCTION userlock_http.scim_primary(profile jsonb, name text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT v.value FROM userlock_http.scim_values(profile, name) AS v WHERE v.is_primary);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_primary FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_primary IS
'The primary value of an attribute that has several; NULL: none.';

CREATE FUNCTION userlock_http.telephone_number(value text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value ~ '^(tel:)?\+[0-9][-.() 0-9]*$' THEN regexp_replace(value, '[^+0-9]', '', 'g') ELSE value END;

REVOKE EXECUTE ON FUNCTION userlock_http.telephone_number FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.telephone_number IS
'A value of phoneNumbers in E.164, if it is a URI of a telephone (RFC 3966) or has separators for the eye; any other as it is.';
