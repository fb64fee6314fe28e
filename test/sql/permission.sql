SET search_path = public, userlock, userlock_private;
SELECT count(register_user('alice', tenant)) FROM unnest('{default,acme,globex}'::text[]) AS tenant;
CREATE ROLE regress_userlock_support;
CREATE ROLE regress_userlock_nobody;

-- Nobody has anything until it is granted, and an existing user looks like a missing one.
SET ROLE regress_userlock_nobody;
SELECT unlock_user('alice');
SELECT unlock_user('missing');
SELECT unlock_users('{alice}');
SELECT try_transition('unlock', 'alice');
SELECT user_status('alice');
SELECT user_profile('alice');
SELECT register_user('bob');
SELECT expire();
SELECT verify();
SELECT FROM restricted_users;
SELECT FROM user_history;
SELECT FROM userlock_private.account;
SELECT FROM userlock_private.event;
SELECT FROM userlock_private.profile;
RESET ROLE;

-- EXECUTE on unlock_user alone: that, and nothing else.
GRANT EXECUTE ON FUNCTION unlock_user TO regress_userlock_support;
SELECT state FROM lock_user('alice', 'five wrong passwords');
SET ROLE regress_userlock_support;
SELECT tenant, user_id, state FROM unlock_user('alice', 'called in');
SELECT lock_user('alice');
SELECT unlock_users('{alice}');
SELECT user_status('alice');
SELECT FROM userlock_private.account;
UPDATE userlock_private.event SET reason = 'forged';
SELECT FROM restricted_users;
SELECT current_user = 'regress_userlock_support' AS still_support;
RESET ROLE;

-- After an error inside, too, the caller is who they were.
SET ROLE regress_userlock_support;
DO $$
BEGIN
    PERFORM unlock_user('alice');
EXCEPTION WHEN SQLSTATE 'PT400' THEN
    ASSERT current_user = 'regress_userlock_support';
    ASSERT current_setting('search_path') = 'public, userlock, userlock_private';
END $$;
SELECT FROM userlock_private.account;
RESET ROLE;

-- The core function is the one knob: the others consult it.
GRANT EXECUTE ON FUNCTION unlock_users, lock_users, try_transition TO regress_userlock_support;
SET ROLE regress_userlock_support;
SELECT user_id, outcome FROM unlock_users('{alice,missing}');
SELECT lock_users('{alice}');
SELECT outcome, sqlstate, message, hint FROM try_transition('lock', 'alice');
SELECT outcome, sqlstate, message, hint FROM try_transition('lock', 'missing');
SELECT outcome, sqlstate FROM try_transition('unlock', 'alice');
RESET ROLE;
REVOKE EXECUTE ON FUNCTION unlock_user FROM regress_userlock_support;
SET ROLE regress_userlock_support;
SELECT unlock_users('{alice}');
SELECT outcome, sqlstate FROM try_transition('unlock', 'alice');
RESET ROLE;
GRANT EXECUTE ON FUNCTION unlock_user, lock_user, user_status(text, text), verify TO regress_userlock_support;
GRANT SELECT ON restricted_users, user_history TO regress_userlock_support;

-- Without claims EXECUTE alone decides, in any tenant.
SET ROLE regress_userlock_support;
SELECT tenant, state FROM lock_user('alice', tenant => 'globex');
SELECT tenant, user_id FROM restricted_users;

-- With claims: the caller's own tenant, and those that are listed.
SET request.jwt.claims = '{"sub": "support@acme.example", "tenant": "acme", "tenants": ["initech"], "role": "x", "nested": {"tenant": "globex", "sub": ["?"]}}';
SELECT tenant, state FROM lock_user('alice');
SELECT tenant, state FROM lock_user('alice', tenant => 'acme', idempotent => true);
SELECT lock_user('alice', tenant => 'globex');
SELECT lock_user('missing', tenant => 'globex');
SELECT lock_user('alice', tenant => 'no such tenant');
SELECT lock_user('alice', tenant => '');
SELECT lock_user('alice', tenant => 'initech');
SELECT user_status('alice', 'globex');
SELECT lock_users('{alice}', tenant => 'globex');
SELECT outcome, sqlstate FROM try_transition('lock', 'alice', tenant => 'globex');
SELECT caller_tenants();

-- The views and verify() show no one else's tenants.
SELECT tenant, user_id, locked_by FROM restricted_users;
SELECT tenant, user_id, sequence, kind, actor FROM user_history WHERE actor IS DISTINCT FROM session_user;
SELECT DISTINCT tenant FROM user_history;
RESET ROLE;
UPDATE account SET sequence = 99;
SELECT tenant, user_id, problem FROM verify();
RESET request.jwt.claims;
SELECT tenant, user_id, problem FROM verify();
UPDATE account SET sequence = (SELECT max(sequence) FROM event WHERE (event.tenant, event.user_id) = (account.tenant, account.user_id));
SET ROLE regress_userlock_support;

-- So does expire(), which writes no one else's expiries.
RESET ROLE;
RESET request.jwt.claims;
GRANT EXECUTE ON FUNCTION expire TO regress_userlock_support;
SELECT count(register_user('soon', tenant)), count(lock_user('soon', until => clock_timestamp() + interval '20 milliseconds', tenant => tenant))
FROM unnest('{acme,globex}'::text[]) AS tenant;
SELECT pg_sleep(0.03);
SET ROLE regress_userlock_support;
SET request.jwt.claims = '{"tenant": "acme"}';
SELECT expire();
SET request.jwt.claims = 'who?';
SELECT expire();
RESET request.jwt.claims;
SELECT expire();

-- A claim without a tenant means the one of the setting.
SET request.jwt.claims = '{"sub": "support"}';
SELECT tenant FROM user_status('alice');
SELECT user_status('alice', 'acme');
SET userlock.tenant = 'acme';
SELECT tenant FROM user_status('alice');
RESET userlock.tenant;
SET request.jwt.claims = '{"tenant": null, "tenants": null, "sub": null}';
SELECT tenant FROM user_status('alice');

-- The actor is the session user where there is no "sub"; a body's claim never counts.
SELECT state FROM lock_user('alice', details => '{"actor": "someone else"}');
SELECT actor = session_user AS by_session_user, details FROM user_history WHERE kind = 'locked' AND tenant = 'default' AND details IS NOT NULL;

-- Claims that cannot be read are nobody's.
SET request.jwt.claims = 'not json';
SELECT unlock_user('alice');
SELECT outcome, sqlstate FROM try_transition('unlock', 'alice');
SELECT FROM restricted_users;
SET request.jwt.claims = '[]';
SELECT unlock_user('alice');
SET request.jwt.claims = '"acme"';
SELECT unlock_user('alice');
SET request.jwt.claims = '{"tenant": 1}';
SELECT unlock_user('alice');
SET request.jwt.claims = '{"tenant": ""}';
SELECT unlock_user('alice');
SET request.jwt.claims = '{"tenant": ["acme"]}';
SELECT unlock_user('alice');
SET request.jwt.claims = '{"tenants": "acme"}';
SELECT unlock_user('alice');
SET request.jwt.claims = '{"tenants": [1]}';
SELECT unlock_user('alice');
SET request.jwt.claims = '{"tenants": [["acme"]]}';
SELECT unlock_user('alice');
SET request.jwt.claims = '{"sub": {"id": 1}}';
SELECT unlock_user('alice');
SET request.jwt.claims = '{"sub": "support"';
SELECT unlock_user('alice');
SET request.jwt.claims = '';
SELECT state FROM unlock_user('alice');
RESET request.jwt.claims;
RESET ROLE;


SELECT * FROM verify();
DROP OWNED BY regress_userlock_support, regress_userlock_nobody;
DROP ROLE regress_userlock_support, regress_userlock_nobody;
TRUNCATE account, event, profile;
