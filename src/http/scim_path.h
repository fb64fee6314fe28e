/*
 * scim_path.h
 *		The paths and filters of SCIM as JSON.
 *
 * Pure C: no server headers, no allocation, no errors thrown, so that it can be
 * compiled, tested and fuzzed without a server.
 *
 * Of the filters it takes what directories' clients send: comparisons by "eq",
 * joined by "and".  A value may have no quotes, which the RFC does not know.
 * Whatever else there is, parentheses too, is not understood.
 *
 * Sources: RFC 7644, sections 3.4.2.2 and 3.5.2; RFC 7643, section 2.1.
 */
#ifndef USERLOCK_SCIM_PATH_H
#define USERLOCK_SCIM_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes; as much as the bodies of calls may have, see http/site.conf. */
#define USERLOCK_SCIM_MAX_TEXT		(1024 * 1024)

/* How many comparisons a filter may have, and how many one pair of brackets. */
#define USERLOCK_SCIM_MAX_COMPARISONS	20
#define USERLOCK_SCIM_MAX_CONDITIONS	8

/*
 * Bytes of JSON that text of so many bytes may take: twice the text, if all of it
 * is backslashes, and the names of the members.
 */
#define USERLOCK_SCIM_ROOM(length) \
	(2 * (length) + 32 * USERLOCK_SCIM_MAX_COMPARISONS * (2 + USERLOCK_SCIM_MAX_CONDITIONS))

/*
 * Writes what a path names, without a NUL at the end: an object of schema,
 * attribute, where and sub, as far as they are there.  "where" is an array of
 * objects of attribute and value.  "json" has USERLOCK_SCIM_ROOM.  Strings are
 * what was sent, which may be no UTF-8, but has no NUL; their escapes are JSON's
 * and stay.  False: it is no path.
 */
extern bool userlock_scim_path_to_json(const char *path, size_t length,
									   char *json, size_t *json_length);

/*
 * Likewise for a filter: an array of such objects, each with the value that its
 * attribute is compared with, unless it has but conditions in brackets.  False:
 * it is not understood.
 */
extern bool userlock_scim_filter_to_json(const char *filter, size_t length,
										 char *json, size_t *json_length);

#endif							/* USERLOCK_SCIM_PATH_H */
