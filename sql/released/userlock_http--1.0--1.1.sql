-- From 1.0 to 1.1.  May run twice.
\echo Use "ALTER EXTENSION userlock_http UPDATE TO '1.1'" to load this file. \quit
SET LOCAL search_path = pg_catalog, pg_temp;
