/*
 * statements.h
 *		Every SQL statement about our own tables that the C code runs.
 */
#ifndef USERLOCK_STATEMENTS_H
#define USERLOCK_STATEMENTS_H

#define MAX_PARAMETERS 14

typedef enum StatementId
{
	/* The first four are indexed by UserLockTransition. */
	APPLY_LOCK,
	APPLY_UNLOCK,
	APPLY_BLOCK,
	APPLY_UNBLOCK,
	PROBE_ACCOUNT,
	GET_ACCOUNT,
	GET_ACCOUNT_FOR_UPDATE,
	GET_ACCOUNT_FOR_DELETE,
	GET_ACCOUNT_IF_FREE,
	INSERT_ACCOUNT,
	IS_ADOPTED,
	PUT_ACCOUNT,
	DELETE_ACCOUNT,
	DELETE_PROFILE,
	PUT_PROFILE,
	GET_PROFILE,
	FIND_USER_NAME,
	TAKE_HOLDERS_TURN,
	IS_LAST_HOLDER,
	BATCH_CHANGES,
	FORGET_FAILURES,
	APPEND_EVENT,
	APPEND_FIRST_EVENT,
	LAST_EVENT,
	LAST_OF_KIND,
	GET_ADOPTION,
	BEGIN_ERASURE,
	UNCOUNT,
	ERASE_EVENTS,
	ERASE_FAILURES,
	GET_ERASURE_KEY,
	ADD_ERASURE_KEY,
	GET_ERASURE,
	PUT_ERASURE,
	DUE,
	TENANTS,
	COUNTING,
	ADD_API_KEY,
	REPLACE_API_KEY,
	STATEMENT_COUNT
} StatementId;

typedef struct UserLockStatement
{
	const char *sql;
	int			parameters;
	Oid			types[MAX_PARAMETERS];
	int			result;			/* the SPI code of success */
} UserLockStatement;

extern const UserLockStatement userlock_statements[STATEMENT_COUNT];

#endif							/* USERLOCK_STATEMENTS_H */
