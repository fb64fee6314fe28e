/*
 * profile.h
 *		What is known of a person beside the state: a SCIM 2.0 User document.
 */
#ifndef USERLOCK_PROFILE_H
#define USERLOCK_PROFILE_H

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
 * The names of the attributes that two documents (0: none) do not have in common,
 * a sorted text[]; 0: they are the same.
 */
extern Datum userlock_profile_difference(Datum before, Datum after);

#endif							/* USERLOCK_PROFILE_H */
