--
-- SCIM: how a PUT or a PATCH changes a user
--

CREATE FUNCTION userlock_http.scim_is_expected(sequence bigint)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(bool_or(btrim(tag) = '*' OR regexp_replace(btrim(tag), '^W/', '') = format('"%s"', sequence)), true)
    FROM string_to_table(nullif(userlock_http.header('if-match'), ''), ',') AS tag
);

REVOKE EXECUTE ON FUNCTION userlock_http.scim_is_expected FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_is_expected IS
'Is this version of a user among those that If-Match names? True where it names none.';

CREATE FUNCTION userlock_http.scim_set_active(user_id text, active boolean, expected_sequence bigint)
RETURNS userlock.transition_outcome
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    outcome userlock.transition_outcome;
BEGIN
    IF active THEN
        outcome := userlock.try_transition('unblock', user_id, 'reactivated by the identity provider', expected_sequence => expected_sequence,
            idempotent => true, details => '{"scim": true}', expected_details => '{"scim": true}');
        -- Somebody else's block stays, and shows.
        IF outcome.outcome = 'details_differ' THEN
            outcome.sqlstate := '00000';
        END IF;
    ELSE
        outcome := userlock.try_transition('block', user_id, 'deactivated by the identity provider', expected_sequence => expected_sequence,
            idempotent => true, details => '{"scim": true}');
    END IF;
    RETURN outcome;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_set_active FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_set_active IS
'Blocks a user for the identity provider, or lifts such a block and no other; either way nobody else changes the user before the transaction ends.';

CREATE FUNCTION userlock_http.scim_goes_by_id(user_id text)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    outcome userlock.transition_outcome := userlock_http.try_status(user_id);
BEGIN
    RETURN outcome.sqlstate = '00000' AND NOT userlock_http.scim_shown(userlock_http.profile(user_id)) ? 'userName';
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_goes_by_id FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_goes_by_id IS
'Is there a user of this id who has no user name? The id is it then, and nobody else''s to take.';

CREATE FUNCTION userlock_http.scim_replace(replacement jsonb, INOUT attributes jsonb, OUT active boolean, OUT trouble text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given jsonb := userlock_http.attribute(replacement, 'active');
    given_name jsonb := userlock_http.attribute(replacement, 'userName');
    replaced jsonb := userlock_http.scim_shown(replacement);
BEGIN
    active := userlock_http.scim_truth(given);
    IF given <> 'null' AND active IS NULL OR given_name <> 'null' AND NOT replaced ? 'userName' THEN
        trouble := 'invalidValue';
    END IF;
    -- A name that is not said is not taken away.
    attributes := jsonb_strip_nulls(jsonb_build_object('userName', attributes -> 'userName')) || replaced;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_replace FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_replace IS
'What a PUT makes of a user''s attributes, and whether the user shall be active; NULL: nothing is said of that. trouble: as of scim_patch().';

CREATE FUNCTION userlock_http.scim_wanted(operations jsonb, replacement jsonb, INOUT attributes jsonb, OUT active boolean, OUT trouble text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF operations IS NULL THEN
        SELECT * INTO attributes, active, trouble FROM userlock_http.scim_replace(replacement, attributes);
    ELSE
        SELECT * INTO attributes, active, trouble FROM userlock_http.scim_patch(operations, attributes);
    END IF;
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_wanted FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_wanted IS
'What a PATCH (operations) or a PUT (replacement) makes of a user: see scim_patch() and scim_replace().';

CREATE FUNCTION userlock_http.scim_change(operations jsonb, replacement jsonb)
RETURNS userlock_http."*/*"
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    user_id text := userlock_http.user_id();
    is_conditional boolean := coalesce(userlock_http.header('if-match'), '') <> '';
    outcome userlock.transition_outcome;
    status userlock.user_status;
    profile jsonb;
    shown jsonb;
    wanted record;
    user_name text;
    kept jsonb;
BEGIN
    wanted := userlock_http.scim_wanted(operations, replacement, '{}');
    IF NOT userlock_http.may_execute(CASE wanted.active WHEN true THEN 'unblock_user' WHEN false THEN 'block_user' ELSE 'set_profile' END) THEN
        RETURN userlock_http.scim_refuse(403);
    END IF;
    -- Whoever changes the user between a look and a change has us look again.
    FOR attempt IN 1..10 LOOP
        outcome := userlock_http.try_status(user_id);
        status := outcome.status;
        IF outcome.sqlstate <> '00000' THEN
            RETURN userlock_http.scim_refuse_outcome(outcome);
        ELSIF NOT userlock_http.scim_is_expected(status.sequence) THEN
            RETURN userlock_http.scim_refuse(412);
        END IF;
        profile := userlock_http.profile(user_id);
        shown := userlock_http.scim_shown(profile);
        wanted := userlock_http.scim_wanted(operations, replacement, shown);
        user_name := wanted.attributes ->> 'userName';
        -- Nobody stays because of a title that cannot be read.
        IF wanted.trouble IS NOT NULL AND wanted.active IS NULL THEN
            RETURN userlock_http.scim_refuse(400, wanted.trouble);
        END IF;

        IF wanted.active IS NOT NULL THEN
            outcome := userlock_http.scim_set_active(user_id, wanted.active, status.sequence);
            CONTINUE WHEN outcome.sqlstate = 'PT412' AND NOT is_conditional;
            IF outcome.sqlstate <> '00000' THEN
                RETURN userlock_http.scim_refuse_outcome(outcome);
            END IF;
            status := outcome.status;
        END IF;
        kept := userlock_http.scim_kept(profile, wanted.attributes);
        IF kept <> coalesce(profile, '{}') THEN
            IF user_name IS DISTINCT FROM shown ->> 'userName' AND user_name <> user_id AND userlock_http.scim_goes_by_id(user_name) THEN
                outcome.sqlstate := 'PT409';
            ELSE
                outcome := userlock_http.try_change('set_profile', user_id, kept, status.sequence, 'by the identity provider');
            END IF;
            CONTINUE WHEN outcome.sqlstate = 'PT412' AND NOT is_conditional;
            IF outcome.sqlstate = '00000' THEN
                status := outcome.status;
                profile := userlock_http.profile(user_id);
            ELSIF wanted.active IS NULL THEN
                RETURN userlock_http.scim_refuse_outcome(outcome);
            END IF;
        END IF;
        RETURN userlock_http.scim_answer(status, profile);
    END LOOP;
    RETURN userlock_http.scim_refuse(412);
END
$$;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_change FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_change IS
'Makes what a PATCH (operations) or a PUT (replacement) says of the user that the path names, and answers with the user. What is said of active is done whatever stands against the rest, which is then left out.';
