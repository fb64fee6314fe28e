SET search_path = public, userlock, userlock_private;
-- Moments differ from run to run: what is true of them is shown instead.

-- Registered: active, the first event, the default tenant.
SELECT tenant, user_id, state, sequence, created_at = changed_at AS just_created, locked_until, blocked_until
FROM register_user('alice');
SELECT tenant, user_id, sequence, kind, from_state, to_state, actor = session_user AS by_me, reason, until, details
FROM user_history;

-- The tenant: the argument, else the setting.
SELECT tenant, user_id FROM register_user('alice', tenant => 'acme');
SET userlock.tenant = 'globex';
SELECT tenant, user_id FROM register_user('alice');
RESET userlock.tenant;

-- Once only.
SELECT register_user('alice');
\echo :LAST_ERROR_SQLSTATE
SELECT register_user('alice', tenant => 'acme');

-- Status.
SELECT tenant, user_id, state, sequence FROM user_status('alice', 'acme');
SELECT user_status('nobody');
\echo :LAST_ERROR_SQLSTATE

-- A profile is kept with the user and goes with the user.
SELECT user_id FROM register_user('bob', profile => '{"username": "bob"}');
SELECT tenant, user_id, document FROM profile;
SELECT user_profile('bob'), user_profile('alice'), user_profile('nobody'), user_profile('bob', 'acme');

-- Deleted: the account is gone, the history stays and goes on.
SELECT user_id, state, sequence FROM lock_user('bob', 'suspicious');
SELECT user_id, state, sequence FROM delete_user('bob', 'asked for it', details => '{"ticket": 7}');
SELECT count(*) FROM profile;
SELECT user_status('bob');
SELECT delete_user('bob');
\echo :LAST_ERROR_SQLSTATE
SELECT delete_user('bob', idempotent => true) IS NULL AS nothing_to_delete;
SELECT unlock_user('bob');
SELECT user_id, state, sequence, created_at = changed_at AS just_created FROM register_user('bob');
SELECT sequence, kind, from_state, to_state, reason, details FROM user_history WHERE user_id = 'bob' ORDER BY sequence;
SELECT count(*) AS restricted FROM restricted_users;

-- Someone who comes back under an old id is as restricted as they left, and does
-- not bring old tokens back.
SELECT access_valid_after = created_at AS floor_raised FROM account WHERE user_id = 'bob';
SELECT access_valid_after FROM account WHERE user_id = 'alice' AND tenant = 'default';

-- The access floor: lock, block and revoke_access raise it, nothing lowers it.
SELECT state, sequence FROM revoke_access('alice', 'laptop stolen', details => '{"device": 3}');
SELECT access_valid_after = changed_at AS floor_raised FROM account WHERE user_id = 'alice' AND tenant = 'default';
SELECT state, sequence FROM lock_user('alice');
SELECT access_valid_after = changed_at AS floor_raised FROM account WHERE user_id = 'alice' AND tenant = 'default';
SELECT state, sequence FROM unlock_user('alice');
SELECT access_valid_after < changed_at AS floor_stays FROM account WHERE user_id = 'alice' AND tenant = 'default';
SELECT state, sequence FROM block_user('alice');
SELECT access_valid_after = changed_at AS floor_raised FROM account WHERE user_id = 'alice' AND tenant = 'default';
SELECT revoke_access('nobody');
SELECT revoke_access('alice', expected_sequence => 1);
SELECT sequence, kind, from_state, to_state, reason, details FROM user_history
WHERE user_id = 'alice' AND tenant = 'default' ORDER BY sequence;

-- A rolled back transaction leaves no trace.
BEGIN;
SELECT state FROM register_user('carol');
SELECT state FROM lock_user('carol');
SELECT state FROM unblock_user('alice');
SAVEPOINT before_delete;
SELECT state FROM delete_user('carol');
ROLLBACK TO before_delete;
SELECT state, sequence FROM user_status('carol');
ROLLBACK;
SELECT user_status('carol');
SELECT count(*) AS events FROM event WHERE user_id = 'carol';
SELECT state, sequence FROM user_status('alice');

-- A plan made while the tables are empty does not read them whole once they are
-- full, nor does one that was made anew under another search_path.
TRUNCATE account, event, profile;
VACUUM ANALYZE account;
VACUUM ANALYZE event;
\c
SET search_path = public, userlock, userlock_private;
BEGIN;
SELECT count(register_user('user ' || i)) FROM generate_series(1, 100) AS i;
SELECT count(lock_user('user ' || i)) FROM generate_series(1, 100) AS i;
SET LOCAL search_path = userlock, userlock_private, public;
SELECT count(unlock_user('user ' || i)) FROM generate_series(1, 100) AS i;
SELECT count(delete_user('user ' || i)) FROM generate_series(1, 100) AS i;
SELECT relname, seq_scan FROM pg_stat_xact_user_tables WHERE schemaname = 'userlock_private' AND seq_scan > 0;
ROLLBACK;

-- An extension that was dropped and made anew works in the same session.
DROP EXTENSION userlock;
CREATE EXTENSION userlock;
SELECT state FROM register_user('alice');
SELECT state FROM lock_user('alice');
SELECT state FROM unlock_user('alice');
SELECT * FROM verify();
TRUNCATE account, event, profile;
