-- userlock_http: what it installs, and the helpers under the contracts.
\set VERBOSITY terse
CREATE EXTENSION userlock_http;

-- Nothing for PUBLIC, everything commented.
CREATE TEMPORARY VIEW member AS
SELECT p.oid::regprocedure AS function, p.* FROM pg_proc AS p
WHERE p.pronamespace IN (SELECT oid FROM pg_namespace WHERE nspname LIKE 'userlock\_%' AND nspname <> 'userlock_private');
SELECT count(*) > 30 AS functions FROM member;
SELECT function FROM member WHERE has_function_privilege('public', oid, 'EXECUTE');
SELECT function FROM member WHERE obj_description(oid, 'pg_proc') IS NULL;
SELECT function, proconfig FROM member WHERE prosecdef ORDER BY function::text;
-- What is parsed as it runs has nothing to look for but pg_catalog's, and no other
-- language is used.
SELECT function AS unpinned FROM member JOIN pg_language AS l ON l.oid = prolang
WHERE lanname <> 'c' AND prosqlbody IS NULL
AND (proconfig @> ARRAY['search_path=pg_catalog, pg_temp'] AND lanname IN ('sql', 'plpgsql')) IS NOT TRUE;
SELECT nspname FROM pg_namespace WHERE nspname LIKE 'userlock\_%'
AND (has_schema_privilege('public', oid, 'USAGE') OR obj_description(oid, 'pg_namespace') IS NULL);
SELECT typname FROM pg_type WHERE typnamespace::regnamespace::text LIKE 'userlock\_%' AND typnamespace <> 'userlock_private'::regnamespace AND typelem = 0 AND obj_description(oid, 'pg_type') IS NULL
AND (SELECT relkind FROM pg_class WHERE pg_class.oid = typrelid) IS DISTINCT FROM 'v';
-- Views are for every caller to read: what they show is for them to say.
SELECT oid::regclass AS view, reloptions, has_table_privilege('public', oid, 'SELECT') AS readable,
    has_table_privilege('public', oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') AS more FROM pg_class WHERE relkind = 'v' AND relnamespace::regnamespace::text LIKE 'userlock\_%' AND relnamespace <> 'userlock_private'::regnamespace;

-- What PostgREST exposes of it holds calls: functions that take the body and answer in
-- their own words.  What they call in turn is in userlock_http.  And nginx asks one.
SELECT pg_describe_object(d.classid, d.objid, 0) AS no_call
FROM pg_depend AS e JOIN pg_depend AS d ON d.refclassid = e.classid AND d.refobjid = e.objid
LEFT JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
WHERE e.classid = 'pg_namespace'::regclass AND e.deptype = 'e' AND e.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'userlock_http')
AND (p.proargtypes = 'bytea'::regtype::oid::text::oidvector AND p.proargnames IS NULL
    AND p.prorettype = 'userlock_http."*/*"'::regtype AND p.provolatile IN ('s', 'v')) IS NOT TRUE
ORDER BY 1;

-- A segment of a path.
SELECT segment, userlock_http.percent_decode(segment) FROM unnest(ARRAY[
    'alice', 'a%20b', 'a%2Fb', 'a%2fb', '%25', 'j%C3%BCrgen', '%F0%9F%98%80', '',
    '%', '%4', 'a%', '%zz', '%0', '%00', 'a%00', '%ff', '%C3', '%ED%A0%80', '%C0%80', '%F4%90%80%80', '+']) AS segment;
SELECT length(userlock_http.percent_decode(repeat('%41', 100000)));
SELECT plain, userlock_http.percent_encode(plain), userlock_http.percent_decode(userlock_http.percent_encode(plain)) = plain AS same
FROM unnest(ARRAY['', 'alice', 'AZaz09-._~', 'a@b.example', 'a b/c?d#e%f+g', 'jürgen', '😀', E'\x01\x7f']) AS plain;

-- A body.
SELECT body, userlock_http.json_object(convert_to(body, 'UTF8')) FROM unnest(ARRAY[
    '', '{}', ' {"a": [1, {"b": "}]"}]} ', '{"a":"\u00e9\ud83d\ude00"}', '{"a":1e999999}',
    '{', '[]', '"x"', 'null', '1', '{"a":1,}', '{"a":1}{', '{"a":"\u0000"}', '{"a":"\ud800"}', '{"a":"\x"}', E'{"a":"\t"}', '{a:1}', '   ']) AS body;
SELECT userlock_http.json_object('\x7b2261223a22ff227d') IS NULL AS not_utf8, userlock_http.json_object('\x7b7d00') IS NULL AS nul;
SELECT depth, userlock_http.json_object(convert_to(repeat('{"a":', depth) || '1' || repeat('}', depth), 'UTF8')) IS NOT NULL AS taken
FROM unnest(ARRAY[1000, 1001, 200000]) AS depth;
SELECT userlock_http.json_object(convert_to(repeat('[', 1000000), 'UTF8')) IS NULL AS refused;
SELECT userlock_http.json_object(convert_to('{"a":"' || repeat('[\"', 100000) || '"}', 'UTF8')) IS NOT NULL AS taken;

-- Integers of 32 bits.
SELECT value, userlock_http.is_integer(value::json) FROM unnest(ARRAY[
    '0', '-1', '2147483647', '-2147483648', '2147483648', '-2147483649', '99999999999', '1.0', '1e3', '"1"', 'null', 'true', '[]', '-0']) AS value;
SELECT userlock_http.is_integer(NULL);

-- JSON without spaces, moments.
SELECT userlock_http.compact('{"a b": [1, 2, {"c\" ,": "x \\ y, z: \" "}], "e": {}, "n": null}');
SELECT userlock_http.timestamp(moment::timestamptz) FROM unnest(ARRAY[
    '2025-03-31 10:57:48Z', '2025-03-31 10:57:48.4Z', '2025-03-31 10:57:48.479Z', '2025-03-31 10:57:48.000001Z', '2025-03-31 12:57:48.120300+02']) AS moment;
SELECT userlock_http.timestamp('infinity');

-- A string in ASCII.
SELECT userlock_http.ascii_json(value), userlock_http.ascii_json(value)::json #>> '{}' = value AS is_same FROM unnest(ARRAY[
    '', 'a b~', '"\/', E'\x01\t\n\x7f', 'jürgen', U&'\0080\ffff', '😀', U&'\+10ffff', '\u0041']) AS value;
SELECT userlock_http.ascii_json(NULL) IS NULL AS nothing;

-- Headers: PostgREST's setting is unset in a new session, empty in a used one.
SELECT userlock_http.header('x-a') IS NULL AS unset;
SET request.headers = '';
SELECT userlock_http.header('x-a') IS NULL AS empty;
SET request.headers = '{"x-a": "1", "x-userlock-user-id": "a%20b"}';
SELECT userlock_http.header('x-a'), userlock_http.header('x-b') IS NULL AS missing, userlock_http.user_id();
RESET request.headers;

-- A query string.
SELECT userlock_http.query() AS no_headers;
SET request.headers = '{"x-a": "1"}';
SELECT userlock_http.query() AS no_query;
SELECT query, userlock_http.query() FROM unnest(ARRAY[
    'a=1&b=2', 'a=1&a=2', 'a', 'a=', '=1', '&&a=1&', '&', 'a=b=c', 'a+b=c+d%2B%20e', 'filter=email%3A%22a%40b%22%20AND%20x', 'a%3Db=1', '%C3%BC=%F0%9F%98%80',
    'a=%00', 'a=%', '%zz=1', 'a=%ff', '%', 'a=1&b=%4', 'a=%ED%A0%80']) AS query,
    LATERAL (SELECT set_config('request.headers', json_build_object('x-userlock-query', query)::text, false) OFFSET 0) AS given;
SET request.headers = '';
SELECT userlock_http.query() IS NULL AS malformed FROM set_config('request.headers', json_build_object('x-userlock-query', 'a=' || repeat('%00', 5000))::text, false);
SELECT length(userlock_http.query()::text) FROM set_config('request.headers', json_build_object('x-userlock-query', repeat('a&', 8000) || 'b=' || repeat('%41', 5000))::text, false);
RESET request.headers;

-- A user's status, as an outcome, in the order in which everything is judged.
SELECT user_id FROM userlock.register_user('alice', 'acme');
SELECT state FROM userlock.lock_user('alice', until => now() + interval '1 hour', tenant => 'acme');
SELECT user_id FROM userlock.register_user('bob', 'other');
CREATE ROLE regress_userlock_reader;
GRANT USAGE ON SCHEMA userlock_http TO regress_userlock_reader;
GRANT EXECUTE ON FUNCTION userlock_http.try_status, userlock_http.try_change, userlock_http.outcome_of_error TO regress_userlock_reader;
CREATE FUNCTION pg_temp.tell(user_id text, tenant text DEFAULT NULL)
RETURNS TABLE (id text, outcome text, sqlstate text, message text, state text) LANGUAGE sql
AS 'SELECT left(t.user_id, 9), t.outcome, t.sqlstate, t.message, (t.status).state FROM userlock_http.try_status($1, $2) AS t';
SET request.jwt.claims = '{"tenant": "acme"}';
BEGIN READ ONLY;
SELECT t.* FROM (VALUES ('alice', NULL), ('alice', 'acme'), ('nobody', NULL), ('bob', NULL), ('bob', 'other'), ('', NULL), (NULL, NULL), (repeat('x', 201), NULL), ('', 'other')) AS v (id, tenant),
    LATERAL pg_temp.tell(v.id, v.tenant) AS t;
-- Who may not, learns nothing; and may not at once, whoever was permitted before.
SET LOCAL ROLE regress_userlock_reader;
SELECT t.outcome, t.sqlstate, t.message, t.status IS NULL AS untold FROM unnest(ARRAY['alice', 'nobody', '']) AS id, LATERAL userlock_http.try_status(id) AS t;
RESET ROLE;
SELECT outcome, message, detail, hint, status FROM userlock_http.try_status('nobody');
SET LOCAL request.jwt.claims = '{"tenant": 7}';
SET LOCAL ROLE regress_userlock_reader;
SELECT outcome, sqlstate, message FROM userlock_http.try_status('alice');
ROLLBACK;
RESET request.jwt.claims;
-- Changes that are no transitions, likewise.
BEGIN;
SELECT t.outcome, t.sqlstate, t.message, t.hint, (t.status).sequence FROM (VALUES (1, 'register', 'eve', '{"userName": "Eve"}'::jsonb, NULL::bigint), (2, 'register', 'eve', NULL, NULL),
    (3, 'register', 'adam', '{"userName": "EVE"}', NULL), (4, 'register', '', NULL, NULL), (5, 'set_profile', 'eve', '{"userName": "Eva"}', 7), (6, 'set_profile', 'eve', '{"userName": "Eva"}', 1),
    (7, 'set_profile', 'eve', '{"userName": "Eva"}', NULL), (8, 'set_profile', 'eve', '{"userName": 5}', NULL), (9, 'set_profile', 'nobody', '{}', NULL), (10, 'delete', 'eve', NULL, 7),
    (11, 'delete', 'eve', NULL, 2), (12, 'delete', 'eve', NULL, NULL)) AS v (n, change, id, profile, expected),
    LATERAL userlock_http.try_change(change, id, profile, expected) AS t ORDER BY n;
SET LOCAL ROLE regress_userlock_reader;
SELECT t.outcome, t.sqlstate, t.message FROM unnest(ARRAY['register', 'set_profile', 'delete']) AS change, LATERAL userlock_http.try_change(change, 'alice') AS t;
ROLLBACK;
-- A lock that has ended is over, and nothing was written.
SELECT user_id FROM userlock.register_user('carol', 'acme');
SELECT state FROM userlock.lock_user('carol', until => clock_timestamp() + interval '300 ms', tenant => 'acme');
SELECT pg_sleep(0.4);
SELECT outcome, (status).state, (status).sequence, (status).locked_until IS NULL AS ended FROM userlock_http.try_status('carol', 'acme');
-- Who is a machine is for those who may read profiles, and of their tenants.
SELECT (userlock.register_user(user_id, tenant, jsonb_build_object('urn:userlock:zitadel', jsonb_build_object('machine', machine::jsonb)))).user_id
FROM (VALUES ('ci', 'acme', '{}'), ('dave', 'acme', 'null'), ('erin', 'acme', 'false'), ('ci', 'other', '{"name": "ci"}')) AS v (user_id, tenant, machine);
SET ROLE regress_userlock_reader;
SELECT * FROM userlock_http.visible_zitadel_machine;
RESET ROLE;
GRANT EXECUTE ON FUNCTION userlock.user_profile TO regress_userlock_reader;
SET ROLE regress_userlock_reader;
SET request.jwt.claims = '{"tenant": "acme"}';
SELECT * FROM userlock_http.visible_zitadel_machine;
SET request.jwt.claims = '{"tenant": "nobodys"}';
SELECT * FROM userlock_http.visible_zitadel_machine;
RESET request.jwt.claims;
SELECT * FROM userlock_http.visible_zitadel_machine ORDER BY tenant;
RESET ROLE;
DROP OWNED BY regress_userlock_reader;
DROP ROLE regress_userlock_reader;

-- Schemas that someone else prepared are refused.
DROP EXTENSION userlock_http;
DROP SCHEMA userlock_http;
CREATE ROLE regress_userlock_mallory;
CREATE SCHEMA userlock_http AUTHORIZATION regress_userlock_mallory;
\set SHOW_CONTEXT never
CREATE EXTENSION userlock_http;
DROP SCHEMA userlock_http;
CREATE SCHEMA userlock_zitadel AUTHORIZATION regress_userlock_mallory;
CREATE EXTENSION userlock_http;
DROP SCHEMA userlock_zitadel;

-- Default privileges of the installer give nobody anything, and the core's own grants stay.
GRANT EXECUTE ON FUNCTION userlock.unlock_user TO regress_userlock_mallory;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO regress_userlock_mallory;
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO regress_userlock_mallory;
CREATE EXTENSION userlock_http;
SELECT function FROM member WHERE has_function_privilege('regress_userlock_mallory', oid, 'EXECUTE');
SELECT nspname FROM pg_namespace WHERE nspname LIKE 'userlock\_%' AND nspname <> 'userlock_http' AND has_schema_privilege('regress_userlock_mallory', oid, 'USAGE');
SELECT has_function_privilege('regress_userlock_mallory', 'userlock.unlock_user'::regproc, 'EXECUTE') AS still_granted;

-- What is parsed as it is created means nothing but pg_catalog's: else these traps,
-- which fit better, could not be dropped.
DROP EXTENSION userlock_http;
CREATE FUNCTION userlock.to_json(text) RETURNS json RETURN NULL::json;
CREATE OPERATOR userlock.|| (LEFTARG = text, RIGHTARG = integer, FUNCTION = repeat);
CREATE EXTENSION userlock_http;
DROP FUNCTION userlock.to_json(text);
DROP OPERATOR userlock.|| (text, integer);

-- Only UTF-8.
CREATE DATABASE regress_userlock_latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0;
\c regress_userlock_latin1
\set SHOW_CONTEXT never
CREATE EXTENSION userlock_http CASCADE;
\c contrib_regression
DROP DATABASE regress_userlock_latin1;
DROP EXTENSION userlock_http;
DROP OWNED BY regress_userlock_mallory;
DROP ROLE regress_userlock_mallory;
TRUNCATE userlock_private.account, userlock_private.event, userlock_private.profile;
