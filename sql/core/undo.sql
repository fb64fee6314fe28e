--
-- What one call did to many users, and how it is taken back
--

CREATE FUNCTION userlock_private.batch_changes(tenant text, batch uuid, since timestamptz)
RETURNS TABLE (user_id text, sequence bigint, locks integer, blocks integer)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
-- The index by time gives nothing but bitmaps, which whoever calls may have switched off.
SET enable_bitmapscan = on
AS $$
BEGIN
    -- Planned for this moment: the same plan does not serve a day and a year.
    RETURN QUERY EXECUTE
        'SELECT e.user_id, max(e.sequence),'
        ' (count(*) FILTER (WHERE e.kind = ''locked'') - count(*) FILTER (WHERE e.kind = ''unlocked''))::integer,'
        ' (count(*) FILTER (WHERE e.kind = ''blocked'') - count(*) FILTER (WHERE e.kind = ''unblocked''))::integer'
        ' FROM userlock_private.event AS e'
        ' WHERE e.at >= $3 AND e.tenant = $1 AND e.batch = $2'
        ' GROUP BY e.user_id ORDER BY e.user_id'
        USING tenant, batch, since;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_private.batch_changes FROM PUBLIC;
COMMENT ON FUNCTION userlock_private.batch_changes IS
'The users of whom a batch wrote events since a moment: its last event, how often it locked them less how often it unlocked them, and likewise of the block.';

CREATE FUNCTION userlock.undo(
    batch uuid,
    reason text DEFAULT NULL,
    tenant text DEFAULT NULL,
    since timestamptz DEFAULT NULL,
    dry_run boolean DEFAULT false)
RETURNS SETOF userlock.transition_outcome
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100
AS 'MODULE_PATHNAME', 'userlock_undo';

REVOKE EXECUTE ON FUNCTION userlock.undo FROM PUBLIC;
COMMENT ON FUNCTION userlock.undo IS
$$Takes back what one batch did to the users of a tenant: what it locked is unlocked, what it unlocked is locked again with the reason, end and details of before, and so of the block. Returns an outcome for each user, in key order: sequence_differs where anything has happened to the user since, change_not_undoable where the batch did not change the state.

The caller needs EXECUTE on the core functions that it takes. batch: of an event, see user_history; the call's own events have another. reason: of what is lifted. tenant: NULL means the caller's own. since: how far back the batch is looked for; NULL: seven days. dry_run: tell what would come of it, and change nothing. Tokens that were made void stay void. Errors of the whole call: PT403 no permission, PT404 no such batch, PT422 invalid argument.$$;
