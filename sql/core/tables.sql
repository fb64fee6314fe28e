--
-- Tables
--
-- They are changed by the functions below and read through the views; nobody enters
-- their schema.  Every unique key contains (tenant, user_id) or begins with the
-- tenant, so that the tables can be distributed by it.
--
-- No CHECK constraints: the server would parse each of them anew for every
-- transition, which doubled its time.  The functions are the only writers, and
-- verify() proves what they wrote.
--

-- Whether somebody is restricted, and since when, is in the indexes below, so that no
-- transition can be a HOT update.  Room on the page keeps the new version beside the
-- old one all the same: fewer pages to write after a checkpoint, and less growth where
-- everybody is changed at once.
CREATE TABLE userlock_private.account (
    tenant text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    state userlock.user_lock_state NOT NULL,
    sequence bigint NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    locked_until timestamptz,
    blocked_until timestamptz,
    lock_sequence bigint,
    block_sequence bigint,
    access_valid_after timestamptz,
    locked_at timestamptz,
    blocked_at timestamptz,
    adoption uuid,
    PRIMARY KEY (tenant, user_id)
) WITH (fillfactor = 85);

-- Few users are restricted: who is out can be listed without reading the rest.
CREATE INDEX account_restricted ON userlock_private.account (tenant, user_id)
WHERE state OPERATOR(userlock.<>) 'active'::userlock.user_lock_state;
CREATE INDEX account_locked ON userlock_private.account (tenant, locked_at)
WHERE state OPERATOR(userlock.<>) 'active'::userlock.user_lock_state;
-- Blocks are few among them, and locks are not to pay for them.
CREATE INDEX account_blocked ON userlock_private.account (tenant, blocked_at)
WHERE blocked_at IS NOT NULL;

-- What ends next, for whoever writes ends into history or shows them there.
CREATE INDEX account_ending ON userlock_private.account (least(locked_until, blocked_until))
WHERE least(locked_until, blocked_until) IS NOT NULL;

COMMENT ON TABLE userlock_private.account IS
'The current state of each user: the fold of their events.';
COMMENT ON COLUMN userlock_private.account.tenant IS
'The organisation that owns the user; 1 to 200 characters.';
COMMENT ON COLUMN userlock_private.account.user_id IS
'The application''s own id of the user, unique in the tenant; 1 to 200 characters.';
COMMENT ON COLUMN userlock_private.account.state IS
'The restrictions as last written. One whose end has passed no longer holds: see state_at().';
COMMENT ON COLUMN userlock_private.account.sequence IS
'The number of the user''s last event.';
COMMENT ON COLUMN userlock_private.account.created_at IS
'When the user was registered.';
COMMENT ON COLUMN userlock_private.account.changed_at IS
'When the last event happened.';
COMMENT ON COLUMN userlock_private.account.locked_until IS
'When the lock ends by itself; NULL: not locked, or until unlocked.';
COMMENT ON COLUMN userlock_private.account.blocked_until IS
'When the block ends by itself; NULL: not blocked, or until unblocked.';
COMMENT ON COLUMN userlock_private.account.lock_sequence IS
'The number of the event that locked the user; NULL: not locked.';
COMMENT ON COLUMN userlock_private.account.block_sequence IS
'The number of the event that blocked the user; NULL: not blocked.';
COMMENT ON COLUMN userlock_private.account.access_valid_after IS
'The access floor: tokens issued before it are void; NULL: none are.';
COMMENT ON COLUMN userlock_private.account.locked_at IS
'When the lock was set; NULL: not locked.';
COMMENT ON COLUMN userlock_private.account.blocked_at IS
'When the block was set; NULL: not blocked.';
COMMENT ON COLUMN userlock_private.account.adoption IS
'The adoption whose table registered the user, who leaves with its row; NULL: none.';

CREATE TABLE userlock_private.event (
    tenant text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    from_state userlock.user_lock_state,
    to_state userlock.user_lock_state,
    at timestamptz NOT NULL,
    actor text,
    reason text,
    until timestamptz,
    details jsonb,
    attributes text[],
    batch uuid,
    PRIMARY KEY (tenant, user_id, sequence)
);

-- Events are written in the order of time, all but: small, and enough to find the
-- latest of many.
CREATE INDEX event_at ON userlock_private.event USING brin (at) WITH (autosummarize);

COMMENT ON TABLE userlock_private.event IS
'Everything that happened to each user, kept when the account is deleted; never changed, but for what prune_history() and erase_user() drop.';
COMMENT ON COLUMN userlock_private.event.tenant IS
'The organisation that owns the user.';
COMMENT ON COLUMN userlock_private.event.user_id IS
'The application''s own id of the user.';
COMMENT ON COLUMN userlock_private.event.sequence IS
'The number of the event: 1, 2, 3 and so on for each user, without gaps but for what was dropped.';
COMMENT ON COLUMN userlock_private.event.kind IS
'registered, locked, unlocked, lock_expired, blocked, unblocked, block_expired, access_revoked, access_floor_reset, profile_changed or deleted; pruned: what came until then was dropped.';
COMMENT ON COLUMN userlock_private.event.from_state IS
'The state before; NULL: there was no account.';
COMMENT ON COLUMN userlock_private.event.to_state IS
'The state after; NULL: there is no account any more.';
COMMENT ON COLUMN userlock_private.event.at IS
'When it happened, later than the event before: a clock that was set back is not followed but by access_floor_reset. An expiry happens at its exact moment.';
COMMENT ON COLUMN userlock_private.event.actor IS
'Who did it: the JWT''s "sub", else the session user; NULL: time itself.';
COMMENT ON COLUMN userlock_private.event.reason IS
'Why, in the words of the actor.';
COMMENT ON COLUMN userlock_private.event.until IS
'When the restriction ends, or ended, by itself; NULL: when lifted.';
COMMENT ON COLUMN userlock_private.event.details IS
'What the caller wished to keep with the event: a JSON object. Of a pruned one: what the events that were dropped come to.';
COMMENT ON COLUMN userlock_private.event.attributes IS
'Which attributes of the profile changed, never their values; NULL: the event is no profile_changed.';

COMMENT ON COLUMN userlock_private.event.batch IS
'What the event was written by, with others: a set-based call, an HTTP request, or what userlock.batch was set for; NULL: a call of its own.';

-- The document, and beside it what users are found by.
CREATE TABLE userlock_private.profile (
    tenant text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    document jsonb NOT NULL,
    user_name text,
    external_id text COLLATE "C",
    email text,
    display_name text,
    user_name_lower text COLLATE "C",
    email_lower text COLLATE "C",
    display_name_lower text COLLATE "C",
    PRIMARY KEY (tenant, user_id)
);

-- Without those who have none: else, as long as there are few profiles, the planner
-- takes any of them for as good as the key, and a session keeps the plan.
CREATE UNIQUE INDEX profile_user_name ON userlock_private.profile (tenant, user_name_lower)
WHERE user_name_lower IS NOT NULL;
CREATE INDEX profile_external_id ON userlock_private.profile (tenant, external_id)
WHERE external_id IS NOT NULL;
CREATE INDEX profile_email ON userlock_private.profile (tenant, email_lower)
WHERE email_lower IS NOT NULL;
CREATE INDEX profile_display_name ON userlock_private.profile (tenant, display_name_lower)
WHERE display_name_lower IS NOT NULL;
-- For protected roles, which few have.
CREATE INDEX profile_roles ON userlock_private.profile USING gin ((document -> 'roles') jsonb_path_ops)
WHERE document ? 'roles';

COMMENT ON TABLE userlock_private.profile IS
'What is known of each user who has a profile: a SCIM 2.0 core User document (RFC 7643, section 4.1).';
COMMENT ON COLUMN userlock_private.profile.tenant IS
'The organisation that owns the user.';
COMMENT ON COLUMN userlock_private.profile.user_id IS
'The application''s own id of the user.';
COMMENT ON COLUMN userlock_private.profile.document IS
'The profile, as it was given, without passwords.';
COMMENT ON COLUMN userlock_private.profile.user_name IS
'The profile''s userName, unique in the tenant in whatever case of letters; NULL: none.';
COMMENT ON COLUMN userlock_private.profile.external_id IS
'The profile''s externalId: what an identity provider calls the user; NULL: none.';
COMMENT ON COLUMN userlock_private.profile.email IS
'The profile''s primary e-mail address, else the first; NULL: none.';
COMMENT ON COLUMN userlock_private.profile.display_name IS
'The profile''s displayName; NULL: none.';
COMMENT ON COLUMN userlock_private.profile.user_name_lower IS
'lower(user_name), to compare with lower(...) of what is looked for.';
COMMENT ON COLUMN userlock_private.profile.email_lower IS
'lower(email), to compare with lower(...) of what is looked for.';
COMMENT ON COLUMN userlock_private.profile.display_name_lower IS
'lower(display_name), to compare with lower(...) of what is looked for.';

-- What refresh_statistics() has counted; see monitoring.sql.
CREATE TABLE userlock_private.tally (
    tenant text COLLATE "C" NOT NULL,
    metric text COLLATE "C" NOT NULL,
    label text COLLATE "C" NOT NULL,
    value bigint NOT NULL,
    PRIMARY KEY (tenant, metric, label)
);

COMMENT ON TABLE userlock_private.tally IS
'What was counted last, without the events after counted_from, which are counted whenever statistics is read. Not in a dump: what there was is counted anew.';
COMMENT ON COLUMN userlock_private.tally.tenant IS
'Whose users.';
COMMENT ON COLUMN userlock_private.tally.metric IS
'users, events or failed_logins.';
COMMENT ON COLUMN userlock_private.tally.label IS
'The state, the kind of event, counted or refused.';
COMMENT ON COLUMN userlock_private.tally.value IS
'How many; of users it may be less than none.';

CREATE TABLE userlock_private.counting (
    tenant text COLLATE "C" NOT NULL,
    counted_at timestamptz NOT NULL,
    counted_from timestamptz NOT NULL,
    ends_from timestamptz NOT NULL,
    verified_at timestamptz,
    problems bigint,
    PRIMARY KEY (tenant)
);

COMMENT ON TABLE userlock_private.counting IS
'When each tenant was counted last, which is when all were. Not in a dump.';
COMMENT ON COLUMN userlock_private.counting.tenant IS
'Who was counted.';
COMMENT ON COLUMN userlock_private.counting.counted_at IS
'When.';
COMMENT ON COLUMN userlock_private.counting.counted_from IS
'Whatever was not seen then happened after this moment.';
COMMENT ON COLUMN userlock_private.counting.ends_from IS
'No restriction that ended before this moment owes history an event after counted_from.';
COMMENT ON COLUMN userlock_private.counting.verified_at IS
'When verify() was run last; NULL: never.';
COMMENT ON COLUMN userlock_private.counting.problems IS
'How many problems it found; NULL: it was never run.';

-- They hold users' data: a dump of the database must carry it.
SELECT pg_extension_config_dump('userlock_private.account', '');
SELECT pg_extension_config_dump('userlock_private.event', '');
SELECT pg_extension_config_dump('userlock_private.profile', '');

