/*
 * plans.h
 *		The statements, run by plans that are kept for the session.
 */
#ifndef USERLOCK_PLANS_H
#define USERLOCK_PLANS_H

#include "utils/rel.h"
#include "utils/snapshot.h"

#include "core/statements.h"

/*
 * Runs a statement and returns how many rows it found or changed.  The result
 * lives until it is discarded; the memory context stays the caller's, so that
 * a bulk call can reset it after each user.
 */
extern uint64 userlock_plans_run(StatementId id, Datum *values,
								 const char *nulls, bool read_only);

/*
 * Reads the first row that a statement finds as a snapshot shows it, with the rights of
 * a role, and copies its values into the current memory context.  False: there is none.
 */
extern bool userlock_plans_read_row(StatementId id, Datum *parameters, Snapshot snapshot,
									Oid owner, Datum *values, bool *nulls);

/*
 * Does this statement, which reads rows of one user from 'table', and does so as
 * its owner, read them from this very table, where they can be found without SQL
 * as well?  Callers need no rights, and stand nowhere in particular.
 */
extern bool userlock_plans_read_from(Relation table, StatementId id);

#endif							/* USERLOCK_PLANS_H */
