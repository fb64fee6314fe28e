--
-- Xekout
--
-- Blocked is our block.
--

CREATE SCHEMA userlock_xekout;

COMMENT ON SCHEMA userlock_xekout IS
'The HTTP contract of Xekout''s customers: get, list, block and revoke (which unblocks).';

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

CREATE FUNCTION userlock_http.xekout_refuse_outcome(sqlstate text, not_found_message text)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CASE sqlstate
        WHEN 'PT401' THEN PERFORM userlock_http.reject_credential();
        WHEN 'PT403' THEN RETURN userlock_http.xekout_refuse(401100, 'Operation not permitted');
        WHEN 'PT422' THEN RETURN userlock_http.xekout_refuse(400010, 'this uuid is invalid for this request');
        WHEN 'PT404' THEN RETURN userlock_http.xekout_refuse(404014, not_found_message);
        ELSE RETURN userlock_http.xekout_refuse(500001, 'internal error');
    END CASE;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.xekout_refuse_outcome FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.xekout_refuse_outcome IS
'Refuses what came to this sqlstate.';

CREATE FUNCTION userlock_http.xekout_uuid()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN substring(lower(userlock_http.user_id()) FROM '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$');

REVOKE EXECUTE ON FUNCTION userlock_http.xekout_uuid FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.xekout_uuid IS
'The user whose UUID the path names, in any case of letters; NULL: it is none.';

CREATE FUNCTION userlock_http.xekout_transition(
    transition text, refused_code integer, refused_message text, not_found_message text)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    outcome userlock.transition_outcome := userlock.try_transition(transition, userlock_http.xekout_uuid());
BEGIN
    CASE outcome.sqlstate
        WHEN '00000' THEN RETURN userlock_http.no_content();
        WHEN 'PT400' THEN RETURN userlock_http.xekout_refuse(refused_code, refused_message);
        ELSE RETURN userlock_http.xekout_refuse_outcome(outcome.sqlstate, not_found_message);
    END CASE;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.xekout_transition FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.xekout_transition IS
'Makes a transition on the user whose UUID the path names.';

CREATE FUNCTION userlock_http.xekout_moment(moment timestamptz)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS');

REVOKE EXECUTE ON FUNCTION userlock_http.xekout_moment FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.xekout_moment IS
'A moment as Xekout writes it: in UTC, without a zone.';

CREATE FUNCTION userlock_http.xekout_user_json(status userlock.user_status, profile jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT format('{"id":%s,"uuid":%s,"name":%s,"email":%s,"phone":%s,"phone_code_id":%s,"cpf":%s,"token_access":null,'
        '"remember_token":null,"state_id":%s,"active":%s,"gender":%s,"email_verified_at":%s,"shopify_user_id":%s,'
        '"gateway_user_id":%s,"gateway_id":%s,"user_address_id":%s,"api_token":null,"birth":%s,"status":%s,'
        '"created_at":"%s","updated_at":"%s"}',
        userlock_http.member(own, 'id', 'number', 'null'),
        to_json((status).user_id),
        coalesce(to_json(coalesce(
            userlock_http.string_attribute(profile, 'displayName'),
            userlock_http.string_attribute(name, 'formatted'),
            nullif(concat_ws(' ', userlock_http.string_attribute(name, 'givenName'), userlock_http.string_attribute(name, 'familyName')), '')))::text, 'null'),
        coalesce(to_json(userlock_http.scim_primary(profile, 'emails'))::text, 'null'),
        coalesce(to_json(userlock_http.scim_primary(profile, 'phoneNumbers'))::text, 'null'),
        userlock_http.member(own, 'phone_code_id', 'number', 'null'),
        userlock_http.member(own, 'cpf', 'string', 'null'),
        userlock_http.member(own, 'state_id', 'number', 'null'),
        to_json(NOT userlock.is_blocked((status).state)),
        userlock_http.member(own, 'gender', 'string', 'null'),
        userlock_http.member(own, 'email_verified_at', 'string', 'null'),
        userlock_http.member(own, 'shopify_user_id', 'number', 'null'),
        userlock_http.member(own, 'gateway_user_id', 'string', 'null'),
        userlock_http.member(own, 'gateway_id', 'number', 'null'),
        userlock_http.member(own, 'user_address_id', 'number', 'null'),
        userlock_http.member(own, 'birth', 'string', 'null'),
        to_json(NOT userlock.is_blocked((status).state)),
        userlock_http.xekout_moment((status).created_at),
        userlock_http.xekout_moment((status).changed_at))
    FROM (SELECT profile -> 'urn:userlock:xekout' AS own, userlock_http.attribute(profile, 'name') AS name) AS kept
);

REVOKE EXECUTE ON FUNCTION userlock_http.xekout_user_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.xekout_user_json IS
'A user as Xekout has it: what the account says, the SCIM attributes of the profile, and what that has under urn:userlock:xekout; null where nothing is known. Tokens are always null. active and status: not blocked.';

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

CREATE FUNCTION userlock_xekout.get(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    outcome userlock.transition_outcome := userlock_http.try_status(userlock_http.xekout_uuid());
BEGIN
    IF outcome.sqlstate <> '00000' THEN
        RETURN userlock_http.xekout_refuse_outcome(outcome.sqlstate, 'user not found or not avaliable');
    END IF;
    RETURN convert_to(format('{"status":"success","code":200002,"user":%s}',
        userlock_http.xekout_user_json(outcome.status, userlock_http.profile(outcome.user_id))), 'UTF8');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_xekout.get FROM PUBLIC;
COMMENT ON FUNCTION userlock_xekout.get IS
'GET /v1/admin/users/:uuid';

CREATE FUNCTION userlock_xekout.list(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    query jsonb := userlock_http.query();
    is_paged boolean := query ?| ARRAY['page', 'perPage'];
    page integer := userlock_http.integer_parameter(query, 'page', 1);
    per_page integer := userlock_http.integer_parameter(query, 'perPage', CASE WHEN is_paged THEN 20 ELSE 10000 END);
    total bigint;
    users text;
BEGIN
    IF NOT userlock_http.may_list() THEN
        RETURN userlock_http.xekout_refuse_outcome('PT403', NULL);
    ELSIF query IS NULL OR page IS NULL OR page < 1 OR per_page IS NULL OR per_page NOT BETWEEN 1 AND 10000 THEN
        RETURN userlock_http.xekout_refuse(400000, 'bad request');
    END IF;

    SELECT string_agg(userlock_http.xekout_user_json(
        ROW(u.tenant, u.user_id, u.state, u.sequence, u.created_at, u.changed_at, u.locked_until, u.blocked_until)::userlock.user_status,
        userlock_http.profile(u.user_id, u.tenant)), ',' ORDER BY u.ordinality)
    INTO users
    FROM userlock.find_users(page_size => per_page, skip => (page - 1)::bigint * per_page) WITH ORDINALITY AS u;
    IF users IS NULL THEN
        RETURN userlock_http.xekout_refuse_outcome('PT404', 'users not found or not avaliable');
    ELSIF NOT is_paged THEN
        RETURN convert_to(format('{"status":"success","code":200003,"user":[%s]}', users), 'UTF8');
    END IF;
    total := userlock.count_users();
    RETURN convert_to(format('{"status":"success","code":200003,"user":[%1$s],"items":[%1$s],"total":%2$s,"perPage":%3$s,"page":%4$s,"lastPage":%5$s}',
        users, total, per_page, page, (total + per_page - 1) / per_page), 'UTF8');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_xekout.list FROM PUBLIC;
COMMENT ON FUNCTION userlock_xekout.list IS
'GET /v1/admin/users, in the order of their ids, up to 10000 users; with page or perPage (20 unless given) as newer clients have it.';
