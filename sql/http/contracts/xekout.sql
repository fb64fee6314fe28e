--
-- Xekout
--
-- Blocked is our block.
--

CREATE SCHEMA userlock_xekout;

COMMENT ON SCHEMA userlock_xekout IS
'The HTTP contract of Xekout''s block and revoke (which unblocks).';

CREATE FUNCTION userlock_http.xekout_refuse(code integer, message text)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN userlock_http.refuse(code / 1000, 'application/json',
        format('{"status":"error","code":%s,"message":%s}', code, to_json(message)));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.xekout_refuse FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.xekout_refuse IS
'Refuses with a code, whose first three digits are the HTTP status.';

CREATE FUNCTION userlock_http.xekout_transition(
    transition text, refused_code integer, refused_message text, not_found_message text)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    uuid text := lower(userlock_http.user_id());
    outcome userlock.transition_outcome := userlock.try_transition(transition,
        substring(uuid FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'));
BEGIN
    CASE outcome.sqlstate
        WHEN '00000' THEN RETURN userlock_http.no_content();
        WHEN 'PT401' THEN PERFORM userlock_http.reject_credential();
        WHEN 'PT403' THEN RETURN userlock_http.xekout_refuse(401100, 'Operation not permitted');
        WHEN 'PT422' THEN RETURN userlock_http.xekout_refuse(400010, 'this uuid is invalid for this request');
        WHEN 'PT404' THEN RETURN userlock_http.xekout_refuse(404014, not_found_message);
        WHEN 'PT400' THEN RETURN userlock_http.xekout_refuse(refused_code, refused_message);
        ELSE RETURN userlock_http.xekout_refuse(500001, 'internal error');
    END CASE;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.xekout_transition FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.xekout_transition IS
'Makes a transition on the user whose UUID the path names, in any case of letters.';

CREATE FUNCTION userlock_xekout.revoke(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.xekout_transition('unblock', 400019, 'error on try unlock user', 'user not found');

REVOKE EXECUTE ON FUNCTION userlock_xekout.revoke FROM PUBLIC;
COMMENT ON FUNCTION userlock_xekout.revoke IS
'POST /v1/admin/tenant/user/revoke/:uuid, which revokes a block; takes no body and ignores one.';

CREATE FUNCTION userlock_xekout.block(bytea)
RETURNS userlock_http."*/*"
LANGUAGE sql VOLATILE PARALLEL UNSAFE
RETURN userlock_http.xekout_transition('block', 400004, 'user is already blocked', 'user not found for this tenant');

REVOKE EXECUTE ON FUNCTION userlock_xekout.block FROM PUBLIC;
COMMENT ON FUNCTION userlock_xekout.block IS
'POST /v1/admin/tenant/user/block/:uuid; takes no body and ignores one.';

