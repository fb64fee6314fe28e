/*
 * scim_path_functions.c
 *		The paths and filters of SCIM as SQL functions.
 *
 * They come from anyone who can send a request: what cannot be read is NULL, never
 * an error.  Texts are UTF-8, which is the encoding of the database (the install
 * script sees to that).
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/fmgrprotos.h"

#include "core/compat.h"
#include "http/scim_path.h"

PG_FUNCTION_INFO_V1(userlock_http_scim_path);
PG_FUNCTION_INFO_V1(userlock_http_scim_filter);

typedef bool (*Reader) (const char *from, size_t length, char *json, size_t *json_length);

static Datum
read_text(FunctionCallInfo fcinfo, Reader to_json)
{
	text	   *from = PG_GETARG_TEXT_PP(0);
	size_t		length = VARSIZE_ANY_EXHDR(from);
	size_t		json_length;
	char	   *json;

	if (length > USERLOCK_SCIM_MAX_TEXT)
		PG_RETURN_NULL();
	json = palloc(USERLOCK_SCIM_ROOM(length) + 1);
	if (!to_json(VARDATA_ANY(from), length, json, &json_length))
		PG_RETURN_NULL();
	json[json_length] = '\0';
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json));
}

/* scim_path(path text): what the path names; NULL: it is none. */
Datum
userlock_http_scim_path(PG_FUNCTION_ARGS)
{
	return read_text(fcinfo, userlock_scim_path_to_json);
}

/* scim_filter(filter text): the comparisons; NULL: they are not understood. */
Datum
userlock_http_scim_filter(PG_FUNCTION_ARGS)
{
	return read_text(fcinfo, userlock_scim_filter_to_json);
}
