--
-- Zitadel: what is asked, and what comes of it
--
-- Each call is judged in terms of gRPC, on the fields of its request, and answered
-- with the fields of a response; how both travel is another matter.
--

CREATE TYPE userlock_http.zitadel_request AS (
    fields json,
    body text
);

COMMENT ON TYPE userlock_http.zitadel_request IS
'fields: the request message in protobuf''s JSON mapping, each field in camelCase and of its type, nothing that is unknown, NULL where the body is not valid; body: valid, malformed, compressed, too_large or too_deep.';

CREATE FUNCTION userlock_http.zitadel_read_json(operation text, message json)
RETURNS userlock_http.zitadel_request
LANGUAGE C IMMUTABLE PARALLEL SAFE  -- not STRICT: no message is a malformed one
AS 'MODULE_PATHNAME', 'userlock_http_zitadel_read_json';

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_read_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_read_json IS
'Reads the request message of a call, v1/... or v2/..., in protobuf''s JSON mapping. Names are in camelCase or with underscores; unknown members are skipped.';

CREATE TYPE userlock_http.zitadel_verdict AS (
    code integer,
    message text,
    error_id text,
    response json
);

COMMENT ON TYPE userlock_http.zitadel_verdict IS
'code: of gRPC, 0 is success; message: without the id of the error, NULL: a success; error_id: NULL where the error has none; response: after a success the response message, in protobuf''s JSON mapping.';

CREATE FUNCTION userlock_http.zitadel_problem(name text)
RETURNS userlock_http.zitadel_verdict
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE name
    WHEN 'missing_token' THEN ROW(16, 'auth header missing', NULL, NULL)::userlock_http.zitadel_verdict
    WHEN 'bad_token' THEN ROW(16, 'Errors.Token.Invalid', 'AUTH-7fs1e', NULL)::userlock_http.zitadel_verdict
    WHEN 'foreign_organisation' THEN ROW(7, 'Organisation doesn''t exist', 'AUTH-Bs7Ds', NULL)::userlock_http.zitadel_verdict
    WHEN 'too_large' THEN ROW(8, 'Request Entity Too Large', NULL, NULL)::userlock_http.zitadel_verdict
    WHEN 'compressed' THEN ROW(12, 'compression is not supported', NULL, NULL)::userlock_http.zitadel_verdict
    WHEN 'malformed' THEN ROW(3, 'invalid request body', NULL, NULL)::userlock_http.zitadel_verdict
    WHEN 'too_deep' THEN ROW(3, 'Errors.Query.TooManyNestingLevels', 'USER-zsQ97', NULL)::userlock_http.zitadel_verdict
    WHEN 'invalid_query' THEN ROW(3, 'List.Query.Invalid', 'GRPC-vR9nC', NULL)::userlock_http.zitadel_verdict
    ELSE ROW(13, 'internal error', NULL, NULL)::userlock_http.zitadel_verdict
END;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_problem FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_problem IS
'The verdict on a request that can be told without a user: missing_token, bad_token, foreign_organisation, too_large, compressed, malformed, too_deep, invalid_query; any other name is an internal error.';

CREATE FUNCTION userlock_http.zitadel_organisation()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(userlock_http.header('x-zitadel-orgid'), '');

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_organisation FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_organisation IS
'The tenant that the header x-zitadel-orgid names; NULL: the caller''s own.';

CREATE FUNCTION userlock_http.zitadel_refusal(operation text, sqlstate text, user_id text, body text)
RETURNS userlock_http.zitadel_verdict
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    verdict userlock_http.zitadel_verdict;
    error record;
BEGIN
    SELECT * INTO STRICT error FROM (VALUES
        ('v2/unlock', 'UnlockUserRequest.UserId', 'COMMAND-x377t913pw', 'COMMAND-olb9vb0oca', 'User is not locked'),
        ('v2/lock', 'LockUserRequest.UserId', 'COMMAND-450yxuqrh1', 'COMMAND-lgws8wtsqf', 'User is not active or initial'),
        ('v2/deactivate', 'DeactivateUserRequest.UserId', 'COMMAND-5gp2p62iin', 'COMMAND-5gunjw0cd7', 'User already inactive'),
        ('v2/reactivate', 'ReactivateUserRequest.UserId', 'COMMAND-9hy5kzbuk6', 'COMMAND-s5qqcz97hf', 'User is not inactive'),
        ('v2/get', 'GetUserByIDRequest.UserId', 'QUERY-Dfbg2', NULL, NULL),
        ('v2/list', NULL, NULL, NULL, NULL),
        ('v1/unlock', 'UnlockUserRequest.Id', 'COMMAND-M0dos', 'COMMAND-4M0ds', 'User is not locked'),
        ('v1/lock', 'LockUserRequest.Id', 'COMMAND-5M9fs', 'COMMAND-3NN8v', 'User is not active or initial'),
        ('v1/deactivate', 'DeactivateUserRequest.Id', 'COMMAND-3M9ds', 'COMMAND-5M0sf', 'User already inactive'),
        ('v1/reactivate', 'ReactivateUserRequest.Id', 'COMMAND-4M0sd', 'COMMAND-6M0sf', 'User is not inactive'),
        ('v1/get', 'GetUserByIDRequest.Id', 'QUERY-Dfbg2', NULL, NULL),
        ('v1/list', NULL, NULL, NULL, NULL)
    ) AS e (operation, id_field, not_found_id, refused_id, refused)
    WHERE e.operation = zitadel_refusal.operation;

    CASE sqlstate
        WHEN 'PT400' THEN verdict := (9, error.refused, error.refused_id, NULL);
        WHEN 'PT401' THEN PERFORM userlock_http.reject_credential();
        WHEN 'PT403' THEN verdict := (7, 'No matching permissions found', CASE WHEN operation LIKE 'v1/%' THEN 'AUTH-5mWD2' ELSE 'AUTH-AWfge' END, NULL);
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

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_refusal FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_refusal IS
'What stood against a call, v1/... or v2/..., by the sqlstate of its outcome; user_id and body: as the call was given them.';

CREATE FUNCTION userlock_http.zitadel_success(response json)
RETURNS userlock_http.zitadel_verdict
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- What is NULL is not there; and no spaces.
RETURN ROW(0, NULL, NULL, json_strip_nulls(response))::userlock_http.zitadel_verdict;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_success FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_success IS
'A success that answers with these fields; those of NULL are left out.';

CREATE FUNCTION userlock_http.zitadel_change(operation text, user_id text, body text)
RETURNS userlock_http.zitadel_verdict
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    organisation text := userlock_http.zitadel_organisation();
    transition text := substr(operation, 4);
    outcome userlock.transition_outcome;
BEGIN
    IF organisation <> ALL (userlock.caller_tenants()) THEN
        RETURN userlock_http.zitadel_problem('foreign_organisation');
    END IF;
    outcome := userlock.try_transition(
        CASE transition WHEN 'deactivate' THEN 'block' WHEN 'reactivate' THEN 'unblock' ELSE transition END,
        -- An id of NULL is refused, but not before the caller's permission is known.
        CASE body WHEN 'valid' THEN user_id END,
        tenant => organisation,
        expected_state => CASE transition WHEN 'unlock' THEN 'locked' WHEN 'lock' THEN 'active' END::userlock.user_lock_state);
    IF outcome.sqlstate <> '00000' THEN
        RETURN userlock_http.zitadel_refusal(operation, outcome.sqlstate, user_id, body);
    END IF;
    RETURN userlock_http.zitadel_success(json_build_object('details', userlock_http.zitadel_details(operation, outcome.status)));
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_change FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_change IS
$$Makes a transition in Zitadel's terms and judges it.

operation: v1/ or v2/, then unlock, lock, deactivate or reactivate; user_id: empty where the request has none, or none that text can hold, NULL where the body hides it; body: as in zitadel_request. A transition is judged by the one state that Zitadel shows, in which inactive (blocked) hides locked. The organisation is the header x-zitadel-orgid, else the caller's.$$;

CREATE FUNCTION userlock_http.zitadel_get(operation text, user_id text, body text)
RETURNS userlock_http.zitadel_verdict
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    organisation text := userlock_http.zitadel_organisation();
    outcome userlock.transition_outcome;
    shown json;
BEGIN
    IF organisation <> ALL (userlock.caller_tenants()) THEN
        RETURN userlock_http.zitadel_problem('foreign_organisation');
    END IF;
    outcome := userlock_http.try_status(CASE body WHEN 'valid' THEN user_id END, organisation);
    IF outcome.sqlstate <> '00000' THEN
        RETURN userlock_http.zitadel_refusal(operation, outcome.sqlstate, user_id, body);
    END IF;
    shown := userlock_http.zitadel_user(operation, outcome.status, userlock_http.profile(user_id, organisation));
    RETURN userlock_http.zitadel_success(CASE WHEN operation LIKE 'v1/%' THEN json_build_object('user', shown)
        ELSE json_build_object('details', shown -> 'details', 'user', shown) END);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_get FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_get IS
'Finds a user. operation: v1/get or v2/get; the rest as for zitadel_change(). The caller needs EXECUTE on userlock.user_status.';

CREATE FUNCTION userlock_http.zitadel_list(operation text, request userlock_http.zitadel_request)
RETURNS userlock_http.zitadel_verdict
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    tenants text[] := userlock.caller_tenants();
    organisation text := userlock_http.zitadel_organisation();
    filters jsonb;
    -- 100 users are shown unless told otherwise, and never more than 1000.
    page_size integer := least(coalesce(nullif(request.fields #>> '{query,limit}', '0'), '100')::bigint, 1000);
    skip bigint := least(coalesce(request.fields #>> '{query,offset}', '0')::numeric, 9223372036854775807);
    shown record;
    total bigint;
BEGIN
    IF organisation <> ALL (tenants) THEN
        RETURN userlock_http.zitadel_problem('foreign_organisation');
    END IF;
    IF NOT userlock_http.may_list() THEN
        RETURN userlock_http.zitadel_refusal(operation, 'PT403', NULL, NULL);
    END IF;
    IF request.body IS DISTINCT FROM 'valid' THEN
        RETURN userlock_http.zitadel_problem(request.body);
    END IF;

    organisation := coalesce(organisation,
        -- Whoever asks for one of their organisations by a query means that one.
        (SELECT q.query #>> '{organizationIdQuery,organizationId}' FROM json_array_elements(request.fields -> 'queries') AS q (query)
            WHERE q.query #>> '{organizationIdQuery,organizationId}' = ANY (tenants) LIMIT 1),
        tenants[1], current_setting('userlock.tenant'));
    filters := userlock_http.zitadel_filters(request.fields, operation, organisation);
    IF filters IS NULL THEN
        RETURN userlock_http.zitadel_problem('invalid_query');
    END IF;

    SELECT count(*) AS users, max(u.sequence) AS sequence, json_agg(
        userlock_http.zitadel_user(operation,
            (u.tenant, u.user_id, u.state, u.sequence, u.created_at, u.changed_at, u.locked_until, u.blocked_until),
            userlock_http.profile(u.user_id, u.tenant))
        ORDER BY u.ordinality) AS result
    INTO shown
    FROM userlock.find_users(jsonb_build_object('and', filters),
        userlock_http.zitadel_order(request.fields ->> 'sortingColumn'),
        coalesce(request.fields #>> '{query,asc}', 'false') <> 'true',
        page_size, skip, organisation) WITH ORDINALITY AS u;
    -- The last page tells how many there are.
    total := CASE WHEN shown.users < page_size AND (shown.users > 0 OR skip = 0) THEN skip + shown.users
        ELSE userlock.count_users(jsonb_build_object('and', filters), organisation) END;
    RETURN userlock_http.zitadel_success(json_build_object(
        'details', json_build_object(
            'totalResult', nullif(total, 0)::text,
            'processedSequence', shown.sequence::text,
            CASE WHEN operation LIKE 'v1/%' THEN 'viewTimestamp' ELSE 'timestamp' END, userlock_http.timestamp(now())),
        'result', shown.result));
EXCEPTION WHEN SQLSTATE 'PT422' THEN
    -- A filter too long.
    RETURN userlock_http.zitadel_problem('invalid_query');
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_list FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_list IS
$$Finds users. operation: v1/list or v2/list.

The organisation is the header x-zitadel-orgid, else one of the caller's that the queries name, else the caller's own. The caller needs EXECUTE on userlock.find_users and userlock.count_users.$$;

CREATE FUNCTION userlock_http.zitadel_full_message(verdict userlock_http.zitadel_verdict)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (verdict).message || coalesce(' (' || (verdict).error_id || ')', '');

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_full_message FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_full_message IS
'The message of an error with its id; NULL: a success.';

CREATE FUNCTION userlock_http.zitadel_http_status(code integer)
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE code WHEN 3 THEN 400 WHEN 5 THEN 404 WHEN 7 THEN 403 WHEN 8 THEN 429 WHEN 9 THEN 400 WHEN 12 THEN 501 WHEN 16 THEN 401 ELSE 500 END;

REVOKE EXECUTE ON FUNCTION userlock_http.zitadel_http_status FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.zitadel_http_status IS
'The HTTP status that goes with an error code of gRPC.';

