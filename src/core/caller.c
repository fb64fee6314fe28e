/*
 * caller.c
 *		Who is asking: JWT claims or a plain SQL session.
 *
 * The claims are read in one pass over the tokens of the server's JSON lexer,
 * keeping only the four that matter; input that is not what it should be is
 * reported as such, not raised.  Whoever has SQL access can set claims of their
 * own, which gains them nothing: without claims EXECUTE alone decides.
 *
 * But claims do not travel between the nodes of a Citus cluster: a session that
 * another node opened, and that has none, may be anybody's, so nobody asks there.
 * Whoever names their own session like that only takes from themselves.
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

/* The names of sessions that one node of a Citus cluster opens on another. */
static const char *const between_nodes[] = {
	"citus_internal gpid=",
	"citus_rebalancer gpid=",
	"citus_run_command gpid="
};

/* Tokens of one character; 0, JSON_TOKEN_INVALID: of more. */
static const uint8 marks[] = {
	['{'] = JSON_TOKEN_OBJECT_START,
	['}'] = JSON_TOKEN_OBJECT_END,
	['['] = JSON_TOKEN_ARRAY_START,
	[']'] = JSON_TOKEN_ARRAY_END,
	[','] = JSON_TOKEN_COMMA,
	[':'] = JSON_TOKEN_COLON
};

/*
 * Goes on to the next token; false: it is none.  The lexer takes its time over marks,
 * and over strings, which end at the next quote where nothing is escaped.
 */
static bool
next_token(JsonLexContext *lexer)
{
	const char *start = lexer->token_terminator;
	const char *end;

	while (*start == ' ')
		start++;
	end = start + 1;
	if ((unsigned char) *start < lengthof(marks) && marks[(unsigned char) *start])
		lexer->token_type = marks[(unsigned char) *start];
	else if (*start == '"' && lexer->strval == NULL)
	{
		lexer->token_type = JSON_TOKEN_STRING;
		while ((unsigned char) *end >= ' ' && *end != '"')
			end++;
		if (*end++ != '"')
			return false;
	}
	else
		return json_lex(lexer) == JSON_SUCCESS;

	lexer->token_start = unconstify(char *, start);
	lexer->token_terminator = unconstify(char *, end);
	return true;
}

/* The string that the lexer is at: as it stands, or what its escapes stand for. */
static const char *
current_string(const JsonLexContext *lexer, size_t *length)
{
	if (lexer->strval != NULL)
	{
		*length = lexer->strval->len;
		return lexer->strval->data;
	}
	*length = lexer->token_terminator - lexer->token_start - strlen("\"\"");
	return lexer->token_start + 1;
}

static ClaimName
current_name(const JsonLexContext *lexer)
{
	size_t		length;
	const char *name = current_string(lexer, &length);

	if (length == 3 && memcmp(name, "sub", length) == 0)
		return SUB_CLAIM;
	if (length == 3 && memcmp(name, "iat", length) == 0)
		return IAT_CLAIM;
	if (length == 6 && memcmp(name, "tenant", length) == 0)
		return TENANT_CLAIM;
	if (length == 7 && memcmp(name, "tenants", length) == 0)
		return TENANTS_CLAIM;
	return OTHER_CLAIM;
}

/*
 * A NumericDate (RFC 7519, section 2), which may have a fraction, in whole
 * seconds; what no calendar has becomes the next best.
 */
static int64
whole_seconds(const char *number, size_t length)
{
	double		seconds;
	int64		whole = 0;
	size_t		digits = 0;

	/* A whole number of any size that a calendar has, as it nearly always is. */
	while (digits < Min(length, 15) && number[digits] >= '0' && number[digits] <= '9')
		whole = whole * 10 + (number[digits++] - '0');
	if (digits == length)
		return whole;

	seconds = floor(strtod(number, NULL));
	return (int64) Max(-1e15, Min(1e15, seconds));
}

/* Takes the scalar that the lexer is at, if it is ours; false: it may not be so. */
static bool
take_scalar(const JsonLexContext *lexer, UserLockCaller *caller,
			ClaimName claim, bool is_element)
{
	size_t		length;
	const char *string;

	if (claim == OTHER_CLAIM)
		return true;
	/* As good as absent. */
	if (lexer->token_type == JSON_TOKEN_NULL && !is_element)
		return true;
	if (claim == IAT_CLAIM)
	{
		if (lexer->token_type != JSON_TOKEN_NUMBER)
			return false;
		caller->has_issued_at = true;
		caller->issued_at =
			whole_seconds(lexer->token_start,
						  lexer->token_terminator - lexer->token_start);
		return true;
	}

	if (lexer->token_type != JSON_TOKEN_STRING ||
		is_element != (claim == TENANTS_CLAIM))
		return false;
	string = current_string(lexer, &length);
	if (claim == SUB_CLAIM)
		caller->subject = pnstrdup(string, length);
	else if (!userlock_name_length_is_valid(string, length))
		return false;
	else if (claim == TENANT_CLAIM)
		caller->tenant = pnstrdup(string, length);
	else
		caller->tenants = lappend(caller->tenants, pnstrdup(string, length));
	return true;
}

/*
 * Reads the value that the lexer is at, and goes on to what follows it.  depth: how
 * many objects and arrays it is in; claim: the one that it belongs to.
 */
static bool
read_value(JsonLexContext *lexer, UserLockCaller *caller, ClaimName claim, int depth)
{
	JsonTokenType first = lexer->token_type;
	JsonTokenType last;

	switch (first)
	{
		case JSON_TOKEN_STRING:
		case JSON_TOKEN_NUMBER:
		case JSON_TOKEN_TRUE:
		case JSON_TOKEN_FALSE:
		case JSON_TOKEN_NULL:
			return depth > 0 && take_scalar(lexer, caller, claim, depth > 1) &&
				next_token(lexer);
		case JSON_TOKEN_OBJECT_START:
			last = JSON_TOKEN_OBJECT_END;
			break;
		case JSON_TOKEN_ARRAY_START:
			last = JSON_TOKEN_ARRAY_END;
			break;
		default:
			return false;
	}

	/* Claims are an object; of ours one is an array, and none is an object. */
	if (depth == 0 && first != JSON_TOKEN_OBJECT_START)
		return false;
	if (claim == TENANTS_CLAIM && depth == 1 && first == JSON_TOKEN_ARRAY_START)
		caller->tenants = NIL;
	else if (claim != OTHER_CLAIM)
		return false;

	if (depth == USERLOCK_MAX_JSON_DEPTH || !next_token(lexer))
		return false;
	if (lexer->token_type == last)
		return next_token(lexer);
	do
	{
		if (first == JSON_TOKEN_OBJECT_START)
		{
			if (lexer->token_type != JSON_TOKEN_STRING)
				return false;
			if (depth == 0)
				claim = current_name(lexer);
			if (!next_token(lexer) || lexer->token_type != JSON_TOKEN_COLON ||
				!next_token(lexer))
				return false;
		}
		if (!read_value(lexer, caller, claim, depth + 1))
			return false;
		if (lexer->token_type == last)
			return next_token(lexer);
	} while (lexer->token_type == JSON_TOKEN_COMMA && next_token(lexer));
	return false;
}

/*
 * Of the claims nothing is copied but what is kept.  Escapes are rare, and what they
 * stand for is to be had for all strings or for none.
 */
static bool
read_claims(UserLockCaller *caller, const char *claims)
{
	size_t		length = strlen(claims);
	bool		has_escapes = memchr(claims, '\\', length) != NULL;
	JsonLexContext place;
	JsonLexContext *lexer;

	if (has_escapes && userlock_compat_json_may_throw(claims))
		return false;
	lexer = userlock_compat_json_lexer(&place, claims, length, has_escapes);
	return next_token(lexer) && read_value(lexer, caller, OTHER_CLAIM, 0) &&
		lexer->token_type == JSON_TOKEN_END;
}

static bool
is_between_nodes(void)
{
	for (int i = 0; i < lengthof(between_nodes); i++)
	{
		if (strncmp(application_name, between_nodes[i], strlen(between_nodes[i])) == 0)
			return true;
	}
	return false;
}

UserLockResult
userlock_caller_read(UserLockCaller *caller)
{
	const char *claims = GetConfigOption("request.jwt.claims", true, false);

	/* A setting made for one transaction is left empty, not unset. */
	caller->has_claims = claims != NULL && claims[0] != '\0';
	caller->subject = NULL;
	caller->has_issued_at = false;
	caller->tenant = userlock_tenant;
	caller->tenants = NIL;
	if (!caller->has_claims)
		return is_between_nodes() ? USERLOCK_RESULT_CLAIMS_MISSING : USERLOCK_RESULT_OK;
	return read_claims(caller, claims) ? USERLOCK_RESULT_OK :
		USERLOCK_RESULT_CLAIMS_MALFORMED;
}

void
userlock_caller_require(UserLockCaller *caller)
{
	UserLockOutcome outcome = {.result = userlock_caller_read(caller)};

	if (outcome.result != USERLOCK_RESULT_OK)
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
