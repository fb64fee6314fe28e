/*
 * api_key.c
 *		SQL functions that make an API key: create_api_key(), rotate_api_key().
 *
 * A key acts as a role, so whoever makes one must be able to take on that role:
 * the effective user, who is known here, before rights change hands, and nowhere
 * behind.  The rest is SQL.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"

#include "core/caller.h"
#include "core/outcome.h"
#include "core/plans.h"

PG_FUNCTION_INFO_V1(userlock_create_api_key);
PG_FUNCTION_INFO_V1(userlock_rotate_api_key);

/* Raises unless the current user may act as the role; NULL is nobody's. */
static void
require_role(const NameData *role)
{
	UserLockOutcome outcome = {.result = USERLOCK_RESULT_ROLE_DENIED};

	if (role == NULL ||
		!userlock_compat_may_become(GetUserId(),
									get_role_oid(NameStr(*role), false)))
		userlock_outcome_raise(&outcome);
}

/*
 * Makes a key as the function in SQL does whose arguments the caller's are:
 * add_api_key() or replace_api_key().  *role: as whom the key that is replaced
 * acted, and so does the new one; NULL: none is.
 */
static Datum
make_key(StatementId id, const NullableDatum *arguments, NameData *role)
{
	Datum		values[MAX_PARAMETERS];
	char		nulls[MAX_PARAMETERS];
	HeapTuple	row;
	TupleDesc	columns;
	Datum		key;
	bool		isnull;

	for (int i = 0; i < userlock_statements[id].parameters; i++)
	{
		values[i] = arguments[i].value;
		nulls[i] = arguments[i].isnull ? 'n' : ' ';
	}
	userlock_plans_run(id, values, nulls, false);
	row = SPI_tuptable->vals[0];
	columns = SPI_tuptable->tupdesc;
	key = datumCopy(SPI_getbinval(row, columns, 1, &isnull), false, -1);
	if (role)
		*role = *DatumGetName(SPI_getbinval(row, columns, 2, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return key;
}

/* create_api_key(name, role, tenant, expires_at) */
Datum
userlock_create_api_key(PG_FUNCTION_ARGS)
{
	UserLockStore store;
	Datum		key;

	userlock_caller_refuse_restricted();
	require_role(PG_ARGISNULL(1) ? NULL : PG_GETARG_NAME(1));

	userlock_store_begin(&store, fcinfo->flinfo->fn_oid);
	key = make_key(ADD_API_KEY, fcinfo->args, NULL);
	userlock_store_end(&store);
	PG_RETURN_DATUM(key);
}

/* rotate_api_key(name, tenant, expires_at, overlap) */
Datum
userlock_rotate_api_key(PG_FUNCTION_ARGS)
{
	UserLockStore store;
	NameData	role;
	Datum		key;

	userlock_caller_refuse_restricted();

	userlock_store_begin(&store, fcinfo->flinfo->fn_oid);
	key = make_key(REPLACE_API_KEY, fcinfo->args, &role);
	userlock_store_end(&store);

	/* Only now is it known as whom the key acts; an error undoes it all. */
	require_role(&role);
	PG_RETURN_DATUM(key);
}
