-- A schema of this name may have been made by someone else, who would then own
-- the ground that this script builds on.
DO $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_namespace AS n
        JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
        WHERE n.nspname OPERATOR(pg_catalog.=) '@extschema@'
        AND (r.rolsuper OR r.rolname OPERATOR(pg_catalog.=) CURRENT_USER)
    ) THEN
        RAISE EXCEPTION 'schema "@extschema@" belongs to someone else'
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Drop the schema, or have its owner give it to you.';
    END IF;
END
$$;

