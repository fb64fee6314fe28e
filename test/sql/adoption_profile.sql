-- An adopted table says what its users are called, and is followed in that too.
SET search_path = userlock, userlock_private, public;
\set VERBOSITY terse
CREATE VIEW public.called AS
SELECT tenant, user_id, user_name, email, user_profile(user_id, tenant) - 'userName' - 'emails' AS rest,
    (SELECT string_agg(concat(kind, ' ' || attributes::text), ', ' ORDER BY sequence) FROM event AS e WHERE e.tenant = u.tenant AND e.user_id = u.user_id) AS history
FROM userlock.users AS u ORDER BY tenant, user_id;

-- The rows that there are, and those that come.
CREATE TABLE public.person (id integer PRIMARY KEY, login varchar(400), mail text, seen_at timestamptz);
INSERT INTO public.person VALUES (1, 'Ann', 'ann@example.com'), (2, NULL, ''), (3, '', 'cid@example.com'), (4, 'dan', NULL);
SELECT adopt('public.person', 'id', user_name_column => 'login', email_column => 'mail');
INSERT INTO public.person VALUES (5, 'eve', 'eve@example.com'), (6, NULL, NULL);
SELECT user_id, user_profile(user_id), history FROM public.called;
SELECT user_id FROM find_users('{"user_name": "ann"}');

-- What changes is followed, in one event that names no values; what does not, is none.
UPDATE public.person SET login = 'Anna', mail = 'anna@example.com' WHERE id = 1;
UPDATE public.person SET login = login, mail = mail;
UPDATE public.person SET seen_at = now();
UPDATE public.person SET login = 'bob' WHERE id = 2;
UPDATE public.person SET mail = '' WHERE id = 3;
UPDATE public.person SET login = NULL WHERE id = 4;
UPDATE public.person SET login = 'EVE' WHERE id = 5;
INSERT INTO public.person VALUES (5, 'eva', 'eva@example.com') ON CONFLICT (id) DO UPDATE SET mail = excluded.mail;
SELECT user_id, user_profile(user_id), history FROM public.called;
SELECT actor = session_user AS by_me, from_state, to_state, reason FROM event WHERE kind = 'profile_changed' GROUP BY 1, 2, 3, 4;
SELECT count(*) AS values_kept FROM event WHERE event::text LIKE '%example%';
-- Whoever comes back is called what the row says then.
DELETE FROM public.person WHERE id IN (1, 6);
INSERT INTO public.person VALUES (1, 'ann', NULL);
SELECT user_profile('1'), user_profile('6'), (SELECT count(*) FROM profile WHERE user_id = '6');
TRUNCATE public.person;
SELECT count(*) FROM profile;
SELECT * FROM verify();

-- What an identity provider knows beside that stays.
INSERT INTO public.person VALUES (1, 'ann', 'ann@old.example');
SELECT count(set_profile('1', '{"USERNAME": "ANN", "displayName": "Ann", "name": {"familyName": "Ng"}, "urn:userlock:monocloud": {"a": [1, {"b": null}]},
    "emails": [{"value": "home@example.com", "type": "home"}, {"VALUE": "Ann@old.example", "type": "work", "primary": true}]}'));
UPDATE public.person SET login = 'anne', mail = 'ann@new.example';
SELECT jsonb_pretty(user_profile('1'));
-- An address that it made the primary one gives way, and stays; one that is there already is not there twice.
SELECT count(set_profile('1', user_profile('1') || '{"emails": [{"value": "ann@new.example"}, {"value": "boss@example.com", "primary": true}]}'));
UPDATE public.person SET mail = 'Ann@third.example';
SELECT user_profile('1') -> 'emails';
UPDATE public.person SET mail = 'BOSS@example.com';
SELECT user_profile('1') -> 'emails';
UPDATE public.person SET mail = NULL;
SELECT user_profile('1') -> 'emails', (SELECT email FROM users);
UPDATE public.person SET mail = 'back@example.com';
SELECT user_profile('1') -> 'emails', user_profile('1') -> 'displayName' AS display_name;
-- A name that is not the row's own goes only where another comes.
SELECT count(set_profile('1', user_profile('1') || '{"userName": "ann.ng"}'));
UPDATE public.person SET mail = 'last@example.com';
UPDATE public.person SET login = NULL;
SELECT user_profile('1') ->> 'userName';
UPDATE public.person SET login = 'ann';
UPDATE public.person SET login = NULL;
SELECT user_profile('1') ? 'userName' AS has_name;
-- What is no profile any more is none, and what never was a name is not one.
SELECT count(set_profile('1', '{"userName": "x", "emails": null}'));
UPDATE public.person SET login = 'x', mail = NULL;
UPDATE public.person SET login = NULL;
SELECT user_profile('1') IS NULL AS none, (SELECT attributes FROM event WHERE user_id = '1' ORDER BY sequence DESC LIMIT 1);
SELECT * FROM verify();

-- Users who were registered before are called what they were.
TRUNCATE public.person;
SELECT count(register_user('7', profile => '{"userName": "seven"}')), count(register_user('8'));
INSERT INTO public.person VALUES (7, 'sieben', 'sieben@example.com'), (8, 'acht', 'acht@example.com');
UPDATE public.person SET login = 'sept', mail = 'sept@example.com' WHERE id = 7;
SELECT user_id, user_profile(user_id), history FROM public.called;
DELETE FROM public.person;
TRUNCATE account, event, profile;

-- Adopted again, with columns or without: users of this table get what it says by now.
SELECT adopt('public.person', 'id');
INSERT INTO public.person VALUES (1, 'ann', 'ann@example.com'), (2, 'bob', NULL);
SELECT count(set_profile('2', '{"displayName": "Bob", "emails": [{"value": "b@example.com"}]}'));
SELECT adopt('public.person', 'id', email_column => 'mail');
SELECT user_id, user_profile(user_id) FROM public.called;
SELECT adopt('public.person', 'id', NULL, 'login', 'mail'), adopt('public.person', 'id', NULL, 'login', 'mail');
SELECT user_id, user_profile(user_id), history FROM public.called WHERE user_id IN ('1', '2');
SELECT adopt('public.person', 'id');
UPDATE public.person SET login = 'robert' WHERE id = 2;
SELECT release('public.person');
SELECT user_id, user_name FROM public.called;
-- After a release they count as registered before.
SELECT adopt('public.person', 'id', NULL, 'login', 'mail');
SELECT user_id, user_name FROM public.called;
DELETE FROM public.person;
TRUNCATE account, event, profile;

-- A user name is one user's: the statement fails as a whole, and says whose row it was.
INSERT INTO public.person VALUES (1, 'ann', NULL), (2, 'bob', 'bob@example.com');
SELECT count(register_user('9', profile => '{"userName": "nine"}')), count(register_user('10', 'acme', '{"userName": "ten"}'));
\set VERBOSITY default
INSERT INTO public.person VALUES (3, 'cid', NULL), (4, 'ANN', 'x@example.com');
UPDATE public.person SET login = 'Nine', mail = 'new@example.com' WHERE id = 2;
\set VERBOSITY terse
UPDATE public.person SET id = 5, login = 'ann' WHERE id = 2;
\echo :LAST_ERROR_SQLSTATE
INSERT INTO public.person VALUES (3, 'ten', NULL);
SELECT tenant, user_id, user_name, email, history FROM public.called;
SELECT id FROM public.person ORDER BY 1;
-- Also where rows are there already.
CREATE TABLE public.twice (id text, login text);
INSERT INTO public.twice VALUES ('t1', 'one'), ('t2', 'two'), ('t3', 'One');
\set VERBOSITY default
SELECT adopt('public.twice', 'id', NULL, 'login');
\set VERBOSITY terse
SELECT count(*) FROM account WHERE user_id LIKE 't_';
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'public.twice'::regclass;
DROP TABLE public.twice;

-- As are values that no profile takes.
\set VERBOSITY default
INSERT INTO public.person VALUES (11, repeat('x', 321), NULL);
\set VERBOSITY terse
INSERT INTO public.person VALUES (11, NULL, repeat('x', 1000000));
UPDATE public.person SET mail = repeat('x', 321) WHERE id = 2;
INSERT INTO public.person VALUES (11, repeat('ä', 320), repeat('ü', 320));
SELECT length(user_name), length(email) FROM public.called WHERE user_id = '11';
SELECT count(set_profile('11', user_profile('11') || jsonb_build_object('note', repeat('x', 64000))));
UPDATE public.person SET mail = 'x' WHERE id = 11;
UPDATE public.person SET mail = repeat('𝄞', 320) WHERE id = 11;
\echo :LAST_ERROR_SQLSTATE
SELECT * FROM verify();
TRUNCATE public.person;
TRUNCATE account, event, profile;

-- An id that changes takes the profile along.
INSERT INTO public.person VALUES (1, 'ann', 'ann@example.com'), (2, 'bob', 'bob@example.com'), (3, 'cid', 'cid@example.com');
SELECT count(set_profile(user_id, user_profile(user_id) || jsonb_build_object('displayName', 'display ' || user_id,
    'emails', (user_profile(user_id) -> 'emails') || jsonb_build_object('value', user_id || '@home.example')))) FROM account;
UPDATE public.person SET id = 4 WHERE id = 1;
UPDATE public.person SET id = 1, login = 'anna', mail = 'anna@example.com' WHERE id = 4;
SELECT user_id, user_profile(user_id) FROM public.called;
-- Where every id moves to another row no person gets anything of another's, whatever the order.
ALTER TABLE public.person DROP CONSTRAINT person_pkey;
UPDATE public.person SET id = id + 1;
SELECT user_id, user_name, email, rest FROM public.called;
UPDATE public.person SET id = id - 1;
SELECT user_id, user_name, email, rest FROM public.called;
UPDATE public.person SET id = CASE id WHEN 3 THEN 1 ELSE id + 1 END;
SELECT user_id, user_profile(user_id) FROM public.called;
-- Names are exchanged in one statement.
UPDATE public.person SET login = CASE login WHEN 'anna' THEN 'bob' WHEN 'bob' THEN 'cid' ELSE 'anna' END;
SELECT user_id, user_name, rest FROM public.called;
WITH gone AS (DELETE FROM public.person WHERE id = 1 RETURNING *)
INSERT INTO public.person SELECT 5, login, mail FROM gone;
SELECT user_id, user_name, rest FROM public.called;
SELECT * FROM verify();
-- A name that another user's row never had is not let go of.
SELECT count(set_profile('2', user_profile('2') || '{"userName": "provided"}'));
UPDATE public.person SET login = 'provided' WHERE id = 3;
UPDATE public.person SET login = CASE id WHEN 2 THEN 'other' WHEN 3 THEN 'provided' ELSE login END;
SELECT user_name FROM users WHERE user_id = '2';
TRUNCATE public.person;
-- Nothing of users who did not come from the table goes along, nor is anything put upon them.
SELECT count(register_user('6', profile => '{"userName": "six", "displayName": "Six"}'));
INSERT INTO public.person VALUES (6, 'zes', 'zes@example.com');
UPDATE public.person SET id = 7;
UPDATE public.person SET id = 6;
SELECT user_id, user_profile(user_id), history FROM public.called;
DELETE FROM public.person;
TRUNCATE account, event, profile;

-- What no column says goes along too, but for a user name that is needed where it is.
SELECT adopt('public.person', 'id');
INSERT INTO public.person VALUES (1), (2), (2);
SELECT count(set_profile(user_id, jsonb_build_object('userName', 'user ' || user_id, 'displayName', 'display ' || user_id))) FROM account;
UPDATE public.person SET id = 3 WHERE id = 1;
UPDATE public.person SET id = 4 WHERE ctid = (SELECT min(ctid) FROM public.person WHERE id = 2);
SELECT user_id, user_profile(user_id), history FROM public.called;
DROP TABLE public.person;
TRUNCATE account, event, profile;

-- A user may have several rows: what was written last counts, and goes when no row says it any more.
CREATE TABLE public.membership (id text, team text, tenant text, login text, mail text, PRIMARY KEY (id, team));
SELECT adopt('public.membership', 'id', 'tenant', 'login', 'mail');
INSERT INTO public.membership VALUES ('u', 'red', NULL, 'u', 'u@red.example'), ('u', 'blue', NULL, 'u', 'u@blue.example'), ('u', 'green', NULL, NULL, NULL);
SELECT user_id, user_profile(user_id), history FROM public.called;
DELETE FROM public.membership WHERE team = 'blue';
SELECT user_id, user_profile(user_id), history FROM public.called;
DELETE FROM public.membership WHERE team = 'red';
SELECT user_id, user_profile(user_id), history FROM public.called;
DELETE FROM public.membership;
-- Two users become one: the one there is stays who they are.
INSERT INTO public.membership VALUES ('v', 'red', NULL, 'v', 'v@example.com'), ('w', 'blue', NULL, 'w', 'w@example.com');
SELECT count(set_profile(user_id, user_profile(user_id) || jsonb_build_object('displayName', user_id))) FROM account;
UPDATE public.membership SET id = 'w' WHERE id = 'v';
SELECT user_id, user_profile(user_id), history FROM public.called;
-- All rows of one get another id, one gets another tenant.
UPDATE public.membership SET id = 'x';
UPDATE public.membership SET tenant = 'acme' WHERE team = 'red';
SELECT tenant, user_id, user_profile(user_id, tenant) FROM public.called;
-- Who is held to their tenants calls nobody of others anything.
SET request.jwt.claims = '{"sub": "app", "tenant": "acme"}';
UPDATE public.membership SET login = 'y' WHERE team = 'red';
UPDATE public.membership SET login = 'y' WHERE team = 'blue';
RESET request.jwt.claims;
SELECT tenant, user_name FROM public.called;
SELECT * FROM verify();
DROP TABLE public.membership;
TRUNCATE account, event, profile;

-- One column may be for several.
CREATE TABLE public.by_mail (mail text PRIMARY KEY);
INSERT INTO public.by_mail VALUES ('Ann@example.com');
SELECT adopt('public.by_mail', 'mail', user_name_column => 'mail', email_column => 'mail');
INSERT INTO public.by_mail VALUES ('bob@example.com');
UPDATE public.by_mail SET mail = 'anna@example.com' WHERE mail ~ 'Ann';
SELECT user_id, user_profile(user_id) FROM public.called;
SELECT pg_get_triggerdef(oid) LIKE '%UPDATE OF mail ON%''id+user_name+email'')' AS follows FROM pg_trigger WHERE tgname = 'userlock_follow';
DROP TABLE public.by_mail;
TRUNCATE account, event, profile;

-- Types that are as good as text, and names that need quotes.
SET client_min_messages = warning;
CREATE TYPE public.like_citext;
CREATE FUNCTION public.like_citext_in(cstring) RETURNS public.like_citext LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION public.like_citext_out(public.like_citext) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE public.like_citext (INPUT = public.like_citext_in, OUTPUT = public.like_citext_out, STORAGE = extended, COLLATABLE = true);
CREATE CAST (public.like_citext AS text) WITHOUT FUNCTION AS IMPLICIT;
RESET client_min_messages;
CREATE DOMAIN public.address AS public.like_citext CHECK (length(VALUE) > 0);
CREATE TABLE public."Odd ""One" ("The ""Id" uuid PRIMARY KEY, "in, out" public.like_citext, "+" public.address, "generated" text GENERATED ALWAYS AS ('g ' || upper("+"::text)) STORED, n integer, c character(5), x xml);
INSERT INTO public."Odd ""One" VALUES ('00000000-0000-4000-8000-000000000001', 'Ann', 'ann@example.com');
SELECT adopt('public."Odd ""One"', 'The "Id', user_name_column => 'in, out', email_column => '+');
UPDATE public."Odd ""One" SET "in, out" = 'ANN', "+" = 'Ann@Example.com';
ALTER TABLE public."Odd ""One" RENAME "in, out" TO "+1";
ALTER TABLE public."Odd ""One" RENAME "+" TO "in, out";
UPDATE public."Odd ""One" SET "in, out" = 'anna@example.com', "+1" = 'anna';
SELECT user_id, user_name, email, history FROM public.called;
\set VERBOSITY sqlstate
ALTER TABLE public."Odd ""One" DROP "in, out";
ALTER TABLE public."Odd ""One" ALTER "in, out" TYPE integer USING 1;
ALTER TABLE public."Odd ""One" ALTER "+1" TYPE text;
\set VERBOSITY terse
-- A generated column changes with what it is made of.
SELECT adopt('public."Odd ""One"', 'The "Id', user_name_column => 'generated');
UPDATE public."Odd ""One" SET "in, out" = 'other@example.com';
SELECT user_id, user_name, email FROM public.called;
SELECT adopt('public."Odd ""One"', 'The "Id', user_name_column => 'n');
SELECT adopt('public."Odd ""One"', 'The "Id', user_name_column => 'c');
SELECT adopt('public."Odd ""One"', 'The "Id', email_column => 'x');
SELECT adopt('public."Odd ""One"', 'The "Id', email_column => 'The "Id');
SELECT adopt('public."Odd ""One"', 'The "Id', email_column => 'nothing');
SELECT adopt('public."Odd ""One"', 'The "Id', user_name_column => 'ctid');
\set VERBOSITY default
SELECT adopt('public."Odd ""One"', 'The "Id', tenant_column => 'generated', user_name_column => 'generated');
\set VERBOSITY terse
DROP TABLE public."Odd ""One";
SET client_min_messages = warning;
DROP TYPE public.like_citext CASCADE;
RESET client_min_messages;
TRUNCATE account, event, profile;

-- Values that are kept apart from their row.
CREATE TABLE public.wide (id text, login text, mail text, filler text);
ALTER TABLE public.wide ALTER filler SET STORAGE PLAIN, ALTER login SET STORAGE EXTERNAL, ALTER mail SET STORAGE EXTENDED;
INSERT INTO public.wide VALUES ('w', repeat('𝄞', 320), repeat('x', 320), repeat('y', 4000));
SELECT adopt('public.wide', 'id', NULL, 'login', 'mail');
SELECT pg_relation_size(reltoastrelid) > 0 AS apart FROM pg_class WHERE oid = 'public.wide'::regclass;
UPDATE public.wide SET filler = repeat('z', 4000), mail = mail;
UPDATE public.wide SET id = 'x';
UPDATE public.wide SET mail = repeat('z', 320);
SELECT user_id, user_name = repeat('𝄞', 320) AS login, email = repeat('z', 320) AS mail, history FROM public.called;
DROP TABLE public.wide;
TRUNCATE account, event, profile;

-- Partitions, whose columns have other numbers.
CREATE TABLE public.customer (id integer, login text, mail text, region text) PARTITION BY LIST (region);
CREATE TABLE public.customer_eu PARTITION OF public.customer FOR VALUES IN ('eu');
INSERT INTO public.customer VALUES (1, 'ann', 'ann@example.com', 'eu');
SELECT adopt('public.customer', 'id', user_name_column => 'login', email_column => 'mail');
CREATE TABLE public.customer_us (dropped text, region text, mail text, id integer, login text);
ALTER TABLE public.customer_us DROP dropped;
INSERT INTO public.customer_us VALUES ('us', 'bob@example.com', 2, 'bob');
ALTER TABLE public.customer ATTACH PARTITION public.customer_us FOR VALUES IN ('us');
UPDATE public.customer SET login = login || '!', mail = 'new ' || mail;
SELECT user_id, user_profile(user_id), history FROM public.called;
-- A row that goes to another partition, and what it says by then.
SELECT count(set_profile('1', user_profile('1') || '{"displayName": "Ann"}'));
UPDATE public.customer SET region = 'us', login = NULL, mail = 'moved@example.com' WHERE id = 1;
SELECT user_id, user_profile(user_id), history FROM public.called WHERE user_id = '1';
UPDATE public.customer SET region = 'eu' WHERE id = 2;
SELECT user_id, user_name, email, history FROM public.called WHERE user_id = '2';
INSERT INTO public.customer VALUES (3, 'BOB!', NULL, 'us');
-- A partition that goes takes along what it said.
INSERT INTO public.customer VALUES (2, 'bob!', 'us@example.com', 'us');
ALTER TABLE public.customer DETACH PARTITION public.customer_us;
SELECT user_id, user_profile(user_id), history FROM public.called;
SELECT * FROM verify();
DROP TABLE public.customer, public.customer_us;
TRUNCATE account, event, profile;

-- A dump has the profiles as well.
CREATE TABLE public.loaded (id text, login text);
SELECT adopt('public.loaded', 'id', NULL, 'login');
SET check_function_bodies = off;
SET row_security = off;
INSERT INTO public.loaded VALUES ('l', 'loaded');
RESET check_function_bodies;
RESET row_security;
UPDATE public.loaded SET login = 'loaded still';
SELECT count(*) FROM account;
SELECT adopt('public.loaded', 'id', NULL, 'login');
SELECT user_id, user_profile(user_id) FROM public.called;
DROP TABLE public.loaded;

-- Triggers as they were before there were such columns, and some that never were.
CREATE TABLE public.old (id text, tenant text, login text);
CREATE FUNCTION public.forge(columns text, arguments text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM public.old;
    EXECUTE format('CREATE OR REPLACE TRIGGER userlock_follow AFTER INSERT OR DELETE OR UPDATE OF %s ON public.old FOR EACH ROW EXECUTE FUNCTION userlock.follow_row(%s)', columns, arguments);
    INSERT INTO public.old VALUES ('o', 'acme', 'old');
    RETURN (SELECT string_agg(format('%s %s %s', tenant, user_id, user_name), ', ') FROM users);
EXCEPTION WHEN SQLSTATE 'PT422' OR invalid_text_representation THEN
    RETURN SQLERRM;
END $$;
SELECT columns, left(words, 30) AS words, public.forge(columns, concat_ws(', ', '''00000000-0000-4000-8000-000000000001'', ''default''', quote_literal(words))) FROM (VALUES
    ('id', NULL), ('id, tenant', NULL), ('id, tenant, login', NULL), ('login, id', NULL),
    ('id', 'id'), ('id, tenant, login', 'id,tenant,user_name'), ('login, id', 'user_name,id'), ('id, login', 'id,user_name+email'), ('id, login', 'id,email+user_name'),
    ('id', ''), ('id', 'id,'), ('id', ',id'), ('id', 'id+'), ('id', 'id,user_name'), ('id, login', 'id'), ('id, login', 'id+user_name'), ('login', 'user_name'),
    ('id', 'id+id'), ('id, login', 'id,id'), ('id, login', 'id,login'), ('id, login', 'id,user_name,'), ('id, login', 'id, user_name'), ('id, login', 'ID,USER_NAME'),
    ('id, tenant', 'id,tenant+user_name'), ('id', 'id+tenant'), ('id', repeat('id+', 100000))) AS trigger(columns, words);
SELECT public.forge('id', '''x'', ''default'''), public.forge('id', '''00000000-0000-4000-8000-000000000001'''), public.forge('id', '''00000000-0000-4000-8000-000000000001'', ''default'', ''id'', ''more''');
DROP FUNCTION public.forge;
DROP TABLE public.old;

SELECT * FROM verify();
DROP VIEW public.called;
TRUNCATE account, event, profile;
