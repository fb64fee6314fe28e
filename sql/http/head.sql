\echo Use "CREATE EXTENSION userlock_http" to load this file. \quit

