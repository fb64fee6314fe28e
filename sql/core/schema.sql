-- The type is for everybody's tables.  What changes or reveals anything is
-- guarded by EXECUTE and SELECT, which nobody has until they are granted.
GRANT USAGE ON SCHEMA userlock TO PUBLIC;

COMMENT ON SCHEMA userlock IS
'May this user come in? Lock states of application users, changed only through checked transitions, with their history.';

