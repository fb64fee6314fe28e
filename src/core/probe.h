/*
 * probe.h
 *		What enforcement must know of one user, read as fast as can be.
 */
#ifndef USERLOCK_PROBE_H
#define USERLOCK_PROBE_H

#include "utils/timestamp.h"

#include "core/userlock.h"

typedef struct UserLockProbe
{
	UserLockState state;		/* as written: an end may have passed */
	TimestampTz locked_until;	/* USERLOCK_NO_END: not locked, or no end */
	TimestampTz blocked_until;	/* likewise */
	TimestampTz access_valid_after; /* DT_NOBEGIN: every token is good */
} UserLockProbe;

typedef enum UserLockProbed
{
	USERLOCK_PROBED_ACCOUNT,	/* is registered */
	USERLOCK_PROBED_NOBODY,		/* is not */
	USERLOCK_PROBED_UNSEEN		/* … and never was, or was erased */
} UserLockProbed;

/*
 * Reads the account of a user, as it is committed when the statement begins
 * (under REPEATABLE READ and SERIALIZABLE, and where there was none: when it is
 * read).  on_demand: whether there has ever been one is told apart, as of that very
 * moment; of whoever is unseen *probe has what holds for them.  Needs no rights,
 * writes nothing, works on a standby.  Raises where a table that is asked does not
 * hold its rows itself.
 */
extern UserLockProbed userlock_probe(const char *tenant, const char *user_id,
									 bool on_demand, UserLockProbe *probe);

#endif							/* USERLOCK_PROBE_H */
