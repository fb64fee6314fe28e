/*
 * type.c
 *		Text and binary forms of user_lock_state.
 *
 * Both inputs accept the four states and nothing else: neither other spelling
 * nor any of the 252 other bytes.
 */
#include "postgres.h"

#include "fmgr.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"

#include "core/userlock.h"
#include "core/compat.h"

PG_FUNCTION_INFO_V1(user_lock_state_in);
PG_FUNCTION_INFO_V1(user_lock_state_out);
PG_FUNCTION_INFO_V1(user_lock_state_recv);
PG_FUNCTION_INFO_V1(user_lock_state_send);

Datum
user_lock_state_in(PG_FUNCTION_ARGS)
{
	const char *name = PG_GETARG_CSTRING(0);
	UserLockState state;

	if (!userlock_state_parse(name, &state))
		ereturn(fcinfo->context, (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s: \"%s\"",
						"user_lock_state", name),
				 errhint("Use active, locked, blocked or locked+blocked.")));

	PG_RETURN_USER_LOCK_STATE(state);
}

Datum
user_lock_state_out(PG_FUNCTION_ARGS)
{
	UserLockState state = PG_GETARG_USER_LOCK_STATE(0);

	PG_RETURN_CSTRING(pstrdup(userlock_state_name(state)));
}

Datum
user_lock_state_recv(PG_FUNCTION_ARGS)
{
	StringInfo	message = (StringInfo) PG_GETARG_POINTER(0);
	int			byte = pq_getmsgbyte(message);

	if (!userlock_state_is_valid(byte))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid binary value for type %s: %d",
						"user_lock_state", byte)));

	PG_RETURN_USER_LOCK_STATE((UserLockState) byte);
}

Datum
user_lock_state_send(PG_FUNCTION_ARGS)
{
	UserLockState state = PG_GETARG_USER_LOCK_STATE(0);
	StringInfoData message;

	pq_begintypsend(&message);
	pq_sendbyte(&message, state);
	PG_RETURN_BYTEA_P(pq_endtypsend(&message));
}
