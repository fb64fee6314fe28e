/*
 * turns.c
 *		What is done by one at a time.
 *
 * Advisory locks would do, but anybody who can send a statement may take those, and
 * so keep everybody from signing in.  These are locks on objects that there are not:
 * "the login of this user", of the class that one of our tables is.  No statement
 * takes them.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"

#include "core/compat.h"
#include "core/turns.h"

PG_FUNCTION_INFO_V1(userlock_take_turns);

/*
 * So many at most, that a transaction which does something to many users does not
 * use up the server's memory for locks.  Users who share one wait for each other in
 * vain now and then.
 */
#define TURNS	1024

void
userlock_turns_take(Oid what, const char *about, int length, bool shared)
{
	uint32		hash = hash_bytes((const unsigned char *) about, length);

	/* Whoever takes turns is about to write; a standby refuses the lock in other words. */
	PreventCommandIfReadOnly("UPDATE");
	LockDatabaseObject(what, hash % TURNS, 0, shared ? ShareLock : ExclusiveLock);
}

/* take_turns(what, about, shared) */
Datum
userlock_take_turns(PG_FUNCTION_ARGS)
{
	text	   *about = PG_GETARG_TEXT_PP(1);

	userlock_turns_take(PG_GETARG_OID(0), VARDATA_ANY(about), VARSIZE_ANY_EXHDR(about),
						PG_GETARG_BOOL(2));
	PG_RETURN_VOID();
}
