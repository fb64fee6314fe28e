-- What a role tries that has a schema of its own, EXECUTE on some functions, and no
-- rights of an administrator.
BEGIN;
SELECT no_plan();
CREATE EXTENSION userlock_http;
SET search_path = public, userlock, userlock_private;
CREATE ROLE hostile_mallory;
CREATE ROLE hostile_operator;
GRANT USAGE ON SCHEMA userlock_http, userlock_guardhouse, userlock_zitadel, userlock_zitadel_rpc, userlock_xekout, userlock_monocloud, userlock_okta, userlock_clerk, userlock_scim TO hostile_mallory;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA userlock_http, userlock_guardhouse, userlock_zitadel, userlock_zitadel_rpc, userlock_xekout, userlock_monocloud, userlock_okta, userlock_clerk, userlock_scim
TO hostile_mallory;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA userlock TO hostile_mallory;
GRANT SELECT ON userlock.restricted_users, userlock.user_history, userlock.statistics, userlock.security_events, userlock.lockout_policies TO hostile_mallory;
CREATE SCHEMA mallory AUTHORIZATION hostile_mallory;
SELECT is((userlock.register_user('alice')).state, 'active', 'alice is registered');
SELECT is((userlock.lock_user('alice')).state, 'locked', '… and locked');
SELECT ok(userlock.create_api_key('billing', 'hostile_operator') IS NOT NULL, 'an operator has a key');

--
-- An index that others evaluate: autovacuum, which is a superuser.  ANALYZE here is
-- what autovacuum does by itself.
--

SET ROLE hostile_mallory;
CREATE TABLE mallory.bait (question text, answer text DEFAULT 'operation_restricted');
CREATE TABLE mallory.loot (question text, answer text);
CREATE FUNCTION mallory.ask(question text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN question; END';
CREATE INDEX ON mallory.bait (mallory.ask(question));
INSERT INTO mallory.bait VALUES
    ('SELECT current_user', 'hostile_mallory'),
    -- These judge nobody but by claims, and policies need their answer.
    ('SELECT userlock.user_allowed(''alice'')', 'false'),
    ('SELECT userlock.current_user_allowed()', 'true');
INSERT INTO mallory.bait VALUES
    ('SELECT userlock.register_user(''eve'')'),
    ('SELECT userlock.delete_user(''alice'')'),
    ('SELECT userlock.unlock_user(''alice'')'),
    ('SELECT userlock.block_users(''{alice}'')'),
    ('SELECT userlock.try_transition(''unlock'', ''alice'')'),
    ('SELECT userlock.revoke_access(''alice'')'),
    ('SELECT userlock.user_status(''alice'')'),
    ('SELECT userlock.user_profile(''alice'')'),
    ('SELECT userlock.expire()'),
    ('SELECT userlock.verify()'),
    ('SELECT userlock.verify(''default'')'),
    ('SELECT userlock.prune_history(''-infinity'')'),
    ('SELECT userlock.export_user(''alice'')'),
    ('SELECT userlock.erase_user(''alice'')'),
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
SELECT is(loot.answer, bait.answer, 'analysed: ' || question) FROM mallory.bait LEFT JOIN mallory.loot USING (question);

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
SELECT is((SELECT count(*) FROM userlock_private.api_key), 2::bigint, '… and nothing came of the others');

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
CREATE TRIGGER audit AFTER INSERT ON userlock_private.event FOR EACH ROW EXECUTE FUNCTION public.audit();
ALTER TABLE userlock_private.event ADD CHECK (public.is_kind(kind));

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
SET search_path = public, userlock, userlock_private;
SELECT is_empty('SELECT * FROM mallory.caught', 'triggers and checks on our tables do not go by the caller''s search_path');
SELECT results_eq('TABLE public.audit', 'VALUES (''REGISTERED!''), (''DELETED!'')', '… but do what they are for');

--
-- A search_path that begins with pg_temp, where tables of ours have namesakes, and
-- a schema where the functions, operators and types of pg_catalog do, which end in
-- an error.
--

CREATE SCHEMA shadow;
GRANT USAGE ON SCHEMA shadow TO PUBLIC;
CREATE FUNCTION shadow.caught() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'caught'; END $$;
CREATE FUNCTION pg_temp.try(command text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command;
EXCEPTION WHEN OTHERS THEN
    -- It takes or returns what only C knows.
END
$$;
SELECT pg_temp.try(format('CREATE FUNCTION shadow.%I(%s) RETURNS %s LANGUAGE plpgsql AS ''BEGIN PERFORM shadow.caught(); END''',
    proname, pg_get_function_arguments(oid), prorettype::regtype))
FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace \g /dev/null
SELECT format('CREATE OPERATOR shadow.%s (%s RIGHTARG = %s, FUNCTION = shadow.%I)',
    o.oprname, 'LEFTARG = ' || nullif(o.oprleft, 0)::regtype || ',', o.oprright::regtype, p.proname)
FROM pg_operator AS o JOIN pg_proc AS p ON p.oid = o.oprcode
JOIN pg_proc AS s ON s.pronamespace = 'shadow'::regnamespace AND s.proname = p.proname AND s.proargtypes = p.proargtypes
WHERE o.oprnamespace = 'pg_catalog'::regnamespace \gexec
SELECT cmp_ok((SELECT count(*) FROM pg_proc WHERE pronamespace = 'shadow'::regnamespace), '>', 2000::bigint, 'nearly all functions have a namesake');
SELECT cmp_ok((SELECT count(*) FROM pg_operator WHERE oprnamespace = 'shadow'::regnamespace), '>', 700::bigint, 'nearly all operators, too');
CREATE DOMAIN shadow.text AS text CHECK (shadow.caught());
CREATE DOMAIN shadow.timestamptz AS timestamptz CHECK (shadow.caught());
CREATE DOMAIN shadow.bytea AS bytea CHECK (shadow.caught());
CREATE DOMAIN shadow.jsonb AS jsonb CHECK (shadow.caught());

SELECT throws_ok('SET LOCAL search_path = shadow, pg_catalog; SELECT upper(''a'')', 'P0001', 'caught', 'a function is caught');
SELECT throws_ok('SET LOCAL search_path = shadow, pg_catalog; SELECT 1 + 1', 'P0001', 'caught', '… and an operator');
SELECT throws_ok('SET LOCAL search_path = shadow, pg_catalog; SELECT ''a''::text', 'P0001', 'caught', '… and a type');

SET ROLE hostile_mallory;
CREATE TEMPORARY TABLE account (tenant text, user_id text CHECK (shadow.caught()));
CREATE TEMPORARY TABLE event (LIKE account INCLUDING ALL);
CREATE TEMPORARY TABLE profile (LIKE account INCLUDING ALL);
CREATE TEMPORARY TABLE login_failure (LIKE account INCLUDING ALL);
CREATE TEMPORARY TABLE api_key (LIKE account INCLUDING ALL);
SET search_path = pg_temp, shadow, pg_catalog;
SET request.headers = '{"x-userlock-user-id": "4711", "x-userlock-operation": "v2/unlock"}';
\o /dev/null
SELECT userlock.register_user('4711', profile => '{"has_password": true}');
SELECT userlock.delete_user('4711');
SELECT userlock.register_user('4711');
SELECT userlock.lock_user('4711', until => 'infinity', details => '{}');
SELECT userlock.lock_user('4711', idempotent => true);
SELECT userlock.unlock_user('4711', expected_sequence => 4);
SELECT userlock.block_users('{4711,nobody}');
SELECT userlock.try_transition('unblock', '4711', expected_state => 'blocked', revoke_access => true);
SELECT userlock.user_status('4711'), userlock.user_profile('4711'), userlock.user_allowed('4711'), userlock.current_user_allowed();
SELECT userlock.check_request(), userlock.caller_tenants(), userlock.expire(), userlock.verify();
SELECT userlock.record_login_failure('4711'), userlock.record_login_success('4711'), userlock.login_verdict('4711');
SELECT userlock.set_lockout_policy('nist', attempts => 1), userlock.record_login_failure('4711', address => '192.0.2.1');
SELECT userlock.prune_login_failures();
SELECT userlock.create_api_key('path', 'hostile_mallory'), userlock.rotate_api_key('path', overlap => '1 hour'), userlock.revoke_api_key('path');
SELECT userlock_guardhouse.block('{"blockedByUserId": 1, "suspensionReason": "path"}'), userlock_guardhouse.unblock('{}');
SELECT userlock_zitadel.rest('{}'), userlock_zitadel_rpc.connect_json('{"userId": "4711"}');
SELECT userlock_zitadel_rpc.grpc('\x00000000060a0434373131'), userlock_zitadel_rpc.grpc_web('\x00000000060a0434373131'), userlock_zitadel_rpc.connect_proto('\x0a0434373131');
SELECT userlock_xekout.block(''), userlock_xekout.revoke(''), userlock_monocloud.disable('{}'), userlock_okta.suspend(''), userlock_okta.unsuspend('');
SELECT userlock_clerk.lock(''), userlock_clerk.unlock(''), userlock_clerk.get('');
SELECT userlock_clerk.bulk_ban('{"user_ids": ["4711"]}'), userlock_clerk.bulk_unban('{"user_ids": ["4711"]}');
SELECT userlock_scim.list(''), userlock_scim.get(''), userlock_scim.modify('{"Operations": [{"op": "replace", "path": "active", "value": false}]}'), userlock_scim.replace('{"active": true, "title": "path"}');
TABLE userlock.restricted_users;
TABLE userlock.user_history;
TABLE userlock.statistics;
TABLE userlock.security_events;
TABLE userlock.lockout_policies;
\o
RESET ROLE;
SET search_path = public, userlock, userlock_private;
RESET request.headers;
SELECT is_empty('TABLE pg_temp.account UNION ALL TABLE pg_temp.event', 'a search_path of Mallory''s catches nothing');
SELECT is((SELECT string_agg(kind, ' ' ORDER BY sequence) FROM userlock.user_history WHERE user_id = '4711'),
    'registered deleted registered locked unlocked blocked unblocked access_revoked locked blocked unblocked access_revoked unlocked blocked unblocked'
    ' locked unlocked blocked unblocked blocked unblocked profile_changed', '… and all was done');

--
-- What others may not do is not done for them: a view is read with the rights of
-- the owner of the materialized view, whoever refreshes it.
--

SET ROLE hostile_operator;
SELECT throws_ok('SELECT userlock.unlock_user(''alice'')', '42501', 'permission denied for function unlock_user', 'nothing without EXECUTE');
SET request.jwt.claims = '{"role": "postgres", "sub": "admin", "tenant": "default"}';
SELECT throws_ok('SELECT userlock.unlock_user(''alice'')', '42501', 'permission denied for function unlock_user', '… whatever claims are set by hand');
RESET request.jwt.claims;
RESET ROLE;
CREATE MATERIALIZED VIEW public.seen AS SELECT user_id FROM userlock.restricted_users WITH NO DATA;
ALTER MATERIALIZED VIEW public.seen OWNER TO hostile_operator;
SELECT throws_ok('REFRESH MATERIALIZED VIEW public.seen', '42501', 'permission denied for view restricted_users', 'a superuser reads nothing for a role without SELECT');
ALTER MATERIALIZED VIEW public.seen OWNER TO hostile_mallory;
SELECT lives_ok('REFRESH MATERIALIZED VIEW public.seen', '… and for one with it, what it may read');
SELECT is((SELECT array_agg(user_id) FROM public.seen), '{alice}', '… which is that');

-- Mallory's own casts and operators for our type.
SET ROLE hostile_mallory;
CREATE FUNCTION mallory.free(text) RETURNS userlock.user_lock_state LANGUAGE sql AS 'SELECT ''active''::userlock.user_lock_state';
SELECT throws_ok('CREATE CAST (text AS userlock.user_lock_state) WITH FUNCTION mallory.free(text) AS IMPLICIT', '42501', NULL, 'nobody makes a cast to our type');
SELECT throws_ok('CREATE FUNCTION userlock.next_state(text, text) RETURNS text RETURN $1', '42501', NULL, 'nobody makes anything in our schema');
SELECT throws_ok('CREATE TABLE mallory.brake (account userlock_private.account)', '42501', NULL, 'nobody makes a column of a type of ours with columns');
RESET ROLE;

--
-- A schema that is there before the extension is.
--

DROP EXTENSION userlock CASCADE;
DROP SCHEMA userlock, userlock_http;
SELECT format('GRANT CREATE ON DATABASE %I TO hostile_mallory', current_database()) \gexec
SET search_path = public;
SET ROLE hostile_mallory;
CREATE SCHEMA userlock;
CREATE FUNCTION userlock.steal(text, timestamptz) RETURNS text LANGUAGE plpgsql AS 'BEGIN ALTER ROLE hostile_mallory SUPERUSER; RETURN $1; END';
CREATE AGGREGATE userlock.array_agg(timestamptz) (SFUNC = userlock.steal, STYPE = text);
CREATE SCHEMA userlock_zitadel;
RESET ROLE;
SELECT throws_ok('CREATE EXTENSION userlock', '42501', 'schema "userlock" is not safe to install into', 'nothing is installed into a schema of somebody else''s');
ALTER SCHEMA userlock OWNER TO CURRENT_USER;
SELECT throws_ok('CREATE EXTENSION userlock', '42501', 'schema "userlock" is not safe to install into', '… nor if they give it away, with what is in it');
DROP SCHEMA userlock CASCADE;
SELECT lives_ok('CREATE EXTENSION userlock', '… but where that was dropped');
SELECT throws_ok('CREATE EXTENSION userlock_http', '42P06', NULL, '… and no contract into one');

SELECT * FROM finish();
ROLLBACK;
