-- Roles for userlock behind PostgREST: run once in the database, as superuser.
-- An example to start from; the README section "Roles and grants" explains it.

-- PostgREST connects as this role and may become the others.  It has no
-- password here because it comes in through a Unix socket; give it one where
-- it does not.
CREATE ROLE authenticator LOGIN NOINHERIT;

-- Whoever comes without a token.
CREATE ROLE anon NOLOGIN;
GRANT anon TO authenticator;

-- Support staff: a token with {"role": "operator"}.
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

-- A signed-in user of the application, who may do nothing here.
CREATE ROLE stranger NOLOGIN;
GRANT stranger TO authenticator;

-- The contracts answer everyone who asks, if only with a refusal: what a caller
-- may do is decided by the grants above.
GRANT EXECUTE ON FUNCTION userlock.try_transition TO anon, operator, stranger;
DO $$
DECLARE
    contract name;
BEGIN
    FOR contract IN SELECT nspname FROM pg_namespace WHERE nspname LIKE 'userlock\_%' LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO anon, operator, stranger', contract);
        EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA %I TO anon, operator, stranger', contract);
    END LOOP;
END
$$;
