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

-- PostgREST exposes the schemas of the contracts, in which every function is a call.
-- What these call in turn is here, with the caller's rights: what all contracts share,
-- and with a contract's name before it what is its own.  PL/pgSQL pins the search_path,
-- as everywhere.  SQL bodies are parsed as they are created, under the one of this
-- script, and are inlined where they are called.

COMMENT ON SCHEMA userlock_http IS
'What the HTTP contracts call: the request, the response. Not to be exposed over HTTP.';

