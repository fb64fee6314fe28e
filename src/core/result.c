/*
 * result.c
 *		What can come of a request, in words.
 *
 * Every message of a refused request is written here.  Names of results are
 * part of the interface: they are the CONSTRAINT of the error and the
 * "outcome" of a row.
 */
#include "postgres.h"

#include "core/result.h"

/* Indexed by UserLockResult; there is nothing to tell of USERLOCK_RESULT_OK. */
const UserLockResultText userlock_results[] = {
	[USERLOCK_RESULT_CHANGED] = {
		"changed", ERRCODE_SUCCESSFUL_COMPLETION, NULL, NULL, NULL
	},
	[USERLOCK_RESULT_UNCHANGED] = {
		"unchanged", ERRCODE_SUCCESSFUL_COMPLETION, NULL, NULL, NULL
	},
	[USERLOCK_RESULT_USER_NOT_LOCKED] = {
		"user_not_locked", ERRCODE_USERLOCK_REFUSED,
		gettext_noop("user \"%s\" is not locked"),
		NULL,
		gettext_noop("Set idempotent to accept a user who is not locked.")
	},
	[USERLOCK_RESULT_USER_ALREADY_LOCKED] = {
		"user_already_locked", ERRCODE_USERLOCK_REFUSED,
		gettext_noop("user \"%s\" is already locked"),
		NULL,
		gettext_noop("Set idempotent to accept a user who is locked already; the first reason and end stay.")
	},
	[USERLOCK_RESULT_USER_NOT_BLOCKED] = {
		"user_not_blocked", ERRCODE_USERLOCK_REFUSED,
		gettext_noop("user \"%s\" is not blocked"),
		NULL,
		gettext_noop("Set idempotent to accept a user who is not blocked.")
	},
	[USERLOCK_RESULT_USER_ALREADY_BLOCKED] = {
		"user_already_blocked", ERRCODE_USERLOCK_REFUSED,
		gettext_noop("user \"%s\" is already blocked"),
		NULL,
		gettext_noop("Set idempotent to accept a user who is blocked already; the first reason and end stay.")
	},
	[USERLOCK_RESULT_CLAIMS_MALFORMED] = {
		"claims_malformed", ERRCODE_USERLOCK_UNAUTHENTICATED,
		gettext_noop("malformed claims"),
		gettext_noop("The setting request.jwt.claims is not a JSON object with text \"sub\" and \"tenant\", a number \"iat\" and an array of texts \"tenants\"."),
		gettext_noop("Issue a token with well-formed claims.")
	},
	[USERLOCK_RESULT_CLAIMS_MISSING] = {
		"claims_missing", ERRCODE_USERLOCK_UNAUTHENTICATED,
		gettext_noop("nobody can say who asks on this node"),
		gettext_noop("Another node of the Citus cluster opened this session, to which claims do not travel."),
		gettext_noop("Call it on the node that the client is connected to, or connect to this one.")
	},
	[USERLOCK_RESULT_PERMISSION_DENIED] = {
		"permission_denied", ERRCODE_USERLOCK_FORBIDDEN, NULL, NULL, NULL
	},
	/* Says nothing that tells a tenant that exists from one that does not. */
	[USERLOCK_RESULT_TENANT_DENIED] = {
		"tenant_denied", ERRCODE_USERLOCK_FORBIDDEN,
		gettext_noop("permission denied for tenant"),
		gettext_noop("The caller's claims do not list the tenant."),
		gettext_noop("Name a tenant from the claims \"tenant\" and \"tenants\", or none.")
	},
	[USERLOCK_RESULT_ROLE_DENIED] = {
		"role_denied", ERRCODE_USERLOCK_FORBIDDEN,
		gettext_noop("permission denied for role"),
		gettext_noop("The caller is not a member of the role that the API key acts as."),
		gettext_noop("Choose a role that you could take on yourself.")
	},
	[USERLOCK_RESULT_OPERATION_RESTRICTED] = {
		"operation_restricted", ERRCODE_USERLOCK_FORBIDDEN,
		gettext_noop("permission denied in a security-restricted operation"),
		gettext_noop("Autovacuum, ANALYZE, an index build or the refresh of a materialized view runs this, in the name of a table's owner."),
		gettext_noop("Call it in a statement of its own, and not in an index or a materialized view.")
	},
	[USERLOCK_RESULT_CALLER_PROTECTED] = {
		"caller_protected", ERRCODE_USERLOCK_FORBIDDEN,
		gettext_noop("user \"%s\" is the caller"),
		gettext_noop("The setting userlock.protect_caller keeps callers from locking and blocking themselves."),
		gettext_noop("Have somebody else do it.")
	},
	[USERLOCK_RESULT_LAST_HOLDER_PROTECTED] = {
		"last_holder_protected", ERRCODE_USERLOCK_FORBIDDEN,
		gettext_noop("user \"%s\" is the last holder of a protected role"),
		gettext_noop("Nobody else in tenant \"%s\" is allowed to come in and has the role, which the setting userlock.protected_roles names."),
		gettext_noop("Give the role to somebody else first, or unlock another holder.")
	},
	[USERLOCK_RESULT_USER_NOT_FOUND] = {
		"user_not_found", ERRCODE_USERLOCK_NOT_FOUND,
		gettext_noop("user \"%s\" not found"),
		gettext_noop("Tenant \"%s\" has no user with this id."),
		gettext_noop("Check the id and the tenant; register_user adds a user.")
	},
	[USERLOCK_RESULT_USER_ALREADY_REGISTERED] = {
		"user_already_registered", ERRCODE_USERLOCK_ALREADY_REGISTERED,
		gettext_noop("user \"%s\" is already registered"),
		gettext_noop("Tenant \"%s\" has a user with this id."),
		gettext_noop("Choose another id, or go on with the user there is.")
	},
	/* Whoever may register users may know whose name there is. */
	[USERLOCK_RESULT_USER_NAME_TAKEN] = {
		"user_name_taken", ERRCODE_USERLOCK_ALREADY_REGISTERED,
		gettext_noop("the user name of user \"%s\" is taken"),
		gettext_noop("Tenant \"%s\" has another user of this name, maybe in other cases of letters."),
		gettext_noop("Choose another userName.")
	},
	[USERLOCK_RESULT_SEQUENCE_DIFFERS] = {
		"sequence_differs", ERRCODE_USERLOCK_SEQUENCE_DIFFERS,
		NULL,
		NULL,
		gettext_noop("The user changed since you looked: read user_status again and decide anew.")
	},
	[USERLOCK_RESULT_STATE_DIFFERS] = {
		"state_differs", ERRCODE_USERLOCK_REFUSED,
		gettext_noop("user \"%s\" is not in the expected state"),
		NULL,
		gettext_noop("Leave expected_state out to accept any state that allows the transition.")
	},
	[USERLOCK_RESULT_DETAILS_DIFFER] = {
		"details_differ", ERRCODE_USERLOCK_REFUSED,
		gettext_noop("user \"%s\" was not restricted with the expected details"),
		NULL,
		gettext_noop("Leave expected_details out to lift the restriction whoever set it.")
	},
	[USERLOCK_RESULT_CHANGE_NOT_UNDOABLE] = {
		"change_not_undoable", ERRCODE_USERLOCK_REFUSED,
		gettext_noop("what happened to user \"%s\" cannot be undone"),
		NULL,
		gettext_noop("Only lock, unlock, block and unblock are undone, and only as far as the batch changed the state in the end. What was lifted is set again while history tells what set it.")
	},
	/* The batch stands where a user's id would. */
	[USERLOCK_RESULT_BATCH_NOT_FOUND] = {
		"batch_not_found", ERRCODE_USERLOCK_NOT_FOUND,
		gettext_noop("batch %s not found"),
		gettext_noop("Tenant \"%s\" has no event of this batch since the moment given."),
		gettext_noop("Check the batch and the tenant, and give a since that is earlier.")
	},
	[USERLOCK_RESULT_BATCH_INVALID] = {
		"batch_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("invalid batch"),
		gettext_noop("The batch is null."),
		gettext_noop("Give the batch of an event: user_history has it.")
	},
	[USERLOCK_RESULT_USER_NOT_AHEAD] = {
		"user_not_ahead", ERRCODE_USERLOCK_REFUSED,
		gettext_noop("user \"%s\" was not changed in the future"),
		gettext_noop("Tokens issued from now on are good."),
		gettext_noop("Leave things as they are.")
	},
	[USERLOCK_RESULT_PROFILE_UNCHANGED] = {
		"profile_unchanged", ERRCODE_USERLOCK_REFUSED,
		gettext_noop("user \"%s\" has this profile already"),
		NULL,
		gettext_noop("Set idempotent to accept a profile that is the same.")
	},
	[USERLOCK_RESULT_USER_ID_INVALID] = {
		"user_id_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT, NULL, NULL, NULL
	},
	[USERLOCK_RESULT_TENANT_INVALID] = {
		"tenant_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT, NULL, NULL, NULL
	},
	[USERLOCK_RESULT_UNTIL_INVALID] = {
		"until_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("invalid until"),
		gettext_noop("The moment has passed."),
		gettext_noop("Give a moment in the future, or null to restrict until lifted.")
	},
	[USERLOCK_RESULT_UNTIL_NOT_TAKEN] = {
		"until_not_taken", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("invalid until"),
		gettext_noop("Only lock and block take an end."),
		gettext_noop("Leave until out.")
	},
	[USERLOCK_RESULT_EXPECTED_DETAILS_NOT_TAKEN] = {
		"expected_details_not_taken", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("invalid expected_details"),
		gettext_noop("Only unlock and unblock lift what was set before."),
		gettext_noop("Leave expected_details out.")
	},
	[USERLOCK_RESULT_REASON_TOO_LONG] = {
		"reason_too_long", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("reason is too long"), NULL, NULL
	},
	[USERLOCK_RESULT_DETAILS_INVALID] = {
		"details_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("invalid details"),
		gettext_noop("The details are not a JSON object."),
		gettext_noop("Give an object such as {\"ticket\": 4711}, or null.")
	},
	[USERLOCK_RESULT_DETAILS_TOO_LONG] = {
		"details_too_long", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("details are too long"), NULL, NULL
	},
	[USERLOCK_RESULT_PROFILE_INVALID] = {
		"profile_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("invalid profile"),
		gettext_noop("The profile is not a JSON object."),
		gettext_noop("Give an object such as {\"userName\": \"alice\"}, or null.")
	},
	[USERLOCK_RESULT_PROFILE_TOO_LONG] = {
		"profile_too_long", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("profile is too long"), NULL, NULL
	},
	[USERLOCK_RESULT_PROFILE_ATTRIBUTE_INVALID] = {
		"profile_attribute_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("invalid profile"), NULL,
		gettext_noop("Give a document as SCIM has it (RFC 7643, section 4.1).")
	},
	[USERLOCK_RESULT_FILTER_INVALID] = {
		"filter_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("invalid filter"),
		gettext_noop("It is not an object of conditions that there are, or has too many, or is nested too deep."),
		gettext_noop("Give an object such as {\"state\": \"locked\", \"user_name\": {\"prefix\": \"ali\"}}, or null.")
	},
	[USERLOCK_RESULT_PAGE_INVALID] = {
		"page_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("invalid page"),
		gettext_noop("The order is by no column that there is, or the page's size or what is skipped is out of range."),
		gettext_noop("Order by a column of the list; take 0 to 10000 rows, and skip none or more.")
	},
	[USERLOCK_RESULT_TRANSITION_INVALID] = {
		"transition_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("invalid transition"),
		NULL,
		gettext_noop("Use lock, unlock, block or unblock.")
	},
	[USERLOCK_RESULT_USER_IDS_INVALID] = {
		"user_ids_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("invalid user_ids"),
		gettext_noop("The array is null or has more than one dimension."),
		gettext_noop("Give an array of ids; an empty one changes nothing.")
	},
	[USERLOCK_RESULT_USER_IDS_CONTAIN_NULL] = {
		"user_ids_contain_null", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("invalid user_ids"),
		gettext_noop("The array contains null."),
		gettext_noop("Leave nulls out.")
	},
	[USERLOCK_RESULT_USER_IDS_REPEATED] = {
		"user_ids_repeated", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("invalid user_ids"),
		gettext_noop("An id is there more than once."),
		gettext_noop("Give each id once.")
	},
	[USERLOCK_RESULT_USER_IDS_TOO_MANY] = {
		"user_ids_too_many", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("too many user_ids"),
		NULL,
		gettext_noop("Call it in batches.")
	},
	[USERLOCK_RESULT_LOCKOUT_POLICY_INVALID] = {
		"lockout_policy_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("invalid lockout policy"),
		gettext_noop("The preset is unknown, or a value is out of its range."),
		gettext_noop("Use pci or nist, 1 to 100 attempts, intervals of 0.1 seconds to 1 year, a backoff of 1 to 100, and a permanent_after of at least 1.")
	},
	/* Of an API key the name stands where a user's id would. */
	[USERLOCK_RESULT_API_KEY_INVALID] = {
		"api_key_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("invalid API key"),
		gettext_noop("The name or the tenant is empty or too long, expires_at has passed, or overlap is negative or more than a year."),
		gettext_noop("Give names of 1 to 200 characters, and a moment in the future or none.")
	},
	[USERLOCK_RESULT_API_KEY_EXISTS] = {
		"api_key_exists", ERRCODE_USERLOCK_ALREADY_REGISTERED,
		gettext_noop("API key \"%s\" exists already"),
		gettext_noop("Tenant \"%s\" has a good key of this name."),
		gettext_noop("Use rotate_api_key to replace it, or choose another name.")
	},
	[USERLOCK_RESULT_API_KEY_NOT_FOUND] = {
		"api_key_not_found", ERRCODE_USERLOCK_NOT_FOUND,
		gettext_noop("API key \"%s\" not found"),
		gettext_noop("Tenant \"%s\" has no good key of this name."),
		gettext_noop("Check the name and the tenant; create_api_key makes a key.")
	},
	[USERLOCK_RESULT_TABLE_NOT_OWNED] = {
		"table_not_owned", ERRCODE_INSUFFICIENT_PRIVILEGE,
		NULL,
		gettext_noop("Its rows become users, by a trigger on it."),
		gettext_noop("Call this as the owner of the table.")
	},
	[USERLOCK_RESULT_TABLE_UNSUITABLE] = {
		"table_unsuitable", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		NULL,
		gettext_noop("Only what holds rows here can be followed by a trigger."),
		gettext_noop("Name a table, or one whose partitions are tables.")
	},
	[USERLOCK_RESULT_USERS_INVALID] = {
		"users_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		NULL,
		gettext_noop("A column does not exist, is generated where it may not be, or is of a type that it may not have; or the tenant's is also for something else."),
		gettext_noop("Name columns of type text, varchar, uuid, smallint, integer or bigint for the id and the tenant, and of type text, varchar or citext for the user name and the e-mail address.")
	},
	[USERLOCK_RESULT_USER_RESTRICTED] = {
		"user_restricted", ERRCODE_USERLOCK_REFUSED,
		gettext_noop("user \"%s\" is restricted"),
		gettext_noop("In a partitioned table that is adopted the id of whoever is restricted does not change."),
		gettext_noop("Lift the restriction first, and set it again for the new id.")
	},
	[USERLOCK_RESULT_USER_HAS_ROW] = {
		"user_has_row", ERRCODE_USERLOCK_REFUSED,
		gettext_noop("user \"%s\" has a row in an adopted table"),
		gettext_noop("The user came from that table: its next adoption would register them anew."),
		gettext_noop("Delete the row first.")
	},
	[USERLOCK_RESULT_RETENTION_INVALID] = {
		"retention_invalid", ERRCODE_USERLOCK_INVALID_ARGUMENT,
		gettext_noop("invalid retention"),
		gettext_noop("The moment is null or less than seven days ago, or max_users is not positive."),
		gettext_noop("Give a moment such as now() - interval '1 year'.")
	},
	[USERLOCK_RESULT_USER_LOCKED] = {
		"user_locked", ERRCODE_USERLOCK_FORBIDDEN,
		gettext_noop("user \"%s\" is locked"),
		NULL,
		gettext_noop("Wait until the lock ends, or have it lifted.")
	},
	[USERLOCK_RESULT_USER_BLOCKED] = {
		"user_blocked", ERRCODE_USERLOCK_FORBIDDEN,
		gettext_noop("user \"%s\" is blocked"),
		NULL,
		gettext_noop("Have an administrator lift the block.")
	},
	[USERLOCK_RESULT_TOKEN_USER_UNKNOWN] = {
		"token_user_unknown", ERRCODE_USERLOCK_UNAUTHENTICATED,
		gettext_noop("token of an unknown user"),
		gettext_noop("The claim \"sub\" names nobody who is registered in the token's tenant."),
		gettext_noop("Sign in again, or register the user.")
	},
	[USERLOCK_RESULT_TOKEN_VOID] = {
		"token_void", ERRCODE_USERLOCK_UNAUTHENTICATED,
		gettext_noop("token is void"),
		gettext_noop("It was issued before the user's access was revoked, or does not say when, in the claim \"iat\"."),
		gettext_noop("Sign in again.")
	},
	[USERLOCK_RESULT_TOKEN_PREMATURE] = {
		"token_premature", ERRCODE_USERLOCK_UNAUTHENTICATED,
		gettext_noop("token was issued in the future"),
		gettext_noop("The claim \"iat\" is ahead of the server's clock."),
		gettext_noop("Set the clock of whoever issues tokens.")
	},
};

bool
userlock_result_parse(const char *name, UserLockResult *result)
{
	for (int i = 0; i < lengthof(userlock_results); i++)
	{
		if (userlock_results[i].name && strcmp(userlock_results[i].name, name) == 0)
		{
			*result = i;
			return true;
		}
	}
	return false;
}
