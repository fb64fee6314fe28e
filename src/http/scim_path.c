/*
 * scim_path.c
 *		The paths and filters of SCIM as JSON.
 *
 * Pure C.  What is read is written at once, from left to right, and no byte is
 * looked at more than a few times.  That there is room the header has worked out.
 */
#include "http/scim_path.h"
#include "http/text.h"

/* What a path comes to. */
typedef enum Path
{
	NO_PATH,
	SCHEMA,						/* a URN and no more */
	ATTRIBUTE,					/* with conditions or without */
	VALUES						/* of an attribute, those that meet conditions */
} Path;

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Is this the word, which is in lower case, in any case? */
static bool
is_word(Text text, const char *word)
{
	for (; text.at < text.end && *word != '\0'; text.at++, word++)
	{
		if (!is_letter(*text.at) || (*text.at | 0x20) != *word)
			return false;
	}
	return text.at == text.end && *word == '\0';
}

/* Takes a word with white space on both sides, or nothing. */
static bool
take_word(Text *text, const char *word)
{
	Text		rest = *text;
	Text		found;

	skip_space(&rest);
	found = rest;
	while (rest.at < rest.end && is_letter(*rest.at))
		rest.at++;
	found.end = rest.at;
	if (found.at == text->at || rest.at == rest.end || !is_space(*rest.at) || !is_word(found, word))
		return false;
	skip_space(&rest);
	*text = rest;
	return true;
}

static void
put_member(Output *out, const char *name, const char *from, const char *to)
{
	put_text(out, name);
	put_text(out, ":\"");
	put(out, from, (size_t) (to - from));
	put_text(out, "\"");
}

/* The name of an attribute, which may be $ref. */
static bool
take_name(Text *text, Output *out, const char *member)
{
	const char *start = text->at;

	take_char(text, '$');
	if (text->at == text->end || !is_letter(*text->at))
		return false;
	while (text->at < text->end &&
		   (is_letter(*text->at) || is_digit(*text->at) || *text->at == '_' || *text->at == '-'))
		text->at++;
	put_member(out, member, start, text->at);
	return true;
}

/* Is this as the "2.0" in a URN? */
static bool
is_version(Text text)
{
	bool		has_point = false;

	if (text.at == text.end || !is_digit(*text.at))
		return false;
	for (; text.at < text.end; text.at++)
	{
		if (*text.at == '.')
			has_point = true;
		else if (!is_digit(*text.at))
			return false;
	}
	return has_point;
}

/* What a URN has, but for what begins or ends something else. */
static bool
is_of_urn(char c)
{
	return c > ' ' && c <= '~' && strchr("\"\\()[]", c) == NULL;
}

/*
 * The URN of a schema, up to the colon before an attribute, if it begins with
 * one.  Behind a version there is the schema's name and no attribute.
 */
static Path
take_schema(Text *text, Output *out)
{
	const char *start = text->at;
	const char *colon;
	Text		part;

	if (text->end - start < 4 || start[3] != ':' || !is_word((Text) {start, start + 3}, "urn"))
		return ATTRIBUTE;

	part = (Text) {start, start + 3};
	colon = part.end;
	for (const char *c = colon + 1; c < text->end && is_of_urn(*c); c++)
	{
		if (*c != ':')
			continue;
		part = (Text) {colon + 1, c};
		if (part.at == part.end)
			return NO_PATH;
		colon = c;
	}
	/* "urn:" is none. */
	if (colon == start + 3)
		return NO_PATH;
	text->at = colon + 1;
	if (!is_version(part))
	{
		put_member(out, "\"schema\"", start, colon);
		put_text(out, ",");
		return ATTRIBUTE;
	}
	while (text->at < text->end && (is_letter(*text->at) || is_digit(*text->at)))
		text->at++;
	if (text->at == colon + 1)
		return NO_PATH;
	put_member(out, "\"schema\"", start, text->at);
	return SCHEMA;
}

/* A value without quotes: true, false, or a string. */
static bool
take_token(Text *text, Output *out)
{
	Text		token = *text;

	while (text->at < text->end && !is_space(*text->at) && *text->at != ']')
	{
		if ((*text->at >= 0 && *text->at < 0x20) || strchr("\"'()[", *text->at) != NULL)
			return false;
		text->at++;
	}
	token.end = text->at;
	if (token.at == token.end || is_word(token, "null"))
		return false;
	if (is_word(token, "true"))
		return put_text(out, "true");
	if (is_word(token, "false"))
		return put_text(out, "false");
	put_text(out, "\"");
	for (; token.at < token.end; token.at++)
	{
		if (*token.at == '\\')
			put_text(out, "\\");
		put(out, token.at, 1);
	}
	return put_text(out, "\"");
}

/* What an attribute equals. */
static bool
take_value(Text *text, Output *out)
{
	Output		nowhere = {.room = SIZE_MAX};
	const char *start = text->at;

	put_text(out, ",\"value\":");
	if (text->at == text->end || *text->at != '"')
		return take_token(text, out);
	/* It is JSON already. */
	return userlock_json_string_read(text, &nowhere) &&
		put(out, start, (size_t) (text->at - start));
}

/* What stands in brackets, and the one that closes. */
static bool
take_conditions(Text *text, Output *out)
{
	int			count = 0;

	put_text(out, ",\"where\":[");
	skip_space(text);
	do
	{
		if (count == USERLOCK_SCIM_MAX_CONDITIONS)
			return false;
		put_text(out, count++ == 0 ? "{" : ",{");
		if (!take_name(text, out, "\"attribute\"") || !take_word(text, "eq") || !take_value(text, out))
			return false;
		put_text(out, "}");
	}
	while (take_word(text, "and"));
	put_text(out, "]");
	skip_space(text);
	return take_char(text, ']');
}

static Path
take_path(Text *text, Output *out)
{
	Path		path = take_schema(text, out);

	if (path != ATTRIBUTE)
		return path;
	if (!take_name(text, out, "\"attribute\""))
		return NO_PATH;
	if (take_char(text, '['))
	{
		if (!take_conditions(text, out))
			return NO_PATH;
		path = VALUES;
	}
	if (!take_char(text, '.'))
		return path;
	return take_name(text, out, ",\"sub\"") ? ATTRIBUTE : NO_PATH;
}

static bool
take_comparison(Text *text, Output *out)
{
	Path		path = take_path(text, out);

	if (path != ATTRIBUTE && path != VALUES)
		return false;
	/* Conditions may stand for themselves. */
	return take_word(text, "eq") ? take_value(text, out) : path == VALUES;
}

/* Is there nothing more? */
static bool
take_end(Text *text)
{
	skip_space(text);
	return text->at == text->end;
}

bool
userlock_scim_path_to_json(const char *path, size_t length,
						   char *json, size_t *json_length)
{
	Text		text = {path, path + length};
	Output		out = {.to = (uint8_t *) json, .room = USERLOCK_SCIM_ROOM(length)};

	skip_space(&text);
	put_text(&out, "{");
	if (take_path(&text, &out) == NO_PATH)
		return false;
	put_text(&out, "}");
	*json_length = out.length;
	return take_end(&text);
}

bool
userlock_scim_filter_to_json(const char *filter, size_t length,
							 char *json, size_t *json_length)
{
	Text		text = {filter, filter + length};
	Output		out = {.to = (uint8_t *) json, .room = USERLOCK_SCIM_ROOM(length)};
	int			count = 0;

	skip_space(&text);
	put_text(&out, "[");
	do
	{
		if (count == USERLOCK_SCIM_MAX_COMPARISONS)
			return false;
		put_text(&out, count++ == 0 ? "{" : ",{");
		if (!take_comparison(&text, &out))
			return false;
		put_text(&out, "}");
	}
	while (take_word(&text, "and"));
	put_text(&out, "]");
	*json_length = out.length;
	return take_end(&text);
}
