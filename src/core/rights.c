/*
 * rights.c
 *		The rights of the extension's owner, taken on and given back: the one
 *		place where users are switched.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "core/rights.h"

/*
 * What is in force where our rights are.  Not for our own statements, which
 * name everything in full, but for whatever an administrator has put on the
 * tables (triggers, checks, policies): the caller's search_path must not say
 * what that means.
 */
#define SEARCH_PATH "pg_catalog, pg_temp"

void
userlock_set_locally(const char *name, const char *value)
{
	set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
					  GUC_ACTION_SAVE, true, 0, false);
}

void
userlock_rights_take(UserLockRights *rights, Oid role)
{
	GetUserIdAndSecContext(&rights->caller, &rights->caller_context);
	SetUserIdAndSecContext(role, rights->caller_context |
						   SECURITY_LOCAL_USERID_CHANGE);
	rights->nest_level = NewGUCNestLevel();
	userlock_set_locally("search_path", SEARCH_PATH);
}

void
userlock_rights_give_back(const UserLockRights *rights)
{
	AtEOXact_GUC(true, rights->nest_level);
	SetUserIdAndSecContext(rights->caller, rights->caller_context);
}
