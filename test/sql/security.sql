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
REVOKE CREATE ON SCHEMA public FROM regress_userlock_reader;
DROP ROLE regress_userlock_reader, regress_userlock_mallory;
CREATE EXTENSION userlock;
