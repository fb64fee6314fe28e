
--
-- Who the caller is, and what they may do
--
-- For a client that decides by it what to show; what decides what is done are the
-- privileges themselves.  With the caller's own rights: it reads nothing but the
-- claims and the catalogs.  After all functions and views there are.
--

CREATE FUNCTION userlock.whoami(
    OUT user_id text,
    OUT tenant text,
    OUT tenants text[],
    OUT role name,
    OUT functions text[],
    OUT views text[])
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH claims AS MATERIALIZED (
        SELECT userlock.caller_user_id() AS user_id, userlock.caller_tenants() AS tenants
    ), member AS (
        SELECT d.classid, d.objid
        FROM pg_extension AS e
        JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
        WHERE e.extname = 'userlock'
    )
    SELECT
        c.user_id,
        coalesce(c.tenants[1], current_setting('userlock.tenant')),
        c.tenants,
        current_user,
        ARRAY(
            SELECT p.proname::text
            FROM member AS m
            JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
            WHERE p.pronamespace = 'userlock'::regnamespace
            AND p.prorettype <> 'trigger'::regtype
            AND has_function_privilege(p.oid, 'EXECUTE')
            -- Not what the installation gives to everybody.
            AND NOT EXISTS (
                SELECT FROM pg_init_privs AS i CROSS JOIN aclexplode(i.initprivs) AS given
                WHERE i.classoid = 'pg_proc'::regclass AND i.objoid = p.oid AND given.grantee = 0::oid)
            ORDER BY p.proname),
        ARRAY(
            SELECT v.relname::text
            FROM member AS m
            JOIN pg_class AS v ON m.classid = 'pg_class'::regclass AND v.oid = m.objid
            WHERE v.relnamespace = 'userlock'::regnamespace AND v.relkind = 'v'
            AND has_table_privilege(v.oid, 'SELECT')
            ORDER BY v.relname)
    FROM claims AS c;
END;

REVOKE EXECUTE ON FUNCTION userlock.whoami FROM PUBLIC;
COMMENT ON FUNCTION userlock.whoami IS
$$Who the caller is by their claims, and what of the interface is theirs.

user_id: the claim sub; NULL: none. tenant: their own, meant where a call names none. tenants: all that they may touch, their own first; NULL without claims: every one. role: as whom they act. functions, views: names of those in schema userlock that the role may execute, and read, sorted; not what is for everybody. Writes nothing, also works on a standby. Error: PT401 malformed claims.$$;
