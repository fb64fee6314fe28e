/*
 * zitadel_rpc_functions.c
 *		Zitadel's messages as SQL functions: bytes of a request in, bytes of a
 *		response out.
 *
 * The input of userlock_http_zitadel_rpc_read_request comes from anyone who can send
 * a request: what is wrong with it is told in words, never with an error.  The
 * other functions are given what the contract has decided.  Texts are UTF-8,
 * which is the encoding of the database (the install script sees to that).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/epoch.h"
#include "http/grpc.h"
#include "http/zitadel_rpc.h"

PG_FUNCTION_INFO_V1(userlock_http_zitadel_rpc_read_request);
PG_FUNCTION_INFO_V1(userlock_http_zitadel_rpc_write_response);
PG_FUNCTION_INFO_V1(userlock_http_zitadel_rpc_write_error_detail);
PG_FUNCTION_INFO_V1(userlock_http_zitadel_rpc_write_status);

/*
 * read_request(body bytea, framed boolean): the user that a request message
 * names, and what can be said of the body.  The id is NULL where the body is
 * not valid.
 */
Datum
userlock_http_zitadel_rpc_read_request(PG_FUNCTION_ARGS)
{
	bytea	   *body = PG_GETARG_BYTEA_PP(0);
	const uint8_t *message = (const uint8_t *) VARDATA_ANY(body);
	size_t		length = VARSIZE_ANY_EXHDR(body);
	size_t		user_id_length = 0;
	text	   *user_id = NULL;
	UserLockReading reading = USERLOCK_READ;
	TupleDesc	row_type;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &row_type) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	if (PG_GETARG_BOOL(1))
		reading = userlock_frame_read(message, length, &message, &length);
	if (reading == USERLOCK_READ)
	{
		user_id = palloc(VARHDRSZ + length);
		reading = userlock_zitadel_read_request(message, length, VARDATA(user_id),
												&user_id_length);
	}
	if (reading == USERLOCK_OUT_OF_MEMORY)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));

	/* protobuf has strings hold UTF-8; text cannot hold NUL either. */
	if (reading == USERLOCK_READ &&
		!pg_verify_mbstr(PG_UTF8, VARDATA(user_id), user_id_length, true))
		reading = USERLOCK_MALFORMED;

	if (reading == USERLOCK_READ)
	{
		SET_VARSIZE(user_id, VARHDRSZ + user_id_length);
		values[0] = PointerGetDatum(user_id);
	}
	else
		nulls[0] = true;
	values[1] = CStringGetTextDatum(userlock_reading_name(reading));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row_type),
													  values, nulls)));
}

/* A moment as protobuf has it; its fraction is never negative. */
static UserLockMoment
moment_of(TimestampTz timestamp)
{
	int64		microseconds = timestamp % USECS_PER_SEC;

	if (microseconds < 0)
		microseconds += USECS_PER_SEC;
	return (UserLockMoment) {
		.seconds = userlock_epoch_seconds(timestamp),
			.nanoseconds = (int32_t) microseconds * 1000
	};
}

/* Room for a message of this many bytes. */
static bytea *
new_message(size_t length)
{
	bytea	   *message = palloc(VARHDRSZ + length);

	SET_VARSIZE(message, VARHDRSZ + length);
	return message;
}

/*
 * write_response(operation, sequence, changed_at, created_at, resource_owner):
 * the response message of an operation, v1/… or v2/….
 */
Datum
userlock_http_zitadel_rpc_write_response(PG_FUNCTION_ARGS)
{
	const char *operation = text_to_cstring(PG_GETARG_TEXT_PP(0));
	UserLockZitadelApi api = strncmp(operation, "v1/", 3) == 0 ?
		USERLOCK_ZITADEL_V1 : USERLOCK_ZITADEL_V2;
	UserLockZitadelDetails details = {
		.sequence = PG_GETARG_INT64(1),
		.changed = moment_of(PG_GETARG_TIMESTAMPTZ(2)),
		.created = moment_of(PG_GETARG_TIMESTAMPTZ(3)),
		.resource_owner = text_to_cstring(PG_GETARG_TEXT_PP(4))
	};
	bytea	   *message = new_message(userlock_zitadel_write_response(api, &details, NULL));

	userlock_zitadel_write_response(api, &details, (uint8_t *) VARDATA(message));
	PG_RETURN_BYTEA_P(message);
}

/* write_error_detail(id, text): a zitadel.v1.ErrorDetail. */
Datum
userlock_http_zitadel_rpc_write_error_detail(PG_FUNCTION_ARGS)
{
	UserLockZitadelError error = {
		.id = text_to_cstring(PG_GETARG_TEXT_PP(0)),
		.text = text_to_cstring(PG_GETARG_TEXT_PP(1))
	};
	bytea	   *message = new_message(userlock_zitadel_write_error_detail(&error, NULL));

	userlock_zitadel_write_error_detail(&error, (uint8_t *) VARDATA(message));
	PG_RETURN_BYTEA_P(message);
}

/* write_status(code, message, id, text): a google.rpc.Status with one detail. */
Datum
userlock_http_zitadel_rpc_write_status(PG_FUNCTION_ARGS)
{
	int32		code = PG_GETARG_INT32(0);
	const char *status_message = text_to_cstring(PG_GETARG_TEXT_PP(1));
	UserLockZitadelError error = {
		.id = text_to_cstring(PG_GETARG_TEXT_PP(2)),
		.text = text_to_cstring(PG_GETARG_TEXT_PP(3))
	};
	bytea	   *message = new_message(userlock_zitadel_write_status(code, status_message,
																&error, NULL));

	userlock_zitadel_write_status(code, status_message, &error,
								  (uint8_t *) VARDATA(message));
	PG_RETURN_BYTEA_P(message);
}
