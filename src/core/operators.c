/*
 * operators.c
 *		Comparison and hashing of user_lock_state, and its predicates.
 *
 * Nothing here reads a table, a clock or a setting.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/sortsupport.h"

#include "core/userlock.h"

/*
 * Order: active, locked, blocked, locked+blocked.
 */
static inline int
compare(UserLockState a, UserLockState b)
{
	return (int) a - (int) b;
}

#define COMPARISON(name, operator) \
	PG_FUNCTION_INFO_V1(user_lock_state_##name); \
	Datum \
	user_lock_state_##name(PG_FUNCTION_ARGS) \
	{ \
		PG_RETURN_BOOL(compare(PG_GETARG_USER_LOCK_STATE(0), \
							   PG_GETARG_USER_LOCK_STATE(1)) operator 0); \
	}

COMPARISON(eq, ==)
COMPARISON(ne, !=)
COMPARISON(lt, <)
COMPARISON(le, <=)
COMPARISON(gt, >)
COMPARISON(ge, >=)

PG_FUNCTION_INFO_V1(user_lock_state_cmp);
PG_FUNCTION_INFO_V1(user_lock_state_sortsupport);
PG_FUNCTION_INFO_V1(user_lock_state_hash);
PG_FUNCTION_INFO_V1(user_lock_state_hash_extended);
PG_FUNCTION_INFO_V1(userlock_is_active);
PG_FUNCTION_INFO_V1(userlock_is_locked);
PG_FUNCTION_INFO_V1(userlock_is_blocked);

Datum
user_lock_state_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(compare(PG_GETARG_USER_LOCK_STATE(0),
							PG_GETARG_USER_LOCK_STATE(1)));
}

static int
compare_for_sort(Datum a, Datum b, SortSupport ssup)
{
	return compare(DatumGetUserLockState(a), DatumGetUserLockState(b));
}

Datum
user_lock_state_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);

	ssup->comparator = compare_for_sort;
	PG_RETURN_VOID();
}

Datum
user_lock_state_hash(PG_FUNCTION_ARGS)
{
	return hash_uint32(PG_GETARG_USER_LOCK_STATE(0));
}

Datum
user_lock_state_hash_extended(PG_FUNCTION_ARGS)
{
	return hash_uint32_extended(PG_GETARG_USER_LOCK_STATE(0),
								PG_GETARG_INT64(1));
}

Datum
userlock_is_active(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(PG_GETARG_USER_LOCK_STATE(0) == USERLOCK_ACTIVE);
}

Datum
userlock_is_locked(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL((PG_GETARG_USER_LOCK_STATE(0) & USERLOCK_LOCKED) != 0);
}

Datum
userlock_is_blocked(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL((PG_GETARG_USER_LOCK_STATE(0) & USERLOCK_BLOCKED) != 0);
}
