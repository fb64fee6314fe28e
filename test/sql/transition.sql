SET search_path = public, userlock, userlock_private;

-- Every state and every transition: the outcome, and whether an event was written.
CREATE FUNCTION pg_temp.make(name text, wanted user_lock_state) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM register_user(name);
    IF is_locked(wanted) THEN PERFORM lock_user(name, 'too many attempts'); END IF;
    IF is_blocked(wanted) THEN PERFORM block_user(name, 'under investigation'); END IF;
END $$;
CREATE FUNCTION pg_temp.attempt(transition text, wanted user_lock_state, idempotent boolean)
RETURNS TABLE (outcome text, sqlstate text, state user_lock_state, events bigint) LANGUAGE plpgsql AS $$
DECLARE
    name text := format('%s %s %s', transition, wanted, idempotent);
    o transition_outcome;
BEGIN
    PERFORM pg_temp.make(name, wanted);
    o := try_transition(transition, name, 'because', idempotent => attempt.idempotent);
    RETURN QUERY SELECT o.outcome, o.sqlstate, (o.status).state,
        (SELECT count(*) FROM event AS e WHERE e.user_id = name AND e.reason = 'because');
END $$;
SELECT wanted AS from_state, transition, strict.outcome, strict.sqlstate, strict.state, strict.events,
       idempotent.outcome AS idempotent, idempotent.state, idempotent.events
FROM (VALUES ('active'::user_lock_state), ('locked'), ('blocked'), ('locked+blocked')) AS s(wanted)
CROSS JOIN unnest(ARRAY['lock', 'unlock', 'block', 'unblock']) AS t(transition)
CROSS JOIN LATERAL pg_temp.attempt(transition, wanted, false) AS strict
CROSS JOIN LATERAL pg_temp.attempt(transition, wanted, true) AS idempotent
ORDER BY wanted, transition;

-- Refusals as errors: the message names the user, the detail the state, the constraint the rule.
SELECT (register_user('alice')).state;
CREATE FUNCTION pg_temp.refuse(statement text)
RETURNS TABLE (code text, message text, detail text, hint text, "constraint" text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RAISE EXCEPTION 'not refused: %', statement;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT, "constraint" = CONSTRAINT_NAME;
    RETURN NEXT;
END $$;
\x on
SELECT * FROM pg_temp.refuse($$SELECT unlock_user('alice')$$);
SELECT * FROM pg_temp.refuse($$SELECT unblock_user('alice')$$);
SELECT (lock_user('alice')).state;
SELECT * FROM pg_temp.refuse($$SELECT lock_user('alice')$$);
SELECT (block_user('alice')).state;
SELECT * FROM pg_temp.refuse($$SELECT block_user('alice')$$);
SELECT * FROM pg_temp.refuse($$SELECT unlock_user('nobody')$$);
SELECT * FROM pg_temp.refuse($$SELECT unlock_user('alice', expected_sequence => 1)$$);
SELECT * FROM pg_temp.refuse($$SELECT register_user('alice')$$);
\x off

-- expected_sequence: the right one passes, any other is refused before the state is judged.
SELECT state, sequence FROM unlock_user('alice', expected_sequence => 3);
SELECT code, message FROM pg_temp.refuse($$SELECT unlock_user('alice', expected_sequence => 3)$$);
SELECT code, message FROM pg_temp.refuse($$SELECT unlock_user('alice', expected_sequence => 0)$$);
SELECT code, message FROM pg_temp.refuse($$SELECT unlock_user('alice', expected_sequence => 4)$$);
SELECT code, message FROM pg_temp.refuse($$SELECT unlock_user('alice', expected_sequence => 3, idempotent => true)$$);
SELECT state, sequence FROM unlock_user('alice', expected_sequence => 4, idempotent => true);

-- What idempotent finds done already stays as it was: the first reason, the first end.
SELECT state, sequence, locked_until FROM lock_user('alice', 'first', until => 'infinity');
SELECT state, sequence, locked_until FROM lock_user('alice', 'second', until => '3000-01-01', idempotent => true);
SELECT user_id, state, lock_reason, locked_until, block_reason, blocked_until FROM restricted_users WHERE user_id = 'alice';

-- Reason, end and details go into history.
SELECT (unlock_user('alice')).state;
SELECT state, locked_until AT TIME ZONE 'UTC' AS locked_until
FROM lock_user('alice', 'wrong passwords', '3000-01-01 00:00+00', details => '{"attempts": 5}');
SELECT sequence, kind, from_state, to_state, reason, until AT TIME ZONE 'UTC' AS until, details, actor = session_user AS by_me
FROM user_history WHERE user_id = 'alice' ORDER BY sequence;

-- A user's events are in order by time as by sequence, each from where the last one ended.
SELECT count(*) AS out_of_order FROM (
    SELECT at <= lag(at) OVER w AS late, from_state IS DISTINCT FROM lag(to_state) OVER w AS torn
    FROM event WINDOW w AS (PARTITION BY tenant, user_id ORDER BY sequence)) AS e
WHERE late OR torn;

-- A clock that was set back does not bend history.
BEGIN;
UPDATE account SET changed_at = now() + interval '1 hour', access_valid_after = now() + interval '1 hour' WHERE user_id = 'alice';
UPDATE event SET at = now() + interval '1 hour' WHERE user_id = 'alice' AND sequence = 7;
SELECT sequence, changed_at > now() + interval '59 minutes' AS after_the_last FROM unlock_user('alice');
COMMIT;
SELECT * FROM verify();
TRUNCATE account, event, profile;
