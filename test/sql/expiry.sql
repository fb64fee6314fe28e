SET search_path = public, userlock, userlock_private;
CREATE VIEW public.story AS
SELECT user_id, sequence, kind, from_state, to_state, actor IS NOT NULL AS has_actor, at = until AS at_its_end
FROM user_history;

SELECT state FROM register_user('alice');
SELECT state FROM lock_user('alice', 'five wrong passwords', clock_timestamp() + interval '1 second');
SELECT user_id, state, lock_reason FROM restricted_users;
SELECT pg_sleep(1.01);

-- It has ended, whoever looks, and nothing had to be written.
SELECT state, sequence, locked_until FROM user_status('alice');
SELECT count(*) AS restricted FROM restricted_users;
SELECT * FROM story ORDER BY sequence;
SELECT state, sequence FROM account;
SELECT unlock_user('alice');
SELECT state, sequence FROM unlock_user('alice', idempotent => true);

-- In a read-only transaction too, and in a transaction that began before it ended.
BEGIN READ ONLY;
SELECT state, sequence FROM user_status('alice');
SELECT count(*) AS restricted FROM restricted_users;
SELECT * FROM story ORDER BY sequence;
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT state FROM register_user('bob');
SELECT state FROM block_user('bob', until => clock_timestamp() + interval '0.2 seconds');
SELECT state FROM user_status('bob');
DO $$
BEGIN
    -- One statement, however long: the clock goes on.
    PERFORM pg_sleep(0.21);
    ASSERT (user_status('bob')).state = 'active';
    ASSERT NOT EXISTS (SELECT FROM restricted_users WHERE user_id = 'bob');
END $$;
COMMIT;

-- The sequence that was read while locked is not the sequence any more.
SELECT unlock_user('alice', expected_sequence => 2);

-- The next transition writes what it finds expired, at the moment it ended.
SELECT state, sequence FROM lock_user('alice', expected_sequence => 3);
SELECT * FROM story WHERE user_id = 'alice' ORDER BY sequence;
SELECT * FROM verify();

-- expire() writes the rest; the story is the same before and after.
CREATE TEMPORARY TABLE told AS SELECT * FROM user_history;
SELECT expire();
SELECT count(*) AS changed FROM (TABLE told EXCEPT TABLE user_history) AS lost;
SELECT count(*) AS changed FROM (TABLE user_history EXCEPT TABLE told) AS gained;
SELECT state, sequence, block_sequence, blocked_until FROM account WHERE user_id = 'bob';
SELECT expire() AS nothing_left;
SELECT * FROM verify();

-- Two that end in one go are told in the order they ended, and the other way round.
SELECT (register_user(name)).state FROM unnest('{lock first, block first, together}'::text[]) AS name;
SELECT clock_timestamp() + interval '0.1 seconds' AS sooner, clock_timestamp() + interval '0.2 seconds' AS later \gset
SELECT state FROM lock_user('lock first', until => :'sooner');
SELECT state FROM block_user('lock first', until => :'later');
SELECT state FROM lock_user('block first', until => :'later');
SELECT state FROM block_user('block first', until => :'sooner');
SELECT state FROM lock_user('together', until => :'later');
SELECT state FROM block_user('together', until => :'later');
SELECT pg_sleep(0.21);
SELECT * FROM story WHERE user_id IN ('lock first', 'block first', 'together') AND sequence > 3 ORDER BY user_id, sequence;
CREATE TEMPORARY TABLE told_twice AS SELECT * FROM user_history;
SELECT state, sequence FROM revoke_access('lock first');
SELECT state, sequence FROM delete_user('block first');
SELECT expire();
SELECT count(*) AS changed FROM (TABLE told_twice EXCEPT TABLE user_history) AS lost;
SELECT * FROM story WHERE user_id IN ('lock first', 'block first', 'together') AND sequence > 3 ORDER BY user_id, sequence;
SELECT * FROM verify();

-- One restriction ends, the other stays.
SELECT state FROM register_user('carol');
SELECT state FROM lock_user('carol', 'attempts', clock_timestamp() + interval '0.1 seconds');
SELECT state FROM block_user('carol', 'fraud');
SELECT pg_sleep(0.11);
SELECT user_id, state, locked_until, lock_reason, locked_by, block_reason FROM restricted_users WHERE user_id = 'carol';
SELECT user_id, state, locked_until, sequence FROM users WHERE user_id = 'carol';
SELECT state, sequence, locked_until FROM unblock_user('carol');
SELECT * FROM story WHERE user_id = 'carol' ORDER BY sequence;

-- More than one batch of expiries.
SELECT count(register_user('batch ' || i)) FROM generate_series(1, 2500) AS i;
SELECT count(*) FROM lock_users(ARRAY(SELECT 'batch ' || i FROM generate_series(1, 2500) AS i),
                                until => clock_timestamp() + interval '3 seconds');
SELECT pg_sleep_until(max(until)) FROM event;
SELECT count(*) AS restricted FROM restricted_users WHERE user_id LIKE 'batch %';
SELECT expire();
SELECT * FROM verify();

-- Ends that pass in the middle of a call: what is refused is refused, what is
-- written is in order.
SELECT count(register_user('close ' || i)) FROM generate_series(1, 5000) AS i;
SELECT count(*) FROM lock_users(ARRAY(SELECT 'close ' || i FROM generate_series(1, 5000) AS i),
                                until => clock_timestamp() + interval '25 milliseconds');
SELECT count(*) AS ended_before_it_began FROM user_history WHERE kind = 'locked' AND until <= at;
DO $$
DECLARE
    ends timestamptz;
BEGIN
    -- A lock that is over already, and a block that ends while the next call is under way.
    FOR i IN 1..1000 LOOP
        ends := clock_timestamp() + interval '400 microseconds';
        CONTINUE WHEN (try_transition('lock', 'close ' || i, until => ends, idempotent => true)).outcome <> 'changed';
        CONTINUE WHEN (try_transition('block', 'close ' || i, until => ends + (10 + i % 60) * interval '1 microsecond')).outcome <> 'changed';
        WHILE clock_timestamp() <= ends LOOP END LOOP;
        PERFORM revoke_access('close ' || i);
    END LOOP;
END $$;
SELECT pg_sleep(0.03);
SELECT expire() >= 0 AS expired;
SELECT * FROM verify();

DROP VIEW public.story;
TRUNCATE account, event, profile;
