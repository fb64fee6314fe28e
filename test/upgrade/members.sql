-- What the extensions consist of, whichever way they came to their version.
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
SET search_path = pg_catalog;

CREATE TEMP VIEW member AS
SELECT d.classid, d.objid, e.extname, i.type, i.identity
FROM pg_depend AS d
JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
CROSS JOIN pg_identify_object(d.classid, d.objid, 0) AS i
WHERE d.deptype = 'e' AND e.extname LIKE 'userlock%';

-- Whom a privilege was given, in an order of its own.
CREATE FUNCTION pg_temp.given(acl aclitem[]) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(concat_ws(' ', CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, privilege_type), ', '
        ORDER BY grantee, privilege_type), '') FROM aclexplode(acl)
$$;

SELECT extname, type, identity, obj_description(objid, classid::regclass::name) FROM member
WHERE type NOT IN ('table constraint') ORDER BY 1, 2, 3;

SELECT identity, pg_get_functiondef(p.oid), pg_get_userbyid(p.proowner) = pg_get_userbyid(10), pg_temp.given(coalesce(p.proacl, acldefault('f', p.proowner)))
FROM member JOIN pg_proc AS p ON classid = 'pg_proc'::regclass AND objid = p.oid AND p.prokind <> 'a'
ORDER BY 1;

SELECT identity, c.relkind, c.reloptions, c.relrowsecurity, c.relforcerowsecurity, pg_temp.given(coalesce(c.relacl, acldefault('r', c.relowner))),
    CASE c.relkind WHEN 'v' THEN pg_get_viewdef(c.oid) END
FROM member JOIN pg_class AS c ON classid = 'pg_class'::regclass AND objid = c.oid
ORDER BY 1;

SELECT identity, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attcollation::regcollation,
    pg_get_expr(d.adbin, d.adrelid), a.attstorage, pg_temp.given(a.attacl), col_description(a.attrelid, a.attnum)
FROM member JOIN pg_attribute AS a ON classid = 'pg_class'::regclass AND objid = a.attrelid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
ORDER BY 1, 2;
SELECT identity, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), col_description(a.attrelid, a.attnum)
FROM member JOIN pg_type AS t ON classid = 'pg_type'::regclass AND objid = t.oid
JOIN pg_attribute AS a ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY 1, 2;
SELECT identity, pg_temp.given(coalesce(t.typacl, acldefault('T', t.typowner))) FROM member JOIN pg_type AS t ON classid = 'pg_type'::regclass AND objid = t.oid ORDER BY 1;
SELECT identity, pg_temp.given(coalesce(n.nspacl, acldefault('n', n.nspowner))) FROM member JOIN pg_namespace AS n ON classid = 'pg_namespace'::regclass AND objid = n.oid ORDER BY 1;

SELECT identity, pg_get_indexdef(i.indexrelid) FROM member JOIN pg_index AS i ON classid = 'pg_class'::regclass AND objid = i.indrelid ORDER BY 1, 2;
SELECT identity, c.conname, pg_get_constraintdef(c.oid) FROM member JOIN pg_constraint AS c ON classid = 'pg_class'::regclass AND objid = c.conrelid ORDER BY 1, 2;
SELECT identity, p.polname, p.polcmd, p.polpermissive, p.polroles, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
FROM member JOIN pg_policy AS p ON classid = 'pg_class'::regclass AND objid = p.polrelid ORDER BY 1, 2;
SELECT identity, t.tgname, pg_get_triggerdef(t.oid) FROM member JOIN pg_trigger AS t ON classid = 'pg_class'::regclass AND objid = t.tgrelid ORDER BY 1, 2;

SELECT extname, extversion, extrelocatable, dumped.relation::regclass, dumped.condition
FROM pg_extension LEFT JOIN LATERAL unnest(extconfig, extcondition) AS dumped (relation, condition) ON true
WHERE extname LIKE 'userlock%' ORDER BY 1, 4;
