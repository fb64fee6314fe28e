--
-- SCIM: the schema of a User (RFC 7643, section 4.1)
--
-- One table says which attributes there are: clients are told by it, and by it
-- is judged what of a document is shown and kept.
--

CREATE FUNCTION userlock_http.scim_schema()
RETURNS TABLE (name text, part text, type text, is_multiple boolean, description text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 70
BEGIN ATOMIC
    SELECT * FROM (VALUES
        ('userName', NULL, 'string', false, 'The name that the user signs in with, in any case of letters.'),
        ('name', NULL, 'complex', false, 'The parts of the real name.'),
        ('name', 'formatted', 'string', false, 'The whole name, as it is shown.'),
        ('name', 'familyName', 'string', false, 'The family name.'),
        ('name', 'givenName', 'string', false, 'The given name.'),
        ('name', 'middleName', 'string', false, 'The middle names.'),
        ('name', 'honorificPrefix', 'string', false, 'What is said before the name, such as Dr.'),
        ('name', 'honorificSuffix', 'string', false, 'What is said after the name, such as III.'),
        ('displayName', NULL, 'string', false, 'The name that others are shown.'),
        ('nickName', NULL, 'string', false, 'What the user is called by friends.'),
        ('profileUrl', NULL, 'reference', false, 'Where on the web the user has a page.'),
        ('title', NULL, 'string', false, 'The title at work.'),
        ('userType', NULL, 'string', false, 'How the user belongs to the organisation, such as Contractor.'),
        ('preferredLanguage', NULL, 'string', false, 'The languages preferred, as in Accept-Language.'),
        ('locale', NULL, 'string', false, 'How numbers, dates and currencies are written.'),
        ('timezone', NULL, 'string', false, 'The time zone, by its name in the Olson database.'),
        ('active', NULL, 'boolean', false, 'Whether the user is not blocked.'),
        ('emails', NULL, 'complex', true, 'The addresses of e-mail.'),
        ('phoneNumbers', NULL, 'complex', true, 'The numbers of telephones.'),
        ('ims', NULL, 'complex', true, 'The addresses of instant messaging.'),
        ('photos', NULL, 'complex', true, 'Where pictures of the user are.'),
        ('addresses', NULL, 'complex', true, 'The postal addresses.'),
        ('addresses', 'formatted', 'string', false, 'The whole address, as it is written on a letter.'),
        ('addresses', 'streetAddress', 'string', false, 'The street, the house, a post box.'),
        ('addresses', 'locality', 'string', false, 'The city or town.'),
        ('addresses', 'region', 'string', false, 'The state or region.'),
        ('addresses', 'postalCode', 'string', false, 'The postal code.'),
        ('addresses', 'country', 'string', false, 'The country, by its two letters.'),
        ('entitlements', NULL, 'complex', true, 'What the user has a right to.'),
        ('roles', NULL, 'complex', true, 'What the user is, such as Student.'),
        ('x509Certificates', NULL, 'complex', true, 'The certificates issued to the user.')
    ) AS attribute (name, part, type, is_multiple, description)
    UNION ALL
    -- What every attribute of several values has.
    SELECT owner.name, part.name,
        CASE WHEN part.name <> 'value' THEN part.type ELSE owner.type_of_value END, false, part.description
    FROM (VALUES ('emails', 'string'), ('phoneNumbers', 'string'), ('ims', 'string'), ('photos', 'reference'),
        ('addresses', NULL), ('entitlements', 'string'), ('roles', 'string'), ('x509Certificates', 'binary')
    ) AS owner (name, type_of_value)
    CROSS JOIN (VALUES
        ('value', NULL, 'The value itself.'),
        ('display', 'string', 'What it is shown as.'),
        ('type', 'string', 'What it is for, such as work or home.'),
        ('primary', 'boolean', 'Whether it is the one preferred; at most one is.')
    ) AS part (name, type, description)
    WHERE owner.type_of_value IS NOT NULL OR part.name IN ('type', 'primary');
END;

REVOKE EXECUTE ON FUNCTION userlock_http.scim_schema FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_schema IS
'The attributes of a User that SCIM sees, and the parts of those that are complex.';

CREATE FUNCTION userlock_http.scim_definitions()
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT jsonb_object_agg(lower(a.name), jsonb_build_object('name', a.name, 'type', a.type, 'is_multiple', a.is_multiple, 'parts', (
        SELECT jsonb_object_agg(lower(p.part), jsonb_build_object('name', p.part, 'type', p.type, 'is_multiple', false))
        FROM userlock_http.scim_schema() AS p WHERE p.name = a.name AND p.part IS NOT NULL)))
    FROM (
        SELECT s.name, s.type, s.is_multiple FROM userlock_http.scim_schema() AS s WHERE s.part IS NULL AND s.name <> 'active'
        UNION ALL SELECT 'externalId', 'string', false
    ) AS a
);

REVOKE EXECUTE ON FUNCTION userlock_http.scim_definitions FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_definitions IS
'The attributes that a profile holds for SCIM, each by its name in lower case. The state of an account is none of them.';

CREATE FUNCTION userlock_http.scim_attribute_json(name text, type text, is_multiple boolean, description text, parts text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN format('{"name":%s,"type":%s,"multiValued":%s,"description":%s,"required":%s,"caseExact":%s,"mutability":"readWrite","returned":"default","uniqueness":"%s"',
        to_json(name), to_json(type), to_json(is_multiple), to_json(description), to_json(name = 'userName'),
        to_json(type = ANY ('{reference,binary}'::text[])), CASE name WHEN 'userName' THEN 'server' ELSE 'none' END)
    || CASE WHEN type = 'reference' THEN ',"referenceTypes":["external"]' ELSE '' END
    || coalesce(',"subAttributes":[' || parts || ']', '') || '}';

REVOKE EXECUTE ON FUNCTION userlock_http.scim_attribute_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_attribute_json IS
'An attribute of a schema (RFC 7643, section 7). parts: those of one that is complex.';

CREATE FUNCTION userlock_http.scim_schema_json(base text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT format('{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"urn:ietf:params:scim:schemas:core:2.0:User","name":"User",'
        '"description":"User Account","attributes":[%s],"meta":{"resourceType":"Schema","location":%s}}',
        string_agg(userlock_http.scim_attribute_json(a.name, a.type, a.is_multiple, a.description, (
            SELECT string_agg(userlock_http.scim_attribute_json(p.part, p.type, p.is_multiple, p.description, NULL), ',' ORDER BY p.ordinality)
            FROM userlock_http.scim_schema() WITH ORDINALITY AS p WHERE p.name = a.name AND p.part IS NOT NULL)), ',' ORDER BY a.ordinality),
        to_json(base || '/Schemas/urn:ietf:params:scim:schemas:core:2.0:User'))
    FROM userlock_http.scim_schema() WITH ORDINALITY AS a WHERE a.part IS NULL
);

REVOKE EXECUTE ON FUNCTION userlock_http.scim_schema_json FROM PUBLIC;
COMMENT ON FUNCTION userlock_http.scim_schema_json IS
'The schema of a User, as clients are told it.';
