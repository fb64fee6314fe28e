/*
 * transition.h
 *		Lock, unlock, block, unblock: one attempt on one user.
 */
#ifndef USERLOCK_TRANSITION_H
#define USERLOCK_TRANSITION_H

#include "core/outcome.h"
#include "core/request.h"

/* The core function that makes it, whose EXECUTE privilege permits it. */
extern const char *userlock_transition_function(UserLockTransition transition);

/*
 * Attempts a transition that has been admitted and checked, inside an open
 * store.  Never raises for what the user or the request is like: the outcome
 * says.  A refusal has written nothing.
 */
extern void userlock_transition_attempt(const UserLockRequest *request,
										UserLockTransition transition,
										UserLockOutcome *outcome);

/*
 * The same outside of a store, which is opened only if it takes one.  function: the SQL
 * function being run, with whose owner's rights.
 */
extern void userlock_transition_attempt_alone(const UserLockRequest *request,
											  UserLockTransition transition,
											  Oid function,
											  UserLockOutcome *outcome);

#endif							/* USERLOCK_TRANSITION_H */
