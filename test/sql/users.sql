SET search_path = public, userlock, userlock_private;
\set SHOW_CONTEXT never
-- Finding users: the views users and restricted_users, find_users(), count_users().
SELECT count(register_user(id, 'acme', profile::jsonb)) FROM (VALUES
    ('u1', '{"userName": "Alice", "externalId": "Ext-A", "displayName": "Alice Able", "emails": [{"value": "Alice@Example.com"}]}'),
    ('u2', '{"userName": "alicia", "externalId": "ext-a", "displayName": "Alicia", "emails": [{"value": "alicia@example.com"}]}'),
    ('u3', '{"userName": "BOB", "displayName": "Bob O''Brien", "emails": [{"value": "bob@example.org"}]}'),
    ('u4', '{"displayName": "100% _real_ \\ name"}'),
    ('u5', NULL),
    ('alice', NULL)) AS u (id, profile);
SELECT count(register_user(id, 'globex', '{"userName": "alice"}')) FROM unnest(ARRAY['g1']) AS id;

-- Everybody, as they are now.
SELECT state FROM lock_user('u1', 'attempts', tenant => 'acme');
SELECT state FROM block_user('u1', 'fraud', tenant => 'acme');
SELECT state FROM lock_user('u2', tenant => 'acme', until => clock_timestamp() + interval '0.05 seconds');
SELECT state FROM block_user('u3', tenant => 'acme', until => clock_timestamp() + interval '1 hour');
SELECT pg_sleep(0.06);
SELECT tenant, user_id, state, sequence, locked_until IS NULL AS no_lock_end, blocked_until > now() AS block_ends,
    user_name, external_id, email, display_name FROM users ORDER BY tenant, user_id;
SELECT user_name_lower, email_lower, display_name_lower FROM users WHERE tenant = 'acme' AND user_name_lower ^@ 'ali' ORDER BY user_name_lower;

-- What it shows of a user is what user_status() does, also where an end has passed.
SELECT count(*), bool_and((u.tenant, u.user_id, u.state, u.sequence, u.created_at, u.changed_at, u.locked_until, u.blocked_until)
    IS NOT DISTINCT FROM (s.tenant, s.user_id, s.state, s.sequence, s.created_at, s.changed_at, s.locked_until, s.blocked_until)) AS the_same
FROM users AS u, user_status(u.user_id, u.tenant) AS s;
SELECT user_id, state, locked_at IS NOT NULL AS locked, lock_reason, blocked_at > locked_at AS blocked_later, block_reason, sequence, user_name, email
FROM restricted_users ORDER BY user_id;

-- A filter.
CREATE FUNCTION pg_temp.found(filter jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(user_id, ' '), '') || CASE WHEN count(*) <> count_users(filter, 'acme') THEN ', miscounted' ELSE '' END
    FROM find_users(filter, tenant => 'acme')
$$;
SELECT filter, pg_temp.found(filter) FROM unnest(ARRAY[
    NULL, '{}',
    '{"user_id": "u1"}', '{"user_id": "U1"}', '{"user_id": ["u1", "u3", "nobody"]}', '{"user_id": []}', '{"user_id": {"after": "u3"}}', '{"user_id": null}',
    '{"user_name": "ALICE"}', '{"user_name": {"equals": "ALICE", "case_sensitive": true}}', '{"user_name": {"equals": "Alice", "case_sensitive": true}}',
    '{"user_name": {"prefix": "aLi"}}', '{"user_name": {"prefix": "Ali", "case_sensitive": true}}', '{"user_name": {"suffix": "IA"}}',
    '{"user_name": {"suffix": "ia", "case_sensitive": true}}', '{"user_name": {"contains": "LIC"}}', '{"user_name": {"contains": "LIC", "case_sensitive": true}}',
    '{"user_name": {"contains": ""}}', '{"user_name": null}', '{"user_name": ["bob", "ALICIA"]}',
    '{"external_id": "ext-a"}', '{"email": "alice@EXAMPLE.com"}', '{"email": {"prefix": "AL"}}', '{"display_name": "bob o''brien"}',
    '{"display_name": {"contains": "%"}}', '{"display_name": {"contains": "_"}}', '{"display_name": {"contains": "\\"}}', '{"display_name": {"suffix": "\\ name"}}',
    '{"state": "active"}', '{"state": "locked"}', '{"state": ["locked", "locked+blocked"]}', '{"state": ["blocked", "active"]}', '{"state": []}',
    '{"and": []}', '{"or": []}', '{"and": [{"email": {"suffix": ".com"}}, {"state": "active"}]}', '{"or": [{"user_name": "bob"}, {"state": "locked+blocked"}]}',
    '{"or": [{"user_name": "alice"}, {"user_name": null, "user_id": "alice"}]}', '{"or": [{"email": "bob@example.org"}, {"or": [{"user_id": "u5"}, {"external_id": ["Ext-A"]}]}]}',
    '{"not": {"user_name": {"prefix": "ali"}}}', '{"not": {"not": {"user_name": "bob"}}}', '{"not": {"or": [{"user_id": "u1"}, {"user_name": null}]}}',
    '{"user_name": {"contains": "i"}, "state": "active", "or": [{"email": {"contains": "@"}}]}']::jsonb[]) AS filter;

-- What is no filter is refused as a whole.
CREATE FUNCTION pg_temp.refused(filter jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    name text;
BEGIN
    PERFORM find_users(filter, tenant => 'acme');
    RETURN 'taken';
EXCEPTION WHEN SQLSTATE 'PT422' THEN
    GET STACKED DIAGNOSTICS name = CONSTRAINT_NAME;
    RETURN name;
END
$$;
SELECT filter, pg_temp.refused(filter) FROM unnest(ARRAY[
    '[]', '"u1"', 'null', '{"nickname": "x"}', '{"user_id": 1}', '{"user_id": true}', '{"user_id": [1]}', '{"user_id": [["u1"]]}', '{"user_id": [null]}', '{"user_id": {}}',
    '{"user_id": {"like": "%"}}', '{"user_id": {"equals": "u1", "prefix": "u"}}', '{"user_id": {"equals": 1}}', '{"user_id": {"equals": null}}',
    '{"user_name": {"equals": "x", "case_sensitive": 1}}', '{"user_name": {"case_sensitive": true}}', '{"user_name_lower": "x"}', '{"tenant": "globex"}',
    '{"state": "out"}', '{"state": ["locked", 1]}', '{"state": null}', '{"state": {}}', '{"state": [["locked"]]}',
    '{"and": {}}', '{"or": null}', '{"or": [1]}', '{"or": [{"x": 1}]}', '{"not": []}', '{"not": null}', '{"integer_id": 1}', '{"integer_id": "true"}', '{"integer_id": null}', '{"integer_id": [true]}', '{"user_id": "u1", "; DROP TABLE account; --": "x"}']::jsonb[]) AS filter;
SELECT depth, pg_temp.refused((repeat('{"not":', depth) || '{}' || repeat('}', depth))::jsonb) FROM unnest(ARRAY[32, 33, 2000]) AS depth;
SELECT pg_temp.refused(jsonb_build_object('user_id', repeat('x', 262100))), pg_temp.refused(jsonb_build_object('user_id', repeat('x', 262200)));
SELECT pg_temp.refused('{"user_id": 1e131071}');
SELECT filters, pg_temp.refused(jsonb_build_object('or', (SELECT jsonb_agg('{"user_id": "x"}'::jsonb) FROM generate_series(1, filters)))) FROM unnest(ARRAY[199, 200]) AS filters;
SELECT find_users('{"x": 1}');
\echo :LAST_ERROR_SQLSTATE

-- In order, whoever has nothing to be ordered by last; a page of it.
SELECT order_by, descending, string_agg(user_id, ' ') FROM (VALUES
    ('user_id'), ('user_name'), ('external_id'), ('email'), ('display_name'), ('state'), ('sequence'), ('created_at'), ('changed_at')) AS o (order_by),
    (VALUES (false), (true)) AS d (descending), find_users(NULL, order_by, descending, tenant => 'acme') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT string_agg(user_id, ' ') AS page FROM find_users(page_size => 2, skip => 2, tenant => 'acme');
SELECT count(*) AS none FROM find_users(page_size => 0, tenant => 'acme');
SELECT count(*) AS none FROM find_users(skip => 100, tenant => 'acme');
SELECT find_users(order_by => 'document', tenant => 'acme');
\echo :LAST_ERROR_SQLSTATE
SELECT find_users(order_by => NULL);
SELECT find_users(page_size => 10001);
SELECT find_users(page_size => -1);
SELECT find_users(skip => -1);
SELECT find_users(descending => NULL);

-- Who is out, and what happened to one, by functions too: as the views tell it.
CREATE FUNCTION pg_temp.restricted(filter jsonb, order_by text, descending boolean, page_size integer DEFAULT 100, skip bigint DEFAULT 0) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(user_id, ' '), 'nobody') FROM find_restricted_users(filter, order_by, descending, page_size, skip, 'acme')
$$;
SELECT count(*), bool_and(f IS NOT DISTINCT FROM r) AS the_same
FROM find_restricted_users(tenant => 'acme') AS f FULL JOIN (SELECT * FROM restricted_users WHERE tenant = 'acme') AS r USING (user_id);
SELECT order_by, descending, pg_temp.restricted(NULL, order_by, descending) FROM unnest('{user_id,user_name,changed_at,locked_at,blocked_at}'::text[]) AS order_by, unnest('{f,t}'::boolean[]) AS descending ORDER BY 1, 2;
SELECT filter, pg_temp.restricted(filter, 'user_id', false) FROM unnest(ARRAY['{"state": "blocked"}', '{"user_name": "alice"}', '{"state": "active"}', '{"user_id": "u2"}']::jsonb[]) AS filter;
SELECT pg_temp.restricted(NULL, 'user_id', true, 1), pg_temp.restricted(NULL, 'user_id', true, 1, 1), pg_temp.restricted(NULL, 'user_id', true, 0);
SELECT find_users(order_by => 'locked_at');
SELECT find_restricted_users(order_by => 'document');
SELECT find_restricted_users('{"x": 1}');
SELECT count(*), bool_and(e IS NOT DISTINCT FROM h) AS the_same
FROM (SELECT f.* FROM unnest('{u1,u2,u3,alice}'::text[]) AS u (id), find_events(u.id, tenant => 'acme') AS f) AS e
FULL JOIN (SELECT * FROM user_history WHERE tenant = 'acme' AND user_id = ANY ('{u1,u2,u3,alice}')) AS h USING (user_id, sequence);
CREATE FUNCTION pg_temp.events(user_id text, descending boolean, after bigint, page_size integer DEFAULT 100) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(kind, ' '), 'none') FROM find_events(user_id, descending, after, page_size, 'acme')
$$;
SELECT pg_temp.events('u2', true, NULL), pg_temp.events('u2', false, NULL), pg_temp.events('u2', true, NULL, 1), pg_temp.events('u2', true, 3, 1), pg_temp.events('u2', false, 1, 1), pg_temp.events('u2', true, 1), pg_temp.events('u2', true, NULL, 0);
SELECT pg_temp.events('nobody', true, NULL), pg_temp.events(NULL, true, NULL), pg_temp.events(E'u2\' OR true --', true, NULL);
SELECT find_events('u1', page_size => 10001);
\echo :LAST_ERROR_SQLSTATE
SELECT find_events('u1', NULL);

-- Ids that are numbers, in the order of numbers.
SELECT count(register_user(id, 'numbers')) FROM unnest(ARRAY['10', '9', '100', '1', '2147483647', '2147483648', '01', '0', '-1', '+1', '1.0', '1e3', ' 1', '1 ', E'1\n', '9999999999', '99999999999', 'x', '12x']) AS id;
SELECT integer_id, string_agg(to_json(user_id)::text, ' ') AS users, count(*) = count_users(jsonb_build_object('integer_id', integer_id), 'numbers') AS counted
FROM unnest(ARRAY[true, false]) AS integer_id, find_users(jsonb_build_object('integer_id', integer_id), 'integer_id', tenant => 'numbers') GROUP BY 1 ORDER BY 1 DESC;
SELECT string_agg(user_id, ' ') AS page FROM find_users('{"integer_id": true}', 'integer_id', true, page_size => 2, skip => 1, tenant => 'numbers');
SELECT count_users('{"not": {"integer_id": true}}', 'numbers'), count_users('{"or": [{"integer_id": true}, {"user_id": "x"}]}', 'numbers'), count_users('{"or": [{"user_id": "1", "integer_id": true}, {"user_id": "01", "integer_id": true}]}', 'numbers');
SELECT integer_id(NULL) IS NULL AS strict, integer_id('') IS NULL AS empty, integer_id('１') IS NULL AS wide;

-- One tenant at a time: named, or the caller's own; and none of others.
SELECT user_id, user_name FROM find_users(tenant => 'globex');
SELECT count_users(), count_users(tenant => 'acme'), count_users('{"user_name": "alice"}', 'globex');
SET request.jwt.claims = '{"sub": "operator", "tenant": "globex"}';
SELECT user_id FROM find_users();
SELECT count_users();
SELECT count(*) AS seen, count(*) FILTER (WHERE tenant <> 'globex') AS foreign FROM users;
SELECT count(*) AS seen FROM restricted_users;
SELECT find_users(tenant => 'acme');
\echo :LAST_ERROR_SQLSTATE
SELECT count_users(tenant => 'acme');
SELECT find_restricted_users(tenant => 'acme');
SELECT find_events('u1', tenant => 'acme');
\echo :LAST_ERROR_SQLSTATE
SELECT kind FROM find_events('u1');
SELECT kind FROM find_events('g1');
SET request.jwt.claims = '{"sub": "operator", "tenant": "globex", "tenants": ["acme", "aaa", "zzz"]}';
SELECT tenant, count(*) FROM users GROUP BY 1 ORDER BY 1;
SELECT count_users(tenant => 'acme');
SET request.jwt.claims = 'malformed';
SELECT count_users();
\echo :LAST_ERROR_SQLSTATE
SELECT count(*) FROM users;
RESET request.jwt.claims;

-- Nobody's rows but the caller's tenants' are looked at, whatever a reader asks of them.
CREATE ROLE regress_userlock_reader;
GRANT SELECT ON users, restricted_users, user_history, statistics, security_events, lockout_policies TO regress_userlock_reader;
CREATE FUNCTION public.look(value text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'looked at %', value; RETURN true; END $$;
ANALYZE account, event, profile;  -- what the planner knows is not for the reader either
SET ROLE regress_userlock_reader;
SET request.jwt.claims = '{"tenant": "globex"}';
SELECT count(*) FROM users WHERE public.look(user_id) AND public.look(user_name) AND public.look(email);
SELECT count(*) FROM restricted_users WHERE public.look(user_id) AND public.look(lock_reason);
SELECT count(*) FROM user_history WHERE public.look(user_id) AND sequence = 1;
SELECT count(*) FROM security_events WHERE public.look(user_id);
SELECT count(*) FROM statistics WHERE public.look(tenant) AND metric = 'users';
-- Not even a message about another tenant's values comes of a pattern.
SELECT count(*) FROM users WHERE email LIKE 'alice@example.co\';
SELECT count(*) FROM user_history WHERE reason LIKE 'fraud\';
SELECT count(*) AS statistics FROM pg_stats WHERE schemaname = 'userlock_private';
-- No policy, no row; nor is there a way beneath the views.
SET row_security = off;
SELECT count(*) FROM users;
RESET row_security;
TABLE userlock_private.visible_user;
TABLE userlock_private.profile;
RESET request.jwt.claims;
RESET ROLE;
-- Whoever is above policies is held to the claims as well.
CREATE ROLE regress_userlock_above BYPASSRLS;
GRANT SELECT ON users TO regress_userlock_above;
CREATE FUNCTION public.look_strictly(value text) RETURNS boolean STRICT LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'looked at %', value; RETURN true; END $$;
SET ROLE regress_userlock_above;
SET request.jwt.claims = '{"tenant": "globex"}';
SELECT tenant, count(*) FROM users GROUP BY 1;
SET request.jwt.claims = '{"tenant": "numbers"}';
SELECT count(*) FROM users WHERE public.look_strictly(email);
RESET request.jwt.claims;
RESET ROLE;
REVOKE ALL ON users FROM regress_userlock_above;
REVOKE ALL ON users, restricted_users, user_history, statistics, security_events, lockout_policies FROM regress_userlock_reader;
DROP ROLE regress_userlock_reader, regress_userlock_above;
DROP FUNCTION public.look, public.look_strictly;
TRUNCATE account, event, profile;
