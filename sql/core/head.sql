\echo Use "CREATE EXTENSION userlock" to load this file. \quit

