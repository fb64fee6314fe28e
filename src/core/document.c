/*
 * document.c
 *		JSON documents that callers give us to keep.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "core/document.h"

/* How many bytes a part of a document is shown in, at least. */
static int64
shown_bytes(JsonbIteratorToken token, const JsonbValue *value)
{
	bool		is_scalar = token == WJB_KEY || token == WJB_VALUE || token == WJB_ELEM;

	if (is_scalar && value->type == jbvString)
		return value->val.string.len + 2;
	if (is_scalar && value->type == jbvNumeric)
		return strlen(DatumGetCString(DirectFunctionCall1(numeric_out,
														  NumericGetDatum(value->val.numeric))));
	return 1;
}

/*
 * To show a document may take far more memory than it does itself: a number of six
 * characters, 1e131071, has 131072 digits.  So its parts are counted first, until
 * they are too many.
 */
bool
userlock_document_is_shown_in(Datum document, int max_bytes)
{
	Jsonb	   *jsonb = DatumGetJsonbP(document);
	JsonbIterator *iterator = JsonbIteratorInit(&jsonb->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	int64		bytes = 0;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		bytes += shown_bytes(token, &value);
		if (bytes > max_bytes)
			return false;
	}
	return strlen(JsonbToCString(NULL, &jsonb->root, bytes)) <= max_bytes;
}
