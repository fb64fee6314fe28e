--
-- Privileges
--
-- The installer may have default privileges that give roles of theirs something
-- on every new object.  Not on these: a grant is for the deployment to make, with
-- these objects in mind.  (TRIGGER on a table would be the worst: code run with the
-- rights of the owner.)
--
-- PUBLIC keeps what it was given above (see views.sql for tables), but of types only the
-- one that is for everybody's tables: a column of any other, in a table of somebody
-- else's, would stand in the way of an upgrade.
--

DO $$
DECLARE
    given record;
BEGIN
    FOR given IN
        WITH member AS (
            SELECT d.classid, d.objid
            FROM pg_depend AS d
            JOIN pg_extension AS e ON e.oid = d.refobjid
            WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
            AND e.extnamespace = '@extschema@'::regnamespace
        ), acl AS (
            SELECT 'TABLE' AS kind, c.oid::regclass::text AS name, c.relowner AS owner, c.relacl AS privileges, c.relrowsecurity OR c.relname ~ '^visible_|_now$' AS for_public
            FROM member AS m JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
            WHERE c.relkind IN ('r', 'v')
            UNION ALL
            SELECT 'FUNCTION', p.oid::regprocedure::text, p.proowner, p.proacl, true
            FROM member AS m JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
            UNION ALL
            SELECT 'TYPE', t.oid::regtype::text, t.typowner, coalesce(t.typacl, acldefault('T', t.typowner)), t.typtype = 'b'
            FROM member AS m JOIN pg_type AS t
                ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
                OR m.classid = 'pg_class'::regclass AND t.typrelid = m.objid
            WHERE t.typtype IN ('b', 'c', 'd') AND t.typelem = 0
            UNION ALL
            SELECT 'SCHEMA', n.oid::regnamespace::text, n.nspowner, n.nspacl, n.nspname = 'userlock'
            FROM pg_namespace AS n
            WHERE n.nspname = '@extschema@' OR n.oid IN (SELECT m.objid FROM member AS m WHERE m.classid = 'pg_namespace'::regclass)
        )
        SELECT DISTINCT acl.kind, acl.name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS grantee
        FROM acl, aclexplode(acl.privileges) AS a
        WHERE a.grantee <> acl.owner AND NOT (acl.for_public AND a.grantee = 0)
    LOOP
        EXECUTE format('REVOKE ALL ON %s %s FROM %s', given.kind, given.name, given.grantee);
    END LOOP;
END
$$;

-- What pg_dump reads to tell our privileges from those given later knows no types of
-- rows: it would warn of each.
DELETE FROM pg_init_privs AS p USING pg_type AS t, pg_class AS c
WHERE p.classoid = 'pg_type'::regclass AND p.objoid = t.oid AND c.oid = t.typrelid AND c.relkind IN ('r', 'v')
AND EXISTS (SELECT FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.objid = c.oid AND e.extnamespace = '@extschema@'::regnamespace);
