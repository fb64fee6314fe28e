/*
 * monitoring.c
 *		Where the numbers that were stored end, and those of events begin.
 */
#include "postgres.h"

#include "fmgr.h"

#include "core/store.h"

PG_FUNCTION_INFO_V1(userlock_counted_from);
PG_FUNCTION_INFO_V1(userlock_ends_from);

typedef struct Counting
{
	bool		found;
	TimestampTz counted_from;
	TimestampTz ends_from;
} Counting;

/*
 * Found once a query.  A function, and not a subquery, because the planner asks a
 * function for the value: so it knows how little there is after it, and takes the
 * index.  It takes none for a subquery where rows have a policy.
 */
static const Counting *
last_counting(FunctionCallInfo fcinfo)
{
	Counting   *counting = fcinfo->flinfo->fn_extra;

	if (counting == NULL)
	{
		UserLockStore store;

		counting = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(Counting));
		userlock_store_begin(&store, fcinfo->flinfo->fn_oid);
		counting->found = userlock_store_counting(&counting->counted_from,
												  &counting->ends_from);
		userlock_store_end(&store);
		fcinfo->flinfo->fn_extra = counting;
	}
	return counting;
}

/* counted_from(): after which moment events are to be added to the tally */
Datum
userlock_counted_from(PG_FUNCTION_ARGS)
{
	const Counting *counting = last_counting(fcinfo);

	if (!counting->found)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(counting->counted_from);
}

/* ends_from(): from which moment on ends that have passed are */
Datum
userlock_ends_from(PG_FUNCTION_ARGS)
{
	const Counting *counting = last_counting(fcinfo);

	if (!counting->found)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(counting->ends_from);
}
