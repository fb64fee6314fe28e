/*
 * follow.c
 *		A row of an adopted table is followed: its user comes, goes, or is called
 *		otherwise.
 *
 * Only users who came from the table are touched.  What a row calls its user goes
 * into the profile, of which everything else stays.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "core/account.h"
#include "core/adoption.h"
#include "core/arguments.h"
#include "core/batch.h"
#include "core/caller.h"
#include "core/follow.h"

static const UserLockNames no_names = {0};

UserLockFollowedRow
userlock_follow_begin(const UserLockFollowed *followed, HeapTuple row)
{
	const UserLockUsersTable *users = &followed->users;
	TupleDesc	columns = RelationGetDescr(followed->table);
	UserLockFollowedRow begun = {
		.request = {.until = USERLOCK_NO_END, .idempotent = true},
		.place = &row->t_self
	};
	UserLockRequest *request = &begun.request;
	UserLockCaller caller;

	userlock_caller_require(&caller);
	request->actor = CStringGetTextDatum(userlock_caller_actor(&caller));
	request->batch = userlock_batch_current();
	request->key = userlock_users_table_key(users, row, columns);
	if (users->columns[USERLOCK_COLUMN_TENANT] != InvalidAttrNumber &&
		!userlock_caller_may_name(&caller, TextDatumGetCString(request->key.tenant)))
		userlock_arguments_raise(request, USERLOCK_RESULT_TENANT_DENIED);
	begun.names = userlock_users_table_names(users, row, columns);
	return begun;
}

static bool
follows_names(const UserLockUsersTable *users)
{
	return users->columns[USERLOCK_COLUMN_USER_NAME] != InvalidAttrNumber ||
		users->columns[USERLOCK_COLUMN_EMAIL] != InvalidAttrNumber;
}

/*
 * Did the user come from this table?  Holds on to them, so that the rows of other
 * sessions are settled before anybody asks whether one is left.
 */
static bool
hold_ours(const UserLockFollowed *followed, const UserLockRequest *request)
{
	UserLockAccount account;
	UserLockStore store;
	bool		is_ours;

	if (userlock_arguments_check_key(request) != USERLOCK_RESULT_OK)
		return false;			/* nobody has such an id */
	userlock_store_begin(&store, followed->function);
	is_ours = userlock_store_get(&request->key, USERLOCK_FOR_DELETE, &account) &&
		userlock_store_is_adopted(&request->key, followed->users.adoption, USERLOCK_FOR_DELETE);
	userlock_store_end(&store);
	return is_ours;
}

static bool
has_row(const UserLockFollowed *followed, const UserLockRowsWanted *wanted)
{
	return userlock_adoption_has_row(OidIsValid(followed->adopted) ? followed->adopted :
									 userlock_adoption_table(followed->table, followed->trigger),
									 wanted);
}

static void
delete_user(const UserLockFollowed *followed, const UserLockRequest *request)
{
	UserLockAccount account;
	UserLockStore store;

	userlock_store_begin(&store, followed->function);
	userlock_account_delete(request, &account);
	userlock_store_end(&store);
}

static void rename_user(const UserLockFollowed *followed, const UserLockRequest *request,
						const UserLockNames *before, const UserLockNames *after);

/*
 * Was another user called so by a row when the statement began, and no longer?  Then
 * the row is yet to be followed.
 */
static bool
was_called(const UserLockFollowed *followed, const UserLockRequest *holder,
		   const UserLockNames *names)
{
	UserLockRowsWanted wanted = {.key = &holder->key, .names = *names};

	if (!hold_ours(followed, holder) || has_row(followed, &wanted))
		return false;
	wanted.as_of = GetActiveSnapshot();
	return has_row(followed, &wanted);
}

/*
 * Before a profile is stored whose user name another user has.  Where one statement
 * exchanges names, whoever has it now lets go of it.  One that no column gives, and
 * that only came along with an id, is left out.
 */
static void
settle_user_name(const UserLockFollowed *followed, const UserLockRequest *request,
				 UserLockProfile *profile)
{
	UserLockRequest holder = *request;
	UserLockNames held = no_names;
	UserLockStore store;
	bool		is_held;

	if (profile->user_name == (Datum) 0)
		return;
	userlock_store_begin(&store, followed->function);
	is_held = userlock_store_find_user_name(&request->key, profile->user_name,
											&holder.key.user_id, &held.user_name);
	userlock_store_end(&store);
	if (!is_held)
		return;

	if (followed->users.columns[USERLOCK_COLUMN_USER_NAME] == InvalidAttrNumber)
	{
		held.user_name = profile->user_name;
		userlock_profile_rename(profile->document, &held, &no_names, profile);
	}
	else if (was_called(followed, &holder, &held))
		rename_user(followed, &holder, &held, &no_names);
}

/* Stores the profile of a user who is held. */
static void
set_profile(const UserLockFollowed *followed, const UserLockRequest *request,
			UserLockProfile *profile)
{
	UserLockAccount account;
	UserLockStore store;
	UserLockResult result;

	settle_user_name(followed, request, profile);
	userlock_store_begin(&store, followed->function);
	result = userlock_account_set_profile(request, profile, &account);
	userlock_store_end(&store);
	if (result > USERLOCK_RESULT_UNCHANGED)
		userlock_arguments_raise(request, result);
}

/* Has the profile of a user who came from this table tell what they are called. */
static void
rename_user(const UserLockFollowed *followed, const UserLockRequest *request,
			const UserLockNames *before, const UserLockNames *after)
{
	UserLockProfile profile;
	UserLockStore store;
	UserLockResult result;
	Datum		document;

	if (!hold_ours(followed, request))
		return;
	userlock_store_begin(&store, followed->function);
	document = userlock_store_get_profile(&request->key, USERLOCK_FOR_DELETE);
	userlock_store_end(&store);

	result = userlock_profile_rename(document, before, after, &profile);
	if (result != USERLOCK_RESULT_OK)
		userlock_arguments_raise(request, result);
	if (userlock_profile_difference(document, profile.document))
		set_profile(followed, request, &profile);
}

/* Registers the user of a row; false: they are registered, and held. */
static bool
register_user(const UserLockFollowed *followed, const UserLockRequest *request,
			  UserLockProfile *profile)
{
	UserLockAccount account;
	UserLockStore store;
	UserLockResult result;

	userlock_store_begin(&store, followed->function);
	/* Whoever is registered is held, lest a row that goes just now takes them. */
	do
	{
		result = userlock_account_register(request, profile->document ? profile : NULL,
										   followed->users.adoption, &account);
	} while (result == USERLOCK_RESULT_USER_ALREADY_REGISTERED &&
			 !userlock_store_get(&request->key, USERLOCK_FOR_UPDATE, &account));
	userlock_store_end(&store);

	if (result == USERLOCK_RESULT_USER_NAME_TAKEN)
	{
		settle_user_name(followed, request, profile);
		userlock_store_begin(&store, followed->function);
		if (!userlock_store_put_profile(&request->key, profile))
			userlock_arguments_raise(request, result);
		userlock_store_end(&store);
	}
	return result != USERLOCK_RESULT_USER_ALREADY_REGISTERED;
}

/* Has the user rows beside this one? */
static bool
has_other_row(const UserLockFollowed *followed, const UserLockFollowedRow *row)
{
	UserLockRowsWanted wanted = {
		.key = &row->request.key,
		.except = RelationGetRelid(followed->table),
		.except_row = row->place
	};

	return has_row(followed, &wanted);
}

/* Says which row it was that something is wrong with. */
static void
add_context(void *row)
{
	const UserLockRequest *request = &((UserLockFollowedRow *) row)->request;

	if (userlock_arguments_check_key(request) == USERLOCK_RESULT_OK)
		errcontext("row of user \"%s\" in tenant \"%s\"",
				   TextDatumGetCString(request->key.user_id),
				   TextDatumGetCString(request->key.tenant));
}

bool
userlock_follow_comes(const UserLockFollowed *followed, const UserLockFollowedRow *row,
					  const UserLockFollowedRow *before, const UserLockIdChange *change)
{
	const UserLockRequest *request = &row->request;
	bool		goes_along = change && change->is_ours;
	UserLockResult result = userlock_arguments_check_key(request);
	UserLockProfile profile;
	bool		registered;
	ErrorContextCallback context = {
		.previous = error_context_stack,
		.callback = add_context,
		.arg = unconstify(UserLockFollowedRow *, row)
	};

	error_context_stack = &context;
	if (result == USERLOCK_RESULT_OK)
		result = userlock_profile_rename(goes_along ? change->profile : (Datum) 0,
										 goes_along ? &before->names : &no_names,
										 &row->names, &profile);
	if (result != USERLOCK_RESULT_OK)
		userlock_arguments_raise(request, result);

	registered = register_user(followed, request, &profile);
	/* Where ids move on from row to row, so do profiles; they are not mixed. */
	if (!registered && goes_along && hold_ours(followed, request) &&
		!has_other_row(followed, row))
		set_profile(followed, request, &profile);
	else if (!registered && follows_names(&followed->users))
		rename_user(followed, request, &no_names, &row->names);
	error_context_stack = context.previous;
	return registered;
}

void
userlock_follow_changes(const UserLockFollowed *followed,
						const UserLockFollowedRow *before,
						const UserLockFollowedRow *after)
{
	ErrorContextCallback context = {
		.previous = error_context_stack,
		.callback = add_context,
		.arg = unconstify(UserLockFollowedRow *, after)
	};

	if (userlock_names_same(&before->names, &after->names))
		return;
	error_context_stack = &context;
	rename_user(followed, &after->request, &before->names, &after->names);
	error_context_stack = context.previous;
}

/* What no other row calls a user, who is held, goes with the row that did. */
static void
take_back(const UserLockFollowed *followed, const UserLockFollowedRow *row, Oid except)
{
	UserLockNames gone = row->names;
	UserLockRowsWanted wanted = {.key = &row->request.key, .except = except};

	wanted.names.user_name = gone.user_name;
	if (gone.user_name && has_row(followed, &wanted))
		gone.user_name = (Datum) 0;
	wanted.names = no_names;
	wanted.names.email = gone.email;
	if (gone.email && has_row(followed, &wanted))
		gone.email = (Datum) 0;
	rename_user(followed, &row->request, &gone, &no_names);
}

void
userlock_follow_goes(const UserLockFollowed *followed, const UserLockFollowedRow *row,
					 bool detached)
{
	UserLockRowsWanted wanted = {
		.key = &row->request.key,
		.except = detached ? RelationGetRelid(followed->table) : InvalidOid
	};

	if (!hold_ours(followed, &row->request))
		return;
	if (!has_row(followed, &wanted))
		delete_user(followed, &row->request);
	else if (follows_names(&followed->users))
		take_back(followed, row, wanted.except);
}

void
userlock_follow_leaves(const UserLockFollowed *followed, const UserLockFollowedRow *row)
{
	if (hold_ours(followed, &row->request))
		delete_user(followed, &row->request);
}
