-- The documents' promises, one assertion each.
BEGIN;
SELECT plan(44);
SET search_path = public, userlock, userlock_private;
CREATE ROLE promises_support;

-- Concepts
SELECT is((register_user('alice')).state, 'active', 'a registered user is active');
SELECT is((user_status('alice')).sequence, 1::bigint, 'registration is event 1');
SELECT throws_ok($$SELECT register_user('alice')$$, 'PT409', 'user "alice" is already registered', 'a user is registered once');
SELECT is((lock_user('alice', 'five wrong passwords')).state, 'locked', 'lock_user locks');
SELECT throws_ok($$SELECT lock_user('alice')$$, 'PT400', 'user "alice" is already locked', 'a locked user cannot be locked');
SELECT is((lock_user('alice', idempotent => true)).sequence, 2::bigint, 'idempotent accepts it and writes nothing');
SELECT is((block_user('alice', 'fraud')).state, 'locked+blocked', 'lock and block are independent');
SELECT is((unlock_user('alice')).state, 'blocked', 'unlock never lifts a block');
SELECT is((lock_user('alice')).state, 'locked+blocked', 'a blocked user can be locked');
SELECT is((unblock_user('alice')).state, 'locked', 'unblock never lifts a lock');
SELECT is((unlock_user('alice')).state, 'active', 'unlock lifts the lock');
SELECT throws_ok($$SELECT unlock_user('alice')$$, 'PT400', 'user "alice" is not locked', 'a user who is not locked cannot be unlocked');
SELECT throws_ok($$SELECT unblock_user('alice')$$, 'PT400', 'user "alice" is not blocked', 'a user who is not blocked cannot be unblocked');
SELECT throws_ok($$SELECT unlock_user('bob')$$, 'PT404', 'user "bob" not found', 'an unknown user is not found');
SELECT throws_ok($$SELECT unlock_user('')$$, 'PT422', 'invalid user_id', 'an empty id is invalid');
SELECT throws_ok($$SELECT lock_user('alice', expected_sequence => 3)$$, 'PT412', 'user "alice" is at sequence 7, not 3', 'expected_sequence is checked');
SELECT is((lock_user('alice', expected_sequence => 7)).sequence, 8::bigint, '… and the right one passes');

-- History
SELECT results_eq(
    $$SELECT sequence, kind FROM user_history WHERE user_id = 'alice' ORDER BY sequence$$,
    $$VALUES (1::bigint, 'registered' COLLATE "C"), (2, 'locked'), (3, 'blocked'), (4, 'unlocked'), (5, 'locked'), (6, 'unblocked'), (7, 'unlocked'), (8, 'locked')$$,
    'events are numbered without gaps');
SELECT is((SELECT reason FROM user_history WHERE sequence = 2), 'five wrong passwords', 'the reason is kept');
SELECT is((SELECT actor FROM user_history WHERE sequence = 2), session_user::text, 'the actor is the session user in plain SQL');
SET LOCAL request.jwt.claims = '{"sub": "support@example.com"}';
SELECT is((unlock_user('alice', details => '{"actor": "me"}')).state, 'active', 'a caller with claims');
RESET request.jwt.claims;
SELECT is((SELECT actor FROM user_history WHERE sequence = 9), 'support@example.com', '… is named by "sub", whatever the body says');
SELECT is((SELECT details FROM user_history WHERE sequence = 9), '{"actor": "me"}'::jsonb, '… and what the body says is kept as details');

-- Ends
SELECT is((lock_user('alice', until => clock_timestamp() + interval '50 milliseconds')).state, 'locked', 'a lock with an end');
SELECT is((SELECT state FROM restricted_users WHERE user_id = 'alice'), 'locked', '… shows in restricted_users');
SELECT pg_sleep(0.06);
SELECT is((user_status('alice')).state, 'active', '… is over at its end, in the same transaction');
SELECT is_empty($$SELECT FROM restricted_users$$, '… and gone from restricted_users');
SELECT is((SELECT at = until FROM user_history WHERE kind = 'lock_expired'), true, '… and in history at its moment');
SELECT is((user_status('alice')).sequence, 11::bigint, '… and counts as an event');
SELECT throws_ok($$SELECT lock_user('alice', until => now())$$, 'PT422', 'invalid until', 'an end has to be in the future');
SELECT lives_ok($$CREATE TEMPORARY TABLE told AS SELECT * FROM user_history$$, 'the history as it is told');
SELECT is(expire(), 1::bigint, 'expire() writes what has expired');
SELECT is_empty($$TABLE told EXCEPT TABLE user_history$$, '… and history reads the same before and after');

-- Many
SELECT results_eq(
    $$SELECT user_id, outcome FROM lock_users('{bob,alice}')$$,
    $$VALUES ('alice', 'changed'), ('bob', 'user_not_found')$$, 'a set-based call has an outcome for each id');

-- Deletion
SELECT is((delete_user('alice')).state, 'locked', 'delete_user returns the last state');
SELECT is((register_user('alice')).sequence, 14::bigint, 'history goes on when the id comes back');

-- Retention
SELECT is((erase_user('alice')).events, 14::bigint, 'erase_user removes the whole history');
SELECT throws_ok($$SELECT export_user('alice')$$, 'PT404', NULL, '… and nothing is kept of the user');
SELECT is((register_user('alice')).sequence, 2::bigint, '… whose id may be used again, with old tokens void');
SELECT throws_ok($$SELECT prune_history(now() - interval '1 day')$$, 'PT422', 'invalid retention', 'nothing is pruned that is younger than a week');

-- Permission
SELECT function_privs_are('userlock', 'unlock_user', ARRAY['text', 'text', 'text', 'bigint', 'boolean', 'jsonb'],
    'promises_support', '{}'::text[], 'nobody may unlock until it is granted');
SELECT table_privs_are('userlock', 'restricted_users', 'promises_support', '{}'::text[], 'nobody may see who is restricted until it is granted');
SELECT table_privs_are('userlock_private', 'event', 'promises_support', '{}'::text[], 'nobody touches history');

SELECT is_empty($$SELECT * FROM verify()$$, 'every account is the fold of its events');
SELECT * FROM finish();
ROLLBACK;
