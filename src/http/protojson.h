/*
 * protojson.h
 *		A protobuf message in its two forms, binary and JSON.
 *
 * Pure C: no server headers, no allocation, no errors thrown, so that it can be
 * compiled, tested and fuzzed without a server.  Of protobuf-c it takes the
 * descriptors, which say what a message has; its own reader takes memory for
 * every field, and stack for every level of nesting, that anyone may send.
 *
 * What is written is what the fields of one form are in the other, no more and
 * no less: what JSON has, though empty, is there on the wire, and the other way
 * round.  A field that is unknown is skipped; of one that comes twice, and of
 * several of a oneof, the last counts.
 *
 * Sources: the encoding and the JSON mapping of Protocol Buffers.
 */
#ifndef USERLOCK_PROTOJSON_H
#define USERLOCK_PROTOJSON_H

#include <protobuf-c/protobuf-c.h>

#include "http/grpc.h"

/*
 * How many messages may stand in each other, the outermost counted.  This is
 * what Zitadel's ListUsers takes: in the request there are conditions, which
 * "and", "or" and "not" nest up to 20 times; each nesting is two messages, and
 * the innermost condition another two.
 */
#define USERLOCK_MAX_MESSAGE_DEPTH	(1 + 2 * 20 + 2)

/*
 * Reads a message in its binary form and writes it as JSON, without a NUL at
 * the end; with "json" NULL it only says how long that would be.  Its strings
 * are what was sent, which may be no UTF-8, but has no NUL.  There are no
 * timestamps in what is read.
 */
extern UserLockReading userlock_message_to_json(const ProtobufCMessageDescriptor *type,
												const uint8_t *message, size_t length,
												char *json, size_t *json_length);

/* Bytes of the binary form that JSON of so many bytes may take. */
#define USERLOCK_MESSAGE_ROOM(json_length)	(2 * (json_length) + 16)

/*
 * Reads a message in its JSON form and writes it in the binary one, fields in
 * the order of the JSON.  "message" has USERLOCK_MESSAGE_ROOM.  Names are
 * camelCase or as in the .proto file; null is as good as nothing; an integer may
 * be a string, a value of an enumeration its number.  Of what is unknown only
 * the extent is looked at, so JSON from outside is to be checked before.
 */
extern UserLockReading userlock_json_to_message(const ProtobufCMessageDescriptor *type,
												const char *json, size_t length,
												uint8_t *message, size_t *message_length);

#endif							/* USERLOCK_PROTOJSON_H */
