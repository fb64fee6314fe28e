/*
 * caller.c
 *		Who is asking: JWT claims or a plain SQL session.
 *
 * The claims are read with the server's JSON parser in one pass, keeping only
 * the four that matter; input that is not what it should be is reported as
 * such, not raised.  Whoever has SQL access can set claims of their own, which
 * gains them nothing: without claims EXECUTE alone decides.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/guc.h"
#include "utils/syscache.h"

#include "core/userlock.h"
#include "core/caller.h"
#include "core/compat.h"
#include "core/json.h"
#include "core/outcome.h"

typedef enum ClaimName
{
	OTHER_CLAIM,
	SUB_CLAIM,
	IAT_CLAIM,
	TENANT_CLAIM,
	TENANTS_CLAIM
} ClaimName;

typedef struct ClaimParser
{
	UserLockCaller *caller;
	int			depth;			/* 1 inside the outermost object */
	ClaimName	claim;			/* the one being read, at depth 1 */
	bool		malformed;
} ClaimParser;

static UserLockJsonAction
start_object(void *state)
{
	ClaimParser *parser = state;

	/* None of our claims is an object, nor an array of objects. */
	if (parser->depth > 0 && parser->claim != OTHER_CLAIM)
		parser->malformed = true;
	parser->depth++;
	USERLOCK_JSON_ACTION_DONE;
}

static UserLockJsonAction
start_array(void *state)
{
	ClaimParser *parser = state;

	if (parser->depth == 0)
		parser->malformed = true;
	else if (parser->claim == TENANTS_CLAIM && parser->depth == 1)
		parser->caller->tenants = NIL;
	else if (parser->claim != OTHER_CLAIM)
		parser->malformed = true;
	parser->depth++;
	USERLOCK_JSON_ACTION_DONE;
}

static UserLockJsonAction
end_nesting(void *state)
{
	((ClaimParser *) state)->depth--;
	USERLOCK_JSON_ACTION_DONE;
}

static UserLockJsonAction
start_field(void *state, char *name, bool isnull)
{
	ClaimParser *parser = state;

	if (parser->depth == 1)
	{
		if (strcmp(name, "sub") == 0)
			parser->claim = SUB_CLAIM;
		else if (strcmp(name, "iat") == 0)
			parser->claim = IAT_CLAIM;
		else if (strcmp(name, "tenant") == 0)
			parser->claim = TENANT_CLAIM;
		else if (strcmp(name, "tenants") == 0)
			parser->claim = TENANTS_CLAIM;
		else
			parser->claim = OTHER_CLAIM;
	}
	USERLOCK_JSON_ACTION_DONE;
}

/*
 * A NumericDate (RFC 7519, section 2), which may have a fraction, in whole
 * seconds; what no calendar has becomes the next best.
 */
static int64
whole_seconds(const char *number)
{
	double		seconds;

	/* A whole number of any size that a calendar has, as it nearly always is. */
	if (strspn(number, "0123456789") == strlen(number) && strlen(number) <= 15)
		return strtoll(number, NULL, 10);

	seconds = floor(strtod(number, NULL));
	return (int64) Max(-1e15, Min(1e15, seconds));
}

static UserLockJsonAction
scalar(void *state, char *token, JsonTokenType type)
{
	ClaimParser *parser = state;
	UserLockCaller *caller = parser->caller;

	if (parser->depth == 0)
		parser->malformed = true;
	else if (parser->claim == OTHER_CLAIM ||
			 (type == JSON_TOKEN_NULL && parser->depth == 1))
		 /* not ours, or as good as absent */ ;
	else if (parser->claim == IAT_CLAIM)
	{
		if (type != JSON_TOKEN_NUMBER)
			parser->malformed = true;
		else
			caller->issued_at = whole_seconds(token);
		caller->has_issued_at = true;
	}
	else if (type != JSON_TOKEN_STRING ||
			 (parser->depth == 1) == (parser->claim == TENANTS_CLAIM))
		parser->malformed = true;
	else if (parser->claim == SUB_CLAIM)
		caller->subject = token;
	else if (!userlock_name_length_is_valid(token, strlen(token)))
		parser->malformed = true;
	else if (parser->claim == TENANT_CLAIM)
		caller->tenant = token;
	else
		caller->tenants = lappend(caller->tenants, token);
	USERLOCK_JSON_ACTION_DONE;
}

bool
userlock_caller_read(UserLockCaller *caller)
{
	const char *claims = GetConfigOption("request.jwt.claims", true, false);
	ClaimParser parser = {.caller = caller};
	JsonSemAction actions = {
		.semstate = &parser,
		.object_start = start_object,
		.object_end = end_nesting,
		.array_start = start_array,
		.array_end = end_nesting,
		.object_field_start = start_field,
		.scalar = scalar
	};

	/* A setting made for one transaction is left empty, not unset. */
	caller->has_claims = claims != NULL && claims[0] != '\0';
	caller->subject = NULL;
	caller->has_issued_at = false;
	caller->tenant = userlock_tenant;
	caller->tenants = NIL;
	if (!caller->has_claims)
		return true;

	if (userlock_json_is_too_deep(claims, strlen(claims)) ||
		userlock_compat_json_may_throw(claims))
		return false;
	if (pg_parse_json(userlock_compat_json_lexer(claims), &actions) != JSON_SUCCESS)
		return false;
	return !parser.malformed;
}

void
userlock_caller_require(UserLockCaller *caller)
{
	UserLockOutcome outcome = {.result = USERLOCK_RESULT_CLAIMS_MALFORMED};

	if (!userlock_caller_read(caller))
		userlock_outcome_raise(&outcome);
}

static bool
is_tenant(const char *tenant, const char *name, int bytes)
{
	return strlen(tenant) == bytes && memcmp(tenant, name, bytes) == 0;
}

bool
userlock_caller_may_use_bytes(const UserLockCaller *caller, const char *tenant,
							  int bytes)
{
	ListCell   *cell;

	if (!caller->has_claims || is_tenant(caller->tenant, tenant, bytes))
		return true;
	foreach(cell, caller->tenants)
	{
		if (is_tenant(lfirst(cell), tenant, bytes))
			return true;
	}
	return false;
}

bool
userlock_caller_may_use(const UserLockCaller *caller, const char *tenant)
{
	return userlock_caller_may_use_bytes(caller, tenant, strlen(tenant));
}

ArrayType *
userlock_caller_claimed_tenants(const UserLockCaller *caller)
{
	Datum	   *tenants = palloc((1 + list_length(caller->tenants)) * sizeof(Datum));
	int			count = 0;
	ListCell   *cell;

	tenants[count++] = CStringGetTextDatum(caller->tenant);
	foreach(cell, caller->tenants)
		tenants[count++] = CStringGetTextDatum(lfirst(cell));
	return construct_array(tenants, count, TEXTOID, -1, false, TYPALIGN_INT);
}

bool
userlock_caller_may_name(const UserLockCaller *caller, const char *tenant)
{
	bool		is_nobody = caller->subject == NULL && caller->tenants == NIL &&
		caller->tenant == userlock_tenant;

	return is_nobody || userlock_caller_may_use(caller, tenant);
}

char *
userlock_caller_actor(const UserLockCaller *caller)
{
	if (caller->subject && caller->subject[0] != '\0')
		return caller->subject;
	return GetUserNameFromId(GetSessionUserId(), false);
}

bool
userlock_caller_may_execute(const char *function)
{
	Oid			namespace = get_namespace_oid("userlock", false);
	CatCList   *candidates = SearchSysCacheList1(PROCNAMEARGSNSP,
												 CStringGetDatum(function));
	bool		allowed = false;

	/* Core functions are not overloaded: the name says which one. */
	for (int i = 0; i < candidates->n_members; i++)
	{
		Form_pg_proc candidate = (Form_pg_proc)
			GETSTRUCT(&candidates->members[i]->tuple);

		if (candidate->pronamespace == namespace)
			allowed = userlock_compat_may_execute(candidate->oid, GetUserId());
	}
	ReleaseSysCacheList(candidates);
	return allowed;
}

void
userlock_caller_refuse_restricted(void)
{
	UserLockOutcome outcome = {.result = USERLOCK_RESULT_OPERATION_RESTRICTED};

	if (InSecurityRestrictedOperation())
		userlock_outcome_raise(&outcome);
}
