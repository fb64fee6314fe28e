--
-- Privileges
--
-- The installer may have default privileges that give roles of theirs something
-- on every new table or function.  Not on these: a grant is for the deployment
-- to make, with these objects in mind.  (TRIGGER on a table would be the worst:
-- code run with the rights of the owner.)
--

DO $$
DECLARE
    given record;
BEGIN
    FOR given IN
        WITH member AS (
            SELECT d.classid, d.objid
            FROM pg_catalog.pg_depend AS d
            JOIN pg_catalog.pg_extension AS e ON e.oid = d.refobjid
            WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
            AND e.extnamespace = '@extschema@'::pg_catalog.regnamespace
        )
        SELECT 'TABLE' AS kind, c.oid::pg_catalog.regclass::pg_catalog.text AS name, a.grantee
        FROM member AS m JOIN pg_catalog.pg_class AS c ON c.oid = m.objid, pg_catalog.aclexplode(c.relacl) AS a
        WHERE m.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.relkind IN ('r', 'v')
        AND a.grantee <> c.relowner
        UNION
        SELECT 'FUNCTION', p.oid::pg_catalog.regprocedure::pg_catalog.text, a.grantee
        FROM member AS m JOIN pg_catalog.pg_proc AS p ON p.oid = m.objid, pg_catalog.aclexplode(p.proacl) AS a
        WHERE m.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND a.grantee <> p.proowner AND a.grantee <> 0
        UNION
        SELECT 'TYPE', t.oid::pg_catalog.regtype::pg_catalog.text, a.grantee
        FROM member AS m JOIN pg_catalog.pg_type AS t ON t.oid = m.objid, pg_catalog.aclexplode(t.typacl) AS a
        WHERE m.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.typtype IN ('b', 'c', 'd') AND t.typelem = 0
        AND a.grantee <> t.typowner AND a.grantee <> 0
        UNION
        SELECT 'SCHEMA', pg_catalog.quote_ident(n.nspname), a.grantee
        FROM member AS m JOIN pg_catalog.pg_namespace AS n ON n.oid = m.objid, pg_catalog.aclexplode(n.nspacl) AS a
        WHERE m.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
        AND a.grantee <> n.nspowner AND a.grantee <> 0
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON %s %s FROM %s', given.kind, given.name,
            CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE given.grantee::pg_catalog.regrole::pg_catalog.text END);
    END LOOP;
END
$$;
