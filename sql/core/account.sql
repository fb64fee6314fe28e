--
-- Accounts
--

CREATE FUNCTION userlock.register_user(
    user_id text,
    tenant text DEFAULT NULL,
    profile jsonb DEFAULT NULL)
RETURNS userlock.user_status
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_register_user';

REVOKE EXECUTE ON FUNCTION userlock.register_user FROM PUBLIC;
COMMENT ON FUNCTION userlock.register_user IS
$$Registers a user, who is active.

user_id: the application's own id, 1 to 200 characters, unique in the tenant. tenant: NULL means the caller's own. profile: a SCIM 2.0 User document kept with the user, see set_profile(). An id that was used before goes on with its history, as restricted as it was when deleted, and tokens from before stay void. Returns the user's status. Errors: PT403 not the caller's tenant, PT409 already registered, or the user name is taken, PT422 invalid argument.$$;

CREATE FUNCTION userlock.delete_user(
    user_id text,
    reason text DEFAULT NULL,
    tenant text DEFAULT NULL,
    expected_sequence bigint DEFAULT NULL,
    idempotent boolean DEFAULT false,
    details jsonb DEFAULT NULL)
RETURNS userlock.user_status
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_delete_user';

REVOKE EXECUTE ON FUNCTION userlock.delete_user FROM PUBLIC;
COMMENT ON FUNCTION userlock.delete_user IS
$$Deletes a user's account and profile; the history stays.

tenant: NULL means the caller's own. expected_sequence: refuse if the user's last event is another. idempotent: accept that there is no such user, and return NULL. details: a JSON object kept with the event. Returns the status that the user had. Errors: PT403 not the caller's tenant, PT404 no such user, PT412 sequence differs, PT422 invalid argument.$$;

CREATE FUNCTION userlock.set_profile(
    user_id text,
    profile jsonb,
    reason text DEFAULT NULL,
    tenant text DEFAULT NULL,
    expected_sequence bigint DEFAULT NULL,
    idempotent boolean DEFAULT false,
    details jsonb DEFAULT NULL)
RETURNS userlock.user_status
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_set_profile';

REVOKE EXECUTE ON FUNCTION userlock.set_profile FROM PUBLIC;
COMMENT ON FUNCTION userlock.set_profile IS
$$Replaces what is known of a person beside the state; history tells which attributes changed, never their values.

profile: a SCIM 2.0 core User document (RFC 7643, section 4.1) of at most 65536 bytes, and whatever else an application keeps in it; passwords in it are left out; NULL takes the profile away. userName is unique in the tenant, in whatever case of letters. tenant: NULL means the caller's own. expected_sequence: refuse if the user's last event is another. idempotent: accept a profile that is the same, and change nothing. details: a JSON object kept with the event. Returns the user's status. Errors: PT400 the profile is the same, PT403 not the caller's tenant, PT404 no such user, PT409 the user name is taken, PT412 sequence differs, PT422 invalid argument.$$;

CREATE FUNCTION userlock.revoke_access(
    user_id text,
    reason text DEFAULT NULL,
    tenant text DEFAULT NULL,
    expected_sequence bigint DEFAULT NULL,
    details jsonb DEFAULT NULL)
RETURNS userlock.user_status
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_revoke_access';

REVOKE EXECUTE ON FUNCTION userlock.revoke_access FROM PUBLIC;
COMMENT ON FUNCTION userlock.revoke_access IS
$$Makes every token void that was issued to a user until now; the state stays.

tenant: NULL means the caller's own. expected_sequence: refuse if the user's last event is another. details: a JSON object kept with the event. Returns the user's status. Errors: PT403 not the caller's tenant, PT404 no such user, PT412 sequence differs, PT422 invalid argument.$$;

CREATE FUNCTION userlock.reset_access_floor(
    user_id text,
    reason text DEFAULT NULL,
    tenant text DEFAULT NULL,
    expected_sequence bigint DEFAULT NULL,
    details jsonb DEFAULT NULL)
RETURNS userlock.user_status
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_reset_access_floor';

REVOKE EXECUTE ON FUNCTION userlock.reset_access_floor FROM PUBLIC;
COMMENT ON FUNCTION userlock.reset_access_floor IS
$$For a user whose last event lies in the future, because the clock was wrong: has their history go on at the present, and makes tokens void that were issued until now, and no longer those issued from now on.

For administrators: tokens that were issued while the clock was ahead, and revoked, are good again once their time has come. The state stays; failed logins are forgotten. tenant: NULL means the caller's own. expected_sequence: refuse if the user's last event is another. details: a JSON object kept with the event. Returns the user's status. Errors: PT400 the last event is not in the future, PT403 not the caller's tenant, PT404 no such user, PT412 sequence differs, PT422 invalid argument.$$;

CREATE FUNCTION userlock.user_status(
    user_id text,
    tenant text DEFAULT NULL)
RETURNS userlock.user_status
LANGUAGE C STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_user_status';

REVOKE EXECUTE ON FUNCTION userlock.user_status FROM PUBLIC;
COMMENT ON FUNCTION userlock.user_status(text, text) IS
$$The user as they are now.

A restriction whose end has passed does not hold. tenant: NULL means the caller's own. Writes nothing, also works in a read-only transaction and on a standby. Errors: PT403 not the caller's tenant, PT404 no such user, PT422 invalid argument.$$;

CREATE FUNCTION userlock.user_profile(
    user_id text,
    tenant text DEFAULT NULL)
RETURNS jsonb
LANGUAGE C STABLE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_user_profile';

REVOKE EXECUTE ON FUNCTION userlock.user_profile FROM PUBLIC;
COMMENT ON FUNCTION userlock.user_profile IS
$$The user's profile, as set_profile() and register_user() were given it, without passwords; NULL: none, or no such user.

It may hold personal data: grant this to whoever may see it. tenant: NULL means the caller's own. Errors: PT403 not the caller's tenant, PT422 invalid argument.$$;

