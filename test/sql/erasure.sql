-- erase_user() removes all that is kept of a person, for good; what remains names
-- nobody, and keeps old tokens void.
SET search_path = public, userlock, userlock_private;
\set VERBOSITY terse
\pset null -
CREATE FUNCTION public.allowed(who text, issued numeric, tenant text DEFAULT 'default') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('request.jwt.claims', json_build_object('sub', who, 'tenant', tenant, 'iat', floor(extract(epoch FROM statement_timestamp()) + issued))::text, true);
    PERFORM userlock.check_request();
    PERFORM set_config('request.jwt.claims', '', true);
    RETURN 'passes';
EXCEPTION WHEN OTHERS THEN
    PERFORM set_config('request.jwt.claims', '', true);
    RETURN SQLERRM;
END $$;
-- Where a text is in any table of ours.
CREATE FUNCTION public.found_in(wanted text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    searched regclass;
    found boolean;
BEGIN
    FOR searched IN SELECT oid FROM pg_class WHERE relnamespace = 'userlock_private'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s AS t WHERE t::text ILIKE %L)', searched, '%' || wanted || '%') INTO found;
        IF found THEN RETURN NEXT searched; END IF;
    END LOOP;
END $$;

SELECT count(register_user('alice', profile => '{"userName": "alice@example.com"}')), count(lock_user('alice', 'alice called')), count(unlock_user('alice')), count(block_user('alice', 'fraud'));
SELECT count(register_user('bob'));
SELECT set_lockout_policy(by_address => true);
SELECT count(record_login_failure('alice', address => '192.0.2.' || n)), count(record_login_failure('nobody', address => '192.0.2.' || n)) FROM generate_series(1, 3) AS n;
SET request.jwt.claims = '{"sub": "alice"}';
SELECT count(lock_user('bob', 'he spams'));
RESET request.jwt.claims;
SELECT found_in('alice');

-- Everything of the person goes; what the person did to others stays.
SELECT events, login_failures, access_valid_after BETWEEN now() AND clock_timestamp() AS now FROM erase_user('alice');
SELECT found_in('alice'), found_in('192.0.2');
SELECT user_id, kind FROM event WHERE actor = 'alice';
SELECT tenant, octet_length(digest), access_valid_after <= clock_timestamp() AS past FROM erasure;
SELECT tenant, octet_length(key), (SELECT digest FROM erasure) IN (sha256('alice'), sha256(key || 'alice')) AS guessed FROM erasure_key;
SELECT * FROM verify();
SELECT user_status('alice');
SELECT export_user('alice');
SELECT erase_user('alice');
SELECT erase_user('nobody');
SELECT erase_user('');
SELECT erase_user('alice', '');
SELECT count(*) FROM login_failure WHERE user_id = '';

-- Who has the id next begins anew, but no token from before is good.
SELECT state, sequence FROM register_user('alice');
SELECT kind, to_state, reason FROM user_history WHERE user_id = 'alice' ORDER BY sequence;
SELECT public.allowed('alice', -60), public.allowed('alice', 5);
SELECT user_profile('alice');
SELECT * FROM verify();
SELECT count(*) FROM restricted_users WHERE user_id = 'alice';
-- Erased again, and deleted before that; a history that was pruned, too.
SELECT events FROM erase_user('alice');
SELECT count(*) FROM erasure;
SELECT count(register_user('alice')), count(delete_user('alice'));
UPDATE event SET at = at - interval '1 year' WHERE user_id = 'alice';
SELECT prune_history(now() - interval '1 month');
SELECT events FROM erase_user('alice');
SELECT found_in('alice');
SELECT count(*) FROM erasure;
SELECT * FROM verify();
-- Only this user, of this tenant.
SELECT count(register_user(id, t)) FROM unnest('{alice,alicia}'::text[]) AS id, unnest('{acme,globex}'::text[]) AS t;
SELECT events FROM erase_user('alice', 'acme');
SELECT tenant, user_id FROM account WHERE tenant <> 'default' ORDER BY 1, 2;
SELECT count(*), count(DISTINCT digest), count(DISTINCT tenant) FROM erasure;
SELECT count(DISTINCT key) FROM erasure_key;
SELECT state, sequence FROM register_user('alicia', 'initech');
SELECT events FROM erase_user('alice', 'globex');
SELECT count(DISTINCT digest) FROM erasure;
SELECT * FROM verify();

-- On demand, where whoever is not registered is a user: not with a token from before.
SET userlock.registration = 'on_demand';
SELECT count(register_user('carl'));
SELECT public.allowed('carl', -60), public.allowed('new', -60);
SELECT events FROM erase_user('carl');
SELECT public.allowed('carl', -60), public.allowed('carl', 5), public.allowed('new', -60), public.allowed('carl', -60, 'acme');
SET request.jwt.claims = '{"sub": "carl"}';
SELECT current_user_allowed();
RESET request.jwt.claims;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT public.allowed('carl', -60), public.allowed('carl', 5);
COMMIT;
SELECT user_id, outcome FROM lock_users('{carl}');
SELECT kind FROM user_history WHERE user_id = 'carl' ORDER BY sequence;
SELECT count(unlock_user('carl'));
SELECT public.allowed('carl', -60), public.allowed('carl', 5);
SELECT * FROM verify();
SELECT count(delete_user('carl'));
SELECT public.allowed('carl', 5);
SELECT events FROM erase_user('carl');
SELECT public.allowed('carl', -60), public.allowed('carl', 5);
SELECT (record_login_success('carl')).allowed;
-- A floor in the future, from when the clock was ahead, holds as well.
UPDATE erasure SET access_valid_after = access_valid_after + interval '1 year';
SELECT public.allowed('carl', 5);
SELECT count(revoke_access('carl'));
SELECT public.allowed('carl', 5), access_valid_after > now() + interval '360 days' AS ahead FROM account WHERE user_id = 'carl';
SELECT count(register_user('alice', 'acme'));
SELECT access_valid_after > now() + interval '360 days' AS ahead FROM account WHERE tenant = 'acme' AND user_id = 'alice';
SELECT * FROM verify();
RESET userlock.registration;

-- Whoever came from a table that is adopted leaves with their row first.
CREATE TABLE public.person (id text PRIMARY KEY, mail text);
CREATE TABLE public.region_person (id text, region text) PARTITION BY LIST (region);
CREATE TABLE public.region_person_eu PARTITION OF public.region_person FOR VALUES IN ('eu');
INSERT INTO public.person VALUES ('dan', 'dan@example.com'), ('bob', 'bob@example.com');
INSERT INTO public.region_person VALUES ('eva', 'eu'), ('eva', 'eu');
SELECT adopt('public.person', 'id', email_column => 'mail'), adopt('public.region_person', 'id');
\set VERBOSITY default
SELECT erase_user('dan');
\set VERBOSITY terse
SELECT erase_user('eva');
SELECT events > 0 AS erased FROM erase_user('bob');
SELECT count(*) FROM event WHERE user_id IN ('dan', 'eva');
DELETE FROM public.person WHERE id = 'dan';
DELETE FROM public.region_person;
SELECT events FROM erase_user('dan');
SELECT events FROM erase_user('eva');
SELECT found_in('dan@'), found_in('eva');
-- They come back with it, and old tokens are void.
INSERT INTO public.person VALUES ('dan', 'dan@example.net');
SELECT user_id, sequence, email FROM users WHERE user_id = 'dan';
SELECT public.allowed('dan', -60), public.allowed('dan', 5);
SELECT release('public.person');
SELECT events > 0 AS erased FROM erase_user('dan');
SELECT * FROM verify();
DROP TABLE public.person, public.region_person;

-- Whose: who was granted it, of their tenants.
CREATE ROLE regress_userlock_dpo;
GRANT EXECUTE ON FUNCTION userlock.delete_user, userlock.export_user TO regress_userlock_dpo;
SET ROLE regress_userlock_dpo;
SELECT userlock.erase_user('alicia', 'globex');
RESET ROLE;
GRANT EXECUTE ON FUNCTION userlock.erase_user TO regress_userlock_dpo;
SET ROLE regress_userlock_dpo;
SET request.jwt.claims = '{"tenant": "acme"}';
SELECT userlock.erase_user('alicia', 'globex');
SELECT userlock.erase_user('nobody', 'globex');
SELECT events FROM userlock.erase_user('alicia');
SELECT digest FROM userlock_private.erasure;
SET request.jwt.claims = '{"tenant": 5}';
SELECT userlock.erase_user('alicia', 'globex');
RESET request.jwt.claims;
SELECT events FROM userlock.erase_user('alicia', 'globex');
RESET ROLE;
CREATE MATERIALIZED VIEW public.trap AS SELECT * FROM erase_user('alicia', 'initech');
SELECT tenant, user_id FROM account WHERE user_id = 'alicia';
BEGIN READ ONLY;
SELECT erase_user('alicia', 'initech');
ROLLBACK;
DROP OWNED BY regress_userlock_dpo;
DROP ROLE regress_userlock_dpo;

DROP FUNCTION public.allowed, public.found_in;
TRUNCATE account, event, profile, login_failure, lockout_policy, erasure, erasure_key;
