-- May this user come in?  check_request(), current_user_allowed(), user_allowed().
SET search_path = userlock, userlock_private, public;
SET userlock.tenant = 'default';
\set VERBOSITY terse

-- What check_request() says to claims, and whether current_user_allowed() agrees.
CREATE FUNCTION public.check_as(claims text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text;
    name text;
BEGIN
    PERFORM set_config('request.jwt.claims', claims, true);
    BEGIN
        PERFORM check_request();
        RETURN 'passes' || CASE WHEN NOT current_user_allowed() THEN ', but is not allowed' ELSE '' END;
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, name = CONSTRAINT_NAME;
        RETURN concat_ws(' ', state, name) || CASE WHEN current_user_allowed() THEN ', but is allowed' ELSE '' END;
    END;
END
$$;
-- Claims of a user, with "iat" so many seconds from now.
CREATE FUNCTION public.token(sub text, age double precision DEFAULT 0) RETURNS text LANGUAGE sql
RETURN json_build_object('role', 'app', 'sub', sub, 'iat', extract(epoch FROM statement_timestamp()) - age)::text;

SELECT count(register_user(id)) FROM unnest(ARRAY['alice', 'bob', 'carol', 'dave', 'jürgen']) AS id;

-- Nobody's: a session without claims, a token without subject.
SELECT check_request();
SELECT claims, check_as(claims) FROM unnest(ARRAY['', '{}', '{"role":"service"}', '{"sub":null}', '{"iat":1,"tenant":"elsewhere"}']) AS claims;

-- A user's.
SELECT check_as(token('alice')), check_as(token('jürgen')), check_as(token('nobody')), check_as(token('')), check_as(token('Alice'));
SELECT check_as(token(repeat('x', 10000))), check_as(token(repeat('x', 1000000)));
SELECT check_as('{"sub":"alice","tenant":"elsewhere"}'), check_as('{"sub":"alice","tenant":"default","tenants":["elsewhere"]}');

-- Claims that are not what they should be.
SELECT claims, check_as(claims) FROM unnest(ARRAY[
    '{', 'alice', '"alice"', '[]', 'null', '5', '{"sub":"alice"', '{"sub":"alice"}}', '{"sub":"alice",}', ' ', '{"sub":"a\u0000b"}', '{"sub":"\ud800"}',
    '{"sub":5}', '{"sub":["alice"]}', '{"sub":{}}', '{"sub":true}', '{"sub":"alice","tenant":5}', '{"sub":"alice","tenant":""}', '{"sub":"alice","tenants":"default"}',
    '{"sub":"alice","iat":"1700000000"}', '{"sub":"alice","iat":true}', '{"sub":"alice","iat":[1]}', '{"sub":"alice","iat":{}}', '{"sub":"alice","iat":.5}']) AS claims;
SELECT check_as(repeat('[', 100000)), check_as('{"a":' || repeat('[', 100000) || repeat(']', 100000) || '}'),
    check_as('{"sub":"alice","a":' || repeat('[', 999) || repeat(']', 999) || '}');
SELECT check_as('{"sub":"alice","tenant":"' || repeat('x', 201) || '"}'), check_as('{"sub":"alice","x":"' || repeat('x', 1000000) || '"}');

-- "iat": missing, null, a fraction, far past, near and far future.
SELECT iat, check_as('{"sub":"alice","iat":' || iat || '}') FROM unnest(ARRAY['null', '0', '-1', '1700000000', '1700000000.75', '17e8', '-1e400', '1e15', '1e400', '99999999999999999999']) AS iat;
SELECT age, check_as(token('alice', age)) FROM unnest(ARRAY[86400, 0, -25, -60]) AS age;

-- Restrictions, one or both; they come before the token's age.
SELECT state FROM lock_user('alice');
SELECT state FROM block_user('bob');
SELECT state FROM lock_user('carol');
SELECT state FROM block_user('carol');
SELECT check_as(token('alice')), check_as(token('bob')), check_as(token('carol')), check_as(token('dave'));
SELECT check_as(token('alice', 3600)), check_as(token('alice', -60));

-- Lifted: tokens of the floor's second and before are void, newer ones good.
SELECT state FROM unlock_user('alice');
SELECT age, check_as(token('alice', age)) FROM unnest(ARRAY[3600, 60, -2]) AS age;
SELECT check_as('{"sub":"alice"}'), check_as('{"sub":"alice","iat":null}');
SELECT seconds, check_as(format('{"sub":"alice","iat":%s}', floor(extract(epoch FROM access_valid_after)) + seconds))
FROM account, unnest(ARRAY[-1, -0.001, 0, 0.999, 1, 1.5]) AS seconds WHERE user_id = 'alice';
SELECT count(revoke_access('dave'));
SELECT check_as(token('dave', 60)), check_as(token('dave', -2));

-- An end that has passed does not hold, although nobody wrote it down.
SELECT state FROM unblock_user('bob');
SELECT state, check_as(token('bob', -2)) FROM lock_user('bob', until => clock_timestamp() + interval '0.3 s');
SELECT pg_sleep(0.4);
SELECT check_as(token('bob', -2)), state FROM account WHERE user_id = 'bob';

-- Deleted and registered again: the old tokens stay void.
SELECT count(delete_user('dave'));
SELECT check_as(token('dave', -2));
SELECT count(register_user('dave'));
SELECT check_as(token('dave', 60)), check_as(token('dave', -2));

-- What the caller is told.
\set VERBOSITY default
SELECT set_config('request.jwt.claims', token('carol'), false) IS NOT NULL AS set;
SELECT check_request();
SELECT set_config('request.jwt.claims', token('nobody'), false) IS NOT NULL AS set;
SELECT check_request();
SELECT set_config('request.jwt.claims', token('alice', 3600), false) IS NOT NULL AS set;
SELECT check_request();
SELECT set_config('request.jwt.claims', token('alice', -3600), false) IS NOT NULL AS set;
SELECT check_request();
\set VERBOSITY terse
RESET request.jwt.claims;

-- Any user: registered, not restricted, in a tenant that is the caller's.
SELECT count(register_user('erin', 'elsewhere'));
SELECT id, user_allowed(id) FROM unnest(ARRAY['alice', 'carol', 'nobody', '', NULL, repeat('x', 201)]) AS id;
SELECT user_allowed('erin'), user_allowed('erin', 'elsewhere'), user_allowed('erin', 'default'), user_allowed('erin', '');
SET request.jwt.claims = '{"tenant":"elsewhere"}';
SELECT user_allowed('erin'), user_allowed('erin', 'elsewhere'), user_allowed('alice', 'default');
SET request.jwt.claims = '{';
SELECT user_allowed('erin', 'elsewhere'), current_user_allowed();
RESET request.jwt.claims;

-- Row-level security: locked users see nothing from the next statement on, and need no rights on our tables.
CREATE ROLE regress_userlock_app NOLOGIN;
CREATE TABLE public.note (owner text, body text);
INSERT INTO public.note SELECT 'alice', 'note ' || n FROM generate_series(1, 3) AS n;
ALTER TABLE public.note ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON public.note
USING (owner = current_setting('request.jwt.claims', true)::json ->> 'sub' AND (SELECT userlock.current_user_allowed()));
GRANT SELECT ON public.note TO regress_userlock_app;
SELECT set_config('request.jwt.claims', token('alice', -2), false) IS NOT NULL AS set;
SET ROLE regress_userlock_app;
SELECT count(*) FROM public.note;
RESET ROLE;
GRANT EXECUTE ON FUNCTION userlock.current_user_allowed, userlock.check_request TO regress_userlock_app;
SET ROLE regress_userlock_app;
SELECT count(*) FROM public.note;
SELECT check_request();
RESET ROLE;
RESET request.jwt.claims;
SELECT state FROM lock_user('alice');
SELECT set_config('request.jwt.claims', token('alice', -2), false) IS NOT NULL AS set;
SET ROLE regress_userlock_app;
SELECT count(*) FROM public.note;
SELECT check_request();
SELECT user_allowed('alice');
RESET ROLE;
RESET request.jwt.claims;

-- Nothing is written: a read-only transaction will do.
BEGIN READ ONLY;
SELECT check_as(token('jürgen')), check_as(token('alice', -2)), user_allowed('jürgen'), current_user_allowed();
COMMIT;

-- However often the server forgets what it knows, where it can be made to.
SELECT set_config('request.jwt.claims', token('jürgen'), false) IS NOT NULL AS set;
SELECT set_config(name, least(max_val, '1'), false) IS NOT NULL AS set FROM pg_settings WHERE name = 'debug_discard_caches';
SELECT check_as(token('jürgen')), user_allowed('alice');
RESET debug_discard_caches;
RESET request.jwt.claims;

-- A table that does not hold its rows itself tells who is locked all the same.
\set VERBOSITY default
CREATE FUNCTION public.refusal(ask text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
    state text;
    message text;
BEGIN
    EXECUTE ask INTO answer;
    RETURN coalesce(nullif(answer, ''), 'none');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
    RETURN state || ' ' || message;
END
$$;
CREATE VIEW public.refusals AS
SELECT ask, refusal(ask) FROM unnest(ARRAY['SELECT check_request()', 'SELECT current_user_allowed()', $$SELECT user_allowed('jürgen')$$, $$SELECT user_allowed('nobody')$$]) AS ask;
SELECT set_config('request.jwt.claims', token('jürgen'), false) IS NOT NULL AS set;
SELECT * FROM refusals;

-- They are elsewhere, and this is a view of them.
BEGIN;
SELECT state FROM lock_user('jürgen');
ALTER TABLE account RENAME TO elsewhere;
CREATE VIEW userlock_private.account AS SELECT * FROM elsewhere;
SELECT * FROM refusals;
ROLLBACK;

-- Its owner sees some of them only: nobody is let in; one who sees all of them is not held back.
BEGIN;
ALTER TABLE account ENABLE ROW LEVEL SECURITY;
SELECT * FROM refusals;
SET LOCAL ROLE regress_userlock_app;
SELECT current_user_allowed();
RESET ROLE;
ALTER TABLE account FORCE ROW LEVEL SECURITY;
SELECT * FROM refusals;
GRANT USAGE ON SCHEMA userlock_private TO regress_userlock_app;
ALTER TABLE account OWNER TO regress_userlock_app;
SELECT * FROM refusals;
SELECT check_request();
ROLLBACK;
SELECT * FROM refusals;
\set VERBOSITY terse
RESET request.jwt.claims;

DROP VIEW public.refusals;
DROP FUNCTION public.refusal;
DROP TABLE public.note;
DROP OWNED BY regress_userlock_app;
DROP ROLE regress_userlock_app;
DROP FUNCTION public.check_as, public.token;
TRUNCATE account, event, profile;
