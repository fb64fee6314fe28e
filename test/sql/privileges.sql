-- Who has what: every object of both extensions, and whom http/roles.sql gives it to.
-- A reviewer reads the expected output of this; what nobody but the owner has is
-- there as well, with nobody beside it.
CREATE EXTENSION userlock_http;

CREATE VIEW public.matrix AS
WITH member AS (
    SELECT d.classid, d.objid FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname IN ('userlock', 'userlock_http')
), object AS (
    SELECT 'schema' AS kind, n.nspname::text AS name, n.nspacl AS acl, acldefault('n', n.nspowner) AS otherwise, n.nspowner AS owner
    FROM pg_namespace AS n
    WHERE n.nspname IN ('userlock', 'userlock_http') OR ('pg_namespace'::regclass, n.oid) IN (SELECT classid, objid FROM member)
    UNION ALL
    SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' ELSE c.relkind::text END, c.oid::regclass::text, c.relacl, acldefault('r', c.relowner), c.relowner
    FROM member AS m JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid WHERE c.relkind NOT IN ('c', 'i')
    UNION ALL
    SELECT 'column', c.oid::regclass || '.' || a.attname, a.attacl, '{}', c.relowner
    FROM member AS m JOIN pg_class AS c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
    JOIN pg_attribute AS a ON a.attrelid = c.oid WHERE a.attacl IS NOT NULL
    UNION
    SELECT 'type', t.oid::regtype::text, t.typacl, acldefault('T', t.typowner), t.typowner
    FROM member AS m JOIN pg_type AS t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid OR m.classid = 'pg_class'::regclass AND t.typrelid = m.objid
    WHERE t.typelem = 0
    UNION ALL
    -- By its name: none is overloaded.
    SELECT 'function', p.pronamespace::regnamespace || '.' || p.proname, p.proacl, acldefault('f', p.proowner), p.proowner
    FROM member AS m JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
)
SELECT o.kind, o.name, a.privilege_type AS privilege,
    coalesce(string_agg(CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END || CASE WHEN a.is_grantable THEN ' (and may grant it)' ELSE '' END,
        ', ' ORDER BY a.grantee::regrole::text), 'nobody') AS who
FROM object AS o LEFT JOIN aclexplode(coalesce(o.acl, o.otherwise)) AS a ON a.grantee <> o.owner
GROUP BY 1, 2, 3;

-- As it is installed.
SELECT kind, name, privilege, who FROM public.matrix WHERE who <> 'nobody' ORDER BY kind, name COLLATE "C", privilege;

-- With the roles of the stack; they are gone afterwards, unless they were there.  What
-- others have put into the superuser's search_path is not used.
CREATE FUNCTION public.trap(oid, regclass) RETURNS boolean LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = regclass, FUNCTION = public.trap);
\set ECHO none
\getenv directory PG_ABS_SRCDIR
\set roles :directory '/../http/roles.sql'
BEGIN;
\i :roles
\set ECHO all
SELECT kind, name, privilege, who FROM public.matrix ORDER BY kind, name COLLATE "C", privilege;
SELECT m.member::regrole, string_agg(m.roleid::regrole::text, ', ' ORDER BY m.roleid::regrole::text) AS may_become
FROM pg_auth_members AS m WHERE m.member IN ('authenticator'::regrole, 'anon'::regrole, 'operator'::regrole, 'stranger'::regrole) GROUP BY 1;
ROLLBACK;
DROP OPERATOR public.= (oid, regclass);
DROP FUNCTION public.trap;

-- Whatever the installer's default privileges give away or keep back, it is the same.
CREATE TABLE public.as_installed AS TABLE public.matrix;
CREATE ROLE regress_userlock_friend;
DROP EXTENSION userlock CASCADE;
DROP SCHEMA userlock, userlock_http;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO regress_userlock_friend, PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO regress_userlock_friend WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO regress_userlock_friend;
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO regress_userlock_friend, PUBLIC;
CREATE EXTENSION userlock_http CASCADE;
(TABLE public.matrix EXCEPT TABLE public.as_installed) UNION ALL (TABLE public.as_installed EXCEPT TABLE public.matrix);
DROP EXTENSION userlock CASCADE;
DROP SCHEMA userlock, userlock_http;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM regress_userlock_friend, PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM regress_userlock_friend, PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TYPES FROM regress_userlock_friend, PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON SCHEMAS FROM regress_userlock_friend, PUBLIC;
CREATE EXTENSION userlock_http CASCADE;
(TABLE public.matrix EXCEPT TABLE public.as_installed) UNION ALL (TABLE public.as_installed EXCEPT TABLE public.matrix);
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT USAGE ON TYPES TO PUBLIC;

-- A column of somebody else's would stand in the way of an upgrade; but for the type
-- that is there for it.
GRANT CREATE ON SCHEMA public TO regress_userlock_friend;
SET ROLE regress_userlock_friend;
CREATE TABLE public.mine (state userlock.user_lock_state);
CREATE TABLE public.theirs (account userlock_private.account);
CREATE TABLE public.theirs (restricted userlock.restricted_users[]);
CREATE TABLE public.theirs (status userlock.user_status);
CREATE TABLE public.theirs (body userlock_http."*/*");
CREATE DOMAIN public.theirs AS userlock.transition_outcome;
DROP TABLE public.mine;
RESET ROLE;
REVOKE CREATE ON SCHEMA public FROM regress_userlock_friend;

DROP VIEW public.matrix;
DROP TABLE public.as_installed;
DROP ROLE regress_userlock_friend;
DROP EXTENSION userlock_http;
DROP SCHEMA userlock_http;

-- The roles come without the contracts, too.
\set ECHO none
BEGIN;
\i :roles
\set ECHO all
SELECT has_function_privilege('operator', 'userlock.unlock_user'::regproc, 'EXECUTE') AS granted;
ROLLBACK;
