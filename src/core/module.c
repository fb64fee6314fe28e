/*
 * module.c
 *		The module: magic block and settings, nothing else.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "core/userlock.h"
#include "core/batch.h"
#include "core/compat.h"

USERLOCK_MODULE_MAGIC("userlock");

char	   *userlock_batch = NULL;
bool		userlock_protect_caller = false;
char	   *userlock_protected_roles = NULL;
char	   *userlock_tenant = NULL;
bool		userlock_notify = false;
int			userlock_registration = USERLOCK_REGISTRATION_EXPLICIT;

/* Read by the view security_events. */
static char *issuer = NULL;

static const struct config_enum_entry registrations[] = {
	{"explicit", USERLOCK_REGISTRATION_EXPLICIT, false},
	{"on_demand", USERLOCK_REGISTRATION_ON_DEMAND, false},
	{NULL, 0, false}
};

static bool
check_batch(char **newval, void **extra, GucSource source)
{
	pg_uuid_t	batch;

	if (**newval == '\0' || userlock_batch_parse(*newval, &batch))
		return true;

	GUC_check_errdetail("A batch is a uuid.");
	return false;
}

/*
 * What strays in between the quotes would be part of every subject, and what is
 * not ASCII may be none in the database's encoding.
 */
static bool
check_issuer(char **newval, void **extra, GucSource source)
{
	size_t		length = 0;

	while ((*newval)[length] > ' ' && (*newval)[length] <= '~')
		length++;
	if ((*newval)[length] == '\0' && length <= USERLOCK_MAX_NAME_LENGTH)
		return true;

	GUC_check_errdetail("An issuer has at most %d characters of ASCII, and no space.",
						USERLOCK_MAX_NAME_LENGTH);
	return false;
}

static bool
check_tenant(char **newval, void **extra, GucSource source)
{
	if (userlock_name_length_is_valid(*newval, strlen(*newval)))
		return true;

	GUC_check_errdetail("A tenant has 1 to %d characters.",
						USERLOCK_MAX_NAME_LENGTH);
	return false;
}

void
_PG_init(void)
{
	/*
	 * Anyone may set it: it says no more than that events belong together.
	 */
	DefineCustomStringVariable("userlock.batch",
							   "The batch that events belong to, a uuid.",
							   "Empty: to that of the HTTP request, or of the set-based call.",
							   &userlock_batch,
							   "",
							   PGC_USERSET,
							   0,
							   check_batch,
							   NULL,
							   NULL);

	/*
	 * Not for everyone: where it is set, who reads events is shown no e-mail
	 * addresses.
	 */
	DefineCustomStringVariable("userlock.issuer",
							   "The issuer that receivers of security events know users by.",
							   "Empty: they know them by their e-mail addresses.",
							   &issuer,
							   "",
							   PGC_SUSET,
							   0,
							   check_issuer,
							   NULL,
							   NULL);

	/*
	 * Not for everyone: it tells, and slows down, more than the session that
	 * sets it.
	 */
	DefineCustomBoolVariable("userlock.notify",
							 "Sends every event by NOTIFY on channel userlock.",
							 "Whoever may connect to the database can listen, and transactions that notify commit one at a time.",
							 &userlock_notify,
							 false,
							 PGC_SUSET,
							 0,
							 NULL,
							 NULL,
							 NULL);

	/*
	 * Not for everyone: who is held by these could set them aside.
	 */
	DefineCustomBoolVariable("userlock.protect_caller",
							 "Refuses to have callers lock or block themselves.",
							 NULL,
							 &userlock_protect_caller,
							 false,
							 PGC_SUSET,
							 0,
							 NULL,
							 NULL,
							 NULL);
	DefineCustomStringVariable("userlock.protected_roles",
							   "Roles of profiles, separated by commas; the last user allowed to come in who has one is neither locked nor blocked.",
							   "Failed logins lock all the same.",
							   &userlock_protected_roles,
							   "",
							   PGC_SUSET,
							   0,
							   NULL,
							   NULL,
							   NULL);

	/*
	 * Not for everyone: it lets in people of whom nothing is known.
	 */
	DefineCustomEnumVariable("userlock.registration",
							 "How somebody becomes a user.",
							 "With on_demand, whoever was never seen is an active user, and is registered when first restricted.",
							 &userlock_registration,
							 USERLOCK_REGISTRATION_EXPLICIT,
							 registrations,
							 PGC_SUSET,
							 0,
							 NULL,
							 NULL,
							 NULL);

	/*
	 * Anyone may set it: it names a tenant, it grants none.  Callers with JWT
	 * claims are held to the tenants that the claims list.
	 */
	DefineCustomStringVariable("userlock.tenant",
							   "The tenant of users named without one.",
							   "Also the tenant of a caller whose JWT has no \"tenant\" claim.",
							   &userlock_tenant,
							   "default",
							   PGC_USERSET,
							   0,
							   check_tenant,
							   NULL,
							   NULL);

	MarkGUCPrefixReserved("userlock");
}
