/*
 * text.h
 *		What all that reads text from outside, and writes something else, share.
 *
 * Pure C: no server headers, no allocation, no errors thrown.  No byte is looked
 * at before the end of the input says that it is there, and nothing is written
 * behind the end of the output.
 */
#ifndef USERLOCK_TEXT_H
#define USERLOCK_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What is still to be read. */
typedef struct Text
{
	const char *at;
	const char *end;
} Text;

/* Where something is written; "to" NULL: nowhere, it is only counted. */
typedef struct Output
{
	uint8_t    *to;
	size_t		length;
	size_t		room;
} Output;

static inline bool
put(Output *out, const void *bytes, size_t length)
{
	if (length > out->room - out->length)
		return false;
	if (out->to != NULL && length > 0)
		memcpy(out->to + out->length, bytes, length);
	out->length += length;
	return true;
}

static inline bool
put_text(Output *out, const char *text)
{
	return put(out, text, strlen(text));
}

/* White space is what it is in JSON. */
static inline bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static inline void
skip_space(Text *text)
{
	while (text->at < text->end && is_space(*text->at))
		text->at++;
}

/* Takes what comes next, if it is this. */
static inline bool
take_char(Text *text, char c)
{
	if (text->at == text->end || *text->at != c)
		return false;
	text->at++;
	return true;
}

/*
 * Takes a string of JSON, its quotes first and last, and writes what it stands
 * for.  False: it is none, has a NUL or half of a surrogate pair, or there is no
 * room for it.
 */
extern bool userlock_json_string_read(Text *json, Output *out);

#endif							/* USERLOCK_TEXT_H */
