-- try_transition: what the set-based calls and the HTTP contracts stand on.
\set VERBOSITY terse
SET search_path = userlock, userlock_private, public;
SELECT state FROM register_user('alice');
SELECT state FROM lock_user('alice');

-- An outcome, never an error.
SELECT outcome, sqlstate, (status).state FROM try_transition('unlock', 'alice');
SELECT outcome, sqlstate, message, detail FROM try_transition('unlock', 'alice');
SELECT outcome, sqlstate, message, detail FROM try_transition('unlock', 'nobody');
SELECT outcome, sqlstate, message, detail, hint FROM try_transition('unlock', NULL);
SELECT outcome, sqlstate, message, detail, hint FROM try_transition('ban', 'alice');
SELECT outcome, sqlstate, message, detail, hint FROM try_transition(NULL, 'alice');
SELECT outcome, sqlstate, message, detail, hint FROM try_transition('unlock', 'alice', until => 'infinity');
SELECT outcome, sqlstate, message, detail, hint FROM try_transition('lock', 'alice', until => '-infinity');
SELECT outcome, sqlstate, message, detail, hint FROM try_transition('lock', 'alice', details => '1');
SELECT outcome, sqlstate, message, detail, hint FROM try_transition('lock', 'alice', tenant => repeat('t', 201));
SELECT outcome, sqlstate, message, detail, hint FROM try_transition('lock', 'alice', expected_sequence => 99);

-- In the expected state or not at all: unlocking a user who is blocked as well,
-- locking one who is blocked.
SELECT outcome, (status).state FROM try_transition('lock', 'alice', expected_state => 'active');
SELECT outcome, (status).state FROM try_transition('block', 'alice', expected_state => 'locked');
SELECT outcome, sqlstate, message, detail, hint FROM try_transition('unlock', 'alice', expected_state => 'locked');
SELECT outcome FROM try_transition('unlock', 'alice', expected_state => 'locked', idempotent => true);
SELECT outcome, (status).state, (status).sequence FROM try_transition('unlock', 'alice', expected_state => 'locked+blocked');
SELECT outcome FROM try_transition('lock', 'alice', expected_state => 'active');
SELECT outcome FROM try_transition('unblock', 'alice', expected_state => NULL);

-- What was set with the expected details is lifted, and nothing else is.
BEGIN;
SELECT state FROM block_user('alice', details => '{"sync": true, "run": 7}');
SELECT outcome, sqlstate, message, detail, hint FROM try_transition('unblock', 'alice', expected_details => '{"sync": false}');
SELECT outcome FROM try_transition('unblock', 'alice', expected_details => '{"sync": true, "run": 8}', idempotent => true);
SELECT outcome, sqlstate FROM try_transition('unblock', 'alice', expected_details => '{"sync": true}', expected_sequence => 1);
SELECT outcome, (status).state, (status).sequence FROM try_transition('unblock', 'alice', expected_details => '{"sync": true}', details => '{"sync": true}');
SELECT outcome FROM try_transition('unblock', 'alice', expected_details => '{"sync": true}');
SELECT outcome FROM try_transition('unblock', 'alice', expected_details => '{"sync": true}', idempotent => true);
SELECT state FROM block_user('alice');
SELECT outcome FROM try_transition('unblock', 'alice', expected_details => '{"sync": true}');
SELECT outcome FROM try_transition('unblock', 'alice', expected_details => '{}');
SELECT outcome FROM try_transition('unblock', 'alice', expected_details => NULL);
SELECT outcome, sqlstate, message, detail, hint FROM try_transition('lock', 'alice', expected_details => '{}');
ROLLBACK;

-- A restriction that has ended does not count towards the state.
BEGIN;
SELECT outcome FROM try_transition('block', 'alice', until => clock_timestamp() + interval '20 ms');
SELECT pg_sleep(0.03);
SELECT outcome, (status).state, (status).sequence FROM try_transition('lock', 'alice', expected_state => 'active');
COMMIT;

-- Access is revoked after a success, whether or not anything else changed, and
-- not twice where the transition does so itself.
CREATE TEMPORARY VIEW latest AS
SELECT sequence, kind, until IS NOT NULL AS ends, reason, details FROM event WHERE user_id = 'alice' ORDER BY sequence DESC LIMIT 2;
SELECT outcome, (status).state, (status).sequence
FROM try_transition('unlock', 'alice', 'over', details => '{"ticket": 1}', expected_sequence => 10, revoke_access => true);
SELECT * FROM latest;
SELECT outcome, (status).state, (status).sequence FROM try_transition('unlock', 'alice', idempotent => true, revoke_access => true);
SELECT * FROM latest;
SELECT outcome, (status).sequence FROM try_transition('lock', 'alice', until => now() + interval '1 hour', revoke_access => true);
SELECT sequence, kind FROM latest;
SELECT outcome, (status).sequence FROM try_transition('lock', 'alice', until => '2999-01-01', idempotent => true, revoke_access => true);
SELECT sequence, kind, ends FROM latest WHERE kind = 'access_revoked';
SELECT access_valid_after = changed_at AS raised FROM account;
-- A refusal revokes nothing.
SELECT outcome, (status).sequence FROM try_transition('lock', 'alice', revoke_access => true);
SELECT outcome FROM try_transition('lock', 'nobody', revoke_access => true);

-- Nor does it without EXECUTE on revoke_access.
CREATE ROLE regress_userlock_support;
GRANT EXECUTE ON FUNCTION try_transition, unlock_user TO regress_userlock_support;
SET ROLE regress_userlock_support;
SELECT outcome, sqlstate, message, hint FROM try_transition('unlock', 'alice', revoke_access => true);
SELECT outcome, message FROM try_transition('unlock', 'nobody', revoke_access => true);
SELECT outcome, message FROM try_transition('lock', 'alice', revoke_access => true);
SELECT outcome FROM try_transition('unlock', 'alice');
RESET ROLE;
DROP OWNED BY regress_userlock_support;
DROP ROLE regress_userlock_support;

SELECT * FROM verify();
TRUNCATE account, event, profile;
