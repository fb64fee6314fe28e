--
-- SCIM: finding users (RFC 7644, section 3.4.2.2)
--

CREATE FUNCTION userlock_http.scim_condition(comparison jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name text := lower(comparison ->> 'attribute');
    part text := lower(comparison ->> 'sub');
    wanted text := comparison ->> 'value';
BEGIN
    IF comparison ->> 'schema' !~* '^urn:ietf:params:scim:schemas:core:2\.0:User$' THEN
        RETURN NULL;
    ELSIF name = 'emails' AND coalesce(part, 'value') = 'value' THEN
        -- The address may be in the brackets as well.
        wanted := coalesce(wanted, (SELECT c.value ->> 'value' FROM jsonb_array_elements(comparison -> 'where') AS c
            WHERE lower(c.value ->> 'attribute') = 'value' LIMIT 1));
        RETURN jsonb_build_object('email', wanted) WHERE wanted IS NOT NULL;
    ELSIF comparison ?| '{where,sub}'::text[] OR wanted IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN CASE name
        WHEN 'id' THEN jsonb_build_object('user_id', wanted)
        WHEN 'externalid' THEN jsonb_build_object('external_id', wanted)
        -- Whoever has no user name goes by the id.
        WHEN 'username' THEN jsonb_build_object('or', jsonb_build_array(
            jsonb_build_object('user_name', wanted), jsonb_build_object('user_id', wanted, 'user_name', NULL)))
        WHEN 'active' THEN CASE userlock_http.scim_truth(comparison -> 'value')
            WHEN true THEN '{"state": ["active", "locked"]}'::jsonb
            WHEN false THEN '{"state": ["blocked", "locked+blocked"]}'
        END
    END;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_condition FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_condition IS
'A comparison, as scim_filter() gives it, as a filter of userlock.find_users(); NULL: not one by which users are found.';

CREATE FUNCTION userlock_http.scim_find(scim_filter text, OUT filter jsonb, OUT email_conditions jsonb)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    comparisons jsonb := CASE WHEN coalesce(btrim(scim_filter), '') = '' THEN '[]' ELSE userlock_http.scim_filter(scim_filter) END;
BEGIN
    SELECT jsonb_build_object('and', coalesce(jsonb_agg(condition), '[]')),
        jsonb_agg(c.value -> 'where' || CASE WHEN c.value ? 'value'
            THEN jsonb_build_array(jsonb_build_object('attribute', 'value', 'value', c.value -> 'value')) ELSE '[]' END)
            FILTER (WHERE c.value ? 'where')
    INTO filter, email_conditions
    FROM jsonb_array_elements(comparisons) AS c, userlock_http.scim_condition(c.value) AS condition
    HAVING count(*) = count(condition);
    IF comparisons IS NULL THEN
        filter := NULL;
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_find FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_find IS
'A filter as one of userlock.find_users(), NULL: not understood; and what beside that must hold of one of the addresses of whoever is found, an array of conditions for each, NULL: nothing.';
