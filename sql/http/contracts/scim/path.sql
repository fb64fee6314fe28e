--
-- SCIM: what a path names, and what a filter asks for (RFC 7644, 3.5.2 and 3.4.2.2)
--

CREATE FUNCTION userlock_http.scim_path(path text)
RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_scim_path';

REVOKE EXECUTE ON FUNCTION userlock_http.scim_path FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_path IS
'What a path names: schema, attribute, where, sub, as far as they are there, in the case they were written in; a schema alone has no attribute. where: an array of attribute and value, of which all hold. NULL: it is no path, or has more than 1 MiB.';

CREATE FUNCTION userlock_http.scim_filter(filter text)
RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_http_scim_filter';

REVOKE EXECUTE ON FUNCTION userlock_http.scim_filter FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_filter IS
'The comparisons of a filter, of which all hold: an array of what scim_path() gives and value, a string or boolean; without value where there is but a where. NULL: it is not understood, which takes eq and and alone.';
