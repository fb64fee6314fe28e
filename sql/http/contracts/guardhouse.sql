--
-- Guardhouse: the System API
--
-- Suspended is our block.  Every call that succeeds revokes access.
--

CREATE SCHEMA userlock_guardhouse;

COMMENT ON SCHEMA userlock_guardhouse IS
'The HTTP contract of Guardhouse''s block and unblock.';

CREATE FUNCTION userlock_http.guardhouse_unblock_details(body json)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN body IS NOT NULL
        AND coalesce(json_typeof(body -> 'triggerWebhook') = 'boolean', true)
        AND coalesce(json_typeof(body -> 'notifyUserViaEmail') = 'boolean', true)
        AND coalesce(json_typeof(body -> 'unblockedByUserId') = 'null'
            OR userlock_http.is_integer(body -> 'unblockedByUserId'), true)
    THEN jsonb_strip_nulls(jsonb_build_object(
        'triggerWebhook', body -> 'triggerWebhook',
        'notifyUserViaEmail', body -> 'notifyUserViaEmail',
        'unblockedByUserId', body -> 'unblockedByUserId'))
END;

REVOKE EXECUTE ON FUNCTION userlock_http.guardhouse_unblock_details FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.guardhouse_unblock_details IS
'What of the body of a request to unblock is kept with the event; NULL: the body is not valid.';

CREATE FUNCTION userlock_http.guardhouse_block_details(body json)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE
    WHEN body IS NOT NULL
        AND coalesce(json_typeof(body -> 'triggerWebhook') = 'boolean', true)
        AND coalesce(json_typeof(body -> 'notifyUserViaEmail') = 'boolean', true)
        AND coalesce(json_typeof(body -> 'suspensionReason') IN ('string', 'null'), true)
        AND coalesce(length(body ->> 'suspensionReason') <= 250, true)
        AND userlock_http.is_integer(body -> 'blockedByUserId')
        AND body ->> 'blockedByUserId' !~ '^-|^0$'
    THEN jsonb_strip_nulls(jsonb_build_object(
        'triggerWebhook', body -> 'triggerWebhook',
        'notifyUserViaEmail', body -> 'notifyUserViaEmail',
        'suspensionReason', body -> 'suspensionReason',
        'blockedByUserId', body -> 'blockedByUserId'))
END;

REVOKE EXECUTE ON FUNCTION userlock_http.guardhouse_block_details FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.guardhouse_block_details IS
'What of the body of a request to block is kept with the event; NULL: the body is not valid.';

CREATE FUNCTION userlock_http.guardhouse_transition(transition text, details jsonb)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    digits text := ltrim(substring(userlock_http.user_id() FROM '^[0-9]+$'), '0');
    user_id text := CASE WHEN length(digits) BETWEEN 1 AND 10 AND digits::bigint <= 2147483647 THEN digits END;
    outcome userlock.transition_outcome;
BEGIN
    -- An id of NULL is refused, but not before the caller's permission is known.
    outcome := userlock.try_transition(
        transition, CASE WHEN details IS NOT NULL THEN user_id END, details ->> 'suspensionReason',
        idempotent => true, revoke_access => true, details => nullif(details, '{}'));

    IF outcome.sqlstate = '00000' THEN
        RETURN userlock_http.no_content();
    ELSIF outcome.sqlstate = 'PT401' THEN
        PERFORM userlock_http.reject_credential();
    ELSIF outcome.sqlstate = 'PT403' THEN
        RETURN userlock_http.refuse(403, 'application/json', '{"error":"insufficient_scope"}',
            'Bearer error="insufficient_scope"');
    ELSIF outcome.sqlstate = 'PT404' OR user_id IS NULL THEN
        RETURN userlock_http.refuse(404, 'text/plain; charset=utf-8', 'User not found');
    ELSIF outcome.sqlstate = 'PT422' THEN
        RETURN userlock_http.refuse(400, 'application/json', '{"error":"invalid_request"}');
    END IF;
    RETURN userlock_http.refuse(500, 'application/json', '{"error":"server_error"}');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.guardhouse_transition FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.guardhouse_transition IS
'Makes a transition on the user whose number the path holds, keeps the details with the event, and revokes access. A suspensionReason is also the event''s reason.';

CREATE FUNCTION userlock_guardhouse.unblock(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    body json := userlock_http.json_object($1);
BEGIN
    RETURN userlock_http.guardhouse_transition('unblock', userlock_http.guardhouse_unblock_details(body));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_guardhouse.unblock FROM PUBLIC;
COMMENT ON FUNCTION userlock_guardhouse.unblock IS
'PATCH /api/v1/users/{userId}/unblock';

CREATE FUNCTION userlock_guardhouse.block(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    body json := userlock_http.json_object($1);
BEGIN
    RETURN userlock_http.guardhouse_transition('block', userlock_http.guardhouse_block_details(body));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_guardhouse.block FROM PUBLIC;
COMMENT ON FUNCTION userlock_guardhouse.block IS
'PATCH /api/v1/users/{userId}/block';

