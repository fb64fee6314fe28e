--
-- Whom nobody is to restrict by mistake
--

CREATE FUNCTION userlock_private.is_last_holder(tenant text, user_id text, to_lock boolean)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    protected text[] := regexp_split_to_array(trim(current_setting('userlock.protected_roles', true)), '\s*,\s*');
    holding jsonb;
BEGIN
    FOR holding IN
        SELECT DISTINCT jsonb_build_array(jsonb_build_object('value', role.value)) AS roles
        FROM unnest(protected) AS role (value)
        WHERE EXISTS (
            SELECT FROM userlock_private.profile AS p
            JOIN userlock_private.account AS a ON a.tenant = p.tenant AND a.user_id = p.user_id
            WHERE p.tenant = is_last_holder.tenant AND a.tenant = is_last_holder.tenant AND p.user_id = is_last_holder.user_id
            AND p.document -> 'roles' @> jsonb_build_array(jsonb_build_object('value', role.value))
            AND userlock.is_active(userlock.state_at(a.state, a.locked_until, a.blocked_until, clock_timestamp())))
        ORDER BY roles
    LOOP
        -- Of two who restrict the last two, one has waited for their turn, and sees what the
        -- other has done; in a transaction that goes on seeing what it saw first, it fails
        -- as those do.  Nobody waits here but for who is being deleted: somebody may be
        -- waiting for us.
        IF to_lock THEN
            EXECUTE
                'SELECT FROM userlock_private.account AS a'
                ' WHERE a.tenant = $1 AND a.user_id IN ('
                ' SELECT p.user_id FROM userlock_private.profile AS p'
                ' WHERE p.tenant = $1 AND p.document ? ''roles'' AND p.document -> ''roles'' @> $2)'
                ' ORDER BY a.user_id FOR '
                || CASE WHEN current_setting('transaction_isolation') LIKE 'read %' THEN 'KEY SHARE' ELSE 'NO KEY UPDATE' END
                USING tenant, holding;
        END IF;
        PERFORM FROM userlock_private.profile AS p
        JOIN userlock_private.account AS a ON a.tenant = p.tenant AND a.user_id = p.user_id
        WHERE p.tenant = is_last_holder.tenant AND a.tenant = is_last_holder.tenant
        AND p.document ? 'roles' AND p.document -> 'roles' @> holding AND p.user_id <> is_last_holder.user_id
        AND userlock.is_active(userlock.state_at(a.state, a.locked_until, a.blocked_until, clock_timestamp()))
        LIMIT 1;
        IF NOT FOUND THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.is_last_holder FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.is_last_holder IS
'Is the user allowed to come in, and has one of userlock.protected_roles that no other such user of the tenant has? Of a profile these are the values of its roles. to_lock: has others wait who are about to restrict holders of the role.';
