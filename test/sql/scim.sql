-- What SCIM's paths and filters name, as SQL has it.
CREATE EXTENSION userlock_http;

-- Paths of PATCH; NULL where it is none.
SELECT path, userlock_http.scim_path(path) FROM unnest(ARRAY[
    'active', 'Active', '$ref', 'name.givenName', ' userName ',
    'emails[type eq "work"]', 'emails[type eq "work"].value', 'emails[ Type EQ work ].value',
    'addresses[type eq "work" and primary eq true]', 'roles[primary eq "True"]',
    'urn:ietf:params:scim:schemas:core:2.0:User:name.givenName',
    'urn:ietf:params:scim:schemas:core:2.0:User:emails[value eq "urn:x:y"].type',
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager',
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User',
    'URN:example:devices:serial',
    '', ' ', '.', 'a.b.c', 'a b', '1', 'urn:', 'urn:x', 'urn:ietf:params:scim:schemas:core:2.0:User.name',
    'emails[]', 'emails[type eq "work"', 'emails[type pr]', 'emails[type eq "work" or type eq "home"]',
    'emails[type eq null]', 'emails[0].value', U&'m\00FCller']) WITH ORDINALITY AS p (path, n) ORDER BY n;

-- Filters; NULL where it is not understood.
SELECT filter, userlock_http.scim_filter(filter) FROM unnest(ARRAY[
    'userName eq "x"', 'USERNAME EQ "x"', 'externalId eq jyoung', 'active eq True', 'active eq "True"',
    'emails.value eq "a@b"', 'emails[type eq "work"].value eq "a@b"  AND  active eq true',
    'emails[type eq "work" and value eq "a@b"]', 'emails[type eq "work"] and id eq 5',
    'urn:ietf:params:scim:schemas:core:2.0:User:userName eq "x"',
    '', 'userName', 'userName eq', 'userName eq null', 'userName ne "x"', 'userName co "x"', 'title pr',
    'userName eq "x" or active eq true', 'not (active eq true)', '(userName eq "x")', 'userName eq "x" and',
    'userName eq "x"and active eq true', 'urn:ietf:params:scim:schemas:core:2.0:User eq "x"',
    'emails[type eq "work"].value', '"userName" eq "x"']) WITH ORDINALITY AS f (filter, n) ORDER BY n;

-- Strings are JSON's: decoded, and refused where no text could hold them.
SELECT value, userlock_http.scim_filter('a eq ' || value) -> 0 ->> 'value' IS NOT DISTINCT FROM wanted AS as_wanted FROM (VALUES
    ('"\"\\\/"', '"\/'), ('"\b\f\n\r\t"', E'\b\f\n\r\t'), ('"\u00e9\uD83D\uDE00"', U&'\00E9\+01F600'),
    (U&'"\00E9"', U&'\00E9'), (U&'\00E9', U&'\00E9'), ('\"', NULL), ('a\b', 'a\b'), ('""', ''),
    ('"\u0000"', NULL), ('"\ud83d"', NULL), ('"\ude00"', NULL), ('"\x"', NULL), (E'"\t"', NULL), ('"', NULL), ('"a"b"', NULL)) AS v (value, wanted);

-- As many as there may be, and one more.
SELECT n, userlock_http.scim_path('a[' || substr(repeat(' and b eq c', n), 6) || ']') IS NOT NULL AS conditions,
    userlock_http.scim_filter(substr(repeat(' and b eq c', n), 6)) IS NOT NULL AS comparisons
FROM unnest(ARRAY[1, 8, 9, 20, 21]) AS n;
SELECT length, length(userlock_http.scim_filter('a eq ' || repeat('\', length)) -> 0 ->> 'value') AS value,
    length(userlock_http.scim_path(repeat('a', length)) ->> 'attribute') AS attribute
FROM unnest(ARRAY[16384, 1048571, 1048572, 1048576, 1048577]) AS length;
SELECT length, userlock_http.scim_path('a' || repeat('[', length)), userlock_http.scim_filter(repeat('(', length)) FROM unnest(ARRAY[1000000]) AS length;

-- Nothing comes of nothing.
SELECT userlock_http.scim_path(NULL), userlock_http.scim_filter(NULL);
DROP EXTENSION userlock_http;
