DROP EXTENSION userlock;
DROP SCHEMA userlock;

-- A schema that is there already is refused with anything in it, with anyone else
-- who may put something there, and if it is someone else's.
CREATE ROLE regress_userlock_mallory;
CREATE FUNCTION pg_temp.install_after(preparation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text := 'installed';
BEGIN
    BEGIN
        EXECUTE preparation;
        CREATE EXTENSION userlock;
        RAISE EXCEPTION 'undo';
    EXCEPTION WHEN insufficient_privilege THEN
        GET STACKED DIAGNOSTICS result = PG_EXCEPTION_DETAIL;
    WHEN duplicate_schema THEN
        result := SQLERRM;
    WHEN raise_exception THEN
    END;
    RETURN result;
END
$$;
CREATE TEMPORARY TABLE pairs (a integer, b integer);
CREATE SCHEMA userlock;
SELECT preparation, pg_temp.install_after(preparation) FROM unnest(ARRAY[
    'ALTER SCHEMA userlock OWNER TO regress_userlock_mallory',
    'GRANT CREATE ON SCHEMA userlock TO regress_userlock_mallory',
    'GRANT CREATE ON SCHEMA userlock TO PUBLIC',
    'CREATE AGGREGATE userlock.array_agg(timestamptz) (SFUNC = array_append, STYPE = timestamptz[])',
    'CREATE FUNCTION userlock.max(bigint) RETURNS bigint RETURN $1',
    'CREATE OPERATOR userlock.= (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)',
    'CREATE TABLE userlock.account (trap text)',
    'CREATE VIEW userlock.account AS SELECT',
    'CREATE SEQUENCE userlock.account',
    'CREATE DOMAIN userlock.text AS pg_catalog.text',
    'CREATE TYPE userlock.user_lock_state',
    'CREATE COLLATION userlock."C" FROM "C"',
    'CREATE CONVERSION userlock.c FOR ''LATIN1'' TO ''UTF8'' FROM iso8859_1_to_utf8',
    'CREATE OPERATOR FAMILY userlock.text_ops USING btree',
    'CREATE OPERATOR CLASS userlock.text_ops FOR TYPE text USING btree AS FUNCTION 1 bttextcmp(text, text)',
    'CREATE STATISTICS userlock.s ON a, b FROM pairs',
    'CREATE TEXT SEARCH DICTIONARY userlock.simple (TEMPLATE = simple)',
    'CREATE TEXT SEARCH CONFIGURATION userlock.simple (COPY = simple)',
    'ALTER DEFAULT PRIVILEGES FOR ROLE regress_userlock_mallory IN SCHEMA userlock GRANT SELECT ON TABLES TO PUBLIC',
    'CREATE SCHEMA userlock_private',
    'GRANT USAGE ON SCHEMA userlock TO PUBLIC',
    'DROP SCHEMA userlock; ALTER DEFAULT PRIVILEGES GRANT CREATE ON SCHEMAS TO regress_userlock_mallory',
    'DROP SCHEMA userlock; ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO regress_userlock_mallory']) AS preparation;
\set SHOW_CONTEXT never
ALTER SCHEMA userlock OWNER TO regress_userlock_mallory;
CREATE EXTENSION userlock;
DROP SCHEMA userlock;

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

-- What is parsed as it runs has nothing to look for but pg_catalog's, and no other
-- language is used.
SELECT p.oid::regprocedure AS unpinned FROM pg_proc AS p
JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'userlock'
JOIN pg_language AS l ON l.oid = p.prolang
WHERE l.lanname NOT IN ('c', 'internal') AND p.prosqlbody IS NULL
AND (p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'] AND l.lanname IN ('sql', 'plpgsql')) IS NOT TRUE;

DROP EXTENSION userlock;
DROP SCHEMA userlock;
DROP SCHEMA trap CASCADE;

REVOKE CREATE ON SCHEMA public FROM regress_userlock_reader;
DROP ROLE regress_userlock_reader, regress_userlock_mallory;
CREATE EXTENSION userlock;
