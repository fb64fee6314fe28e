/*
 * scim_path_fuzz.c
 *		Whatever text comes, the parser of SCIM's paths and filters neither fails nor
 *		lies.
 *
 * Any input is read as a path and as a filter.  What is understood has become JSON
 * of the form that is promised, and no more of it than there is room for; written
 * as text again, from that JSON alone, it is understood as the same.
 * Runs under libFuzzer ("make fuzz"), or on given files with replay.c ("make test").
 */
#include "http/scim_path.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* assert() that cannot be compiled away. */
#define MUST(condition) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

extern int	LLVMFuzzerTestOneInput(const uint8_t *input, size_t length);

typedef bool (*Reader) (const char *from, size_t length, char *json, size_t *json_length);

/* What is read or written, in memory of its own size, so that a sanitizer sees more. */
typedef struct Form
{
	char	   *bytes;
	size_t		length;
} Form;

static char *
new_memory(size_t length)
{
	char	   *memory = malloc(length > 0 ? length : 1);

	MUST(memory != NULL);
	return memory;
}

/* The JSON of a text; no bytes: it is not understood. */
static Form
json_of(Reader to_json, Form text)
{
	char	   *room = new_memory(USERLOCK_SCIM_ROOM(text.length));
	Form		json = {NULL, 0};

	if (to_json(text.bytes, text.length, room, &json.length))
	{
		MUST(json.length <= USERLOCK_SCIM_ROOM(text.length));
		json.bytes = new_memory(json.length);
		memcpy(json.bytes, room, json.length);
	}
	free(room);
	return json;
}

static bool
is_utf8(Form text)
{
	const uint8_t *bytes = (const uint8_t *) text.bytes;

	for (size_t i = 0; i < text.length;)
	{
		static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
		uint32_t	lead = bytes[i++];
		size_t		more = lead < 0x80 ? 0 : lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
		uint32_t	code = lead < 0x80 ? lead : lead & (0x3FU >> more);

		if ((lead >= 0x80 && lead < 0xC0) || lead > 0xF7 || text.length - i < more)
			return false;
		for (size_t j = 0; j < more; j++, i++)
		{
			if ((bytes[i] & 0xC0) != 0x80)
				return false;
			code = code << 6 | (bytes[i] & 0x3F);
		}
		if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
			return false;
	}
	return true;
}

/* JSON that is read, and the text that is made of it. */
typedef struct Rewriting
{
	const char *at;
	const char *end;
	Form		text;
} Rewriting;

static void
write_text(Rewriting *to, const char *bytes, size_t length)
{
	memcpy(to->text.bytes + to->text.length, bytes, length);
	to->text.length += length;
}

static bool
next_is(Rewriting *from, const char *token)
{
	size_t		length = strlen(token);

	if ((size_t) (from->end - from->at) < length || memcmp(from->at, token, length) != 0)
		return false;
	from->at += length;
	return true;
}

/* Up to the quote that ends it: a name or a URN needs no escapes. */
static void
rewrite_name(Rewriting *json)
{
	const char *start = json->at;

	while (json->at < json->end && *json->at != '"')
	{
		MUST(*json->at > ' ' && *json->at <= '~' && *json->at != '\\');
		json->at++;
	}
	MUST(json->at > start);
	write_text(json, start, (size_t) (json->at - start));
	MUST(next_is(json, "\""));
}

static unsigned long
code_unit(Rewriting *json)
{
	char		digits[5] = "";

	MUST(json->end - json->at >= 4);
	memcpy(digits, json->at, 4);
	MUST(strspn(digits, "0123456789abcdefABCDEF") == 4);
	json->at += 4;
	return strtoul(digits, NULL, 16);
}

/* A string that a server can decode, or a boolean. */
static void
rewrite_value(Rewriting *json)
{
	const char *start = json->at;

	if (!next_is(json, "true") && !next_is(json, "false"))
	{
		MUST(next_is(json, "\""));
		while (!next_is(json, "\""))
		{
			MUST(json->at < json->end && (uint8_t) *json->at >= 0x20);
			if (next_is(json, "\\u"))
			{
				unsigned long unit = code_unit(json);

				MUST(unit != 0 && (unit < 0xDC00 || unit > 0xDFFF));
				if (unit >= 0xD800 && unit <= 0xDBFF)
				{
					MUST(next_is(json, "\\u"));
					unit = code_unit(json);
					MUST(unit >= 0xDC00 && unit <= 0xDFFF);
				}
			}
			else if (next_is(json, "\\"))
			{
				MUST(json->at < json->end && *json->at != '\0' && strchr("\"\\/bfnrt", *json->at) != NULL);
				json->at++;
			}
			else
				json->at++;
		}
	}
	write_text(json, start, (size_t) (json->at - start));
}

static void
rewrite_conditions(Rewriting *json)
{
	int			count = 0;

	write_text(json, "[", 1);
	do
	{
		if (count++ > 0)
			write_text(json, " and ", 5);
		MUST(next_is(json, "{\"attribute\":\""));
		rewrite_name(json);
		MUST(next_is(json, ",\"value\":"));
		write_text(json, " eq ", 4);
		rewrite_value(json);
		MUST(next_is(json, "}"));
	}
	while (next_is(json, ","));
	MUST(next_is(json, "]") && count <= USERLOCK_SCIM_MAX_CONDITIONS);
	write_text(json, "]", 1);
}

/* What a path names; returns whether that is an attribute. */
static bool
rewrite_path(Rewriting *json)
{
	if (next_is(json, "\"schema\":\""))
	{
		rewrite_name(json);
		if (!next_is(json, ","))
			return false;
		write_text(json, ":", 1);
	}
	MUST(next_is(json, "\"attribute\":\""));
	rewrite_name(json);
	if (next_is(json, ",\"where\":["))
		rewrite_conditions(json);
	if (next_is(json, ",\"sub\":\""))
	{
		write_text(json, ".", 1);
		rewrite_name(json);
	}
	return true;
}

static void
rewrite_filter(Rewriting *json)
{
	int			count = 0;

	MUST(next_is(json, "["));
	do
	{
		if (count++ > 0)
			write_text(json, " and ", 5);
		MUST(next_is(json, "{"));
		MUST(rewrite_path(json));
		if (next_is(json, ",\"value\":"))
		{
			write_text(json, " eq ", 4);
			rewrite_value(json);
		}
		MUST(next_is(json, "}"));
	}
	while (next_is(json, ","));
	MUST(next_is(json, "]") && count <= USERLOCK_SCIM_MAX_COMPARISONS);
}

/* What the JSON says, said again, comes to this JSON. */
static void
check_text(Reader to_json, Form text, Form json)
{
	Form		again = json_of(to_json, text);

	MUST(again.bytes != NULL && again.length == json.length && memcmp(again.bytes, json.bytes, json.length) == 0);
	free(again.bytes);
}

/* An attribute that a path may name, a filter may compare. */
static void
check_comparison(Form path, Form json)
{
	static const char equal[] = " eq \"x\"";
	static const char value[] = ",\"value\":\"x\"}]";
	Form		filter = {new_memory(path.length + sizeof(equal) - 1), path.length + sizeof(equal) - 1};
	Form		wanted = {new_memory(json.length + sizeof(value) - 1), json.length + sizeof(value) - 1};

	memcpy(filter.bytes, path.bytes, path.length);
	memcpy(filter.bytes + path.length, equal, sizeof(equal) - 1);
	wanted.bytes[0] = '[';
	memcpy(wanted.bytes + 1, json.bytes, json.length - 1);
	memcpy(wanted.bytes + json.length, value, sizeof(value) - 1);
	check_text(userlock_scim_filter_to_json, filter, wanted);
	free(filter.bytes);
	free(wanted.bytes);
}

static void
check(Reader to_json, Form text)
{
	Form		json = json_of(to_json, text);
	Rewriting	rewriting = {.at = json.bytes};

	if (json.bytes == NULL)
		return;
	rewriting.end = json.bytes + json.length;
	MUST(!is_utf8(text) || is_utf8(json));
	/* Text has all that JSON has with less around it. */
	rewriting.text.bytes = new_memory(json.length);
	if (to_json == userlock_scim_filter_to_json)
		rewrite_filter(&rewriting);
	else
	{
		MUST(next_is(&rewriting, "{"));
		if (rewrite_path(&rewriting))
			check_comparison(text, json);
		MUST(next_is(&rewriting, "}"));
	}
	MUST(rewriting.at == rewriting.end);
	check_text(to_json, rewriting.text, json);
	free(rewriting.text.bytes);
	free(json.bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
	Form		text = {new_memory(length), length};

	memcpy(text.bytes, input, length);
	check(userlock_scim_path_to_json, text);
	check(userlock_scim_filter_to_json, text);
	free(text.bytes);
	return 0;
}
