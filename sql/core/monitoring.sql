--
-- For what watches from outside: metrics, and events for receivers downstream
--

-- As visible_account is made, and for the same reasons.
CREATE VIEW userlock_private.claimed_failure WITH (security_barrier) AS
SELECT * FROM userlock_private.login_failure
WHERE tenant OPERATOR(pg_catalog.=) ANY (userlock.caller_tenants());

COMMENT ON VIEW userlock_private.claimed_failure IS
'Failed logins of the tenants that the caller''s claims list: the ground of statistics, granted to nobody.';

CREATE VIEW userlock_private.visible_failure AS
SELECT * FROM userlock_private.claimed_failure
UNION ALL
SELECT * FROM userlock_private.login_failure
WHERE userlock.caller_tenants() IS NULL;

COMMENT ON VIEW userlock_private.visible_failure IS
'Failed logins that the caller may see: the ground of statistics, granted to nobody.';

CREATE VIEW userlock.statistics WITH (security_barrier) AS
SELECT 'users' AS metric, account.tenant,
    userlock.state_at(account.state, account.locked_until, account.blocked_until, clock.now)::pg_catalog.text AS label,
    pg_catalog.count(*) AS value
FROM (SELECT pg_catalog.clock_timestamp() AS now) AS clock
CROSS JOIN userlock_private.visible_account AS account
GROUP BY 2, 3
UNION ALL
SELECT 'events_last_hour', event.tenant, event.kind, pg_catalog.count(*)
FROM userlock.user_history AS event
WHERE event.at OPERATOR(pg_catalog.>) (pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) '1 hour'::pg_catalog.interval)
GROUP BY 2, 3
UNION ALL
SELECT 'failed_logins', failure.tenant, part.label, pg_catalog.sum(part.value)::pg_catalog.int8
FROM userlock_private.visible_failure AS failure
CROSS JOIN LATERAL (VALUES
    ('counted', failure.tried),
    ('refused', failure.failures OPERATOR(pg_catalog.-) failure.tried)
) AS part (label, value)
GROUP BY 2, 3;

COMMENT ON VIEW userlock.statistics IS
'Numbers for a metrics exporter, a row for each metric, tenant and label. users: how many are in each state; events_last_hour: of each kind; failed_logins: since each user''s last success, counted towards a lock, or refused because there was one. Reads all accounts and events.';
COMMENT ON COLUMN userlock.statistics.metric IS
'users, events_last_hour or failed_logins.';
COMMENT ON COLUMN userlock.statistics.tenant IS
'Whose users.';
COMMENT ON COLUMN userlock.statistics.label IS
'The state, the kind of event, counted or refused.';
COMMENT ON COLUMN userlock.statistics.value IS
'How many.';

-- What each event means to a receiver; one that changes nothing for it is not there.
CREATE VIEW userlock.security_events WITH (security_barrier) AS
SELECT event.tenant, event.user_id, event.sequence, event.at, type.name AS type,
    pg_catalog.jsonb_build_object(
        'jti', pg_catalog.jsonb_build_array(event.tenant, event.user_id, event.sequence, type.name)::pg_catalog.text,
        'iat', pg_catalog.floor(extract(epoch FROM event.at)),
        'sub_id', pg_catalog.jsonb_build_object('format', 'opaque', 'id', event.user_id),
        'events', pg_catalog.jsonb_build_object(type.uri OPERATOR(pg_catalog.||) type.name, pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
            'event_timestamp', pg_catalog.floor(extract(epoch FROM event.at)),
            'initiating_entity', CASE WHEN event.actor IS NULL THEN 'policy' ELSE 'admin' END,
            'reason_admin', CASE WHEN event.reason IS NOT NULL THEN pg_catalog.jsonb_build_object('en', event.reason) END)))) AS token
FROM userlock.user_history AS event
CROSS JOIN LATERAL (VALUES
    ('https://schemas.openid.net/secevent/risc/event-type/', 'account-disabled',
        event.kind OPERATOR(pg_catalog.=) ANY ('{locked,blocked}'::pg_catalog.text[])
        AND event.from_state OPERATOR(userlock.=) 'active'::userlock.user_lock_state),
    ('https://schemas.openid.net/secevent/risc/event-type/', 'account-enabled',
        event.kind OPERATOR(pg_catalog.=) ANY ('{unlocked,unblocked,lock_expired,block_expired}'::pg_catalog.text[])
        AND event.to_state OPERATOR(userlock.=) 'active'::userlock.user_lock_state),
    ('https://schemas.openid.net/secevent/risc/event-type/', 'account-purged',
        event.kind OPERATOR(pg_catalog.=) 'deleted'),
    ('https://schemas.openid.net/secevent/caep/event-type/', 'session-revoked',
        event.kind OPERATOR(pg_catalog.=) ANY ('{locked,blocked,access_revoked}'::pg_catalog.text[]))
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
        SELECT v.attrelid::pg_catalog.regclass AS view, v.attname AS name, pg_catalog.col_description(t.attrelid, t.attnum) AS comment
        FROM (VALUES
            ('userlock_private.claimed_account', 'userlock_private.account'),
            ('userlock_private.visible_account', 'userlock_private.account'),
            ('userlock.restricted_users', 'userlock_private.account'),
            ('userlock_private.claimed_event', 'userlock_private.event'),
            ('userlock_private.visible_event', 'userlock_private.event'),
            ('userlock.user_history', 'userlock_private.event'),
            ('userlock.security_events', 'userlock_private.event'),
            ('userlock.lockout_policies', 'userlock_private.lockout_policy')
        ) AS pair (view_name, table_name)
        JOIN pg_catalog.pg_attribute AS v ON v.attrelid OPERATOR(pg_catalog.=) pair.view_name::pg_catalog.regclass
        JOIN pg_catalog.pg_attribute AS t ON t.attrelid OPERATOR(pg_catalog.=) pair.table_name::pg_catalog.regclass
            AND t.attname OPERATOR(pg_catalog.=) v.attname
        WHERE v.attnum OPERATOR(pg_catalog.>) 0 AND pg_catalog.col_description(v.attrelid, v.attnum) IS NULL
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', shown.view, shown.name, shown.comment);
    END LOOP;
END
$$;

