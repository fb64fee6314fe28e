--
-- Lists of users, and of what happened to one
--
-- With the rights of the owner: whoever may execute them needs none on what they read.
-- The tenant is judged first, then it is a constant in every part of the query.
--

CREATE FUNCTION userlock_private.found_users(filter jsonb, tenant text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    condition text := userlock_private.filter_condition(coalesce(filter, '{}'));
    candidates text := userlock_private.filter_candidates(filter, tenant);
BEGIN
    RETURN format('userlock_private.user_now WHERE tenant = %L AND (%s)', tenant, condition)
        || coalesce(' AND user_id IN (' || candidates || ')', '');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.found_users FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.found_users IS
'The users of a tenant that a filter finds, as what follows FROM in a query. Error: PT422 filter_invalid.';

-- The events and profiles of a page are looked up one by one, which an inner LIMIT of
-- the query around it enforces: else, of a tenant whose size the planner misjudges, it
-- may compare all accounts with all profiles.  Where filter and order ask for no
-- profile, none is joined.
CREATE FUNCTION userlock_private.page_of(users text, order_by text, descending boolean, page_size integer, skip bigint, OUT page text, OUT in_order text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    sort_key text := CASE
        -- Whoever has no user name goes by the id.
        WHEN order_by = 'user_name' THEN 'coalesce(user_name_lower, lower(user_id))'
        WHEN order_by = ANY ('{email,display_name}'::text[]) THEN order_by || '_lower'
        WHEN order_by = 'integer_id' THEN 'userlock_private.integer_id(user_id)'
        WHEN order_by = ANY ('{user_id,external_id,state,sequence,created_at,changed_at,locked_at,blocked_at}'::text[]) THEN order_by
    END;
    direction text := CASE
        WHEN NOT descending THEN 'ASC'
        -- Nobody is without, and an index is read backwards.
        WHEN order_by = ANY ('{user_id,locked_at,blocked_at}'::text[]) THEN 'DESC'
        ELSE 'DESC NULLS LAST'
    END;
BEGIN
    IF (sort_key IS NOT NULL AND descending IS NOT NULL AND page_size BETWEEN 0 AND 10000 AND skip >= 0) IS NOT TRUE THEN
        PERFORM userlock_private.raise('page_invalid');
    END IF;
    page := format(
        '(SELECT tenant, user_id, state, sequence, created_at, changed_at, locked_until, blocked_until,'
        ' locked_at, lock_sequence, blocked_at, block_sequence, %2$s AS sort_key'
        ' FROM %1$s ORDER BY sort_key %3$s, user_id LIMIT %4$s OFFSET %5$s) AS page',
        users, sort_key, direction, page_size, skip);
    in_order := format('page.sort_key %s, page.user_id', direction);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.page_of FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.page_of IS
'A page of found_users() as an item of FROM, and the order that it is in. Error: PT422 page_invalid.';

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
    asked record;
BEGIN
    asked := userlock_private.page_of(userlock_private.found_users(filter, own_tenant),
        CASE WHEN order_by <> ALL ('{locked_at,blocked_at}'::text[]) THEN order_by END, descending, page_size, skip);
    RETURN QUERY EXECUTE format(
        'SELECT page.tenant, page.user_id, page.state, page.sequence, page.created_at, page.changed_at,'
        ' page.locked_until, page.blocked_until, profile.user_name, profile.external_id, profile.email,'
        ' profile.display_name, profile.user_name_lower, profile.email_lower, profile.display_name_lower'
        ' FROM %s LEFT JOIN LATERAL (SELECT * FROM userlock_private.profile'
        '  WHERE tenant = %L AND user_id = page.user_id LIMIT 1) AS profile ON true'
        ' ORDER BY %s',
        asked.page, own_tenant, asked.in_order);
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

CREATE FUNCTION userlock.find_restricted_users(
    filter jsonb DEFAULT NULL,
    order_by text DEFAULT 'user_id',
    descending boolean DEFAULT false,
    page_size integer DEFAULT 100,
    skip bigint DEFAULT 0,
    tenant text DEFAULT NULL)
RETURNS SETOF userlock.restricted_users
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own_tenant text := userlock_private.require_tenant(tenant, false);
    users text := userlock_private.found_users(filter, own_tenant)
        || ' AND written_state OPERATOR(userlock.<>) ''active''::userlock.user_lock_state AND NOT userlock.is_active(state)';
    asked record;
BEGIN
    IF order_by = ANY ('{locked_at,blocked_at}'::text[]) THEN
        users := users || format(' AND %I IS NOT NULL', order_by);
    END IF;
    asked := userlock_private.page_of(users, order_by, descending, page_size, skip);
    RETURN QUERY EXECUTE format(
        'SELECT page.tenant, page.user_id, page.state, page.locked_at, page.locked_until, locked.reason, locked.actor,'
        ' page.blocked_at, page.blocked_until, blocked.reason, blocked.actor, page.sequence, page.created_at, page.changed_at,'
        ' profile.user_name, profile.external_id, profile.email, profile.display_name,'
        ' profile.user_name_lower, profile.email_lower, profile.display_name_lower'
        ' FROM %1$s LEFT JOIN LATERAL (SELECT * FROM userlock_private.event'
        '  WHERE tenant = %2$L AND user_id = page.user_id'
        '  AND sequence = CASE WHEN userlock.is_locked(page.state) THEN page.lock_sequence END LIMIT 1) AS locked ON true'
        ' LEFT JOIN LATERAL (SELECT * FROM userlock_private.event'
        '  WHERE tenant = %2$L AND user_id = page.user_id'
        '  AND sequence = CASE WHEN userlock.is_blocked(page.state) THEN page.block_sequence END LIMIT 1) AS blocked ON true'
        ' LEFT JOIN LATERAL (SELECT * FROM userlock_private.profile'
        '  WHERE tenant = %2$L AND user_id = page.user_id LIMIT 1) AS profile ON true'
        ' ORDER BY %3$s',
        asked.page, own_tenant, asked.in_order);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.find_restricted_users FROM PUBLIC;
COMMENT ON FUNCTION userlock.find_restricted_users IS
$$A page of those users of one tenant who are out: a row as in restricted_users, with since when, until when, why and by whom.

filter: as of find_users(). order_by: as there; or locked_at or blocked_at, for those alone who have that. page_size, skip and tenant: as there. Works in read-only transactions and on standbys. Errors: PT401 malformed claims, PT403 not the caller's tenant, PT422 invalid argument.$$;

CREATE FUNCTION userlock.find_events(
    user_id text,
    descending boolean DEFAULT true,
    after bigint DEFAULT NULL,
    page_size integer DEFAULT 100,
    tenant text DEFAULT NULL)
RETURNS SETOF userlock.user_history
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own_tenant text := userlock_private.require_tenant(tenant, false);
BEGIN
    IF (descending IS NOT NULL AND page_size BETWEEN 0 AND 10000) IS NOT TRUE THEN
        PERFORM userlock_private.raise('page_invalid');
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT tenant, user_id, sequence, kind, from_state, to_state, at, actor, reason, until, details, attributes, batch'
        ' FROM userlock_private.history_now WHERE tenant = $1 AND user_id = $2 %s ORDER BY sequence %s LIMIT $3',
        CASE WHEN after IS NOT NULL THEN format('AND sequence %s %s', CASE WHEN descending THEN '<' ELSE '>' END, after) END,
        CASE WHEN descending THEN 'DESC' END)
        USING own_tenant, user_id, page_size;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.find_events FROM PUBLIC;
COMMENT ON FUNCTION userlock.find_events IS
$$A page of what happened to one user, rows as in user_history, the last first; none of whom nobody has seen.

user_id: whose. descending: false for the first first. after: the sequence of the last row of the page before; NULL: from where it begins. page_size: 0 to 10000. tenant: NULL means the caller's own. Works in read-only transactions and on standbys. Errors: PT401 malformed claims, PT403 not the caller's tenant, PT422 invalid argument.$$;
