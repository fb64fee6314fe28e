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

/*
 * Reads the account of a user, as it is committed when the statement begins
 * (under REPEATABLE READ and SERIALIZABLE, and where there was none: when it is
 * read); false: there is none.  Then *was_seen, unless was_seen is NULL, tells
 * whether there has ever been one, at that very moment.  Needs no rights, writes
 * nothing, works on a standby.  Raises where a table that is asked does not hold
 * its rows itself.
 */
extern bool userlock_probe(const char *tenant, const char *user_id,
						   UserLockProbe *probe, bool *was_seen);

#endif							/* USERLOCK_PROBE_H */
