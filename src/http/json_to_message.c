/*
 * json_to_message.c
 *		A protobuf message from its JSON form to the binary one.
 *
 * Pure C.  No byte is looked at before the end of the input says that it is
 * there.
 */
#include "http/wire.h"

/* A name is longer than any that is known. */
#define MAX_NAME	64

/* Takes what comes next, behind white space, if it is this. */
static bool
take(Text *json, const char *token)
{
	size_t		length = strlen(token);

	skip_space(json);
	if ((size_t) (json->end - json->at) < length || memcmp(json->at, token, length) != 0)
		return false;
	json->at += length;
	return true;
}

static bool
take_string(Text *json, Output *out)
{
	skip_space(json);
	return userlock_json_string_read(json, out);
}

/* Steps over a value of any kind, brackets and all. */
static bool
skip_value(Text *json)
{
	int			open = 0;

	do
	{
		skip_space(json);
		if (json->at == json->end)
			return false;
		switch (*json->at++)
		{
			case '"':
				while (json->at < json->end && *json->at != '"')
					json->at += *json->at == '\\' && json->end - json->at > 1 ? 2 : 1;
				if (json->at == json->end)
					return false;
				json->at++;
				break;
			case '{':
			case '[':
				open++;
				break;
			case '}':
			case ']':
				open--;
				break;
			case ',':
			case ':':
				if (open == 0)
					return false;
				break;
			default:			/* a number or a word */
				while (json->at < json->end && strchr(" \t\n\r,:{}[]\"", *json->at) == NULL)
					json->at++;
				break;
		}
	}
	while (open > 0);
	return open == 0;
}

static bool
put_varint(Output *out, uint64_t value)
{
	uint8_t		bytes[10];
	size_t		length = 0;

	do
	{
		bytes[length] = (uint8_t) ((value & 0x7F) | (value > 0x7F ? 0x80 : 0));
		length++;
	}
	while ((value >>= 7) > 0);
	return put(out, bytes, length);
}

static bool
put_tag(Output *out, uint32_t number, int type)
{
	return put_varint(out, (uint64_t) number << 3 | (uint64_t) type);
}

/*
 * What has its length before it is written first: behind a byte for the length,
 * and moved on if that takes more.
 */
static bool
begin_bytes(Output *out, size_t *start)
{
	bool		has_room = put(out, "", 1);

	*start = out->length;
	return has_room;
}

static bool
end_bytes(Output *out, size_t start)
{
	size_t		length = out->length - start;
	Output		prefix = {.to = out->to + start - 1, .room = 10};
	size_t		more = 0;

	for (size_t rest = length >> 7; rest > 0; rest >>= 7)
		more++;
	if (!put(out, "\0\0\0\0\0\0\0\0\0\0", more))
		return false;
	memmove(out->to + start + more, out->to + start, length);
	return put_varint(&prefix, length);
}

/* An integer, also in quotes, between these. */
static bool
take_integer(Text *json, int64_t least, uint64_t most, uint64_t *value)
{
	bool		is_quoted = take(json, "\"");
	bool		is_negative;
	const char *first;

	if (!is_quoted)
		skip_space(json);
	is_negative = take_char(json, '-');
	first = json->at;
	*value = 0;
	for (; json->at < json->end && *json->at >= '0' && *json->at <= '9'; json->at++)
	{
		uint64_t	digit = (uint64_t) (*json->at - '0');

		if (*value > (UINT64_MAX - digit) / 10)
			return false;
		*value = *value * 10 + digit;
	}
	if (json->at == first || (is_quoted && !take_char(json, '"')))
		return false;
	if (!is_negative)
		return *value <= most;
	if (*value > (uint64_t) -(least + 1) + 1)
		return false;
	*value = 0 - *value;
	return true;
}

/* The number of an enumeration's value, by its name or as it is. */
static bool
take_enum(Text *json, const ProtobufCEnumDescriptor *type, uint64_t *value)
{
	char		name[MAX_NAME];
	Output		out = {.to = (uint8_t *) name, .room = sizeof(name) - 1};
	Text		start;
	const ProtobufCEnumValue *found;

	skip_space(json);
	start = *json;
	if (!take(json, "\""))
		return take_integer(json, INT32_MIN, INT32_MAX, value);
	*json = start;
	if (!take_string(json, &out))
		return false;
	name[out.length] = '\0';
	found = protobuf_c_enum_descriptor_get_value_by_name(type, name);
	if (found == NULL)
		return false;
	*value = (uint64_t) (int64_t) found->value;
	return true;
}

/* A number of so many digits. */
static bool
take_digits(Text *json, int count, int32_t *value)
{
	*value = 0;
	for (; count > 0; count--, json->at++)
	{
		if (json->at == json->end || *json->at < '0' || *json->at > '9')
			return false;
		*value = *value * 10 + (*json->at - '0');
	}
	return true;
}

/* Days from 1970-01-01; counted in years that begin in March. */
static int64_t
days_since_1970(int32_t year, int32_t month, int32_t day)
{
	int64_t		y = year - (month <= 2);
	int64_t		era_year = y % 400;
	int64_t		day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return y / 400 * 146097 + era_year * 365 + era_year / 4 - era_year / 100 + day_of_year - 719468;
}

/* A moment in UTC, as the contract's functions write it, as two numbers. */
static bool
take_timestamp(Text *json, Output *out)
{
	int32_t		year,
				month,
				day,
				hour,
				minute,
				second;
	int32_t		nanos = 0;
	int64_t		seconds;

	if (!take(json, "\"") ||
		!take_digits(json, 4, &year) || !take_char(json, '-') ||
		!take_digits(json, 2, &month) || !take_char(json, '-') ||
		!take_digits(json, 2, &day) || !take_char(json, 'T') ||
		!take_digits(json, 2, &hour) || !take_char(json, ':') ||
		!take_digits(json, 2, &minute) || !take_char(json, ':') ||
		!take_digits(json, 2, &second) ||
		year < 1 || month < 1 || month > 12 || day < 1 || day > 31 ||
		hour > 23 || minute > 59 || second > 59)
		return false;
	if (take_char(json, '.'))
	{
		int32_t		digit;
		int32_t		place = 100000000;

		if (!take_digits(json, 1, &digit))
			return false;
		do
		{
			nanos += digit * place;
			place /= 10;
		}
		while (take_digits(json, 1, &digit));
	}
	if (!take_char(json, 'Z') || !take_char(json, '"'))
		return false;

	seconds = days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	return (seconds == 0 || (put_tag(out, 1, WIRE_VARINT) && put_varint(out, (uint64_t) seconds))) &&
		(nanos == 0 || (put_tag(out, 2, WIRE_VARINT) && put_varint(out, (uint64_t) nanos)));
}

static UserLockReading take_message(Text *json, const ProtobufCMessageDescriptor *type,
									Output *out, int depth);

/* Writes a value with its tag. */
static UserLockReading
take_value(Text *json, const ProtobufCFieldDescriptor *field, Output *out, int depth)
{
	const ProtobufCMessageDescriptor *type = field->descriptor;
	UserLockReading reading = USERLOCK_READ;
	uint64_t	value = 0;
	size_t		start;
	bool		is_good;

	if (!put_tag(out, field->id, wire_type(field)))
		return USERLOCK_MALFORMED;
	switch (field->type)
	{
		case PROTOBUF_C_TYPE_STRING:
			is_good = begin_bytes(out, &start) && take_string(json, out) && end_bytes(out, start);
			return is_good ? USERLOCK_READ : USERLOCK_MALFORMED;
		case PROTOBUF_C_TYPE_MESSAGE:
			if (!begin_bytes(out, &start))
				return USERLOCK_MALFORMED;
			if (strcmp(type->short_name, "Timestamp") != 0)
				reading = take_message(json, type, out, depth + 1);
			else if (!take_timestamp(json, out))
				reading = USERLOCK_MALFORMED;
			return reading == USERLOCK_READ && !end_bytes(out, start) ? USERLOCK_MALFORMED : reading;
		case PROTOBUF_C_TYPE_BOOL:
			value = take(json, "true");
			is_good = value || take(json, "false");
			break;
		case PROTOBUF_C_TYPE_UINT64:
			is_good = take_integer(json, 0, UINT64_MAX, &value);
			break;
		case PROTOBUF_C_TYPE_UINT32:
			is_good = take_integer(json, 0, UINT32_MAX, &value);
			break;
		case PROTOBUF_C_TYPE_INT32:
			is_good = take_integer(json, INT32_MIN, INT32_MAX, &value);
			break;
		case PROTOBUF_C_TYPE_ENUM:
			is_good = take_enum(json, field->descriptor, &value);
			break;
		default:				/* no message here has another */
			is_good = false;
	}
	return is_good && put_varint(out, value) ? USERLOCK_READ : USERLOCK_MALFORMED;
}

static UserLockReading
take_field(Text *json, const ProtobufCFieldDescriptor *field, Output *out, int depth)
{
	if (take(json, "null"))
		return USERLOCK_READ;
	if (!is_repeated(field))
		return take_value(json, field, out, depth);
	if (!take(json, "["))
		return USERLOCK_MALFORMED;
	if (take(json, "]"))
		return USERLOCK_READ;
	do
	{
		UserLockReading reading = take_value(json, field, out, depth);

		if (reading != USERLOCK_READ)
			return reading;
	}
	while (take(json, ","));
	return take(json, "]") ? USERLOCK_READ : USERLOCK_MALFORMED;
}

/* Is a name a field's, as it is or in camelCase? */
static bool
names_field(const char *name, const char *field)
{
	if (strcmp(name, field) == 0)
		return true;
	for (; *field != '\0'; field++, name++)
	{
		if (*field != '_')
		{
			if (*name != *field)
				return false;
		}
		else if (*name != *++field - 'a' + 'A')
			return false;
	}
	return *name == '\0';
}

/* The field that a member of an object is; NULL: none that is known. */
static const ProtobufCFieldDescriptor *
find_field(const ProtobufCMessageDescriptor *type, const char *name)
{
	for (unsigned int i = 0; i < type->n_fields; i++)
	{
		if (names_field(name, type->fields[i].name))
			return &type->fields[i];
	}
	return NULL;
}

static UserLockReading
take_message(Text *json, const ProtobufCMessageDescriptor *type, Output *out, int depth)
{
	if (depth > USERLOCK_MAX_MESSAGE_DEPTH)
		return USERLOCK_TOO_DEEP;
	if (!take(json, "{"))
		return USERLOCK_MALFORMED;
	if (take(json, "}"))
		return USERLOCK_READ;
	do
	{
		char		name[MAX_NAME];
		Output		name_out = {.to = (uint8_t *) name, .room = sizeof(name) - 1};
		const ProtobufCFieldDescriptor *field = NULL;
		UserLockReading reading = USERLOCK_READ;
		Text		start;

		skip_space(json);
		start = *json;
		if (take_string(json, &name_out))
		{
			name[name_out.length] = '\0';
			field = find_field(type, name);
		}
		else
		{
			/* Too long to be known, if it is one. */
			*json = start;
			if (json->at == json->end || *json->at != '"' || !skip_value(json))
				return USERLOCK_MALFORMED;
		}
		if (!take(json, ":"))
			return USERLOCK_MALFORMED;
		if (field != NULL)
			reading = take_field(json, field, out, depth);
		else if (!skip_value(json))
			reading = USERLOCK_MALFORMED;
		if (reading != USERLOCK_READ)
			return reading;
	}
	while (take(json, ","));
	return take(json, "}") ? USERLOCK_READ : USERLOCK_MALFORMED;
}

UserLockReading
userlock_json_to_message(const ProtobufCMessageDescriptor *type,
						 const char *json, size_t length,
						 uint8_t *message, size_t *message_length)
{
	Text		text = {json, json + length};
	Output		out = {.to = message, .room = USERLOCK_MESSAGE_ROOM(length)};
	UserLockReading reading = take_message(&text, type, &out, 1);

	skip_space(&text);
	if (reading == USERLOCK_READ && text.at < text.end)
		reading = USERLOCK_MALFORMED;
	*message_length = out.length;
	return reading;
}
