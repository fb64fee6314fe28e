SET search_path = public, userlock, userlock_private;

-- The four states, and nothing else.
SELECT state, state::text, is_active(state), is_locked(state), is_blocked(state)
FROM (VALUES ('active'::user_lock_state), ('locked'), ('blocked'), ('locked+blocked')) AS s(state);
SELECT ''::user_lock_state;
SELECT 'Locked'::user_lock_state;
SELECT ' locked'::user_lock_state;
SELECT 'blocked+locked'::user_lock_state;
SELECT 'locked+blocked+'::user_lock_state;
SELECT 'suspended'::text::user_lock_state;
SELECT is_locked(NULL) IS NULL AS null_in_null_out;

-- One byte, passed by value.
SELECT typlen, typbyval, typalign, typstorage FROM pg_type WHERE typname = 'user_lock_state';
SELECT state, user_lock_state_send(state)
FROM (VALUES ('active'::user_lock_state), ('locked'), ('blocked'), ('locked+blocked')) AS s(state);

-- A column of anybody's table: indexed, sorted, grouped, joined.
CREATE TABLE person (name text, state user_lock_state DEFAULT 'active');
INSERT INTO person
SELECT 'person ' || i, (ARRAY['blocked', 'active', 'locked+blocked', 'locked']::user_lock_state[])[1 + i % 4]
FROM generate_series(1, 1000) AS i;
INSERT INTO person (name) VALUES ('by default');
INSERT INTO person SELECT 'from text', 'locked'::text;
CREATE INDEX ON person (state);
ANALYZE person;
SELECT state, count(*) FROM person GROUP BY state ORDER BY state DESC;
SELECT DISTINCT state FROM person ORDER BY state;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT FROM person WHERE state = 'locked';
SELECT count(*) FROM person WHERE state = 'locked';
SELECT count(*) FROM person WHERE state > 'locked';
SELECT count(*) FROM person WHERE state BETWEEN 'locked' AND 'blocked';
RESET enable_seqscan;
SET enable_hashjoin = on;
SET enable_mergejoin = off;
SET enable_nestloop = off;
SELECT count(*) FROM person AS a JOIN (VALUES ('locked'::user_lock_state), ('blocked')) AS b(state) USING (state);
SET enable_hashjoin = off;
SET enable_mergejoin = on;
SELECT count(*) FROM person AS a JOIN (VALUES ('locked'::user_lock_state), ('blocked')) AS b(state) USING (state);
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_nestloop;

-- Every comparison agrees with the order, for every pair.
WITH s(state, place) AS (
    VALUES ('active'::user_lock_state, 0), ('locked', 1), ('blocked', 2), ('locked+blocked', 3)
)
SELECT count(*) AS pairs, bool_and(
    (a.state < b.state) = (a.place < b.place) AND (a.state <= b.state) = (a.place <= b.place) AND
    (a.state = b.state) = (a.place = b.place) AND (a.state <> b.state) = (a.place <> b.place) AND
    (a.state >= b.state) = (a.place >= b.place) AND (a.state > b.state) = (a.place > b.place) AND
    sign(user_lock_state_cmp(a.state, b.state)) = sign(a.place - b.place)) AS lawful
FROM s AS a CROSS JOIN s AS b;

-- Hash and extended hash agree at salt 0, and partitions can be made by it.
SELECT bool_and(user_lock_state_hash(state) = (user_lock_state_hash_extended(state, 0) & x'ffffffff'::bigint)::bit(32)::int) AS agree,
       count(DISTINCT user_lock_state_hash(state)) AS different
FROM (VALUES ('active'::user_lock_state), ('locked'), ('blocked'), ('locked+blocked')) AS s(state);
CREATE TABLE by_state (state user_lock_state) PARTITION BY HASH (state);
CREATE TABLE by_state_0 PARTITION OF by_state FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE by_state_1 PARTITION OF by_state FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO by_state SELECT state FROM person;
SELECT count(*) FROM by_state WHERE state = 'blocked';

-- The rules: every state and every transition.
SELECT state, transition, next_state(state, transition)
FROM (VALUES ('active'::user_lock_state), ('locked'), ('blocked'), ('locked+blocked')) AS s(state)
CROSS JOIN unnest(ARRAY['lock', 'unlock', 'block', 'unblock']) AS t(transition)
ORDER BY state, transition;
SELECT next_state('active', 'ban');

-- A restriction has ended at its very moment, not a microsecond before.
SELECT state_at('locked+blocked', '2030-01-01 00:00', NULL, '2029-12-31 23:59:59.999999') AS before,
       state_at('locked+blocked', '2030-01-01 00:00', NULL, '2030-01-01 00:00') AS at,
       state_at('locked+blocked', '2030-01-01', '2030-01-02', '2031-01-01') AS after;
SELECT * FROM pending_expiries('locked+blocked', 7, '2029-01-01 00:00+00', '2030-01-02 00:00+00', '2030-01-01 00:00+00', '2030-01-03');
SELECT * FROM pending_expiries('locked+blocked', 7, '2029-01-01 00:00+00', '2030-01-01 00:00+00', '2030-01-01 00:00+00', '2030-01-01 00:00+00');
SELECT count(*) FROM pending_expiries('locked+blocked', 7, '2029-01-01 00:00+00', '2030-01-01', NULL, '2029-01-01');
-- Never before the event before.
SELECT kind, at, until FROM pending_expiries('locked+blocked', 7, '2030-01-02 00:00+00', '2030-01-03 00:00+00', '2030-01-01 00:00+00', '2030-01-04');

DROP TABLE person, by_state;
