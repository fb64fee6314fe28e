
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
        SELECT 'TABLE' AS kind, c.oid::pg_catalog.regclass::pg_catalog.text AS name, a.grantee
        FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS a
        WHERE c.relnamespace = 'userlock'::pg_catalog.regnamespace AND c.relkind IN ('r', 'v')
        AND a.grantee <> c.relowner
        UNION
        SELECT 'FUNCTION', p.oid::pg_catalog.regprocedure::pg_catalog.text, a.grantee
        FROM pg_catalog.pg_proc AS p, pg_catalog.aclexplode(p.proacl) AS a
        WHERE p.pronamespace = 'userlock'::pg_catalog.regnamespace
        AND a.grantee <> p.proowner AND a.grantee <> 0
        UNION
        SELECT 'TYPE', t.oid::pg_catalog.regtype::pg_catalog.text, a.grantee
        FROM pg_catalog.pg_type AS t, pg_catalog.aclexplode(t.typacl) AS a
        WHERE t.typnamespace = 'userlock'::pg_catalog.regnamespace AND t.typtype IN ('b', 'c') AND t.typelem = 0
        AND a.grantee <> t.typowner AND a.grantee <> 0
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON %s %s FROM %s', given.kind, given.name,
            CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE given.grantee::pg_catalog.regrole::pg_catalog.text END);
    END LOOP;
END
$$;
