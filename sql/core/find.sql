--
-- Finding users
--
-- A filter is a JSON object, so that whoever builds one (a contract, a console, a
-- script) quotes nothing.  It becomes a condition on userlock_private.visible_user
-- in which only literals are the caller's.
--

-- What a member of a filter may be about, and the column that says it: for most of
-- them one in lower case, because case does not matter.
CREATE FUNCTION userlock_private.filter_column(name text, case_sensitive boolean)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN name = ANY ('{user_id,external_id}'::text[]) THEN name
        WHEN name = ANY ('{user_name,email,display_name}'::text[]) THEN
            CASE WHEN case_sensitive THEN name || ' COLLATE "C"' ELSE name || '_lower' END
    END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.filter_column FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.filter_column IS
'The column that a member of a filter is compared with; NULL: there is none of the name.';

CREATE FUNCTION userlock_private.integer_id(user_id text)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_integer_id';

REVOKE EXECUTE ON FUNCTION userlock_private.integer_id FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.integer_id IS
'The number from 1 to 2147483647 that an id is, written as numbers are; NULL: it is none.';

-- In the order of numbers; where ids are none, there is nothing in it.
CREATE INDEX account_integer_id ON userlock_private.account (tenant, userlock_private.integer_id(user_id))
WHERE userlock_private.integer_id(user_id) IS NOT NULL;

CREATE FUNCTION userlock_private.text_condition(name text, operator text, value text, case_sensitive boolean)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    bare text := userlock_private.filter_column(name, case_sensitive);
    condition text;
BEGIN
    IF bare = name || '_lower' THEN
        value := lower(value);
    END IF;
    condition := CASE operator
        WHEN 'equals' THEN format('%s = %L', bare, value)
        WHEN 'prefix' THEN format('%s ^@ %L', bare, value)
        WHEN 'suffix' THEN format('right(%s, %s) = %L', bare, length(value), value)
        WHEN 'contains' THEN format('strpos(%s, %L) > 0', bare, value)
        WHEN 'after' THEN format('%s > %L', bare, value)
    END;
    -- The index has lower case: it finds the few among whom case is looked at.
    IF bare LIKE '% COLLATE "C"' AND operator = ANY ('{equals,prefix}'::text[]) THEN
        condition := condition || ' AND ' || userlock_private.text_condition(name, operator, value, false);
    END IF;
    RETURN condition;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.text_condition FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.text_condition IS
'A condition on a member of a filter as SQL; NULL: there is no such operator.';

CREATE FUNCTION userlock_private.member_condition(name text, wanted jsonb)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    bare text := userlock_private.filter_column(name, false);
    operator text;
    condition text;
BEGIN
    IF bare IS NULL THEN
        PERFORM userlock_private.raise('filter_invalid');
    END IF;
    CASE jsonb_typeof(wanted)
        WHEN 'null' THEN
            condition := bare || ' IS NULL';
        WHEN 'string' THEN
            condition := userlock_private.text_condition(name, 'equals', wanted #>> '{}', false);
        WHEN 'array' THEN
            IF NOT jsonb_path_exists(wanted, 'strict $[*] ? (@.type() != "string")') THEN
                SELECT format('%s = ANY (%L::text[])', bare,
                    coalesce(array_agg(CASE WHEN bare = name THEN w.value ELSE lower(w.value) END), '{}'))
                INTO condition FROM jsonb_array_elements_text(wanted) AS w (value);
            END IF;
        WHEN 'object' THEN
            SELECT min(k) INTO operator FROM jsonb_object_keys(wanted - 'case_sensitive') AS k HAVING count(*) = 1;
            IF jsonb_typeof(wanted -> operator) = 'string'
                AND coalesce(jsonb_typeof(wanted -> 'case_sensitive') = 'boolean', true)
            THEN
                condition := userlock_private.text_condition(name, operator, wanted ->> operator,
                    coalesce((wanted -> 'case_sensitive')::boolean, false));
            END IF;
        ELSE NULL;
    END CASE;
    IF condition IS NULL THEN
        PERFORM userlock_private.raise('filter_invalid');
    END IF;
    RETURN condition;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.member_condition FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.member_condition IS
'What a filter asks of the user id or of the profile, as SQL. Error: PT422 filter_invalid.';

CREATE FUNCTION userlock_private.state_condition(wanted jsonb)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    states text[];
BEGIN
    IF jsonb_typeof(wanted) = 'string' THEN
        wanted := jsonb_build_array(wanted);
    END IF;
    IF jsonb_typeof(wanted) IS DISTINCT FROM 'array'
        OR jsonb_path_exists(wanted, 'strict $[*] ? (@ != "active" && @ != "locked" && @ != "blocked" && @ != "locked+blocked" || @.type() != "string")')
    THEN
        PERFORM userlock_private.raise('filter_invalid');
    END IF;
    states := ARRAY(SELECT jsonb_array_elements_text(wanted));
    -- Of whoever is restricted there is an index.
    RETURN concat(
        CASE WHEN 'active' <> ALL (states) THEN 'written_state OPERATOR(userlock.<>) ''active''::userlock.user_lock_state AND ' END,
        format('state OPERATOR(userlock.=) ANY (%L::userlock.user_lock_state[])', states));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.state_condition FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.state_condition IS
'What a filter asks of the state, as SQL. Error: PT422 filter_invalid.';

CREATE FUNCTION userlock_private.filter_condition(filter jsonb, depth integer DEFAULT 0)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    member record;
    parts text[] := '{}';
BEGIN
    -- The size in memory: as text, numbers may have very many digits.  Few objects,
    -- because each is asked of every user where no index helps.
    IF jsonb_typeof(filter) IS DISTINCT FROM 'object' OR depth > 32 OR pg_column_size(filter) > 262144
        OR depth = 0 AND (SELECT count(*) > 200 FROM jsonb_path_query(filter, 'strict $.** ? (@.type() == "object")'))
    THEN
        PERFORM userlock_private.raise('filter_invalid');
    END IF;
    FOR member IN SELECT m.key AS name, m.value AS wanted FROM jsonb_each(filter) AS m LOOP
        IF member.name = ANY ('{and,or}'::text[]) AND jsonb_typeof(member.wanted) = 'array' THEN
            parts := parts || coalesce(
                (SELECT '(' || string_agg('(' || userlock_private.filter_condition(w.value, depth + 1) || ')', upper(' ' || member.name || ' ')) || ')'
                 FROM jsonb_array_elements(member.wanted) AS w),
                (member.name = 'and')::text);
        ELSIF member.name = 'not' THEN
            parts := parts || format('(%s) IS NOT TRUE', userlock_private.filter_condition(member.wanted, depth + 1));
        ELSIF member.name = 'state' THEN
            parts := parts || userlock_private.state_condition(member.wanted);
        ELSIF member.name = 'integer_id' AND jsonb_typeof(member.wanted) = 'boolean' THEN
            parts := parts || format('(userlock_private.integer_id(user_id) IS NOT NULL) = %s', member.wanted);
        ELSE
            parts := parts || userlock_private.member_condition(member.name, member.wanted);
        END IF;
    END LOOP;
    RETURN coalesce(nullif(array_to_string(parts, ' AND '), ''), 'true');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.filter_condition FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.filter_condition IS
'A filter of find_users() as a condition in SQL. Error: PT422 filter_invalid.';

-- The planner finds the few of one index by itself, but not those of several that an
-- "or" is about.  Then their ids are collected first.
CREATE FUNCTION userlock_private.filter_candidates(filter jsonb, tenant text, is_alternative boolean DEFAULT false)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    member record;
    candidates text;
BEGIN
    FOR member IN SELECT m.key AS name, m.value AS wanted FROM jsonb_each(filter) AS m LOOP
        candidates := NULL;
        IF member.name = 'or' THEN
            SELECT string_agg(c.candidates, ' UNION ALL ') INTO candidates
            FROM jsonb_array_elements(member.wanted) AS w,
                userlock_private.filter_candidates(w.value, tenant, true) AS c (candidates)
            HAVING bool_and(c.candidates IS NOT NULL);
        ELSIF member.name = 'and' THEN
            SELECT min(c.candidates) INTO candidates
            FROM jsonb_array_elements(member.wanted) AS w,
                userlock_private.filter_candidates(w.value, tenant, is_alternative) AS c (candidates);
        ELSIF is_alternative AND member.name <> ALL ('{not,state}'::text[])
            AND (jsonb_typeof(member.wanted) = ANY ('{string,array}'::text[]) OR member.wanted ?| '{equals,prefix}'::text[])
        THEN
            candidates := format('SELECT user_id FROM userlock_private.%I WHERE tenant = %L AND %s',
                CASE member.name WHEN 'user_id' THEN 'account' ELSE 'profile' END,
                tenant, userlock_private.member_condition(member.name, member.wanted));
        END IF;
        IF candidates IS NOT NULL THEN
            RETURN candidates;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.filter_candidates FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.filter_candidates IS
'A query for the ids among which all are that a filter finds, each part of it by an index; NULL: there is none, or none is needed. The filter is valid.';

CREATE FUNCTION userlock_private.found_users(filter jsonb, tenant text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    condition text := userlock_private.filter_condition(coalesce(filter, '{}'));
    candidates text := userlock_private.filter_candidates(filter, tenant);
BEGIN
    RETURN format('userlock_private.visible_user WHERE tenant = %L AND (%s)', tenant, condition)
        || coalesce(' AND user_id IN (' || candidates || ')', '');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.found_users FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.found_users IS
'The users of a tenant that a filter finds, as what follows FROM in a query. Error: PT422 filter_invalid.';

CREATE FUNCTION userlock.find_users(
    filter jsonb DEFAULT NULL,
    order_by text DEFAULT 'user_id',
    descending boolean DEFAULT false,
    page_size integer DEFAULT 100,
    skip bigint DEFAULT 0,
    tenant text DEFAULT NULL)
RETURNS SETOF userlock.users
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own_tenant text := userlock_private.require_tenant(tenant, false);
    sort_key text := CASE
        -- Whoever has no user name goes by the id.
        WHEN order_by = 'user_name' THEN 'coalesce(user_name_lower, lower(user_id))'
        WHEN order_by = ANY ('{email,display_name}'::text[]) THEN order_by || '_lower'
        WHEN order_by = 'integer_id' THEN 'userlock_private.integer_id(user_id)'
        WHEN order_by = ANY ('{user_id,external_id,state,sequence,created_at,changed_at}'::text[]) THEN order_by
    END;
BEGIN
    IF (sort_key IS NOT NULL AND descending IS NOT NULL AND page_size BETWEEN 0 AND 10000 AND skip >= 0) IS NOT TRUE THEN
        PERFORM userlock_private.raise('page_invalid');
    END IF;
    -- The profiles of the page are looked up one by one, which the inner LIMIT enforces:
    -- else, of a tenant whose size the planner misjudges, it may compare all accounts
    -- with all profiles.  Where filter and order ask for no profile, none is joined.
    RETURN QUERY EXECUTE format(
        'SELECT page.tenant, page.user_id, page.state, page.sequence, page.created_at, page.changed_at,'
        ' page.locked_until, page.blocked_until, profile.user_name, profile.external_id, profile.email,'
        ' profile.display_name, profile.user_name_lower, profile.email_lower, profile.display_name_lower'
        ' FROM (SELECT tenant, user_id, state, sequence, created_at, changed_at, locked_until, blocked_until, %2$s AS sort_key'
        '  FROM %1$s ORDER BY %2$s %3$s, user_id LIMIT %4$s OFFSET %5$s) AS page'
        ' LEFT JOIN LATERAL (SELECT * FROM userlock_private.profile'
        '  WHERE tenant = page.tenant AND user_id = page.user_id LIMIT 1) AS profile ON true'
        ' ORDER BY page.sort_key %3$s, page.user_id',
        userlock_private.found_users(filter, own_tenant),
        sort_key, CASE WHEN descending THEN 'DESC NULLS LAST' END, page_size, skip);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.find_users FROM PUBLIC;
COMMENT ON FUNCTION userlock.find_users IS
$$A page of the users of one tenant that a filter finds; NULL: of all.

filter: an object all of whose members hold. user_id, user_name, external_id, email, display_name: a text (equal; the names and the address in any case), null (has none), an array of texts (one of them), or an object with a text equals, prefix, suffix, contains or after, and maybe case_sensitive. integer_id: true or false, is the id a number from 1 to 2147483647, written as numbers are? state: a state, or an array of them. and, or: arrays of filters; not: a filter. order_by: a column of users that is not *_lower, locked_until or blocked_until; or integer_id, for the order of numbers; whoever has none comes last; ties by user_id. page_size: 0 to 10000. skip: how many come before the page; better, for the next page by user_id, ask for those after the last. tenant: NULL means the caller's own. Works in read-only transactions and on standbys. Errors: PT401 malformed claims, PT403 not the caller's tenant, PT422 invalid argument.$$;

CREATE FUNCTION userlock.count_users(filter jsonb DEFAULT NULL, tenant text DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own_tenant text := userlock_private.require_tenant(tenant, false);
    found bigint;
BEGIN
    EXECUTE 'SELECT count(*) FROM ' || userlock_private.found_users(filter, own_tenant) INTO found;
    RETURN found;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.count_users FROM PUBLIC;
COMMENT ON FUNCTION userlock.count_users IS
$$How many users of one tenant a filter of find_users() finds, exactly; NULL: how many there are. Counts them one by one.

Errors: PT401 malformed claims, PT403 not the caller's tenant, PT422 invalid argument.$$;
