-- From here on a name without a schema can only mean what pg_catalog has, whatever
-- there is in the schemas that CREATE EXTENSION searches; all that is ours is named
-- in full.  So are operators on our type, hence no IS DISTINCT FROM, IN and the like
-- there: with those, a dump could not be restored.
SET LOCAL search_path = pg_catalog, pg_temp;

-- A schema of this name may be there already, made by someone who owns the ground
-- that this script builds on, left something in it, or lets others in.
DO $$
DECLARE
    objection text;
BEGIN
    SELECT coalesce(
        (SELECT format('It belongs to %I.', owner.rolname) FROM pg_roles AS owner
         WHERE owner.oid = n.nspowner AND NOT owner.rolsuper AND owner.rolname <> CURRENT_USER),
        (SELECT format('It contains %s.', pg_describe_object(d.classid, d.objid, d.objsubid)) FROM pg_depend AS d
         WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid AND d.classid <> 'pg_extension'::regclass
         ORDER BY d.objid LIMIT 1),
        (SELECT format('%s may create objects in it.', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END)
         FROM aclexplode(n.nspacl) AS a
         WHERE a.privilege_type = 'CREATE' AND a.grantee <> n.nspowner LIMIT 1))
    INTO objection
    FROM pg_namespace AS n WHERE n.nspname = '@extschema@';
    IF objection IS NOT NULL THEN
        RAISE EXCEPTION 'schema "@extschema@" is not safe to install into'
            USING ERRCODE = 'insufficient_privilege', DETAIL = objection,
                  HINT = 'Drop the schema: CREATE EXTENSION makes it anew. Default privileges must not give CREATE on it.';
    END IF;
END
$$;

