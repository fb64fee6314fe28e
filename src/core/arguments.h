/*
 * arguments.h
 *		A request as a SQL function receives it: read, admitted and checked.
 */
#ifndef USERLOCK_ARGUMENTS_H
#define USERLOCK_ARGUMENTS_H

#include "fmgr.h"

#include "core/outcome.h"
#include "core/request.h"

/* The arguments that not every function has. */
#define USERLOCK_TAKES_UNTIL				0x01
#define USERLOCK_TAKES_EXPECTED_SEQUENCE	0x02
#define USERLOCK_TAKES_IDEMPOTENT			0x04
#define USERLOCK_TAKES_EXPECTED_STATE		0x08
#define USERLOCK_TAKES_REVOKE_ACCESS		0x10
#define USERLOCK_TAKES_EXPECTED_DETAILS	0x20
#define USERLOCK_TAKES_DRY_RUN			0x40

/*
 * Reads the arguments of a function from number 'first' on, in this order:
 * reason, until, tenant, expected_sequence, idempotent, details, expected_state,
 * revoke_access, expected_details, dry_run.  'takes' says which of the optional ones are among them.
 */
extern void userlock_arguments_read(UserLockRequest *request,
									FunctionCallInfo fcinfo, int first,
									int takes);

/*
 * Finds out who asks and for which tenant, and whether they may: the core
 * function of the name must be theirs to execute (NULL: the server has seen to
 * that).  Comes before all else that could tell a caller something: fills in
 * the actor, the tenant and the batch, or returns why not.
 */
extern UserLockResult userlock_arguments_admit(UserLockRequest *request,
											   const char *function);

/* Are the arguments what they should be?  USERLOCK_RESULT_OK: they are. */
extern UserLockResult userlock_arguments_check(const UserLockRequest *request);

/* Is the user id, which alone differs between the users of one bulk call? */
extern UserLockResult userlock_arguments_check_user_id(const UserLockRequest *request);

/* Are the tenant, which is not NULL, and the user id? */
extern UserLockResult userlock_arguments_check_key(const UserLockRequest *request);

/* Admits and checks; raises what stands against it. */
extern void userlock_arguments_require(UserLockRequest *request);

/* Raises a result that knows no account. */
pg_noreturn extern void userlock_arguments_raise(const UserLockRequest *request,
												 UserLockResult result);

#endif							/* USERLOCK_ARGUMENTS_H */
