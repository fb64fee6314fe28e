--
-- For what watches from outside: metrics, and events for receivers downstream
--

--
-- Numbers.  Nobody counts ten million users for each scrape.  refresh_statistics()
-- counts them, and takes off what events later than a moment have added,
-- counted_from: that is the tally.  The view adds what the events later than that
-- moment add when it is read.  So it is exact, provided that no event which the count
-- did not see happened before that moment; and it takes what happened since.
--
-- No event is asked whether the count has seen it: a snapshot as SQL has it does not
-- tell for those of a subtransaction.
--

CREATE FUNCTION userlock_private.counted_from()
RETURNS timestamptz
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_counted_from';

GRANT EXECUTE ON FUNCTION userlock_private.counted_from TO PUBLIC;
COMMENT ON FUNCTION userlock_private.counted_from IS
'The moment after which events are to be added to the tally; NULL: nothing was counted.';

CREATE FUNCTION userlock_private.ends_from()
RETURNS timestamptz
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'userlock_ends_from';

GRANT EXECUTE ON FUNCTION userlock_private.ends_from TO PUBLIC;
COMMENT ON FUNCTION userlock_private.ends_from IS
'The moment before which no restriction has ended that is to be added to the tally; NULL: nothing was counted.';

-- An end that has passed is an event at its moment, written or not.
CREATE VIEW userlock_private.visible_change WITH (security_invoker) AS
SELECT event.tenant, event.user_id, event.kind, event.from_state, event.to_state
FROM userlock_private.visible_event AS event
WHERE event.at > userlock_private.counted_from()
UNION ALL
SELECT account.tenant, account.user_id, expiry.kind, expiry.from_state, expiry.to_state
FROM (SELECT userlock_private.present() AS now) AS clock
CROSS JOIN userlock_private.visible_account AS account
CROSS JOIN LATERAL userlock.pending_expiries(
    account.state, account.sequence, account.changed_at,
    account.locked_until, account.blocked_until, clock.now) AS expiry
WHERE least(account.locked_until, account.blocked_until) <= clock.now
AND least(account.locked_until, account.blocked_until) >= userlock_private.ends_from()
AND expiry.at > userlock_private.counted_from();

REVOKE ALL ON userlock_private.visible_change FROM PUBLIC;
GRANT SELECT ON userlock_private.visible_change TO PUBLIC;
COMMENT ON VIEW userlock_private.visible_change IS
'What the caller may see of the events that are to be added to the tally.';

-- By text: pg_dump, and so pg_upgrade, knows of a function in standard SQL which
-- operators it takes, but not which operator class, and may put it before ours.
--
-- Hashed and never sorted, nor compiled: the planner cannot tell how many events are
-- the latest, and takes them for too few or too many.
CREATE FUNCTION userlock_private.count_changes()
RETURNS TABLE (tenant text, kind text, from_state userlock.user_lock_state, to_state userlock.user_lock_state, value bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
SET enable_sort = off
SET jit = off
BEGIN ATOMIC
    SELECT change.tenant, change.kind, change.from_state::text::userlock.user_lock_state, change.to_state::text::userlock.user_lock_state, count(*)
    FROM userlock_private.visible_change AS change
    GROUP BY change.tenant, change.kind, change.from_state::text, change.to_state::text;
END;

GRANT EXECUTE ON FUNCTION userlock_private.count_changes TO PUBLIC;
COMMENT ON FUNCTION userlock_private.count_changes IS
'How many events, of those that the caller may see, are to be added to the tally.';

-- What takes long: in functions that the planner does not look into, or it would
-- prepare for their reading tables whole also where none of them is called.

CREATE FUNCTION userlock_private.count_users(at timestamptz)
RETURNS TABLE (tenant text, label text, value bigint)
LANGUAGE sql STABLE STRICT PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT counted.tenant, part.label, coalesce(part.value, 0)
    FROM (
        SELECT account.tenant,
            sum(account.users) FILTER (WHERE userlock.is_active(account.state))::bigint AS active,
            sum(account.users) FILTER (WHERE userlock.is_locked(account.state) AND NOT userlock.is_blocked(account.state))::bigint AS locked,
            sum(account.users) FILTER (WHERE userlock.is_blocked(account.state) AND NOT userlock.is_locked(account.state))::bigint AS blocked,
            sum(account.users) FILTER (WHERE userlock.is_locked(account.state) AND userlock.is_blocked(account.state))::bigint AS locked_and_blocked
        FROM (
            SELECT a.tenant, userlock.state_at(a.state, a.locked_until, a.blocked_until, count_users.at)::text::userlock.user_lock_state AS state, count(*) AS users
            FROM userlock_private.visible_account AS a
            GROUP BY a.tenant, userlock.state_at(a.state, a.locked_until, a.blocked_until, count_users.at)::text
        ) AS account
        GROUP BY account.tenant
    ) AS counted
    CROSS JOIN LATERAL (VALUES
        ('active', counted.active), ('locked', counted.locked), ('blocked', counted.blocked), ('locked+blocked', counted.locked_and_blocked)
    ) AS part (label, value);
END;

GRANT EXECUTE ON FUNCTION userlock_private.count_users TO PUBLIC;
COMMENT ON FUNCTION userlock_private.count_users IS
'Reads the accounts that the caller may see: how many are in each state at a moment.';

CREATE FUNCTION userlock_private.count_events()
RETURNS TABLE (tenant text, label text, value bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT event.tenant, event.kind, count(*) FROM userlock_private.visible_history AS event GROUP BY 1, 2;
END;

GRANT EXECUTE ON FUNCTION userlock_private.count_events TO PUBLIC;
COMMENT ON FUNCTION userlock_private.count_events IS
'Reads the history that the caller may see: how many events there are of each kind.';

CREATE FUNCTION userlock_private.count_failed_logins()
RETURNS TABLE (tenant text, label text, value bigint)
LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT failure.tenant, part.label, sum(part.value)::bigint
    FROM userlock_private.visible_login_failure AS failure
    CROSS JOIN LATERAL (VALUES
        ('counted', failure.tried), ('refused', failure.failures - failure.tried)
    ) AS part (label, value)
    GROUP BY 1, 2;
END;

GRANT EXECUTE ON FUNCTION userlock_private.count_failed_logins TO PUBLIC;
COMMENT ON FUNCTION userlock_private.count_failed_logins IS
'Reads the failed logins that the caller may see: how many were counted, and how many refused.';

CREATE VIEW userlock.statistics WITH (security_invoker) AS
SELECT 'users' AS metric, part.tenant, part.label, sum(part.value)::bigint AS value
FROM (
    SELECT tally.tenant, tally.label, tally.value FROM userlock_private.visible_tally AS tally WHERE tally.metric = 'users'
    UNION ALL
    SELECT change.tenant COLLATE "C", state.label::text, state.value
    FROM userlock_private.count_changes() AS change
    CROSS JOIN LATERAL (VALUES (change.from_state, - change.value), (change.to_state, change.value)) AS state (label, value)
    WHERE state.label IS NOT NULL
    UNION ALL
    SELECT counted.tenant COLLATE "C", counted.label, counted.value FROM userlock_private.count_users(userlock_private.present()) AS counted
    WHERE userlock_private.counted_from() IS NULL
) AS part
GROUP BY 2, 3
UNION ALL
SELECT 'events', part.tenant, part.label, sum(part.value)::bigint
FROM (
    SELECT tally.tenant, tally.label, tally.value FROM userlock_private.visible_tally AS tally WHERE tally.metric = 'events'
    UNION ALL
    SELECT change.tenant COLLATE "C", change.kind, change.value FROM userlock_private.count_changes() AS change
    UNION ALL
    SELECT counted.tenant COLLATE "C", counted.label, counted.value FROM userlock_private.count_events() AS counted
    WHERE userlock_private.counted_from() IS NULL
) AS part
GROUP BY 2, 3
UNION ALL
SELECT 'failed_logins', tally.tenant, tally.label, tally.value
FROM userlock_private.visible_tally AS tally WHERE tally.metric = 'failed_logins'
UNION ALL
SELECT 'failed_logins', counted.tenant COLLATE "C", counted.label, counted.value FROM userlock_private.count_failed_logins() AS counted
WHERE userlock_private.counted_from() IS NULL
UNION ALL
SELECT moment.metric, counting.tenant, '', moment.value
FROM userlock_private.visible_counting AS counting
CROSS JOIN LATERAL (VALUES
    ('counted_at', floor(extract(epoch FROM counting.counted_at))::bigint),
    ('verified_at', floor(extract(epoch FROM counting.verified_at))::bigint),
    ('verify_problems', counting.problems)
) AS moment (metric, value)
WHERE moment.value IS NOT NULL;

COMMENT ON VIEW userlock.statistics IS
'Numbers for a metrics exporter, a row for each metric, tenant and label. users: how many are in each state; events: how many there have been of each kind, a counter; failed_logins: since each user''s last success, counted towards a lock, or refused because there was one, as of counted_at; verify_problems: what verify() found at verified_at. Takes what happened since refresh_statistics(); without that, counts everything.';
COMMENT ON COLUMN userlock.statistics.metric IS
'users, events, failed_logins, counted_at, verified_at or verify_problems.';
COMMENT ON COLUMN userlock.statistics.tenant IS
'Whose users.';
COMMENT ON COLUMN userlock.statistics.label IS
'The state, the kind of event, counted or refused; else empty.';
COMMENT ON COLUMN userlock.statistics.value IS
'How many; of counted_at and verified_at the moment, in seconds since 1970.';

CREATE FUNCTION userlock.refresh_statistics(verify boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET request.jwt.claims = ''  -- all tenants, whoever asks
AS $$
DECLARE
    began_at timestamptz;
    problems jsonb;
    now timestamptz;
    last_from timestamptz;
    next_from timestamptz;
BEGIN
    -- Before the lock: it takes long.
    IF verify THEN
        began_at := clock_timestamp();
        problems := (SELECT coalesce(jsonb_object_agg(p.tenant, p.problems), '{}')
            FROM (SELECT v.tenant, count(*) AS problems FROM userlock.verify() AS v GROUP BY v.tenant) AS p);
    END IF;

    -- One at a time.
    LOCK TABLE userlock_private.tally IN EXCLUSIVE MODE;
    last_from := coalesce((SELECT c.counted_from FROM userlock_private.counting AS c LIMIT 1), '-infinity');

    -- What the count will not see is done by transactions that run now, or begin after
    -- now: nothing happens before the transaction that does it.  Whoever waits for a
    -- table may have looked at the clock without having written anything.  Some
    -- seconds more, as it takes a moment until all can be seen of a session.
    now := clock_timestamp();
    PERFORM pg_stat_clear_snapshot();
    next_from := least(now, (
        SELECT min(coalesce(a.xact_start, a.backend_start)) FROM pg_stat_activity AS a
        WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
        AND (a.backend_xid IS NOT NULL OR a.wait_event_type = 'Lock'))) - interval '10 seconds';
    -- Of a prepared transaction nobody knows when it began, and in a transaction that
    -- goes on seeing what it saw first, nobody knows who ran then.  What the last count
    -- did not see comes after its moment still.
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted')
        OR EXISTS (SELECT FROM pg_prepared_xacts AS p WHERE p.database = current_database()) THEN
        next_from := least(last_from, next_from);
    END IF;

    -- Users are counted; events are added to those counted before, which may be gone.
    -- All in one statement, as of one moment.
    WITH change AS (
        SELECT c.tenant, c.kind, c.from_state, c.to_state, c.at > last_from AS is_new, c.at > next_from AS is_later, count(*) AS events
        FROM (
            SELECT e.tenant, e.kind, e.from_state, e.to_state, e.at FROM userlock_private.event AS e
            UNION ALL
            SELECT a.tenant, e.kind, e.from_state, e.to_state, e.at
            FROM userlock_private.account AS a
            CROSS JOIN LATERAL userlock.pending_expiries(a.state, a.sequence, a.changed_at, a.locked_until, a.blocked_until, now) AS e
            WHERE least(a.locked_until, a.blocked_until) <= now
        ) AS c
        WHERE c.at > least(last_from, next_from)
        GROUP BY 1, 2, 3, 4, 5, 6
    )
    INSERT INTO userlock_private.tally AS t (tenant, metric, label, value)
    SELECT part.tenant, part.metric, part.label, sum(part.value)
    FROM (
        SELECT u.tenant COLLATE "C" AS tenant, 'users' AS metric, u.label, u.value FROM userlock_private.count_users(now) AS u
        UNION ALL
        SELECT c.tenant, 'users', s.label::text, s.value FROM change AS c
        CROSS JOIN LATERAL (VALUES (c.from_state, c.events), (c.to_state, - c.events)) AS s (label, value)
        WHERE c.is_later AND s.label IS NOT NULL
        UNION ALL
        SELECT f.tenant COLLATE "C", 'failed_logins', f.label, f.value FROM userlock_private.count_failed_logins() AS f
        UNION ALL
        SELECT c.tenant, 'events', c.kind, c.events * (c.is_new::int - c.is_later::int) FROM change AS c
        UNION ALL
        SELECT l.tenant, l.metric, l.label, CASE WHEN l.metric = 'events' THEN l.value ELSE 0 END FROM userlock_private.tally AS l
        UNION ALL
        -- What alerts watch begins at none: of a row that was not there, they see no growth.
        SELECT c.tenant, w.metric, w.label, 0
        FROM (SELECT DISTINCT change.tenant FROM change) AS c
        CROSS JOIN (VALUES ('events', 'locked'), ('failed_logins', 'counted'), ('failed_logins', 'refused')) AS w (metric, label)
    ) AS part
    GROUP BY 1, 2, 3
    ON CONFLICT ON CONSTRAINT tally_pkey DO UPDATE SET value = excluded.value WHERE t.value <> excluded.value;

    INSERT INTO userlock_private.counting AS c (tenant, counted_at, counted_from, ends_from, verified_at, problems)
    SELECT t.tenant, now, next_from, ends.since, began_at, CASE WHEN problems IS NOT NULL THEN coalesce((problems ->> t.tenant)::bigint, 0) END
    FROM (SELECT DISTINCT l.tenant FROM userlock_private.tally AS l) AS t
    CROSS JOIN (
        -- Of two ends the first may be over for long; and where the clock was set back, an
        -- event comes after the one before.
        SELECT coalesce(min(least(a.locked_until, a.blocked_until)), next_from) AS since FROM userlock_private.account AS a
        WHERE least(a.locked_until, a.blocked_until) <= next_from AND greatest(a.locked_until, a.blocked_until, a.changed_at) > next_from
    ) AS ends
    ON CONFLICT ON CONSTRAINT counting_pkey DO UPDATE SET counted_at = excluded.counted_at, counted_from = excluded.counted_from,
        ends_from = excluded.ends_from, verified_at = coalesce(excluded.verified_at, c.verified_at), problems = coalesce(excluded.problems, c.problems);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock.refresh_statistics FROM PUBLIC;
COMMENT ON FUNCTION userlock.refresh_statistics IS
$$Counts users, events and failed logins of all tenants, so that statistics takes what happens from now on and no more; for pg_cron, every few minutes. verify: runs verify() too, which reads everything, and keeps how many problems it found; for once a day.

Nothing depends on it: without it, statistics counts everything. Events are counted on from the last time, so that their number never gets smaller, whatever becomes of history. While there are prepared transactions, and under REPEATABLE READ and SERIALIZABLE, statistics takes what has happened since the last time but one or longer.$$;

CREATE FUNCTION userlock_private.uncount(tenant text, user_id text, registered boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    counted_from timestamptz;
    ends_from timestamptz;
    now timestamptz;
    part record;
BEGIN
    -- Who is counting is waited for, and from here on nobody counts: these moments stay.
    LOCK TABLE userlock_private.tally IN ROW EXCLUSIVE MODE;
    counted_from := userlock_private.counted_from();
    ends_from := userlock_private.ends_from();
    now := clock_timestamp();

    -- What visible_change shows of the user, by these moments.
    FOR part IN
        SELECT p.metric, p.label, sum(p.value) AS value
        FROM (
            SELECT l.metric, l.label, l.value
            FROM (
                SELECT e.kind, e.from_state, e.to_state FROM userlock_private.event AS e
                WHERE e.tenant = uncount.tenant AND e.user_id = uncount.user_id AND e.at > counted_from
                UNION ALL
                SELECT e.kind, e.from_state, e.to_state
                FROM userlock_private.account AS a
                CROSS JOIN LATERAL userlock.pending_expiries(a.state, a.sequence, a.changed_at, a.locked_until, a.blocked_until, now) AS e
                WHERE a.tenant = uncount.tenant AND a.user_id = uncount.user_id
                    AND least(a.locked_until, a.blocked_until) <= now AND least(a.locked_until, a.blocked_until) >= ends_from
                    AND e.at > counted_from
            ) AS c
            CROSS JOIN LATERAL (VALUES ('events', c.kind, 1), ('users', c.from_state::text, -1), ('users', c.to_state::text, 1)) AS l (metric, label, value)
            WHERE l.label IS NOT NULL
            UNION ALL
            SELECT 'users', userlock.state_at(a.state, a.locked_until, a.blocked_until, now)::text, -1
            FROM userlock_private.account AS a
            WHERE a.tenant = uncount.tenant AND a.user_id = uncount.user_id AND uncount.registered AND counted_from IS NOT NULL
        ) AS p
        GROUP BY 1, 2
        ORDER BY 1, 2  -- as everybody takes their rows
    LOOP
        INSERT INTO userlock_private.tally AS t (tenant, metric, label, value)
        VALUES (uncount.tenant, part.metric, part.label, part.value)
        ON CONFLICT ON CONSTRAINT tally_pkey DO UPDATE SET value = t.value + excluded.value;
    END LOOP;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.uncount FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.uncount IS
'For whoever is about to remove a user without an event, history and all: takes the user off the tally, and keeps the events in it. In the transaction that removes them, as the owner of the tables.';

-- Hours, not days, because a day is as long as the session's time zone says.
CREATE VIEW userlock.events_by_hour WITH (security_invoker) AS
SELECT event.tenant, date_bin('1 hour', event.at, 'epoch'::timestamptz) AS hour, event.kind, count(*) AS events
FROM userlock_private.visible_history AS event
WHERE event.at >= date_bin('1 hour', userlock_private.present() - '168 hours'::interval, 'epoch'::timestamptz)
AND event.at <= userlock_private.present()
GROUP BY 1, 2, 3;

COMMENT ON VIEW userlock.events_by_hour IS
'How many events of each kind there were in each hour of the last seven days, for a chart; hours without any are not there. An end that has passed counts at its moment. Reads the events of these days from an index.';
COMMENT ON COLUMN userlock.events_by_hour.hour IS
'The beginning of the hour, of UTC; the last one is not over.';
COMMENT ON COLUMN userlock.events_by_hour.events IS
'How many.';

-- Addresses are looked up one by one, and only where they are shown.  At a low cost:
-- the planner expects far more events than there are, and would compile the query.
CREATE FUNCTION userlock_private.email_subject(tenant text, user_id text, at timestamptz)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE COST 10
BEGIN ATOMIC
    SELECT jsonb_build_object('format', 'email', 'email', subject.email) FROM userlock_private.visible_user AS subject
    WHERE subject.tenant = email_subject.tenant AND subject.user_id = email_subject.user_id
    AND subject.created_at <= email_subject.at AND subject.email LIKE '%_@_%';
END;

GRANT EXECUTE ON FUNCTION userlock_private.email_subject TO PUBLIC;
COMMENT ON FUNCTION userlock_private.email_subject IS
'The user as the subject of an event at this moment, by the e-mail address that they have now. NULL: they have none, or the account of then was deleted, and the id may be somebody else''s.';

-- What each event means to a receiver; one that changes nothing for it is not there.
-- What names a token ends up in logs, so ids are hashed there, and with them the
-- event's microsecond, which no token tells: to try all likely ids is not enough.
CREATE VIEW userlock.security_events WITH (security_invoker) AS
SELECT event.tenant, event.user_id, event.sequence, event.at, type.name AS type,
    jsonb_build_object(
        'jti', encode(sha256(convert_to(jsonb_build_array(
            event.tenant, event.user_id, event.sequence, (extract(epoch FROM event.at) * 1000000)::int8, type.name)::text, 'UTF8')), 'hex'),
        'txn', encode(sha256(convert_to(jsonb_build_array(
            event.tenant, event.user_id, event.sequence, (extract(epoch FROM event.at) * 1000000)::int8)::text, 'UTF8')), 'hex'),
        'iat', floor(extract(epoch FROM userlock_private.present())),
        'sub_id', CASE
            WHEN current_setting('userlock.issuer', true) <> '' THEN
                jsonb_build_object('format', 'iss_sub', 'iss', current_setting('userlock.issuer', true), 'sub', event.user_id)
            ELSE coalesce(
                userlock_private.email_subject(event.tenant, event.user_id, event.at),
                jsonb_build_object('format', 'opaque', 'id', event.user_id)) END,
        'events', jsonb_build_object(type.uri || type.name, jsonb_build_object(
            'event_timestamp', floor(extract(epoch FROM event.at)),
            'initiating_entity', CASE
                WHEN event.actor IS NULL OR event.reason = 'failed logins' AND event.details ? 'failures' THEN 'policy'
                ELSE 'admin' END,
            'reason_admin', jsonb_build_object('en', coalesce(nullif(event.reason, ''), replace(event.kind, '_', ' ')))))) AS token
FROM userlock_private.visible_history AS event
CROSS JOIN LATERAL (VALUES
    ('https://schemas.openid.net/secevent/risc/event-type/', 'account-disabled',
        event.kind = ANY ('{locked,blocked}'::text[])
        AND event.from_state OPERATOR(userlock.=) 'active'::userlock.user_lock_state),
    ('https://schemas.openid.net/secevent/risc/event-type/', 'account-enabled',
        event.kind = ANY ('{unlocked,unblocked,lock_expired,block_expired}'::text[])
        AND event.to_state OPERATOR(userlock.=) 'active'::userlock.user_lock_state),
    ('https://schemas.openid.net/secevent/risc/event-type/', 'account-purged',
        event.kind = 'deleted'),
    ('https://schemas.openid.net/secevent/caep/event-type/', 'session-revoked',
        event.kind = ANY ('{locked,blocked,access_revoked}'::text[]))
) AS type (uri, name, applies)
WHERE type.applies;

COMMENT ON VIEW userlock.security_events IS
'History in the shape of security event tokens (RFC 8417) with the events of OpenID RISC (account-disabled, account-enabled, account-purged) and CAEP (session-revoked). iss and aud are the transmitter''s to add, and so is the signature. To poll, ask for what is later than some minutes before the last at, and drop what jti tells to be known. Without the setting userlock.issuer it shows users'' e-mail addresses.';
COMMENT ON COLUMN userlock.security_events.type IS
'account-disabled, account-enabled, account-purged or session-revoked.';
COMMENT ON COLUMN userlock.security_events.token IS
'The claims of the token. jti is the same whenever it is read; so is txn, which the tokens of one event share. iat is when it is read. sub_id is the id as the issuer''s (iss_sub) where userlock.issuer is set; else the e-mail address that the user has now (email); else, and of an account that was deleted, the id (opaque).';

--
-- What a view shows of a table means there what it means in the table
--

DO $$
DECLARE
    shown record;
BEGIN
    FOR shown IN
        SELECT v.attrelid::regclass AS view, v.attname AS name, col_description(t.attrelid, t.attnum) AS comment
        FROM (VALUES
            ('userlock_private.visible_account', 'userlock_private.account'),
            ('userlock_private.visible_profile', 'userlock_private.profile'),
            ('userlock_private.visible_event', 'userlock_private.event'),
            ('userlock_private.visible_login_failure', 'userlock_private.login_failure'),
            ('userlock_private.visible_lockout_policy', 'userlock_private.lockout_policy'),
            ('userlock_private.visible_tally', 'userlock_private.tally'),
            ('userlock_private.visible_counting', 'userlock_private.counting'),
            ('userlock_private.visible_change', 'userlock_private.event'),
            ('userlock_private.user_now', 'userlock_private.profile'),
            ('userlock_private.user_now', 'userlock_private.account'),
            ('userlock_private.visible_user', 'userlock_private.profile'),
            ('userlock_private.visible_user', 'userlock_private.account'),
            ('userlock.users', 'userlock_private.profile'),
            ('userlock.users', 'userlock_private.account'),
            ('userlock.restricted_users', 'userlock_private.profile'),
            ('userlock.restricted_users', 'userlock_private.account'),
            ('userlock_private.history_now', 'userlock_private.event'),
            ('userlock_private.visible_history', 'userlock_private.event'),
            ('userlock.user_history', 'userlock_private.event'),
            ('userlock.security_events', 'userlock_private.event'),
            ('userlock.events_by_hour', 'userlock_private.event'),
            ('userlock.lockout_policies', 'userlock_private.lockout_policy')
        ) AS pair (view_name, table_name)
        JOIN pg_attribute AS v ON v.attrelid = pair.view_name::regclass
        JOIN pg_attribute AS t ON t.attrelid = pair.table_name::regclass
            AND t.attname = v.attname
        WHERE v.attnum > 0 AND col_description(v.attrelid, v.attnum) IS NULL
    LOOP
        EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', shown.view, shown.name, shown.comment);
    END LOOP;
END
$$;

