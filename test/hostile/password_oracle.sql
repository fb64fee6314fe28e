-- Whoever tries passwords on a user who may not come in learns from nothing which of them was right: what is
-- read, what is written and what is answered are the same.  (A commit that has written waits for the disk, and one
-- that has not does not: that alone told a right password from a wrong one nearly always.)
BEGIN;
SELECT plan(20);
SET search_path = public, userlock, userlock_private;

-- What a statement reads and writes, table by table.
CREATE FUNCTION pg_temp.so_far() RETURNS TABLE (relname name, reads bigint, written jsonb) LANGUAGE sql AS $$
    SELECT t.relname, sum(coalesce(s.seq_scan, 0) + coalesce(s.idx_scan, 0))::bigint,
        jsonb_build_object('inserted', sum(s.n_tup_ins), 'updated', sum(s.n_tup_upd), 'deleted', sum(s.n_tup_del))
    FROM pg_stat_xact_user_tables AS s JOIN pg_class AS t ON t.oid = coalesce(pg_partition_root(s.relid), s.relid)
    WHERE s.schemaname = 'userlock_private' GROUP BY t.relname
$$;
CREATE FUNCTION pg_temp.trace(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before jsonb;
    answer text;
BEGIN
    SELECT jsonb_object_agg(b.relname, to_jsonb(b)) INTO before FROM pg_temp.so_far() AS b;
    EXECUTE statement INTO answer;
    RETURN (
        SELECT string_agg(format('%s: %s reads, %s', a.relname, a.reads - (before -> a.relname::text -> 'reads')::bigint,
            (SELECT string_agg(format('%s %s', w.value::bigint - (before -> a.relname::text -> 'written' -> w.key)::bigint, w.key), ', ' ORDER BY w.key) FROM jsonb_each(a.written) AS w)), E'\n' ORDER BY a.relname COLLATE "C")
        FROM pg_temp.so_far() AS a) || E'\nanswered ' || answer;
END
$$;
CREATE FUNCTION pg_temp.wrong(user_id text, address text DEFAULT '192.0.2.1') RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.trace(format('SELECT record_login_failure(%L, address => %L)', user_id, address)) $$;
CREATE FUNCTION pg_temp.right(user_id text, address text DEFAULT '192.0.2.1') RETURNS text LANGUAGE sql AS
$$ SELECT pg_temp.trace(format('SELECT record_login_success(%L, address => %L)', user_id, address)) $$;

SELECT count(register_user(id)) FROM unnest(ARRAY['locked', 'blocked', 'for ever', 'by failures', 'first wrong', 'first right', 'elsewhere']) AS id;
SELECT count(lock_user(id, until => '3000-01-01')) FROM unnest(ARRAY['locked', 'first wrong', 'first right']) AS id;
SELECT count(lock_user('for ever')), count(block_user('blocked'));
SELECT count(record_login_failure('by failures')) FROM generate_series(1, 10);
-- Plans are settled, and there are rows.
SELECT count(pg_temp.wrong(id)), count(pg_temp.right(id))
FROM unnest(ARRAY['locked', 'blocked', 'for ever', 'by failures', 'nobody']) AS id, generate_series(1, 15);

SELECT is(pg_temp.right(id), pg_temp.wrong(id), 'a right password looks like a wrong one: ' || id)
FROM unnest(ARRAY['locked', 'blocked', 'for ever', 'by failures']) AS id;
SELECT is(pg_temp.right('nobody'), pg_temp.wrong('nobody'), '… for an id that nobody has');
SELECT is(pg_temp.right('first right'), pg_temp.wrong('first wrong'), '… at the first try');
SELECT matches(pg_temp.right('locked'), 'login_failure: [0-9]+ reads, 0 deleted, 0 inserted, 1 updated', 'it is written');
SELECT is(pg_temp.right(repeat('x', 201)) ~ '[1-9][0-9]* (inserted|updated|deleted)', pg_temp.wrong(repeat('x', 201)) ~ '[1-9][0-9]* (inserted|updated|deleted)',
    'for an id that nobody can have, neither is');

SELECT count(set_lockout_policy('nist', attempts => 2, duration => '1 hour', permanent_after => 3));
SELECT is(pg_temp.right(id), pg_temp.wrong(id), 'under a policy that locks until lifted: ' || id) FROM unnest(ARRAY['locked', 'by failures']) AS id;
SELECT count(set_lockout_policy(attempts => 2, by_address => true));
SELECT count(pg_temp.wrong('elsewhere')) FROM generate_series(1, 15);
SELECT is(pg_temp.right('elsewhere'), pg_temp.wrong('elsewhere'), 'from an address that is shut out');
SELECT is((record_login_success('elsewhere', address => '198.51.100.7')).allowed, true, '… and only from there');
SELECT is(pg_temp.right('first right'), pg_temp.wrong('first wrong'), 'where addresses are told apart, and the user is locked');

-- Nor where users are registered on demand: of whom an account is locked, of whom there was one, and of whoever
-- was never seen and has been tried too often.
SET LOCAL userlock.registration = 'on_demand';
SELECT count(set_lockout_policy());
SELECT count(register_user('deleted')), count(delete_user('deleted'));
SELECT count(pg_temp.wrong(id)), count(pg_temp.right(id)) FROM unnest(ARRAY['locked', 'blocked', 'for ever', 'deleted', 'never seen']) AS id, generate_series(1, 15);
SELECT is(pg_temp.right(id), pg_temp.wrong(id), 'on demand: ' || id) FROM unnest(ARRAY['locked', 'blocked', 'for ever', 'deleted', 'never seen']) AS id;
SELECT is((record_login_success('never tried')).allowed, true, '… and only whom nobody has tried comes in');

-- What was refused is still told from what was tried.
SELECT results_eq($$SELECT failures - tried, tried FROM login_failure WHERE user_id = 'first right' AND address = ''$$, $$VALUES (1::bigint, 0::bigint)$$,
    'a right password that is refused counts as refused, and towards no lock');
SELECT * FROM finish();
ROLLBACK;
