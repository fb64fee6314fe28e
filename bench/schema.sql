-- What userlock is measured against, on tables of the same columns, indexes and pages.

CREATE EXTENSION userlock;
CREATE SCHEMA bench;

-- One row for each measurement; bench/run shows the medians.
CREATE TABLE bench.measured (what text, round integer, value double precision);

-- "handmade": the functions that one would write in PL/pgSQL instead.
CREATE SCHEMA handmade;
CREATE TABLE handmade.account (LIKE userlock_private.account INCLUDING ALL) WITH (fillfactor = 85);
CREATE TABLE handmade.event (LIKE userlock_private.event INCLUDING ALL);

CREATE FUNCTION handmade.lock_user(who text, why text DEFAULT NULL, ends timestamptz DEFAULT NULL)
RETURNS userlock.user_status LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, userlock, pg_temp AS $$
DECLARE
    found_tenant constant text := coalesce(current_setting('userlock.tenant', true), 'default');
    before handmade.account;
    status userlock.user_status;
    moment timestamptz;
BEGIN
    IF who IS NULL OR char_length(who) NOT BETWEEN 1 AND 200 THEN
        RAISE EXCEPTION 'invalid user_id' USING ERRCODE = 'PT422';
    END IF;
    SELECT * INTO before FROM handmade.account AS a WHERE a.tenant = found_tenant AND a.user_id = who FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'user "%" not found', who USING ERRCODE = 'PT404';
    END IF;
    moment := clock_timestamp();
    IF ends <= moment THEN
        RAISE EXCEPTION 'invalid until' USING ERRCODE = 'PT422';
    END IF;
    IF is_locked(before.state) AND (before.locked_until IS NULL OR before.locked_until > moment) THEN
        RAISE EXCEPTION 'user "%" is already locked', who USING ERRCODE = 'PT400';
    END IF;
    UPDATE handmade.account AS a
    SET state = CASE WHEN is_blocked(before.state) THEN 'locked+blocked'::user_lock_state ELSE 'locked' END,
        sequence = a.sequence + 1, changed_at = moment, locked_at = moment, locked_until = ends, lock_sequence = a.sequence + 1,
        access_valid_after = moment
    WHERE a.tenant = found_tenant AND a.user_id = who
    RETURNING a.tenant, a.user_id, a.state, a.sequence, a.created_at, a.changed_at, a.locked_until, a.blocked_until INTO status;
    INSERT INTO handmade.event (tenant, user_id, sequence, kind, from_state, to_state, at, actor, reason, until, details)
    VALUES (found_tenant, who, status.sequence, 'locked', before.state, status.state, moment, session_user, why, ends, NULL);
    RETURN status;
END $$;

CREATE FUNCTION handmade.unlock_user(who text, why text DEFAULT NULL)
RETURNS userlock.user_status LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, userlock, pg_temp AS $$
DECLARE
    found_tenant constant text := coalesce(current_setting('userlock.tenant', true), 'default');
    before handmade.account;
    status userlock.user_status;
    moment timestamptz;
BEGIN
    IF who IS NULL OR char_length(who) NOT BETWEEN 1 AND 200 THEN
        RAISE EXCEPTION 'invalid user_id' USING ERRCODE = 'PT422';
    END IF;
    SELECT * INTO before FROM handmade.account AS a WHERE a.tenant = found_tenant AND a.user_id = who FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'user "%" not found', who USING ERRCODE = 'PT404';
    END IF;
    moment := clock_timestamp();
    IF NOT is_locked(before.state) OR before.locked_until <= moment THEN
        RAISE EXCEPTION 'user "%" is not locked', who USING ERRCODE = 'PT400';
    END IF;
    UPDATE handmade.account AS a
    SET state = CASE WHEN is_blocked(before.state) THEN 'blocked'::user_lock_state ELSE 'active' END,
        sequence = a.sequence + 1, changed_at = moment, locked_at = NULL, locked_until = NULL, lock_sequence = NULL
    WHERE a.tenant = found_tenant AND a.user_id = who
    RETURNING a.tenant, a.user_id, a.state, a.sequence, a.created_at, a.changed_at, a.locked_until, a.blocked_until INTO status;
    INSERT INTO handmade.event (tenant, user_id, sequence, kind, from_state, to_state, at, actor, reason, until, details)
    VALUES (found_tenant, who, status.sequence, 'unlocked', before.state, status.state, moment, session_user, why, NULL, NULL);
    RETURN status;
END $$;

-- The same without SECURITY DEFINER and a search_path of its own: what a careless hand would write.
CREATE FUNCTION handmade.careless(definition text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    definition := replace(definition, 'handmade.lock_user', 'handmade.careless_lock_user');
    definition := replace(definition, 'handmade.unlock_user', 'handmade.careless_unlock_user');
    definition := regexp_replace(definition, ' SECURITY DEFINER', '');
    definition := regexp_replace(definition, ' SET search_path TO [^\n]*', '');
    EXECUTE definition;
END $$;
SELECT handmade.careless(pg_get_functiondef(f::regproc)) FROM unnest('{handmade.lock_user,handmade.unlock_user}'::text[]) AS f;

-- "floor": one statement for all rows, which no function called for each row can beat.
CREATE SCHEMA floor;
CREATE TABLE floor.account (LIKE userlock_private.account INCLUDING ALL) WITH (fillfactor = 85);
CREATE TABLE floor.event (LIKE userlock_private.event INCLUDING ALL);

CREATE FUNCTION floor.lock_users(ids text[], why text) RETURNS bigint LANGUAGE sql SET search_path = pg_catalog, userlock, pg_temp AS $$
    WITH changed AS (
        UPDATE floor.account AS a
        SET state = next_state(a.state, 'lock'), sequence = a.sequence + 1, changed_at = clock_timestamp(),
            locked_at = clock_timestamp(), locked_until = NULL, lock_sequence = a.sequence + 1, access_valid_after = clock_timestamp()
        FROM unnest(ids) AS wanted(user_id)
        WHERE a.tenant = 'default' AND a.user_id = wanted.user_id AND NOT is_locked(a.state)
        RETURNING a.*
    ), told AS (
        INSERT INTO floor.event (tenant, user_id, sequence, kind, from_state, to_state, at, actor, reason, until, details)
        SELECT tenant, user_id, sequence, 'locked', next_state(state, 'unlock'), state, changed_at, session_user, why, NULL, NULL FROM changed
    )
    SELECT count(*) FROM changed
$$;

CREATE FUNCTION floor.unlock_users(ids text[], why text) RETURNS bigint LANGUAGE sql SET search_path = pg_catalog, userlock, pg_temp AS $$
    WITH changed AS (
        UPDATE floor.account AS a
        SET state = next_state(a.state, 'unlock'), sequence = a.sequence + 1, changed_at = clock_timestamp(),
            locked_at = NULL, locked_until = NULL, lock_sequence = NULL
        FROM unnest(ids) AS wanted(user_id)
        WHERE a.tenant = 'default' AND a.user_id = wanted.user_id AND is_locked(a.state)
        RETURNING a.*
    ), told AS (
        INSERT INTO floor.event (tenant, user_id, sequence, kind, from_state, to_state, at, actor, reason, until, details)
        SELECT tenant, user_id, sequence, 'unlocked', next_state(state, 'lock'), state, changed_at, session_user, why, NULL, NULL FROM changed
    )
    SELECT count(*) FROM changed
$$;

-- Runs a statement and notes microseconds and bytes of WAL for each of 'calls'.
CREATE PROCEDURE bench.measure(what text, round integer, calls integer, statement text) LANGUAGE plpgsql AS $$
DECLARE
    done bigint;
    before pg_lsn := pg_current_wal_insert_lsn();
    began timestamptz := clock_timestamp();
    took double precision;
BEGIN
    EXECUTE statement INTO done;
    took := extract(epoch FROM clock_timestamp() - began) * 1e6;
    IF done IS DISTINCT FROM calls THEN
        RAISE EXCEPTION '% did % of % calls', what, done, calls;
    END IF;
    INSERT INTO bench.measured VALUES
        (what || ' time', round, took / calls),
        (what || ' wal', round, (pg_current_wal_insert_lsn() - before) / calls);
END $$;
