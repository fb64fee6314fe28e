/*
 * response.c
 *		What of a response SQL does not write by itself: JSON without spaces, a
 *		timestamp.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(userlock_http_compact);
PG_FUNCTION_INFO_V1(userlock_http_timestamp);

/* compact(jsonb): its text without the spaces that jsonb puts in. */
Datum
userlock_http_compact(PG_FUNCTION_ARGS)
{
	Jsonb	   *document = PG_GETARG_JSONB_P(0);
	char	   *json = JsonbToCString(NULL, &document->root, VARSIZE(document));
	char	   *to = json;
	bool		in_string = false;

	for (char *from = json; *from; from++)
	{
		if (*from == '"')
			in_string = !in_string;
		else if (in_string && *from == '\\')
			*to++ = *from++;
		else if (!in_string && *from == ' ')
			continue;
		*to++ = *from;
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(json, to - json));
}

/* timestamp(timestamptz): RFC 3339 in UTC, with 0, 3 or 6 digits of a fraction. */
Datum
userlock_http_timestamp(PG_FUNCTION_ARGS)
{
	TimestampTz moment = PG_GETARG_TIMESTAMPTZ(0);
	struct pg_tm tm;
	fsec_t		microseconds;
	char		fraction[16] = "";

	if (TIMESTAMP_NOT_FINITE(moment) ||
		timestamp2tm(moment, NULL, &tm, &microseconds, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	if (microseconds % 1000 != 0)
		snprintf(fraction, sizeof(fraction), ".%06d", (int) microseconds);
	else if (microseconds != 0)
		snprintf(fraction, sizeof(fraction), ".%03d", (int) microseconds / 1000);
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%04d-%02d-%02dT%02d:%02d:%02d%sZ",
											  tm.tm_year, tm.tm_mon, tm.tm_mday,
											  tm.tm_hour, tm.tm_min, tm.tm_sec,
											  fraction)));
}
