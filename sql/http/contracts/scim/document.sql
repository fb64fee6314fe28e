--
-- SCIM: what of a profile is shown, and what of a request is kept
--
-- Providers send what they will, and applications keep what they will.  SCIM sees the
-- attributes of its schema, and extensions under URNs of their own; what is not of
-- its type is as good as not there.  What SCIM does not see it does not change.
--

CREATE FUNCTION userlock_http.scim_truth(value jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(value) = 'boolean' THEN value::boolean
    WHEN jsonb_typeof(value) = 'string' AND lower(value #>> '{}') = ANY ('{true,false}'::text[]) THEN lower(value #>> '{}') = 'true'
END;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_truth FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_truth IS
'A truth value, or one in words, as Entra ID writes it ("False"); NULL: neither.';

CREATE FUNCTION userlock_http.scim_with_one_primary(elements jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_array_length(jsonb_path_query_array(elements, '$[*] ? (@.primary == true)')) < 2 THEN
        RETURN elements;
    END IF;
    RETURN (
        SELECT jsonb_agg(CASE WHEN e.nth > 1 AND e.value @> '{"primary": true}' THEN e.value || '{"primary": false}' ELSE e.value END ORDER BY e.ordinality)
        FROM (SELECT *, count(*) FILTER (WHERE m.value @> '{"primary": true}') OVER (ORDER BY m.ordinality) AS nth
            FROM jsonb_array_elements(elements) WITH ORDINALITY AS m) AS e);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_with_one_primary FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_with_one_primary IS
'The values of an attribute that has several, of which the first that says so is the primary.';

CREATE FUNCTION userlock_http.scim_of_type(value jsonb, definition jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    one jsonb := definition || '{"is_multiple": false}';
BEGIN
    IF (definition -> 'is_multiple')::boolean THEN
        IF jsonb_typeof(value) = 'array' AND jsonb_array_length(value) > 500 THEN
            RETURN NULL;
        END IF;
        -- One alone is meant as the only one.
        RETURN userlock_http.scim_with_one_primary((
            SELECT jsonb_agg(typed ORDER BY e.ordinality)
            FROM jsonb_array_elements(CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE jsonb_build_array(value) END) WITH ORDINALITY AS e,
                userlock_http.scim_of_type(e.value, one) AS typed
            WHERE typed IS NOT NULL));
    END IF;
    CASE definition ->> 'type'
        WHEN 'complex' THEN
            IF jsonb_typeof(value) = 'string' AND definition -> 'parts' ? 'value' THEN
                value := jsonb_build_object('value', value);
            END IF;
            IF jsonb_typeof(value) = 'object' THEN
                -- Of one that is spelt in several ways, the right one.
                RETURN (SELECT jsonb_object_agg(part ->> 'name', typed ORDER BY m.key = part ->> 'name')
                    FROM jsonb_each(value) AS m, jsonb_extract_path(definition, 'parts', lower(m.key)) AS part,
                        userlock_http.scim_of_type(m.value, part) AS typed
                    WHERE typed IS NOT NULL);
            END IF;
        WHEN 'boolean' THEN
            RETURN to_jsonb(userlock_http.scim_truth(value));
        ELSE
            IF jsonb_typeof(value) = 'string' AND value <> '""' THEN
                RETURN value;
            END IF;
    END CASE;
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_of_type FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_of_type IS
'What of a value is of the type that a definition gives, with names as the schema spells them; NULL: nothing, or an empty text, or more than 500 values.';

CREATE FUNCTION userlock_http.scim_is_extension(name text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN name ~* '^urn:' AND name !~* '^urn:(userlock|ietf:params:scim:schemas:core):';

REVOKE EXECUTE ON FUNCTION userlock_http.scim_is_extension FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_is_extension IS
'Is this the name of an extension of the schema? What other contracts keep under urn:userlock is none.';

CREATE FUNCTION userlock_http.scim_attributes(document jsonb)
RETURNS TABLE (key text, name text, value jsonb)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT a.key, a.name, a.value
    FROM (
        SELECT m.key, coalesce(definition ->> 'name', m.key) AS name, CASE
            WHEN definition IS NOT NULL THEN userlock_http.scim_of_type(m.value, definition)
            WHEN jsonb_typeof(m.value) = 'object' AND userlock_http.scim_is_extension(m.key) THEN nullif(jsonb_strip_nulls(m.value), '{}')
        END AS value
        FROM jsonb_each(document) AS m, jsonb_extract_path(userlock_http.scim_definitions(), lower(m.key)) AS definition
        OFFSET 0
    ) AS a
    WHERE a.value IS NOT NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_attributes FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_attributes IS
'What SCIM sees of a document: key is how it is spelt there, name how the schema spells it.';

CREATE FUNCTION userlock_http.scim_shown(document jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT coalesce(jsonb_object_agg(a.name, a.value ORDER BY a.key = a.name), '{}') FROM userlock_http.scim_attributes(document) AS a);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_shown FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_shown IS
'What SCIM sees of a document, as it shows it; without a document, an empty one.';

CREATE FUNCTION userlock_http.scim_unseen(value jsonb, definition jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_typeof(value) IS DISTINCT FROM 'object' OR definition IS NULL THEN
        RETURN '{}';
    END IF;
    RETURN value - ARRAY(
        SELECT m.key FROM jsonb_each(value) AS m, jsonb_extract_path(definition, 'parts', lower(m.key)) AS part
        WHERE userlock_http.scim_of_type(m.value, part) IS NOT NULL);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_unseen FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_unseen IS
'The parts of a complex value that SCIM does not see, such as whether an address is verified.';

CREATE FUNCTION userlock_http.scim_with_unseen(attribute jsonb, before jsonb, definition jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_typeof(attribute) = 'object' THEN
        RETURN userlock_http.scim_unseen(before, definition) || attribute;
    ELSIF jsonb_typeof(attribute) = 'array' THEN
        -- What was said of one address is not said of another that takes its place.
        RETURN (
            SELECT jsonb_agg(coalesce(same.unseen, '{}') || a.value ORDER BY a.ordinality)
            FROM jsonb_array_elements(attribute) WITH ORDINALITY AS a
            LEFT JOIN (
                SELECT DISTINCT ON (userlock_http.attribute(b.value, 'value'))
                    userlock_http.attribute(b.value, 'value') AS value, userlock_http.scim_unseen(b.value, definition) AS unseen
                FROM jsonb_array_elements(CASE jsonb_typeof(before) WHEN 'array' THEN before ELSE jsonb_build_array(before) END) WITH ORDINALITY AS b
                ORDER BY 1, b.ordinality
            ) AS same ON same.value = a.value -> 'value');
    END IF;
    RETURN attribute;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_with_unseen FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_with_unseen IS
'An attribute with the parts that SCIM does not see as they were before: of each value, if there are several, that is still there.';

CREATE FUNCTION userlock_http.scim_kept(document jsonb, attributes jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    shown jsonb := userlock_http.scim_shown(document);
    definitions jsonb := userlock_http.scim_definitions();
BEGIN
    RETURN coalesce(document - ARRAY(
            SELECT a.key FROM userlock_http.scim_attributes(document) AS a WHERE shown -> a.name IS DISTINCT FROM attributes -> a.name), '{}')
        || (SELECT coalesce(jsonb_object_agg(a.key,
                userlock_http.scim_with_unseen(a.value, userlock_http.attribute(document, a.key), definitions -> lower(a.key))), '{}')
            FROM jsonb_each(attributes) AS a WHERE a.value IS DISTINCT FROM shown -> a.key);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_kept FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_kept IS
'A document whose attributes, as SCIM sees it, are these. What is the same already, and what SCIM does not see, is as it was.';

CREATE FUNCTION userlock_http.scim_user(status userlock.user_status, profile jsonb)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    shown jsonb := userlock_http.scim_shown(profile);
    schemas jsonb := '["urn:ietf:params:scim:schemas:core:2.0:User"]' || coalesce(
        (SELECT jsonb_agg(k ORDER BY k) FROM jsonb_object_keys(shown) AS k WHERE userlock_http.scim_is_extension(k)), '[]');
    rest text := userlock_http.compact(shown - '{externalId,userName}'::text[]);
BEGIN
    RETURN concat(
        '{"schemas":', userlock_http.compact(schemas),
        ',"id":', to_json(status.user_id),
        ',"externalId":' || (shown -> 'externalId')::text,
        ',"userName":', coalesce(shown -> 'userName', to_jsonb(status.user_id)),
        ',' || nullif(substr(rest, 2, length(rest) - 2), ''),
        ',"active":', to_json(NOT userlock.is_blocked(status.state)),
        ',"meta":{"resourceType":"User","created":"', userlock_http.timestamp(status.created_at),
        '","lastModified":"', userlock_http.timestamp(status.changed_at),
        '","version":', to_json(userlock_http.scim_version(status.sequence)),
        ',"location":', to_json(userlock_http.scim_location(status.user_id)), '}}');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_user FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_user IS
'A User in JSON. Active is who is not blocked; a lock is not shown, because the provider would take it for its own to lift. Whoever has no user name goes by the id.';

CREATE FUNCTION userlock_http.scim_version(sequence bigint)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN format('W/"%s"', sequence);

REVOKE EXECUTE ON FUNCTION userlock_http.scim_version FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_version IS
'The version of a user, an entity tag (RFC 7644, section 3.14): the number of the last event.';

CREATE FUNCTION userlock_http.scim_base()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN userlock_http.header('x-userlock-base');

REVOKE EXECUTE ON FUNCTION userlock_http.scim_base FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_base IS
'What clients call, up to /scim/v2: nginx is configured with it.';

CREATE FUNCTION userlock_http.scim_location(user_id text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN userlock_http.scim_base() || '/Users/' || userlock_http.percent_encode(user_id);

REVOKE EXECUTE ON FUNCTION userlock_http.scim_location FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_location IS
'The URL of a user.';
