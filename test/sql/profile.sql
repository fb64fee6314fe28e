SET search_path = public, userlock, userlock_private;
-- The profile: a SCIM User document, replaced as a whole.

-- Kept with the user, and what users are found by stands beside it.
SELECT user_id FROM register_user('alice', profile => '{
    "userName": "Alice", "externalId": "Ext-1", "displayName": "Alice Ärmel",
    "emails": [{"value": "home@example.com"}, {"value": "Alice@Example.com", "primary": true}], "favourite": {"colour": "green"}}');
SELECT user_name, external_id, email, display_name, user_name_lower, email_lower, display_name_lower FROM profile;
SELECT user_profile('alice') -> 'favourite' AS kept_as_given;

-- Names of attributes have no case, null is none, and so is what is empty.
SELECT sequence FROM set_profile('alice', '{"USERNAME": "One", "userName": "Two", "EXTERNALID": null, "displayName": "", "emails": [{"VALUE": "first@example.com"}, {"type": "work"}]}');
SELECT user_name, external_id, email, display_name FROM profile;
SELECT sequence, kind, from_state, to_state, actor = session_user AS by_me, attributes, details FROM user_history WHERE user_id = 'alice' ORDER BY sequence;

-- History names attributes, never their values.
SELECT (set_profile('alice', '{"userName": "Two", "emails": [{"value": "secret@example.com"}]}', 'moved', details => '{"ticket": 1}')).sequence;
SELECT reason, attributes, details FROM user_history WHERE user_id = 'alice' AND sequence = 3;
SELECT count(*) AS values_kept FROM event WHERE event::text LIKE '%secret@%';

-- The same again changes nothing, and is refused.
SELECT set_profile('alice', '{"emails": [{"value": "secret@example.com"}], "userName": "Two"}');
\echo :LAST_ERROR_SQLSTATE
SELECT sequence FROM set_profile('alice', '{"emails": [{"value": "secret@example.com"}], "userName": "Two"}', idempotent => true);

-- None, and an empty one: they are told apart.
SELECT sequence FROM set_profile('alice', NULL);
SELECT user_profile('alice') IS NULL AS gone, count(*) FROM profile;
SELECT sequence FROM set_profile('alice', '{}');
SELECT sequence, attributes FROM user_history WHERE user_id = 'alice' AND sequence > 3 ORDER BY sequence;

-- As elsewhere: the sequence expected, the tenant, who is not there.
SELECT set_profile('alice', '{"title": "Dr"}', expected_sequence => 1);
\echo :LAST_ERROR_SQLSTATE
SELECT sequence FROM set_profile('alice', '{"title": "Dr"}', expected_sequence => 5);
SELECT set_profile('nobody', '{}');
\echo :LAST_ERROR_SQLSTATE
SELECT set_profile('alice', '{}', tenant => 'acme');
\echo :LAST_ERROR_SQLSTATE
SET request.jwt.claims = '{"sub": "operator", "tenant": "acme"}';
SELECT set_profile('alice', '{}', tenant => 'default');
\echo :LAST_ERROR_SQLSTATE
RESET request.jwt.claims;

-- An end that has passed is written before it.
SELECT state FROM lock_user('alice', until => clock_timestamp() + interval '0.05 seconds');
SELECT pg_sleep(0.06);
SELECT state, sequence FROM set_profile('alice', '{"title": "Prof"}');
SELECT sequence, kind, from_state, to_state FROM user_history WHERE user_id = 'alice' AND sequence > 6 ORDER BY sequence;
SELECT * FROM verify();

-- A user name is one user's in a tenant, in whatever case.
SELECT user_id FROM register_user('bob', profile => '{"userName": "Bob"}');
SELECT register_user('impostor', profile => '{"userName": "bOB"}');
\echo :LAST_ERROR_SQLSTATE
SELECT user_id FROM register_user('impostor', profile => '{"userName": "ÄRMEL"}');
SELECT set_profile('alice', '{"userName": "ärmel"}');
SELECT user_id FROM register_user('bob', 'acme', '{"userName": "BOB"}');
SELECT sequence FROM set_profile('bob', '{"userName": "BOB"}');
SELECT sequence FROM set_profile('bob', '{"displayName": "Bob"}');
SELECT sequence FROM set_profile('alice', '{"userName": "bob"}');
SELECT state FROM delete_user('alice');
SELECT sequence FROM set_profile('bob', '{"userName": "bob"}');

-- No password is kept, in no spelling and no depth; what only sounds like one is.
SELECT sequence FROM set_profile('bob', '{
    "password": "one", "Password": {"value": "two"}, "PASSWORD": ["three"], "pass_word": 4, "pass-word": 5, "passwd": 6, "pwd": 7, "user.password": 8,
    "urn:ietf:params:scim:schemas:core:2.0:User:password": "nine", "password[type eq \"x\"].value": 10,
    "newPassword": 15, "hashedPassword": 16, "passwordHash": 17, "password_hash": 18, "passphrase": 19, "User#password": 20, "user password": 21, "password,x": 22,
    "pass\u00adword": 23, "my_passwords_hint": "kept", "hasPassword": false,
    "list": [{"password": "eleven", "name": "x"}, [{"PassWord": "twelve"}]], "deep": {"deeper": {"password": "thirteen", "kept": true}},
    "has_password": true, "passwordless": true, "password_updated_at": 14, "passport": "C01X00T47", "crossword": "yes"}');
SELECT jsonb_pretty(user_profile('bob'));
SELECT user_id FROM register_user('carol', profile => '{"userName": "carol", "password": "hunter2"}');
SELECT user_profile('carol');

-- What users are found by is what SCIM says it is.
CREATE FUNCTION pg_temp.refused(document jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    name text;
BEGIN
    PERFORM set_profile('carol', document);
    RETURN 'taken';
EXCEPTION WHEN SQLSTATE 'PT422' THEN
    GET STACKED DIAGNOSTICS name = CONSTRAINT_NAME;
    RETURN name;
END
$$;
SELECT document, pg_temp.refused(document) FROM unnest(ARRAY[
    '[]', '"text"', '1', '{"userName": 1}', '{"userName": ["a"]}', '{"USERNAME": {}}', '{"externalId": false}', '{"displayName": {}}',
    '{"emails": "a@example.com"}', '{"emails": {"value": "a@example.com"}}', '{"emails": ["a@example.com"]}', '{"emails": [{"value": 1}]}', '{"emails": []}']::jsonb[]) AS document;
SELECT length, pg_temp.refused(jsonb_build_object('userName', repeat('ä', length))) FROM unnest(ARRAY[320, 321]) AS length;
SELECT set_profile('carol', jsonb_build_object('externalId', repeat('x', 321)));

-- One limit for its size, told in the error; passwords do not count, digits do.
SELECT pg_temp.refused(jsonb_build_object('a', repeat('x', 65536 - 9))), pg_temp.refused(jsonb_build_object('a', repeat('x', 65536 - 8)));
SELECT pg_temp.refused(jsonb_build_object('a', repeat('x', 60000), 'password', repeat('x', 60000)));
SELECT set_profile('carol', '{"a": 1e131071}');

-- Whoever is found by the longest names is in every index.
SELECT user_id = repeat('ü', 200) AS registered FROM register_user(repeat('ü', 200), repeat('ü', 200), jsonb_build_object(
    'userName', repeat('𝄞', 320), 'externalId', repeat('𝄞', 320), 'displayName', repeat('𝄞', 320), 'emails', jsonb_build_array(jsonb_build_object('value', repeat('𝄞', 320)))));
SELECT count(*) FROM users WHERE tenant = repeat('ü', 200) AND user_name_lower = repeat('𝄞', 320);

SELECT * FROM verify();
TRUNCATE account, event, profile;

-- A plan that a session makes while nobody has a profile serves it among millions: by the key.
\c -
SET search_path = public, userlock, userlock_private;
TRUNCATE profile;
BEGIN;
SELECT count(register_user('first', profile => '{"userName": "first", "emails": [{"value": "first@example.com"}]}'));
SELECT count(set_profile('first', '{"displayName": "First"}')), count(user_profile('first'));
SELECT count(delete_user('first'));
SELECT indexrelid::regclass AS used FROM pg_index WHERE indrelid = 'profile'::regclass AND pg_stat_get_xact_numscans(indexrelid) > 0 ORDER BY 1;
COMMIT;
TRUNCATE account, event, profile;
