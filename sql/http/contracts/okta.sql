--
-- Okta: the lifecycle of users
--
-- LOCKED_OUT is our lock, SUSPENDED our block.  A user of Okta's has one status: of one
-- who is both, it is SUSPENDED.
--

CREATE SCHEMA userlock_okta;

COMMENT ON SCHEMA userlock_okta IS
'The HTTP contract of the lifecycle of Okta''s users: unlock, suspend and unsuspend.';

CREATE FUNCTION userlock_http.okta_refuse(status integer, code text, summary text, cause text DEFAULT NULL)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_http.refuse(status, 'application/json', format(
        '{"errorCode":"%1$s","errorSummary":%2$s,"errorLink":"%1$s","errorId":"%3$s","errorCauses":[%4$s]}',
        code, userlock_http.ascii_json(summary), userlock_http.header('x-userlock-error-id'),
        '{"errorSummary":' || userlock_http.ascii_json(cause) || '}'));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.okta_refuse FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.okta_refuse IS
'Refuses with one of Okta''s errors. cause: what is under errorCauses, NULL: nothing.';

CREATE FUNCTION userlock_http.okta_transition(transition text)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    user_id text := userlock_http.user_id();
    outcome userlock.transition_outcome;
BEGIN
    IF NOT userlock_http.admit() THEN
        RETURN userlock_http.okta_refuse(401, 'E0000011', 'Invalid token provided');
    END IF;
    -- An id of NULL is refused, but not before the caller's permission is known.
    outcome := userlock.try_transition(transition, user_id,
        expected_state => CASE transition WHEN 'unlock' THEN 'locked' WHEN 'block' THEN 'active' END::userlock.user_lock_state);

    CASE
        WHEN outcome.sqlstate = '00000' THEN
            RETURN '';
        WHEN outcome.sqlstate = 'PT400' AND transition = 'unlock' THEN
            RETURN userlock_http.okta_refuse(403, 'E0000032', 'Unlock is not allowed for this user.');
        WHEN outcome.sqlstate = 'PT400' THEN
            RETURN userlock_http.okta_refuse(400, 'E0000001', 'Api validation failed', CASE transition
                WHEN 'block' THEN 'Cannot suspend a user that is not active' ELSE 'Cannot unsuspend a user that is not suspended' END);
        WHEN outcome.sqlstate = 'PT401' THEN
            RETURN userlock_http.okta_refuse(401, 'E0000011', 'Invalid token provided');
        WHEN outcome.sqlstate = 'PT403' THEN
            RETURN userlock_http.okta_refuse(403, 'E0000006', 'You do not have permission to perform the requested action');
        -- What is no id is nobody's.
        WHEN outcome.sqlstate IN ('PT404', 'PT422') THEN
            RETURN userlock_http.okta_refuse(404, 'E0000007', format('Not found: Resource not found: %s (User)',
                left(coalesce(user_id, userlock_http.header('x-userlock-user-id')), 200)));
        ELSE
            RETURN userlock_http.okta_refuse(500, 'E0000009', 'Internal Server Error');
    END CASE;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.okta_transition FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.okta_transition IS
'Makes a transition on the user whom the path names, for the bearer of a token or an API key, and answers with an empty body.';

CREATE FUNCTION userlock_okta.unlock(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.okta_transition('unlock');

REVOKE EXECUTE ON FUNCTION userlock_okta.unlock FROM PUBLIC;
COMMENT ON FUNCTION userlock_okta.unlock IS
'POST /api/v1/users/{id}/lifecycle/unlock; takes no body and ignores one, as do the others.';

CREATE FUNCTION userlock_okta.suspend(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.okta_transition('block');

REVOKE EXECUTE ON FUNCTION userlock_okta.suspend FROM PUBLIC;
COMMENT ON FUNCTION userlock_okta.suspend IS
'POST /api/v1/users/{id}/lifecycle/suspend';

CREATE FUNCTION userlock_okta.unsuspend(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.okta_transition('unblock');

REVOKE EXECUTE ON FUNCTION userlock_okta.unsuspend FROM PUBLIC;
COMMENT ON FUNCTION userlock_okta.unsuspend IS
'POST /api/v1/users/{id}/lifecycle/unsuspend';
