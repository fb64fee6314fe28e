-- What a role tries that has a schema of its own, EXECUTE on some functions, and no
-- rights of an administrator.
BEGIN;
SELECT no_plan();
CREATE EXTENSION userlock_http;
SET search_path = public, userlock;
CREATE ROLE hostile_mallory;
CREATE ROLE hostile_operator;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA userlock TO hostile_mallory;
GRANT SELECT ON userlock.restricted_users TO hostile_mallory;
CREATE SCHEMA mallory AUTHORIZATION hostile_mallory;
SELECT is((userlock.register_user('alice')).state, 'active', 'alice is registered');
SELECT is((userlock.lock_user('alice')).state, 'locked', '… and locked');
SELECT ok(userlock.create_api_key('billing', 'hostile_operator') IS NOT NULL, 'an operator has a key');

--
-- An index that others evaluate: autovacuum, which is a superuser.  ANALYZE here is
-- what autovacuum does by itself.
--

SET ROLE hostile_mallory;
CREATE TABLE mallory.bait (question text);
CREATE TABLE mallory.loot (question text, answer text);
CREATE FUNCTION mallory.ask(question text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN question; END';
CREATE INDEX ON mallory.bait (mallory.ask(question));
INSERT INTO mallory.bait VALUES
    ('SELECT current_user'),
    ('SELECT userlock.register_user(''eve'')'),
    ('SELECT userlock.delete_user(''alice'')'),
    ('SELECT userlock.unlock_user(''alice'')'),
    ('SELECT userlock.block_users(''{alice}'')'),
    ('SELECT userlock.try_transition(''unlock'', ''alice'')'),
    ('SELECT userlock.revoke_access(''alice'')'),
    ('SELECT userlock.user_status(''alice'')'),
    ('SELECT userlock.user_profile(''alice'')'),
    ('SELECT userlock.expire()'),
    ('SELECT userlock.record_login_failure(''alice'')'),
    ('SELECT userlock.record_login_success(''alice'')'),
    ('SELECT userlock.login_verdict(''alice'')'),
    ('SELECT userlock.set_lockout_policy(attempts => 1)'),
    ('SELECT userlock.create_api_key(''mallory'', ''hostile_operator'')'),
    ('SELECT userlock.create_api_key(''mallory'', ''hostile_mallory'')'),
    ('SELECT userlock.rotate_api_key(''billing'')'),
    ('SELECT userlock.revoke_api_key(''billing'')');
CREATE FUNCTION mallory.put(question text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE question INTO answer;
    INSERT INTO mallory.loot VALUES (question, answer);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS answer = CONSTRAINT_NAME;
    INSERT INTO mallory.loot VALUES (question, coalesce(nullif(answer, ''), sqlerrm));
END
$$;
CREATE OR REPLACE FUNCTION mallory.ask(question text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN PERFORM mallory.put(question); RETURN question; END';
RESET ROLE;
ANALYZE mallory.bait;
SELECT is(answer, CASE question WHEN 'SELECT current_user' THEN 'hostile_mallory' ELSE 'operation_restricted' END, 'analysed: ' || question)
FROM mallory.loot;
SELECT is((SELECT count(*) FROM mallory.loot), (SELECT count(*) FROM mallory.bait), '… and all of it was asked');

--
-- A function of Mallory's that somebody else calls, as her: what she may is what
-- counts, not what they may.
--

CREATE FUNCTION pg_temp.as_mallory(question text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE question INTO answer;
    RETURN answer;
END
$$;
ALTER FUNCTION pg_temp.as_mallory OWNER TO hostile_mallory;
SELECT throws_ok($$SELECT pg_temp.as_mallory('SELECT userlock.create_api_key(''mallory'', ''hostile_operator'')')$$,
    'PT403', 'permission denied for role', 'no key of a role that the caller''s caller is a member of');
SELECT throws_ok($$SELECT pg_temp.as_mallory('SELECT userlock.rotate_api_key(''billing'')')$$,
    'PT403', 'permission denied for role', '… nor in place of one');
SELECT matches(pg_temp.as_mallory('SELECT userlock.create_api_key(''mallory'', ''hostile_mallory'')'), '^ulk_', '… but one of her own');
SELECT is((SELECT count(*) FROM userlock.api_key), 2::bigint, '… and nothing came of the others');

--
-- What an administrator has put on our tables runs with our rights: Mallory says
-- with her search_path what its names mean.
--

CREATE TABLE public.audit (entry text);
CREATE FUNCTION public.audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.audit VALUES (upper(NEW.kind || '!'));
    RETURN NULL;
END
$$;
CREATE FUNCTION public.is_kind(kind text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN length(upper(kind)) > 0; END';
CREATE TRIGGER audit AFTER INSERT ON userlock.event FOR EACH ROW EXECUTE FUNCTION public.audit();
ALTER TABLE userlock.event ADD CHECK (public.is_kind(kind));

SET ROLE hostile_mallory;
CREATE TABLE mallory.caught (caught_by text, caught name);
GRANT ALL ON SCHEMA mallory TO PUBLIC;
GRANT ALL ON mallory.caught TO PUBLIC;
CREATE FUNCTION mallory.catch(caught_by text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO mallory.caught VALUES (caught_by, current_user);
    RETURN caught_by;
END
$$;
CREATE FUNCTION mallory.upper(text) RETURNS text LANGUAGE sql AS 'SELECT mallory.catch(''upper'')';
CREATE FUNCTION mallory.concatenate(text, text) RETURNS text LANGUAGE sql AS 'SELECT mallory.catch(''||'')';
CREATE OPERATOR mallory.|| (LEFTARG = text, RIGHTARG = text, FUNCTION = mallory.concatenate);
SET search_path = mallory, pg_catalog;
SELECT count(userlock.register_user('carol')), count(userlock.delete_user('carol')) \g /dev/null
RESET ROLE;
SET search_path = public, userlock;
SELECT is_empty('SELECT * FROM mallory.caught', 'triggers and checks on our tables do not go by the caller''s search_path');
SELECT results_eq('TABLE public.audit', 'VALUES (''REGISTERED!''), (''DELETED!'')', '… but do what they are for');

SELECT * FROM finish();
ROLLBACK;
