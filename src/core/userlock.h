/*
 * userlock.h
 *		What every file that talks to the server shares: the type's passage
 *		through the function manager, and the settings.
 */
#ifndef USERLOCK_H
#define USERLOCK_H

#include "fmgr.h"

#include "core/state.h"

/* The most characters that a user id and a tenant may have; the least is one. */
#define USERLOCK_MAX_NAME_LENGTH	200

static inline UserLockState
DatumGetUserLockState(Datum datum)
{
	return (UserLockState) DatumGetUInt8(datum);
}

static inline Datum
UserLockStateGetDatum(UserLockState state)
{
	return UInt8GetDatum(state);
}

#define PG_GETARG_USER_LOCK_STATE(n)	DatumGetUserLockState(PG_GETARG_DATUM(n))
#define PG_RETURN_USER_LOCK_STATE(x)	return UserLockStateGetDatum(x)

/* An argument of any by-reference type; 0 where it is NULL. */
#define USERLOCK_GETARG_OPTIONAL(n) \
	(PG_ARGISNULL(n) ? (Datum) 0 : PointerGetDatum(PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(n))))

/* userlock.batch: what events belong to; empty: to the call alone. */
extern char *userlock_batch;

/* userlock.protect_caller: may nobody lock and block themselves? */
extern bool userlock_protect_caller;

/* userlock.protected_roles: the last who has one of these stays in. */
extern char *userlock_protected_roles;

/* userlock.tenant: the tenant meant where none is named. */
extern char *userlock_tenant;

/* userlock.notify: is every event to be sent by NOTIFY? */
extern bool userlock_notify;

/* userlock.registration: how somebody becomes a user. */
typedef enum UserLockRegistration
{
	USERLOCK_REGISTRATION_EXPLICIT, /* by being registered */
	USERLOCK_REGISTRATION_ON_DEMAND /* whoever was never seen is one */
} UserLockRegistration;

extern int	userlock_registration;

/* Is this a length that a user id or a tenant may have?  Bytes, not NUL-ended. */
extern bool userlock_name_length_is_valid(const char *name, int bytes);

#endif							/* USERLOCK_H */
