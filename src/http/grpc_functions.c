/*
 * grpc_functions.c
 *		How a message and the status of a call travel, as SQL functions.
 *
 * They are given what the contract has decided.  Texts are UTF-8, which is the
 * encoding of the database (the install script sees to that).
 */
#include "postgres.h"

#include "fmgr.h"

#include "core/compat.h"
#include "http/grpc.h"

PG_FUNCTION_INFO_V1(userlock_http_grpc_frame);
PG_FUNCTION_INFO_V1(userlock_http_grpc_message);

/* grpc_frame(message bytea, trailers boolean): the message in a frame. */
Datum
userlock_http_grpc_frame(PG_FUNCTION_ARGS)
{
	bytea	   *message = PG_GETARG_BYTEA_PP(0);
	uint8_t		flags = PG_GETARG_BOOL(1) ? USERLOCK_FRAME_TRAILERS : 0;
	size_t		length = VARSIZE_ANY_EXHDR(message);
	bytea	   *frame = palloc(VARHDRSZ + USERLOCK_FRAME_HEADER + length);

	SET_VARSIZE(frame, VARHDRSZ + USERLOCK_FRAME_HEADER + length);
	userlock_frame_write_header(flags, (uint32_t) length, (uint8_t *) VARDATA(frame));
	memcpy(VARDATA(frame) + USERLOCK_FRAME_HEADER, VARDATA_ANY(message), length);
	PG_RETURN_BYTEA_P(frame);
}

/* grpc_message(text): how the header grpc-message carries it. */
Datum
userlock_http_grpc_message(PG_FUNCTION_ARGS)
{
	text	   *message = PG_GETARG_TEXT_PP(0);
	size_t		length = VARSIZE_ANY_EXHDR(message);
	text	   *encoded = palloc(VARHDRSZ + 3 * length);

	length = userlock_grpc_message_encode(VARDATA_ANY(message), length,
										  VARDATA(encoded));
	SET_VARSIZE(encoded, VARHDRSZ + length);
	PG_RETURN_TEXT_P(encoded);
}
