/*
 * protection.h
 *		Whom nobody is to restrict by mistake.
 */
#ifndef USERLOCK_PROTECTION_H
#define USERLOCK_PROTECTION_H

#include "core/request.h"
#include "core/result.h"

/*
 * Prepares to judge many users of the request's tenant, before any of them is held:
 * else two such calls could wait for each other.  Inside an open store.
 */
extern void userlock_protection_prepare(const UserLockRequest *request,
										Datum *user_ids, int count);

/* Is there anything that could keep this request from restricting anybody? */
extern bool userlock_protection_applies(const UserLockRequest *request);

/*
 * May the user be locked or blocked, as far as the settings userlock.protect_caller
 * and userlock.protected_roles go?  USERLOCK_RESULT_OK, ..._CALLER_PROTECTED or
 * ..._LAST_HOLDER_PROTECTED.  Inside an open store.
 */
extern UserLockResult userlock_protection_judge(const UserLockRequest *request);

#endif							/* USERLOCK_PROTECTION_H */
