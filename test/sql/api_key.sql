-- API keys: made, found by their digest, rotated, revoked.
\set VERBOSITY verbose
\set SHOW_CONTEXT never
CREATE EXTENSION userlock_http;
SET search_path = userlock, userlock_private, userlock_http, public;
CREATE ROLE regress_userlock_support;
CREATE ROLE regress_userlock_admin;

-- What comes back is the key; what is kept is its digest.
SELECT create_api_key('billing', 'regress_userlock_support') AS key \gset
SELECT :'key' ~ '^ulk_[0-9a-f]{64}$' AS well_formed;
SELECT name, tenant, role, expires_at, digest = sha256(:'key') AS digest FROM api_key;
SELECT position(:'key' IN to_jsonb(k)::text) AS stored FROM api_key AS k;
SELECT api_key_claims(:'key');
SELECT api_key_claims('ulk_' || repeat('0', 64)), api_key_claims(''), api_key_claims(NULL);

-- One good key for each tenant and name.
\set VERBOSITY terse
SELECT create_api_key('billing', 'regress_userlock_support');
SELECT create_api_key('billing', 'regress_userlock_support', 'globex', now() + interval '1 hour') AS globex_key \gset
SELECT api_key_claims(:'globex_key');

-- Rotated: the new key at once, the old one as long as is asked.
SELECT rotate_api_key('billing', overlap => '1 hour') AS new_key \gset
SELECT api_key_claims(:'key') = api_key_claims(:'new_key') AS same, :'key' = :'new_key' AS equal;
SELECT rotate_api_key('billing') AS newest_key \gset
SELECT api_key_claims(:'key') AS old, api_key_claims(:'new_key') AS new, api_key_claims(:'newest_key') IS NULL AS newest;

-- Revoked.
SELECT revoke_api_key('billing');
SELECT api_key_claims(:'newest_key');
SELECT revoke_api_key('billing');
SELECT rotate_api_key('nobody');
SELECT api_key_claims(:'globex_key') IS NULL AS globex;
-- The name is free again.
SELECT create_api_key('billing', 'regress_userlock_support') <> :'key' AS made;

-- Expired by itself.
SELECT create_api_key('brief', 'regress_userlock_support', expires_at => now() + interval '20 ms') AS brief_key \gset
SELECT pg_sleep(0.03);
SELECT api_key_claims(:'brief_key');

-- Bad arguments.
SELECT create_api_key('', 'regress_userlock_support');
SELECT create_api_key(NULL, 'regress_userlock_support');
SELECT create_api_key(repeat('n', 201), 'regress_userlock_support');
SELECT create_api_key('late', 'regress_userlock_support', expires_at => now());
SELECT create_api_key('late', 'regress_userlock_nobody');
SELECT create_api_key('late', NULL);
SELECT create_api_key('late', 'regress_userlock_support', '');
SELECT create_api_key('late', 'regress_userlock_support', repeat('t', 201));
SELECT rotate_api_key('billing', expires_at => now());
SELECT rotate_api_key('billing', overlap => '-1 day');
SELECT rotate_api_key('billing', overlap => '300000 years');

-- Nobody may until it is granted, and then nobody gives what they have not.
SET ROLE regress_userlock_admin;
SELECT create_api_key('mine', 'regress_userlock_admin');
SELECT rotate_api_key('billing');
SELECT revoke_api_key('billing');
SELECT userlock_http.api_key_claims('key');
SELECT userlock_private.issue_api_key('mine', 'regress_userlock_support', 'default', NULL);
SELECT userlock_private.end_api_key('billing', NULL, '0');
SELECT name FROM userlock_private.api_key;
RESET ROLE;
GRANT EXECUTE ON FUNCTION create_api_key, rotate_api_key TO regress_userlock_admin;
SET ROLE regress_userlock_admin;
SELECT create_api_key('mine', 'regress_userlock_support');
SELECT rotate_api_key('billing');
SELECT create_api_key('mine', 'regress_userlock_admin') IS NOT NULL AS made;
SELECT rotate_api_key('mine') IS NOT NULL AS rotated;
SET request.jwt.claims = '{"tenant": "acme"}';
SELECT create_api_key('mine', 'regress_userlock_admin', 'globex');
SELECT rotate_api_key('billing', 'globex');
SELECT create_api_key('mine', 'regress_userlock_admin') IS NOT NULL AS made;
RESET request.jwt.claims;
RESET ROLE;
SELECT name, tenant, role, expires_at = 'infinity' AS lasting FROM api_key WHERE expires_at > now() ORDER BY tenant, name;

TRUNCATE api_key;
DROP EXTENSION userlock_http;
DROP OWNED BY regress_userlock_support, regress_userlock_admin;
DROP ROLE regress_userlock_support, regress_userlock_admin;
