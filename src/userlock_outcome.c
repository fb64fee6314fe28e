/*
 * userlock_outcome.c
 *		What came of a request, and how it is told.
 *
 * Every message of a refused request is written here.  Names of results are
 * part of the interface: they are the CONSTRAINT of the error and the
 * "outcome" of a row.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/typcache.h"

#include "userlock_outcome.h"

typedef struct Explanation
{
	char	   *message;
	char	   *detail;			/* NULL: none */
	char	   *hint;			/* NULL: none */
} Explanation;

/* Indexed by UserLockResult. */
static const struct
{
	const char *name;
	int			sqlstate;
}			results[] = {
	[USERLOCK_CHANGED] = {"changed", ERRCODE_SUCCESSFUL_COMPLETION},
	[USERLOCK_UNCHANGED] = {"unchanged", ERRCODE_SUCCESSFUL_COMPLETION},
	[USERLOCK_NOT_LOCKED] = {"user_not_locked", ERRCODE_USERLOCK_REFUSED},
	[USERLOCK_ALREADY_LOCKED] = {"user_already_locked", ERRCODE_USERLOCK_REFUSED},
	[USERLOCK_NOT_BLOCKED] = {"user_not_blocked", ERRCODE_USERLOCK_REFUSED},
	[USERLOCK_ALREADY_BLOCKED] = {"user_already_blocked", ERRCODE_USERLOCK_REFUSED},
	[USERLOCK_CLAIMS_MALFORMED] = {"claims_malformed", ERRCODE_USERLOCK_UNAUTHENTICATED},
	[USERLOCK_PERMISSION_DENIED] = {"permission_denied", ERRCODE_USERLOCK_FORBIDDEN},
	[USERLOCK_TENANT_DENIED] = {"tenant_denied", ERRCODE_USERLOCK_FORBIDDEN},
	[USERLOCK_NOT_FOUND] = {"user_not_found", ERRCODE_USERLOCK_NOT_FOUND},
	[USERLOCK_ALREADY_REGISTERED] = {"user_already_registered", ERRCODE_USERLOCK_ALREADY_REGISTERED},
	[USERLOCK_SEQUENCE_DIFFERS] = {"sequence_differs", ERRCODE_USERLOCK_SEQUENCE_DIFFERS},
	[USERLOCK_INVALID_USER_ID] = {"user_id_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT},
	[USERLOCK_INVALID_TENANT] = {"tenant_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT},
	[USERLOCK_INVALID_UNTIL] = {"until_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT},
	[USERLOCK_UNTIL_NOT_TAKEN] = {"until_not_taken", ERRCODE_USERLOCK_INVALID_ARGUMENT},
	[USERLOCK_INVALID_DETAILS] = {"details_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT},
	[USERLOCK_INVALID_PROFILE] = {"profile_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT},
	[USERLOCK_INVALID_TRANSITION] = {"transition_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT},
	[USERLOCK_USER_IDS_NULL] = {"user_ids_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT},
	[USERLOCK_USER_IDS_CONTAIN_NULL] = {"user_ids_contain_null", ERRCODE_USERLOCK_INVALID_ARGUMENT},
	[USERLOCK_USER_IDS_REPEATED] = {"user_ids_repeated", ERRCODE_USERLOCK_INVALID_ARGUMENT},
	[USERLOCK_USER_IDS_TOO_MANY] = {"user_ids_too_many", ERRCODE_USERLOCK_INVALID_ARGUMENT},
};

static char *
text_of(Datum value)
{
	return value ? TextDatumGetCString(value) : pstrdup("");
}

/* The DETAIL of a refusal: the state it was judged by. */
static char *
explain_state(const UserLockOutcome *outcome, const char *user)
{
	return psprintf(_("The current state of user \"%s\" in tenant \"%s\" is %s."),
					user, text_of(outcome->key.tenant),
					userlock_state_name(outcome->account.state));
}

static Explanation
explain_refusal(const UserLockOutcome *outcome, const char *user)
{
	Explanation explanation = {NULL, explain_state(outcome, user), NULL};

	switch (outcome->result)
	{
		case USERLOCK_NOT_LOCKED:
			explanation.message = psprintf(_("user \"%s\" is not locked"), user);
			explanation.hint = _("Set idempotent to accept a user who is not locked.");
			break;
		case USERLOCK_ALREADY_LOCKED:
			explanation.message = psprintf(_("user \"%s\" is already locked"), user);
			explanation.hint = _("Set idempotent to accept a user who is locked already; the first reason and end stay.");
			break;
		case USERLOCK_NOT_BLOCKED:
			explanation.message = psprintf(_("user \"%s\" is not blocked"), user);
			explanation.hint = _("Set idempotent to accept a user who is not blocked.");
			break;
		case USERLOCK_ALREADY_BLOCKED:
			explanation.message = psprintf(_("user \"%s\" is already blocked"), user);
			explanation.hint = _("Set idempotent to accept a user who is blocked already; the first reason and end stay.");
			break;
		case USERLOCK_SEQUENCE_DIFFERS:
			explanation.message = psprintf(_("user \"%s\" is at sequence " INT64_FORMAT ", not " INT64_FORMAT),
										   user, outcome->account.sequence,
										   outcome->expected_sequence);
			explanation.hint = _("The user changed since you looked: read user_status again and decide anew.");
			break;
		default:
			elog(ERROR, "result %d is no refusal", (int) outcome->result);
	}
	return explanation;
}

/* The wording of an error for text that must have 1 to 200 characters. */
static Explanation
explain_name(const char *what, Datum name)
{
	Explanation explanation = {psprintf(_("invalid %s"), what), NULL, NULL};

	if (name == (Datum) 0)
		explanation.detail = psprintf(_("The %s is null."), what);
	else if (VARSIZE_ANY_EXHDR(DatumGetPointer(name)) == 0)
		explanation.detail = psprintf(_("The %s is empty."), what);
	else
		explanation.detail = psprintf(_("The %s is too long."), what);
	explanation.hint = psprintf(_("Give 1 to %d characters."),
								USERLOCK_MAX_NAME_LENGTH);
	return explanation;
}

static Explanation
explain(const UserLockOutcome *outcome)
{
	Explanation explanation = {NULL, NULL, NULL};

	switch (outcome->result)
	{
		case USERLOCK_CHANGED:
		case USERLOCK_UNCHANGED:
			break;

		case USERLOCK_NOT_LOCKED:
		case USERLOCK_ALREADY_LOCKED:
		case USERLOCK_NOT_BLOCKED:
		case USERLOCK_ALREADY_BLOCKED:
		case USERLOCK_SEQUENCE_DIFFERS:
			explanation = explain_refusal(outcome,
										  text_of(outcome->key.user_id));
			break;

		case USERLOCK_NOT_FOUND:
			explanation.message = psprintf(_("user \"%s\" not found"),
										   text_of(outcome->key.user_id));
			explanation.detail = psprintf(_("Tenant \"%s\" has no user with this id."),
										  text_of(outcome->key.tenant));
			explanation.hint = _("Check the id and the tenant; register_user adds a user.");
			break;
		case USERLOCK_ALREADY_REGISTERED:
			explanation.message = psprintf(_("user \"%s\" is already registered"),
										   text_of(outcome->key.user_id));
			explanation.detail = psprintf(_("Tenant \"%s\" has a user with this id."),
										  text_of(outcome->key.tenant));
			explanation.hint = _("Choose another id, or go on with the user there is.");
			break;

		case USERLOCK_CLAIMS_MALFORMED:
			explanation.message = _("malformed claims");
			explanation.detail = _("The setting request.jwt.claims is not a JSON object with text \"sub\" and \"tenant\" and an array of texts \"tenants\".");
			explanation.hint = _("Issue a token with well-formed claims.");
			break;
		case USERLOCK_PERMISSION_DENIED:
			explanation.message = psprintf(_("permission denied for function %s"),
										   outcome->function);
			explanation.hint = psprintf(_("Grant EXECUTE on function userlock.%s to the role."),
										outcome->function);
			break;
		case USERLOCK_TENANT_DENIED:
			/* Says nothing that tells a tenant that exists from one that does not. */
			explanation.message = _("permission denied for tenant");
			explanation.detail = _("The caller's claims do not list the tenant.");
			explanation.hint = _("Name a tenant from the claims \"tenant\" and \"tenants\", or none.");
			break;

		case USERLOCK_INVALID_USER_ID:
			return explain_name("user_id", outcome->key.user_id);
		case USERLOCK_INVALID_TENANT:
			return explain_name("tenant", outcome->key.tenant);
		case USERLOCK_INVALID_UNTIL:
			explanation.message = _("invalid until");
			explanation.detail = _("The moment has passed.");
			explanation.hint = _("Give a moment in the future, or null to restrict until lifted.");
			break;
		case USERLOCK_UNTIL_NOT_TAKEN:
			explanation.message = _("invalid until");
			explanation.detail = _("Only lock and block take an end.");
			break;
		case USERLOCK_INVALID_DETAILS:
			explanation.message = _("invalid details");
			explanation.detail = _("The details are not a JSON object.");
			explanation.hint = _("Give an object such as {\"ticket\": 4711}, or null.");
			break;
		case USERLOCK_INVALID_PROFILE:
			explanation.message = _("invalid profile");
			explanation.detail = _("The profile is not a JSON object.");
			explanation.hint = _("Give an object such as {\"username\": \"alice\"}, or null.");
			break;
		case USERLOCK_INVALID_TRANSITION:
			explanation.message = _("invalid transition");
			explanation.hint = _("Use lock, unlock, block or unblock.");
			break;

		case USERLOCK_USER_IDS_NULL:
			explanation.message = _("invalid user_ids");
			explanation.detail = _("The array is null or has more than one dimension.");
			explanation.hint = _("Give an array of ids; an empty one changes nothing.");
			break;
		case USERLOCK_USER_IDS_CONTAIN_NULL:
			explanation.message = _("invalid user_ids");
			explanation.detail = _("The array contains null.");
			explanation.hint = _("Leave nulls out.");
			break;
		case USERLOCK_USER_IDS_REPEATED:
			explanation.message = _("invalid user_ids");
			explanation.detail = _("An id is there more than once.");
			explanation.hint = _("Give each id once.");
			break;
		case USERLOCK_USER_IDS_TOO_MANY:
			explanation.message = _("too many user_ids");
			explanation.detail = psprintf(_("One call takes at most %d ids."),
										  USERLOCK_MAX_USER_IDS);
			explanation.hint = _("Call it in batches.");
			break;
	}
	return explanation;
}

void
userlock_outcome_raise(const UserLockOutcome *outcome)
{
	Explanation explanation = explain(outcome);

	ereport(ERROR,
			(errcode(results[outcome->result].sqlstate),
			 errmsg_internal("%s", explanation.message),
			 explanation.detail ? errdetail_internal("%s", explanation.detail) : 0,
			 explanation.hint ? errhint("%s", explanation.hint) : 0,
			 err_generic_string(PG_DIAG_SCHEMA_NAME, "userlock"),
			 err_generic_string(PG_DIAG_CONSTRAINT_NAME,
								results[outcome->result].name)));
}

/* A moment that may be missing: 'none' stands for NULL. */
static void
set_moment(Datum *value, bool *isnull, TimestampTz moment, TimestampTz none)
{
	*value = TimestampTzGetDatum(moment);
	*isnull = moment == none;
}

static HeapTuple
status_row(const UserLockOutcome *outcome, TupleDesc user_status)
{
	const UserLockAccount *account = &outcome->account;
	Datum		values[8];
	bool		nulls[8] = {false};

	Assert(outcome->has_account);
	values[0] = outcome->key.tenant;
	values[1] = outcome->key.user_id;
	values[2] = UserLockStateGetDatum(account->state);
	values[3] = Int64GetDatum(account->sequence);
	values[4] = TimestampTzGetDatum(account->created_at);
	values[5] = TimestampTzGetDatum(account->changed_at);
	set_moment(&values[6], &nulls[6], account->locked_until, USERLOCK_NO_END);
	set_moment(&values[7], &nulls[7], account->blocked_until, USERLOCK_NO_END);
	return heap_form_tuple(user_status, values, nulls);
}

/* A text Datum of a string; NULL for none. */
static void
set_text(Datum *value, bool *isnull, const char *string)
{
	*isnull = string == NULL;
	if (string)
		*value = CStringGetTextDatum(string);
}

HeapTuple
userlock_outcome_row(const UserLockOutcome *outcome,
					 TupleDesc transition_outcome)
{
	Explanation explanation = explain(outcome);
	Datum		values[7] = {0};
	bool		nulls[7] = {false};

	values[0] = outcome->key.user_id;
	nulls[0] = outcome->key.user_id == (Datum) 0;
	set_text(&values[1], &nulls[1], results[outcome->result].name);
	set_text(&values[2], &nulls[2],
			 unpack_sql_state(results[outcome->result].sqlstate));
	set_text(&values[3], &nulls[3], explanation.message);
	set_text(&values[4], &nulls[4], explanation.detail);
	set_text(&values[5], &nulls[5], explanation.hint);

	nulls[6] = !outcome->has_account;
	if (outcome->has_account)
	{
		Form_pg_attribute status = TupleDescAttr(transition_outcome, 6);
		TupleDesc	user_status = lookup_rowtype_tupdesc(status->atttypid,
														 status->atttypmod);

		values[6] = HeapTupleGetDatum(status_row(outcome, user_status));
		ReleaseTupleDesc(user_status);
	}
	return heap_form_tuple(transition_outcome, values, nulls);
}

/* The descriptor of a function's result, looked up once a query. */
static TupleDesc
result_descriptor(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
	{
		MemoryContext callers = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		TupleDesc	descriptor;

		if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		fcinfo->flinfo->fn_extra = BlessTupleDesc(descriptor);
		MemoryContextSwitchTo(callers);
	}
	return fcinfo->flinfo->fn_extra;
}

Datum
userlock_outcome_return_row(const UserLockOutcome *outcome,
							FunctionCallInfo fcinfo)
{
	TupleDesc	descriptor = result_descriptor(fcinfo);

	return HeapTupleGetDatum(userlock_outcome_row(outcome, descriptor));
}

Datum
userlock_outcome_return_status(const UserLockOutcome *outcome,
							   FunctionCallInfo fcinfo)
{
	if (!userlock_outcome_is_success(outcome))
		userlock_outcome_raise(outcome);
	return HeapTupleGetDatum(status_row(outcome, result_descriptor(fcinfo)));
}
