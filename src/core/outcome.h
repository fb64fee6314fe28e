/*
 * outcome.h
 *		What came of a request, and how it is told.
 *
 * One result, one name, one SQLSTATE and one wording each, whether it is
 * raised as an error or returned as a row.
 */
#ifndef USERLOCK_OUTCOME_H
#define USERLOCK_OUTCOME_H

#include "access/htup.h"
#include "access/tupdesc.h"

#include "core/compat.h"
#include "core/result.h"
#include "core/store.h"

/* The most user ids that one call takes: it bounds memory and row locks. */
#define USERLOCK_MAX_USER_IDS	10000

/*
 * The most that is kept in a caller's words: characters of a reason, bytes of
 * documents as they are shown.
 */
#define USERLOCK_MAX_REASON_LENGTH	1000
#define USERLOCK_MAX_DETAILS_BYTES	8192
#define USERLOCK_MAX_PROFILE_BYTES	65536

/*
 * Characters of an attribute that users are found by: as many as an e-mail
 * address may have (RFC 5321, section 4.5.3.1), and few enough for an index.
 */
#define USERLOCK_MAX_ATTRIBUTE_LENGTH	320

typedef struct UserLockOutcome
{
	UserLockResult result;
	UserLockKey key;			/* whom it is about; 0 where not known */
	bool		has_account;	/* the account was found */
	UserLockAccount account;	/* as it stands now */
	Datum		batch;			/* uuid: of what has been written; 0: none */
	int64		expected_sequence;	/* of USERLOCK_RESULT_SEQUENCE_DIFFERS */
	const char *object;			/* the function or table that it is about */
} UserLockOutcome;

static inline bool
userlock_outcome_is_success(const UserLockOutcome *outcome)
{
	return outcome->result <= USERLOCK_RESULT_UNCHANGED;
}

/* Raises the error that the outcome is.  Not for a success. */
pg_noreturn extern void userlock_outcome_raise(const UserLockOutcome *outcome);

/* The outcome as a row of type transition_outcome. */
extern HeapTuple userlock_outcome_row(const UserLockOutcome *outcome,
									  TupleDesc transition_outcome);

/*
 * What a SQL function of that result type returns: transition_outcome, or
 * user_status, which raises the outcome if it is not a success.
 */
extern Datum userlock_outcome_return_row(const UserLockOutcome *outcome,
										 FunctionCallInfo fcinfo);
extern Datum userlock_outcome_return_status(const UserLockOutcome *outcome,
											FunctionCallInfo fcinfo);

#endif							/* USERLOCK_OUTCOME_H */
