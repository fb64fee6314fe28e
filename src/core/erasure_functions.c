/*
 * erasure_functions.c
 *		erase_user().
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"

#include "core/arguments.h"
#include "core/erasure.h"

PG_FUNCTION_INFO_V1(userlock_erase_user);

/* erase_user(user_id, tenant) */
Datum
userlock_erase_user(PG_FUNCTION_ARGS)
{
	UserLockRequest request = {.until = USERLOCK_NO_END};
	UserLockErasure erased;
	UserLockResult result;
	UserLockStore store;
	TupleDesc	columns;
	Datum		values[3];
	bool		nulls[3] = {false};

	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	request.key.user_id = USERLOCK_GETARG_OPTIONAL(0);
	request.key.tenant = USERLOCK_GETARG_OPTIONAL(1);
	userlock_arguments_require(&request);

	userlock_store_begin(&store, fcinfo->flinfo->fn_oid);
	result = userlock_erasure_erase(&request, &erased);
	userlock_store_end(&store);
	if (result != USERLOCK_RESULT_CHANGED)
		userlock_arguments_raise(&request, result);

	values[0] = Int64GetDatum(erased.events);
	values[1] = Int64GetDatum(erased.login_failures);
	values[2] = TimestampTzGetDatum(erased.access_valid_after);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(columns), values, nulls)));
}
