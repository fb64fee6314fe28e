-- prune_history() drops what is old and nothing that anybody goes by; export_user()
-- shows all that is kept; verify() judges what stays, of one tenant too.
SET search_path = public, userlock, userlock_private;
\set VERBOSITY terse
\pset null -
-- Everything so far happened so much earlier.
CREATE FUNCTION public.pass(so_long interval) RETURNS void LANGUAGE plpgsql SET search_path = userlock, userlock_private, public AS $$
BEGIN
    UPDATE account SET created_at = created_at - so_long, changed_at = changed_at - so_long, locked_until = locked_until - so_long, blocked_until = blocked_until - so_long,
        access_valid_after = access_valid_after - so_long, locked_at = locked_at - so_long, blocked_at = blocked_at - so_long;
    UPDATE event SET at = at - so_long, until = until - so_long, details = CASE WHEN kind = 'pruned' THEN details
        || jsonb_build_object('created_at', (details ->> 'created_at')::timestamptz - so_long)
        || jsonb_strip_nulls(jsonb_build_object('access_valid_after', (details ->> 'access_valid_after')::timestamptz - so_long)) ELSE details END;
    UPDATE login_failure SET last_at = last_at - so_long, locked_until = locked_until - so_long;
END $$;
CREATE VIEW public.story AS
SELECT user_id, sequence AS n, kind, from_state, to_state, date_trunc('day', now() - at) AS ago, reason, details - '{created_at,access_valid_after}'::text[] AS details FROM user_history ORDER BY tenant, user_id, sequence;

-- alice is blocked for a reason, bob was and left, carol came lately.
SELECT count(register_user('alice')), count(lock_user('alice', 'phished')), count(unlock_user('alice', 'called in', details => '{"ticket": 1}'));
SELECT count(register_user('bob')), count(lock_user('bob')), count(block_user('bob', 'spam')), count(delete_user('bob', 'left'));
SELECT count(register_user('dora')), count(lock_user('dora', until => clock_timestamp() + interval '20 days')), count(delete_user('dora'));
SELECT pass('20 days');
SELECT count(block_user('alice', 'fraud')), count(set_profile('alice', '{"userName": "Alice"}'));
SELECT pass('20 days');
SELECT count(revoke_access('alice', 'lost phone')), count(register_user('carol'));
SELECT * FROM verify();

-- What an export has, of the present and of who is gone.
SELECT key, jsonb_typeof(value) FROM jsonb_each(export_user('alice'));
SELECT export_user('alice') #>> '{status,state}' AS state, export_user('alice') #>> '{profile,userName}' AS name, jsonb_path_query_array(export_user('alice'), '$.history[*].kind') AS history;
SELECT export_user('bob') -> 'status' AS status, jsonb_path_query_array(export_user('bob'), '$.history[*].reason') AS reasons;
SELECT export_user('nobody');
SELECT export_user('');
SELECT export_user('alice', '');

-- Who is restricted, and why, is as before; numbers and moments stay.
SELECT prune_history(now() - interval '30 days');
TABLE story;
SELECT * FROM verify();
SELECT user_id, state, block_reason, blocked_by = session_user AS by_me, date_trunc('day', now() - blocked_at) AS ago FROM restricted_users;
SELECT actor, reason, until, attributes FROM user_history WHERE kind = 'pruned' AND (actor, reason, until, attributes) IS DISTINCT FROM (NULL, NULL, NULL, NULL);
SELECT prune_history(now() - interval '30 days'), prune_history(now() - interval '35 days');
-- A later moment moves on.
SELECT prune_history(now() - interval '10 days');
TABLE story;
SELECT * FROM verify();
-- The dropped do not count, those that stay do; a lock that ended since does not stay.
SELECT user_id, state, sequence FROM unblock_user('alice');
SELECT user_id, state, sequence FROM register_user('bob');
SELECT user_id, state, sequence FROM register_user('dora');
SELECT user_id, block_reason FROM restricted_users;
SELECT * FROM verify();
SELECT user_id, state, sequence FROM delete_user('alice');
SELECT pass('10 days'), prune_history(now() - interval '8 days');
TABLE story;
SELECT * FROM verify();
SELECT export_user('alice') -> 'status' AS status, jsonb_path_query_array(export_user('alice'), '$.history[*].kind') AS history;

-- Not what is younger, and only what is asked for.
SELECT prune_history(now() - interval '6 days');
SELECT prune_history(now() + interval '1 day');
SELECT prune_history('infinity');
SELECT prune_history(NULL);
SELECT prune_history(now() - interval '8 days', max_users => 0);
SELECT prune_history(now() - interval '8 days', max_users => NULL);
SELECT prune_history('-infinity');

-- In batches, until there is nothing left.
SELECT count(register_user('many' || n, 'acme')), count(revoke_access('many' || n, tenant => 'acme')) FROM generate_series(1, 25) AS n;
SELECT pass('1 year');
SELECT prune_history(now() - interval '300 days', 'acme', 10) FROM generate_series(1, 4);
SELECT kind, count(*) FROM event WHERE tenant = 'acme' GROUP BY 1;
SELECT count(*) FROM event WHERE tenant = 'default' AND kind <> 'pruned';
SELECT * FROM verify();

-- A count of failed logins that an unlock has ended is not there again.
SELECT set_lockout_policy('nist', 'nist');
SELECT count(register_user('eve', 'nist'));
SELECT count(record_login_failure('eve', 'nist')) FROM generate_series(1, 9);
SELECT (record_login_failure('eve', 'nist')).allowed;
SELECT count(unlock_user('eve', tenant => 'nist'));
SELECT allowed, remaining_attempts FROM login_verdict('eve', 'nist');
SELECT pass('1 year');
UPDATE login_failure SET locked_until = 'infinity', last_at = now();
SELECT allowed, remaining_attempts FROM login_verdict('eve', 'nist');
SELECT prune_history(now() - interval '8 days', 'nist');
SELECT allowed, remaining_attempts FROM login_verdict('eve', 'nist');
SELECT remaining_attempts FROM record_login_failure('eve', 'nist');
SELECT details ? 'failures_forgotten' AS told FROM event WHERE tenant = 'nist';
-- … and one that nothing has ended is.
SELECT count(record_login_failure('eve', 'nist')) FROM generate_series(1, 3);
SELECT pass('8 days');
UPDATE login_failure SET last_at = now();
SELECT prune_history(now() - interval '7 days 1 hour', 'nist');
SELECT allowed, remaining_attempts FROM login_verdict('eve', 'nist');

-- The clock was wrong: numbers count, and nothing goes that lies behind a younger event.
SELECT count(register_user('ahead', 'clock')), count(lock_user('ahead', 'wrong', tenant => 'clock'));
SELECT pass('100 days');
UPDATE event SET at = at + interval '90 days' WHERE user_id = 'ahead' AND sequence = 2;
UPDATE account SET changed_at = changed_at + interval '90 days', locked_at = locked_at + interval '90 days', access_valid_after = access_valid_after + interval '90 days' WHERE user_id = 'ahead';
SELECT count(unlock_user('ahead', tenant => 'clock'));
SELECT pass('-50 days');
SELECT count(reset_access_floor('ahead', tenant => 'clock'));
SELECT pass('100 days');
SELECT n, kind, ago FROM story WHERE user_id = 'ahead';
SELECT prune_history(now() - interval '80 days', 'clock');
SELECT n, kind, ago FROM story WHERE user_id = 'ahead';
SELECT * FROM verify();
SELECT prune_history(now() - interval '40 days', 'clock');
SELECT n, kind, ago FROM story WHERE user_id = 'ahead';
SELECT * FROM verify();
TRUNCATE account, event, profile, login_failure, lockout_policy;

-- Twins: what happens to the one happens to the other, and one of them is pruned all the
-- time. Nobody can tell which.
CREATE TABLE public.difference (step integer, what text);
CREATE VIEW public.of_twin AS
SELECT u.tenant, u.user_id, u.state, u.sequence, date_trunc('minute', u.locked_until) AS locked_until, date_trunc('minute', u.blocked_until) AS blocked_until,
    r.lock_reason, r.block_reason, r.locked_by, r.blocked_by, v.allowed, v.remaining_attempts
FROM users AS u LEFT JOIN restricted_users AS r ON r.tenant = u.tenant AND r.user_id = u.user_id, login_verdict(u.user_id, u.tenant) AS v;
CREATE FUNCTION public.twins(steps integer) RETURNS bigint LANGUAGE plpgsql SET search_path = userlock, userlock_private, public AS $$
DECLARE
    who text;
    what integer;
    until timestamptz;
    outcome text;
    outcomes text[];
    one text;
    pruned bigint := 0;
BEGIN
    FOR step IN 1 .. steps LOOP
        who := 'user' || floor(random() * 6);
        what := floor(random() * 13);
        until := CASE WHEN random() < 0.5 THEN clock_timestamp() + random() * interval '60 days' END;
        outcomes := '{}';
        FOREACH one IN ARRAY '{kept,pruned}'::text[] LOOP
            BEGIN
                CASE what
                    WHEN 0, 1 THEN outcome := (try_transition('lock', who, 'lock ' || step, until => until, tenant => one)).outcome;
                    WHEN 2, 3 THEN outcome := (try_transition('block', who, 'block ' || step, until => until, tenant => one)).outcome;
                    WHEN 4 THEN outcome := (try_transition('unlock', who, tenant => one)).outcome;
                    WHEN 5 THEN outcome := (try_transition('unblock', who, tenant => one, revoke_access => step % 2 = 0)).outcome;
                    WHEN 6, 7 THEN outcome := (register_user(who, one)).state;
                    WHEN 8 THEN outcome := (delete_user(who, tenant => one)).state;
                    WHEN 9 THEN outcome := (revoke_access(who, tenant => one)).sequence;
                    WHEN 10 THEN outcome := (set_profile(who, jsonb_build_object('step', step), tenant => one)).sequence;
                    WHEN 11 THEN outcome := (SELECT string_agg((record_login_failure(who, one)).allowed::text, ' ') FROM generate_series(1, 6));
                    ELSE outcome := expire() >= 0;
                END CASE;
            EXCEPTION WHEN OTHERS THEN
                outcome := SQLSTATE;
            END;
            outcomes := outcomes || outcome;
        END LOOP;
        PERFORM pass(random() * interval '20 days');
        IF outcomes[1] IS DISTINCT FROM outcomes[2] THEN
            INSERT INTO difference VALUES (step, format('%s %s: %s', who, what, outcomes));
        END IF;
        CONTINUE WHEN step % 4 > 0;
        pruned := pruned + prune_history(now() - interval '7 days 1 second' - (random() ^ 3) * interval '100 days', 'pruned');
        INSERT INTO difference SELECT step, k.user_id || ' differs' FROM (SELECT * FROM of_twin WHERE tenant = 'kept') AS k
            FULL JOIN (SELECT * FROM of_twin WHERE tenant = 'pruned') AS p USING (user_id)
            WHERE to_jsonb(k) - 'tenant' IS DISTINCT FROM to_jsonb(p) - 'tenant';
        INSERT INTO difference SELECT step, user_id || ': ' || problem FROM verify('pruned');
    END LOOP;
    RETURN pruned;
END $$;
SELECT setseed(0.4);
SELECT twins(400) > 100 AS pruned;
TABLE difference;
SELECT count(*) FILTER (WHERE tenant = 'kept') > 3 * count(*) FILTER (WHERE tenant = 'pruned') AS few_left FROM event;
SELECT * FROM verify();

-- Whatever a hand spoils is found, as far as there is anything left to judge by.
CREATE FUNCTION pg_temp.spoil(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE account, event, profile;
    PERFORM register_user('alice'), lock_user('alice', until => now() + interval '1 year'), revoke_access('alice'), block_user('alice'), revoke_access('alice');
    PERFORM register_user('bob'), lock_user('bob'), unlock_user('bob'), revoke_access('bob');
    PERFORM pass('30 days');
    PERFORM unblock_user('alice');
    PERFORM prune_history(now() - interval '20 days');
    PERFORM lock_user('bob'), unlock_user('bob'), block_user('bob');
    EXECUTE statement;
    RETURN QUERY SELECT format('%s: %s', user_id, problem) FROM verify();
END $$;
SELECT count(*) AS sound FROM pg_temp.spoil('SELECT');
TABLE story;
SELECT statement, found FROM unnest(ARRAY[
    $$DELETE FROM event WHERE user_id = 'alice' AND sequence = 2$$,
    $$DELETE FROM event WHERE user_id = 'alice' AND sequence = 5$$,
    $$DELETE FROM event WHERE user_id = 'alice' AND sequence = 6$$,
    $$DELETE FROM event WHERE user_id = 'bob' AND sequence = 7$$,
    $$DELETE FROM event WHERE user_id = 'bob' AND sequence = 4$$,
    $$DELETE FROM event WHERE user_id = 'bob' AND sequence = 6$$,
    $$DELETE FROM event WHERE kind = 'pruned'$$,
    $$DELETE FROM account WHERE user_id = 'bob'$$,
    $$UPDATE account SET created_at = created_at + interval '1 day' WHERE user_id = 'bob'$$,
    $$UPDATE account SET access_valid_after = NULL WHERE user_id = 'bob'$$,
    $$UPDATE event SET to_state = 'locked' WHERE user_id = 'bob' AND sequence = 4$$,
    $$UPDATE event SET at = at + interval '1 year' WHERE user_id = 'bob' AND sequence = 4$$,
    $$UPDATE event SET from_state = NULL, to_state = NULL WHERE user_id = 'bob' AND sequence = 4$$,
    $$UPDATE event SET details = NULL WHERE user_id = 'alice' AND kind = 'pruned'$$,
    $$UPDATE event SET details = details || '{"created_at": "2020-01-01"}' WHERE user_id = 'alice' AND kind = 'pruned'$$,
    $$UPDATE event SET details = details - 'access_valid_after' WHERE user_id = 'alice' AND kind = 'pruned'$$,
    $$UPDATE event SET kind = 'access_revoked' WHERE user_id = 'alice' AND sequence = 2$$,
    $$UPDATE event SET to_state = 'blocked' WHERE user_id = 'alice' AND sequence = 2$$,
    $$UPDATE event SET until = NULL WHERE user_id = 'alice' AND sequence = 2$$,
    $$UPDATE event SET kind = 'pruned' WHERE user_id = 'bob' AND sequence = 6$$,
    $$UPDATE event SET kind = 'pruned' WHERE user_id = 'bob' AND sequence = 5$$,
    $$UPDATE event SET sequence = 3 WHERE user_id = 'bob' AND sequence = 5$$
]) AS statement LEFT JOIN LATERAL pg_temp.spoil(statement) AS found ON true;
TRUNCATE account, event, profile, login_failure;

-- Whose: who was granted it, of their tenants.
SELECT count(register_user('u' || n, t)), count(revoke_access('u' || n, tenant => t)) FROM unnest('{acme,globex,initech}'::text[]) AS t, generate_series(1, 3) AS n;
SELECT pass('1 year');
CREATE ROLE regress_userlock_dpo;
SET ROLE regress_userlock_dpo;
SELECT userlock.prune_history(now() - interval '1 month');
SELECT userlock.export_user('u1', 'acme');
SELECT * FROM userlock.verify('acme');
RESET ROLE;
GRANT EXECUTE ON FUNCTION userlock.prune_history, userlock.export_user, userlock.verify TO regress_userlock_dpo;
SET ROLE regress_userlock_dpo;
SET request.jwt.claims = '{"tenant": "acme", "tenants": ["globex"]}';
SELECT userlock.prune_history(now() - interval '1 month', 'initech');
SELECT userlock.export_user('u1', 'initech');
SELECT userlock.export_user('nobody', 'initech');
SELECT * FROM userlock.verify('initech');
SELECT userlock.prune_history(now() - interval '1 month', 'acme'), userlock.export_user('u1') ->> 'tenant' AS of_tenant;
SELECT userlock.prune_history(now() - interval '1 month');
SET request.jwt.claims = '{"tenant": 5}';
SELECT userlock.prune_history(now() - interval '1 month');
SELECT * FROM userlock.verify();
RESET request.jwt.claims;
RESET ROLE;
SELECT tenant, kind, count(*) FROM event GROUP BY 1, 2 ORDER BY 1, 2;
UPDATE event SET kind = 'banned' WHERE sequence = 2 AND user_id = 'u2';
SET request.jwt.claims = '{"tenant": "acme", "tenants": ["globex"]}';
SELECT * FROM verify();
SELECT * FROM verify('globex');
RESET request.jwt.claims;
SELECT * FROM verify();
SELECT * FROM verify('initech');
SELECT * FROM verify('nowhere');
-- No index, and nothing else that a table's owner wrote, prunes or exports in somebody else's name.
CREATE MATERIALIZED VIEW public.trap AS SELECT prune_history('-infinity');
CREATE MATERIALIZED VIEW public.trap AS SELECT export_user('u1', 'acme');
CREATE MATERIALIZED VIEW public.trap AS SELECT * FROM verify('acme');
DROP OWNED BY regress_userlock_dpo;
DROP ROLE regress_userlock_dpo;
TRUNCATE account, event;

-- Of many tenants one is read by index, and a batch reads no more than it takes.
INSERT INTO event (tenant, user_id, sequence, kind, from_state, to_state, at)
SELECT 'tenant' || u % 50, 'user' || u, s, CASE s WHEN 1 THEN 'registered' ELSE 'access_revoked' END, CASE WHEN s > 1 THEN 'active'::user_lock_state END, 'active', '2020-01-01'::timestamptz + s * interval '1 day' + u * interval '1 second'
FROM generate_series(1, 8) AS s, generate_series(1, 10000) AS u;
INSERT INTO account (tenant, user_id, state, sequence, created_at, changed_at, access_valid_after)
SELECT tenant, user_id, 'active', 8, min(at), max(at), max(at) FROM event GROUP BY 1, 2;
VACUUM ANALYZE event, account;
CREATE FUNCTION public.read_at_length(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    before bigint := (SELECT sum(seq_tup_read) FROM pg_stat_xact_all_tables WHERE coalesce(pg_partition_root(relid), relid) IN ('userlock_private.event'::regclass, 'userlock_private.account'::regclass));
BEGIN
    EXECUTE query;
    RETURN (SELECT sum(seq_tup_read) FROM pg_stat_xact_all_tables WHERE coalesce(pg_partition_root(relid), relid) IN ('userlock_private.event'::regclass, 'userlock_private.account'::regclass)) - before;
END $$;
SELECT read_at_length('SELECT count(at) FROM userlock_private.event WHERE sequence > 0') AS counted;
SELECT read_at_length($$SELECT * FROM userlock.verify('tenant3')$$), read_at_length($$SELECT userlock.prune_history(now() - interval '1 year', 'tenant4')$$);
SELECT count(*) FROM verify();
SELECT prune_history(now() - interval '1 year', 'tenant3'), prune_history(now() - interval '1 year', 'tenant4');
DO $$ BEGIN WHILE userlock.prune_history('2020-01-08', max_users => 3000) > 0 LOOP COMMIT; END LOOP; END $$;
SELECT count(*), count(*) FILTER (WHERE kind = 'pruned') AS pruned FROM event;
SELECT * FROM verify();

-- What nobody could count yet is not dropped before it is: the numbers stay.
TRUNCATE account, event, tally, counting;
SELECT count(register_user(id)) FROM unnest('{erin,frank}'::text[]) AS id;
SELECT count(*) FROM lock_users('{erin,frank}');
SELECT count(*) FROM unlock_users('{erin}');
SELECT pass('20 days');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT refresh_statistics();
SELECT prune_history(now() - interval '10 days');
SELECT metric, label, value FROM statistics WHERE metric IN ('users', 'events') AND value > 0 ORDER BY 1, 2;
COMMIT;
SELECT prune_history(now() - interval '10 days');
SELECT metric, label, value FROM statistics WHERE metric IN ('users', 'events') AND value > 0 ORDER BY 1, 2;
SELECT * FROM verify();

DROP VIEW public.story, public.of_twin;
DROP TABLE public.difference;
DROP FUNCTION public.pass, public.twins, public.read_at_length;
TRUNCATE account, event, profile, login_failure;
