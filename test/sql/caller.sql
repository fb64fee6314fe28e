-- Who asks: whatever the server takes for JSON is read as what it says, nothing else is; and nobody asks between the nodes of a cluster.
SET search_path = userlock, userlock_private, public;
\set VERBOSITY terse

-- Users whose tokens of 1700000000 and before are void.
SELECT count(register_user(id, tenant)) FROM unnest('{default,acme}'::text[]) AS tenant, unnest('{alice,jürgen}'::text[]) AS id;
UPDATE account SET access_valid_after = to_timestamp(1700000000.5);

-- What is made of claims.
CREATE FUNCTION public.told(claims text, OUT told text) LANGUAGE plpgsql AS $$
DECLARE
    checked text = 'passes';
BEGIN
    PERFORM set_config('request.jwt.claims', claims, true);
    BEGIN
        PERFORM check_request();
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS checked = CONSTRAINT_NAME;
    END;
    BEGIN
        told := format('%L of %s: %s', caller_user_id(), caller_tenants(), checked);
    EXCEPTION WHEN SQLSTATE 'PT401' THEN
        told := checked;
    END;
    ASSERT current_user_allowed() = (checked = 'passes');
    PERFORM set_config('request.jwt.claims', '', true);
END
$$;

-- What should be, by the server's own type json: the last of each claim counts, and null is as good as none.
CREATE FUNCTION public.expected(claims text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    name text;
    claim json;
    text_of text;
    kind text;
    sub text;
    tenant text = 'default';
    tenants text[] = '{}';
    iat numeric;
BEGIN
    BEGIN
        -- jsonb also knows which escapes stand for nothing.
        IF json_typeof(claims::json) <> 'object' OR claims::jsonb IS NULL THEN
            RETURN 'claims_malformed';
        END IF;
    EXCEPTION
        WHEN numeric_value_out_of_range THEN NULL;
        WHEN invalid_text_representation OR untranslatable_character THEN RETURN 'claims_malformed';
    END;
    FOR name, claim IN SELECT * FROM json_each(claims::json) LOOP
        kind := json_typeof(claim);
        text_of := claim #>> '{}';
        CONTINUE WHEN kind = 'null' OR name NOT IN ('sub', 'iat', 'tenant', 'tenants');
        IF kind <> (CASE name WHEN 'iat' THEN 'number' WHEN 'tenants' THEN 'array' ELSE 'string' END)
            OR name = 'tenant' AND length(text_of) NOT BETWEEN 1 AND 200
            OR name = 'tenants' AND EXISTS (
                SELECT FROM json_array_elements(CASE kind WHEN 'array' THEN claim ELSE '[]' END) AS element
                WHERE json_typeof(element) <> 'string' OR length(element #>> '{}') NOT BETWEEN 1 AND 200)
        THEN
            RETURN 'claims_malformed';
        END IF;
        CASE name
            WHEN 'sub' THEN sub := text_of;
            WHEN 'tenant' THEN tenant := text_of;
            WHEN 'tenants' THEN tenants := ARRAY(SELECT json_array_elements_text(claim));
            WHEN 'iat' THEN
                BEGIN
                    iat := floor(text_of::numeric);
                EXCEPTION WHEN numeric_value_out_of_range THEN
                    iat := CASE WHEN text_of LIKE '-%' THEN '-infinity' ELSE 'infinity' END;
                END;
        END CASE;
    END LOOP;
    RETURN format('%L of %s: %s', sub, tenant || tenants,
        CASE WHEN sub IS NULL THEN 'passes'
            WHEN sub NOT IN ('alice', 'jürgen') OR tenant NOT IN ('default', 'acme') THEN 'token_user_unknown'
            WHEN iat > extract(epoch FROM statement_timestamp()) + 30 THEN 'token_premature'
            WHEN iat <= 1700000000 OR iat IS NULL THEN 'token_void'
            ELSE 'passes' END);
END
$$;

-- Each of these is told as it should be.
CREATE TABLE public.sample (claims text);
INSERT INTO public.sample SELECT * FROM unnest(ARRAY[
    '{"sub":"alice","iat":1700000001}', '{"sub":"alice","iat":1700000000}', '{"sub":"jürgen","iat":1.8e9}', '{"role":"app","sub":"alice","tenant":"acme","iat":1700000001,"exp":1700003601}',
    e' \t\r\n{ \t\r\n"sub" \t\r\n: \t\r\n"alice" \t\r\n, \t\r\n"tenants" : [ "a" , \n"b" ] \t\r\n} \t\r\n', e'{"sub":"ali\tce"}', e'{"sub":"ali\nce"}', e'{"su\x01b":"alice"}', e'{"sub":"alice"\x0c}', e'{"sub":"\x7f"}',
    '{}', '{ }', '[]', '[{}]', 'null', 'true', '5', '"sub"', ' ', '{', '}', '{}}', '{}{}', '{},', '[', ']', '{]', '[}', ',', ':', '"', '{"', '{"sub', '{"sub"', '{"sub":', '{"sub":"', '{"sub":"alice', '{"sub":"alice"', '{"sub":"alice",', '{"sub":"alice",}',
    '{,}', '{,"sub":"alice"}', '{"sub":"alice",,"iat":1}', '{"sub","alice"}', '{"sub":}', '{"sub"}', '{sub:"alice"}', '{''sub'':''alice''}', '{"sub"::"alice"}', '{"sub":"alice" "iat":1}', '{"sub":"alice"}x', '{"sub":"alice"} /* */', '{5:"alice"}', '{null:1}', '{{}:1}',
    '{"sub":"a\"b"}', '{"sub":"alice\\"}', '{"sub":"alice\"}', '{"sub":"\/\b\f\n\r\t"}', '{"sub":"\a"}', '{"sub":"\'']',
    '{"s\u0075b":"alice","i\u0061t":1700000001}', '{"sub":"\u0061lice","iat":1700000001}', '{"su\\b":"alice"}', '{"sub\u0000":"alice"}', '{"sub":"a\u0000b"}', '{"a":"\u0000"}', '{"a":{"\u0000":1}}', '{"a":["\u0000"]}',
    '{"sub":"j\u00fcrgen","iat":1700000001}', '{"sub":"\ud83d\ude00"}', '{"sub":"\ud83d"}', '{"sub":"\ude00"}', '{"sub":"\ude00\ud83d"}', '{"sub":"\ud83d\ud83d\ude00"}', '{"sub":"\ud83dx"}', '{"sub":"\ud83d\n"}', '{"a":"\ud83d"}', '{"sub":"\u00"}', '{"sub":"\u00zz"}', '{"sub":"\U0061"}', '{"sub":"😀"}',
    '{"sub":null}', '{"sub":""}', '{"sub":5}', '{"sub":true}', '{"sub":[]}', '{"sub":{}}', '{"sub":["alice"]}', '{"sub":{"sub":"alice"}}', '{"Sub":"alice"}', '{"sub ":"alice"}', '{"su":"alice"}', '{"subs":"alice"}', '{"":"alice"}',
    '{"sub":"a","sub":"b"}', '{"sub":"a","sub":null}', '{"sub":null,"sub":"b"}', '{"sub":"a","sub":5}', '{"sub":5,"sub":"a"}', '{"tenants":["a"],"tenants":[]}', '{"tenants":["a"],"tenants":["b","c"]}', '{"tenants":["a"],"tenants":null}', '{"tenant":"a","tenant":"b"}', '{"iat":1,"sub":"alice","iat":1700000001}',
    '{"tenant":""}', '{"tenant":null}', '{"tenant":5}', '{"tenant":["a"]}', '{"tenant":{}}', '{"tenants":"a"}', '{"tenants":null}', '{"tenants":5}', '{"tenants":{}}', '{"tenants":{"a":"b"}}', '{"tenants":[]}', '{"tenants":[""]}', '{"tenants":[null]}', '{"tenants":[5]}', '{"tenants":[["a"]]}', '{"tenants":[[]]}', '{"tenants":[{}]}', '{"tenants":["a",]}', '{"tenants":[,"a"]}', '{"tenants":["a" "b"]}', '{"tenants":["a":"b"]}', '{"tenants":["a"}',
    '{"a":{"sub":"alice","tenant":5,"tenants":5,"iat":"x"},"b":[{"sub":5}],"sub":"jürgen","iat":1700000001}', '{"a":[1,2,{"b":[]},[[],{}],"x",true,false,null],"sub":"alice"}', '{"a":{"sub":"alice"]}', '{"a":[{"sub":"alice"]}}', '{"a":tru}', '{"a":truee}', '{"a":True}', '{"a":nul}', '{"a":NaN}', '{"a":-}', '{"a":nulltrue}', '{"a":true"x"}', '{"a":5"x"}']) AS claims
UNION SELECT format('{"sub":"alice","iat":%s}', iat) FROM unnest(ARRAY[
    '0', '-0', '-1', '00', '01', '+1', '.5', '5.', '5.e1', '1e', '1e+', '1e5', '1E+5', '1e-5', '0x10', '1_000', '1700000000.99', '1700000001.0', '17000000011e-1', '0.17000000011e10', '999999999999999', '9999999999999999', '99999999999999999999999999', '-99999999999999999999999999', '1e400', '-1e400', '1e400000', '-1e400000', 'null', '"1"', 'true', '[1]', '{}', 'Infinity', 'NaN', '1 1', '1x', '1"x"', '1[']) AS iat
-- Long, and deep: a thousand levels are the most.
UNION SELECT format('{"a":%s,"sub":"alice","iat":1700000001}', value) FROM unnest(ARRAY[
    to_json(repeat('x', 100000))::text, to_json(repeat('"\', 5000))::text, to_json(repeat('ü', 3000))::text, (SELECT json_agg(n)::text FROM generate_series(1, 3000) AS n), (SELECT json_object_agg('sub' || n, '[{"sub":5}]')::text FROM generate_series(1, 1000) AS n),
    repeat('[', 999) || repeat(']', 999), repeat('{"sub":', 999) || '5' || repeat('}', 999)]) AS value
UNION SELECT format('{"tenant":%1$s,"tenants":[%1$s]}', to_json(repeat(letter, count))) FROM unnest(ARRAY['x', 'ü', '\']) AS letter, unnest('{199,200,201}'::integer[]) AS count
UNION SELECT format('{"sub":%s}', to_json(repeat('x', count))) FROM unnest('{200,201,5000}'::integer[]) AS count;

SELECT left(claims, 200) AS claims, told(claims), expected(claims) FROM public.sample WHERE told(claims) IS DISTINCT FROM expected(claims);
SELECT count(*) FILTER (WHERE told = 'claims_malformed') > 100 AS malformed, count(*) FILTER (WHERE told <> 'claims_malformed') > 60 AS read, count(DISTINCT told) > 25 AS different FROM public.sample, told(claims);

-- Deeper than that nothing is read, however little there is in it; and the server's stack is not what ends it.
SELECT told(format('{"a":%s}', value)) FROM unnest(ARRAY[
    repeat('[', 1000) || repeat(']', 1000), repeat('{"a":', 1000) || '5' || repeat('}', 1000), repeat('[', 1000000), repeat('{"a":', 1000000), repeat('[', 1000000) || repeat(']', 1000000)]) AS value;

-- So are those that some mistakes make of them.
CREATE FUNCTION public.mutate(claims text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    pieces CONSTANT text[] = ARRAY['{', '}', '[', ']', ',', ':', '"', '\', ' ', e'\n', e'\t', e'\x02', '0', '9', '-', '.', 'e', 'u', 'x', 'ü', '""', '\"', '\\', '\u0061', '\u0000', '\ud83d', '\ude00', 'null', 'true', '"sub":', '"iat":17', '"tenants":[', '{}', '[]', ',"sub":"alice"', '"tenant":"acme",'];
    place integer;
BEGIN
    FOR i IN 1..1 + floor(random() * 3)::integer LOOP
        place := 1 + floor(random() * (length(claims) + 1))::integer;
        claims := overlay(claims PLACING CASE WHEN random() < 0.7 THEN pieces[1 + floor(random() * cardinality(pieces))::integer] ELSE '' END
            FROM place FOR floor(random() * random() * 4)::integer);
    END LOOP;
    RETURN claims;
END
$$;
CREATE TABLE public.mutant AS
SELECT mutate(claims) AS claims FROM (SELECT setseed(0.25)) AS seeded, generate_series(1, 80),
    (SELECT claims FROM public.sample WHERE length(claims) < 300 AND claims NOT LIKE '%e400%' AND told(claims) <> 'claims_malformed' ORDER BY claims COLLATE "C") AS short;
SELECT left(claims, 200) AS claims, told(claims), expected(claims) FROM public.mutant WHERE claims <> '' AND told(claims) IS DISTINCT FROM expected(claims);
SELECT count(*) > 3000 AS many, count(*) FILTER (WHERE told = 'claims_malformed') > 1000 AS malformed, count(*) FILTER (WHERE told <> 'claims_malformed') > 1000 AS read FROM public.mutant, told(claims);
DROP TABLE public.sample, public.mutant;

-- Between the nodes of a Citus cluster claims do not travel: whoever asks there without them is nobody.
CREATE TABLE public.member (id text);
SELECT adopt('public.member', 'id');
SELECT state FROM lock_user('jürgen', until => clock_timestamp() + interval '10 milliseconds');
SELECT pg_sleep(0.02);
CREATE FUNCTION public.refusal(asked text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    name text;
BEGIN
    EXECUTE asked;
    RETURN 'none';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS name = CONSTRAINT_NAME;
    RETURN concat_ws(' ', SQLSTATE, nullif(name, ''));
END
$$;
CREATE VIEW public.asked AS SELECT set_config('application_name', name, true) AS session, current_user_allowed(), user_allowed('alice')
FROM unnest(ARRAY['psql', '', 'citus', 'citus_internal', 'citus_internal gpid', 'Citus_internal gpid=1', ' citus_internal gpid=1', 'citus_internal gpid=', 'citus_internal gpid=10000000123', 'citus_rebalancer gpid=1', 'citus_run_command gpid=1']) AS name;
SELECT * FROM public.asked;
SET application_name = 'citus_internal gpid=10000000123';
\set VERBOSITY default
SELECT check_request();
\set VERBOSITY terse
SELECT user_allowed('alice'), user_allowed('alice', 'acme'), user_allowed('alice', ''), user_allowed('nobody');
SELECT tenant_is_visible('default');
SELECT visible_tenants();
SELECT asked, refusal(asked) FROM unnest(ARRAY[
    'TABLE users', 'TABLE restricted_users', 'TABLE user_history', 'TABLE statistics', $$SELECT user_status('alice')$$, $$SELECT user_profile('alice')$$, 'SELECT verify()', $$SELECT verify('acme')$$,
    'SELECT caller_user_id()', 'SELECT caller_tenants()', 'SELECT whoami()', $$SELECT login_verdict('alice')$$,
    $$SELECT lock_user('alice')$$, $$SELECT unlock_user('alice', tenant => 'acme')$$, $$SELECT lock_users('{alice}')$$, $$SELECT register_user('bob')$$, $$SELECT delete_user('alice')$$, $$SELECT set_profile('alice', '{}')$$, $$SELECT revoke_access('alice')$$,
    $$SELECT record_login_failure('alice')$$, $$SELECT record_login_success('alice')$$, 'SELECT expire()', 'SELECT refresh_statistics()', $$SELECT prune_history(now() - interval '1 year')$$, $$SELECT erase_user('alice')$$,
    $$SELECT create_api_key('key', current_user)$$, $$SELECT adopt('public.member', 'id')$$, $$INSERT INTO public.member VALUES ('carol')$$]) AS asked;
SELECT outcome, sqlstate, message FROM try_transition('lock', 'alice');
-- With claims they are who they are anywhere.
SET request.jwt.claims = '{"sub":"alice","tenant":"acme","iat":1700000001}';
SELECT check_request(), current_user_allowed(), user_allowed('alice'), tenant_is_visible('acme'), tenant_is_visible('default'), visible_tenants();
SET request.jwt.claims = '{"sub":"alice"';
SELECT check_request();
RESET request.jwt.claims;
RESET application_name;
SELECT tenant, user_id, state FROM users ORDER BY tenant, user_id;

DROP VIEW public.asked;
DROP TABLE public.member;
DROP FUNCTION public.told, public.expected, public.mutate, public.refusal;
TRUNCATE account, event, profile;

-- Where the database does not have every character, those that it has are read as anywhere.
CREATE DATABASE regress_userlock_latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0;
\c regress_userlock_latin1
SET client_encoding = 'UTF8';
\set VERBOSITY terse
CREATE EXTENSION userlock;
SET request.jwt.claims = '{"sub":"jürgen"}';
SELECT userlock.caller_user_id() = 'jürgen' AS jürgen;
SET request.jwt.claims = '{"sub":"ü\u0061\n"}';
SELECT userlock.caller_user_id() = e'üa\n' AS escaped;
SET request.jwt.claims = '{"sub":"\u20ac"}';
SELECT userlock.caller_user_id();
SET request.jwt.claims = '{"a":"\u0000"}';
SELECT userlock.caller_user_id();
\c contrib_regression
DROP DATABASE regress_userlock_latin1;
TRUNCATE userlock_private.account, userlock_private.event, userlock_private.profile;
