--
-- Zitadel: zitadel.user.v2.UserService and zitadel.management.v1.ManagementService
--
-- zitadel_decide() makes the transition and judges what came of it, in terms of gRPC;
-- how that is told is another matter.
--

CREATE SCHEMA userlock_zitadel;

COMMENT ON SCHEMA userlock_zitadel IS
'The HTTP contract of Zitadel''s lock, unlock, deactivate and reactivate, user API v2 and management API v1.';

CREATE TYPE userlock_http.zitadel_verdict AS (
    code integer,
    message text,
    error_id text,
    status userlock.user_status
);

COMMENT ON TYPE userlock_http.zitadel_verdict IS
'code: of gRPC, 0 is success; message: without the id of the error, NULL: a success; error_id: NULL where the error has none; status: the user after a success.';

CREATE FUNCTION userlock_http.zitadel_problem(name text)
RETURNS userlock_http.zitadel_verdict
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE name
    WHEN 'missing_token' THEN ROW(16, 'auth header missing', NULL, NULL)::userlock_http.zitadel_verdict
    WHEN 'bad_token' THEN ROW(16, 'Errors.Token.Invalid', 'AUTH-7fs1e', NULL)::userlock_http.zitadel_verdict
    WHEN 'too_large' THEN ROW(8, 'Request Entity Too Large', NULL, NULL)::userlock_http.zitadel_verdict
    WHEN 'compressed' THEN ROW(12, 'compression is not supported', NULL, NULL)::userlock_http.zitadel_verdict
    WHEN 'malformed' THEN ROW(3, 'invalid request body', NULL, NULL)::userlock_http.zitadel_verdict
    ELSE ROW(13, 'internal error', NULL, NULL)::userlock_http.zitadel_verdict
END;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_problem FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_problem IS
'The verdict on a request that can be told without a user: missing_token, bad_token, too_large, compressed, malformed; any other name is an internal error.';

CREATE FUNCTION userlock_http.zitadel_decide(operation text, user_id text, body text)
RETURNS userlock_http.zitadel_verdict
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    organisation text := nullif(userlock_http.header('x-zitadel-orgid'), '');
    outcome userlock.transition_outcome;
    verdict userlock_http.zitadel_verdict;
    error record;
BEGIN
    IF organisation IS NOT NULL AND organisation <> ALL (userlock.caller_tenants()) THEN
        verdict := (7, 'Organisation doesn''t exist', 'AUTH-Bs7Ds', NULL);
        RETURN verdict;
    END IF;

    outcome := userlock.try_transition(
        CASE substr(operation, 4) WHEN 'deactivate' THEN 'block' WHEN 'reactivate' THEN 'unblock' ELSE substr(operation, 4) END,
        -- An id of NULL is refused, but not before the caller's permission is known.
        CASE body WHEN 'valid' THEN user_id END,
        tenant => organisation,
        expected_state => CASE substr(operation, 4) WHEN 'unlock' THEN 'locked' WHEN 'lock' THEN 'active' END::userlock.user_lock_state);

    IF outcome.sqlstate = '00000' THEN
        verdict.code := 0;
        verdict.status := outcome.status;
        RETURN verdict;
    END IF;

    SELECT * INTO STRICT error FROM (VALUES
        ('v2/unlock', 'UnlockUserRequest.UserId', 'AUTH-AWfge',
            'COMMAND-x377t913pw', 'COMMAND-olb9vb0oca', 'User is not locked'),
        ('v2/lock', 'LockUserRequest.UserId', 'AUTH-AWfge',
            'COMMAND-450yxuqrh1', 'COMMAND-lgws8wtsqf', 'User is not active or initial'),
        ('v2/deactivate', 'DeactivateUserRequest.UserId', 'AUTH-AWfge',
            'COMMAND-5gp2p62iin', 'COMMAND-5gunjw0cd7', 'User already inactive'),
        ('v2/reactivate', 'ReactivateUserRequest.UserId', 'AUTH-AWfge',
            'COMMAND-9hy5kzbuk6', 'COMMAND-s5qqcz97hf', 'User is not inactive'),
        ('v1/unlock', 'UnlockUserRequest.Id', 'AUTH-5mWD2',
            'COMMAND-M0dos', 'COMMAND-4M0ds', 'User is not locked'),
        ('v1/lock', 'LockUserRequest.Id', 'AUTH-5mWD2',
            'COMMAND-5M9fs', 'COMMAND-3NN8v', 'User is not active or initial'),
        ('v1/deactivate', 'DeactivateUserRequest.Id', 'AUTH-5mWD2',
            'COMMAND-3M9ds', 'COMMAND-5M0sf', 'User already inactive'),
        ('v1/reactivate', 'ReactivateUserRequest.Id', 'AUTH-5mWD2',
            'COMMAND-4M0sd', 'COMMAND-6M0sf', 'User is not inactive')
    ) AS e (operation, id_field, denied_id, not_found_id, refused_id, refused)
    WHERE e.operation = zitadel_decide.operation;

    CASE outcome.sqlstate
        WHEN 'PT400' THEN verdict := (9, error.refused, error.refused_id, NULL);
        WHEN 'PT401' THEN PERFORM userlock_http.reject_credential();
        WHEN 'PT403' THEN verdict := (7, 'No matching permissions found', error.denied_id, NULL);
        WHEN 'PT404' THEN verdict := (5, 'User could not be found', error.not_found_id, NULL);
        WHEN 'PT422' THEN
            IF length(user_id) NOT BETWEEN 1 AND 200 THEN
                verdict := (3, format('invalid %s: value length must be between 1 and 200 runes, inclusive', error.id_field), NULL, NULL);
            ELSE
                verdict := userlock_http.zitadel_problem(body);
            END IF;
        ELSE verdict := userlock_http.zitadel_problem('internal_error');
    END CASE;
    RETURN verdict;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_decide FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_decide IS
$$Makes a transition in Zitadel's terms and judges it.

operation: v1/ or v2/, then unlock, lock, deactivate or reactivate; user_id: empty where the request has none, or none that text can hold, NULL where the body hides it; body: valid, malformed, compressed or too_large. A transition is judged by the one state that Zitadel shows, in which inactive (blocked) hides locked. The organisation is the header x-zitadel-orgid, else the caller's.$$;

CREATE FUNCTION userlock_http.zitadel_validity(operation text, body json)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN body IS NOT NULL AND CASE
    WHEN operation LIKE 'v1/%' THEN coalesce(json_typeof(body -> 'id') IN ('string', 'null'), true)
    ELSE coalesce(json_typeof(body -> 'userId') IN ('string', 'null'), true)
        AND coalesce(json_typeof(body -> 'user_id') IN ('string', 'null'), true)
END THEN 'valid' ELSE 'malformed' END;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_validity FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_validity IS
'Is a body the JSON of the operation''s request message? valid or malformed.';

CREATE FUNCTION userlock_http.zitadel_full_message(verdict userlock_http.zitadel_verdict)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (verdict).message || coalesce(' (' || (verdict).error_id || ')', '');

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_full_message FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_full_message IS
'The message of an error with its id; NULL: a success.';

CREATE FUNCTION userlock_http.zitadel_details_json(operation text, status userlock.user_status)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN format(
    CASE WHEN operation LIKE 'v1/%'
        THEN '{"details":{"sequence":"%1$s","creationDate":"%2$s","changeDate":"%3$s","resourceOwner":%4$s}}'
        ELSE '{"details":{"sequence":"%1$s","changeDate":"%3$s","resourceOwner":%4$s,"creationDate":"%2$s"}}'
    END,
    (status).sequence, userlock_http.timestamp((status).created_at), userlock_http.timestamp((status).changed_at),
    to_json((status).tenant));

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_details_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_details_json IS
'The response message of an operation, in protobuf''s JSON mapping.';

CREATE FUNCTION userlock_http.zitadel_error_json(verdict userlock_http.zitadel_verdict)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN format('{"code":%s,"message":%s%s}',
    (verdict).code,
    to_json(userlock_http.zitadel_full_message(verdict)),
    CASE WHEN (verdict).error_id IS NOT NULL THEN
        format(',"details":[{"@type":"type.googleapis.com/zitadel.v1.ErrorDetail","id":%s,"message":%s}]',
            to_json((verdict).error_id), to_json((verdict).message))
    END);

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_error_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_error_json IS
'A google.rpc.Status in protobuf''s JSON mapping.';

CREATE FUNCTION userlock_http.zitadel_http_status(code integer)
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE code WHEN 3 THEN 400 WHEN 5 THEN 404 WHEN 7 THEN 403 WHEN 8 THEN 429 WHEN 9 THEN 400 WHEN 12 THEN 501 WHEN 16 THEN 401 ELSE 500 END;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_http_status FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_http_status IS
'The HTTP status that goes with an error code of gRPC.';

CREATE FUNCTION userlock_zitadel.rest(bytea)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    operation text := userlock_http.header('x-userlock-operation');
    verdict userlock_http.zitadel_verdict;
BEGIN
    verdict := userlock_http.zitadel_decide(operation, coalesce(userlock_http.user_id(), ''),
        userlock_http.zitadel_validity(operation, userlock_http.json_object($1)));
    IF verdict.message IS NULL THEN
        RETURN pg_catalog.convert_to(userlock_http.zitadel_details_json(operation, verdict.status), 'UTF8');
    END IF;
    RETURN userlock_http.refuse(userlock_http.zitadel_http_status(verdict.code), 'application/json',
        userlock_http.zitadel_error_json(verdict));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_zitadel.rest FROM PUBLIC;
COMMENT ON FUNCTION userlock_zitadel.rest IS
'POST /v2/users/{user_id}/unlock, lock, deactivate, reactivate; POST /management/v1/users/{id}/_unlock, _lock, _deactivate, _reactivate. nginx names the operation in the header x-userlock-operation, as v2/unlock.';

