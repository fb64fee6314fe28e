-- What comes and goes over HTTP is UTF-8.
DO $$
BEGIN
    IF pg_catalog.getdatabaseencoding() OPERATOR(pg_catalog.<>) 'UTF8' THEN
        RAISE EXCEPTION 'database encoding % is not supported', pg_catalog.getdatabaseencoding()
            USING ERRCODE = 'feature_not_supported',
                  HINT = 'Create the extension in a database whose encoding is UTF8.';
    END IF;
END
$$;

-- Of the functions below only those that use operators and unqualified names in
-- PL/pgSQL pin the search_path, which takes longer than the rest of them.  In
-- the others there is nothing for it to change: SQL bodies are parsed when they
-- are created, and are inlined where they are called.

COMMENT ON SCHEMA userlock_http IS
'What the HTTP contracts share: the request, the response.';

