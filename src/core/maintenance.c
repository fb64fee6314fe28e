/*
 * maintenance.c
 *		expire(): what has ended by itself, written into history.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "core/account.h"
#include "core/caller.h"

PG_FUNCTION_INFO_V1(userlock_expire);

/* Writes one user's expiries into history, if they are the caller's; returns how many. */
static int
expire_user(const UserLockCaller *caller, const UserLockKey *key)
{
	text	   *tenant = DatumGetTextPP(key->tenant);
	UserLockAccount account;
	UserLockExpiry expiries[USERLOCK_MAX_EXPIRIES];
	int			expired;

	if (!userlock_caller_may_use_bytes(caller, VARDATA_ANY(tenant), VARSIZE_ANY_EXHDR(tenant)))
		return 0;
	/* Whoever waits here holds up others, with the users written before. */
	if (!userlock_store_get(key, USERLOCK_FOR_UPDATE_IF_FREE, &account))
		return 0;				/* being changed, or deleted since we looked */
	expired = userlock_account_settle(&account, GetCurrentTimestamp(),
									  expiries);
	if (expired > 0)
	{
		userlock_store_put(key, &account);
		userlock_account_append_expiries(key, &account, expiries, expired);
	}
	return expired;
}

#define EXPIRE_BATCH	1000

/*
 * expire(): goes in batches, so that memory stays bounded, and waits for
 * nobody's row: what it passes over is written by whoever changes the user, or
 * the next time.
 */
Datum
userlock_expire(PG_FUNCTION_ARGS)
{
	TimestampTz now = GetCurrentTimestamp();
	MemoryContext batches[2];
	MemoryContext callers = CurrentMemoryContext;
	UserLockKey keys[2][EXPIRE_BATCH];
	UserLockKey *last = NULL;
	UserLockCaller caller;
	UserLockStore store;
	int64		written = 0;
	int			found;
	int			batch = 0;

	userlock_caller_refuse_restricted();
	userlock_caller_require(&caller);
	userlock_store_begin(&store, fcinfo->flinfo->fn_oid);
	for (int i = 0; i < 2; i++)
		batches[i] = AllocSetContextCreate(callers, "userlock expire batch",
										   ALLOCSET_DEFAULT_SIZES);
	do
	{
		/* The batch before stays until the next is read: it says where to go on. */
		MemoryContextReset(batches[batch]);
		MemoryContextSwitchTo(batches[batch]);
		found = userlock_store_due(last, now, keys[batch], EXPIRE_BATCH);
		for (int i = 0; i < found; i++)
		{
			CHECK_FOR_INTERRUPTS();
			written += expire_user(&caller, &keys[batch][i]);
		}
		if (found > 0)
			last = &keys[batch][found - 1];
		batch = 1 - batch;
	} while (found == EXPIRE_BATCH);
	MemoryContextSwitchTo(callers);
	userlock_store_end(&store);

	PG_RETURN_INT64(written);
}
