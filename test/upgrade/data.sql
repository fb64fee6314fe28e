-- Something of everything that userlock keeps, to be found again after an upgrade.
-- Ends have passed or are far away, so that what is shown stands still.
--
-- users: how many beside those with a name; each has ten events.
\set ON_ERROR_STOP on
\o /dev/null
SET search_path = public, userlock;

CREATE ROLE support;
GRANT USAGE ON SCHEMA userlock, userlock_xekout TO support;
GRANT EXECUTE ON FUNCTION unlock_user, check_request, userlock_xekout.revoke TO support;
GRANT SELECT ON restricted_users TO support;

-- Each restriction, its reason and its end.
SELECT register_user('alice', profile => '{"userName": "Alice", "emails": [{"value": "alice@example.com"}], "roles": [{"value": "operator"}]}');
SELECT lock_user('alice', 'five wrong passwords', details => '{"attempts": 5}');
SELECT block_user('alice', 'fraud', until => '3000-01-01');
SELECT register_user('bob', 'acme');
SELECT lock_user('bob', 'for a moment', until => clock_timestamp() + interval '1 millisecond', tenant => 'acme');
SELECT register_user('carol'), lock_user('carol', 'phished'), delete_user('carol', 'left');
SELECT register_user('dave'), revoke_access('dave', 'lost a device');
SELECT register_user('erin', 'acme', '{"userName": "erin"}'), set_profile('erin', '{"userName": "erin", "displayName": "Erin"}', tenant => 'acme');

-- Policies, counts of failed logins, keys.
SELECT set_lockout_policy('nist', tenant => 'acme', attempts => 3, permanent_after => 3);
SELECT record_login_failure('erin', 'acme', '192.0.2.1') FROM generate_series(1, 4);
SELECT record_login_failure('dave'), record_login_failure('nobody');
SELECT create_api_key('billing', 'support', tenant => 'acme');

-- A table that is followed, and one in partitions.
CREATE TABLE app_user (id integer PRIMARY KEY, mail text, login text);
INSERT INTO app_user VALUES (1, 'one@example.com', 'one'), (2, NULL, 'two');
SELECT adopt('app_user', 'id', user_name_column => 'login', email_column => 'mail');
CREATE TABLE region_user (id text, region text) PARTITION BY LIST (region);
CREATE TABLE region_user_eu PARTITION OF region_user FOR VALUES IN ('eu');
INSERT INTO region_user VALUES ('frida', 'eu');
SELECT adopt('region_user', 'id');
SELECT block_user('2', 'spam');

-- The type in a table of the application's own.
CREATE TABLE note (owner text, state user_lock_state, CHECK (state >= 'active'));
CREATE INDEX ON note (state);
INSERT INTO note VALUES ('alice', 'locked+blocked'), ('dave', 'active');
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY only_allowed ON note USING ((SELECT current_user_allowed()));

-- And many.
SELECT count(register_user('user' || i)) FROM generate_series(1, :users) AS i;
CREATE PROCEDURE change_them(users integer) LANGUAGE plpgsql AS $$
DECLARE
    them text[];
BEGIN
    FOR i IN 1 .. users BY 10000 LOOP
        them := ARRAY(SELECT 'user' || n FROM generate_series(i, least(i + 9999, users)) AS n);
        FOR round IN 1 .. 2 LOOP
            PERFORM userlock.lock_users(them, 'round ' || round, until => CASE round WHEN 2 THEN timestamptz '3000-01-01' END);
            PERFORM userlock.block_users(them, 'round ' || round);
            PERFORM userlock.unlock_users(them);
            PERFORM userlock.unblock_users(them);
        END LOOP;
        PERFORM userlock.revoke_access(name) FROM unnest(them) AS name;
        PERFORM userlock.lock_users(ARRAY(SELECT name FROM unnest(them) AS name WHERE name LIKE '%7'), 'the last');
        COMMIT;
    END LOOP;
END
$$;
CALL change_them(:users);
DROP PROCEDURE change_them;
