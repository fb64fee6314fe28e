-- events_by_hour: how many events of each kind in each hour of the last seven days.
SET search_path = userlock, userlock_private, public;
\set VERBOSITY terse
\pset null -

-- What it is the same as, read the long way.
CREATE VIEW public.the_long_way AS
SELECT tenant, date_trunc('hour', at, 'UTC') AS hour, kind, count(*) AS events FROM user_history
WHERE at >= date_trunc('hour', clock_timestamp(), 'UTC') - interval '168 hours' AND at <= clock_timestamp() GROUP BY 1, 2, 3;
CREATE VIEW public.difference AS
(TABLE events_by_hour EXCEPT ALL TABLE the_long_way) UNION ALL (TABLE the_long_way EXCEPT ALL TABLE events_by_hour);

SELECT count(*) FROM events_by_hour;
SELECT count(register_user(id)) FROM unnest(ARRAY['alice', 'bob', 'carol']) AS id;
SELECT count(register_user('dave', 'acme')), count(block_user('dave', tenant => 'acme'));
SELECT count(lock_user(id, until => clock_timestamp() + interval '0.2 s')) FROM unnest(ARRAY['alice', 'bob']) AS id;
SELECT tenant, kind, sum(events), count(DISTINCT hour) <= 2 AS now FROM events_by_hour GROUP BY 1, 2 ORDER BY 1, 2;

-- An end that has passed counts, written or not.
SELECT pg_sleep(0.3);
SELECT tenant, kind, sum(events) FROM events_by_hour WHERE kind LIKE '%lock%' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT * FROM difference;
SELECT expire();
SELECT tenant, kind, sum(events) FROM events_by_hour WHERE kind LIKE '%lock%' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT * FROM difference;

-- What is older, and what a clock that was ahead has written, is not there; the first hour is whole.
INSERT INTO event (tenant, user_id, sequence, kind, to_state, at)
SELECT 'acme', 'erin', n, 'unlocked', 'active', date_trunc('hour', clock_timestamp(), 'UTC') + age
FROM unnest(ARRAY['-8760 hours', '-192 hours', '-168 hours -1 microsecond', '-168 hours', '-167 hours -1 microsecond', '-48 hours', '-47 hours -1 microsecond', '-47 hours', '1 hour', '8760 hours']::interval[]) WITH ORDINALITY AS e (age, n);
SELECT (extract(epoch FROM date_trunc('hour', clock_timestamp(), 'UTC') - hour) / 3600)::integer AS hours_ago, events
FROM events_by_hour WHERE kind = 'unlocked' ORDER BY 1 DESC;
-- Wherever the reader is.
SET timezone = 'Asia/Kolkata';
SELECT count(*), bool_and(extract(minute FROM hour AT TIME ZONE 'UTC') = 0) AS whole FROM events_by_hour;
SELECT * FROM difference;
RESET timezone;

-- For whom it is: the caller's tenants, for who was granted it, and no function of theirs sees more.
CREATE ROLE regress_userlock_reader NOLOGIN;
SET ROLE regress_userlock_reader;
SELECT count(*) FROM events_by_hour;
RESET ROLE;
GRANT SELECT ON userlock.events_by_hour TO regress_userlock_reader;
CREATE FUNCTION public.leak(value text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'saw %', value; RETURN true; END $$;
SET ROLE regress_userlock_reader;
SELECT DISTINCT tenant FROM events_by_hour ORDER BY 1;
SET request.jwt.claims = '{"tenant":"acme"}';
SELECT DISTINCT tenant FROM events_by_hour WHERE leak(tenant) AND kind = 'blocked';
SELECT count(*) FROM events_by_hour WHERE tenant = 'default';
SET request.jwt.claims = '{"tenant":"default","tenants":["acme"]}';
SELECT DISTINCT tenant FROM events_by_hour ORDER BY 1;
SET request.jwt.claims = '{"tenant":"elsewhere"}';
SELECT count(*) FROM events_by_hour;
SET request.jwt.claims = '{"tenant":5}';
SELECT count(*) FROM events_by_hour;
RESET request.jwt.claims;
RESET ROLE;
-- Superusers are held to their claims as well.
SET request.jwt.claims = '{"tenant":"acme"}';
SELECT DISTINCT tenant FROM events_by_hour;
RESET request.jwt.claims;

-- Of a long history it reads the last days, from an index, whoever asks for whatever.
INSERT INTO event (tenant, user_id, sequence, kind, to_state, at)
SELECT 'tenant' || n % 10, 'user' || n / 20, n % 20, 'access_revoked', 'active', clock_timestamp() - (200000 - n) * interval '200 days' / 200000
FROM generate_series(1, 200000) AS n;
VACUUM ANALYZE event;
CREATE FUNCTION public.how(query text, OUT of_event text[], OUT by_event_at boolean, OUT few_pages boolean) LANGUAGE plpgsql AS $$
DECLARE
    tables regclass[] := ARRAY(SELECT oid FROM pg_class WHERE relkind = 'r' AND coalesce(pg_partition_root(oid), oid) = 'userlock_private.event'::regclass);
    before bigint := (SELECT sum(pg_stat_get_xact_blocks_fetched(t)) FROM unnest(tables) AS t);
    plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO plan;
    of_event := ARRAY(SELECT DISTINCT node ->> 'Node Type' FROM jsonb_path_query(plan, 'strict $.** ? (@."Relation Name" like_regex "^event(_[0-9]+)?$")') AS node);
    by_event_at := jsonb_path_exists(plan, 'strict $.** ? (@."Index Name" like_regex "^event(_[0-9]+)?_at")');
    few_pages := (SELECT sum(pg_stat_get_xact_blocks_fetched(t)) - before < sum(pg_relation_size(t)) / 8192 / 3 FROM unnest(tables) AS t);
END
$$;
SELECT h.* FROM unnest(ARRAY['SELECT * FROM userlock.events_by_hour', $$SELECT * FROM userlock.events_by_hour WHERE tenant = 'tenant3' AND hour > now() - interval '1 day' ORDER BY hour$$]) AS query, how(query) AS h;
SET request.jwt.claims = '{"tenant":"tenant3","tenants":["tenant4"]}';
SELECT h.* FROM unnest(ARRAY['SELECT * FROM userlock.events_by_hour', $$SELECT * FROM userlock.events_by_hour WHERE tenant = 'tenant3' AND hour > now() - interval '1 day' ORDER BY hour$$]) AS query, how(query) AS h;
SET ROLE regress_userlock_reader;
SELECT sum(events) BETWEEN 1350 AND 1450 AS all_there FROM events_by_hour;
RESET ROLE;
RESET request.jwt.claims;
SELECT * FROM difference;

DROP VIEW public.difference, public.the_long_way;
DROP FUNCTION public.how, public.leak;
DROP OWNED BY regress_userlock_reader;
DROP ROLE regress_userlock_reader;
TRUNCATE account, event, profile;
