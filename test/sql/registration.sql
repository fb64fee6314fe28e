-- How somebody becomes a user: userlock.registration, explicit or on_demand.
SET search_path = userlock, userlock_private, public;
\set VERBOSITY terse

-- What check_request() says to claims, and whether the other two agree.
CREATE FUNCTION public.check_as(sub text, claims jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text := 'passes';
    state text;
    name text;
BEGIN
    PERFORM set_config('request.jwt.claims', (jsonb_build_object('sub', sub, 'iat', extract(epoch FROM statement_timestamp())) || claims)::text, true);
    BEGIN
        PERFORM check_request();
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, name = CONSTRAINT_NAME;
        answer := concat_ws(' ', state, name);
    END;
    answer := answer || CASE WHEN current_user_allowed() <> (answer = 'passes') THEN ', but current_user_allowed() says otherwise' ELSE '' END;
    PERFORM set_config('request.jwt.claims', '', true);
    RETURN answer;
END
$$;
-- What a call comes to: an outcome, or an error.
CREATE FUNCTION public.try(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
    state text;
    name text;
BEGIN
    EXECUTE 'SELECT concat_ws('' '', s.state, s.sequence) FROM ' || call || ' AS s' INTO answer;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, name = CONSTRAINT_NAME;
    RETURN concat_ws(' ', state, name);
END
$$;

-- Explicit, unless told otherwise: whoever is not registered is nobody.
SELECT user_allowed('ann') AS loaded;
SHOW userlock.registration;
SELECT check_as('ann'), user_allowed('ann'), try($$lock_user('ann')$$), try($$block_user('ann')$$), try($$revoke_access('ann')$$);
SELECT outcome FROM try_transition('lock', 'ann') UNION ALL SELECT outcome FROM lock_users(ARRAY['ann']) UNION ALL SELECT outcome FROM block_users(ARRAY['ann']);
SELECT count(*) FROM account;

-- On demand: whoever was never seen is a user.
SET userlock.registration = 'on_demand';
SELECT check_as('ann'), user_allowed('ann'), user_allowed('ann', 'elsewhere');
SELECT check_as('ann', '{"iat":null}'), check_as('ann', '{"iat":1}'), check_as('ann', '{"iat":99999999999}');
-- To ask registers nobody.
SELECT (SELECT count(*) FROM account), (SELECT count(*) FROM event);

-- What cannot be a user is none: no id, an empty one, one too long, a tenant that is none or not the caller's.
SELECT check_as(''), check_as(repeat('x', 201)), check_as(repeat('x', 1000000)), check_as(repeat('x', 200)), check_as(repeat(U&'\00fc', 200));
SELECT user_allowed(NULL), user_allowed(''), user_allowed(repeat('x', 201)), user_allowed('ann', ''), user_allowed('ann', repeat('x', 201));
SELECT check_as('ann', '{"tenant":""}'), check_as('ann', jsonb_build_object('tenant', repeat('x', 201))), check_as('ann', '{"tenant":5}'), check_as('ann', '{"tenants":"x"}');
BEGIN;
SET LOCAL request.jwt.claims = '{"tenant":"acme","tenants":["more"]}';
SELECT user_allowed('ann'), user_allowed('ann', 'acme'), user_allowed('ann', 'more'), user_allowed('ann', 'default');
SET LOCAL request.jwt.claims = '{';
SELECT user_allowed('ann'), current_user_allowed();
COMMIT;
SELECT try($$lock_user('')$$), try($$lock_user(NULL)$$), try(format('lock_user(%L)', repeat('x', 201))), try($$lock_user('ann', tenant => '')$$), try($$lock_user('ann', until => '2000-01-01')$$);
SELECT outcome FROM lock_users(ARRAY['', repeat('x', 201)]);
SELECT (SELECT count(*) FROM account), (SELECT count(*) FROM event);

-- Lock, block and revoke_access register them first.
SELECT state, sequence, changed_at > created_at AS later, created_at <= clock_timestamp() AS past FROM lock_user('ann', 'phished', details => '{"ticket": 7}');
SELECT state, sequence FROM block_user('bea', until => '3000-01-01');
SELECT state, sequence FROM revoke_access('cal', 'lost his phone');
SELECT user_id, sequence, kind, from_state, to_state, actor = session_user AS by_us, reason, until, details FROM event ORDER BY user_id, sequence;
SELECT user_id, e.at = a.created_at AS registered_then FROM event AS e JOIN account AS a USING (tenant, user_id) WHERE e.sequence = 1 ORDER BY 1;
SELECT * FROM verify();
SELECT check_as('ann'), check_as('bea'), check_as('cal', (SELECT jsonb_build_object('iat', floor(extract(epoch FROM access_valid_after))) FROM account WHERE user_id = 'cal')), user_allowed('ann'), user_allowed('cal');
SELECT check_as('cal', '{"iat":1}'), check_as('cal', '{"iat":null}');
-- From then on they are as any other.
SELECT try($$lock_user('ann')$$), try($$lock_user('ann', idempotent => true)$$), try($$block_user('ann')$$), try($$unlock_user('ann')$$), try($$revoke_access('ann')$$), try($$register_user('ann')$$);
-- Another tenant's are others.
SELECT user_allowed('ann', 'elsewhere'), try($$lock_user('ann', tenant => 'elsewhere')$$), user_allowed('ann', 'elsewhere'), user_allowed('ann', 'third');

-- Whoever acts is named; what a token's tenants leave out is not registered there.
BEGIN;
SET LOCAL request.jwt.claims = '{"sub":"support","tenant":"acme"}';
SELECT try($$lock_user('dan')$$), try($$lock_user('dan', tenant => 'default')$$);
SELECT outcome FROM try_transition('lock', 'dan', tenant => 'default') UNION ALL SELECT outcome FROM try_transition('block', 'eve');
RESET request.jwt.claims;
SELECT tenant, user_id, string_agg(format('%s by %s', kind, actor), ', ' ORDER BY sequence) FROM event WHERE tenant IN ('acme') OR user_id = 'dan' GROUP BY 1, 2 ORDER BY 1, 2;
ROLLBACK;

-- An outcome, and in bulk: each of its own.
SELECT outcome, (status).state, (status).sequence FROM try_transition('lock', 'fay', expected_state => 'active');
SELECT outcome, (status).state, (status).sequence FROM try_transition('block', 'gus', revoke_access => true, idempotent => true);
SELECT user_id, outcome, (status).state, (status).sequence FROM lock_users(ARRAY['new', 'ann', 'fay', '', 'older']);
SELECT user_id, outcome, (status).state, (status).sequence FROM block_users(ARRAY['newer', 'fay', 'new'], idempotent => true);
SELECT * FROM verify();

-- Whoever expects something of a user expects to find one.
SELECT outcome, sqlstate FROM try_transition('lock', 'hal', expected_state => 'locked')
UNION ALL SELECT outcome, sqlstate FROM try_transition('lock', 'hal', expected_state => 'blocked')
UNION ALL SELECT outcome, sqlstate FROM try_transition('lock', 'hal', expected_sequence => 1);
SELECT try($$lock_user('hal', expected_sequence => 0)$$), try($$block_user('hal', expected_sequence => 1)$$), try($$revoke_access('hal', expected_sequence => 1)$$);
-- So does whoever lifts, deletes or asks.
SELECT try($$unlock_user('hal')$$), try($$unblock_user('hal', idempotent => true)$$), try($$delete_user('hal')$$), try($$user_status('hal')$$), try($$reset_access_floor('hal')$$);
SELECT outcome FROM try_transition('unlock', 'hal', revoke_access => true) UNION ALL SELECT outcome FROM unlock_users(ARRAY['hal']);
SELECT count(*) FROM event WHERE user_id = 'hal';

-- Deleted users stay out, whatever is asked for, until they are registered.
SELECT count(register_user('ida')), count(delete_user('ida')), count(delete_user('ann'));
SELECT check_as('ida'), check_as('ann'), user_allowed('ida'), user_allowed('ann', 'elsewhere');
SELECT try($$lock_user('ida')$$), try($$block_user('ann')$$), try($$revoke_access('ida')$$);
SELECT outcome FROM try_transition('lock', 'ida') UNION ALL SELECT outcome FROM lock_users(ARRAY['ida', 'ann']);
SELECT string_agg(kind, ' ' ORDER BY sequence) FROM event WHERE user_id = 'ida';
SELECT count(*) FROM account WHERE user_id IN ('ida', 'ann') AND tenant = 'default';
SELECT try($$register_user('ida')$$), check_as('ida', '{"iat":99999999999}'), try($$lock_user('ida')$$);
SELECT * FROM verify();

-- An end that passes while the call goes on leaves nobody half registered.
CREATE FUNCTION public.slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END $$;
CREATE TRIGGER slowly BEFORE INSERT ON account FOR EACH ROW EXECUTE FUNCTION public.slowly();
SELECT outcome, status FROM try_transition('lock', 'jon', until => clock_timestamp() + interval '0.2 s');
SELECT user_id, outcome FROM lock_users(ARRAY['jon', 'kay'], until => clock_timestamp() + interval '0.2 s');
DROP TRIGGER slowly ON account;
DROP FUNCTION public.slowly;
SELECT user_id, kind FROM event WHERE user_id IN ('jon', 'kay') ORDER BY user_id, sequence;
SELECT user_id FROM account WHERE user_id IN ('jon', 'kay');
SELECT check_as('jon'), try($$lock_user('jon')$$);
SELECT * FROM verify();

-- Row-level security lets in whoever was never seen, until they are locked.
CREATE ROLE regress_userlock_app NOLOGIN;
GRANT EXECUTE ON FUNCTION userlock.current_user_allowed, userlock.check_request TO regress_userlock_app;
CREATE TABLE public.note (owner text, body text);
INSERT INTO public.note VALUES ('lea', 'hello');
ALTER TABLE public.note ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON public.note
USING (owner = current_setting('request.jwt.claims', true)::json ->> 'sub' AND (SELECT userlock.current_user_allowed()));
GRANT SELECT ON public.note TO regress_userlock_app;
SET request.jwt.claims = '{"sub":"lea"}';
SET ROLE regress_userlock_app;
SELECT count(*) FROM public.note;
RESET ROLE;
RESET request.jwt.claims;
SELECT state FROM lock_user('lea');
SET request.jwt.claims = '{"sub":"lea"}';
SET ROLE regress_userlock_app;
SELECT count(*) FROM public.note;
SELECT check_request();
RESET ROLE;
RESET request.jwt.claims;

-- Who may lock may register by it; who may not changes nothing, and cannot change the setting either.
GRANT EXECUTE ON FUNCTION userlock.try_transition, userlock.lock_users TO regress_userlock_app;
SET ROLE regress_userlock_app;
SELECT outcome FROM try_transition('lock', 'mia');
SELECT lock_users(ARRAY['mia']);
SELECT lock_user('mia');
SET userlock.registration = 'explicit';
SELECT set_config('userlock.registration', 'explicit', true);
RESET userlock.registration;
SHOW userlock.registration;
RESET ROLE;
SELECT count(*) FROM event WHERE user_id = 'mia';
GRANT EXECUTE ON FUNCTION userlock.lock_user TO regress_userlock_app;
SET ROLE regress_userlock_app;
SELECT state, sequence FROM lock_user('mia');
RESET ROLE;
ALTER ROLE regress_userlock_app SET userlock.registration = 'whatever';
SET userlock.registration = 'whatever';
SET userlock.registration = 'ON_DEMAND';
SHOW userlock.registration;

-- A failed login registers nobody, and locks nobody who is not registered.
CREATE FUNCTION public.told(v login_verdict) RETURNS text LANGUAGE sql
RETURN concat_ws(' ', CASE WHEN (v).allowed THEN 'allowed' ELSE 'refused' END, (v).remaining_attempts);
SELECT told(login_verdict('ned')), told(record_login_success('ned')), told(record_login_failure('ned')), told(record_login_success('ned'));
SELECT count(record_login_failure('ned')) FROM generate_series(1, 30);
SELECT (SELECT count(*) FROM account WHERE user_id = 'ned'), (SELECT count(*) FROM event WHERE user_id = 'ned'), check_as('ned'), (SELECT count(*) FROM login_failure WHERE user_id <> '');
-- Their counter, which they share, is as good as one of their own: nobody tries passwords for ever.
SELECT told(login_verdict('ned')), told(record_login_success('ned')), told(login_verdict('ona')), told(record_login_success('ona'));
-- Whoever is registered after all has a counter of their own.
SELECT try($$register_user('ned')$$), told(record_login_success('ned'));
-- Not for whom there is or was an account, nor for what is no id.
SELECT told(record_login_success('mia')), told(record_login_success('ann')), told(record_login_success('')), told(record_login_success(repeat('x', 201)));
BEGIN READ ONLY;
SELECT record_login_success('pia');
ROLLBACK;
SET userlock.registration = 'explicit';
SELECT told(record_login_success('pia')), check_as('pia'), try($$lock_user('pia')$$);
TRUNCATE login_failure;

-- Back to explicit: whoever was registered on demand is as registered as any other.
SELECT check_as('bea'), try($$lock_user('bea')$$), try($$unblock_user('bea')$$);
SET userlock.registration = 'on_demand';

-- Nothing is written: a read-only transaction will do, and what changes needs another.
BEGIN READ ONLY;
SELECT check_as('pia'), user_allowed('pia'), check_as('ann'), user_allowed('mia');
SELECT lock_user('pia');
ROLLBACK;

-- An adopted table's rows are users as ever; whoever leaves stays out.
CREATE TABLE public.person (id text PRIMARY KEY);
INSERT INTO public.person VALUES ('quin'), ('rob');
SELECT adopt('public.person', 'id');
DELETE FROM public.person WHERE id = 'quin';
UPDATE public.person SET id = 'robert' WHERE id = 'rob';
SELECT id, check_as(id), try(format('block_user(%L)', id)) FROM unnest(ARRAY['quin', 'rob', 'robert']) AS id;
-- Whoever was registered on demand before is not the table's, and stays when their row goes.
SELECT try($$lock_user('sam')$$);
INSERT INTO public.person VALUES ('sam');
DELETE FROM public.person WHERE id = 'sam';
SELECT try($$user_status('sam')$$);
SELECT release('public.person');
DROP TABLE public.person;
SELECT * FROM verify();

-- However often the server forgets what it knows, where it can be made to.
SELECT set_config(name, least(max_val, '1'), false) IS NOT NULL AS set FROM pg_settings WHERE name = 'debug_discard_caches';
SELECT check_as('tom'), check_as('ann'), user_allowed('tom'), user_allowed('mia');
RESET debug_discard_caches;

-- Wherever the history is, whoever was deleted stays out; where its owner is not shown all of it, whoever is not registered.
CREATE FUNCTION public.refusal(ask text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
    state text;
    message text;
    detail text;
    hint text;
BEGIN
    EXECUTE ask INTO answer;
    RETURN coalesce(nullif(answer, ''), 'none');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' ', state, message || '.', detail, hint);
END
$$;
CREATE VIEW public.refusals AS SELECT ask, refusal(ask)
FROM unnest(ARRAY['SELECT check_request()', 'SELECT current_user_allowed()', $$SELECT user_allowed('tom')$$, $$SELECT user_allowed('mia')$$, $$SELECT user_allowed('gone')$$]) AS ask;
SELECT FROM register_user('gone'), delete_user('gone');
SET request.jwt.claims = '{"sub":"tom"}';
SELECT * FROM refusals;
BEGIN;
ALTER TABLE event RENAME TO elsewhere;
CREATE VIEW userlock_private.event AS SELECT * FROM elsewhere;
SELECT * FROM refusals;
ROLLBACK;
BEGIN;
ALTER TABLE event FORCE ROW LEVEL SECURITY;
ALTER TABLE event ENABLE ROW LEVEL SECURITY;
SELECT count(*) FROM refusals WHERE refusal LIKE '55000 %';
GRANT USAGE ON SCHEMA userlock_private TO regress_userlock_app;
ALTER TABLE event OWNER TO regress_userlock_app;
SELECT * FROM refusals;
ROLLBACK;
SELECT * FROM refusals;
RESET request.jwt.claims;

RESET userlock.registration;
DROP VIEW public.refusals;
DROP FUNCTION public.check_as, public.try, public.told, public.refusal;
DROP TABLE public.note;
DROP OWNED BY regress_userlock_app;
DROP ROLE regress_userlock_app;
TRUNCATE account, event, profile, login_failure;
