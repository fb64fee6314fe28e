-- What the owner of an adopted table tries, and an application that may do no
-- more than change its rows.  Not in one transaction: in that, the server would
-- remember what an index's expression came to when its owner asked.
SET client_min_messages = warning;
SELECT plan(44);
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
TRUNCATE userlock_private.account, userlock_private.event;
