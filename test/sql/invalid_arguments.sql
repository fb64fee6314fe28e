SET search_path = public, userlock, userlock_private;
-- Bad input: a clear error each, and nothing changed.
SELECT state FROM register_user('alice');
CREATE FUNCTION pg_temp.refuse(statement text)
RETURNS TABLE (code text, "constraint" text, message text, detail text, hint text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RAISE EXCEPTION 'not refused: %', statement;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT, "constraint" = CONSTRAINT_NAME;
    RETURN NEXT;
END $$;

-- Ids and tenants, for every function that takes them.
SELECT f.name, argument.name, code, "constraint", message, detail, hint
FROM unnest('{register_user,lock_user,unlock_user,block_user,unblock_user,delete_user,revoke_access,user_status}'::text[]) AS f(name)
CROSS JOIN (VALUES
    ('null id', $$NULL$$), ('empty id', $$''$$), ('long id', $$repeat('x', 201)$$), ('long id, wide', $$repeat('ä', 201)$$),
    ('empty tenant', $$'alice', tenant => ''$$), ('long tenant', $$'alice', tenant => repeat('x', 201)$$)) AS argument(name, value)
CROSS JOIN LATERAL pg_temp.refuse(format('SELECT %s(%s)', f.name, argument.value))
ORDER BY f.name, argument.name;

-- 200 characters are fine, however many bytes they take.
SELECT length(user_id), octet_length(user_id), length(tenant) FROM register_user(repeat('ä', 200), tenant => repeat('€', 200));
SELECT state FROM lock_user(repeat('ä', 200), tenant => repeat('€', 200));

-- Ends.
SELECT f.name, argument.value, code, "constraint", message, detail
FROM unnest('{lock_user,block_user}'::text[]) AS f(name)
CROSS JOIN (VALUES ('-infinity'), ('2000-01-01'), ('now')) AS argument(value)
CROSS JOIN LATERAL pg_temp.refuse(format('SELECT %s(%L, until => %L)', f.name, 'alice', argument.value));
SELECT code, message FROM pg_temp.refuse($$SELECT lock_user('alice', until => 'tomorrowish')$$);

-- Documents.
SELECT argument.value, code, "constraint", message, detail, hint
FROM (VALUES ('[]'), ('1'), ('null'), ('"text"')) AS argument(value)
CROSS JOIN LATERAL pg_temp.refuse(format('SELECT lock_user(%L, details => %L)', 'alice', argument.value));
SELECT code, "constraint", message, detail, hint FROM pg_temp.refuse($$SELECT register_user('bob', profile => '[]')$$);
SELECT code, message FROM pg_temp.refuse($$SELECT lock_user('alice', details => '{')$$);

-- What is kept in a caller's words is bounded, as it is shown and not as it is sent: 1e131071 has 131072 digits.
SELECT f.name, argument.name, code, "constraint", message, detail, hint
FROM unnest('{lock_user,unlock_user,block_user,unblock_user,delete_user,revoke_access}'::text[]) AS f(name)
CROSS JOIN (VALUES
    ('long reason', $$reason => repeat('ä', 1001)$$), ('long details', $$details => jsonb_build_object('a', repeat('x', 8185))$$),
    ('details with a long number', $$details => '{"a": [1e131071]}'$$)) AS argument(name, value)
CROSS JOIN LATERAL pg_temp.refuse(format('SELECT %s(%L, %s)', f.name, 'alice', argument.value))
ORDER BY f.name, argument.name;
SELECT code, "constraint", message, detail, hint
FROM (VALUES ('jsonb_build_object(''a'', repeat(''x'', 65529))'), ($$'{"a": [1e131071]}'$$)) AS profile(value)
CROSS JOIN LATERAL pg_temp.refuse(format('SELECT register_user(%L, profile => %s)', 'bob', profile.value));
SELECT f.name, code, "constraint" FROM unnest('{lock_users,unlock_users,block_users,unblock_users}'::text[]) AS f(name)
CROSS JOIN (VALUES ($$reason => repeat('x', 1001)$$), ($$details => '{"a": 1e131071}'$$)) AS argument(value)
CROSS JOIN LATERAL pg_temp.refuse(format('SELECT %s(%L, %s)', f.name, '{alice}', argument.value));
SELECT outcome, sqlstate, message, detail, hint FROM try_transition('lock', 'alice', reason => repeat('x', 1001));
SELECT outcome, sqlstate, message, detail, hint FROM try_transition('lock', 'alice', details => '{"a": 1e131071}');
-- Many such numbers take no more time and memory than one: shown, these have 13 GB.
SELECT outcome FROM try_transition('lock', 'alice', details => ('{"a": [' || repeat('1e131071,', 100000) || '1]}')::jsonb);
-- To the byte, whatever the parts are.
SELECT part, octet_length(shown) AS bytes, outcome
FROM unnest(ARRAY['""', '"x"', '"\u0001"', '"\"ä"', '0', '-1.50', '1e20', 'true', 'null', '[]', '{}', '[1, null, [""]]', '{"a": {"b": [false]}, "c": ""}']) AS part,
    generate_series(8191, 8193) AS size,
    LATERAL (SELECT format('{"a": [%s], "b": ""}', part)::jsonb::text) AS whole (text),
    LATERAL (SELECT jsonb_set(whole.text::jsonb, '{b}', to_jsonb(repeat('x', size - octet_length(whole.text))))::text) AS padded (shown),
    LATERAL try_transition('unlock', 'alice', details => shown::jsonb)
ORDER BY part COLLATE "C", bytes;
SELECT count(register_user('long', profile => jsonb_build_object('a', repeat('x', 65527)))), count(lock_user('long', repeat('ä', 1000))), count(delete_user('long'));

-- NULL for what is optional is the same as leaving it out.
SELECT state, locked_until FROM lock_user('alice', NULL, NULL, NULL, NULL, NULL, NULL);
SELECT state FROM unlock_user('alice', NULL, NULL, NULL, NULL, NULL);

-- Nothing was changed by any of it.
SELECT user_id, sequence, kind FROM user_history WHERE user_id = 'alice' ORDER BY sequence;
SELECT count(*) AS users FROM account;

-- Odd ids are just ids.
SELECT (register_user(name)).state, (unlock_user(name, idempotent => true)).sequence
FROM (VALUES (' '), (E'\n'), (''';--'), ('"'), ('ALICE'), ('a,b'), ('{x}'), ('%s'), ('\')) AS odd(name);
SELECT user_id, outcome FROM lock_users(ARRAY[' ', E'\n', ''';--', '"', 'ALICE', 'a,b', '{x}', '%s', '\']);
SELECT unlock_user('%s%n', tenant => '%d');
SELECT * FROM verify();
TRUNCATE account, event, profile;
