/*
 * store.h
 *		The account and event rows.
 *
 * The only door to the tables, and the only place that runs SQL.  Callers
 * stand between userlock_store_begin() and userlock_store_end(), pass text as
 * text Datums and get values back by copy.  Nothing here judges: a row is
 * found or not, changed or not.
 */
#ifndef USERLOCK_STORE_H
#define USERLOCK_STORE_H

#include "utils/array.h"
#include "utils/timestamp.h"

#include "core/profile.h"
#include "core/rights.h"
#include "core/userlock.h"

typedef struct UserLockKey
{
	Datum		tenant;			/* text */
	Datum		user_id;		/* text */
} UserLockKey;

typedef struct UserLockAccount
{
	UserLockState state;
	int64		sequence;		/* of the last event */
	TimestampTz created_at;
	TimestampTz changed_at;		/* when the last event happened */
	TimestampTz locked_until;	/* USERLOCK_NO_END: not locked, or no end */
	TimestampTz blocked_until;	/* likewise */
	int64		lock_sequence;	/* of the event that locked; 0: not locked */
	int64		block_sequence; /* likewise */
	TimestampTz access_valid_after; /* DT_NOBEGIN: every token is good */
	TimestampTz locked_at;		/* DT_NOBEGIN: not locked */
	TimestampTz blocked_at;		/* likewise */
} UserLockAccount;

/* What an event says apart from whom it is about.  A Datum of 0 is NULL. */
typedef struct UserLockEvent
{
	int64		sequence;
	const char *kind;
	const char *from_state;		/* NULL: there was no account */
	const char *to_state;		/* NULL: there is none any more */
	TimestampTz at;
	Datum		actor;			/* text */
	Datum		reason;			/* text */
	TimestampTz until;			/* USERLOCK_NO_END: none */
	Datum		details;		/* jsonb */
	Datum		attributes;		/* text[]: of the profile, which changed */
	Datum		batch;			/* uuid */
} UserLockEvent;

/*
 * Opens the store with the rights of the owner of 'function', the SQL function
 * being run.  An error between begin and end gives them back by itself.
 */
typedef UserLockRights UserLockStore;

extern void userlock_store_begin(UserLockStore *store, Oid function);
extern void userlock_store_end(UserLockStore *store);

typedef enum UserLockRowLock
{
	USERLOCK_FOR_READING,		/* none: works in a read-only transaction */
	USERLOCK_FOR_UPDATE,		/* until the transaction ends */
	USERLOCK_FOR_DELETE,
	USERLOCK_FOR_UPDATE_IF_FREE /* one that someone else has locked is not
								 * found */
} UserLockRowLock;

extern bool userlock_store_get(const UserLockKey *key, UserLockRowLock lock,
							   UserLockAccount *account);

/*
 * Inserts the row unless there is one already: false.  adoption: the one whose
 * table the user comes from, a uuid; 0: none.
 */
extern bool userlock_store_insert(const UserLockKey *key,
								  const UserLockAccount *account,
								  Datum adoption);

/*
 * Does the user come from the table of this adoption?  lock: the one that the
 * caller holds.
 */
extern bool userlock_store_is_adopted(const UserLockKey *key, Datum adoption,
									  UserLockRowLock lock);

/* Overwrites a row that the caller has locked. */
extern void userlock_store_put(const UserLockKey *key,
							   const UserLockAccount *account);

/* Deletes a row that the caller has locked, and the user's profile. */
extern void userlock_store_delete(const UserLockKey *key);

/* Writes an event, and tells listeners. */
extern void userlock_store_append(const UserLockKey *key,
								  const UserLockEvent *event);

/*
 * Where userlock.notify is on, tells listeners that there is an event, and which; what
 * it says they read in user_history.
 */
extern void userlock_store_notify(const UserLockKey *key, const UserLockEvent *event);

/*
 * The user's last event, also where the account is gone, and the restrictions
 * that held before it; false: none.
 */
extern bool userlock_store_last_event(const UserLockKey *key,
									  int64 *sequence, TimestampTz *at,
									  UserLockState *from_state);

/* Adds every tenant that has anything in a table, as text. */
extern void userlock_store_tenants(ArrayBuildState *tenants);

/*
 * After which moment events are counted one by one, and from which on ends are;
 * false: nothing was counted.
 */
extern bool userlock_store_counting(TimestampTz *counted_from,
									TimestampTz *ends_from);

/* The user's last event of a kind, without its states; false: none. */
extern bool userlock_store_last_of_kind(const UserLockKey *key,
										const char *kind, UserLockEvent *event);

/*
 * Stores the user's profile, or takes it away; the caller has locked their
 * account.  False: another user of the tenant has the user name.
 */
extern bool userlock_store_put_profile(const UserLockKey *key,
									   const UserLockProfile *profile);

/*
 * Which other user of the tenant has the user name, and how it is spelt there;
 * false: nobody.
 */
extern bool userlock_store_find_user_name(const UserLockKey *key, Datum user_name,
										  Datum *user_id, Datum *spelling);

/*
 * Waits, before any of the users is held who are about to be restricted: if one has
 * a protected role, for whoever else restricts such users.  user_ids: text[].
 */
extern void userlock_store_take_holders_turn(Datum tenant, Datum user_ids);

/*
 * Is the user allowed to come in, and the last who is of those who have one of
 * userlock.protected_roles?  to_lock: who asks is about to restrict the user, and
 * whoever is about to restrict another holder has this one wait.
 */
extern bool userlock_store_is_last_holder(const UserLockKey *key, bool to_lock);

/* What a batch did to one user, as their history tells. */
typedef struct UserLockBatchChange
{
	Datum		user_id;		/* text */
	int64		sequence;		/* of the batch's last event */
	int			locks;			/* times locked less times unlocked: 1, 0 or -1 */
	int			blocks;
} UserLockBatchChange;

/*
 * The users of a tenant of whom a batch wrote events at 'since' or later, in key
 * order.  Allocates changes in the current memory context; returns how many.
 */
extern int	userlock_store_batch_changes(Datum tenant, Datum batch,
										 TimestampTz since,
										 UserLockBatchChange **changes);

/*
 * Forgets the user's failed logins, but for those that are just being
 * counted: those come later.
 */
extern void userlock_store_forget_failures(const UserLockKey *key);

/* The adoption whose table the user came from, a uuid; 0: none. */
extern Datum userlock_store_get_adoption(const UserLockKey *key);

/*
 * Begins to erase a user, before anything else is locked: waits for logins that are
 * just being counted, and while history is pruned, and has both wait.
 */
extern void userlock_store_begin_erasure(const UserLockKey *key);

/* Keeps the numbers right of a user who leaves without an event; before they do. */
extern void userlock_store_uncount(const UserLockKey *key, bool is_registered);

/* Deletes the user's history, and returns how many events it had. */
extern int64 userlock_store_erase_events(const UserLockKey *key);

/* Deletes the counts of the user's failed logins; returns how many. */
extern int64 userlock_store_erase_failures(const UserLockKey *key);

/*
 * What the ids of the tenant's erased users are hashed with, a bytea; 0: nobody was
 * erased.
 */
extern Datum userlock_store_get_erasure_key(Datum tenant);

/* Keeps it, unless there is one already. */
extern void userlock_store_add_erasure_key(Datum tenant, Datum erasure_key);

/* From when on tokens of an erased user may be good; false: nobody such was. */
extern bool userlock_store_get_erasure(Datum tenant, Datum digest,
									   TimestampTz *access_valid_after);

/* Keeps that, or the later of the two. */
extern void userlock_store_put_erasure(Datum tenant, Datum digest,
									   TimestampTz access_valid_after);

/*
 * The document of the user's profile, as jsonb; 0: none.  lock: the one that the
 * caller holds on the account.
 */
extern Datum userlock_store_get_profile(const UserLockKey *key,
										UserLockRowLock lock);

/*
 * The next users, after 'after' in key order (NULL: from the first), with a
 * restriction that has ended at 'now'.  Fills keys (allocated in the current
 * memory context) and returns how many, at most 'max'.
 */
extern int	userlock_store_due(const UserLockKey *after, TimestampTz now,
							   UserLockKey *keys, int max);

#endif							/* USERLOCK_STORE_H */
