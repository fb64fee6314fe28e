/*
 * local.h
 *		Tables of ours gone through without SQL, where they hold their rows themselves.
 */
#ifndef USERLOCK_LOCAL_H
#define USERLOCK_LOCAL_H

#include "access/skey.h"
#include "executor/tuptable.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

typedef enum UserLockTableId
{
	USERLOCK_ACCOUNT_TABLE,
	USERLOCK_EVENT_TABLE,
	USERLOCK_ERASURE_KEY_TABLE,
	USERLOCK_ERASURE_TABLE,
	USERLOCK_TABLE_COUNT
} UserLockTableId;

/* A table that has been opened, and its primary key. */
typedef struct UserLockLocal
{
	UserLockTableId id;
	Relation	rows;
	Relation	key;
} UserLockLocal;

/*
 * Opens a table for reading.  False: its rows are elsewhere, in partitions, in
 * children, on other nodes; then SQL finds them, and nothing is open.  Raises where
 * row-level security binds its owner: what is there could not be told.
 */
extern bool userlock_local_open(UserLockTableId id, UserLockLocal *local);

/* The locks stay until the transaction ends, as those of a query would. */
extern void userlock_local_close(const UserLockLocal *local);

/* The rights with which SQL reads a table: those of its owner. */
extern Oid	userlock_local_owner(UserLockTableId id);

/* A condition on a column of the key. */
extern void userlock_local_init_text_key(ScanKey key, AttrNumber column, Datum value);
extern void userlock_local_init_bytea_key(ScanKey key, AttrNumber column, Datum value);

/*
 * Finds the last row of a key as a snapshot sees it, and returns whether there is
 * one; slot: of the table.  Works in a parallel query and on a standby.
 */
extern bool userlock_local_find(const UserLockLocal *local, ScanKey keys, int key_count,
								Snapshot snapshot, TupleTableSlot *slot);

#endif							/* USERLOCK_LOCAL_H */
