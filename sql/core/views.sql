--
-- Views
--
-- They run with the rights of their owner, so SELECT on a view is all that a
-- role needs, and show a caller with JWT claims only the tenants that are
-- theirs.  security_barrier keeps a reader's own functions off the rest.
--

-- What claims let a caller see.  security_barrier stands here, at the bottom,
-- because the planner dissolves a UNION ALL above, barrier and all.
CREATE VIEW userlock_private.claimed_account WITH (security_barrier) AS
SELECT * FROM userlock_private.account
WHERE tenant = ANY (userlock.caller_tenants());

COMMENT ON VIEW userlock_private.claimed_account IS
'Accounts of the tenants that the caller''s claims list: the ground of the views below, granted to nobody.';

CREATE VIEW userlock_private.claimed_event WITH (security_barrier) AS
SELECT * FROM userlock_private.event
WHERE tenant = ANY (userlock.caller_tenants());

COMMENT ON VIEW userlock_private.claimed_event IS
'Events of the tenants that the caller''s claims list: the ground of the views below, granted to nobody.';

-- Two branches rather than an OR, because only one of the two has a tenant to
-- look for in the index; the server skips the other.
CREATE VIEW userlock_private.visible_account AS
SELECT * FROM userlock_private.claimed_account
UNION ALL
SELECT * FROM userlock_private.account
WHERE userlock.caller_tenants() IS NULL;

COMMENT ON VIEW userlock_private.visible_account IS
'Accounts that the caller may see: the ground of the views below, granted to nobody.';

CREATE VIEW userlock_private.visible_event AS
SELECT * FROM userlock_private.claimed_event
UNION ALL
SELECT * FROM userlock_private.event
WHERE userlock.caller_tenants() IS NULL;

COMMENT ON VIEW userlock_private.visible_event IS
'Events that the caller may see: the ground of the views below, granted to nobody.';

-- The events that restrict are looked up one by one, which the LIMITs enforce:
-- joined, the planner may read the whole history to find the few.
CREATE VIEW userlock.restricted_users WITH (security_barrier) AS
SELECT
    account.tenant,
    account.user_id,
    userlock.state_at(account.state, account.locked_until,
                      account.blocked_until, clock.now) AS state,
    lock.at AS locked_at,
    lock.until AS locked_until,
    lock.reason AS lock_reason,
    lock.actor AS locked_by,
    block.at AS blocked_at,
    block.until AS blocked_until,
    block.reason AS block_reason,
    block.actor AS blocked_by
FROM (SELECT clock_timestamp() AS now) AS clock
CROSS JOIN userlock_private.visible_account AS account
LEFT JOIN LATERAL (
    SELECT event.at, event.until, event.reason, event.actor
    FROM userlock_private.event
    WHERE event.tenant = account.tenant
    AND event.user_id = account.user_id
    AND event.sequence = account.lock_sequence
    AND (event.until IS NULL OR event.until > clock.now)
    LIMIT 1
) AS lock ON true
LEFT JOIN LATERAL (
    SELECT event.at, event.until, event.reason, event.actor
    FROM userlock_private.event
    WHERE event.tenant = account.tenant
    AND event.user_id = account.user_id
    AND event.sequence = account.block_sequence
    AND (event.until IS NULL OR event.until > clock.now)
    LIMIT 1
) AS block ON true
WHERE account.state OPERATOR(userlock.<>) 'active'
AND NOT userlock.is_active(userlock.state_at(account.state, account.locked_until,
                                             account.blocked_until, clock.now));

COMMENT ON VIEW userlock.restricted_users IS
'Who is out: since when, until when, why and by whom. An end of NULL means until lifted.';
COMMENT ON COLUMN userlock.restricted_users.state IS
'locked, blocked or locked+blocked, at this moment.';
COMMENT ON COLUMN userlock.restricted_users.locked_at IS
'Since when the user is locked; NULL: not locked.';
COMMENT ON COLUMN userlock.restricted_users.locked_until IS
'When the lock ends by itself; NULL: not locked, or until unlocked.';
COMMENT ON COLUMN userlock.restricted_users.lock_reason IS
'Why the user is locked, in the words of the actor.';
COMMENT ON COLUMN userlock.restricted_users.locked_by IS
'The actor: the JWT''s "sub", else the session user.';
COMMENT ON COLUMN userlock.restricted_users.blocked_at IS
'Since when the user is blocked; NULL: not blocked.';
COMMENT ON COLUMN userlock.restricted_users.blocked_until IS
'When the block ends by itself; NULL: not blocked, or until unblocked.';
COMMENT ON COLUMN userlock.restricted_users.block_reason IS
'Why the user is blocked, in the words of the actor.';
COMMENT ON COLUMN userlock.restricted_users.blocked_by IS
'The actor: the JWT''s "sub", else the session user.';

-- What has expired and is not yet written shows as it will be written.
CREATE VIEW userlock.user_history WITH (security_barrier) AS
SELECT tenant, user_id, sequence, kind, from_state, to_state,
       at, actor, reason, until, details
FROM userlock_private.visible_event
UNION ALL
SELECT account.tenant, account.user_id, expiry.sequence, expiry.kind,
       expiry.from_state, expiry.to_state,
       expiry.at, NULL, NULL, expiry.until, NULL
FROM (SELECT clock_timestamp() AS now) AS clock
CROSS JOIN userlock_private.visible_account AS account
CROSS JOIN LATERAL userlock.pending_expiries(
    account.state, account.sequence, account.changed_at,
    account.locked_until, account.blocked_until, clock.now) AS expiry
WHERE account.state OPERATOR(userlock.<>) 'active';

COMMENT ON VIEW userlock.user_history IS
'Everything that happened to each user, numbered 1, 2, 3 and so on by sequence. A restriction that has ended by itself is there as lock_expired or block_expired at the moment it ended.';

