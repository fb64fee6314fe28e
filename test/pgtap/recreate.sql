-- What pg_dump writes of every body can be read back, so that a dump restores and pg_upgrade goes through.
-- Both run under an empty search_path, where an operator that is not of pg_catalog must be written out, and
-- some syntax (IS DISTINCT FROM, IN, CASE x WHEN, a comparison of rows) cannot write it.
BEGIN;
CREATE EXTENSION userlock_http;

CREATE TEMPORARY VIEW member AS
SELECT d.classid, d.objid FROM pg_depend AS d JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname LIKE 'userlock%' AND d.deptype = 'e';

CREATE FUNCTION pg_temp.definition(class oid, object oid) RETURNS text LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    RETURN CASE class
        WHEN 'pg_proc'::regclass THEN pg_get_functiondef(object)
        WHEN 'pg_class'::regclass THEN (
            SELECT CASE c.relkind
                WHEN 'v' THEN format('CREATE OR REPLACE VIEW %s %s AS %s', object::regclass, 'WITH (' || array_to_string(c.reloptions, ', ') || ')', pg_get_viewdef(object))
                WHEN 'i' THEN format('DROP INDEX %s; %s', object::regclass, pg_get_indexdef(object))
            END
            FROM pg_class AS c WHERE c.oid = object)
    END;
END
$$;

-- NULL: it could be done.
CREATE FUNCTION pg_temp.problem(definition text) RETURNS text LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    EXECUTE definition;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END
$$;

CREATE TEMPORARY TABLE body AS
SELECT m.objid::regprocedure::text AS name, pg_temp.definition(m.classid, m.objid) AS definition
FROM member AS m JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
UNION ALL
SELECT c.oid::regclass::text, pg_temp.definition('pg_class'::regclass, c.oid)
FROM member AS m JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
WHERE c.relkind = 'v'
UNION ALL
SELECT i.indexrelid::regclass::text, pg_temp.definition('pg_class'::regclass, i.indexrelid)
FROM member AS m JOIN pg_index AS i ON m.classid = 'pg_class'::regclass AND i.indrelid = m.objid
WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid);

SELECT plan(1 + count(*)::integer) FROM body;
SELECT cmp_ok(count(*), '>', 100::bigint, 'functions, views and indexes were found') FROM body;
SELECT is(pg_temp.problem(definition), NULL, name || ' can be made from its definition') FROM body ORDER BY name COLLATE "C";
SELECT * FROM finish();
ROLLBACK;
