-- Roles for userlock behind PostgREST: run in the database, as superuser, and again
-- when a contract was added.  An example to start from; docs/operating.md, "Roles
-- and grants", explains it.

-- What others may have put into your search_path is not used.
SET search_path = pg_catalog, pg_temp;

-- authenticator: as whom PostgREST connects, to become one of the others.  It has
-- no password: the stack's socket is in a directory that only its owner enters.
-- Elsewhere give it one, or have pg_hba.conf let in its own user only.
-- anon: whoever comes without a token.
-- operator: support staff who may do everything with users, also register and delete
-- them and see their profiles: a token with {"role": "operator"}.
-- stranger: a signed-in user of the application, who may do nothing here; for the
-- demo and the tests.
DO $$
DECLARE
    missing record;
BEGIN
    FOR missing IN
        SELECT * FROM (VALUES ('authenticator', 'LOGIN NOINHERIT'), ('anon', 'NOLOGIN'), ('operator', 'NOLOGIN'), ('stranger', 'NOLOGIN'))
            AS role (name, options)
        WHERE to_regrole(name) IS NULL
    LOOP
        EXECUTE format('CREATE ROLE %I %s', missing.name, missing.options);
    END LOOP;
END
$$;
GRANT anon, operator, stranger TO authenticator;

-- How long their statements may take, and wait for a lock: PostgREST sets what the role
-- of a request has.  And no log shows what is passed as a parameter: keys and tokens
-- are; nor what surrounds an error: a document with a password.  What a role has been
-- given already stays.
DO $$
DECLARE
    missing record;
BEGIN
    FOR missing IN
        SELECT * FROM (VALUES
            ('authenticator', 'log_parameter_max_length', '0'), ('authenticator', 'log_error_verbosity', 'terse'),
            ('authenticator', 'idle_in_transaction_session_timeout', '10s'),
            ('anon', 'statement_timeout', '2s'), ('anon', 'lock_timeout', '1s'),
            ('operator', 'statement_timeout', '20s'), ('operator', 'lock_timeout', '5s'),
            ('stranger', 'statement_timeout', '5s'), ('stranger', 'lock_timeout', '1s')) AS given (role, setting, value)
        WHERE NOT EXISTS (SELECT FROM pg_roles, unnest(rolconfig) AS config WHERE rolname = role AND config LIKE setting || '=%')
    LOOP
        EXECUTE format('ALTER ROLE %I SET %I = %L', missing.role, missing.setting, missing.value);
    END LOOP;
END
$$;
NOTIFY pgrst, 'reload config';

GRANT EXECUTE ON FUNCTION
    userlock.register_user, userlock.delete_user,
    userlock.lock_user, userlock.unlock_user,
    userlock.block_user, userlock.unblock_user,
    userlock.lock_users, userlock.unlock_users,
    userlock.block_users, userlock.unblock_users, userlock.undo,
    userlock.try_transition, userlock.revoke_access,
    userlock.user_status, userlock.user_profile, userlock.set_profile,
    userlock.find_users, userlock.count_users, userlock.verify,
    userlock.login_verdict, userlock.set_lockout_policy
TO operator;
GRANT SELECT ON userlock.users, userlock.restricted_users, userlock.user_history, userlock.lockout_policies,
    userlock.statistics, userlock.events_by_hour, userlock.security_events TO operator;

-- Whoever has signed in may ask what is theirs; who has not is told to.
GRANT EXECUTE ON FUNCTION userlock.whoami TO operator, stranger;

-- Everyone is checked before each request, see db-pre-request in postgrest.conf, and
-- may be by policies.
GRANT EXECUTE ON FUNCTION userlock.check_request, userlock.current_user_allowed TO anon, operator, stranger;

-- The contracts answer everyone who asks, if only with a refusal: what a caller
-- may do is decided by the grants above.
GRANT EXECUTE ON FUNCTION userlock.try_transition TO anon, operator, stranger;
DO $$
DECLARE
    contract name;
BEGIN
    FOR contract IN
        SELECT n.nspname FROM pg_extension AS e
        JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
        JOIN pg_namespace AS n ON d.classid = 'pg_namespace'::regclass AND d.objid = n.oid
        WHERE e.extname = 'userlock_http'
        UNION ALL SELECT 'userlock_http' FROM pg_extension WHERE extname = 'userlock_http'
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO anon, operator, stranger', contract);
        EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA %I TO anon, operator, stranger', contract);
    END LOOP;
END
$$;

RESET search_path;
