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

-- What is of its type, spelt as the schema spells it; NULL: nothing.
SELECT n, userlock_http.scim_shown(document::jsonb) FROM (VALUES
    (1, '{}'), (2, '{"USERNAME": "a", "title": 5, "nickName": "", "locale": null, "unknown": "x", "id": "i", "meta": {}, "groups": [], "active": true, "schemas": []}'),
    (3, '{"name": {"GIVENNAME": "G", "familyName": 5, "other": "x"}, "displayName": ["x"]}'), (4, '{"name": "G", "emails": "a@b"}'),
    (5, '{"emails": [{"value": "a", "primary": "True", "Type": "work"}, {"value": "b", "primary": true}, 5, null, {}, "c", {"other": 1}]}'),
    (6, '{"emails": {"value": "a", "primary": "no"}, "phoneNumbers": []}'), (7, '{"addresses": [{"country": "DE", "primary": true}, "x"]}'),
    (8, '{"urn:x:1.0:y": {"a": null, "b": 1}, "urn:z": {"a": null}, "urn:w": "x", "urn:userlock:zitadel": {"a": 1}, "URN:V": {"a": 1}, "urn:ietf:params:scim:schemas:core:2.0:User": {"a": 1}}'),
    (9, '{"userName": "right", "username": "wrong", "USERNAME": "wrong"}'), (10, '{"title": "Wrong", "Title": 5}'), (11, NULL)) AS v (n, document) ORDER BY n;

-- What SCIM does not see stays.
SELECT userlock_http.scim_kept('{"title": "a", "NICKNAME": "n", "locale": 5, "unknown": 1, "urn:userlock:zitadel": {"a": 1}, "urn:x": {"a": 1}}', '{"title": "b"}'),
    userlock_http.scim_kept(NULL, '{"title": "b"}'), userlock_http.scim_kept('{"locale": 5}', '{"locale": "en"}');
-- Also of values: as long as they are the same, or the attribute has but one.
SELECT n, userlock_http.scim_kept(document::jsonb, attributes::jsonb) FROM (VALUES
    (1, '{"NAME": {"GIVENNAME": "G", "x": 1}}', '{"name": {"givenName": "G"}}'), (2, '{"NAME": {"GIVENNAME": "G", "x": 1}}', '{"name": {"familyName": "F"}}'),
    (3, '{"name": {"x": 1}}', '{"name": {"givenName": "G"}}'), (4, '{"name": {"givenName": "G", "x": 1}}', '{}'),
    (5, '{"emails": [{"value": "a", "x": 1}, {"Value": "b", "x": 2}, {"value": "b", "x": 3}, "c", 5, {"x": 4}]}', '{"emails": [{"value": "c"}, {"value": "b"}, {"value": "d"}]}'),
    (6, '{"emails": {"value": "a", "display": 5, "x": 1}}', '{"emails": [{"value": "a", "type": "work"}]}'),
    (7, '{"addresses": [{"country": "DE", "x": 1}]}', '{"addresses": [{"country": "FR"}]}')
) AS v (n, document, attributes) ORDER BY n;

-- What operations make of attributes.
SELECT n, p.* FROM (VALUES
    -- One value.
    (1, '{"title": "a"}', '[{"op": "add", "path": "title", "value": "b"}]'),
    (2, '{}', '[{"op": "REPLACE", "path": "TITLE", "value": "b"}]'),
    (3, '{"title": "a"}', '[{"op": "remove", "path": "title"}]'),
    (4, '{"title": "a"}', '[{"op": "replace", "path": "title", "value": ""}]'),
    (5, '{"title": "a"}', '[{"op": "replace", "path": "title", "value": null}]'),
    (6, '{"title": "a"}', '[{"op": "replace", "path": "title"}]'),
    (7, '{"title": "a"}', '[{"op": "replace", "path": "title", "value": 5}]'),
    (8, '{"title": "a"}', '[{"op": "replace", "path": "title[type eq \"x\"]", "value": "b"}]'),
    -- Parts of one.
    (10, '{"name": {"givenName": "G", "familyName": "F"}}', '[{"op": "replace", "path": "name.GivenName", "value": "H"}]'),
    (11, '{}', '[{"op": "add", "path": "name.givenName", "value": "H"}]'),
    (12, '{"name": {"givenName": "G", "familyName": "F"}}', '[{"op": "replace", "path": "name", "value": {"givenName": "H"}}]'),
    (13, '{"name": {"givenName": "G", "familyName": "F"}}', '[{"op": "replace", "path": "name", "value": {"givenName": null, "formatted": "X"}}]'),
    (14, '{"name": {"givenName": "G"}}', '[{"op": "remove", "path": "name.givenName"}]'),
    (15, '{"name": {"givenName": "G"}}', '[{"op": "replace", "path": "name.unknown", "value": "x"}]'),
    (16, '{"name": {"givenName": "G"}}', '[{"op": "replace", "path": "name.givenName", "value": 5}]'),
    -- Several values.
    (20, '{}', '[{"op": "add", "path": "emails", "value": [{"value": "a", "type": "work"}]}]'),
    (21, '{"emails": [{"value": "a"}]}', '[{"op": "add", "path": "emails", "value": [{"value": "a"}, {"value": "b"}]}]'),
    (22, '{"emails": [{"value": "a"}]}', '[{"op": "add", "path": "emails", "value": {"value": "b"}}]'),
    (23, '{"emails": [{"value": "a"}]}', '[{"op": "replace", "path": "emails", "value": [{"value": "b"}]}]'),
    (24, '{"emails": [{"value": "a"}, {"value": "b"}]}', '[{"op": "remove", "path": "emails", "value": [{"value": "a"}]}]'),
    (25, '{"emails": [{"value": "a"}]}', '[{"op": "remove", "path": "emails"}]'),
    (26, '{"emails": [{"value": "a"}]}', '[{"op": "replace", "path": "emails", "value": []}]'),
    (29, '{"emails": [{"value": "a"}]}', '[{"op": "add", "path": "emails", "value": []}]'),
    (27, '{"emails": [{"value": "a", "primary": true}]}', '[{"op": "add", "path": "emails", "value": [{"value": "b", "primary": true}]}]'),
    (28, '{"emails": [{"value": "a"}, {"value": "b"}]}', '[{"op": "replace", "path": "emails.type", "value": "work"}]'),
    -- Those that a filter chooses.
    (30, '{"emails": [{"value": "a", "type": "work"}, {"value": "b", "type": "home"}]}', '[{"op": "replace", "path": "emails[type eq \"WORK\"].value", "value": "c"}]'),
    (31, '{"emails": [{"value": "b", "type": "home"}]}', '[{"op": "add", "path": "emails[type eq \"work\"].value", "value": "c"}]'),
    (32, '{}', '[{"op": "replace", "path": "emails[type eq \"work\" and primary eq True].value", "value": "c"}]'),
    (33, '{"emails": [{"value": "a", "type": "work"}, {"value": "b"}]}', '[{"op": "remove", "path": "emails[type eq \"work\"]"}]'),
    (34, '{"emails": [{"value": "a", "type": "work"}]}', '[{"op": "remove", "path": "emails[type eq \"work\"]"}]'),
    (35, '{"emails": [{"value": "a", "type": "work"}]}', '[{"op": "remove", "path": "emails[type eq \"home\"].value"}]'),
    (36, '{"emails": [{"value": "a", "type": "work"}]}', '[{"op": "remove", "path": "emails[type eq \"work\"].type"}]'),
    (37, '{"emails": [{"value": "a", "type": "work"}]}', '[{"op": "replace", "path": "emails[type eq \"work\"]", "value": {"value": "b", "display": "B"}}]'),
    (38, '{"emails": [{"value": "a", "primary": true}, {"value": "b", "type": "home"}]}', '[{"op": "replace", "path": "emails[type eq \"home\"].primary", "value": "True"}]'),
    (39, '{"roles": [{"value": "r", "primary": true}]}', '[{"op": "replace", "path": "roles[primary eq \"True\"].value", "value": "s"}]'),
    (40, '{"emails": [{"value": "a", "type": "work"}]}', '[{"op": "replace", "path": "emails[type eq \"work\"].value", "value": ""}]'),
    -- Extensions.
    (50, '{}', '[{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "D"}]'),
    (51, '{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "D", "manager": {"value": "m"}}}',
        '[{"op": "remove", "path": "URN:ietf:params:scim:schemas:extension:enterprise:2.0:user:DEPARTMENT"}, {"op": "replace", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "value": ""}]'),
    (52, '{}', '[{"op": "replace", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "value": "m"}]'),
    (53, '{}', '[{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName", "value": "M"}]'),
    (54, '{"urn:x:1.0:Y": {"a": 1, "b": 2}}', '[{"op": "replace", "path": "urn:x:1.0:Y", "value": {"b": 3, "c": 4}}]'),
    (55, '{"urn:x:1.0:Y": {"a": 1}}', '[{"op": "remove", "path": "urn:x:1.0:Y"}]'),
    (56, '{"urn:x:1.0:Y": {"a": 1}}', '[{"op": "replace", "path": "urn:x:1.0:Y", "value": "z"}]'),
    (57, '{"urn:x:1.0:Y": {"a": [1]}}', '[{"op": "add", "path": "urn:x:1.0:Y:a", "value": 2}]'),
    (58, '{}', '[{"op": "add", "path": "urn:userlock:zitadel:a", "value": 2}]'),
    -- Without a path.
    (60, '{"title": "a"}', '[{"op": "replace", "value": {"title": "b", "name.givenName": "G", "emails[type eq \"work\"].value": "e", "unknown": 1, "!": 1,'
        ' "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber": "7", "urn:ietf:params:scim:schemas:core:2.0:User:nickName": "N"}}]'),
    (61, '{}', '[{"op": "add", "value": {"urn:x:1.0:Y": {"a": 1}, "name": {"givenName": "G"}}}]'),
    -- What passes by, and what is wrong.
    (70, '{"title": "a"}', '[{"op": "replace", "path": "unknown", "value": 1}, {"op": "remove", "path": "id"}, {"op": "add", "path": "groups", "value": []}]'),
    (71, '{"title": "a"}', '[{"op": "remove"}]'), (72, '{"title": "a"}', '[{"op": "replace", "value": "x"}]'), (73, '{"title": "a"}', '[{"op": "move", "path": "title"}, {"op": "replace", "path": "title", "value": "b"}]'),
    (74, '{"title": "a"}', '[{"path": "title", "value": "b"}]'), (75, '{"title": "a"}', '[{"op": "replace", "path": "a b", "value": "b"}]'), (76, '{"title": "a"}', '[5, null, [], {}]'),
    (77, '{"title": "a"}', '[{"op": 5, "path": "title"}]'), (78, '{"title": "a"}', '[{"op": "remove", "path": 5}]'),
    -- Active.
    (80, '{}', '[{"op": "Replace", "path": "active", "value": "False"}]'), (81, '{}', '[{"op": "add", "path": "ACTIVE", "value": true}]'),
    (82, '{}', '[{"op": "replace", "value": {"active": false}}]'), (83, '{}', '[{"op": "replace", "value": {"urn:ietf:params:scim:schemas:core:2.0:User:active": "TRUE"}}]'),
    (84, '{}', '[{"op": "remove", "path": "active"}]'), (85, '{}', '[{"op": "replace", "path": "active", "value": "no"}]'), (86, '{}', '[{"op": "replace", "path": "active", "value": null}]'),
    (87, '{}', '[{"op": "replace", "path": "active", "value": "x"}, {"op": "replace", "path": "active", "value": false}]'),
    (88, '{}', '[{"op": "replace", "path": "active", "value": false}, {"op": "replace", "path": "active", "value": "x"}]'),
    (89, '{"title": "a"}', '[{"op": "replace", "path": "active", "value": false}, {"op": "replace", "path": "title", "value": 5}, {"op": "replace", "path": "nickName", "value": "n"}]'),
    (90, '{}', '[{"op": "replace", "path": "urn:x:1.0:Y:active", "value": false}]')
) AS v (n, attributes, operations), LATERAL userlock_http.scim_patch(v.operations::jsonb, v.attributes::jsonb) AS p ORDER BY n;

-- How users are found.
SELECT v.filter AS given, f.* FROM unnest(ARRAY[NULL, '', 'userName eq "a"', 'USERNAME eq a and active eq "False"', 'active eq true', 'active eq maybe', 'id eq 5', 'externalId eq "e"',
    'emails.value eq "a"', 'emails eq "a"', 'emails[type eq "work"].value eq "a"', 'emails[type eq "work" and value eq "a"]', 'emails[type eq "work"]', 'emails.type eq "work"',
    'name.givenName eq "a"', 'title eq "a"', 'urn:ietf:params:scim:schemas:core:2.0:User:userName eq "a"', 'urn:x:1.0:Y:userName eq "a"', 'userName[type eq "a"] eq "b"', 'userName co "a"'])
    WITH ORDINALITY AS v (filter, n), LATERAL userlock_http.scim_find(v.filter) AS f ORDER BY n;
DROP EXTENSION userlock_http;
