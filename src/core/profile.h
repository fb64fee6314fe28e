/*
 * profile.h
 *		What is known of a person beside the state: a SCIM 2.0 User document.
 */
#ifndef USERLOCK_PROFILE_H
#define USERLOCK_PROFILE_H

#include "utils/jsonb.h"

#include "core/result.h"

/* A Datum of 0 is NULL. */
typedef struct UserLockProfile
{
	Datum		document;		/* jsonb; 0: there is no profile */

	/* What users are found by, as the document has it; text. */
	Datum		user_name;
	Datum		external_id;
	Datum		email;			/* the primary one, else the first */
	Datum		display_name;
} UserLockProfile;

/*
 * Reads a document, a jsonb or 0, as a caller gave it: leaves out passwords, and
 * finds the attributes.  Returns what is wrong with it; USERLOCK_RESULT_OK:
 * nothing.
 *
 * Source: RFC 7643, sections 2.1 (the case of names), 2.5 (null) and 4.1.
 */
extern UserLockResult userlock_profile_read(Datum document,
											UserLockProfile *profile);

/*
 * An attribute of an object; false: it has none, or null, which is the same.  The
 * case of names does not matter; of several the one written as SCIM does counts.
 */
extern bool userlock_profile_attribute(JsonbContainer *object, const char *name,
									   JsonbValue *found);

/* Does an entry of an attribute that has several say that it is the primary one? */
extern bool userlock_profile_is_primary(JsonbContainer *entry);

/* Is this the name of the attribute, in whatever case? */
extern bool userlock_profile_is_attribute(const JsonbValue *key, const char *name);

/*
 * The names of the attributes that two documents (0: none) do not have in common,
 * a sorted text[]; 0: they are the same.
 */
extern Datum userlock_profile_difference(Datum before, Datum after);

/* What others call a user: text; 0: nothing. */
typedef struct UserLockNames
{
	Datum		user_name;
	Datum		email;
} UserLockNames;

extern bool userlock_names_same(const UserLockNames *one,
								const UserLockNames *other);

/*
 * Has a document (0: none) tell what others call the user by now.  What is called
 * anew replaces what was called before, or is added; an e-mail address is then the
 * primary one.  What is no longer called goes, if it is still there.  All else in
 * the document stays.  Fills in the profile, or returns what is wrong with it.
 */
extern UserLockResult userlock_profile_rename(Datum document,
											  const UserLockNames *before,
											  const UserLockNames *after,
											  UserLockProfile *profile);

#endif							/* USERLOCK_PROFILE_H */
