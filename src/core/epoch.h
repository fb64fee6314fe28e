/*
 * epoch.h
 *		A moment in seconds since 1970, for both libraries.
 */
#ifndef USERLOCK_EPOCH_H
#define USERLOCK_EPOCH_H

#include "datatype/timestamp.h"

/* Rounded down, also before the server's own epoch. */
static inline int64
userlock_epoch_seconds(TimestampTz moment)
{
	int64		seconds = moment / USECS_PER_SEC - (moment % USECS_PER_SEC < 0);

	return seconds + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (int64) SECS_PER_DAY;
}

#endif							/* USERLOCK_EPOCH_H */
