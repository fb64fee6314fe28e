SET search_path = public, userlock, userlock_private;
SELECT count(register_user(name)) FROM unnest('{alice,bob,carol,dave}'::text[]) AS name;
SELECT state FROM lock_user('bob', 'earlier');

-- One row for each id, in key order; one id's trouble is nobody else's.
SELECT left(user_id, 10) AS user_id, outcome, sqlstate, message, (status).state, (status).sequence
FROM lock_users(ARRAY['dave', 'carol', 'nobody', 'bob', '', repeat('x', 201), 'alice'], 'breach', 'infinity', details => '{"incident": 9}');
SELECT user_id, kind, reason, details FROM user_history WHERE sequence = 2 ORDER BY user_id;
SELECT user_id, outcome, (status).state FROM lock_users('{alice,bob}', idempotent => true);
SELECT user_id, outcome, (status).state FROM block_users('{alice,bob}', 'breach', 'infinity');
SELECT user_id, outcome, (status).state FROM unlock_users('{alice,bob,nobody}');
SELECT user_id, outcome, (status).state FROM unblock_users('{alice,bob,dave}', idempotent => true);
SELECT user_id, outcome FROM unlock_users('{carol}', tenant => 'acme');
SELECT count(*) AS none FROM unlock_users('{}');

-- A row says what the error would say.
\x on
SELECT user_id, outcome, sqlstate, message, detail, hint, (status).tenant, (status).state, (status).sequence FROM unlock_users('{alice}');
\x off

-- What is wrong with the call is an error, and nothing is changed.
SELECT unlock_users(NULL);
SELECT unlock_users('{carol,NULL}');
SELECT unlock_users('{carol,dave,carol}');
SELECT unlock_users('{{carol,dave}}');
SELECT unlock_users(ARRAY(SELECT 'user' || i FROM generate_series(1, 100000) AS i));
SELECT lock_users('{alice}', until => now() - interval '1 second');
SELECT lock_users('{alice}', tenant => '');
SELECT lock_users('{alice}', details => '[]');
SELECT user_id, state FROM restricted_users ORDER BY user_id;

-- The most that one call takes.
SELECT count(register_user('user' || i)) FROM generate_series(1, 9999) AS i;
SELECT outcome, sqlstate, count(*)
FROM lock_users(ARRAY(SELECT 'user' || i FROM generate_series(1, 10000) AS i)) GROUP BY 1, 2 ORDER BY 1;

SELECT * FROM verify();
TRUNCATE account, event, profile;
