-- Metrics, and events for receivers downstream.
SET search_path = userlock, userlock_private, public;
SELECT count(register_user(id, tenant)) FROM unnest(ARRAY['alice', 'bob', 'carol', 'dave']) AS id, unnest(ARRAY['acme', 'globex']) AS tenant;
SELECT count(lock_user('alice', 'phished', tenant => tenant)) FROM unnest(ARRAY['acme', 'globex']) AS tenant;
SELECT count(block_user('alice', tenant => 'acme'));
SELECT count(lock_user('bob', until => clock_timestamp() + interval '0.1 s', tenant => 'acme'));
SELECT count(record_login_failure('carol', 'acme')), count(record_login_failure('ghost', 'acme')) FROM generate_series(1, 12);
SELECT pg_sleep(0.2);
SELECT * FROM statistics ORDER BY metric, tenant, label;
-- A caller's claims hold them here as well.
SET request.jwt.claims = '{"tenant":"globex"}';
SELECT * FROM statistics ORDER BY metric, tenant, label;
SELECT DISTINCT tenant FROM security_events;
RESET request.jwt.claims;

SELECT count(unlock_user('alice', tenant => 'acme')), count(unblock_user('alice', tenant => 'acme'));
SELECT count(revoke_access('dave', tenant => 'acme')), count(delete_user('dave', tenant => 'acme'));
SELECT user_id, sequence, type FROM security_events WHERE tenant = 'acme' ORDER BY user_id, sequence, type;

-- The tokens of a user's whole life: of each event, what a receiver is told, by whom and why.
SELECT (register_user('erin', 'initech', '{"emails":[{"value":"Erin@example.com"}]}')).state;
SELECT (set_profile('erin', '{"emails":[{"value":"erin@example.com"}]}', tenant => 'initech')).state;
SELECT (lock_user('erin', until => clock_timestamp() + interval '0.1 s', tenant => 'initech')).state;
SELECT pg_sleep(0.2);
SELECT (block_user('erin', 'fraud', tenant => 'initech')).state;
SELECT (lock_user('erin', '', tenant => 'initech')).state;
SELECT (unblock_user('erin', tenant => 'initech')).state;
SELECT (unlock_user('erin', 'cleared', tenant => 'initech')).state;
SELECT (revoke_access('erin', tenant => 'initech')).state;
SELECT count(record_login_failure('erin', 'initech')) FROM generate_series(1, 10);
SELECT (unlock_user('erin', tenant => 'initech')).state;
SELECT (lock_user('erin', 'failed logins', tenant => 'initech')).state;
SELECT (delete_user('erin', tenant => 'initech')).state;
SELECT (register_user('erin', 'initech', '{"emails":[{"value":"other@example.com"}]}')).state;
SELECT (unlock_user('erin', tenant => 'initech')).state;
SELECT (block_user('erin', until => clock_timestamp() + interval '0.1 s', tenant => 'initech')).state;
SELECT pg_sleep(0.2);
SELECT h.sequence, h.kind, e.type, claims.* FROM user_history AS h
LEFT JOIN security_events AS e USING (tenant, user_id, sequence)
LEFT JOIN LATERAL jsonb_each(e.token -> 'events') AS event (uri, body) ON true
LEFT JOIN LATERAL jsonb_to_record(event.body) AS claims (initiating_entity text, reason_admin jsonb) ON true
WHERE tenant = 'initech' ORDER BY h.sequence, e.type;

-- Each has the claims of RFC 8417 that the transmitter does not add, and one event with those of CAEP.
SELECT e.type, count(*), string_agg(DISTINCT event.uri, ' ') AS uri,
    bool_and(ARRAY(SELECT jsonb_object_keys(token) ORDER BY 1) = '{events,iat,jti,sub_id,txn}') AS claims,
    bool_and(ARRAY(SELECT jsonb_object_keys(event.body) ORDER BY 1) = '{event_timestamp,initiating_entity,reason_admin}') AS claims_of_event,
    bool_and(jsonb_typeof(event.body -> 'event_timestamp') = 'number' AND event.body ->> 'event_timestamp' = floor(extract(epoch FROM at))::text) AS event_timestamp,
    bool_and(event.body #>> '{reason_admin,en}' <> '') AS reason,
    bool_and(token ->> 'jti' ~ '^[0-9a-f]{64}$' AND token ->> 'txn' ~ '^[0-9a-f]{64}$') AS hashed
FROM security_events AS e, jsonb_each(e.token -> 'events') AS event (uri, body) GROUP BY e.type ORDER BY e.type;
-- A jti is of one token, a txn of one event.
SELECT count(*) = count(DISTINCT token ->> 'jti') AS unique_jti,
    count(DISTINCT token ->> 'txn') = count(DISTINCT (tenant, user_id, sequence)) AND count(DISTINCT token ->> 'txn') = count(DISTINCT (token ->> 'txn', tenant, user_id, sequence)) AS txn_of_event
FROM security_events;
-- Both are the same whenever and wherever they are read, of an end also before it is written.
CREATE TEMPORARY TABLE reading AS SELECT tenant, user_id, sequence, type, token ->> 'jti' AS jti, token ->> 'txn' AS txn FROM security_events;
SET TimeZone = 'Asia/Kathmandu';
SET DateStyle = 'German';
SELECT expire() > 0 AS written;
SELECT count(*) > 10 AS all_the_same FROM security_events AS e FULL JOIN reading AS r USING (tenant, user_id, sequence, type)
HAVING bool_and(coalesce(e.token ->> 'jti' = r.jti AND e.token ->> 'txn' = r.txn, false));
RESET TimeZone;
RESET DateStyle;

-- Of one that is long past: issued when it is read.
INSERT INTO event VALUES ('initech', 'milton', 2, 'locked', 'active', 'locked', '2026-01-02 03:04:05.678901+00', 'app');
SELECT type, jsonb_pretty(token - 'iat') AS token,
    jsonb_typeof(token -> 'iat') = 'number' AND (token ->> 'iat')::bigint BETWEEN floor(extract(epoch FROM statement_timestamp())) AND extract(epoch FROM clock_timestamp()) AS issued_now
FROM security_events WHERE tenant = 'initech' AND user_id = 'milton' ORDER BY type;

-- Who it is: with an issuer the user's id, always. Without, the address that they have,
-- but not for events of a deleted account, whose id may be somebody else's now; else opaque.
SELECT count(register_user(id, 'initech', profile)) FROM (VALUES
    ('nobody', NULL), ('blank', '{"emails":[{"value":""}]}'::jsonb), ('garbled', '{"emails":[{"value":"at home"}]}'),
    ('two', '{"emails":[{"value":"a@example.com"},{"value":"b@example.com","primary":true}]}')) AS t (id, profile);
SELECT (register_user('two', 'other', '{"emails":[{"value":"c@example.com"}]}')).state;
SELECT count(lock_user(id, tenant => 'initech')) FROM unnest('{nobody,blank,garbled,two}'::text[]) AS id;
SELECT user_id, min(sequence), max(sequence), token -> 'sub_id' AS sub_id FROM security_events WHERE tenant = 'initech' GROUP BY user_id, token -> 'sub_id' ORDER BY 1, 2;
SET userlock.issuer = 'https://id.example.com';
SELECT user_id, min(sequence), max(sequence), token -> 'sub_id' AS sub_id FROM security_events WHERE tenant = 'initech' GROUP BY user_id, token -> 'sub_id' ORDER BY 1, 2;
RESET userlock.issuer;
-- What is no issuer.
SET userlock.issuer = 'https://id.example.com ';
SET userlock.issuer = E'https://id.example.com\n';
SET userlock.issuer = U&'https://id.example.com/\00fc';
SELECT set_config('userlock.issuer', 'https://' || repeat('x', 193), false);
SELECT length(set_config('userlock.issuer', 'https://' || repeat('x', 192), false));
SET userlock.issuer = '';

-- All that takes is SELECT on the view; and what to call users is not the reader's choice.
CREATE ROLE regress_userlock_transmitter;
GRANT SELECT ON security_events TO regress_userlock_transmitter;
SET ROLE regress_userlock_transmitter;
SELECT type, token -> 'sub_id' AS sub_id FROM userlock.security_events WHERE tenant = 'initech' AND user_id = 'two' ORDER BY type;
SET userlock.issuer = 'https://mallory.example.com';
RESET ROLE;
DROP OWNED BY regress_userlock_transmitter;
DROP ROLE regress_userlock_transmitter;

-- Whoever a query finds, each with an outcome; for more than an array of ids takes.
SELECT user_id, outcome, (status).state FROM unlock_users(ARRAY(SELECT user_id FROM restricted_users WHERE tenant = 'acme' AND lock_reason = 'failed logins'), tenant => 'acme');
SELECT o.user_id, o.outcome
FROM (SELECT tenant, user_id FROM restricted_users WHERE lock_reason = 'phished' ORDER BY tenant, user_id) AS found,
    LATERAL try_transition('unlock', found.user_id, tenant => found.tenant) AS o;

-- Nobody reads them until it is granted.
CREATE ROLE regress_userlock_nobody;
SET ROLE regress_userlock_nobody;
SELECT FROM statistics;
SELECT FROM security_events;
RESET ROLE;
DROP ROLE regress_userlock_nobody;
TRUNCATE account, event, profile, login_failure;

-- Numbers that were stored are added to, and are what counting everything comes to.
CREATE VIEW public.difference AS
WITH now AS (SELECT metric, tenant, label, value FROM statistics WHERE metric IN ('users', 'events', 'failed_logins') AND value <> 0),
    counted AS (
        SELECT 'users', tenant, label, value FROM count_users(clock_timestamp()) WHERE value <> 0
        UNION ALL SELECT 'events', tenant, label, value FROM count_events()
        UNION ALL SELECT 'failed_logins', tenant, label, value FROM count_failed_logins() WHERE value <> 0)
(TABLE now EXCEPT TABLE counted) UNION ALL (TABLE counted EXCEPT TABLE now);
-- As if it had happened so long ago.
CREATE PROCEDURE public.put_back(by interval) LANGUAGE sql
BEGIN ATOMIC
    UPDATE event SET at = event.at - by, until = event.until - by;
    UPDATE account SET created_at = created_at - by, changed_at = changed_at - by, locked_at = locked_at - by, locked_until = locked_until - by,
        blocked_at = blocked_at - by, blocked_until = blocked_until - by, access_valid_after = access_valid_after - by;
END;
SELECT count(register_user('u' || n, tenant)) FROM generate_series(1, 5) AS n, unnest(ARRAY['acme', 'globex']) AS tenant;
SELECT count(lock_user('u1', tenant => tenant)), count(block_user('u2', tenant => tenant)) FROM unnest(ARRAY['acme', 'globex']) AS tenant;
-- Locked for less long than blocked: the end of the lock passes before the count, the other after.
SELECT (lock_user('u3', until => clock_timestamp() + interval '1 hour', tenant => 'acme')).state, (block_user('u3', until => clock_timestamp() + interval '2 hours 1 second', tenant => 'acme')).state;
SELECT count(record_login_failure('u1', 'acme')), count(record_login_failure('u5', 'acme')) FROM generate_series(1, 3);
TABLE difference;
CALL public.put_back('2 hours');
SELECT * FROM verify();
SELECT refresh_statistics();
TABLE difference;
-- What is there now is in what is stored, but for the end that is to come.
SELECT tenant, metric, label, value FROM tally WHERE value <> 0 ORDER BY tenant, metric, label;
SELECT DISTINCT metric, label, value BETWEEN extract(epoch FROM clock_timestamp()) - 10 AND extract(epoch FROM clock_timestamp()) AS now FROM statistics WHERE metric NOT IN ('users', 'events', 'failed_logins');
SELECT pg_sleep(1.1);
TABLE difference;
-- All that can happen to a user, in one transaction or not; one who is new, and a tenant.
BEGIN;
SELECT (unlock_user('u1', tenant => 'acme')).state, (unblock_user('u2', tenant => 'acme')).state, (lock_user('u3', tenant => 'acme')).state, (revoke_access('u4', tenant => 'acme')).state;
SAVEPOINT later;
SELECT (block_user('u3', tenant => 'acme')).state;
TABLE difference;
ROLLBACK TO later;
TABLE difference;
COMMIT;
SELECT (delete_user('u1', tenant => 'acme')).state, (delete_user('u1', tenant => 'globex')).state, (register_user('u6', 'acme')).state, (register_user('u1', 'initech')).state, (register_user('u1', 'globex')).state;
SELECT (lock_user('u5', until => clock_timestamp() + interval '0.1 s', tenant => 'globex')).state, (lock_user('u1', until => clock_timestamp() + interval '0.1 s', tenant => 'initech')).state;
SELECT pg_sleep(0.2);
TABLE difference;
SELECT expire() > 0 AS written;
TABLE difference;
SELECT metric, label, value FROM statistics WHERE tenant = 'acme' AND metric IN ('users', 'events', 'failed_logins') ORDER BY metric, label;
-- Of failed logins the number is that of the last time.
SELECT count(record_login_failure('u5', 'acme')) FROM generate_series(1, 2);
SELECT * FROM difference ORDER BY value;
-- All are counted, whoever asks.
SET request.jwt.claims = '{"tenant":"globex"}';
SELECT refresh_statistics();
TABLE difference;
RESET request.jwt.claims;
TABLE difference;
SELECT count(DISTINCT counted_at) AS times, count(*) AS tenants FROM counting;

-- Where the clock had been ahead and was set back, the end of a lock comes after the
-- event before it.
UPDATE account SET changed_at = changed_at + interval '1 day' WHERE (tenant, user_id) = ('acme', 'u6');
SELECT (lock_user('u6', until => clock_timestamp() + interval '0.1 s', tenant => 'acme')).state;
TRUNCATE tally, counting;
CALL public.put_back('1 hour');
SELECT refresh_statistics();
TABLE difference;
SELECT (unlock_user('u3', tenant => 'acme')).state;
SELECT expire() > 0 AS written;
TABLE difference;
-- And where the clock is set back after the count, the next one has it.
UPDATE counting SET counted_at = counted_at + interval '1 day', counted_from = counted_from + interval '1 day', ends_from = ends_from + interval '1 day';
SELECT (lock_user('u2', tenant => 'acme')).state;
SELECT refresh_statistics();
SELECT * FROM difference WHERE metric = 'users';
SELECT (unlock_user('u2', tenant => 'acme')).state;
SELECT * FROM difference WHERE metric = 'users';

-- Events are counted on when history goes.
TRUNCATE tally, counting;
CALL public.put_back('1 hour');
SELECT refresh_statistics();
CREATE TEMPORARY TABLE before AS SELECT tenant, label, value FROM statistics WHERE metric = 'events';
DELETE FROM event WHERE tenant = 'acme' AND sequence = 1;
SELECT refresh_statistics();
SELECT (lock_user('u2', tenant => 'acme')).state;
SELECT s.tenant, s.label, s.value - b.value AS more FROM statistics AS s FULL JOIN before AS b USING (tenant, label) WHERE s.metric = 'events' AND s.value IS DISTINCT FROM b.value;
SELECT * FROM difference WHERE metric = 'users';
-- Whoever is removed without an event is taken off; what they did still counts.
SELECT count(erase_user(id, 'acme')) FROM unnest(ARRAY['u2', 'u3']) AS id;
SELECT s.tenant, s.label, s.value - b.value AS more FROM statistics AS s FULL JOIN before AS b USING (tenant, label) WHERE s.metric = 'events' AND s.value IS DISTINCT FROM b.value;
SELECT * FROM difference WHERE metric = 'users';
SELECT refresh_statistics();
SELECT s.tenant, s.label, s.value - b.value AS more FROM statistics AS s FULL JOIN before AS b USING (tenant, label) WHERE s.metric = 'events' AND s.value IS DISTINCT FROM b.value;
SELECT * FROM difference WHERE metric = 'users';

-- What verify() finds is kept until it is asked again.
SELECT count(*) FROM statistics WHERE metric LIKE 'verif%';
SELECT refresh_statistics(verify => true);
SELECT tenant, value, value = (SELECT count(*) FROM verify() AS v WHERE v.tenant = s.tenant) AS agrees FROM statistics AS s WHERE metric = 'verify_problems' ORDER BY tenant;
CREATE TEMPORARY TABLE verified AS SELECT value FROM statistics WHERE metric = 'verified_at';
UPDATE account SET state = 'locked' WHERE tenant = 'globex' AND user_id IN ('u4', 'u5');
SELECT pg_sleep(1);
SELECT refresh_statistics();
SELECT tenant, value FROM statistics WHERE metric = 'verify_problems' ORDER BY tenant;
SELECT value = ANY (TABLE verified) AS as_before FROM statistics WHERE metric = 'verified_at';
SELECT refresh_statistics(true);
SELECT tenant, value FROM statistics WHERE metric = 'verify_problems' ORDER BY tenant;
SELECT value = ANY (TABLE verified) AS as_before FROM statistics WHERE metric = 'verified_at';
DROP VIEW public.difference;
DROP PROCEDURE public.put_back;

-- Nobody refreshes them until it is granted; whoever does may do nothing else.
CREATE ROLE regress_userlock_clock;
SET ROLE regress_userlock_clock;
SELECT userlock.refresh_statistics();
RESET ROLE;
GRANT EXECUTE ON FUNCTION refresh_statistics TO regress_userlock_clock;
SET ROLE regress_userlock_clock;
SELECT userlock.refresh_statistics(true);
SELECT FROM userlock.verify();
RESET ROLE;
REVOKE ALL ON FUNCTION refresh_statistics FROM regress_userlock_clock;
DROP ROLE regress_userlock_clock;
TRUNCATE account, event, profile, login_failure, tally, counting;

-- Whoever has claims is shown what is theirs, and no row of a bigger tenant is read for it:
-- how long it takes tells nothing of others.
INSERT INTO account SELECT tenant, n, 'active', 1, now(), now() FROM unnest(ARRAY['acme', 'globex']) AS tenant, generate_series(1, CASE tenant WHEN 'acme' THEN 2000 ELSE 3 END) AS n;
INSERT INTO event SELECT tenant, user_id, 1, 'registered', NULL, 'active', created_at FROM account;
INSERT INTO login_failure SELECT tenant, user_id, '', 1, 1, 1, now(), 0, 0, NULL, 1 FROM account;
ANALYZE account, event, login_failure;
CREATE FUNCTION public.rows_read(query text, claimed text, OUT account bigint, OUT event bigint, OUT login_failure bigint) LANGUAGE plpgsql AS $$
DECLARE
    rows_before bigint[] := public.rows_read();
    read bigint[];
BEGIN
    PERFORM set_config('request.jwt.claims', CASE WHEN claimed IS NULL THEN '' ELSE json_build_object('tenant', claimed)::text END, false);
    EXECUTE format('SELECT count(q) FROM (%s) AS q', query);
    read := public.rows_read();
    account := read[1] - rows_before[1];
    event := read[2] - rows_before[2];
    login_failure := read[3] - rows_before[3];
END
$$;
CREATE FUNCTION public.rows_read() RETURNS bigint[] LANGUAGE sql VOLATILE
RETURN (SELECT array_agg(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) ORDER BY relname COLLATE "C")
    FROM pg_stat_xact_user_tables WHERE schemaname = 'userlock_private' AND relname IN ('account', 'event', 'login_failure'));
-- Twice three rows at most: which index is asked is the planner's.
SELECT query, greatest(r.account, r.event, r.login_failure) <= 6 AS only_own
FROM unnest(ARRAY['TABLE statistics', 'TABLE users', 'TABLE user_history', 'TABLE restricted_users', 'TABLE security_events', 'SELECT * FROM verify()']) AS query,
    public.rows_read(query, 'globex') AS r
ORDER BY query;

-- Once they are stored nobody reads accounts for numbers, with claims or without.
RESET request.jwt.claims;
SELECT refresh_statistics();
SELECT claimed, r.account, r.login_failure FROM unnest(ARRAY['globex', 'acme', NULL]) AS claimed, public.rows_read('TABLE statistics', claimed) AS r;
SELECT tenant, metric, label, value FROM statistics WHERE metric <> 'counted_at' AND value <> 0 ORDER BY tenant, metric, label;
TRUNCATE tally, counting;

-- Nor does a reader see through it with a function that is cheap and leaks.
CREATE ROLE regress_userlock_reader;
GRANT SELECT ON statistics TO regress_userlock_reader;
SET request.jwt.claims = '{"tenant":"globex"}';
CREATE FUNCTION public.leak(text) RETURNS boolean LANGUAGE plpgsql STABLE COST 0.0000001
AS $$ BEGIN IF $1 <> 'globex' THEN RAISE NOTICE 'leaked %', $1; END IF; RETURN true; END $$;
SET ROLE regress_userlock_reader;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SELECT DISTINCT tenant FROM userlock.statistics WHERE public.leak(tenant);
RESET ROLE;
SELECT refresh_statistics();
SET ROLE regress_userlock_reader;
SELECT DISTINCT tenant FROM userlock.statistics WHERE public.leak(tenant);
RESET enable_indexscan;
RESET enable_bitmapscan;
RESET ROLE;
RESET request.jwt.claims;
REVOKE ALL ON statistics FROM regress_userlock_reader;
DROP ROLE regress_userlock_reader;
DROP FUNCTION public.rows_read(text, text), public.rows_read(), public.leak;
TRUNCATE account, event, login_failure, tally, counting, erasure, erasure_key;
