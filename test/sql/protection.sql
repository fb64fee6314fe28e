SET search_path = public, userlock, userlock_private;
SELECT count(register_user(name)) FROM unnest('{alice,bob,carol,dave}'::text[]) AS name;
SELECT state FROM set_profile('alice', '{"roles": [{"value": "operator"}, {"value": "app"}]}');
SELECT state FROM set_profile('bob', '{"roles": [{"value": "app"}, {"value": "operator", "primary": true}]}');
SELECT state FROM set_profile('carol', '{"roles": [{"value": "security officer"}]}');
SELECT state FROM set_profile('dave', '{"roles": "operator"}');
SELECT state FROM register_user('erin', 'other', '{"roles": [{"value": "operator"}]}');

-- Unless a setting says otherwise, people may lock and block themselves.
SET "request.jwt.claims" = '{"sub": "alice"}';
SELECT state FROM lock_user('alice');
SELECT state FROM unlock_user('alice');
SET userlock.protect_caller = on;
SELECT lock_user('alice', idempotent => true);
\set VERBOSITY terse
SELECT block_user('alice');
\set VERBOSITY default
SELECT user_id, outcome, sqlstate, message FROM lock_users('{alice,bob}', dry_run => true);
SELECT outcome, sqlstate, hint FROM try_transition('block', 'alice');
-- To be let in again is another matter, and so is another user, or another's tenant.
SELECT outcome FROM try_transition('unlock', 'alice');
SELECT outcome FROM try_transition('block', 'Alice');
SET "request.jwt.claims" = '{"sub": "alice", "tenant": "other", "tenants": ["default"]}';
SELECT state FROM lock_user('alice', tenant => 'default');
RESET "request.jwt.claims";
SELECT state FROM unlock_user('alice');

-- The last who has a protected role, and is allowed to come in, stays in.
SET userlock.protected_roles = ' operator,security officer ';
SELECT lock_user('carol');
SELECT user_id, outcome, sqlstate, message FROM block_users('{alice,bob,carol,dave}');
SELECT state FROM lock_user('alice');
SELECT outcome, message FROM try_transition('lock', 'bob');
-- One whose lock is over counts again.
SELECT state FROM unblock_user('alice');
SELECT outcome FROM try_transition('lock', 'bob');
SELECT state FROM unlock_user('alice');
SELECT state FROM lock_user('alice', until => now() + interval '0.2 seconds');
SELECT pg_sleep(0.25);
SELECT state FROM lock_user('bob');
-- Each role counts by itself, and each tenant.
SELECT outcome FROM try_transition('block', 'alice');
SELECT outcome FROM try_transition('block', 'erin', tenant => 'other');
-- Failed logins lock whomever passwords are guessed of.
SELECT set_lockout_policy(attempts => 1, permanent_after => 1);
SELECT allowed FROM record_login_failure('alice');
SELECT user_id, state FROM restricted_users ORDER BY tenant, user_id;

-- Nobody asks for it where the id of somebody restricted changes: it stays restricted.
CREATE TABLE app_user (id text);
INSERT INTO app_user VALUES ('frank'), ('gina');
SELECT adopt('app_user', 'id');
SELECT state FROM lock_user('frank', 'phished');
SELECT state FROM set_profile('gina', '{"roles": [{"value": "security officer"}]}');
SELECT state FROM block_user('carol');
SELECT outcome FROM try_transition('lock', 'gina');
UPDATE app_user SET id = 'gina' WHERE id = 'frank';
SELECT state, lock_reason FROM restricted_users WHERE user_id = 'gina';
SELECT release('app_user');
DROP TABLE app_user;

-- Who is held by a protection cannot set it aside.
CREATE ROLE regress_userlock_protection;
SET ROLE regress_userlock_protection;
SET userlock.protect_caller = off;
SET userlock.protected_roles = '';
RESET ROLE;
DROP ROLE regress_userlock_protection;

SELECT * FROM verify();
TRUNCATE account, event, profile, lockout_policy, login_failure;
