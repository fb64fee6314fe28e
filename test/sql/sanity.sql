-- What must be true of every object, found by looking at all of them.

-- The operator classes are complete.
SELECT amname, opcname, amvalidate(c.oid)
FROM pg_opclass AS c JOIN pg_am AS m ON m.oid = opcmethod
WHERE opcintype = 'userlock.user_lock_state'::regtype ORDER BY amname;

-- Every operator has its commutator and its negator, and they agree.
SELECT o.oid::regoperator FROM pg_operator AS o
WHERE oprleft = 'userlock.user_lock_state'::regtype AND (oprcom = 0 OR oprnegate = 0
    OR (SELECT oprcom FROM pg_operator WHERE oid = o.oprcom) <> o.oid
    OR (SELECT oprnegate FROM pg_operator WHERE oid = o.oprnegate) <> o.oid);

CREATE TEMPORARY VIEW function AS
SELECT p.* FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
WHERE d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'userlock');

-- Immutable implies parallel safe.
SELECT oid::regprocedure FROM function WHERE provolatile = 'i' AND proparallel <> 's';

-- SECURITY DEFINER implies a pinned search_path.
SELECT oid::regprocedure FROM function
WHERE prosecdef AND NOT coalesce(proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false);

-- No function in standard SQL groups or sorts by the type: pg_upgrade makes it before the
-- operator class that this takes, on which nothing says that it depends.
SELECT f.oid::regprocedure FROM function AS f JOIN pg_operator AS o ON o.oprleft = 'userlock.user_lock_state'::regtype
WHERE f.prosqlbody::text ~ format(':(eqop|sortop) %s\M', o.oid);

-- What the public may execute reads no table.
SELECT proname FROM function
WHERE has_function_privilege('public', oid, 'EXECUTE') ORDER BY proname;

-- The public has nothing on any table or view, but for reading what the views stand on,
-- where nobody enters and the rows have a policy.
SELECT relname, privilege FROM pg_class
CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
WHERE relnamespace IN ('userlock'::regnamespace, 'userlock_private'::regnamespace) AND relkind IN ('r', 'v')
AND has_table_privilege('public', oid, privilege)
AND NOT (relname ~ '^visible_|_now$' AND privilege = 'SELECT');
SELECT oid::regclass AS readable FROM pg_class
WHERE relnamespace = 'userlock_private'::regnamespace AND relkind = 'r' AND NOT relrowsecurity
AND has_any_column_privilege('public', oid, 'SELECT, INSERT, UPDATE, REFERENCES');
SELECT oid::regclass AS view FROM pg_class
WHERE relnamespace IN ('userlock'::regnamespace, 'userlock_private'::regnamespace) AND relkind = 'v'
AND NOT coalesce('security_invoker=true' = ANY (reloptions), false);
SELECT has_schema_privilege('public', 'userlock', 'CREATE') AS may_create, has_schema_privilege('public', 'userlock_private', 'USAGE') AS may_enter;

-- Tables, and what nobody is meant to call, stand apart from what is granted.
SELECT relname FROM pg_class WHERE relnamespace = 'userlock'::regnamespace AND relkind NOT IN ('v', 'c');

-- Everything a user meets is commented.
SELECT oid::regprocedure AS function FROM function
WHERE obj_description(oid, 'pg_proc') IS NULL AND proname NOT LIKE 'user\_lock\_state\_%';
SELECT relname AS relation FROM pg_class
WHERE relnamespace IN ('userlock'::regnamespace, 'userlock_private'::regnamespace) AND relkind IN ('r', 'v') AND obj_description(oid, 'pg_class') IS NULL;
SELECT c.oid::regclass AS relation, a.attname AS column FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE (c.relnamespace = 'userlock'::regnamespace AND c.relkind = 'v' OR c.relnamespace = 'userlock_private'::regnamespace AND c.relkind = 'r')
AND a.attnum > 0 AND col_description(c.oid, a.attnum) IS NULL;
SELECT typname AS type FROM pg_type
WHERE typnamespace IN ('userlock'::regnamespace, 'userlock_private'::regnamespace) AND typtype IN ('b', 'c') AND typcategory <> 'A'
AND coalesce((SELECT relkind FROM pg_class WHERE oid = typrelid), 'c') = 'c' AND obj_description(oid, 'pg_type') IS NULL;

-- Every key of a table of users contains tenant and user_id, so that it can be distributed.
SELECT conrelid::regclass, conname FROM pg_constraint
WHERE connamespace IN ('userlock'::regnamespace, 'userlock_private'::regnamespace) AND contype IN ('p', 'u', 'f')
AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = conrelid AND attname = 'user_id')
AND NOT ARRAY['tenant', 'user_id'] <@ (
    SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey));

-- No sequences, no triggers, no rules but the views' own.
SELECT count(*) FROM pg_class WHERE relnamespace IN ('userlock'::regnamespace, 'userlock_private'::regnamespace) AND relkind = 'S';
SELECT count(*) FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace IN ('userlock'::regnamespace, 'userlock_private'::regnamespace));

-- The tables that hold users' data are dumped.
SELECT unnest(extconfig)::regclass AS dumped FROM pg_extension WHERE extname = 'userlock' ORDER BY 1;

-- The prefix of the settings is reserved.
SELECT userlock.is_active('active') AS module_loaded;
SET userlock.tenat = 'typo';
SET userlock.tenant = '';
SET userlock.tenant = 'acme';
SHOW userlock.tenant;
