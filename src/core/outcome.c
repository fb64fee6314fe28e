/*
 * outcome.c
 *		What came of a request, and how it is told.
 *
 * The words are those of result.c; where they depend on more than that table can
 * say, explain() finds them.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/typcache.h"

#include "core/outcome.h"

/* The same, made out; NULL: nothing to tell. */
typedef struct Explanation
{
	char	   *message;
	char	   *detail;
	char	   *hint;
} Explanation;

/* A text of the table with a value in place of its %s, if it has one. */
static char *
fill_in(const char *format, Datum value)
{
	if (format == NULL)
		return NULL;
	format = _(format);
	if (strstr(format, "%s") == NULL || value == (Datum) 0)
		return pstrdup(format);
	return psprintf(format, TextDatumGetCString(value));
}

/* Words the error of a text that must have 1 to 200 characters. */
static void
explain_name(Explanation *explanation, const char *what, Datum name)
{
	explanation->message = psprintf(_("invalid %s"), what);
	if (name == (Datum) 0)
		explanation->detail = psprintf(_("The %s is null."), what);
	else if (VARSIZE_ANY_EXHDR(DatumGetPointer(name)) == 0)
		explanation->detail = psprintf(_("The %s is empty."), what);
	else
		explanation->detail = psprintf(_("The %s is too long."), what);
	explanation->hint = psprintf(_("Give 1 to %d characters."),
								 USERLOCK_MAX_NAME_LENGTH);
}

/* Words the error of a document that is shown in too many bytes. */
static void
explain_document(Explanation *explanation, int max_bytes)
{
	explanation->detail = psprintf(_("As text it has more than %d bytes."),
								   max_bytes);
	explanation->hint =
		pstrdup(_("Keep a reference, and the rest elsewhere; numbers count as they are shown."));
}

static Explanation
explain(const UserLockOutcome *outcome)
{
	const UserLockKey *key = &outcome->key;
	Explanation explanation = {
		fill_in(userlock_results[outcome->result].message, key->user_id),
		fill_in(userlock_results[outcome->result].detail, key->tenant),
		fill_in(userlock_results[outcome->result].hint, (Datum) 0)
	};

	/* A refusal tells the state that it was judged by. */
	if (outcome->has_account && !userlock_outcome_is_success(outcome) &&
		explanation.detail == NULL)
		explanation.detail =
			psprintf(_("The current state of user \"%s\" in tenant \"%s\" is %s."),
					 TextDatumGetCString(key->user_id),
					 TextDatumGetCString(key->tenant),
					 userlock_state_name(outcome->account.state));

	switch (outcome->result)
	{
		case USERLOCK_RESULT_SEQUENCE_DIFFERS:
			explanation.message =
				psprintf(_("user \"%s\" is at sequence " INT64_FORMAT ", not " INT64_FORMAT),
						 TextDatumGetCString(key->user_id),
						 outcome->account.sequence, outcome->expected_sequence);
			break;
		case USERLOCK_RESULT_PERMISSION_DENIED:
			explanation.message = psprintf(_("permission denied for function %s"),
										   outcome->object);
			explanation.hint = psprintf(_("Grant EXECUTE on function userlock.%s to the role."),
										outcome->object);
			break;
		case USERLOCK_RESULT_TABLE_NOT_OWNED:
			explanation.message = psprintf(_("must be owner of table %s"),
										   outcome->object);
			break;
		case USERLOCK_RESULT_TABLE_UNSUITABLE:
			explanation.message = psprintf(_("%s is not a table"), outcome->object);
			break;
		case USERLOCK_RESULT_USERS_INVALID:
			explanation.message = psprintf(_("invalid columns of table %s"),
										   outcome->object);
			break;
		case USERLOCK_RESULT_USER_ID_INVALID:
			explain_name(&explanation, "user_id", key->user_id);
			break;
		case USERLOCK_RESULT_TENANT_INVALID:
			explain_name(&explanation, "tenant", key->tenant);
			break;
		case USERLOCK_RESULT_REASON_TOO_LONG:
			explanation.detail = psprintf(_("It has more than %d characters."),
										  USERLOCK_MAX_REASON_LENGTH);
			explanation.hint = pstrdup(_("Say it in short."));
			break;
		case USERLOCK_RESULT_DETAILS_TOO_LONG:
			explain_document(&explanation, USERLOCK_MAX_DETAILS_BYTES);
			break;
		case USERLOCK_RESULT_PROFILE_TOO_LONG:
			explain_document(&explanation, USERLOCK_MAX_PROFILE_BYTES);
			break;
		case USERLOCK_RESULT_PROFILE_ATTRIBUTE_INVALID:
			explanation.detail =
				psprintf(_("Of those that users are found by, userName, externalId and displayName are texts, and emails an array of objects with a text \"value\", of at most %d characters each."),
						 USERLOCK_MAX_ATTRIBUTE_LENGTH);
			break;
		case USERLOCK_RESULT_USER_IDS_TOO_MANY:
			explanation.detail = psprintf(_("One call takes at most %d ids."),
										  USERLOCK_MAX_USER_IDS);
			break;
		default:
			break;
	}
	return explanation;
}

/*
 * The name stands in the hint as well, because PostgREST passes on no more of an
 * error than its message, detail and hint.
 */
void
userlock_outcome_raise(const UserLockOutcome *outcome)
{
	Explanation explanation = explain(outcome);

	ereport(ERROR,
			(errcode(userlock_results[outcome->result].sqlstate),
			 errmsg_internal("%s", explanation.message),
			 explanation.detail ? errdetail_internal("%s", explanation.detail) : 0,
			 errhint("%s [%s]", explanation.hint, userlock_results[outcome->result].name),
			 err_generic_string(PG_DIAG_SCHEMA_NAME, "userlock"),
			 err_generic_string(PG_DIAG_CONSTRAINT_NAME,
								userlock_results[outcome->result].name)));
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
	Datum		values[8] = {0};
	bool		nulls[8] = {false};

	values[0] = outcome->key.user_id;
	nulls[0] = outcome->key.user_id == (Datum) 0;
	set_text(&values[1], &nulls[1], userlock_results[outcome->result].name);
	set_text(&values[2], &nulls[2],
			 unpack_sql_state(userlock_results[outcome->result].sqlstate));
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
	values[7] = outcome->batch;
	nulls[7] = outcome->batch == (Datum) 0;
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
