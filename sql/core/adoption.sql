--
-- Existing tables of users: register their rows, and follow them
--

-- Whoever may change the table has its users follow, without asking whose tenant
-- they are in: the rows say so.
CREATE FUNCTION userlock.follow_user(user_id text, tenant text, registered boolean)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_follow_user';

REVOKE EXECUTE ON FUNCTION userlock.follow_user FROM PUBLIC;
COMMENT ON FUNCTION userlock.follow_user IS
'Has a user registered, or deleted, unless that is so already; did it change anything? tenant: not NULL. Error: PT422 invalid id or tenant.';

CREATE FUNCTION userlock.tenant_expression(tenant_column text, own_tenant text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF tenant_column = '' THEN
        RETURN format('%L', own_tenant);
    END IF;
    RETURN format('coalesce(%I::text, %L)', tenant_column, own_tenant);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.tenant_expression FROM PUBLIC;
COMMENT ON FUNCTION userlock.tenant_expression IS
'What a query of an adopted table has for the tenant of a row. tenant_column: empty where there is none; own_tenant: where the row names none.';

CREATE FUNCTION userlock.follow_row()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    user_id text := format('%I::text', TG_ARGV[0]);
    tenant text := userlock.tenant_expression(TG_ARGV[1], TG_ARGV[2]);
    before record;
    after record;
    is_there boolean;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        EXECUTE format('SELECT %s AS user_id, %s AS tenant FROM (SELECT ($1).*) AS row', user_id, tenant) INTO before USING OLD;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        EXECUTE format('SELECT %s AS user_id, %s AS tenant FROM (SELECT ($1).*) AS row', user_id, tenant) INTO after USING NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND before = after THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        -- The statement is complete: another of its rows may have the id now.
        EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE %I = ($1).%I AND %s = $2)', coalesce(pg_partition_root(TG_RELID), TG_RELID::regclass), TG_ARGV[0], TG_ARGV[0], tenant)
        INTO is_there USING OLD, before.tenant;
        IF NOT is_there THEN
            PERFORM userlock.follow_user(before.user_id, before.tenant, false);
        END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM userlock.follow_user(after.user_id, after.tenant, true);
    END IF;
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.follow_row FROM PUBLIC;
COMMENT ON FUNCTION userlock.follow_row IS
'Trigger of an adopted table, for each row. Arguments: the columns of the id and the tenant (empty: none), the tenant where none is named.';

CREATE FUNCTION userlock.follow_truncate()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('SELECT count(userlock.follow_user(%I::text, %s, false)) FROM %s', TG_ARGV[0],
        userlock.tenant_expression(TG_ARGV[1], TG_ARGV[2]), TG_RELID::regclass);
    RETURN NULL;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.follow_truncate FROM PUBLIC;
COMMENT ON FUNCTION userlock.follow_truncate IS
'Trigger of an adopted table, before TRUNCATE. Arguments as of follow_row().';

-- In a SECURITY DEFINER function current_user is the owner; the caller is whom SET
-- ROLE made them.
CREATE FUNCTION userlock.require_owner(users regclass)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    caller name := coalesce(nullif(current_setting('role'), 'none'), session_user);
BEGIN
    IF (SELECT pg_has_role(caller, c.relowner, 'USAGE') AND c.relkind IN ('r', 'p') FROM pg_class AS c WHERE c.oid = users) IS NOT TRUE THEN
        RAISE EXCEPTION 'must be owner of table %', users
            USING ERRCODE = 'insufficient_privilege',
                  DETAIL = 'Its rows become users, by a trigger on it.',
                  HINT = 'Name a table, not a view, and call this as its owner.';
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.require_owner FROM PUBLIC;
COMMENT ON FUNCTION userlock.require_owner IS
'Raises 42501 unless the caller owns the table.';

CREATE FUNCTION userlock.adopt(users regclass, id_column name, tenant_column name DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    own_tenant text := current_setting('userlock.tenant');
    arguments text := format('%L, %L, %L', id_column, coalesce(tenant_column, ''), own_tenant);
    entry record;
    seen bigint := 0;
    registered bigint := 0;
BEGIN
    PERFORM userlock.require_owner(users);
    IF (SELECT count(*) FROM pg_attribute AS a
        WHERE a.attrelid = users AND a.attname IN (id_column, tenant_column) AND a.attnum > 0 AND NOT a.attisdropped
            AND (SELECT CASE t.typbasetype WHEN 0 THEN t.oid ELSE t.typbasetype END FROM pg_type AS t WHERE t.oid = a.atttypid)
                IN ('text'::regtype, 'varchar'::regtype, 'uuid'::regtype, 'smallint'::regtype, 'integer'::regtype, 'bigint'::regtype)
        ) <> num_nonnulls(id_column, tenant_column) OR id_column IS NULL OR id_column = tenant_column
    THEN
        RAISE EXCEPTION 'invalid columns of table %', users
            USING ERRCODE = 'PT422', CONSTRAINT = 'users_invalid',
                  DETAIL = 'The column of the id, or of the tenant, does not exist or is of a type that no id has.',
                  HINT = 'Name columns of type text, varchar, uuid, smallint, integer or bigint.';
    END IF;

    -- Nobody changes a row between now and the trigger.
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', users);
    PERFORM userlock.release(users);
    EXECUTE format('CREATE TRIGGER userlock_follow AFTER INSERT OR DELETE OR UPDATE OF %s ON %s FOR EACH ROW EXECUTE FUNCTION userlock.follow_row(%s)',
        concat_ws(', ', quote_ident(id_column), quote_ident(tenant_column)), users, arguments);
    EXECUTE format('CREATE TRIGGER userlock_follow_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION userlock.follow_truncate(%s)',
        users, arguments);

    FOR entry IN EXECUTE format('SELECT %I::text AS user_id, %s AS tenant FROM %s', id_column,
        userlock.tenant_expression(coalesce(tenant_column, ''), own_tenant), users)
    LOOP
        seen := seen + 1;
        IF userlock.follow_user(entry.user_id, entry.tenant, true) THEN
            registered := registered + 1;
        END IF;
        IF seen % 100000 = 0 THEN
            RAISE NOTICE '% rows of table % read, % users registered', seen, users, registered;
        END IF;
    END LOOP;
    RETURN registered;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.adopt FROM PUBLIC;
COMMENT ON FUNCTION userlock.adopt IS
$$Registers the rows of a table as users, and has its inserts, deletes, changed ids and TRUNCATE followed from now on, by triggers.

users: a table that the caller owns. id_column: of type text, varchar, uuid, smallint, integer or bigint, as is tenant_column; NULL: all are in the tenant userlock.tenant as it is now, and so are rows whose tenant is NULL. Users registered already stay as they are. Returns how many were registered; a NOTICE tells after each 100000 rows. Errors: 42501 not the owner, PT422 no such columns, or a row whose id no user can have.$$;

CREATE FUNCTION userlock.release(users regclass)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name name;
BEGIN
    PERFORM userlock.require_owner(users);
    FOR name IN
        SELECT t.tgname FROM pg_trigger AS t
        WHERE t.tgrelid = users AND t.tgparentid = 0 AND t.tgfoid IN ('userlock.follow_row'::regproc, 'userlock.follow_truncate'::regproc)
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', name, users);
    END LOOP;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.release FROM PUBLIC;
COMMENT ON FUNCTION userlock.release IS
$$No longer follows a table that was adopted; its users stay registered. Does nothing to another table.

Error: 42501 the caller does not own it.$$;

