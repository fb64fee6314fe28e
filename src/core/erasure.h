/*
 * erasure.h
 *		A user's data removed for good, and what remains.
 */
#ifndef USERLOCK_ERASURE_H
#define USERLOCK_ERASURE_H

#include "core/request.h"
#include "core/result.h"

/* How the id of a user who was erased is known, a bytea.  erasure_key: the tenant's. */
extern Datum userlock_erasure_digest(Datum erasure_key, const char *user_id);

/*
 * Was a user of this id erased?  Then *access_valid_after is when: tokens issued
 * until then are void.
 */
extern bool userlock_erasure_of(const UserLockKey *key, TimestampTz *access_valid_after);

/* What was erased. */
typedef struct UserLockErasure
{
	int64		events;
	int64		login_failures;
	TimestampTz access_valid_after;
} UserLockErasure;

/*
 * Erases a user, registered or deleted.  USERLOCK_RESULT_USER_NOT_FOUND and ..._HAS_ROW
 * are to be raised: something may have been written.
 */
extern UserLockResult userlock_erasure_erase(const UserLockRequest *request,
											 UserLockErasure *erased);

#endif							/* USERLOCK_ERASURE_H */
