--
-- Zitadel: whom a ListUsersRequest asks for
--
-- Its queries become a filter of userlock.find_users().  They come from the codec,
-- which leaves only what there is, in one spelling: a query is an object with one
-- member, or with none.
--

-- The rights over the table are the owner's; the claims and the privilege that count
-- are those of whoever asks.
CREATE VIEW userlock_http.visible_zitadel_machine WITH (security_barrier) AS
SELECT tenant, user_id
FROM userlock_private.profile
WHERE document #> '{urn:userlock:zitadel,machine}' <> ALL ('{"null",false}')
AND userlock_private.tenant_is_visible(tenant)
AND (SELECT has_function_privilege('userlock.user_profile'::regproc, 'EXECUTE'));

REVOKE ALL ON userlock_http.visible_zitadel_machine FROM PUBLIC;
GRANT SELECT ON userlock_http.visible_zitadel_machine TO PUBLIC;
COMMENT ON VIEW userlock_http.visible_zitadel_machine IS
'The users whom Zitadel''s API shows as machines; of the caller''s tenants, and only to whoever may execute userlock.user_profile.';

CREATE FUNCTION userlock_http.zitadel_type_filter(type text, tenant text)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    machines jsonb;
BEGIN
    SELECT jsonb_build_object('user_id', coalesce(jsonb_agg(m.user_id), '[]')) INTO machines
    FROM userlock_http.visible_zitadel_machine AS m WHERE m.tenant = zitadel_type_filter.tenant;
    RETURN CASE type WHEN 'TYPE_HUMAN' THEN jsonb_build_object('not', machines) WHEN 'TYPE_MACHINE' THEN machines ELSE '{"or": []}' END;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_type_filter FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_type_filter IS
'A TypeQuery as a filter of the users of this tenant.';

CREATE FUNCTION userlock_http.zitadel_state_filter(state text)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE state
    WHEN 'USER_STATE_ACTIVE' THEN '{"state": "active"}'::jsonb
    WHEN 'USER_STATE_LOCKED' THEN '{"state": "locked"}'::jsonb
    -- Of two restrictions the block is shown.
    WHEN 'USER_STATE_INACTIVE' THEN '{"state": ["blocked", "locked+blocked"]}'::jsonb
    ELSE '{"or": []}'::jsonb
END;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_state_filter FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_state_filter IS
'A StateQuery as a filter; of a state that no user of ours has, one that finds nobody.';

CREATE FUNCTION userlock_http.zitadel_text_filter(attribute text, wanted text, method text)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT jsonb_build_object(attribute, jsonb_build_object(m.operator, coalesce(wanted, ''), 'case_sensitive', m.case_sensitive))
    FROM (VALUES
        ('EQUALS', 'equals', true), ('EQUALS_IGNORE_CASE', 'equals', false),
        ('STARTS_WITH', 'prefix', true), ('STARTS_WITH_IGNORE_CASE', 'prefix', false),
        ('CONTAINS', 'contains', true), ('CONTAINS_IGNORE_CASE', 'contains', false),
        ('ENDS_WITH', 'suffix', true), ('ENDS_WITH_IGNORE_CASE', 'suffix', false)
    ) AS m (name, operator, case_sensitive)
    WHERE 'TEXT_QUERY_METHOD_' || m.name = coalesce(method, 'TEXT_QUERY_METHOD_EQUALS')
);

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_text_filter FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_text_filter IS
'A query of an attribute by a TextQueryMethod, as a filter; NULL: there is no such method.';

-- The case of ids matters.  To ignore it is to look for the id in lower case, too,
-- which takes no more than an index.
CREATE FUNCTION userlock_http.zitadel_name_filter(wanted text, method text)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT jsonb_build_object('or', jsonb_build_array(named, jsonb_build_object('user_name', NULL) || unnamed))
    FROM (SELECT userlock_http.zitadel_text_filter('user_name', wanted, method),
        CASE WHEN method LIKE '%\_IGNORE\_CASE' AND lower(wanted) <> wanted THEN
            jsonb_build_object('or', jsonb_build_array(userlock_http.zitadel_text_filter('user_id', wanted, method),
                userlock_http.zitadel_text_filter('user_id', lower(wanted), method)))
        ELSE
            userlock_http.zitadel_text_filter('user_id', wanted, method)
        END) AS f (named, unnamed)
    WHERE named IS NOT NULL
);

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_name_filter FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_name_filter IS
'A query of the name that a user is shown by, the id where there is no other, as a filter; NULL: there is no such method.';

CREATE FUNCTION userlock_http.zitadel_filter(query json, operation text, tenant text)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kind text;
    asked json;
    inner_filter jsonb;
BEGIN
    SELECT q.key, q.value INTO kind, asked FROM json_each(query) AS q;
    CASE kind
        WHEN 'userNameQuery' THEN
            RETURN userlock_http.zitadel_name_filter(asked ->> 'userName', asked ->> 'method');
        WHEN 'loginNameQuery' THEN
            RETURN userlock_http.zitadel_name_filter(asked ->> 'loginName', asked ->> 'method');
        WHEN 'emailQuery' THEN
            RETURN userlock_http.zitadel_text_filter('email', asked ->> 'emailAddress', asked ->> 'method');
        WHEN 'stateQuery' THEN
            RETURN userlock_http.zitadel_state_filter(asked ->> 'state');
        WHEN 'typeQuery' THEN
            RETURN userlock_http.zitadel_type_filter(asked ->> 'type', tenant);
        WHEN 'inUserIdsQuery' THEN
            RETURN jsonb_build_object('user_id', coalesce(asked -> 'userIds', '[]'));
        WHEN 'organizationIdQuery' THEN
            -- The management API has no such query.
            RETURN CASE WHEN operation LIKE 'v2/%' THEN
                CASE WHEN asked ->> 'organizationId' = tenant THEN '{}'::jsonb ELSE '{"or": []}'::jsonb END
            END;
        WHEN 'andQuery' THEN
            RETURN jsonb_build_object('and', f.filters) FROM userlock_http.zitadel_filters(asked, operation, tenant) AS f (filters) WHERE f.filters IS NOT NULL;
        WHEN 'orQuery' THEN
            RETURN jsonb_build_object('or', f.filters) FROM userlock_http.zitadel_filters(asked, operation, tenant) AS f (filters) WHERE f.filters IS NOT NULL;
        WHEN 'notQuery' THEN
            inner_filter := userlock_http.zitadel_filter(asked -> 'query', operation, tenant);
            RETURN CASE WHEN inner_filter IS NOT NULL THEN jsonb_build_object('not', inner_filter) END;
        ELSE
            RETURN NULL;
    END CASE;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_filter FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_filter IS
'A SearchQuery of a call of v1 or v2 as a filter of the users of this tenant; NULL: it has no query that is served.';

CREATE FUNCTION userlock_http.zitadel_filters(request json, operation text, tenant text)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT coalesce(jsonb_agg(f.filter), '[]')
        FROM json_array_elements(request -> 'queries') AS q (query), userlock_http.zitadel_filter(q.query, operation, tenant) AS f (filter)
        HAVING count(*) = count(f.filter));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_filters FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_filters IS
'The queries of a message as an array of filters of the users of this tenant; NULL: one of them is not served.';

CREATE FUNCTION userlock_http.zitadel_order(sorting_column text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE sorting_column
    WHEN 'USER_FIELD_NAME_USER_NAME' THEN 'user_name'
    WHEN 'USER_FIELD_NAME_DISPLAY_NAME' THEN 'display_name'
    WHEN 'USER_FIELD_NAME_EMAIL' THEN 'email'
    WHEN 'USER_FIELD_NAME_STATE' THEN 'state'
    WHEN 'USER_FIELD_NAME_CREATION_DATE' THEN 'created_at'
    ELSE 'user_id'
END;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_order FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_order IS
'The column of userlock.users for a UserFieldName; user_id for what is not kept in one.';

