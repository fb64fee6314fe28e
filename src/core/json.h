/*
 * json.h
 *		How deep JSON from outside may be nested.
 *
 * Pure C: no server headers, no allocation, no errors thrown.
 */
#ifndef USERLOCK_JSON_H
#define USERLOCK_JSON_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The server's parser raises an error where its stack would end, for whoever
 * sends some thousand brackets.  This is far from there, and far beyond what
 * anything read here has any use for.
 */
#define USERLOCK_MAX_JSON_DEPTH	1000

/* Is JSON nested deeper?  Works on anything, also on what is not JSON. */
extern bool userlock_json_is_too_deep(const char *json, size_t length);

#endif							/* USERLOCK_JSON_H */
