/*
 * batch.c
 *		Which call an event was written by.
 *
 * What one call did to many users can be found, and undone, as one: see undo.c.
 * Of an HTTP request PostgREST tells the headers, in the setting request.headers;
 * whoever stands before it, such as nginx, gives the request its id.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"

#include "core/userlock.h"
#include "core/batch.h"
#include "core/compat.h"
#include "core/hex.h"
#include "core/json.h"

#define REQUEST_ID_HEADER	"x-request-id"

bool
userlock_batch_parse(const char *text, pg_uuid_t *batch)
{
	bool		hyphens = strlen(text) == 36;

	for (int i = 0; i < UUID_LEN; i++)
	{
		int			high;
		int			low;

		if (hyphens && (i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
			return false;
		high = userlock_hex_value(text[0]);
		low = high < 0 ? -1 : userlock_hex_value(text[1]);
		if (low < 0)
			return false;
		batch->data[i] = (unsigned char) (high << 4 | low);
		text += 2;
	}
	return *text == '\0';
}

typedef struct HeaderParser
{
	int			depth;
	bool		is_request_id;	/* the header being read */
	char	   *request_id;		/* NULL: not found */
} HeaderParser;

static UserLockJsonAction
start_nesting(void *state)
{
	((HeaderParser *) state)->depth++;
	USERLOCK_JSON_ACTION_DONE;
}

static UserLockJsonAction
end_nesting(void *state)
{
	((HeaderParser *) state)->depth--;
	USERLOCK_JSON_ACTION_DONE;
}

static UserLockJsonAction
start_field(void *state, char *name, bool isnull)
{
	HeaderParser *parser = state;

	parser->is_request_id = parser->depth == 1 && strcmp(name, REQUEST_ID_HEADER) == 0;
	USERLOCK_JSON_ACTION_DONE;
}

static UserLockJsonAction
scalar(void *state, char *token, JsonTokenType type)
{
	HeaderParser *parser = state;

	if (parser->is_request_id && parser->depth == 1 && type == JSON_TOKEN_STRING)
		parser->request_id = token;
	USERLOCK_JSON_ACTION_DONE;
}

/* The request's id among its headers; false: there is none that could be a batch. */
static bool
read_request_id(const char *headers, pg_uuid_t *batch)
{
	HeaderParser parser = {0};
	JsonSemAction actions = {
		.semstate = &parser,
		.object_start = start_nesting,
		.object_end = end_nesting,
		.array_start = start_nesting,
		.array_end = end_nesting,
		.object_field_start = start_field,
		.scalar = scalar
	};

	return strstr(headers, REQUEST_ID_HEADER) != NULL &&
		!userlock_json_is_too_deep(headers, strlen(headers)) &&
		!userlock_compat_json_may_throw(headers) &&
		pg_parse_json(userlock_compat_json_lexer(NULL, headers, strlen(headers), true), &actions) == JSON_SUCCESS &&
		parser.request_id != NULL &&
		userlock_batch_parse(parser.request_id, batch);
}

static Datum
new_batch(void)
{
	return DirectFunctionCall1(gen_random_uuid, (Datum) 0);
}

/* One for a request that brings no id: it has one transaction. */
static const pg_uuid_t *
batch_of_transaction(void)
{
	static pg_uuid_t batch;
	static TimestampTz started = 0;

	if (started != GetCurrentTransactionStartTimestamp())
	{
		batch = *DatumGetUUIDP(new_batch());
		started = GetCurrentTransactionStartTimestamp();
	}
	return &batch;
}

Datum
userlock_batch_current(void)
{
	const char *headers;
	pg_uuid_t  *batch;

	/* Settings made for one transaction are left empty, not unset. */
	headers = GetConfigOption("request.headers", true, false);
	if (userlock_batch[0] == '\0' && (headers == NULL || headers[0] == '\0'))
		return (Datum) 0;

	batch = palloc(sizeof(pg_uuid_t));
	if (!userlock_batch_parse(userlock_batch, batch) &&
		!read_request_id(headers, batch))
		*batch = *batch_of_transaction();
	return UUIDPGetDatum(batch);
}

Datum
userlock_batch_current_or_new(void)
{
	Datum		batch = userlock_batch_current();

	return batch ? batch : new_batch();
}
