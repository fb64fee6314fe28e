/*
 * protection.c
 *		Whom nobody is to restrict by mistake.
 *
 * Who locks themselves out, or the last who could unlock, needs somebody with the
 * keys of the database.  Both protections are off unless their settings say otherwise.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/fmgrprotos.h"

#include "core/protection.h"

void
userlock_protection_prepare(const UserLockRequest *request, Datum *user_ids, int count)
{
	if (userlock_protected_roles[0] != '\0' && !request->dry_run)
		userlock_store_take_holders_turn(request->key.tenant,
										 PointerGetDatum(construct_array(user_ids, count, TEXTOID,
																		 -1, false, TYPALIGN_INT)));
}

bool
userlock_protection_applies(const UserLockRequest *request)
{
	return request->is_asked_for &&
		(request->caller || userlock_protected_roles[0] != '\0');
}

UserLockResult
userlock_protection_judge(const UserLockRequest *request)
{
	Datum		user_id = request->key.user_id;

	/* Ids are equal when their bytes are, see their collation. */
	if (request->caller &&
		DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID,
											 request->caller, request->key.user_id)))
		return USERLOCK_RESULT_CALLER_PROTECTED;
	userlock_protection_prepare(request, &user_id, 1);
	if (userlock_protected_roles[0] != '\0' &&
		userlock_store_is_last_holder(&request->key, !request->dry_run))
		return USERLOCK_RESULT_LAST_HOLDER_PROTECTED;
	return USERLOCK_RESULT_OK;
}
