/*
 * message_to_json.c
 *		A protobuf message from its binary form to JSON.
 *
 * Pure C.  No byte is looked at before the end of the input says that it is
 * there.
 */
#include "http/wire.h"

typedef struct Bytes
{
	const uint8_t *at;
	const uint8_t *end;
} Bytes;

/* A field as it stands in a message: a number, or bytes, or neither is of use. */
typedef struct Record
{
	uint32_t	number;
	int			wire_type;
	uint64_t	value;
	Bytes		bytes;
} Record;

static bool
take_varint(Bytes *from, uint64_t *value)
{
	*value = 0;
	for (int shift = 0; shift < 64 && from->at < from->end; shift += 7)
	{
		uint8_t		byte = *from->at++;

		if (shift == 63 && byte > 1)
			return false;
		*value |= (uint64_t) (byte & 0x7F) << shift;
		if (byte < 0x80)
			return true;
	}
	return false;
}

static bool
take_record(Bytes *from, Record *record)
{
	uint64_t	tag;
	uint64_t	length;

	if (!take_varint(from, &tag) || tag > UINT32_MAX || tag >> 3 == 0)
		return false;
	record->number = (uint32_t) tag >> 3;
	record->wire_type = (int) (tag & 7);
	switch (record->wire_type)
	{
		case WIRE_VARINT:
			return take_varint(from, &record->value);
		case WIRE_64_BITS:
			length = 8;
			break;
		case WIRE_BYTES:
			if (!take_varint(from, &length))
				return false;
			break;
		case WIRE_32_BITS:
			length = 4;
			break;
		default:				/* groups, which nothing here has */
			return false;
	}
	if (length > (size_t) (from->end - from->at))
		return false;
	record->bytes.at = from->at;
	from->at += length;
	record->bytes.end = from->at;
	return true;
}

/* Does a record of one field put an end to what was said of the other? */
static bool
overrides(const ProtobufCFieldDescriptor *later, const ProtobufCFieldDescriptor *field)
{
	return later == field ||
		(later != NULL && (later->flags & field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
		 later->quantifier_offset == field->quantifier_offset);
}

/*
 * The next record of a field; if it is not repeated, the one that counts.  The
 * message is well-formed.
 */
static bool
find_record(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field,
			Bytes *message, Record *found)
{
	bool		is_found = false;
	Record		record;

	while (!(is_found && is_repeated(field)) && message->at < message->end &&
		   take_record(message, &record))
	{
		const ProtobufCFieldDescriptor *other =
			protobuf_c_message_descriptor_get_field(type, record.number);

		if (overrides(other, field))
			is_found = other == field;
		if (other == field)
			*found = record;
	}
	return is_found;
}

static bool
put_decimal(Output *out, uint64_t value)
{
	char		digits[20];
	size_t		first = sizeof(digits);

	do
		digits[--first] = (char) ('0' + value % 10);
	while ((value /= 10) > 0);
	return put(out, digits + first, sizeof(digits) - first);
}

static bool
put_int32(Output *out, int32_t value)
{
	int64_t		wide = value;

	return value < 0 ? put_text(out, "-") && put_decimal(out, (uint64_t) -wide) :
		put_decimal(out, (uint64_t) wide);
}

/* A string as JSON has it; false: it has a NUL, which no text can hold. */
static bool
put_json_string(Output *out, Bytes string)
{
	static const char digits[] = "0123456789abcdef";

	put_text(out, "\"");
	for (; string.at < string.end; string.at++)
	{
		char		escape[] = {'\\', 'u', '0', '0', digits[*string.at >> 4], digits[*string.at & 0x0F]};

		if (*string.at == 0)
			return false;
		if (*string.at < 0x20)
			put(out, escape, sizeof(escape));
		else
		{
			if (*string.at == '"' || *string.at == '\\')
				put_text(out, "\\");
			put(out, string.at, 1);
		}
	}
	return put_text(out, "\"");
}

/* The name of a field in camelCase, in quotes, with a colon. */
static void
put_json_name(Output *out, const char *name)
{
	put_text(out, "\"");
	for (; *name; name++)
	{
		char		upper = name[1] >= 'a' && name[1] <= 'z' ? (char) (name[1] - 'a' + 'A') : name[1];

		if (*name != '_')
			put(out, name, 1);
		else
		{
			put(out, &upper, 1);
			name++;
		}
	}
	put_text(out, "\":");
}

static UserLockReading put_json_message(Output *out, const ProtobufCMessageDescriptor *type,
										Bytes message, int depth);

static UserLockReading
put_json_value(Output *out, const ProtobufCFieldDescriptor *field, const Record *record, int depth)
{
	const ProtobufCEnumValue *name;

	switch (field->type)
	{
		case PROTOBUF_C_TYPE_STRING:
			return put_json_string(out, record->bytes) ? USERLOCK_READ : USERLOCK_MALFORMED;
		case PROTOBUF_C_TYPE_MESSAGE:
			return put_json_message(out, field->descriptor, record->bytes, depth + 1);
		case PROTOBUF_C_TYPE_BOOL:
			put_text(out, record->value != 0 ? "true" : "false");
			return USERLOCK_READ;
		case PROTOBUF_C_TYPE_UINT64:
			put_text(out, "\"");
			put_decimal(out, record->value);
			put_text(out, "\"");
			return USERLOCK_READ;
		case PROTOBUF_C_TYPE_UINT32:
			put_decimal(out, (uint32_t) record->value);
			return USERLOCK_READ;
		case PROTOBUF_C_TYPE_INT32:
			put_int32(out, (int32_t) record->value);
			return USERLOCK_READ;
		case PROTOBUF_C_TYPE_ENUM:
			name = protobuf_c_enum_descriptor_get_value(field->descriptor, (int32_t) record->value);
			if (name == NULL)
				put_int32(out, (int32_t) record->value);
			else
			{
				put_text(out, "\"");
				put_text(out, name->name);
				put_text(out, "\"");
			}
			return USERLOCK_READ;
		default:				/* no message here has another */
			return USERLOCK_MALFORMED;
	}
}

/* Is every record whole, and each that is known of the type that it should be? */
static bool
is_well_formed(const ProtobufCMessageDescriptor *type, Bytes message)
{
	Record		record;

	while (message.at < message.end)
	{
		const ProtobufCFieldDescriptor *field;

		if (!take_record(&message, &record))
			return false;
		field = protobuf_c_message_descriptor_get_field(type, record.number);
		if (field != NULL && record.wire_type != wire_type(field))
			return false;
	}
	return true;
}

static UserLockReading
put_json_message(Output *out, const ProtobufCMessageDescriptor *type, Bytes message, int depth)
{
	const char *separator = "";

	if (depth > USERLOCK_MAX_MESSAGE_DEPTH)
		return USERLOCK_TOO_DEEP;
	if (!is_well_formed(type, message))
		return USERLOCK_MALFORMED;

	put_text(out, "{");
	for (unsigned int i = 0; i < type->n_fields; i++)
	{
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		Bytes		rest = message;
		Record		record;
		bool		is_first = true;

		/* Once, if it is not repeated. */
		while (find_record(type, field, &rest, &record))
		{
			UserLockReading reading;

			put_text(out, is_first ? separator : ",");
			if (is_first)
			{
				put_json_name(out, field->name);
				if (is_repeated(field))
					put_text(out, "[");
			}
			is_first = false;
			separator = ",";
			reading = put_json_value(out, field, &record, depth);
			if (reading != USERLOCK_READ)
				return reading;
		}
		if (!is_first && is_repeated(field))
			put_text(out, "]");
	}
	put_text(out, "}");
	return USERLOCK_READ;
}

UserLockReading
userlock_message_to_json(const ProtobufCMessageDescriptor *type,
						 const uint8_t *message, size_t length,
						 char *json, size_t *json_length)
{
	Output		out = {.to = (uint8_t *) json, .room = SIZE_MAX};
	UserLockReading reading = put_json_message(&out, type, (Bytes) {message, message + length}, 1);

	*json_length = out.length;
	return reading;
}
