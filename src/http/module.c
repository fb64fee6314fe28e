/*
 * module.c
 *		The module of userlock_http: magic block and settings, nothing else.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "core/compat.h"

USERLOCK_MODULE_MAGIC("userlock_http");

/* Only the contract reads it, in SQL. */
static int	scim_user_id;

static const struct config_enum_entry scim_user_ids[] = {
	{"user_name", 0, false},
	{"uuid", 1, false},
	{NULL, 0, false}
};

void
_PG_init(void)
{
	/* Anyone may set it: it grants nothing, and callers over HTTP cannot. */
	DefineCustomEnumVariable("userlock_http.scim_user_id",
							 "What the id of a user is who is created by SCIM.",
							 "Tokens name users by their ids: it is what the application's tokens have as \"sub\".",
							 &scim_user_id,
							 0,
							 scim_user_ids,
							 PGC_USERSET,
							 0,
							 NULL,
							 NULL,
							 NULL);

	MarkGUCPrefixReserved("userlock_http");
}
