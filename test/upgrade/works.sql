-- After an upgrade everything goes on: who is out is out, history is carried on, tables
-- are followed.  Prints what is not so.
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
SET search_path = public, userlock;
SET timezone = 'UTC';

CREATE FUNCTION pg_temp.promise(promise text, kept boolean) RETURNS SETOF text LANGUAGE sql AS
$$ SELECT 'not so: ' || promise WHERE kept IS NOT TRUE $$;

CREATE FUNCTION pg_temp.refusal(claims text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    name text := 'none';
BEGIN
    PERFORM set_config('request.jwt.claims', claims, true);
    PERFORM userlock.check_request();
    RETURN 'none';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS name = CONSTRAINT_NAME;
    RETURN name;
END
$$;

BEGIN;
SELECT pg_temp.promise('a locked user is refused', pg_temp.refusal('{"sub": "alice", "iat": 4102444800}') IN ('user_blocked', 'user_locked'));
SELECT pg_temp.promise('a user is let in', pg_temp.refusal(format('{"sub": "1", "iat": %s}', extract(epoch FROM now())::bigint)) = 'none');
SELECT pg_temp.promise('a token from before a revocation is void', pg_temp.refusal('{"sub": "dave", "iat": 1}') = 'token_void');
SELECT set_config('request.jwt.claims', '', true);

SELECT pg_temp.promise('an unlock goes on with the history', (unlock_user('alice')).sequence = 4);
SELECT pg_temp.promise('the block holds', (user_status('alice')).state = 'blocked');
SELECT pg_temp.promise('who was deleted comes back as restricted', (register_user('carol')).state = 'locked');
SELECT pg_temp.promise('an end that passed is written', expire() >= 1);
INSERT INTO app_user VALUES (3, NULL, 'three');
DELETE FROM app_user WHERE id = 1;
INSERT INTO region_user VALUES ('greta', 'eu');
SELECT pg_temp.promise('tables are followed', (SELECT array_agg(user_id ORDER BY user_id) FROM users WHERE user_id IN ('1', '2', '3', 'frida', 'greta')) = '{2,3,frida,greta}');
SELECT pg_temp.promise('failed logins count on', (login_verdict('erin', 'acme')).allowed = false);
SELECT pg_temp.promise('a contract answers', (SELECT count(*) FROM pg_proc WHERE pronamespace = 'userlock_xekout'::regnamespace) > 0);
SELECT pg_temp.promise('what is called has the rights it had', (SELECT has_function_privilege('support', 'userlock.check_request()', 'EXECUTE')));
SELECT pg_temp.promise('accounts are what their history says', NOT EXISTS (SELECT FROM verify()));
ROLLBACK;
