/*
 * caller.h
 *		Who is asking: JWT claims or a plain SQL session, and which tenants
 *		they may touch.
 */
#ifndef USERLOCK_CALLER_H
#define USERLOCK_CALLER_H

#include "nodes/pg_list.h"
#include "utils/array.h"

#include "core/result.h"

typedef struct UserLockCaller
{
	bool		has_claims;		/* else a plain SQL session */
	char	   *subject;		/* claim "sub"; NULL: none */
	bool		has_issued_at;
	int64		issued_at;		/* claim "iat", whole seconds since 1970 */
	char	   *tenant;			/* the caller's own; never NULL */
	List	   *tenants;		/* char *; claim "tenants" */
} UserLockCaller;

/*
 * Reads the setting request.jwt.claims, which PostgREST sets from a token that
 * it has verified.  Not USERLOCK_RESULT_OK: nobody can say who this is, because the
 * claims are malformed, or are missing in a session that another node of a Citus
 * cluster opened; they do not travel.
 */
extern UserLockResult userlock_caller_read(UserLockCaller *caller);

/* The same where nothing can be done without knowing: raises. */
extern void userlock_caller_require(UserLockCaller *caller);

/*
 * May the caller touch this tenant?  Claims list the tenants that are theirs;
 * without claims, EXECUTE alone decides.
 */
extern bool userlock_caller_may_use(const UserLockCaller *caller,
									const char *tenant);
extern bool userlock_caller_may_use_bytes(const UserLockCaller *caller,
										  const char *tenant, int bytes);

/* The tenants that claims list, as text[], the caller's own first. */
extern ArrayType *userlock_caller_claimed_tenants(const UserLockCaller *caller);

/*
 * The same for somebody who has yet to sign in, and has no claims that would
 * hold them to a tenant: they may name any.
 */
extern bool userlock_caller_may_name(const UserLockCaller *caller,
									 const char *tenant);

/* Whom history names: the claim "sub", else the session user. */
extern char *userlock_caller_actor(const UserLockCaller *caller);

/*
 * May the current role execute the core function of this name?  The one knob:
 * what stands on the core consults the same privilege.
 */
extern bool userlock_caller_may_execute(const char *function);

/*
 * Raises in a security-restricted operation, such as autovacuum or ANALYZE,
 * where a table's owner has others run what they wrote: the session is then
 * somebody else's, and nobody may ask for anything.  To be called before rights
 * change hands.
 */
extern void userlock_caller_refuse_restricted(void);

#endif							/* USERLOCK_CALLER_H */
