--
-- SCIM: what a PATCH makes of a user's attributes (RFC 7644, section 3.5.2)
--
-- Providers write operations as they understand them.  Names and operations are taken
-- in any case, what is of no use here is passed over, and what cannot be done is
-- told: whether that stands against the whole is for the caller to say.
--

CREATE FUNCTION userlock_http.scim_matches(element jsonb, conditions jsonb)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    condition jsonb;
    part jsonb;
BEGIN
    -- Not a query, because it is asked of each of many values.
    FOR nth IN 0 .. coalesce(jsonb_array_length(conditions), 0) - 1 LOOP
        condition := conditions -> nth;
        part := userlock_http.attribute(element, condition ->> 'attribute');
        IF (CASE jsonb_typeof(condition -> 'value')
            WHEN 'boolean' THEN userlock_http.scim_truth(part) = (condition -> 'value')::boolean
            ELSE lower(part #>> '{}') = lower(condition ->> 'value') END) IS NOT TRUE
        THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN true;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_matches FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_matches IS
'Do all conditions of a path, as scim_path() gives them, hold for one value of an attribute that has several? True without conditions.';

CREATE FUNCTION userlock_http.scim_with_part(element jsonb, name text, value jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(element) = 'object' THEN element ELSE '{}'::jsonb END - name
    || CASE WHEN value IS NULL THEN '{}'::jsonb ELSE jsonb_build_object(name, value) END;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_with_part FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_with_part IS
'A complex value with one part as given; NULL: without that part.';

CREATE FUNCTION userlock_http.scim_patch_single(before jsonb, part text, value jsonb, given jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN part IS NOT NULL THEN userlock_http.scim_with_part(before, part, value)
    -- Parts that are not named stay.
    WHEN jsonb_typeof(before) = 'object' AND jsonb_typeof(value) = 'object' THEN
        before - ARRAY(SELECT m.key FROM jsonb_each(CASE jsonb_typeof(given) WHEN 'object' THEN given ELSE '{}' END) AS m WHERE m.value = 'null') || value
    ELSE value
END;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_patch_single FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_patch_single IS
'What an operation makes of an attribute with one value, or of one value of several. value: of the attribute''s type, NULL: none; given: as it came.';

CREATE FUNCTION userlock_http.scim_patch_several(op text, before jsonb, definition jsonb, conditions jsonb, part text, wanted jsonb, given jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    elements jsonb := CASE jsonb_typeof(before) WHEN 'array' THEN before WHEN 'object' THEN jsonb_build_array(before) ELSE '[]' END;
    -- Of several, one at most is the primary: the one that was said last.
    takes_primary boolean := CASE part WHEN 'primary' THEN wanted = 'true' ELSE wanted @> '{"primary": true}' END;
    any_chosen boolean;
    element jsonb;
    after jsonb;
BEGIN
    IF conditions IS NULL AND part IS NULL THEN
        IF op = 'replace' OR wanted IS NULL THEN
            RETURN wanted;
        ELSIF op = 'remove' THEN
            RETURN (SELECT jsonb_agg(e.value ORDER BY e.ordinality) FROM jsonb_array_elements(elements) WITH ORDINALITY AS e
                WHERE e.value NOT IN (SELECT v.one FROM jsonb_array_elements(wanted) AS v (one)));
        END IF;
        after := (SELECT jsonb_agg(e.value ORDER BY e.ordinality) FROM jsonb_array_elements(wanted) WITH ORDINALITY AS e
            WHERE e.value NOT IN (SELECT v.one FROM jsonb_array_elements(elements) AS v (one)));
        IF after @> '[{"primary": true}]' THEN
            SELECT coalesce(jsonb_agg(userlock_http.scim_demoted(e.value) ORDER BY e.ordinality), '[]') INTO elements
            FROM jsonb_array_elements(elements) WITH ORDINALITY AS e;
        END IF;
        RETURN elements || coalesce(after, '[]');
    END IF;

    SELECT coalesce(jsonb_agg(CASE
            WHEN e.is_chosen THEN userlock_http.scim_patch_single(e.value, part, wanted, given)
            WHEN takes_primary THEN userlock_http.scim_demoted(e.value)
            ELSE e.value
        END ORDER BY e.ordinality) FILTER (WHERE NOT e.is_chosen OR wanted IS NOT NULL OR part IS NOT NULL), '[]'),
        coalesce(bool_or(e.is_chosen), false)
    INTO after, any_chosen
    FROM (SELECT v.value, v.ordinality, conditions IS NULL OR userlock_http.scim_matches(v.value, conditions) AS is_chosen
        FROM jsonb_array_elements(elements) WITH ORDINALITY AS v) AS e;
    IF NOT any_chosen AND wanted IS NOT NULL THEN
        -- Entra ID also replaces what is not there: it is made to what the path says.
        SELECT coalesce(jsonb_object_agg(c.value ->> 'attribute', c.value -> 'value'), '{}') INTO element FROM jsonb_array_elements(conditions) AS c;
        after := after || jsonb_build_array(userlock_http.scim_patch_single(
            coalesce(userlock_http.scim_of_type(element, definition || '{"is_multiple": false}'), element), part, wanted, given));
    END IF;
    RETURN after;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_patch_several FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_patch_several IS
'What an operation makes of an attribute with several values, or of those that conditions choose. wanted: of the attribute''s type, NULL: none; given: as it came.';

CREATE FUNCTION userlock_http.scim_demoted(element jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN element @> '{"primary": true}' THEN element || '{"primary": false}' ELSE element END;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_demoted FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_demoted IS
'One value of an attribute that has several, which is not the primary.';

CREATE FUNCTION userlock_http.scim_patch_attribute(
    op text, before jsonb, definition jsonb, path jsonb, given jsonb, OUT after jsonb, OUT trouble text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    conditions jsonb := path -> 'where';
    -- Of what has no definition, what is there tells.
    is_multiple boolean := coalesce((definition -> 'is_multiple')::boolean, conditions IS NOT NULL OR jsonb_typeof(before) = 'array', false);
    target jsonb := CASE
        WHEN path ? 'sub' THEN jsonb_extract_path(definition, 'parts', lower(path ->> 'sub'))
        WHEN conditions IS NOT NULL THEN definition || '{"is_multiple": false}'
        ELSE definition
    END;
    part text := CASE WHEN path ? 'sub' THEN coalesce(target ->> 'name', path ->> 'sub') END;
    value jsonb := CASE WHEN definition IS NULL THEN jsonb_strip_nulls(given) ELSE userlock_http.scim_of_type(given, target) END;
BEGIN
    after := before;
    IF definition IS NOT NULL AND target IS NULL OR op = 'add' AND given = '[]' THEN
        RETURN;
    ELSIF conditions IS NOT NULL AND NOT is_multiple THEN
        trouble := 'invalidPath';
        RETURN;
    ELSIF op = 'remove' AND (value IS NULL OR NOT is_multiple OR conditions IS NOT NULL OR part IS NOT NULL)
        OR given IS NULL OR given IN ('null', '""', '[]')
    THEN
        value := NULL;
    ELSIF value IS NULL THEN
        trouble := 'invalidValue';
        RETURN;
    END IF;
    after := CASE
        WHEN is_multiple THEN userlock_http.scim_patch_several(op, before, definition, conditions, part,
            CASE WHEN definition IS NULL AND conditions IS NULL AND part IS NULL AND jsonb_typeof(value) <> 'array'
                THEN jsonb_build_array(value) ELSE value END, given)
        ELSE userlock_http.scim_patch_single(before, part, value, given)
    END;
    IF jsonb_array_length(CASE jsonb_typeof(after) WHEN 'array' THEN after END) > 500 THEN
        after := before;
        trouble := 'invalidValue';
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_patch_attribute FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_patch_attribute IS
'What an operation makes of an attribute; NULL: it is gone. definition: of scim_definitions(), NULL: of an extension. trouble: the scimType of what stands against it.';

CREATE FUNCTION userlock_http.scim_patch_path(
    op text, path jsonb, given jsonb, INOUT attributes jsonb, OUT trouble text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema text := path ->> 'schema';
    name text := path ->> 'attribute';
    definition jsonb;
    extension jsonb;
    patched record;
BEGIN
    IF schema IS NULL OR schema ~* '^urn:ietf:params:scim:schemas:core:' THEN
        definition := jsonb_extract_path(userlock_http.scim_definitions(), lower(name));
        IF definition IS NOT NULL THEN
            name := definition ->> 'name';
            patched := userlock_http.scim_patch_attribute(op, attributes -> name, definition, path, given);
            trouble := CASE WHEN name = 'userName' AND patched.after IS NULL AND patched.trouble IS NULL
                THEN CASE op WHEN 'remove' THEN 'mutability' ELSE 'invalidValue' END ELSE patched.trouble END;
            attributes := userlock_http.scim_with_part(attributes, name, patched.after);
        END IF;
    ELSIF userlock_http.scim_is_extension(schema) THEN
        schema := coalesce((SELECT k FROM jsonb_object_keys(attributes) AS k WHERE lower(k) = lower(schema) LIMIT 1), schema);
        extension := coalesce(attributes -> schema, '{}');
        IF name IS NULL THEN
            patched := userlock_http.scim_patch_attribute(op, extension, NULL, path, given);
            extension := patched.after;
        ELSE
            name := coalesce((SELECT k FROM jsonb_object_keys(extension) AS k WHERE lower(k) = lower(name) LIMIT 1), name);
            -- Entra ID gives a manager by the id alone, and takes one away by an empty id.
            IF lower(name) = 'manager' AND NOT path ? 'sub' THEN
                given := CASE WHEN given @> '{"value": ""}' THEN NULL
                    WHEN jsonb_typeof(given) = 'string' AND given <> '""' THEN jsonb_build_object('value', given)
                    ELSE given END;
            END IF;
            patched := userlock_http.scim_patch_attribute(op, extension -> name, NULL, path, given);
            extension := userlock_http.scim_with_part(extension, name, patched.after);
        END IF;
        trouble := CASE WHEN jsonb_typeof(extension) <> 'object' THEN 'invalidValue' ELSE patched.trouble END;
        IF trouble IS NULL THEN
            attributes := userlock_http.scim_with_part(attributes, schema, nullif(extension, '{}'));
        END IF;
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_patch_path FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_patch_path IS
'What an operation on one path makes of a user''s attributes; what SCIM does not see stays out of its reach. trouble: the scimType of what stands against it.';

CREATE FUNCTION userlock_http.scim_targets(operation jsonb, OUT op text, OUT targets jsonb, OUT trouble text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    path text := userlock_http.string_attribute(operation, 'path');
    given jsonb := userlock_http.attribute(operation, 'value');
BEGIN
    op := lower(userlock_http.string_attribute(operation, 'op'));
    targets := '[]';
    IF op IS NULL OR op <> ALL ('{add,replace,remove}'::text[]) THEN
        trouble := 'invalidSyntax';
    ELSIF path IS NOT NULL THEN
        targets := jsonb_build_array(jsonb_build_object('path', userlock_http.scim_path(path), 'value', given));
        IF targets @> '[{"path": null}]' THEN
            trouble := 'invalidPath';
            targets := '[]';
        END IF;
    ELSIF op = 'remove' THEN
        trouble := 'noTarget';
    ELSIF jsonb_typeof(given) IS DISTINCT FROM 'object' THEN
        trouble := 'invalidValue';
    ELSE
        -- Each of its members is an attribute by its name, or by its path.
        SELECT coalesce(jsonb_agg(jsonb_build_object('path', userlock_http.scim_path(m.key), 'value', m.value)), '[]') INTO targets
        FROM jsonb_each(given) AS m WHERE userlock_http.scim_path(m.key) IS NOT NULL;
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_targets FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_targets IS
'What an operation is about: its op in lower case, and its paths with their values. trouble: the scimType of what is wrong with it.';

CREATE FUNCTION userlock_http.scim_patch(operations jsonb, INOUT attributes jsonb, OUT active boolean, OUT trouble text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    operation record;
    target record;
    patched record;
    changes integer := 0;
BEGIN
    FOR operation IN SELECT t.* FROM jsonb_array_elements(operations) AS o, userlock_http.scim_targets(o.value) AS t LOOP
        trouble := coalesce(trouble, operation.trouble);
        FOR target IN SELECT t.value -> 'path' AS path, t.value -> 'value' AS given FROM jsonb_array_elements(operation.targets) AS t LOOP
            IF lower(target.path ->> 'attribute') = 'active' AND NOT target.path ?| '{where,sub}'::text[]
                AND coalesce(target.path ->> 'schema', 'urn:ietf:params:scim:schemas:core:') ~* '^urn:ietf:params:scim:schemas:core:'
            THEN
                active := CASE WHEN operation.op <> 'remove' THEN userlock_http.scim_truth(target.given) END;
                trouble := CASE WHEN active IS NULL THEN coalesce(trouble, 'invalidValue') ELSE trouble END;
            ELSE
                -- Each costs as much as there are values.
                changes := changes + 1;
                IF changes > 100 THEN
                    trouble := coalesce(trouble, 'invalidValue');
                    CONTINUE;
                END IF;
                patched := userlock_http.scim_patch_path(operation.op, target.path, target.given, attributes);
                trouble := coalesce(trouble, patched.trouble);
                attributes := CASE WHEN patched.trouble IS NULL THEN patched.attributes ELSE attributes END;
            END IF;
        END LOOP;
    END LOOP;
    attributes := userlock_http.scim_shown(attributes);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_patch FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_patch IS
'What the operations of a PATCH make of a user''s attributes, and whether the user shall be active; NULL: nothing is said of that. trouble: the scimType of the first thing that could not be done; the rest is done, but for what is more than 100 changes.';
