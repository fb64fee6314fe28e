-- Whatever an administrator puts on the tables is kept to, though accounts are changed
-- without SQL where nothing is.
SET search_path = public, userlock, userlock_private;
\set VERBOSITY terse

-- Which statements about accounts and events the session has run.
CREATE VIEW public.statements_run AS
SELECT DISTINCT substring(ident FROM '^\w+') AS command, substring(ident FROM 'userlock_private\.(account|event)\M') AS "table"
FROM pg_backend_memory_contexts
WHERE name = 'CachedPlanSource' AND ident ~ 'userlock_private\.(account|event)\M';

CREATE FUNCTION public.attempt(call text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'SELECT ' || call;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE TABLE public.calls (nr integer PRIMARY KEY, call text);
INSERT INTO public.calls VALUES
    (1, $$register_user('alice')$$),
    (2, $$lock_user('alice', 'phished', idempotent => true)$$),
    (3, $$lock_user('alice', 'phished', idempotent => true)$$),
    (4, $$unlock_user('alice')$$),
    (5, $$count(*) FROM block_users(ARRAY['alice'], 'left')$$),
    (6, $$count(*) FROM unblock_users(ARRAY['alice'])$$),
    (7, $$revoke_access('alice')$$),
    (8, $$lock_user('alice', until => clock_timestamp() + interval '5 ms'), pg_sleep(0.01)$$),
    (9, $$expire()$$),
    (10, $$count(record_login_failure('alice')) FROM generate_series(1, 10)$$),
    (11, $$delete_user('alice')$$);

-- As the scripts made them, tables are changed without SQL.
SELECT (register_user('alice')).state;
\c -
SET search_path = public, userlock, userlock_private;
\set VERBOSITY terse
SELECT (lock_user('alice')).state, (unlock_user('alice')).state, (block_user('alice')).state, (unblock_user('alice')).state;
SELECT user_id, outcome FROM lock_users(ARRAY['alice', 'bob']);
SELECT user_id, outcome FROM unlock_users(ARRAY['alice', 'bob']);
SELECT outcome FROM try_transition('unlock', 'alice');
SELECT * FROM public.statements_run;
-- An index of an administrator's takes nothing else.
CREATE INDEX by_actor ON event (actor);
CREATE INDEX by_state ON account (state, lower(user_id)) WHERE is_locked(state);
SELECT (lock_user('alice')).state;
SELECT * FROM public.statements_run;
DROP INDEX by_actor, by_state;
TRUNCATE account, event;

-- Triggers of every kind run, as the owner, and under the owner's search_path.
CREATE TABLE public.seen (what text);
CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.seen VALUES (concat_ws(' ', TG_TABLE_NAME, TG_OP));
    IF current_setting('search_path') <> 'pg_catalog, pg_temp' THEN
        RAISE WARNING '% runs under %', TG_NAME, current_setting('search_path');
    END IF;
    RETURN CASE TG_LEVEL WHEN 'ROW' THEN coalesce(NEW, OLD) END;
END $$;
SELECT format('CREATE TRIGGER note_%1$s_%2$s %1$s INSERT OR UPDATE OR DELETE ON %3$s FOR EACH %2$s EXECUTE FUNCTION public.note()', w, l, t)
FROM unnest(ARRAY['before', 'after']) AS w, unnest(ARRAY['row', 'statement']) AS l, unnest(ARRAY['account', 'event']) AS t
\gexec
CREATE FUNCTION public.attempt_seen(call text) RETURNS TABLE (result text, seen text) LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM public.seen;
    result := public.attempt(call);
    SELECT string_agg(what || ' ' || times, ', ' ORDER BY what) INTO attempt_seen.seen
    FROM (SELECT what, count(*) AS times FROM public.seen GROUP BY what) AS counted;
    RETURN NEXT;
END $$;
SELECT call, a.* FROM public.calls, LATERAL public.attempt_seen(call) AS a ORDER BY nr;
SELECT 'DROP TRIGGER ' || quote_ident(tgname) || ' ON ' || tgrelid::regclass FROM pg_trigger
WHERE tgrelid IN ('account'::regclass, 'event'::regclass) AND NOT tgisinternal
\gexec
TRUNCATE account, event, login_failure;

-- One that refuses undoes the call, and one that leaves out the row makes it fail.
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_ARGV[0] = 'raise' THEN RAISE EXCEPTION 'no % of %', TG_OP, TG_TABLE_NAME; END IF;
    RETURN NULL;
END $$;
SELECT (register_user('alice')).state;
BEGIN;
CREATE TRIGGER refuse AFTER UPDATE ON account FOR EACH STATEMENT EXECUTE FUNCTION public.refuse('raise');
SELECT call, public.attempt(call) FROM public.calls WHERE nr BETWEEN 2 AND 10 ORDER BY nr;
SELECT sequence, kind FROM event ORDER BY 1;
ROLLBACK;
BEGIN;
CREATE TRIGGER refuse BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION public.refuse('raise');
SELECT call, public.attempt(call) FROM public.calls WHERE nr BETWEEN 2 AND 11 ORDER BY nr;
SELECT user_id, state, sequence FROM account;
SELECT sequence, kind FROM event ORDER BY 1;
ROLLBACK;
BEGIN;
CREATE TRIGGER skip BEFORE UPDATE ON account FOR EACH ROW EXECUTE FUNCTION public.refuse('skip');
SELECT public.attempt($$lock_user('alice')$$);
ROLLBACK;

-- Constraints, also on columns.
BEGIN;
ALTER TABLE event ADD CHECK (reason <> 'because');
ALTER TABLE account ADD CHECK (sequence < 3);
SELECT public.attempt($$lock_user('alice', 'because')$$), public.attempt($$lock_user('alice', 'phished')$$),
       public.attempt($$unlock_user('alice')$$), public.attempt($$count(*) FROM unlock_users(ARRAY['alice'])$$);
ROLLBACK;
BEGIN;
UPDATE event SET reason = 'new';
ALTER TABLE event ALTER reason SET NOT NULL;
SELECT public.attempt($$lock_user('alice')$$), public.attempt($$count(*) FROM block_users(ARRAY['alice'])$$),
       public.attempt($$lock_user('alice', 'phished')$$);
ROLLBACK;
BEGIN;
ALTER TABLE event ALTER sequence ADD GENERATED ALWAYS AS IDENTITY;
SELECT public.attempt($$lock_user('alice')$$);
ROLLBACK;

-- A rule that does something also.
BEGIN;
CREATE RULE also AS ON INSERT TO event DO ALSO INSERT INTO public.seen VALUES ('rule ' || NEW.kind);
DELETE FROM public.seen;
SELECT (lock_user('alice')).state, (unlock_user('alice')).state;
SELECT * FROM public.seen;
ROLLBACK;

-- Columns more are filled, and columns are known by their names.
BEGIN;
ALTER TABLE event ADD site text DEFAULT 'here' NOT NULL;
ALTER TABLE account ADD touched text GENERATED ALWAYS AS (user_id || sequence) STORED;
SELECT (lock_user('alice')).state;
SELECT kind, site, touched FROM event JOIN account USING (tenant, user_id, sequence);
ROLLBACK;
BEGIN;
ALTER TABLE account DROP adoption;
ALTER TABLE account ADD adoption uuid DEFAULT gen_random_uuid();
SELECT (lock_user('alice')).state;
SELECT state, adoption IS NOT NULL AS has_default FROM account;
ROLLBACK;
BEGIN;
ALTER TABLE event RENAME reason TO motive;
SELECT public.attempt($$lock_user('alice', 'phished')$$);
ALTER TABLE event RENAME actor TO reason;
ALTER TABLE event RENAME motive TO actor;
SELECT (lock_user('alice', 'phished')).state;
SELECT reason FROM event WHERE sequence = 2;
ROLLBACK;

-- A unique index of the administrator's.
CREATE UNIQUE INDEX one_ticket ON event (reason);
SELECT (lock_user('alice', 'ticket 1')).state;
SELECT unlock_user('alice', 'ticket 1');
SELECT * FROM unlock_users(ARRAY['alice'], 'ticket 1');
SELECT (unlock_user('alice', 'ticket 2')).state;
SELECT * FROM verify();
DROP INDEX one_ticket;

-- What an index runs of others, it runs as the owner and under the owner's search_path,
-- whoever calls: functions, domains, comparisons of types and of operator classes.
CREATE ROLE regress_userlock_caller;
GRANT USAGE ON SCHEMA userlock TO regress_userlock_caller;
GRANT EXECUTE ON FUNCTION lock_user, unlock_user, lock_users TO regress_userlock_caller;
GRANT INSERT ON public.seen TO regress_userlock_caller;
CREATE FUNCTION public.spy() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.seen VALUES (format('%s under %s', current_user = session_user, current_setting('search_path')));
    RETURN true;
END $$;
CREATE FUNCTION public.spy(value text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM public.spy(); RETURN value; END $$;
CREATE DOMAIN public.spied AS text CHECK (public.spy());
CREATE FUNCTION public.spy_compare(text, text) RETURNS integer IMMUTABLE LANGUAGE plpgsql
AS $$ BEGIN PERFORM public.spy(); RETURN bttextcmp($1, $2); END $$;
CREATE OPERATOR CLASS public.spied_ops FOR TYPE text USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 public.spy_compare(text, text);
CREATE FUNCTION public.attempt_spied(definition text) RETURNS TABLE (done text, seen text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'CREATE INDEX spying ON ' || definition;
    DELETE FROM public.seen;
    SET LOCAL ROLE regress_userlock_caller;
    done := concat_ws(', ', (userlock.lock_user('alice', 'a')).state, (userlock.unlock_user('alice', 'b')).state);
    SELECT concat_ws(', ', done, outcome) INTO done FROM userlock.lock_users(ARRAY['alice'], 'c');
    RESET ROLE;
    SELECT string_agg(DISTINCT what, '; ') INTO attempt_spied.seen FROM public.seen;
    PERFORM userlock.unlock_user('alice');
    DROP INDEX userlock_private.spying;
    RETURN NEXT;
END $$;
SELECT definition, s.* FROM unnest(ARRAY[
    'userlock_private.event (public.spy(reason))',
    'userlock_private.event (at) WHERE public.spy(reason) IS NOT NULL',
    'userlock_private.event ((reason::public.spied))',
    'userlock_private.event (reason public.spied_ops)',
    'userlock_private.account (locked_until) WHERE public.spy(user_id) IS NOT NULL']) AS definition,
    LATERAL public.attempt_spied(definition) AS s;
SELECT * FROM verify();
DROP OPERATOR FAMILY public.spied_ops USING btree;
DROP DOMAIN public.spied;
DROP FUNCTION public.attempt_spied, public.spy_compare, public.spy(text), public.spy();

-- Users are found and changed whatever the key looks like, and without one.
CREATE FUNCTION public.attempt_with_key(key text) RETURNS TABLE (done text, allowed text) LANGUAGE plpgsql AS $$
BEGIN
    ALTER TABLE userlock_private.account DROP CONSTRAINT IF EXISTS account_pkey;
    EXECUTE 'ALTER TABLE userlock_private.account ' || key;
    done := concat_ws(', ', (userlock.lock_user('alice')).state, (userlock.unlock_user('alice')).state);
    allowed := concat_ws(', ', userlock.user_allowed('alice'), userlock.user_allowed('bob'));
    RETURN NEXT;
END $$;
BEGIN;
SELECT key, a.* FROM unnest(ARRAY[
    'ADD PRIMARY KEY (user_id, tenant)',
    'ADD PRIMARY KEY (user_id, tenant, sequence)',
    'ADD PRIMARY KEY (tenant, user_id) DEFERRABLE',
    'REPLICA IDENTITY FULL',
    'ADD PRIMARY KEY (tenant, user_id) INCLUDE (state)']) AS key, LATERAL public.attempt_with_key(key) AS a;
SELECT * FROM verify();
ROLLBACK;

-- Foreign keys of others.
CREATE TABLE public.note_of (tenant text COLLATE "C", user_id text COLLATE "C", FOREIGN KEY (tenant, user_id) REFERENCES account);
INSERT INTO public.note_of VALUES ('default', 'alice');
SELECT (lock_user('alice')).state, (unlock_user('alice')).state;
SELECT delete_user('alice');
ALTER TABLE public.note_of DROP CONSTRAINT note_of_tenant_user_id_fkey,
    ADD FOREIGN KEY (tenant, user_id) REFERENCES account ON DELETE CASCADE;
SELECT (delete_user('alice')).sequence, (register_user('alice')).state;
SELECT * FROM public.note_of;
DROP TABLE public.note_of;

-- Publications that need to know which row an update is of.
SET client_min_messages = error;	-- wal_level may be too low to publish
CREATE PUBLICATION theirs FOR TABLE account, event;
RESET client_min_messages;
SELECT (lock_user('alice')).state;
ALTER TABLE account REPLICA IDENTITY NOTHING;
SELECT unlock_user('alice');
SELECT * FROM unlock_users(ARRAY['alice']);
ALTER TABLE account REPLICA IDENTITY DEFAULT;
SELECT (unlock_user('alice')).state;
DROP PUBLICATION theirs;

-- Row-level security is not for an owner who is a superuser.
ALTER TABLE account ENABLE ROW LEVEL SECURITY;
ALTER TABLE event ENABLE ROW LEVEL SECURITY;
SELECT (lock_user('alice')).state;
ALTER TABLE account FORCE ROW LEVEL SECURITY;
SELECT (unlock_user('alice')).state;
ALTER TABLE account NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;
ALTER TABLE event DISABLE ROW LEVEL SECURITY;

-- An owner from whom rights were taken.
BEGIN;
CREATE ROLE regress_userlock_owner;
GRANT USAGE ON SCHEMA userlock, userlock_private TO regress_userlock_owner;
GRANT EXECUTE ON FUNCTION integer_id TO regress_userlock_owner;
ALTER TABLE account OWNER TO regress_userlock_owner;
ALTER TABLE event OWNER TO regress_userlock_owner;
ALTER FUNCTION lock_user OWNER TO regress_userlock_owner;
REVOKE INSERT ON event FROM regress_userlock_owner;
SELECT public.attempt($$lock_user('alice')$$);
GRANT INSERT ON event TO regress_userlock_owner;
REVOKE UPDATE ON account FROM regress_userlock_owner;
SELECT public.attempt($$lock_user('alice')$$);
GRANT UPDATE ON account TO regress_userlock_owner;
SELECT public.attempt($$lock_user('alice')$$);
ROLLBACK;

-- Tables, types and operators of the session's that are called the same.
CREATE TEMPORARY TABLE account (LIKE userlock_private.account INCLUDING ALL);
CREATE TEMPORARY TABLE event (LIKE userlock_private.event INCLUDING ALL);
CREATE TEMPORARY TABLE pg_class (oid oid, relname name);
CREATE DOMAIN pg_temp.user_lock_state AS text;
SET search_path = pg_temp, public, pg_catalog;
SELECT (userlock.lock_user('alice')).state::text, userlock.user_allowed('alice');
SELECT (userlock.unlock_user('alice')).state::text, userlock.user_allowed('alice');
SELECT (SELECT count(*) FROM account) + (SELECT count(*) FROM event) AS in_theirs;
\c -
SET search_path = public, userlock, userlock_private;
\set VERBOSITY terse
SELECT * FROM verify();

-- Nothing is left, and nothing takes SQL any more.
\c -
SET search_path = public, userlock, userlock_private;
SELECT (lock_user('alice')).state, (unlock_user('alice')).state;
SELECT * FROM public.statements_run;
TRUNCATE account, event, login_failure;
DROP FUNCTION public.attempt_with_key, public.refuse, public.note, public.attempt_seen, public.attempt;
DROP TABLE public.seen, public.calls;
DROP VIEW public.statements_run;
DROP OWNED BY regress_userlock_caller;
DROP ROLE regress_userlock_caller;
