--
-- The response, as PostgREST and nginx take it
--
-- What a contract's function returns is the body of status 200; nginx knows the
-- media type.  What comes to nginx with an error status comes from PostgREST (a
-- bad token, a database that is down) and is given the contract's shape there.
-- A refusal by the function must be told from that, so it comes with status 200
-- too: x-accel-redirect names the status, and x-userlock-body carries the body.
--

-- A function of this type answers every Accept header with bytes as they are.
CREATE DOMAIN userlock_http."*/*" AS bytea;

COMMENT ON DOMAIN userlock_http."*/*" IS
'The body of a response, of any media type; PostgREST looks for this name.';

CREATE FUNCTION userlock_http.no_content()
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('response.status', '204', true);
    RETURN '';
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.no_content FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.no_content IS
'Answers with status 204.';

CREATE FUNCTION userlock_http.refuse(status integer, media_type text, body text, challenge text DEFAULT '')
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('response.headers', json_build_array(
        json_build_object('x-accel-redirect', format('@refused_%s', status)),
        json_build_object('content-type', media_type),
        json_build_object('www-authenticate', challenge),
        json_build_object('x-userlock-body', body))::text, true);
    RETURN '';
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.refuse FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.refuse IS
'Answers with this error status (one that nginx has a location for), media type, body (ASCII, one line) and, if given, WWW-Authenticate challenge.';

CREATE FUNCTION userlock_http.ascii_json(value text)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT string_agg(CASE
        WHEN code BETWEEN 32 AND 126 THEN character
        WHEN code < 65536 THEN format('\u%s', lpad(to_hex(code), 4, '0'))
        -- A surrogate pair.
        ELSE format('\u%s\u%s', to_hex(55296 + (code - 65536) / 1024), to_hex(56320 + (code - 65536) % 1024))
    END, '' ORDER BY position)
    FROM string_to_table(to_json(value)::text, NULL) WITH ORDINALITY AS part (character, position), ascii(character) AS code
);

REVOKE EXECUTE ON FUNCTION userlock_http.ascii_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.ascii_json IS
'A string as JSON of printable ASCII, as userlock_http.refuse() takes it.';

CREATE FUNCTION userlock_http.compact(document jsonb)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_compact';

REVOKE EXECUTE ON FUNCTION userlock_http.compact FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.compact IS
'A document without spaces between its parts.';

CREATE FUNCTION userlock_http.timestamp(moment timestamptz)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_timestamp';

REVOKE EXECUTE ON FUNCTION userlock_http.timestamp FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.timestamp IS
'A finite moment as protobuf''s JSON mapping writes it: RFC 3339 in UTC, with 0, 3 or 6 digits of a fraction.';

