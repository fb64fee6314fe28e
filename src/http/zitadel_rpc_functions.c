/*
 * zitadel_rpc_functions.c
 *		Zitadel's messages as SQL functions: a request in either form becomes JSON,
 *		JSON becomes the binary form of a response.
 *
 * All that decides is JSON: what reads and writes it (protojson.h) does so for
 * every protocol.  Requests come from anyone who can send one: what is wrong with
 * them is told in words, never with an error.  Texts are UTF-8, which is the
 * encoding of the database (the install script sees to that).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "http/grpc.h"
#include "http/protojson.h"
#include "http/zitadel_rpc.h"

PG_FUNCTION_INFO_V1(userlock_http_zitadel_read_json);
PG_FUNCTION_INFO_V1(userlock_http_zitadel_rpc_read);
PG_FUNCTION_INFO_V1(userlock_http_zitadel_rpc_write);

/* The request of the call that the first argument names. */
static const ProtobufCMessageDescriptor *
request_type(FunctionCallInfo fcinfo)
{
	char	   *operation = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const ProtobufCMessageDescriptor *type = userlock_zitadel_request(operation);

	if (type == NULL)
		elog(ERROR, "there is no call \"%s\"", operation);
	return type;
}

/* What was read: the fields, or NULL where the body is not valid; and what it is. */
static Datum
request_row(FunctionCallInfo fcinfo, UserLockReading reading, text *fields)
{
	TupleDesc	row_type;
	Datum		values[2] = {PointerGetDatum(fields)};
	bool		nulls[2] = {reading != USERLOCK_READ, false};

	if (get_call_result_type(fcinfo, NULL, &row_type) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[1] = CStringGetTextDatum(userlock_reading_name(reading));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row_type), values, nulls));
}

/* The fields of a message as JSON, which is UTF-8. */
static UserLockReading
read_message(const ProtobufCMessageDescriptor *type, const uint8_t *message, size_t length,
			 text **fields)
{
	size_t		json_length;
	UserLockReading reading = userlock_message_to_json(type, message, length, NULL, &json_length);

	if (reading != USERLOCK_READ)
		return reading;
	*fields = palloc(VARHDRSZ + json_length);
	SET_VARSIZE(*fields, VARHDRSZ + json_length);
	userlock_message_to_json(type, message, length, VARDATA(*fields), &json_length);
	return pg_verify_mbstr(PG_UTF8, VARDATA(*fields), json_length, true) ?
		USERLOCK_READ : USERLOCK_MALFORMED;
}

/* rpc_read(operation, body bytea, framed boolean): a request in the binary form. */
Datum
userlock_http_zitadel_rpc_read(PG_FUNCTION_ARGS)
{
	bytea	   *body = PG_GETARG_BYTEA_PP(1);
	const uint8_t *message = (const uint8_t *) VARDATA_ANY(body);
	size_t		length = VARSIZE_ANY_EXHDR(body);
	UserLockReading reading = USERLOCK_READ;
	text	   *fields = NULL;

	if (PG_GETARG_BOOL(2))
		reading = userlock_frame_read(message, length, &message, &length);
	if (reading == USERLOCK_READ && length > USERLOCK_MAX_MESSAGE)
		reading = USERLOCK_TOO_LARGE;
	if (reading == USERLOCK_READ)
		reading = read_message(request_type(fcinfo), message, length, &fields);
	return request_row(fcinfo, reading, fields);
}

/*
 * read_json(operation, message json): a request in its JSON form, of which NULL
 * is none.  By way of the binary form, so that nothing of it is read differently.
 */
Datum
userlock_http_zitadel_read_json(PG_FUNCTION_ARGS)
{
	const ProtobufCMessageDescriptor *type;
	text	   *json;
	uint8_t    *message;
	size_t		length;
	UserLockReading reading;
	text	   *fields = NULL;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(1))
		return request_row(fcinfo, USERLOCK_MALFORMED, NULL);

	type = request_type(fcinfo);
	json = PG_GETARG_TEXT_PP(1);
	message = palloc(USERLOCK_MESSAGE_ROOM(VARSIZE_ANY_EXHDR(json)));
	reading = userlock_json_to_message(type, VARDATA_ANY(json), VARSIZE_ANY_EXHDR(json),
									   message, &length);
	if (reading == USERLOCK_READ)
		reading = read_message(type, message, length, &fields);
	return request_row(fcinfo, reading, fields);
}

/* rpc_write(message text, fields json): a response, or what an error has. */
Datum
userlock_http_zitadel_rpc_write(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	text	   *json = PG_GETARG_TEXT_PP(1);
	const ProtobufCMessageDescriptor *type = userlock_zitadel_response(name);
	bytea	   *message = palloc(VARHDRSZ + USERLOCK_MESSAGE_ROOM(VARSIZE_ANY_EXHDR(json)));
	size_t		length = 0;

	if (type == NULL ||
		userlock_json_to_message(type, VARDATA_ANY(json), VARSIZE_ANY_EXHDR(json),
								 (uint8_t *) VARDATA(message), &length) != USERLOCK_READ)
		elog(ERROR, "these are not the fields of \"%s\"", name);
	SET_VARSIZE(message, VARHDRSZ + length);
	PG_RETURN_BYTEA_P(message);
}
