-- What the owner of an adopted table tries, and an application that may do no
-- more than change its rows.  Not in one transaction: in that, the server would
-- remember what an index's expression came to when its owner asked.
SET client_min_messages = warning;
SELECT plan(58);
SET search_path = public;
CREATE ROLE hostile_owner;
CREATE ROLE hostile_app;
CREATE SCHEMA hostile AUTHORIZATION hostile_owner;
GRANT USAGE, CREATE ON SCHEMA hostile TO hostile_app;
GRANT EXECUTE ON FUNCTION userlock.adopt, userlock.release TO hostile_owner;
CREATE VIEW registered AS SELECT tenant, user_id, state FROM userlock_private.account;

-- Whoever evaluates what the owner wrote, as anybody else than the owner, is caught.
CREATE TABLE caught (who name);
GRANT INSERT, SELECT ON caught TO PUBLIC;
SET ROLE hostile_owner;
CREATE FUNCTION hostile.tell() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_user NOT IN ('hostile_owner', 'hostile_app') THEN INSERT INTO public.caught VALUES (current_user); END IF;
END $$;
CREATE FUNCTION hostile.trap(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN PERFORM hostile.tell(); RETURN t; END $$;

-- An expression of an index, which the planner evaluates.
CREATE TABLE hostile.indexed (id text);
CREATE INDEX trapped ON hostile.indexed ((hostile.trap('x') || id));
INSERT INTO hostile.indexed VALUES ('a'), ('b'), ('c');
ALTER INDEX hostile.trapped SET (fillfactor = 90);  -- so that its expression is read anew
SELECT is(userlock.adopt('hostile.indexed', 'id'), 3::bigint, 'a table with an expression in an index is adopted');
DELETE FROM hostile.indexed WHERE id = 'a';
UPDATE hostile.indexed SET id = 'd' WHERE id = 'b';
ALTER INDEX hostile.trapped SET (fillfactor = 80);
SELECT is(userlock.adopt('hostile.indexed', 'id'), 0::bigint, '… and again');
RESET ROLE;
SELECT set_eq('SELECT user_id FROM registered', ARRAY['c', 'd'], '… its rows are followed');
SET ROLE hostile_owner;
ALTER INDEX hostile.trapped SET (fillfactor = 75);
RESET ROLE;
SELECT throws_ok($$SELECT userlock.erase_user('d')$$, 'PT400', 'user "d" has a row in an adopted table', '… also where somebody is to be erased');
SET ROLE hostile_owner;
ALTER INDEX hostile.trapped SET (fillfactor = 70);
TRUNCATE hostile.indexed;
RESET ROLE;
SELECT is_empty('TABLE registered', '… also by TRUNCATE');
SELECT is_empty('TABLE caught', '… and only its owner evaluates the expression');

-- A column of a type of the owner's own, under the name that was adopted.
SET ROLE hostile_owner;
CREATE TYPE hostile.evil AS (t text);
CREATE FUNCTION hostile.evil_text(e hostile.evil) RETURNS text LANGUAGE plpgsql AS $$
BEGIN RETURN hostile.trap('evil'); END $$;
CREATE CAST (hostile.evil AS text) WITH FUNCTION hostile.evil_text;
CREATE TABLE hostile.cast_users (id text);
SELECT is(userlock.adopt('hostile.cast_users', 'id'), 0::bigint, 'a table is adopted');
ALTER TABLE hostile.cast_users RENAME id TO x;
ALTER TABLE hostile.cast_users ADD COLUMN id hostile.evil;
INSERT INTO hostile.cast_users VALUES ('x', ROW('y'));
RESET ROLE;
SELECT set_eq('SELECT user_id FROM registered', ARRAY['x'], '… and its column keeps its meaning under another name');
SELECT is_empty('TABLE caught', '… and a cast of the owner is never called');
SET ROLE hostile_owner;
SELECT throws_ok($$ALTER TABLE hostile.cast_users ALTER x TYPE hostile.evil USING NULL$$, '0A000', NULL, 'the type of an id does not change');
SELECT throws_ok($$ALTER TABLE hostile.cast_users DROP x$$, '2BP01', NULL, '… nor does it go away while it is followed');
SELECT throws_ok($$SELECT userlock.adopt('hostile.cast_users', 'id')$$, 'PT422', NULL, 'a type of the owner''s own is no id');
DELETE FROM hostile.cast_users;

-- A policy that hides rows hides nobody from us.
CREATE TABLE hostile.membership (id text, team text);
ALTER TABLE hostile.membership ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_team ON hostile.membership USING (team = current_setting('hostile.team') AND hostile.trap(team) <> '');
GRANT SELECT, INSERT, UPDATE, DELETE ON hostile.membership TO hostile_app;
INSERT INTO hostile.membership VALUES ('m', 'red'), ('m', 'blue');
SELECT is(userlock.adopt('hostile.membership', 'id'), 1::bigint, 'a user may have several rows');
ALTER TABLE hostile.membership FORCE ROW LEVEL SECURITY;
SET ROLE hostile_app;
SET hostile.team = 'red';
DELETE FROM hostile.membership;
RESET ROLE;
SELECT set_eq('SELECT user_id FROM registered', ARRAY['m'], '… and stays while there is one left that a policy hides');
SET ROLE hostile_app;
SET hostile.team = 'blue';
DELETE FROM hostile.membership;
RESET ROLE;
SELECT is_empty('TABLE registered', '… and leaves with the last');
SELECT is_empty('TABLE caught', 'policies are evaluated by whoever changes the rows, and by nobody else');

-- The trigger functions, without adopt().
SET ROLE hostile_owner;
SELECT throws_ok($$CREATE TRIGGER t AFTER INSERT ON hostile.users FOR EACH ROW EXECUTE FUNCTION userlock.follow_row('x', 'default')$$, '42P01', NULL, 'no such table');
SELECT throws_ok($$CREATE TRIGGER t AFTER INSERT ON hostile.indexed FOR EACH ROW EXECUTE FUNCTION userlock.follow_row('x', 'default')$$,
    '42501', NULL, 'nobody makes a trigger of ours but through adopt()');
SELECT throws_ok($$SELECT userlock.adopt('public.caught', 'who')$$, '42501', NULL, 'nobody adopts another one''s table');
SELECT throws_ok($$SELECT userlock.release('public.caught')$$, '42501', NULL, '… nor releases it');
RESET ROLE;

-- … nor at other moments than adopt() has them at, by one who makes partitions.
GRANT EXECUTE ON FUNCTION userlock.follow_row TO hostile_app;
GRANT USAGE ON SCHEMA userlock TO hostile_app;
SET ROLE hostile_app;
CREATE TABLE hostile.forged (id text);
INSERT INTO hostile.forged VALUES ('x');
CREATE FUNCTION hostile.forge(moment text, statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER forged %s EXECUTE FUNCTION userlock.follow_row(''00000000-0000-4000-8000-000000000001'', ''default'')', moment);
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN SQLSTATE '39P01' THEN
    RETURN 'refused';
END $$;
SELECT is(hostile.forge(moment, statement), 'refused', moment || ' is no moment of ours') FROM (VALUES
    ('BEFORE INSERT OR UPDATE OF id ON hostile.forged FOR EACH ROW', $$INSERT INTO hostile.forged VALUES ('y')$$),
    ('BEFORE DELETE OR UPDATE OF id ON hostile.forged FOR EACH ROW', 'DELETE FROM hostile.forged'),
    ('BEFORE UPDATE OF id ON hostile.forged', $$UPDATE hostile.forged SET id = 'y'$$),
    ('AFTER TRUNCATE ON hostile.forged', 'TRUNCATE hostile.forged')) AS forged(moment, statement);
RESET ROLE;
REVOKE EXECUTE ON FUNCTION userlock.follow_row FROM hostile_app;

-- What the users are called is read as it is, too.
SET ROLE hostile_owner;
CREATE DOMAIN hostile.name AS text CHECK (hostile.trap(VALUE) IS NOT NULL);
CREATE TABLE hostile.called (id text, login hostile.name, base text, mail text GENERATED ALWAYS AS (hostile.trap(base)) STORED, evil hostile.evil);
CREATE INDEX called_trapped ON hostile.called (hostile.trap(login), hostile.trap(mail)) WHERE hostile.trap(mail) <> '';
INSERT INTO hostile.called VALUES ('n', 'name', 'n@example.com');
GRANT SELECT, INSERT, UPDATE, DELETE ON hostile.called TO hostile_app;
SELECT throws_ok($$SELECT userlock.adopt('hostile.called', 'id', email_column => 'evil')$$, 'PT422', NULL, 'a type of the owner''s own is no e-mail address');
SELECT throws_ok('CREATE CAST (hostile.evil AS text) WITHOUT FUNCTION AS IMPLICIT', '42501', NULL, '… and only a superuser says that a type is as good as text');
SELECT is(userlock.adopt('hostile.called', 'id', user_name_column => 'login', email_column => 'mail'), 1::bigint, 'a domain and a generated column are');
ALTER TABLE hostile.called RENAME login TO other;
ALTER TABLE hostile.called ADD COLUMN login hostile.evil;
RESET ROLE;
SET ROLE hostile_app;
UPDATE hostile.called SET other = 'new name', base = 'new@example.com', login = ROW('x');
RESET ROLE;
SELECT results_eq($$SELECT user_name, email FROM userlock.users WHERE user_id = 'n'$$, $$VALUES ('new name', 'new@example.com')$$, '… which keep their meaning under another name');
SET ROLE hostile_app;
SELECT throws_ok($$UPDATE hostile.called SET other = repeat('x', 321)$$, 'PT422', 'invalid profile', '… and stop the statement where they cannot be');
DELETE FROM hostile.called;
RESET ROLE;
SELECT is_empty('TABLE caught', '… and no constraint, expression or predicate of the owner is evaluated by us');

-- Whoever may change no more than their own row takes no name that is not to be had …
SET ROLE hostile_owner;
CREATE TABLE hostile.own (id text PRIMARY KEY, login text, mail text);
ALTER TABLE hostile.own ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_row ON hostile.own USING (id = current_setting('hostile.me')) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON hostile.own TO hostile_app;
INSERT INTO hostile.own VALUES ('ann', 'ann', 'ann@example.com'), ('mallory', 'mallory', NULL);
SELECT is(userlock.adopt('hostile.own', 'id', NULL, 'login', 'mail'), 2::bigint, 'a table of which everybody changes their own row');
RESET ROLE;
SELECT userlock.set_profile('ann', '{"userName": "director", "emails": [{"value": "ann@example.com", "primary": true}, {"value": "secret@example.com"}]}');
SELECT userlock.register_user('clerk', profile => '{"userName": "clerk", "displayName": "The clerk"}');
SET ROLE hostile_app;
SET hostile.me = 'mallory';
SELECT throws_ok($$UPDATE hostile.own SET login = 'Director'$$, 'PT409', NULL, 'a name that an identity provider gave is taken');
SELECT throws_ok($$UPDATE hostile.own SET id = 'mallory 2', login = 'CLERK'$$, 'PT409', NULL, '… and so is that of somebody who is in no table');
SELECT throws_ok($$INSERT INTO hostile.own VALUES ('sybil', 'director')$$, 'PT409', NULL, '… for whoever comes as well');
-- … nor what is known of somebody who did not come from the table.
INSERT INTO hostile.own VALUES ('clerk', 'x', 'x@example.com');
SET hostile.me = 'clerk';
UPDATE hostile.own SET login = 'y';
UPDATE hostile.own SET id = 'thief';
RESET ROLE;
SELECT results_eq($$SELECT user_id, userlock.user_profile(user_id) FROM userlock.users WHERE user_id IN ('ann', 'clerk', 'mallory', 'sybil', 'thief') ORDER BY user_id$$,
    $$VALUES ('ann' COLLATE "C", '{"userName": "director", "emails": [{"value": "ann@example.com", "primary": true}, {"value": "secret@example.com"}]}'::jsonb),
    ('clerk', '{"userName": "clerk", "displayName": "The clerk"}'), ('mallory', '{"userName": "mallory"}'),
    ('thief', '{"userName": "y", "emails": [{"value": "x@example.com", "primary": true}]}')$$, '… and nothing of another one''s profile travels');
DELETE FROM hostile.own;
SELECT userlock.delete_user('clerk');

-- An application that inserts and deletes rows of users whom the table never had.
SET ROLE hostile_owner;
CREATE TABLE hostile.users (id text PRIMARY KEY DEFERRABLE, org text);
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON hostile.users TO hostile_app;
SELECT is(userlock.adopt('hostile.users', 'id', 'org'), 0::bigint, 'a table of users of several tenants');
RESET ROLE;
SELECT userlock.register_user('victim', 'other');
SELECT userlock.block_user('victim', 'fraud', tenant => 'other');
SET ROLE hostile_app;
INSERT INTO hostile.users VALUES ('victim', 'other');
DELETE FROM hostile.users;
INSERT INTO hostile.users VALUES ('victim', 'other');
TRUNCATE hostile.users;
INSERT INTO hostile.users VALUES ('alias', 'other');
UPDATE hostile.users SET id = 'victim';
UPDATE hostile.users SET id = 'alias';
DELETE FROM hostile.users;
RESET ROLE;
SELECT results_eq($$SELECT * FROM registered WHERE user_id = 'victim'$$, $$VALUES ('other' COLLATE "C", 'victim' COLLATE "C", 'blocked'::userlock.user_lock_state)$$,
    'only users who came from the table leave with its rows');
SELECT is(count(*), 2::bigint, '… and nothing of it is in their history') FROM userlock_private.event WHERE user_id = 'victim';
SET ROLE hostile_app;
INSERT INTO hostile.users VALUES ('victim', 'other');
UPDATE hostile.users SET id = 'mallory', org = 'mine';
DELETE FROM hostile.users;
RESET ROLE;
SELECT is_empty($$SELECT FROM userlock_private.event WHERE user_id = 'mallory' AND reason = 'fraud'$$, '… nor does the reason of another one''s block travel');

-- … nor of tenants that are not the caller's.
SET ROLE hostile_app;
SET request.jwt.claims = '{"sub": "app", "tenant": "mine"}';
SELECT throws_ok($$INSERT INTO hostile.users VALUES ('intruder', 'other')$$, 'PT403', 'permission denied for tenant', 'claims hold a caller to their tenants');
SELECT lives_ok($$INSERT INTO hostile.users VALUES ('member', 'mine')$$, '… which they may have rows of');
SET request.jwt.claims = '{"role": "anon"}';
SELECT lives_ok($$INSERT INTO hostile.users VALUES ('newcomer', 'other')$$, 'who signs up has no tenant yet');
RESET request.jwt.claims;
DELETE FROM hostile.users;
RESET ROLE;

-- Restrictions outlive the row, however it goes and comes back.
CREATE FUNCTION state_of(id text) RETURNS text LANGUAGE sql AS $$SELECT (userlock.user_status(id, 'mine')).state::text$$;
SET ROLE hostile_app;
INSERT INTO hostile.users VALUES ('ann', 'mine'), ('bob', 'mine'), ('cid', 'mine');
RESET ROLE;
SELECT userlock.block_user('ann', 'fraud', tenant => 'mine');
SELECT userlock.lock_user('ann', 'phished', until => 'tomorrow', tenant => 'mine');
SET ROLE hostile_app;
DELETE FROM hostile.users WHERE id = 'ann';
INSERT INTO hostile.users VALUES ('ann', 'mine');
RESET ROLE;
SELECT is(state_of('ann'), 'locked+blocked', 'a deleted row that comes back is as restricted as it left');
SET ROLE hostile_app;
TRUNCATE hostile.users;
INSERT INTO hostile.users VALUES ('ann', 'mine'), ('bob', 'mine'), ('cid', 'mine');
RESET ROLE;
SELECT is(state_of('ann'), 'locked+blocked', '… also after TRUNCATE');
SELECT results_eq($$SELECT block_reason, lock_reason, locked_until FROM userlock.restricted_users WHERE user_id = 'ann'$$,
    $$VALUES ('fraud', 'phished', 'tomorrow'::timestamptz)$$, '… with the reasons and ends of then');
SET ROLE hostile_app;
UPDATE hostile.users SET id = 'eve' WHERE id = 'ann';
RESET ROLE;
SELECT is(state_of('eve'), 'locked+blocked', 'an id that changes takes its restrictions along');
SELECT results_eq($$SELECT block_reason, lock_reason, locked_until FROM userlock.restricted_users WHERE user_id = 'eve'$$,
    $$VALUES ('fraud', 'phished', 'tomorrow'::timestamptz)$$, '… with their reasons and ends');
SET ROLE hostile_app;
INSERT INTO hostile.users VALUES ('ann', 'mine');
RESET ROLE;
SELECT is(state_of('ann'), 'locked+blocked', '… and leaves them behind');
SET ROLE hostile_app;
DELETE FROM hostile.users WHERE id = 'eve';
UPDATE hostile.users SET id = CASE id WHEN 'ann' THEN 'bob' WHEN 'bob' THEN 'cid' ELSE 'ann' END;
RESET ROLE;
SELECT is(state_of('bob'), 'locked+blocked', 'where ids move on in a circle, so do restrictions');
SELECT is(state_of('cid'), 'active', '… by one step');

-- A restriction does not shrink to one that the new id has for less long.
INSERT INTO hostile.users VALUES ('bad', 'mine'), ('mild', 'mine');
SELECT userlock.lock_user('bad', 'fraud', tenant => 'mine');
SELECT userlock.lock_user('mild', 'wrong passwords', until => 'tomorrow', tenant => 'mine');
SET ROLE hostile_app;
DELETE FROM hostile.users WHERE id = 'mild';
UPDATE hostile.users SET id = 'mild' WHERE id = 'bad';
RESET ROLE;
SELECT is((userlock.user_status('mild', 'mine')).locked_until, NULL, 'a longer restriction is not shed onto an id with a shorter one');
SET ROLE hostile_app;
SET request.jwt.claims = '{"sub": "app", "tenant": "mine"}';
SELECT throws_ok($$INSERT INTO hostile.users VALUES ('newguy', NULL)$$, 'PT403', 'permission denied for tenant', 'a row without a tenant is in a tenant too');
RESET request.jwt.claims;
DELETE FROM hostile.users WHERE id = 'mild';
RESET ROLE;

-- Erased, and back with a row: nothing is left of them but that old tokens are void.
INSERT INTO hostile.users VALUES ('fay', 'mine');
SET ROLE hostile_app;
DELETE FROM hostile.users WHERE id = 'fay';
RESET ROLE;
SELECT is((userlock.erase_user('fay', 'mine')).events, 2::bigint, 'who left with a row is erased');
SET ROLE hostile_app;
INSERT INTO hostile.users VALUES ('fay', 'mine');
RESET ROLE;
SELECT results_eq($$SELECT kind FROM userlock_private.event WHERE user_id = 'fay' ORDER BY sequence$$,
    $$VALUES ('registered' COLLATE "C"), ('access_revoked')$$, '… and begins anew with another');
DELETE FROM hostile.users WHERE id = 'fay';

-- Every row of a user may have another id at once.
INSERT INTO hostile.membership VALUES ('two', 'red'), ('two', 'blue');
SELECT userlock.block_user('two', 'fraud');
UPDATE hostile.membership SET id = 'two ' || team;
SELECT results_eq($$SELECT user_id, state FROM registered WHERE user_id ~ 'two' ORDER BY 1$$,
    $$VALUES ('two blue' COLLATE "C", 'blocked'::userlock.user_lock_state), ('two red', 'blocked')$$, 'each of several new ids takes the restrictions along');
DELETE FROM hostile.membership;

-- A user who came back by other ways than the table is nobody's prey either.
SELECT userlock.delete_user('cid', tenant => 'mine');
SELECT userlock.register_user('cid', 'mine');
SET ROLE hostile_app;
DELETE FROM hostile.users WHERE id = 'cid';
RESET ROLE;
SELECT is(state_of('cid'), 'active', 'who was registered anew does not leave with an old row');

-- A superuser's ANALYZE runs the owner's function: nobody may ask for anything.
SET ROLE hostile_owner;
CREATE TABLE hostile.bait (t text);
CREATE FUNCTION hostile.act(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN PERFORM userlock.adopt('hostile.indexed', 'id'); RETURN t; END $$;
INSERT INTO hostile.bait VALUES ('x');
CREATE INDEX bait_act ON hostile.bait (t);
SELECT throws_ok($$CREATE INDEX ON hostile.bait (hostile.act(t))$$, 'PT403', NULL, 'nothing is adopted in a security-restricted operation');
RESET ROLE;

SELECT is_empty('SELECT * FROM userlock.verify()', 'every account is the fold of its events');
SELECT * FROM finish();
DROP SCHEMA hostile CASCADE;
DROP TABLE caught;
DROP VIEW registered;
DROP FUNCTION state_of;
DROP OWNED BY hostile_owner, hostile_app;
DROP ROLE hostile_owner, hostile_app;
TRUNCATE userlock_private.account, userlock_private.event, userlock_private.erasure, userlock_private.erasure_key;
