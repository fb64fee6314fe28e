-- The README's transcript; tools/lint holds the two together.
SET search_path = public, userlock, userlock_private;
SELECT user_id, state, sequence FROM register_user('alice');
SELECT user_id, state, sequence FROM lock_user('alice', 'five wrong passwords', until => now() + interval '30 minutes');
SELECT lock_user('alice');
SELECT user_id, state, sequence FROM unlock_user('alice', 'called in');
SELECT sequence, kind, from_state, to_state, reason FROM user_history;
TRUNCATE account, event;
