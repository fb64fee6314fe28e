-- Failed logins.
SET search_path = userlock, userlock_private, public;
\set VERBOSITY terse
SELECT count(register_user(id)) FROM unnest(ARRAY['alice', 'bob', 'carol', 'dave', 'erin']) AS id;

-- So many failures at once; what the last one was told.
CREATE FUNCTION public.fail(user_id text, times integer DEFAULT 1, address text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    v login_verdict;
BEGIN
    FOR i IN 1 .. times LOOP
        v := record_login_failure(user_id, address => address);
    END LOOP;
    RETURN public.told(v);
END
$$;
CREATE FUNCTION public.told(v login_verdict) RETURNS text LANGUAGE sql
RETURN concat_ws(' ', CASE WHEN (v).allowed THEN 'allowed' ELSE 'refused' END, (v).remaining_attempts,
    round(extract(epoch FROM (v).until - clock_timestamp()) / 60) || ' min');

-- Without a policy: ten attempts, thirty minutes.
SELECT attempts, duration, backoff, permanent_after, by_address FROM lockout_policy_of('default');
SELECT public.fail('alice', 8), public.fail('alice'), public.fail('alice'), public.fail('alice', 20);
SELECT state, locked_until = (SELECT until FROM login_verdict('alice')) AS agrees FROM user_status('alice');
SELECT kind, reason, details, round(extract(epoch FROM until - at)) AS seconds FROM event WHERE user_id = 'alice' ORDER BY sequence;
SELECT failures, counted, lockouts FROM login_failure WHERE user_id = 'alice';

-- An unknown user, a wrong id, a locked user: the same shape, and no error.
SELECT public.fail('nobody', 9), public.fail('nobody'), public.fail('nobody', 3);
SELECT public.told(login_verdict('nobody')), public.told(login_verdict('never seen')), public.told(login_verdict('bob')), public.told(login_verdict('alice'));
SELECT public.told(record_login_failure(id)) FROM unnest(ARRAY['', NULL, repeat('x', 201)]) AS id;
SELECT public.told(login_verdict(id)), public.told(record_login_success(id)) FROM unnest(ARRAY['', NULL, 'nobody']) AS id;
SELECT pg_typeof(record_login_failure('bob')), pg_typeof(record_login_success('bob')), pg_typeof(login_verdict('bob'));

-- A success resets, if the user may come in; an unlock resets.
SELECT public.fail('bob', 9), public.told(record_login_success('bob')), public.fail('bob', 9), public.told(record_login_success('alice'));
SELECT state FROM user_status('alice');
SELECT state FROM unlock_user('alice');
SELECT public.told(login_verdict('alice')), public.fail('alice', 9), public.told(record_login_success('alice'));
-- An idempotent unlock of a user who is not locked resets as well, and writes no event.
SELECT public.fail('carol', 9);
SELECT sequence FROM unlock_user('carol', idempotent => true);
SELECT public.fail('carol', 9);
-- A strict one is refused and resets nothing.
SELECT unlock_user('carol');
SELECT public.told(login_verdict('carol'));
-- So does deleting, and registering anew.
SELECT count(delete_user('carol')), count(register_user('carol'));
SELECT public.told(login_verdict('carol'));

-- Locked by someone else, or blocked: refused, and not counted towards a lock.
SELECT state FROM block_user('dave');
SELECT public.fail('dave', 25), public.told(record_login_success('dave'));
SELECT state FROM unblock_user('dave');
SELECT public.told(login_verdict('dave')), kind FROM event WHERE user_id = 'dave' ORDER BY sequence;
SELECT state FROM lock_user('erin', until => now() + interval '2 hours');
SELECT public.fail('erin', 25), public.told(record_login_success('erin'));
SELECT count(*) FROM event WHERE user_id = 'erin';

-- Policies: what they may be.
SELECT set_lockout_policy('strictest');
SELECT set_lockout_policy(attempts => 0);
SELECT set_lockout_policy(attempts => 101);
SELECT set_lockout_policy(backoff => 0.5);
SELECT set_lockout_policy(backoff => 'NaN');
SELECT set_lockout_policy(duration => '0');
SELECT set_lockout_policy(duration => '-1 day');
SELECT set_lockout_policy(observation_window => '2 years');
SELECT set_lockout_policy(permanent_after => 0);
SELECT set_lockout_policy(tenant => '');
SELECT set_lockout_policy(NULL);
SELECT count(*) FROM lockout_policies;
SELECT set_lockout_policy('nist', 'acme');
SELECT * FROM lockout_policies;

-- The back-off: each lock is longer, up to the cap; a quiet window begins anew.
TRUNCATE account, event, login_failure;
SELECT count(register_user('alice'));
SELECT set_lockout_policy(attempts => 2, duration => '0.2 s', backoff => 3, max_duration => '1 s', observation_window => '0.7 s');
CREATE FUNCTION public.lock_out() RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    v login_verdict;
BEGIN
    WHILE (login_verdict('alice')).allowed LOOP
        v := record_login_failure('alice');
    END LOOP;
    PERFORM pg_sleep(extract(epoch FROM v.until - clock_timestamp()));
    RETURN (SELECT extract(epoch FROM until - at)::numeric(4, 1) FROM event ORDER BY sequence DESC LIMIT 1);
END
$$;
SELECT public.lock_out(), public.lock_out(), public.lock_out(), public.lock_out();
SELECT public.told(login_verdict('alice')), lockouts, failures FROM login_failure;
SELECT pg_sleep(0.8);
SELECT public.lock_out();
-- The window: failures that are far apart do not add up.
SELECT count(record_login_success('alice'));
SELECT public.fail('alice');
SELECT pg_sleep(0.8);
SELECT public.fail('alice'), public.fail('alice');
SELECT * FROM verify();

-- From so many failures on until lifted, whatever the window.
TRUNCATE account, event, login_failure;
SELECT count(register_user('alice'));
SELECT set_lockout_policy(attempts => 2, duration => '0.1 s', observation_window => '0.1 s', permanent_after => 3);
SELECT public.fail('alice', 2);
SELECT pg_sleep(0.3);
SELECT public.fail('alice');
SELECT state, locked_until FROM user_status('alice');
SELECT state FROM unlock_user('alice');
SELECT public.fail('alice');

-- Failures while locked or blocked do not count towards it, and the verdict knows of it.
TRUNCATE account, event, login_failure;
SELECT count(register_user('alice')), count(block_user('alice'));
SELECT set_lockout_policy(attempts => 5, duration => '0.1 s', permanent_after => 6);
SELECT public.fail('alice', 20);
SELECT count(unblock_user('alice'));
SELECT public.fail('alice', 5);
SELECT pg_sleep(0.2);
SELECT public.told(login_verdict('alice')), public.fail('alice');
-- Deleted users are counted like those who never were.
SELECT count(delete_user('alice'));
SELECT public.fail('alice', 4), public.fail('ghost', 4), public.fail('alice'), public.fail('ghost');
-- Months are no trick.
SELECT set_lockout_policy(duration => '-1 mon 30 days 0.2 seconds');
SELECT set_lockout_policy(observation_window => '1 mon', duration => '1 mon');
SELECT observation_window, duration, max_duration FROM lockout_policies WHERE tenant = 'default';

-- By address: an attacker elsewhere shuts out only themselves.
TRUNCATE account, event, login_failure;
SELECT count(register_user('alice'));
SELECT set_lockout_policy(attempts => 3, by_address => true);
SELECT public.fail('alice', 3, '192.0.2.1'), public.fail('alice', 2, '198.51.100.7');
SELECT public.told(login_verdict('alice', address => '192.0.2.1'));
SELECT state FROM user_status('alice');
SELECT public.told(record_login_success('alice', address => '192.0.2.1')), public.told(record_login_success('alice', address => '198.51.100.7'));
SELECT public.told(login_verdict('alice', address => '192.0.2.1')), public.told(login_verdict('alice', address => '198.51.100.7')), public.told(login_verdict('alice'));
SELECT count(unlock_user('alice', idempotent => true));
SELECT public.told(login_verdict('alice', address => '192.0.2.1'));

-- Tenants: who signs in has no claims, or none of a tenant; a claim holds.
TRUNCATE account, event, login_failure, lockout_policy;
SELECT count(register_user('alice', 'acme'));
SET request.jwt.claims = '{"role":"anon"}';
SELECT count(record_login_failure('alice', 'acme')) FROM generate_series(1, 10);
SELECT tenant, state FROM account;
SELECT actor = session_user AS by_session FROM event WHERE kind = 'locked';
SET request.jwt.claims = '{"tenant":"globex"}';
SELECT record_login_failure('alice', 'acme');
SELECT login_verdict('alice', 'acme');
SELECT set_lockout_policy(tenant => 'acme');
SELECT set_lockout_policy(attempts => 5);
SELECT tenant, attempts FROM lockout_policies;
-- So does a user's token without a tenant; nobody's token only where somebody signs in.
SET request.jwt.claims = '{"sub":"someone"}';
SELECT record_login_failure('alice', 'acme');
SELECT set_lockout_policy(tenant => 'acme');
SET request.jwt.claims = '{"tenants":["initech"]}';
SELECT record_login_failure('alice', 'acme');
SET request.jwt.claims = '{"role":"anon"}';
SELECT login_verdict('alice', 'acme');
SELECT set_lockout_policy(tenant => 'acme');
RESET request.jwt.claims;
SELECT count(*) FROM lockout_policies;
BEGIN READ ONLY;
SELECT record_login_failure('alice');
ROLLBACK;
BEGIN READ ONLY;
SELECT record_login_success('nobody');
ROLLBACK;

-- Counts that no longer count can be deleted.
TRUNCATE login_failure, lockout_policy;
SELECT set_lockout_policy(observation_window => '0.1 s', duration => '0.1 s', attempts => 2);
SELECT public.fail('ghost'), public.fail('spook', 2);
SELECT pg_sleep(0.3);
SELECT public.fail('wraith');
SELECT prune_login_failures();
SELECT count(*) FROM login_failure;
-- Under a policy that locks until lifted, those of users stay: of whoever is not registered, or no more, none do.
TRUNCATE login_failure;
SELECT set_lockout_policy(observation_window => '0.1 s', duration => '0.1 s', attempts => 2, permanent_after => 2);
SELECT count(register_user(id)) FROM unnest(ARRAY['alice', 'gone']) AS id;
SELECT public.fail('alice', 2), public.fail('gone', 2), public.fail('ghost', 2), public.fail('spook');
SELECT count(delete_user('gone'));
SELECT pg_sleep(0.3);
SELECT prune_login_failures();
SELECT user_id, locked_until FROM login_failure;

-- However many ids are made up, they have so many rows and no more, which no user's can be.
SELECT count(public.fail('made up ' || n)) FROM generate_series(1, 100) AS n;
SELECT user_id <> '' AS of_a_user, count(*) > 50 AS many FROM login_failure GROUP BY 1 ORDER BY 1;
SELECT count(*) <= 65536 AS bounded, count(*) FILTER (WHERE user_id <> '') AS of_users
FROM (SELECT DISTINCT (f).user_id, (f).address FROM (
    SELECT no_failures('made up ' || n, 'default', '192.0.2.' || n % 256, lockout_policy_of('default'), false) AS f FROM generate_series(1, 70000) AS n) AS f) AS row;

-- Nobody has anything until it is granted.
CREATE ROLE regress_userlock_nobody;
SET ROLE regress_userlock_nobody;
SELECT record_login_failure('alice');
SELECT record_login_success('alice');
SELECT login_verdict('alice');
SELECT set_lockout_policy();
SELECT FROM lockout_policies;
SELECT FROM userlock_private.login_failure;
RESET ROLE;
GRANT EXECUTE ON FUNCTION record_login_failure, record_login_success, login_verdict TO regress_userlock_nobody;
SET ROLE regress_userlock_nobody;
SELECT public.told(userlock.record_login_failure('someone')), public.told(userlock.record_login_success('someone')), public.told(userlock.login_verdict('someone'));
RESET ROLE;
DROP OWNED BY regress_userlock_nobody;
DROP ROLE regress_userlock_nobody;
DROP FUNCTION public.fail, public.told, public.lock_out;
TRUNCATE account, event, login_failure, lockout_policy;
