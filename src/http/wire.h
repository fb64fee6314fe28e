/*
 * wire.h
 *		What both ways between the forms of a protobuf message share.
 *
 * Pure C.  Nothing is written behind the end of the output.
 */
#ifndef USERLOCK_WIRE_H
#define USERLOCK_WIRE_H

#include <stdbool.h>
#include <string.h>

#include "http/protojson.h"

/* How a value is written: the lower three bits of what begins it. */
enum
{
	WIRE_VARINT = 0,
	WIRE_64_BITS = 1,
	WIRE_BYTES = 2,
	WIRE_32_BITS = 5
};

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

static inline bool
is_repeated(const ProtobufCFieldDescriptor *field)
{
	return field->label == PROTOBUF_C_LABEL_REPEATED;
}

static inline int
wire_type(const ProtobufCFieldDescriptor *field)
{
	return field->type == PROTOBUF_C_TYPE_STRING ||
		field->type == PROTOBUF_C_TYPE_MESSAGE ? WIRE_BYTES : WIRE_VARINT;
}

#endif							/* USERLOCK_WIRE_H */
