DROP EXTENSION userlock;
DROP SCHEMA userlock;

-- A schema that someone else prepared is refused, whatever is in it.
CREATE ROLE regress_userlock_mallory;
CREATE SCHEMA userlock AUTHORIZATION regress_userlock_mallory;
\set SHOW_CONTEXT never
CREATE EXTENSION userlock;
DROP SCHEMA userlock;

-- Nor does the script take over an object that is there already.
CREATE SCHEMA userlock;
CREATE TABLE userlock.account (trap text);
CREATE EXTENSION userlock;
SELECT count(*) AS left_behind FROM pg_extension WHERE extname = 'userlock';
DROP TABLE userlock.account;

-- An installer's search_path full of traps changes nothing.
CREATE SCHEMA trap;
CREATE FUNCTION trap.max(bigint) RETURNS bigint LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION trap.equal(text, text) RETURNS boolean LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.equal);
CREATE OPERATOR trap.> (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.equal);
SET search_path = trap, pg_catalog;
CREATE EXTENSION userlock;

-- Nor does a caller's, planned under it for the first time in this session.
SELECT (userlock.register_user('alice')).state;
SELECT (userlock.lock_user('alice', until => 'infinity')).state;
SELECT (userlock.unlock_user('alice', idempotent => true)).state;
SELECT (userlock.lock_user('alice', until => pg_catalog.now() + interval '1 day')).sequence;
SELECT userlock.expire();
SELECT user_id, kind FROM userlock.user_history ORDER BY sequence;
SELECT user_id FROM userlock.restricted_users;
SELECT * FROM userlock.verify();
RESET search_path;

-- A view's reader cannot see through it with a function that is cheap and leaks.
CREATE ROLE regress_userlock_reader;
GRANT SELECT ON userlock.restricted_users, userlock.user_history TO regress_userlock_reader;
GRANT CREATE ON SCHEMA public TO regress_userlock_reader;
SET ROLE regress_userlock_reader;
CREATE FUNCTION public.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
AS $$ BEGIN RAISE NOTICE 'leaked %', $1; RETURN true; END $$;
SET request.jwt.claims = '{"tenant": "other"}';
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SELECT user_id FROM userlock.restricted_users WHERE public.leak(user_id);
SELECT user_id FROM userlock.user_history WHERE public.leak(user_id);
RESET enable_indexscan;
RESET enable_bitmapscan;
RESET request.jwt.claims;
DROP FUNCTION public.leak(text);
RESET ROLE;

DROP EXTENSION userlock;
DROP SCHEMA userlock;
DROP SCHEMA trap CASCADE;

-- Default privileges of the installer give nothing away …
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO regress_userlock_reader, PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO regress_userlock_reader;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TYPES TO regress_userlock_reader;
CREATE EXTENSION userlock;
SELECT c.relname, a.grantee::regrole, a.privilege_type FROM pg_class AS c, aclexplode(c.relacl) AS a
WHERE c.relnamespace = 'userlock'::regnamespace AND a.grantee <> c.relowner;
SELECT p.proname, a.grantee::regrole FROM pg_proc AS p, aclexplode(p.proacl) AS a
WHERE p.pronamespace = 'userlock'::regnamespace AND a.grantee NOT IN (p.proowner, 0);
SELECT proname FROM pg_proc WHERE pronamespace = 'userlock'::regnamespace
AND has_function_privilege('public', oid, 'EXECUTE') AND proname NOT LIKE 'user\_lock\_state\_%' ORDER BY proname;
DROP EXTENSION userlock;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM regress_userlock_reader, PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM regress_userlock_reader;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TYPES FROM regress_userlock_reader;

-- … and where they keep everything back, what is for everybody still is.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC;
CREATE EXTENSION userlock;
GRANT SELECT ON userlock.restricted_users, userlock.user_history TO regress_userlock_reader;
SET ROLE regress_userlock_reader;
SELECT count(*) FROM userlock.restricted_users;
SELECT count(*) FROM userlock.user_history;
SELECT userlock.is_locked('locked');
CREATE TABLE public.mine (state userlock.user_lock_state UNIQUE);
DROP TABLE public.mine;
RESET ROLE;
DROP EXTENSION userlock;
DROP SCHEMA userlock;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT USAGE ON TYPES TO PUBLIC;
REVOKE CREATE ON SCHEMA public FROM regress_userlock_reader;
DROP ROLE regress_userlock_reader, regress_userlock_mallory;
CREATE EXTENSION userlock;
