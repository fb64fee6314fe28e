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

