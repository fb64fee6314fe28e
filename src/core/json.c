/*
 * json.c
 *		How deep JSON from outside may be nested.
 *
 * Pure C.
 */
#include "core/json.h"

bool
userlock_json_is_too_deep(const char *json, size_t length)
{
	bool		in_string = false;
	int			depth = 0;

	/* Claims are hardly ever as long as that. */
	if (length <= USERLOCK_MAX_JSON_DEPTH)
		return false;

	for (size_t i = 0; i < length; i++)
	{
		if (json[i] == '"')
			in_string = !in_string;
		else if (in_string)
		{
			if (json[i] == '\\')
				i++;
		}
		else if (json[i] == '{' || json[i] == '[')
		{
			if (++depth > USERLOCK_MAX_JSON_DEPTH)
				return true;
		}
		else if (json[i] == '}' || json[i] == ']')
			depth--;
	}
	return false;
}
