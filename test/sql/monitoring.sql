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
SELECT jsonb_pretty(token - 'iat' #- '{events,https://schemas.openid.net/secevent/risc/event-type/account-disabled,event_timestamp}') AS token,
    (token ->> 'iat')::numeric = floor(extract(epoch FROM at)) AS in_seconds
FROM security_events WHERE tenant = 'acme' AND user_id = 'alice' AND type = 'account-disabled';
SELECT count(*) = count(DISTINCT token ->> 'jti') AS unique FROM security_events;

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
TRUNCATE account, event, login_failure;

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
    PERFORM set_config('request.jwt.claims', json_build_object('tenant', claimed)::text, false);
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
RESET enable_indexscan;
RESET enable_bitmapscan;
RESET ROLE;
RESET request.jwt.claims;
REVOKE ALL ON statistics FROM regress_userlock_reader;
DROP ROLE regress_userlock_reader;
DROP FUNCTION public.rows_read(text, text), public.rows_read(), public.leak;
TRUNCATE account, event, login_failure;
