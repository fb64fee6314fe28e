-- Metrics, and events for receivers downstream.
SET search_path = userlock, public;
SELECT count(register_user(id, tenant)) FROM unnest(ARRAY['alice', 'bob', 'carol', 'dave']) AS id, unnest(ARRAY['acme', 'globex']) AS tenant;
SELECT count(lock_user('alice', 'phished', tenant => tenant)) FROM unnest(ARRAY['acme', 'globex']) AS tenant;
SELECT count(block_user('alice', tenant => 'acme'));
SELECT count(lock_user('bob', until => clock_timestamp() + interval '0.1 s', tenant => 'acme'));
SELECT count(record_login_failure('carol', 'acme')), count(record_login_failure('ghost', 'acme')) FROM generate_series(1, 12);
SELECT pg_sleep(0.2);
SELECT * FROM statistics ORDER BY metric, tenant, label;
-- A caller's claims hold them here as well.
SET request.jwt.claims = '{"tenant":"globex"}';
SELECT * FROM statistics ORDER BY metric, tenant, label;
SELECT DISTINCT tenant FROM security_events;
RESET request.jwt.claims;

SELECT count(unlock_user('alice', tenant => 'acme')), count(unblock_user('alice', tenant => 'acme'));
SELECT count(revoke_access('dave', tenant => 'acme')), count(delete_user('dave', tenant => 'acme'));
SELECT user_id, sequence, type FROM security_events WHERE tenant = 'acme' ORDER BY user_id, sequence, type;
SELECT jsonb_pretty(token - 'iat' #- '{events,https://schemas.openid.net/secevent/risc/event-type/account-disabled,event_timestamp}') AS token,
    (token ->> 'iat')::numeric = floor(extract(epoch FROM at)) AS in_seconds
FROM security_events WHERE tenant = 'acme' AND user_id = 'alice' AND type = 'account-disabled';
SELECT count(*) = count(DISTINCT token ->> 'jti') AS unique FROM security_events;

-- Whoever a query finds, each with an outcome; for more than an array of ids takes.
SELECT user_id, outcome, (status).state FROM unlock_users(ARRAY(SELECT user_id FROM restricted_users WHERE tenant = 'acme' AND lock_reason = 'failed sign-ins'), tenant => 'acme');
SELECT o.user_id, o.outcome
FROM (SELECT tenant, user_id FROM restricted_users WHERE lock_reason = 'phished' ORDER BY tenant, user_id) AS found,
    LATERAL try_transition('unlock', found.user_id, tenant => found.tenant) AS o;

-- Nobody reads them until it is granted.
CREATE ROLE regress_userlock_nobody;
SET ROLE regress_userlock_nobody;
SELECT FROM statistics;
SELECT FROM security_events;
RESET ROLE;
DROP ROLE regress_userlock_nobody;
TRUNCATE account, event, login_failure;
