-- What a check reads of the tables as they were made; and it reads them whatever becomes of them.
SET search_path = userlock, userlock_private, public;
\set VERBOSITY terse
SELECT count(register_user(id)) FROM unnest(ARRAY['mia', 'bob', 'gone']) AS id;
SELECT sequence FROM delete_user('gone');
CREATE VIEW public.answers AS
SELECT user_id, user_allowed(user_id) FROM unnest(ARRAY['mia', 'tom', 'gone']) AS user_id;
CREATE FUNCTION public.pages_read(user_id text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    relations regclass[] := '{account,account_pkey,event,event_pkey}';
    before bigint := (SELECT sum(pg_stat_get_xact_blocks_fetched(r)) FROM unnest(relations) AS r);
BEGIN
    PERFORM userlock.user_allowed(user_id);
    RETURN (SELECT sum(pg_stat_get_xact_blocks_fetched(r)) FROM unnest(relations) AS r) - before;
END
$$;
CREATE FUNCTION public.events_read(user_id text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    before bigint := pg_stat_get_xact_numscans('userlock_private.event_pkey'::regclass);
BEGIN
    PERFORM userlock.user_allowed(user_id);
    RETURN pg_stat_get_xact_numscans('userlock_private.event_pkey'::regclass) - before;
END
$$;

-- However often a user has changed in this transaction, a few pages.
BEGIN;
DO $$
BEGIN
    FOR i IN 1..500 LOOP
        PERFORM userlock.lock_user('bob');
        PERFORM userlock.unlock_user('bob');
    END LOOP;
END
$$;
SELECT pages_read('bob') BETWEEN 1 AND 5 AS few;
ROLLBACK;

-- Nor more where a history is asked for, however long it is; who is registered is found without.
SET userlock.registration = 'on_demand';
BEGIN;
INSERT INTO event (tenant, user_id, sequence, kind, from_state, to_state, at)
SELECT 'default', 'gone', n, 'access_revoked', 'active', 'active', now() FROM generate_series(100, 5000) AS n;
SELECT pages_read('gone') BETWEEN 1 AND 12 AS few, pages_read('tom') BETWEEN 1 AND 12 AS few_of_nobody;
ROLLBACK;
SELECT events_read('mia'), events_read('tom');
SET userlock.registration = 'explicit';
SELECT events_read('mia'), events_read('tom');
SET userlock.registration = 'on_demand';

-- An index may be another from one call to the next.
BEGIN;
SELECT * FROM answers;
REINDEX TABLE userlock_private.account;
REINDEX TABLE userlock_private.event;
SELECT * FROM answers;
COMMIT;
REINDEX TABLE CONCURRENTLY userlock_private.account;
REINDEX TABLE CONCURRENTLY userlock_private.event;
SELECT * FROM answers;

-- Rows of the account move within a transaction: whom a policy asks for again is found all the same.
SET request.jwt.claims = '{"sub":"mia"}';
BEGIN;
SELECT current_user_allowed(), current_user_allowed();
CLUSTER account USING account_pkey;
SELECT current_user_allowed(), current_user_allowed();
SAVEPOINT before;
SELECT state FROM lock_user('mia');
SELECT current_user_allowed();
ROLLBACK TO before;
SELECT current_user_allowed();
SELECT state FROM lock_user('mia');
SELECT current_user_allowed(), user_allowed('bob'), current_user_allowed();
TRUNCATE account;
SELECT current_user_allowed();
ROLLBACK;
SELECT current_user_allowed();
RESET request.jwt.claims;

-- A table has a child, in which an app's users may be, or their history.
BEGIN;
CREATE TABLE public.more () INHERITS (userlock_private.account);
SELECT * FROM answers;
WITH moved AS (DELETE FROM account WHERE user_id = 'mia' RETURNING *) INSERT INTO public.more SELECT * FROM moved;
SELECT * FROM answers;
SELECT state FROM block_user('mia');
SELECT * FROM answers;
ROLLBACK;
SELECT * FROM answers;
BEGIN;
CREATE TABLE public.more () INHERITS (userlock_private.event);
WITH moved AS (DELETE FROM event WHERE user_id = 'gone' RETURNING *) INSERT INTO public.more SELECT * FROM moved;
SELECT * FROM answers;
SET LOCAL userlock.registration = 'explicit';
SELECT * FROM answers;
ROLLBACK;

-- Its rows are in partitions, from one statement to the next.
CREATE ROLE regress_userlock_app;
GRANT EXECUTE ON FUNCTION userlock.current_user_allowed TO regress_userlock_app;
SET request.jwt.claims = '{"sub":"mia"}';
BEGIN;
ALTER TABLE account RENAME TO account_1;
CREATE TABLE userlock_private.account (LIKE account_1) PARTITION BY HASH (tenant, user_id);
ALTER TABLE account ATTACH PARTITION account_1 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
ALTER TABLE event RENAME TO event_1;
CREATE TABLE userlock_private.event (LIKE event_1) PARTITION BY HASH (tenant, user_id);
ALTER TABLE event ATTACH PARTITION event_1 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
SELECT * FROM answers;
SELECT state FROM lock_user('mia');
SELECT * FROM answers;
SET LOCAL ROLE regress_userlock_app;
SELECT current_user_allowed();
ROLLBACK;
SELECT * FROM answers;
RESET request.jwt.claims;

RESET userlock.registration;
DROP VIEW public.answers;
DROP FUNCTION public.pages_read, public.events_read;
DROP OWNED BY regress_userlock_app;
DROP ROLE regress_userlock_app;
TRUNCATE account, event, profile;
