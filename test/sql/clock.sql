-- A clock that was ahead and has been set back.  To move a user into the future comes to the same.
SET search_path = public, userlock, userlock_private;
SET TimeZone = 'UTC';
CREATE FUNCTION public.ahead(moved text) RETURNS void LANGUAGE sql AS $$
    UPDATE event SET at = at + interval '1 year', until = until + interval '1 year' WHERE user_id = moved;
    UPDATE account SET created_at = created_at + interval '1 year', changed_at = changed_at + interval '1 year', locked_until = locked_until + interval '1 year',
        blocked_until = blocked_until + interval '1 year', locked_at = locked_at + interval '1 year', blocked_at = blocked_at + interval '1 year',
        access_valid_after = access_valid_after + interval '1 year'
    WHERE user_id = moved
$$;
-- A token issued so many seconds from now.
CREATE FUNCTION public.allowed(subject text, seconds integer DEFAULT 5) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('request.jwt.claims', json_build_object('sub', subject, 'iat', floor(extract(epoch FROM clock_timestamp())) + seconds)::text, true);
    RETURN current_user_allowed();
END
$$;
CREATE VIEW public.story AS
SELECT user_id, sequence, kind, to_state, at > clock_timestamp() AS ahead, at > lag(at) OVER history AS later, until < at AS ended_before
FROM user_history WINDOW history AS (PARTITION BY user_id ORDER BY sequence);

-- A lock is possible, and ends when the clock says so.
SELECT count(register_user(id)) FROM unnest(ARRAY['alice', 'bob', 'carol', 'dave', 'erin', 'now']) AS id;
SELECT count(revoke_access('alice')), public.ahead('alice');
SELECT clock_timestamp() + interval '1 second' AS soon \gset
SELECT state, locked_until = :'soon' AS as_asked, changed_at > now() + interval '360 days' AS ahead FROM lock_user('alice', until => :'soon');
SELECT state, blocked_until = :'soon' AS as_asked FROM block_user('alice', until => :'soon');
SELECT user_id, outcome FROM lock_users('{alice,now}', until => :'soon', idempotent => true);
SELECT user_id, state FROM restricted_users ORDER BY user_id;
SELECT * FROM verify();
SELECT pg_sleep(1.1);
SELECT state, sequence FROM user_status('alice');
SELECT * FROM story WHERE user_id = 'alice' ORDER BY sequence;
SELECT * FROM verify();
CREATE TEMPORARY TABLE told AS SELECT * FROM user_history;
SELECT expire();
SELECT count(*) AS changed FROM (TABLE told EXCEPT TABLE user_history) AS lost;
SELECT count(*) AS changed FROM (TABLE user_history EXCEPT TABLE told) AS gained;
SELECT * FROM verify();
SELECT lock_user('alice', until => clock_timestamp() - interval '1 second');

-- What ends in between is not over before the clock says so, whatever else happens.
SELECT clock_timestamp() + interval '1 second' AS soon \gset
SELECT count(lock_user('dave', until => :'soon')), count(revoke_access('dave'));
UPDATE event SET at = at + interval '1 year' WHERE user_id = 'dave' AND sequence = 3;
UPDATE account SET changed_at = changed_at + interval '1 year', access_valid_after = access_valid_after + interval '1 year' WHERE user_id = 'dave';
SELECT state FROM block_user('dave');
SELECT * FROM verify();
SELECT pg_sleep(1.1);
SELECT state FROM unblock_user('dave');
SELECT * FROM story WHERE user_id = 'dave' ORDER BY sequence;
SELECT * FROM verify();

-- The failure that reaches the threshold locks, and for as long as the policy says.
SELECT public.ahead('bob');
SELECT count(record_login_failure('bob')) FROM generate_series(1, 10);
SELECT state, round(extract(epoch FROM locked_until - now()) / 60) AS minutes FROM user_status('bob');
SELECT public.allowed('bob');
SELECT * FROM verify();

-- Access that was revoked in the future is not granted before: not by new tokens, nor to who registers anew …
SELECT count(revoke_access('carol')), public.ahead('carol');
SELECT public.allowed('carol');
SELECT count(delete_user('carol')), count(register_user('carol'));
SELECT public.allowed('carol');
-- … but by an administrator, who says why; tokens issued until then stay void.
SELECT count(record_login_failure('carol')) FROM generate_series(1, 9);
SELECT sequence, changed_at BETWEEN now() AND clock_timestamp() AS now FROM reset_access_floor('carol', 'the clock was wrong', expected_sequence => 4, details => '{"ticket": 7}');
SELECT public.allowed('carol', 5) AS issued_later, public.allowed('carol', -5) AS issued_before;
SELECT remaining_attempts FROM login_verdict('carol');
SELECT kind, to_state, reason, details, actor = session_user AS by_me FROM user_history WHERE user_id = 'carol' AND sequence = 5;
SELECT * FROM verify();
-- From there on time goes on as for anybody.
SELECT state FROM lock_user('carol', until => clock_timestamp() + interval '1 hour');
SELECT public.allowed('carol');
SELECT state FROM unlock_user('carol');
SELECT public.allowed('carol');
SELECT * FROM story WHERE user_id = 'carol' ORDER BY sequence;
SELECT * FROM verify();

-- The state stays as it is.
SELECT count(lock_user('erin', until => clock_timestamp() + interval '1 hour')), count(block_user('erin')), public.ahead('erin');
SELECT state, locked_until > now() + interval '360 days' AS ahead FROM reset_access_floor('erin');
SELECT state FROM unlock_user('erin');
SELECT * FROM verify();

-- Only what lies in the future can be reset, and once.
SELECT reset_access_floor('now');
SELECT reset_access_floor('carol');
SELECT reset_access_floor('nobody');
SELECT reset_access_floor('alice', expected_sequence => 1);
SELECT reset_access_floor('alice', reason => repeat('x', 1001));
SET request.jwt.claims = '{"tenant": "globex"}';
SELECT reset_access_floor('alice', tenant => 'default');
RESET request.jwt.claims;
CREATE ROLE regress_userlock_nobody;
GRANT EXECUTE ON FUNCTION revoke_access TO regress_userlock_nobody;
SET ROLE regress_userlock_nobody;
SELECT userlock.reset_access_floor('alice');
RESET ROLE;
REVOKE EXECUTE ON FUNCTION revoke_access FROM regress_userlock_nobody;
DROP ROLE regress_userlock_nobody;
SELECT kind, count(*) FROM event WHERE kind = 'access_floor_reset' GROUP BY 1;

-- No other event goes back.
UPDATE event SET kind = 'access_revoked' WHERE kind = 'access_floor_reset' AND user_id = 'carol';
SELECT * FROM verify();
UPDATE event SET kind = 'access_floor_reset' WHERE sequence = 2 AND user_id = 'dave';
SELECT * FROM verify();
DROP VIEW public.story;
DROP FUNCTION public.ahead, public.allowed;
TRUNCATE account, event, login_failure;
