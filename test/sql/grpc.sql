-- The codec of gRPC, gRPC-Web and Connect, byte by byte; the vectors are Zitadel's.
CREATE EXTENSION userlock_http;

-- Requests, in a frame and without: the id is field 1.
SELECT userlock_http.zitadel_rpc_read('v2/unlock', '\x00000000130a113639363239303233393036343838303031', true),
    userlock_http.zitadel_rpc_read('v1/unlock', '\x0a113639363239303233393036343838303031', false);
CREATE FUNCTION read(message bytea) RETURNS text LANGUAGE sql
RETURN userlock_http.zitadel_rpc_read('v2/get', userlock_http.grpc_frame(message), true)::text;

-- Frames: truncated, of wrong lengths, two of them, with unknown flags, compressed.
SELECT body, userlock_http.zitadel_rpc_read('v2/get', body, true) FROM unnest(ARRAY[
    '\x', '\x00', '\x00000000', '\x0000000000',
    '\x0000000001', '\x00000000040a0161', '\x00000000020a0161', '\x000000000000', '\x00ffffffff0a0161', '\x00000100030a0161',
    '\x00000000030a016100000000030a0161', '\x00000000030a01610000000000',
    '\x02000000030a0161', '\x80000000030a0161', '\x81000000030a0161',
    '\x01000000030a0161', '\x0100000000', '\x01000000040a0161']::bytea[]) WITH ORDINALITY AS b (body, n) ORDER BY n;

-- Messages: empty, an empty id, fields that are unknown, of each wire type, before and after; the last id counts.
SELECT message, read(message) FROM unnest(ARRAY[
    '\x', '\x0a00', '\x0a0161', '\x0a01610a0162', '\x0a01610a00',
    '\x10010a0161', '\x0a01611001', '\x12026262', '\x0a01611501020304190102030405060708', '\xfaffffff0f00']::bytea[]) WITH ORDINALITY AS m (message, n) ORDER BY n;

-- Malformed messages: broken off, too long, the wrong type, a group, a tag that never ends.
SELECT message, read(message) FROM unnest(ARRAY[
    '\x0a', '\x0a01', '\x0a026161ff', '\x0a02', '\x0affffffff0f61', '\x0affffffffffffffffff0161', '\x0801', '\x0a01611308011a',
    '\x0b0c', '\x0f', '\xffffffffffffffffffff01', '\x10', '\x1500', '\x1900000000', '\x12ffff']::bytea[]) WITH ORDINALITY AS m (message, n) ORDER BY n;

-- Ids that are not UTF-8, or have a NUL.
SELECT message, read(message) FROM unnest(ARRAY[
    '\x0a01ff', '\x0a02c3bc', '\x0a01c3', '\x0a0100', '\x0a03610062', '\x0a03eda080', '\x0a02c080']::bytea[]) WITH ORDINALITY AS m (message, n) ORDER BY n;

-- Long ids come as they are; a message of more than 1 MiB does not. Unknown fields cost nothing.
CREATE FUNCTION with_id(length integer) RETURNS bytea LANGUAGE sql
RETURN '\x0a'::bytea || set_byte(set_byte(set_byte('\x000000', 0, length & 127 | 128), 1, length >> 7 & 127 | 128), 2, length >> 14)
    || convert_to(repeat('x', length), 'UTF8');
SELECT length, length((request).fields ->> 'userId'), (request).body
FROM unnest(ARRAY[0, 200, 201, 100000, 1048572, 1048573, 2000000]) AS length, userlock_http.zitadel_rpc_read('v2/get', with_id(length), false) AS request;
SELECT (userlock_http.zitadel_rpc_read('v2/get', userlock_http.grpc_frame(convert_to(repeat('x', 4000000), 'UTF8')), true)).body;
SELECT count, (userlock_http.zitadel_rpc_read('v2/get', decode(repeat('1001', count), 'hex'), false)).* FROM unnest(ARRAY[300, 500000]) AS count;

-- The JSON form, which is told alike.
SELECT body, userlock_http.zitadel_rpc_read_connect_json('v2/get', body::bytea) FROM unnest(ARRAY[
    '', '{}', '{"userId":"a"}', '{"user_id":"a"}', '{"userId":null}', '{"userId":5}', '{"x":[1]}', '{"userId":"a","x":{}}', '[]', '{']) WITH ORDINALITY AS b (body, n) ORDER BY n;
SELECT (userlock_http.zitadel_rpc_read_connect_json('v2/get', convert_to('{"userId":"' || repeat('x', length - 13) || '"}', 'UTF8'))).body
FROM unnest(ARRAY[1048576, 1048577]) AS length;
SELECT userlock_http.zitadel_read_json('v1/get', '{"id":"a","userId":"b"}'), userlock_http.zitadel_read_json('v1/get', NULL);

-- A list's: both forms come to the same, in one spelling.
SELECT (userlock_http.zitadel_rpc_read('v2/list', message, false)).* FROM unnest(ARRAY[
    '\x', '\x0a0608071014180110091a043a020804', '\x1a090a070a01611a003a00', '\x1a00',
    '\x1a0512030a0161', '\x1a0a52080a01610a01620a00', '\x1a040a0201ff', '\x1a']::bytea[]) WITH ORDINALITY AS m (message, n) ORDER BY n;
SELECT (userlock_http.zitadel_read_json('v2/list', message)).* FROM unnest(ARRAY[
    '{"query": {"offset": 7, "limit": "20", "asc": true}, "sorting_column": 9, "queries": [{"state_query": {"state": "USER_STATE_LOCKED"}}]}',
    '{"queries": [{"phoneQuery": {}}, {"inUserIdsQuery": {"userIds": ["a", "\u00fc"]}}]}',
    '{"queries": [{"stateQuery": {"state": 6}}, {"stateQuery": {"state": 99}}]}',
    '{"queries": [{"stateQuery": {"state": "LOCKED"}}]}', '{"queries": {}}']::json[]) WITH ORDINALITY AS m (message, n) ORDER BY n;
-- Queries nested 20 deep, and deeper.
SELECT depth, (userlock_http.zitadel_read_json('v2/list',
    ('{"queries":[' || repeat('{"orQuery":{"queries":[', depth) || '{"stateQuery":{}}' || repeat(']}}', depth) || ']}')::json)).body
FROM unnest(ARRAY[20, 21, 200]) AS depth;
-- What is no call is a mistake of ours.
SELECT userlock_http.zitadel_rpc_read('v2/nothing', '', false);

-- Responses.
SELECT api, userlock_http.grpc_frame(userlock_http.zitadel_rpc_write(api || '/unlock', json_build_object('details',
    userlock_http.zitadel_details(api || '/unlock', ('69629023906488334', 'x', 'active', 2, '2025-03-31 10:57:48.479Z', '2025-03-31 10:57:48.479Z', NULL, NULL)))))
FROM unnest(ARRAY['v2', 'v1']) AS api;
-- The two dates in their places; moments before 1970, of microseconds.
SELECT api, userlock_http.zitadel_rpc_write(api || '/lock', json_build_object('details',
    userlock_http.zitadel_details(api || '/lock', ('a', 'x', 'active', 9223372036854775807, '1970-01-01Z', '1969-12-31 23:59:59.999999Z', NULL, NULL))))
FROM unnest(ARRAY['v2', 'v1']) AS api;
-- A human of whom nothing is known: four fields are there all the same in v2, and none in v1.
SELECT userlock_http.zitadel_rpc_write('v2/get', json_strip_nulls(json_build_object('user', json_build_object('human', userlock_http.zitadel_human('v2/get', NULL))))) AS v2,
    userlock_http.zitadel_rpc_write('v1/get', json_strip_nulls(json_build_object('user', json_build_object('human', userlock_http.zitadel_human('v1/get', NULL))))) AS v1;
SELECT userlock_http.zitadel_rpc_write('v2/lock', '{"details":{"sequence":"x"}}');
SELECT userlock_http.zitadel_rpc_write('v2/nothing', '{}');

-- Errors.
CREATE FUNCTION refused() RETURNS userlock_http.zitadel_verdict LANGUAGE sql
RETURN (9, 'User is not locked', 'COMMAND-olb9vb0oca', NULL)::userlock_http.zitadel_verdict;
SELECT userlock_http.base64(userlock_http.zitadel_rpc_status(refused()));
SELECT userlock_http.zitadel_rpc_connect_error(refused());
SELECT userlock_http.zitadel_rpc_status(userlock_http.zitadel_problem('missing_token')) IS NULL AS without_id;
SELECT userlock_http.grpc_web_trailers(0, NULL, NULL);
SELECT userlock_http.grpc_web_trailers(16, 'auth header missing', NULL);
SELECT substr(frame, 1, 5) AS header, length(frame), convert_from(substr(frame, 6), 'UTF8') AS lines
FROM userlock_http.grpc_web_trailers(9, 'User is not locked (COMMAND-olb9vb0oca)',
    userlock_http.zitadel_rpc_status(refused())) AS frame;

-- What headers carry: base64 has no padding and no line breaks.
SELECT userlock_http.grpc_message(message) FROM unnest(ARRAY['', 'plain ~', '100%', E'a\nb\t', 'jürgen', '😀']) AS message;
SELECT length, userlock_http.base64(bytes)
FROM unnest(ARRAY[0, 1, 2, 3, 4, 100]) AS length, substr(decode(repeat('00ff7f80fbef', 20), 'hex'), 1, length) AS bytes;

DROP FUNCTION read, with_id, refused;
DROP EXTENSION userlock_http;
