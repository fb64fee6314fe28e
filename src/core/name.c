/*
 * name.c
 *		What the id of a user and the name of a tenant, or of a key, may be; and ids
 *		that are numbers.
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"

#include "core/compat.h"
#include "core/userlock.h"

PG_FUNCTION_INFO_V1(userlock_name_is_valid);
PG_FUNCTION_INFO_V1(userlock_integer_id);

bool
userlock_name_length_is_valid(const char *name, int bytes)
{
	if (bytes == 0)
		return false;
	/* No character is shorter than a byte: most names need no counting. */
	return bytes <= USERLOCK_MAX_NAME_LENGTH ||
		pg_mbstrlen_with_len(name, bytes) <= USERLOCK_MAX_NAME_LENGTH;
}

/* name_is_valid(text): NULL is no name. */
Datum
userlock_name_is_valid(PG_FUNCTION_ARGS)
{
	text	   *name;

	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	name = PG_GETARG_TEXT_PP(0);
	PG_RETURN_BOOL(userlock_name_length_is_valid(VARDATA_ANY(name),
												 VARSIZE_ANY_EXHDR(name)));
}

/*
 * integer_id(text): the number from 1 to 2147483647 that an id is, written as
 * numbers are; NULL: it is none.
 */
Datum
userlock_integer_id(PG_FUNCTION_ARGS)
{
	text	   *id = PG_GETARG_TEXT_PP(0);
	const char *digits = VARDATA_ANY(id);
	int			count = VARSIZE_ANY_EXHDR(id);
	int64		number = 0;

	/* No more digits than the greatest has, and none that tells nothing. */
	if (count < 1 || count > 10 || digits[0] == '0')
		PG_RETURN_NULL();
	for (int i = 0; i < count; i++)
	{
		if (digits[i] < '0' || digits[i] > '9')
			PG_RETURN_NULL();
		number = number * 10 + (digits[i] - '0');
	}
	if (number > PG_INT32_MAX)
		PG_RETURN_NULL();
	PG_RETURN_INT32((int32) number);
}
