/*
 * monitoring.c
 *		Where the numbers that were stored end, and those of events begin.
 */
#include "postgres.h"

#include "fmgr.h"

#include "core/store.h"

PG_FUNCTION_INFO_V1(userlock_counted_from);

typedef struct CountedFrom
{
	bool		is_null;
	TimestampTz at;
} CountedFrom;

/*
 * counted_from(): found once a query.  A function, and not a subquery, because the
 * planner asks a function for the value: so it knows how few events there are after
 * it, and takes the index.
 */
Datum
userlock_counted_from(PG_FUNCTION_ARGS)
{
	CountedFrom *from = fcinfo->flinfo->fn_extra;

	if (from == NULL)
	{
		UserLockStore store;

		from = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(CountedFrom));
		userlock_store_begin(&store, fcinfo->flinfo->fn_oid);
		from->is_null = !userlock_store_counted_from(&from->at);
		userlock_store_end(&store);
		fcinfo->flinfo->fn_extra = from;
	}
	if (from->is_null)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(from->at);
}
