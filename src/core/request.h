/*
 * request.h
 *		What is asked for: whom it is about, who asks, why, on what condition.
 */
#ifndef USERLOCK_REQUEST_H
#define USERLOCK_REQUEST_H

#include "core/store.h"

/* A Datum of 0 is NULL. */
typedef struct UserLockRequest
{
	UserLockKey key;
	Datum		actor;			/* text */
	Datum		caller;			/* text: the id of the user who asks, where
								 * userlock.protect_caller is set; 0: no user of
								 * this tenant */
	Datum		batch;			/* uuid */
	Datum		reason;			/* text */
	bool		has_until;		/* maybe without end */
	TimestampTz until;			/* USERLOCK_NO_END: none */
	bool		has_expected_sequence;
	int64		expected_sequence;
	bool		has_expected_state;
	UserLockState expected_state;
	Datum		expected_details;	/* jsonb: of the restriction that is lifted */
	bool		idempotent;
	bool		revoke_access;	/* also where the transition does not */
	bool		is_asked_for;	/* by a caller, whom the protections hold; a
								 * restriction that moves on is not */
	bool		dry_run;		/* tell what would come of it, write nothing */
	Datum		details;		/* jsonb */
	Datum		attributes;		/* text[]: of the profile, which change */
} UserLockRequest;

#endif							/* USERLOCK_REQUEST_H */
