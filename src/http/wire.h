/*
 * wire.h
 *		What both ways between the forms of a protobuf message share.
 *
 * Pure C.
 */
#ifndef USERLOCK_WIRE_H
#define USERLOCK_WIRE_H

#include "http/protojson.h"
#include "http/text.h"

/* How a value is written: the lower three bits of what begins it. */
enum
{
	WIRE_VARINT = 0,
	WIRE_64_BITS = 1,
	WIRE_BYTES = 2,
	WIRE_32_BITS = 5
};

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
