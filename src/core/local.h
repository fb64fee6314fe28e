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

/* As many indexes as a table can have that is changed here. */
#define USERLOCK_MAX_INDEXES	16

/* A table that has been opened, with its primary key, which to change it is among all indexes. */
typedef struct UserLockLocal
{
	UserLockTableId id;
	Relation	rows;
	Relation	key;
	int			index_count;
	Relation	indexes[USERLOCK_MAX_INDEXES];
} UserLockLocal;

/* How often something known of a table has been forgotten, because it has changed. */
extern uint64 userlock_local_changes;

/*
 * Opens a table for reading.  False: its rows are elsewhere, in partitions, in
 * children, on other nodes, or they have another key; then SQL finds them, and nothing
 * is open.  Raises where row-level security binds its owner: what is there could not
 * be told.
 */
extern bool userlock_local_open(UserLockTableId id, UserLockLocal *local);

/*
 * Opens a table to change it.  False as well where more would have to happen than to
 * write a row and its index entries: an administrator has put triggers, rules,
 * constraints or an index with functions of others on it, or taken rights from its
 * owner.  Or where nothing may be written at all, or changes must be refused because
 * of an older snapshot: SQL knows the words.
 */
extern bool userlock_local_open_for_change(UserLockTableId id, UserLockLocal *local);

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

/* Is the row in slot of this key? */
extern bool userlock_local_has_key(TupleTableSlot *slot, const ScanKeyData *keys,
								   int key_count);

/*
 * Locks the row that was found, in slot, against changes until the transaction ends,
 * and reads it as it then is.  May wait.  False: it has been deleted.
 */
extern bool userlock_local_lock(const UserLockLocal *local, TupleTableSlot *slot,
								Snapshot snapshot);

/* Does nobody hold the row that was found, in slot, by what it says of itself? */
extern bool userlock_local_is_free(const TupleTableSlot *slot);

/*
 * Replaces the row that was found, by the one in slot: of the same key.  Waits for
 * whoever holds it.  False: somebody has changed it since the snapshot was taken;
 * nothing has changed.
 */
extern bool userlock_local_update(const UserLockLocal *local, const ItemPointerData *found,
								  TupleTableSlot *slot, Snapshot snapshot);

/* Inserts the row in slot; raises where the table has one of its key. */
extern void userlock_local_insert(const UserLockLocal *local, TupleTableSlot *slot);

#endif							/* USERLOCK_LOCAL_H */
