--
-- Erasure: a person's data is removed for good
--
-- What remains is what keeps old tokens void should the id be used again: a moment
-- under a keyed hash of the id, and of the id nothing.  The keys are in a table of
-- their own: the hashes alone, in whatever hands, do not tell whether an id is among
-- them.  Whoever has both may try ids.
--

CREATE TABLE userlock_private.erasure_key (
    tenant text COLLATE "C" PRIMARY KEY,
    key bytea NOT NULL
);

COMMENT ON TABLE userlock_private.erasure_key IS
'For each tenant in which somebody was erased, what their ids are hashed with.';
COMMENT ON COLUMN userlock_private.erasure_key.tenant IS
'Whose key it is.';
COMMENT ON COLUMN userlock_private.erasure_key.key IS
'32 random bytes, made at the first erasure.';

CREATE TABLE userlock_private.erasure (
    tenant text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    access_valid_after timestamptz NOT NULL,
    PRIMARY KEY (tenant, digest)
);

COMMENT ON TABLE userlock_private.erasure IS
'What remains of users who were erased: from when on a token of the id may be good.';
COMMENT ON COLUMN userlock_private.erasure.tenant IS
'The organisation that owned the user.';
COMMENT ON COLUMN userlock_private.erasure.digest IS
'HMAC-SHA256 of the user id (in UTF-8, if the database has an encoding), with the tenant''s key.';
COMMENT ON COLUMN userlock_private.erasure.access_valid_after IS
'When the user was erased: tokens issued before are void.';

SELECT pg_extension_config_dump('userlock_private.erasure_key', '');
SELECT pg_extension_config_dump('userlock_private.erasure', '');

CREATE FUNCTION userlock.erase_user(
    user_id text,
    tenant text DEFAULT NULL,
    OUT events bigint,
    OUT login_failures bigint,
    OUT access_valid_after timestamptz)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_erase_user';

REVOKE EXECUTE ON FUNCTION userlock.erase_user FROM PUBLIC;
COMMENT ON FUNCTION userlock.erase_user IS
$$Removes all that is kept of a user, for good: account, profile, history, restrictions, counts of failed logins. Tokens issued until now stay void, also when the id is used again.

tenant: NULL means the caller's own. events, login_failures: how many there were. access_valid_after: tokens issued before it are void. What the user did to others stays in their histories. Errors: PT400 an adopted table that the user came from has their row, PT403 not the caller's tenant, PT404 nothing is kept of such a user, PT422 invalid argument.$$;
