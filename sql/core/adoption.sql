--
-- Existing tables of users: their rows become users, and are followed
--
-- C functions throughout: the tables belong to others, whose casts, indexes and
-- policies must not be evaluated with our rights.
--

-- EXECUTE is for those who make partitions of an adopted table: the server copies
-- the trigger in their name.
CREATE FUNCTION userlock.follow_row()
RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_follow_row';

REVOKE EXECUTE ON FUNCTION userlock.follow_row FROM PUBLIC;
COMMENT ON FUNCTION userlock.follow_row IS
'Trigger of an adopted table and its partitions, after each row; of a partitioned one also before UPDATE, where the id of a restricted user stays: PT400 user_restricted. Arguments: the adoption, the tenant of rows that name none, and what the columns of UPDATE OF are for: id, tenant, user_name, email, or several of these joined by +; without that the id and, if there are two, the tenant.';

CREATE FUNCTION userlock_private.follow_truncate()
RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_follow_truncate';

REVOKE EXECUTE ON FUNCTION userlock_private.follow_truncate FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.follow_truncate IS
'Trigger of each table that holds rows of an adopted one, before TRUNCATE. Argument: the adoption.';

CREATE FUNCTION userlock_private.follow_partitions()
RETURNS event_trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_follow_partitions';

REVOKE EXECUTE ON FUNCTION userlock_private.follow_partitions FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.follow_partitions IS
'Event trigger after CREATE TABLE and ALTER TABLE: the rows of a partition that an adopted table gains become users, and those of one that it loses leave.';

CREATE EVENT TRIGGER userlock_follow_partitions ON ddl_command_end
WHEN TAG IN ('CREATE TABLE', 'CREATE FOREIGN TABLE', 'CREATE SCHEMA', 'ALTER TABLE')
EXECUTE FUNCTION userlock_private.follow_partitions();

COMMENT ON EVENT TRIGGER userlock_follow_partitions IS
'Has partitions of adopted tables followed from the moment on that they are attached.';

CREATE FUNCTION userlock.adopt(
    users regclass,
    id_column name,
    tenant_column name DEFAULT NULL,
    user_name_column name DEFAULT NULL,
    email_column name DEFAULT NULL)
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_adopt';

REVOKE EXECUTE ON FUNCTION userlock.adopt FROM PUBLIC;
COMMENT ON FUNCTION userlock.adopt IS
$$Registers the rows of a table as users, and has its inserts, deletes, changed ids and TRUNCATE followed from now on, by triggers; also what it calls its users, in their profiles.

users: a table that the caller owns. id_column: of type text, varchar, uuid, smallint, integer or bigint, as is tenant_column; NULL: all are in the caller's own tenant, and so are rows whose tenant is NULL. user_name_column, email_column: of type text, varchar or citext; what they say is the profile's userName and the primary one of its emails, the rest of it stays; NULL: not followed. Users registered already stay as they are, and stay when their row goes. Whoever comes back is as restricted as they left. Returns how many were registered; a NOTICE tells after each 100000 rows. Errors, also of the rows that come later: 42501 not the owner, PT403 a row of a tenant that is not the caller's, PT409 a user name that another user of the tenant has, PT422 no such columns, or a row whose id, user name or e-mail address no user can have.$$;

CREATE FUNCTION userlock.release(users regclass)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'userlock_release';

REVOKE EXECUTE ON FUNCTION userlock.release FROM PUBLIC;
COMMENT ON FUNCTION userlock.release IS
$$No longer follows a table that was adopted; its users stay registered, with their profiles. Does nothing to another table.

Error: 42501 the caller does not own it.$$;

