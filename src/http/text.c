/*
 * text.c
 *		Strings of JSON from outside.
 *
 * Pure C.
 */
#include "http/text.h"

/* The four digits of \uXXXX; -1: they are none. */
static int32_t
take_code_unit(Text *json)
{
	int32_t		unit = 0;

	if (json->end - json->at < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		static const char digits[] = "0123456789abcdef0123456789ABCDEF";
		const char *digit = *json->at != '\0' ? strchr(digits, *json->at) : NULL;

		if (digit == NULL)
			return -1;
		unit = unit << 4 | (int32_t) ((digit - digits) & 0x0F);
		json->at++;
	}
	return unit;
}

/* The character of \uXXXX, after the u, in UTF-8: not NUL, no half of a pair. */
static bool
take_unicode_escape(Text *json, Output *out)
{
	int32_t		code = take_code_unit(json);
	uint8_t		utf8[4];

	if (code <= 0 || (code >= 0xDC00 && code <= 0xDFFF))
		return false;
	if (code >= 0xD800 && code <= 0xDBFF)
	{
		int32_t		low;

		if (json->end - json->at < 2 || json->at[0] != '\\' || json->at[1] != 'u')
			return false;
		json->at += 2;
		low = take_code_unit(json);
		if (low < 0xDC00 || low > 0xDFFF)
			return false;
		code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
	}
	if (code < 0x80)
	{
		utf8[0] = (uint8_t) code;
		return put(out, utf8, 1);
	}
	if (code < 0x800)
	{
		utf8[0] = (uint8_t) (0xC0 | code >> 6);
		utf8[1] = (uint8_t) (0x80 | (code & 0x3F));
		return put(out, utf8, 2);
	}
	if (code < 0x10000)
	{
		utf8[0] = (uint8_t) (0xE0 | code >> 12);
		utf8[1] = (uint8_t) (0x80 | (code >> 6 & 0x3F));
		utf8[2] = (uint8_t) (0x80 | (code & 0x3F));
		return put(out, utf8, 3);
	}
	utf8[0] = (uint8_t) (0xF0 | code >> 18);
	utf8[1] = (uint8_t) (0x80 | (code >> 12 & 0x3F));
	utf8[2] = (uint8_t) (0x80 | (code >> 6 & 0x3F));
	utf8[3] = (uint8_t) (0x80 | (code & 0x3F));
	return put(out, utf8, 4);
}

bool
userlock_json_string_read(Text *json, Output *out)
{
	static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";

	if (!take_char(json, '"'))
		return false;
	while (json->at < json->end)
	{
		char		c = *json->at++;

		if (c == '"')
			return true;
		if (c >= 0 && c < 0x20)
			return false;
		if (c == '\\')
		{
			const char *escape = escapes;

			if (json->at == json->end)
				return false;
			c = *json->at++;
			if (c == 'u')
			{
				if (!take_unicode_escape(json, out))
					return false;
				continue;
			}
			while (*escape != '\0' && *escape != c)
				escape += 2;
			if (*escape == '\0')
				return false;
			c = escape[1];
		}
		if (!put(out, &c, 1))
			return false;
	}
	return false;
}
