-- What is there, in a form that an upgrade must not change: each table and view by the
-- sum over its rows, and what callers are told.
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
SET search_path = pg_catalog;
SET timezone = 'UTC';

-- The columns that both sides know.
CREATE FUNCTION pg_temp.rows_of(relation regclass, columns text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    shown text;
BEGIN
    EXECUTE format('SELECT count(*) || '' rows '' || coalesce(sum((''x'' || left(md5(row), 15))::bit(60)::bigint), 0)'
        ' FROM (SELECT row(%s)::text AS row FROM %s) AS rows', columns, relation) INTO shown;
    RETURN relation || ': ' || shown;
END
$$;
SELECT pg_temp.rows_of(relation::regclass, columns) FROM (VALUES
    ('userlock_private.account', 'tenant, user_id, state, sequence, created_at, changed_at, locked_until, blocked_until, lock_sequence, block_sequence, access_valid_after, locked_at, blocked_at, adoption'),
    ('userlock_private.event', 'tenant, user_id, sequence, kind, from_state, to_state, at, actor, reason, until, details, attributes, batch'),
    ('userlock_private.profile', 'tenant, user_id, document, user_name, external_id, email, display_name'),
    ('userlock_private.login_failure', 'tenant, user_id, address, failures, tried, counted, last_at, locked_until'),
    ('userlock_private.api_key', 'tenant, name, digest, role::text, expires_at'),
    ('userlock.lockout_policies', 'tenant, attempts, observation_window, duration, backoff, max_duration, permanent_after, by_address'),
    ('userlock.restricted_users', 'tenant, user_id, state, locked_at, locked_until, lock_reason, locked_by, blocked_at, blocked_until, block_reason, blocked_by'),
    ('userlock.user_history', 'tenant, user_id, sequence, kind, from_state, to_state, at, actor, reason, until, details, attributes, batch'),
    ('userlock.users', 'tenant, user_id, state, sequence, created_at, changed_at, locked_until, blocked_until, user_name, external_id, email, display_name')
) AS t (relation, columns);

SELECT 'note', owner, state FROM public.note ORDER BY owner;
SELECT 'privileges', to_regrole('support'), has_function_privilege('support', 'userlock_xekout.revoke(bytea)', 'EXECUTE'),
    has_function_privilege('support', 'userlock.unlock_user(text, text, text, bigint, boolean, jsonb)', 'EXECUTE'),
    has_table_privilege('support', 'userlock.restricted_users', 'SELECT');
SELECT 'verify', v.* FROM userlock.verify() AS v;
