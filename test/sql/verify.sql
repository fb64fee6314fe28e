SET search_path = public, userlock, userlock_private;
-- verify() finds whatever a hand in the tables could spoil, and names the account.
CREATE FUNCTION pg_temp.spoil(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE account, event;
    PERFORM register_user('alice');
    PERFORM lock_user('alice', until => now() + interval '1 hour');
    PERFORM block_user('alice');
    PERFORM unlock_user('alice');
    PERFORM revoke_access('alice');
    PERFORM register_user('bob');
    PERFORM lock_user('bob', until => now() + interval '1 hour');
    PERFORM register_user('gone');
    PERFORM delete_user('gone');
    PERFORM register_user('back');
    PERFORM delete_user('back');
    PERFORM register_user('back');
    EXECUTE statement;
    RETURN QUERY SELECT format('%s: %s', user_id, problem) FROM verify();
END $$;

SELECT count(*) AS sound FROM pg_temp.spoil('SELECT');
SELECT statement, found FROM unnest(ARRAY[
    $$DELETE FROM account WHERE user_id = 'alice'$$,
    $$DELETE FROM event WHERE user_id = 'alice'$$,
    $$DELETE FROM event WHERE user_id = 'alice' AND sequence = 1$$,
    $$DELETE FROM event WHERE user_id = 'alice' AND sequence = 3$$,
    $$DELETE FROM event WHERE user_id = 'alice' AND sequence = 5$$,
    $$UPDATE account SET state = 'active' WHERE user_id = 'bob'$$,
    $$UPDATE account SET sequence = sequence + 1 WHERE user_id = 'bob'$$,
    $$UPDATE account SET created_at = created_at - interval '1 day' WHERE user_id = 'bob'$$,
    $$UPDATE account SET changed_at = changed_at + interval '1 day' WHERE user_id = 'bob'$$,
    $$UPDATE account SET locked_until = NULL WHERE user_id = 'bob'$$,
    $$UPDATE account SET blocked_until = now() WHERE user_id = 'bob'$$,
    $$UPDATE account SET lock_sequence = 1 WHERE user_id = 'bob'$$,
    $$UPDATE account SET block_sequence = 1 WHERE user_id = 'bob'$$,
    $$UPDATE account SET access_valid_after = NULL WHERE user_id = 'alice'$$,
    $$UPDATE account SET access_valid_after = NULL WHERE user_id = 'back'$$,
    $$UPDATE event SET from_state = 'blocked' WHERE user_id = 'bob' AND sequence = 2$$,
    $$UPDATE event SET to_state = 'blocked' WHERE user_id = 'bob' AND sequence = 2$$,
    $$UPDATE event SET kind = 'blocked' WHERE user_id = 'bob' AND sequence = 2$$,
    $$UPDATE event SET kind = 'banned' WHERE user_id = 'bob' AND sequence = 2$$,
    $$UPDATE event SET at = at + interval '10 minutes' WHERE user_id = 'alice' AND sequence = 2$$,
    $$UPDATE event SET until = at WHERE user_id = 'bob' AND sequence = 2$$,
    $$UPDATE event SET to_state = 'active' WHERE user_id = 'gone' AND sequence = 2$$,
    $$INSERT INTO account (tenant, user_id, state, sequence, created_at, changed_at) VALUES ('default', 'gone', 'active', 2, now(), now())$$,
    $$INSERT INTO account (tenant, user_id, state, sequence, created_at, changed_at) VALUES ('default', 'new', 'active', 1, now(), now())$$
]) AS statement CROSS JOIN LATERAL pg_temp.spoil(statement) AS found;
TRUNCATE account, event, profile;
