-- Existing tables of users are adopted, and followed.
-- Also by the first statement of a session, of a database with nothing set.
CREATE TABLE public.first_table (id text);
\c -
SELECT userlock.adopt('public.first_table', 'id');
DROP TABLE public.first_table;
SET search_path = userlock, userlock_private, public;
\set VERBOSITY terse
CREATE VIEW public.users AS
SELECT tenant, user_id, (SELECT string_agg(kind, ' ' ORDER BY sequence) FROM event AS e WHERE e.tenant = w.tenant AND e.user_id = w.user_id) AS history,
    EXISTS (SELECT FROM account AS a WHERE a.tenant = w.tenant AND a.user_id = w.user_id) AS registered
FROM (SELECT DISTINCT tenant, user_id FROM event) AS w ORDER BY 1, 2;

-- By each type of id; users registered already stay as they are.
CREATE TABLE public.person (id uuid PRIMARY KEY, name text);
INSERT INTO public.person SELECT ('00000000-0000-4000-8000-00000000000' || n)::uuid FROM generate_series(1, 3) AS n;
SELECT count(register_user('00000000-0000-4000-8000-000000000002'));
SELECT count(lock_user('00000000-0000-4000-8000-000000000002'));
SELECT adopt('public.person', 'id'), adopt('public.person', 'id');
SELECT * FROM public.users;
SELECT user_allowed('00000000-0000-4000-8000-000000000001'), user_allowed('00000000-0000-4000-8000-000000000002');
TRUNCATE account, event;
CREATE TABLE public.member ("Member No" integer, org text, login_at timestamptz, UNIQUE (org, "Member No"));
INSERT INTO public.member VALUES (1, 'acme'), (2, 'acme'), (1, 'globex'), (4, NULL);
SELECT adopt('public.member', 'Member No', 'org');
SELECT * FROM public.users;

-- Rows come, go, and change their ids; other columns are nobody's business.
INSERT INTO public.member VALUES (5, 'acme'), (6, NULL);
DELETE FROM public.member WHERE "Member No" = 2;
UPDATE public.member SET login_at = now();
UPDATE public.member SET org = 'initech' WHERE org = 'globex';
UPDATE public.member SET "Member No" = 7 WHERE "Member No" = 5;
INSERT INTO public.member VALUES (2, 'acme');
INSERT INTO public.member VALUES (1, 'acme') ON CONFLICT DO NOTHING;
SELECT * FROM public.users;
-- Every id moves to another row: nobody comes, nobody goes but at the ends.
TRUNCATE event, account;
TRUNCATE public.member;
SELECT count(*) FROM public.users;
INSERT INTO public.member SELECT n, 'acme' FROM generate_series(1, 4) AS n;
ALTER TABLE public.member DROP CONSTRAINT "member_org_Member No_key";
UPDATE public.member SET "Member No" = "Member No" + 1;
SELECT * FROM public.users;
-- A statement that is rolled back is followed nowhere.
BEGIN;
DELETE FROM public.member;
ROLLBACK;
SELECT count(*) FROM account;
TRUNCATE public.member;
SELECT count(*) FROM account;
SELECT * FROM verify();

-- An id that no user can have stops its statement.
CREATE TABLE public.nickname (name text);
SELECT adopt('public.nickname', 'name');
INSERT INTO public.nickname VALUES ('ok'), ('');
INSERT INTO public.nickname VALUES (NULL);
INSERT INTO public.nickname VALUES (repeat('x', 201));
SELECT count(*) FROM account;
INSERT INTO public.nickname VALUES ('ann'), ('bob');
-- Released: the users stay, the table is followed no more.
SELECT release('public.nickname'), release('public.nickname');
DELETE FROM public.nickname;
INSERT INTO public.nickname VALUES ('cid'), ('');
SELECT user_id FROM account ORDER BY 1;
SELECT adopt('public.nickname', 'name');
SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'userlock%' AND tgrelid = 'public.nickname'::regclass;

-- What is no table of users.
SELECT adopt('public.member', 'login_at');
SELECT adopt('public.member', 'nothing');
SELECT adopt('public.member', NULL);
SELECT adopt('public.member', 'Member No', 'nothing');
SELECT adopt('public.member', 'org', 'org');
SELECT adopt('public.member', 'ctid');
SELECT adopt('public.users', 'user_id');
SELECT adopt(NULL, 'id');
SELECT adopt(0, 'id');

-- Partitioned tables, domains, and names that need quotes.
CREATE DOMAIN public.code AS varchar(20);
CREATE TABLE public."Odd ""Name" (id public.code, tenant text) PARTITION BY LIST (tenant);
CREATE TABLE public.odd_1 PARTITION OF public."Odd ""Name" FOR VALUES IN ('a', 'b');
CREATE TABLE public.odd_2 PARTITION OF public."Odd ""Name" DEFAULT;
TRUNCATE account, event;
SELECT adopt('public."Odd ""Name"', 'id', 'tenant');
INSERT INTO public."Odd ""Name" VALUES ('x', 'a'), ('x', 'b'), ('y', 'c');
INSERT INTO public.odd_1 VALUES ('z', 'a');
UPDATE public."Odd ""Name" SET tenant = 'd' WHERE tenant = 'b';
SELECT * FROM public.users;
SELECT release('public."Odd ""Name"');
SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'userlock%' AND tgrelid = 'public.odd_1'::regclass;

-- Partitions come and go, with their users.
CREATE TABLE public.customer (id integer, name text, region text) PARTITION BY LIST (region);
CREATE TABLE public.customer_eu PARTITION OF public.customer FOR VALUES IN ('eu');
INSERT INTO public.customer VALUES (1, 'a', 'eu'), (2, 'b', 'eu');
TRUNCATE account, event;
SELECT adopt('public.customer', 'id');
CREATE TABLE public.customer_us PARTITION OF public.customer FOR VALUES IN ('us');
INSERT INTO public.customer VALUES (3, 'c', 'us'), (4, 'd', 'us');
-- Its columns have other numbers.
CREATE TABLE public.customer_asia (dropped text, region text, name text, id integer);
ALTER TABLE public.customer_asia DROP dropped;
INSERT INTO public.customer_asia VALUES ('asia', 'e', 5);
SELECT count(*) FROM account;
ALTER TABLE public.customer ATTACH PARTITION public.customer_asia FOR VALUES IN ('asia');
INSERT INTO public.customer VALUES (6, 'f', 'asia');
DELETE FROM public.customer WHERE id = 5;
SELECT user_id FROM account ORDER BY 1;
-- A row that moves to another partition stays.
UPDATE public.customer SET region = 'eu' WHERE id = 6;
SELECT history FROM public.users WHERE user_id = '6';
TRUNCATE public.customer_eu;
SELECT user_id FROM account ORDER BY 1;
ALTER TABLE public.customer DETACH PARTITION public.customer_us;
SELECT user_id FROM account ORDER BY 1;
INSERT INTO public.customer_us VALUES (7, 'g', 'us');
SELECT count(*) FROM account;
SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'userlock%' AND tgrelid = 'public.customer_us'::regclass;
ALTER TABLE public.customer ATTACH PARTITION public.customer_us FOR VALUES IN ('us');
SELECT user_id FROM account ORDER BY 1;
SELECT * FROM verify();
-- An id whose row could move to another partition takes no restriction along: it stays.
SELECT count(block_user('7', 'fraud'));
\set VERBOSITY default
UPDATE public.customer SET id = 8, region = 'eu' WHERE id = 7;
\set VERBOSITY terse
UPDATE public.customer SET region = 'eu' WHERE id = 7;
SELECT user_id, state FROM account WHERE user_id IN ('7', '8');
SELECT count(unblock_user('7'));
UPDATE public.customer SET id = 8 WHERE id = 7;
UPDATE public.customer SET id = 7, region = 'us' WHERE id = 8;
SELECT user_id, state FROM account WHERE user_id IN ('7', '8');
-- A partition is adopted with its table, and released with it.
SELECT adopt('public.customer_us', 'id');
SELECT release('public.customer_us');
DELETE FROM public.customer WHERE id = 7;
SELECT user_id FROM account ORDER BY 1;
SELECT release('public.customer');
SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'userlock%';
DROP TABLE public.customer;

-- A user who has rows in several partitions stays while one is left; what is no table of rows is no partition.
CREATE TABLE public.badge (id integer, r text) PARTITION BY LIST (r);
CREATE TABLE public.badge_a PARTITION OF public.badge FOR VALUES IN ('a');
CREATE TABLE public.badge_b PARTITION OF public.badge FOR VALUES IN ('b');
INSERT INTO public.badge VALUES (901, 'a'), (901, 'b'), (902, 'b');
SELECT adopt('public.badge', 'id');
ALTER TABLE public.badge DETACH PARTITION public.badge_b;
SELECT user_id FROM account WHERE user_id LIKE '90_';
CREATE FOREIGN DATA WRAPPER regress_userlock_dummy;
CREATE SERVER regress_userlock_server FOREIGN DATA WRAPPER regress_userlock_dummy;
CREATE FOREIGN TABLE public.badge_f PARTITION OF public.badge FOR VALUES IN ('f') SERVER regress_userlock_server;
CREATE SCHEMA regress_userlock_schema CREATE TABLE badge_c PARTITION OF public.badge FOR VALUES IN ('c');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'regress_userlock_schema.badge_c'::regclass AND tgname LIKE 'userlock%';
-- One that became a partition unseen is not read.
SET check_function_bodies = off;
SET row_security = off;
CREATE FOREIGN TABLE public.badge_f PARTITION OF public.badge FOR VALUES IN ('f') SERVER regress_userlock_server;
RESET check_function_bodies;
RESET row_security;
DELETE FROM public.badge_a;
SELECT user_id FROM account WHERE user_id LIKE '90_';
DROP TABLE public.badge, public.badge_b;
DROP SCHEMA regress_userlock_schema;
DROP SERVER regress_userlock_server;
DROP FOREIGN DATA WRAPPER regress_userlock_dummy;

-- Nor is an id that is generated followed there: before a row goes to another partition nobody knows it.
CREATE TABLE public.made (base text, region text, id text GENERATED ALWAYS AS ('made ' || base) STORED) PARTITION BY LIST (region);
CREATE TABLE public.made_eu PARTITION OF public.made FOR VALUES IN ('eu');
SELECT adopt('public.made', 'id');
SELECT adopt('public.made', 'base', 'id');
DROP TABLE public.made;
CREATE TABLE public.made (base text, id text GENERATED ALWAYS AS ('made ' || base) STORED);
SELECT adopt('public.made', 'id');
INSERT INTO public.made VALUES ('a');
SELECT count(lock_user('made a'));
UPDATE public.made SET base = 'b';
SELECT user_id, state FROM account WHERE user_id LIKE 'made%';
DROP TABLE public.made;

-- Nothing is lost on a server that forgets whatever it knows, where it can be made to.
CREATE TABLE public.forgotten (id text, region text) PARTITION BY LIST (region);
CREATE TABLE public.forgotten_eu PARTITION OF public.forgotten FOR VALUES IN ('eu');
INSERT INTO public.forgotten VALUES ('f1', 'eu'), ('f2', 'eu');
SELECT set_config(name, least(max_val, '1'), false) IS NOT NULL AS set FROM pg_settings WHERE name = 'debug_discard_caches';
SELECT adopt('public.forgotten', 'id');
UPDATE public.forgotten SET id = 'f3' WHERE id = 'f1';
TRUNCATE public.forgotten;
SELECT release('public.forgotten');
RESET debug_discard_caches;
SELECT count(*) FROM account WHERE user_id LIKE 'f_';
DROP TABLE public.forgotten;

-- Only owners adopt, and only with EXECUTE; who may insert needs no more than that.
CREATE ROLE regress_userlock_owner;
CREATE ROLE regress_userlock_signup;
GRANT CREATE ON SCHEMA public TO regress_userlock_owner;
SET ROLE regress_userlock_owner;
CREATE TABLE public.customer (id bigint PRIMARY KEY);
GRANT INSERT, DELETE ON public.customer TO regress_userlock_signup;
SELECT adopt('public.customer', 'id');
RESET ROLE;
GRANT EXECUTE ON FUNCTION adopt, release TO regress_userlock_owner, regress_userlock_signup;
SET ROLE regress_userlock_signup;
SELECT adopt('public.customer', 'id');
SET ROLE regress_userlock_owner;
SELECT adopt('public.member', 'Member No');
SELECT release('public.person');
SELECT adopt('public.customer', 'id');
SET ROLE regress_userlock_signup;
SET request.jwt.claims = '{"sub":"signup form","tenant":"elsewhere"}';
INSERT INTO public.customer VALUES (4711);
RESET ROLE;
RESET request.jwt.claims;
SELECT tenant, user_id, actor FROM event WHERE user_id = '4711';
-- The tenant is the one of the day of the adoption.
SET userlock.tenant = 'another';
INSERT INTO public.customer VALUES (4712);
RESET userlock.tenant;
SELECT tenant, user_id FROM account WHERE user_id LIKE '471_' ORDER BY 2;

DROP TABLE public.person, public.member, public.nickname, public."Odd ""Name", public.customer;
DROP DOMAIN public.code;
DROP VIEW public.users;
DROP OWNED BY regress_userlock_owner, regress_userlock_signup;
DROP ROLE regress_userlock_owner, regress_userlock_signup;
TRUNCATE account, event;
