-- Roles for userlock behind PostgREST: run once in the database, as superuser.
-- An example to start from; the README section "Roles and grants" explains it.

-- PostgREST connects as this role and may become the others.  It has no
-- password: the stack's socket is in a directory that only its owner enters.
-- Elsewhere give it one, or have pg_hba.conf let in its own user only.
CREATE ROLE authenticator LOGIN NOINHERIT;

-- Whoever comes without a token.
CREATE ROLE anon NOLOGIN;
GRANT anon TO authenticator;

-- Support staff who may do everything with users, also register and delete them
-- and see their profiles: a token with {"role": "operator"}.
CREATE ROLE operator NOLOGIN;
GRANT operator TO authenticator;
GRANT EXECUTE ON FUNCTION
    userlock.register_user, userlock.delete_user,
    userlock.lock_user, userlock.unlock_user,
    userlock.block_user, userlock.unblock_user,
    userlock.lock_users, userlock.unlock_users,
    userlock.block_users, userlock.unblock_users,
    userlock.try_transition, userlock.revoke_access,
    userlock.user_status, userlock.user_profile, userlock.verify
TO operator;
GRANT SELECT ON userlock.restricted_users, userlock.user_history TO operator;

-- A signed-in user of the application, who may do nothing here; for the demo and
-- the tests.
CREATE ROLE stranger NOLOGIN;
GRANT stranger TO authenticator;

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
        UNION ALL SELECT 'userlock_http'
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO anon, operator, stranger', contract);
        EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA %I TO anon, operator, stranger', contract);
    END LOOP;
END
$$;
