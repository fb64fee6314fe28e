/*
 * name.c
 *		What the id of a user and the name of a tenant, or of a key, may be.
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"

#include "core/compat.h"
#include "core/userlock.h"

PG_FUNCTION_INFO_V1(userlock_name_is_valid);

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
