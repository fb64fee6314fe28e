-- The type is for everybody's tables.  What changes or reveals anything is
-- guarded by EXECUTE and SELECT, which nobody has until they are granted.
GRANT USAGE ON SCHEMA userlock TO PUBLIC;

COMMENT ON SCHEMA userlock IS
'May this user come in? Lock states of application users, changed only through checked transitions, with their history.';

-- Tables, the grounds of the views, and what functions here have in common.  Nobody
-- is let in: what PUBLIC may do with what is there, the type and the views do for them.
CREATE SCHEMA userlock_private;

COMMENT ON SCHEMA userlock_private IS
'What userlock is made of: not an interface, and subject to change.';

