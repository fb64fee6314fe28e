/*
 * outcome_functions.c
 *		raise(): refusals for functions in SQL, which word none themselves.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "core/outcome.h"

PG_FUNCTION_INFO_V1(userlock_raise);

/* raise(result, subject, tenant) */
Datum
userlock_raise(PG_FUNCTION_ARGS)
{
	char	   *name = PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0));
	UserLockOutcome outcome = {0};

	if (!userlock_result_parse(name, &outcome.result) ||
		userlock_outcome_is_success(&outcome))
		elog(ERROR, "\"%s\" is no refusal", name);
	outcome.key.user_id = USERLOCK_GETARG_OPTIONAL(1);
	outcome.key.tenant = USERLOCK_GETARG_OPTIONAL(2);
	userlock_outcome_raise(&outcome);
}
