-- Every index of accounts and events finds the rows that the table has, whatever is
-- done to both between two calls of a session, and wherever calls are made.
SET search_path = public, userlock, userlock_private;
\set VERBOSITY terse
SET jit = off;
CREATE EXTENSION amcheck;

-- What an index does not find as a scan of the table does.
CREATE FUNCTION public.rows_of(what text, condition text, by_index boolean) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    found text[];
BEGIN
    PERFORM set_config('enable_seqscan', CASE WHEN by_index THEN 'off' ELSE 'on' END, true),
        set_config('enable_indexscan', CASE WHEN by_index THEN 'on' ELSE 'off' END, true),
        set_config('enable_bitmapscan', CASE WHEN by_index THEN 'on' ELSE 'off' END, true);
    EXECUTE format('SELECT array_agg(r::text ORDER BY r::text) FROM userlock_private.%I AS r WHERE %s', what, condition) INTO found;
    RETURN found;
END $$;
-- All that is wrong: none.  amcheck looks for an entry of each row, and through the tree.
CREATE FUNCTION public.wrong_indexes() RETURNS TABLE (problem text) LANGUAGE plpgsql AS $$
DECLARE
    id regclass;
BEGIN
    FOR id IN SELECT indexrelid FROM pg_index JOIN pg_class ON oid = indexrelid JOIN pg_am ON pg_am.oid = relam
        WHERE indrelid IN ('account'::regclass, 'event'::regclass) AND amname = 'btree' LOOP
        PERFORM public.bt_index_parent_check(id, true);
    END LOOP;
    RETURN QUERY SELECT what || ' ' || condition FROM (VALUES
        ('account', 'tenant = ''default'' AND user_id >= '''''),
        ('account', 'tenant = ''default'' AND state OPERATOR(userlock.<>) ''active'''),
        ('account', 'tenant = ''default'' AND locked_at > ''-infinity'' AND state OPERATOR(userlock.<>) ''active'''),
        ('account', 'tenant = ''default'' AND blocked_at IS NOT NULL'),
        ('account', 'least(locked_until, blocked_until) IS NOT NULL AND least(locked_until, blocked_until) > now()'),
        ('event', 'tenant = ''default'' AND user_id >= '''''),
        ('event', 'at > ''-infinity'''),
        ('event', 'at > now() - interval ''1 minute'''),
        ('event', 'reason LIKE ''r%'' AND reason >= ''r''')) AS queries(what, condition)
    WHERE public.rows_of(what, condition, true) IS DISTINCT FROM public.rows_of(what, condition, false)
    UNION ALL SELECT 'verify: ' || v.problem FROM userlock.verify() AS v;
END $$;
-- Every transition, one by one and many at once, with and without ends.
CREATE FUNCTION public.change_all(times integer DEFAULT 1) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    users text[] := ARRAY(SELECT user_id FROM userlock_private.account ORDER BY user_id);
BEGIN
    FOR i IN 1 .. times LOOP
        PERFORM userlock.lock_user(id, 'r' || i, until => CASE WHEN i % 2 = 0 THEN now() + interval '1 day' END) FROM unnest(users) AS id;
        PERFORM userlock.block_users(users[1:5], 'r' || i, now() + interval '1 hour');
        PERFORM userlock.revoke_access(users[1]);
        PERFORM userlock.unlock_users(users[3:], 'r' || i);
        PERFORM userlock.unblock_user(id) FROM unnest(users[1:5]) AS id;
        PERFORM userlock.unlock_user(id, idempotent => true) FROM unnest(users[1:2]) AS id;
    END LOOP;
    PERFORM userlock.lock_user(users[6], 'r', now() + interval '1 day'), userlock.block_user(users[7], 'r');
    PERFORM userlock.unlock_user(users[6]), userlock.unblock_user(users[7]);
END $$;

SELECT count(register_user(format('user %s', i))) FROM generate_series(1, 12) AS i;
-- The server counts what it would of SQL, and updates that touch no index touch none.
CREATE VIEW public.counted AS
SELECT pg_stat_get_xact_tuples_updated('account'::regclass) AS updated, pg_stat_get_xact_tuples_hot_updated('account'::regclass) AS hot,
       pg_stat_get_xact_tuples_inserted('event'::regclass) AS inserted;
BEGIN;
SELECT updated, hot, inserted FROM public.counted \gset before_
SELECT (lock_user('user 1', 'r')).state, (block_user('user 2')).state, (revoke_access('user 3')).state;
SELECT updated - :before_updated AS updated, hot - :before_hot AS hot, inserted - :before_inserted AS inserted FROM public.counted;
ROLLBACK;
DROP VIEW public.counted;
SELECT change_all(4);
SELECT * FROM wrong_indexes();

-- What is done to tables and indexes between two calls of a session.
CREATE FUNCTION public.change_after(change text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE change;
    PERFORM public.change_all();
    RETURN (SELECT coalesce(string_agg(problem, '; '), 'right') FROM public.wrong_indexes());
END $$;
SELECT change, change_after(change) FROM unnest(ARRAY[
    'CREATE INDEX by_reason ON userlock_private.event (reason)',
    'CREATE INDEX account_more ON userlock_private.account (changed_at DESC NULLS LAST, (user_id || tenant)) INCLUDE (state) WHERE sequence > 2',
    'CREATE INDEX event_gin ON userlock_private.event USING gin (attributes)',
    'CREATE INDEX event_hash ON userlock_private.event USING hash (user_id)',
    'CREATE INDEX account_brin ON userlock_private.account USING brin (changed_at)',
    'REINDEX TABLE userlock_private.account',
    'REINDEX INDEX userlock_private.event_at',
    'ALTER TABLE userlock_private.account SET (fillfactor = 50)',
    'ALTER TABLE userlock_private.account ALTER locked_at SET STATISTICS 7',
    'ALTER TABLE userlock_private.event SET UNLOGGED',
    'ALTER TABLE userlock_private.account SET UNLOGGED',
    'ALTER TABLE userlock_private.event SET LOGGED',
    'ALTER TABLE userlock_private.account SET LOGGED',
    'CLUSTER userlock_private.account USING account_pkey',
    'ALTER TABLE userlock_private.account RENAME CONSTRAINT account_pkey TO another_key',
    'ALTER TABLE userlock_private.account RENAME CONSTRAINT another_key TO account_pkey',
    'CREATE TRIGGER nothing BEFORE UPDATE ON userlock_private.account FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    'DROP TRIGGER nothing ON userlock_private.account',
    'DROP INDEX userlock_private.event_hash, userlock_private.account_brin']) AS change;
CREATE INDEX CONCURRENTLY event_later ON event (actor, kind);
SELECT change_all();
REINDEX INDEX CONCURRENTLY account_pkey;
SELECT change_all();
REINDEX TABLE CONCURRENTLY event;
SELECT change_all();
DROP INDEX CONCURRENTLY event_later;
SELECT change_all();
VACUUM FULL account;
SELECT change_all();
VACUUM (FREEZE) event;
SELECT change_all();
SELECT * FROM wrong_indexes();
-- More indexes than are kept count of.
SELECT format('CREATE INDEX account_%s ON account (changed_at)', i) FROM generate_series(1, 14) AS i
\gexec
SELECT change_all();
SELECT * FROM wrong_indexes();
SELECT format('DROP INDEX account_%s', i) FROM generate_series(1, 14) AS i
\gexec
SELECT change_all();
SELECT * FROM wrong_indexes();

-- In a savepoint that comes to nothing, with what was known in it.
BEGIN;
SAVEPOINT s;
CREATE INDEX account_short ON account (changed_at);
SELECT (lock_user('user 1')).state;
ROLLBACK TO s;
SELECT (lock_user('user 1')).state, (block_user('user 1')).state;
SAVEPOINT s;
SELECT (unlock_user('user 1')).state;
ROLLBACK TO s;
SELECT (unlock_user('user 1')).state, (unblock_user('user 1')).state;
COMMIT;
SELECT * FROM wrong_indexes();

-- After an error halfway.
CREATE UNIQUE INDEX one_reason ON event (reason) WHERE reason LIKE 'once%';
SELECT (lock_user('user 1', 'once')).state;
SELECT unlock_user('user 1', 'once');
DO $$
BEGIN
    FOR i IN 1 .. 3 LOOP
        BEGIN
            PERFORM userlock.unlock_user('user 1', 'once');
        EXCEPTION WHEN unique_violation THEN
            PERFORM userlock.block_user('user ' || i, 'once ' || i);
        END;
    END LOOP;
END $$;
SELECT user_id, state FROM account WHERE state <> 'active' ORDER BY 1;
SELECT count(*) FROM unblock_users(ARRAY['user 1', 'user 2', 'user 3']);
SELECT (unlock_user('user 1')).state;
SELECT * FROM wrong_indexes();

-- Twice in a statement, over and over in one, in a cursor, in functions of any kind.
SELECT (lock_user('user 1')).sequence - (unlock_user('user 1')).sequence AS a, (lock_user('user 1')).sequence - (unlock_user('user 1')).sequence AS b;
SELECT array_agg(CASE WHEN i % 2 = 1 THEN (lock_user('user 1')).state ELSE (unlock_user('user 1')).state END) FROM generate_series(1, 4) AS i;
BEGIN;
DECLARE locking CURSOR FOR SELECT user_id, (lock_user(user_id)).state AS now, state AS as_seen FROM account ORDER BY user_id LIMIT 3;
FETCH 1 FROM locking;
SELECT (unlock_user('user 1')).state, (block_user('user 10')).state;
FETCH ALL FROM locking;
COMMIT;
SELECT (unlock_user(user_id)).state FROM account WHERE is_locked(state) ORDER BY user_id;
CREATE FUNCTION public.stable_lock() RETURNS text STABLE LANGUAGE plpgsql AS $$
BEGIN
    RETURN concat_ws(', ', (userlock.lock_user('user 1')).state, (SELECT state FROM userlock_private.account WHERE user_id = 'user 1'));
END $$;
CREATE FUNCTION public.volatile_lock() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN concat_ws(', ', (userlock.unlock_user('user 1')).state, (SELECT state FROM userlock_private.account WHERE user_id = 'user 1'));
END $$;
SELECT stable_lock();
SELECT volatile_lock();
-- Of rows that this very statement changes.
UPDATE account SET adoption = gen_random_uuid() WHERE user_id = 'user 2' RETURNING (lock_user(user_id)).state, (unlock_user(user_id)).state;
WITH gone AS (DELETE FROM account WHERE user_id = 'user 12' RETURNING user_id)
SELECT outcome FROM gone, try_transition('lock', user_id);
DELETE FROM event WHERE user_id = 'user 12';
BEGIN;
SELECT user_id FROM account WHERE user_id = 'user 2' FOR UPDATE;
SELECT (lock_user('user 2')).state;
SELECT user_id FROM account WHERE user_id = 'user 3' FOR KEY SHARE;
SELECT (lock_user('user 3')).state;
TRUNCATE account, event;
SELECT (register_user('user 1')).state, (lock_user('user 1')).state;
ROLLBACK;
SELECT * FROM wrong_indexes();

-- Where a transaction does not look at what is there now, or must not write.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT (lock_user('user 1')).state, (unlock_user('user 1')).state;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT (lock_user('user 1')).state, (unlock_user('user 1')).state;
COMMIT;
BEGIN READ ONLY;
SELECT lock_user('user 1');
ROLLBACK;
BEGIN READ ONLY;
SELECT * FROM lock_users(ARRAY['user 1']);
ROLLBACK;
-- With parallel workers about.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT (lock_user(max(user_id))).state FROM account WHERE user_id < 'user 2';
SELECT (unlock_user(user_id)).state FROM account WHERE is_locked(state);
-- What is too wide for a row is kept beside it.
SELECT (lock_user('user 1', repeat('long ', 100), details => (SELECT jsonb_object_agg(i, md5(i::text)) FROM generate_series(1, 100) AS i))).state;
SELECT length(reason), (SELECT count(*) FROM jsonb_object_keys(details)) FROM event WHERE user_id = 'user 1' AND kind = 'locked' ORDER BY sequence DESC LIMIT 1;
SELECT * FROM wrong_indexes();

DROP FUNCTION public.stable_lock, public.volatile_lock, public.change_after, public.change_all, public.wrong_indexes, public.rows_of;
DROP INDEX by_reason, account_more, event_gin, one_reason;
ALTER TABLE account RESET (fillfactor), SET WITHOUT CLUSTER, ALTER locked_at SET STATISTICS -1;
DROP EXTENSION amcheck;
TRUNCATE account, event;
