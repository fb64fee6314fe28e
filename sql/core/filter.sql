--
-- Filters of users
--
-- A filter is a JSON object, so that whoever builds one (a contract, a console, a
-- script) quotes nothing.  It becomes a condition on userlock_private.user_now in
-- which only literals are the caller's.
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
