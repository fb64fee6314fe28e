-- What comes and goes over HTTP is UTF-8.
DO $$
BEGIN
    IF getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION 'database encoding % is not supported', getdatabaseencoding()
            USING ERRCODE = 'feature_not_supported',
                  HINT = 'Create the extension in a database whose encoding is UTF8.';
    END IF;
END
$$;

-- PL/pgSQL pins the search_path, as everywhere.  SQL bodies are parsed as they are
-- created, under the one of this script, and are inlined where they are called.

COMMENT ON SCHEMA userlock_http IS
'What the HTTP contracts share: the request, the response.';

