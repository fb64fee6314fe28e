SET search_path = public, userlock, userlock_private;
SELECT count(register_user(name)) FROM unnest('{alice,bob,carol,dave,erin}'::text[]) AS name;
SELECT state FROM lock_user('dave', 'phished', now() + interval '1 hour', details => '{"ticket": 7}');
SELECT state FROM block_user('erin', 'fraud');

-- A dry run tells what would come of it, user by user, and changes nothing.
SELECT user_id, outcome, (status).state, (status).sequence, batch
FROM lock_users('{alice,bob,dave,nobody}', 'wrong list', dry_run => true);
SELECT user_id, outcome, (status).state, (status).sequence, batch FROM unblock_users('{alice,erin}', dry_run => true);
SELECT count(*), max(sequence) FROM event;
-- Also where nothing can be written.
BEGIN READ ONLY;
SELECT user_id, outcome, (status).state FROM block_users('{alice,dave}', dry_run => true);
ROLLBACK;
-- What is wrong with the call is an error all the same.
SELECT user_id, outcome, (status).state FROM lock_users('{alice}', until => now() - interval '1 second', dry_run => true);

-- The events of one set-based call have a batch; what is called alone has none.
SELECT batch AS wrong FROM lock_users('{alice,bob,carol}', 'wrong list') LIMIT 1 \gset
SELECT user_id, sequence, kind, batch IS NOT NULL AS has_batch, batch = :'wrong' AS is_wrong FROM user_history ORDER BY 1, 2;

-- Somebody is unlocked meanwhile.  Undo leaves that alone, and restores the others.
SELECT state FROM unlock_user('bob', 'called in');
SELECT user_id, outcome, message, (status).state, batch FROM undo(:'wrong', 'list of the wrong month', dry_run => true);
SELECT user_id, outcome, message, (status).state, batch <> :'wrong' AS another_batch
FROM undo(:'wrong', 'list of the wrong month');
SELECT user_id, sequence, kind, reason, details = jsonb_build_object('undo', :'wrong') AS tells
FROM user_history WHERE user_id IN ('alice', 'bob', 'carol') AND sequence > 1 ORDER BY 1, 2;
-- A second time there is nothing left to undo.
SELECT user_id, outcome FROM undo(:'wrong');

-- What was lifted is set again, with the reason, end and details that it had.
CREATE TEMP TABLE before AS SELECT * FROM restricted_users;
SELECT batch AS lifted FROM unlock_users('{dave}') \gset
SELECT user_id, outcome, (status).state FROM undo(:'lifted', 'not this one');
SELECT r.user_id, r.locked_until = b.locked_until AS same_end, r.lock_reason = b.lock_reason AS same_reason, r.locked_at > b.locked_at AS later
FROM restricted_users AS r JOIN before AS b USING (user_id) WHERE user_id = 'dave';
SELECT details - 'undo' AS details, details ->> 'undo' = :'lifted' AS tells FROM user_history WHERE user_id = 'dave' ORDER BY sequence DESC LIMIT 1;
-- But not if it would be over by now.
SELECT state FROM lock_user('alice', 'for a moment', now() + interval '1 second');
SELECT batch AS lifted FROM unlock_users('{alice}') \gset
SELECT pg_sleep(1.05);
SELECT user_id, outcome, (status).state FROM undo(:'lifted');
-- Undo can be undone.
SELECT batch AS wrong FROM unblock_users('{erin}', 'wrong') \gset
SELECT batch AS undone FROM undo(:'wrong') \gset
SELECT user_id, outcome, (status).state FROM undo(:'undone');
SELECT sequence, kind, reason FROM user_history WHERE user_id = 'erin' ORDER BY sequence;

-- A setting makes one batch of many calls, of any kind; both restrictions are undone.
BEGIN;
SET LOCAL userlock.batch = '00000000-0000-4000-8000-000000000001';
SELECT state FROM lock_user('alice'), register_user('frank') AS f (a, b, c);
SELECT state FROM block_user('alice');
SELECT state FROM block_user('bob');
SELECT state FROM unblock_user('bob');
SELECT state FROM revoke_access('carol');
SELECT state FROM block_user('carol');
COMMIT;
SELECT user_id, outcome, sqlstate, message, (status).state FROM undo('00000000-0000-4000-8000-000000000001', dry_run => true);
SELECT user_id, outcome, sqlstate, message, (status).state FROM undo('00000000000040008000000000000001');
SET userlock.batch = 'monday';
SET userlock.batch = '00000000-0000-4000-8000-00000000000';
SET userlock.batch = '{00000000-0000-4000-8000-000000000001}';

-- Over HTTP the request's id is the batch of all that the request does; one that is
-- no uuid is not taken, and the events still belong together.
BEGIN;
SET LOCAL "request.headers" = '{"accept": "*/*", "x-request-id": "0123456789abcdef0123456789ABCDEF"}';
SELECT batch FROM lock_users('{alice}');
SELECT state FROM block_user('alice');
COMMIT;
BEGIN;
SET LOCAL "request.headers" = '{"x-request-id": ["00000000-0000-4000-8000-000000000001"], "accept": "x-request-id"}';
SELECT state FROM unlock_user('alice');
SELECT state FROM unblock_user('alice');
COMMIT;
BEGIN;
SET LOCAL "request.headers" = '{"x-request-id": ';
SELECT state FROM lock_user('alice');
COMMIT;
SELECT kind, batch = '01234567-89ab-cdef-0123-456789abcdef' AS is_of_request, dense_rank() OVER (ORDER BY min) AS request
FROM (SELECT *, min(sequence) OVER (PARTITION BY batch) FROM user_history WHERE user_id = 'alice') AS h
ORDER BY sequence DESC LIMIT 5;

-- Of one user all is undone or nothing.
SELECT state FROM register_user('iris');
SELECT state FROM block_user('iris', 'fraud');
SET userlock.batch = '00000000-0000-4000-8000-000000000004';
SELECT state FROM lock_user('iris');
SELECT state FROM unblock_user('iris');
RESET userlock.batch;
SET userlock.protect_caller = on;
SET "request.jwt.claims" = '{"sub": "iris"}';
SELECT outcome, (status).state FROM undo('00000000-0000-4000-8000-000000000004');
RESET "request.jwt.claims";
RESET userlock.protect_caller;
SELECT state FROM user_status('iris');
SELECT outcome, (status).state FROM undo('00000000-0000-4000-8000-000000000004');

-- Rows that a request adds to an adopted table are its doing as well.
CREATE TABLE app_user (id text);
SELECT adopt('app_user', 'id');
BEGIN;
SET LOCAL "request.headers" = '{"x-request-id": "00000000-0000-4000-8000-000000000002"}';
INSERT INTO app_user VALUES ('gina');
SELECT state FROM lock_user('gina');
COMMIT;
SELECT sequence, kind, batch FROM user_history WHERE user_id = 'gina' ORDER BY sequence;
SELECT outcome, (status).state FROM undo('00000000-0000-4000-8000-000000000002');
DROP TABLE app_user;

-- With the event that set a restriction its reason and end may be gone from history;
-- then nobody is locked for ever who was locked for a month.
SELECT count(register_user('ivan')), count(lock_user('ivan', 'away', until => clock_timestamp() + interval '30 days'));
UPDATE account SET created_at = created_at - interval '20 days', changed_at = changed_at - interval '20 days',
    access_valid_after = access_valid_after - interval '20 days', locked_at = locked_at - interval '20 days' WHERE user_id = 'ivan';
UPDATE event SET at = at - interval '20 days' WHERE user_id = 'ivan';
SELECT batch AS lifted FROM unlock_users('{ivan}') \gset
SELECT prune_history(now() - interval '10 days');
SELECT outcome, sqlstate, hint FROM undo(:'lifted', dry_run => true);
SELECT outcome FROM undo(:'lifted');
SELECT state, sequence FROM user_status('ivan');

-- Whom a restriction would register is not registered by a dry run.
SET userlock.registration = 'on_demand';
SELECT user_id, outcome, (status).state, (status).sequence FROM lock_users('{henry}', dry_run => true);
SELECT count(*) FROM user_history WHERE user_id = 'henry';
RESET userlock.registration;

-- Refusals of the whole call.
SELECT undo('00000000-0000-4000-8000-00000000beef');
SELECT undo('00000000-0000-4000-8000-000000000001', since => now() + interval '1 hour');
SELECT undo(NULL);
SELECT undo('00000000-0000-4000-8000-000000000001', repeat('x', 1001));
SELECT undo('00000000-0000-4000-8000-000000000001', tenant => '');

-- Whoever undoes needs EXECUTE on all that it takes, and the tenant must be theirs.
CREATE ROLE regress_userlock_undo;
GRANT USAGE ON SCHEMA userlock TO regress_userlock_undo;
GRANT EXECUTE ON FUNCTION undo, unlock_user, lock_users TO regress_userlock_undo;
SELECT batch AS wrong FROM lock_users('{bob,carol}') LIMIT 1 \gset
SELECT batch AS blocked FROM block_users('{bob}') LIMIT 1 \gset
SET ROLE regress_userlock_undo;
SELECT undo(:'blocked');
SELECT user_id, outcome FROM undo(:'wrong');
SET "request.jwt.claims" = '{"sub": "mallory", "tenant": "other"}';
SELECT undo(:'blocked', tenant => 'default');
\set VERBOSITY sqlstate
SELECT undo(:'blocked');
\set VERBOSITY default
SELECT lock_users('{bob}', dry_run => true);
RESET "request.jwt.claims";
RESET ROLE;

SELECT * FROM verify();
TRUNCATE account, event, profile;
DROP OWNED BY regress_userlock_undo;
DROP ROLE regress_userlock_undo;
