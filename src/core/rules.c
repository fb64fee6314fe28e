/*
 * rules.c
 *		The rules of state.c as SQL functions.
 *
 * Nothing here reads a table, a clock or a setting.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/userlock.h"

StaticAssertDecl(USERLOCK_NO_END == DT_NOEND,
				 "a restriction without end must be the timestamp infinity");

PG_FUNCTION_INFO_V1(userlock_next_state);
PG_FUNCTION_INFO_V1(userlock_state_at_moment);
PG_FUNCTION_INFO_V1(userlock_allows);
PG_FUNCTION_INFO_V1(userlock_pending_expiries);

static UserLockTransition
getarg_transition(FunctionCallInfo fcinfo, int n)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(n));
	UserLockTransition transition;

	if (!userlock_transition_parse(name, &transition))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid transition: \"%s\"", name),
				 errhint("Use lock, unlock, block or unblock.")));
	return transition;
}

/*
 * next_state(state, transition text): the state after a transition, NULL where
 * it is refused.
 */
Datum
userlock_next_state(PG_FUNCTION_ARGS)
{
	UserLockState to;

	if (!userlock_state_next(PG_GETARG_USER_LOCK_STATE(0),
							 getarg_transition(fcinfo, 1), &to))
		PG_RETURN_NULL();
	PG_RETURN_USER_LOCK_STATE(to);
}

/* The end of a restriction: NULL where it holds until it is lifted. */
static TimestampTz
getarg_until(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(n);
}

/*
 * state_at(state, locked_until, blocked_until, at): the restrictions of an
 * account row that hold at a moment.
 */
Datum
userlock_state_at_moment(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(3))
		PG_RETURN_NULL();

	PG_RETURN_USER_LOCK_STATE(userlock_state_at(PG_GETARG_USER_LOCK_STATE(0),
												getarg_until(fcinfo, 1),
												getarg_until(fcinfo, 2),
												PG_GETARG_TIMESTAMPTZ(3)));
}

/*
 * allows(state, changed_at, locked_until, blocked_until, transition, at): may
 * the transition be made to an account row as it stands?  The library of 1.0 asks it in
 * SQL, in sessions that began with it.
 */
Datum
userlock_allows(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(4) || PG_ARGISNULL(5))
		PG_RETURN_NULL();

	PG_RETURN_BOOL(userlock_state_allows(PG_GETARG_USER_LOCK_STATE(0),
										 PG_GETARG_TIMESTAMPTZ(1),
										 getarg_until(fcinfo, 2),
										 getarg_until(fcinfo, 3),
										 getarg_transition(fcinfo, 4),
										 PG_GETARG_TIMESTAMPTZ(5)));
}

/*
 * pending_expiries(state, sequence, changed_at, locked_until, blocked_until,
 * at): the events that an account row owes to its history at a moment, because
 * a restriction has ended and nothing has written it down yet.
 */
Datum
userlock_pending_expiries(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	UserLockExpiry expiries[USERLOCK_MAX_EXPIRIES];
	int			count = 0;

	InitMaterializedSRF(fcinfo, 0);

	if (!PG_ARGISNULL(0) && !PG_ARGISNULL(1) && !PG_ARGISNULL(2) &&
		!PG_ARGISNULL(5))
		count = userlock_state_expiries(PG_GETARG_USER_LOCK_STATE(0),
										PG_GETARG_TIMESTAMPTZ(2),
										getarg_until(fcinfo, 3),
										getarg_until(fcinfo, 4),
										PG_GETARG_TIMESTAMPTZ(5),
										expiries);

	for (int i = 0; i < count; i++)
	{
		Datum		values[] = {
			Int64GetDatum(PG_GETARG_INT64(1) + 1 + i),
			PointerGetDatum(cstring_to_text(expiries[i].event)),
			UserLockStateGetDatum(expiries[i].from),
			UserLockStateGetDatum(expiries[i].to),
			TimestampTzGetDatum(expiries[i].at),
			TimestampTzGetDatum(expiries[i].until)
		};
		bool		nulls[lengthof(values)] = {false};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
