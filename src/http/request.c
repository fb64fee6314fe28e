/*
 * request.c
 *		What of a request SQL does not read by itself: a path segment, a JSON body.
 *
 * The input comes from anyone who can send a request.  Whatever is wrong with
 * it is answered with NULL, never with an error: the contracts have answers of
 * their own.  Works on UTF-8, which is the encoding of the database (the
 * install script sees to that).
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "core/compat.h"
#include "core/hex.h"
#include "core/json.h"

PG_FUNCTION_INFO_V1(userlock_http_percent_decode);
PG_FUNCTION_INFO_V1(userlock_http_percent_encode);
PG_FUNCTION_INFO_V1(userlock_http_json_object);

/*
 * percent_decode(text): what a segment of a path stands for; NULL where a
 * percent sign is not followed by two hexadecimal digits, or where text cannot
 * hold the result: invalid UTF-8, or NUL.
 */
Datum
userlock_http_percent_decode(PG_FUNCTION_ARGS)
{
	text	   *encoded = PG_GETARG_TEXT_PP(0);
	const char *from = VARDATA_ANY(encoded);
	const char *end = from + VARSIZE_ANY_EXHDR(encoded);
	text	   *decoded = palloc(VARHDRSZ + (end - from));
	char	   *to = VARDATA(decoded);
	int			length;

	while (from < end)
	{
		if (*from != '%')
			*to++ = *from++;
		else
		{
			int			high = end - from > 2 ? userlock_hex_value(from[1]) : -1;
			int			low = end - from > 2 ? userlock_hex_value(from[2]) : -1;

			if (high < 0 || low < 0)
				PG_RETURN_NULL();
			*to++ = (char) (high << 4 | low);
			from += 3;
		}
	}
	length = to - VARDATA(decoded);
	if (!pg_verify_mbstr(PG_UTF8, VARDATA(decoded), length, true))
		PG_RETURN_NULL();
	SET_VARSIZE(decoded, VARHDRSZ + length);
	PG_RETURN_TEXT_P(decoded);
}

/*
 * percent_encode(text): a segment of a path that stands for it, in which only the
 * unreserved characters of RFC 3986, section 2.3, are themselves.
 */
Datum
userlock_http_percent_encode(PG_FUNCTION_ARGS)
{
	static const char digits[] = "0123456789ABCDEF";
	text	   *plain = PG_GETARG_TEXT_PP(0);
	const unsigned char *from = (const unsigned char *) VARDATA_ANY(plain);
	const unsigned char *end = from + VARSIZE_ANY_EXHDR(plain);
	text	   *encoded = palloc(VARHDRSZ + 3 * (end - from));
	char	   *to = VARDATA(encoded);

	for (; from < end; from++)
	{
		if (!IS_HIGHBIT_SET(*from) && (isalnum(*from) || strchr("-._~", *from)))
			*to++ = (char) *from;
		else
		{
			*to++ = '%';
			*to++ = digits[*from >> 4];
			*to++ = digits[*from & 0xf];
		}
	}
	SET_VARSIZE(encoded, to - (char *) encoded);
	PG_RETURN_TEXT_P(encoded);
}

/* Is valid JSON an object? */
static bool
json_is_object(const char *json)
{
	return json[strspn(json, " \t\n\r")] == '{';
}

/*
 * json_object(bytea): the JSON object that a body is; an empty body is an
 * empty object; NULL: it is not one that text can hold.
 */
Datum
userlock_http_json_object(PG_FUNCTION_ARGS)
{
	bytea	   *body = PG_GETARG_BYTEA_PP(0);
	int			length = VARSIZE_ANY_EXHDR(body);
	const char *json = length > 0 ? pnstrdup(VARDATA_ANY(body), length) : "{}";
	JsonSemAction no_actions = {0};

	/* Also tells that there is no NUL, so that the copy is whole. */
	if (!pg_verify_mbstr(PG_UTF8, VARDATA_ANY(body), length, true) ||
		userlock_json_is_too_deep(json, length))
		PG_RETURN_NULL();
	if (pg_parse_json(userlock_compat_json_lexer(NULL, json, strlen(json), true), &no_actions) != JSON_SUCCESS ||
		!json_is_object(json))
		PG_RETURN_NULL();

	/* The text form is the internal form of type json. */
	PG_RETURN_TEXT_P(cstring_to_text(json));
}
