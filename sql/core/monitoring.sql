--
-- For what watches from outside: metrics, and events for receivers downstream
--

CREATE VIEW userlock.statistics WITH (security_invoker) AS
SELECT 'users' AS metric, account.tenant,
    userlock.state_at(account.state, account.locked_until, account.blocked_until, clock.now)::text AS label,
    count(*) AS value
FROM (SELECT userlock_private.present() AS now) AS clock
CROSS JOIN userlock_private.visible_account AS account
GROUP BY 2, 3
UNION ALL
SELECT 'events_last_hour', event.tenant, event.kind, count(*)
FROM userlock_private.visible_history AS event
WHERE event.at > (userlock_private.present() - '1 hour'::interval)
GROUP BY 2, 3
UNION ALL
SELECT 'failed_logins', failure.tenant, part.label, sum(part.value)::int8
FROM userlock_private.visible_login_failure AS failure
CROSS JOIN LATERAL (VALUES
    ('counted', failure.tried),
    ('refused', failure.failures - failure.tried)
) AS part (label, value)
GROUP BY 2, 3;

COMMENT ON VIEW userlock.statistics IS
'Numbers for a metrics exporter, a row for each metric, tenant and label. users: how many are in each state; events_last_hour: of each kind; failed_logins: since each user''s last success, counted towards a lock, or refused because there was one. Reads all accounts.';
COMMENT ON COLUMN userlock.statistics.metric IS
'users, events_last_hour or failed_logins.';
COMMENT ON COLUMN userlock.statistics.tenant IS
'Whose users.';
COMMENT ON COLUMN userlock.statistics.label IS
'The state, the kind of event, counted or refused.';
COMMENT ON COLUMN userlock.statistics.value IS
'How many.';

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

-- What each event means to a receiver; one that changes nothing for it is not there.
CREATE VIEW userlock.security_events WITH (security_invoker) AS
SELECT event.tenant, event.user_id, event.sequence, event.at, type.name AS type,
    jsonb_build_object(
        'jti', jsonb_build_array(event.tenant, event.user_id, event.sequence, type.name)::text,
        'iat', floor(extract(epoch FROM event.at)),
        'sub_id', jsonb_build_object('format', 'opaque', 'id', event.user_id),
        'events', jsonb_build_object(type.uri || type.name, jsonb_strip_nulls(jsonb_build_object(
            'event_timestamp', floor(extract(epoch FROM event.at)),
            'initiating_entity', CASE WHEN event.actor IS NULL THEN 'policy' ELSE 'admin' END,
            'reason_admin', CASE WHEN event.reason IS NOT NULL THEN jsonb_build_object('en', event.reason) END)))) AS token
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
'History in the shape of security event tokens (RFC 8417) with the events of OpenID RISC (account-disabled, account-enabled, account-purged) and CAEP (session-revoked). iss and aud are the transmitter''s to add, and so is the signature. To poll, ask for what is later than some minutes before the last at, and drop what jti tells to be known.';
COMMENT ON COLUMN userlock.security_events.type IS
'account-disabled, account-enabled, account-purged or session-revoked.';
COMMENT ON COLUMN userlock.security_events.token IS
'The claims of the token; jti is the same whenever it is read.';

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
            ('userlock_private.visible_user', 'userlock_private.profile'),
            ('userlock_private.visible_user', 'userlock_private.account'),
            ('userlock.users', 'userlock_private.profile'),
            ('userlock.users', 'userlock_private.account'),
            ('userlock.restricted_users', 'userlock_private.profile'),
            ('userlock.restricted_users', 'userlock_private.account'),
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

