SET search_path = public, userlock, userlock_private;
-- Bad text fails softly on servers that can, 16 and newer; on 15 the functions
-- that would show it do not exist.
SELECT pg_input_is_valid('locked', 'user_lock_state') AS good,
       pg_input_is_valid('lokced', 'user_lock_state') AS bad;
SELECT message, hint, sql_error_code FROM pg_input_error_info('lokced', 'user_lock_state');
