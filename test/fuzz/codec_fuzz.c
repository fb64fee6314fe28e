/*
 * codec_fuzz.c
 *		Whatever bytes come, the codec neither fails nor lies.
 *
 * Any input is read as a body with a frame, and as a message without one, of each
 * request, in either form; also as the JSON of each response.  What was read in one
 * form is written in the other, and read again as it was; protobuf-c reads it too.
 * Runs under libFuzzer ("make fuzz"), or on given files with replay.c ("make test").
 */
#include "http/grpc.h"
#include "http/protojson.h"
#include "http/zitadel_rpc.h"

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

static const char *const requests[] = {"v2/get", "v1/get", "v2/list"};
static const char *const responses[] = {
	"v2/lock", "v1/lock", "v2/get", "v1/get", "v2/list", "v1/list", "status", "error_detail"
};

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

/* What is read or written, in memory of its own size, so that a sanitizer sees more. */
typedef struct Form
{
	void	   *bytes;
	size_t		length;
} Form;

static void *
new_memory(size_t length)
{
	void	   *memory = malloc(length > 0 ? length : 1);

	MUST(memory != NULL);
	return memory;
}

static UserLockReading
json_of(const ProtobufCMessageDescriptor *type, const uint8_t *message, size_t length, Form *json)
{
	size_t		again;
	UserLockReading reading = userlock_message_to_json(type, message, length, NULL, &json->length);

	MUST(userlock_reading_name(reading) != NULL);
	json->bytes = NULL;
	if (reading == USERLOCK_READ)
	{
		json->bytes = new_memory(json->length);
		MUST(userlock_message_to_json(type, message, length, json->bytes, &again) == USERLOCK_READ);
		MUST(again == json->length);
	}
	return reading;
}

static UserLockReading
message_of(const ProtobufCMessageDescriptor *type, const char *json, size_t length, Form *message)
{
	UserLockReading reading;

	message->bytes = new_memory(USERLOCK_MESSAGE_ROOM(length));
	reading = userlock_json_to_message(type, json, length, message->bytes, &message->length);
	MUST(userlock_reading_name(reading) != NULL);
	MUST(message->length <= USERLOCK_MESSAGE_ROOM(length));
	return reading;
}

/* What was written is well-formed to others as well. */
static void
check_with_protobuf_c(const ProtobufCMessageDescriptor *type, const Form *message)
{
	ProtobufCMessage *read = protobuf_c_message_unpack(type, NULL, message->length, message->bytes);

	MUST(read != NULL);
	protobuf_c_message_free_unpacked(read, NULL);
}

/* The JSON that was made of a request is a request, and the same. */
static void
check_made_json(const ProtobufCMessageDescriptor *type, const Form *json)
{
	Form		message;
	Form		again;

	MUST(message_of(type, json->bytes, json->length, &message) == USERLOCK_READ);
	check_with_protobuf_c(type, &message);
	MUST(json_of(type, message.bytes, message.length, &again) == USERLOCK_READ);
	MUST(again.length == json->length && memcmp(again.bytes, json->bytes, again.length) == 0);
	free(message.bytes);
	free(again.bytes);
}

static void
check_message(const uint8_t *message, size_t length)
{
	for (size_t i = 0; i < COUNT(requests); i++)
	{
		const ProtobufCMessageDescriptor *type = userlock_zitadel_request(requests[i]);
		Form		json;

		if (json_of(type, message, length, &json) == USERLOCK_READ)
			check_made_json(type, &json);
		free(json.bytes);
	}
}

static void
check_json(const char *json, size_t length)
{
	for (size_t i = 0; i < COUNT(requests); i++)
	{
		const ProtobufCMessageDescriptor *type = userlock_zitadel_request(requests[i]);
		Form		message;
		Form		made;

		if (message_of(type, json, length, &message) == USERLOCK_READ)
		{
			MUST(json_of(type, message.bytes, message.length, &made) == USERLOCK_READ);
			check_made_json(type, &made);
			free(made.bytes);
		}
		free(message.bytes);
	}
	for (size_t i = 0; i < COUNT(responses); i++)
	{
		const ProtobufCMessageDescriptor *type = userlock_zitadel_response(responses[i]);
		Form		message;

		if (message_of(type, json, length, &message) == USERLOCK_READ)
			check_with_protobuf_c(type, &message);
		free(message.bytes);
	}
}

static void
check_frame(const uint8_t *body, size_t length)
{
	const uint8_t *message;
	size_t		message_length;
	uint8_t		header[USERLOCK_FRAME_HEADER];

	if (userlock_frame_read(body, length, &message, &message_length) != USERLOCK_READ)
		return;
	MUST(message == body + USERLOCK_FRAME_HEADER && message_length == length - USERLOCK_FRAME_HEADER);
	userlock_frame_write_header(0, (uint32_t) message_length, header);
	MUST(memcmp(header, body, USERLOCK_FRAME_HEADER) == 0);
	check_message(message, message_length);
}

/* Printable ASCII that decodes to the input. */
static void
check_grpc_message(const uint8_t *input, size_t length)
{
	char	   *encoded = malloc(length > 0 ? 3 * length : 1);
	size_t		size = userlock_grpc_message_encode((const char *) input, length, encoded);
	size_t		from = 0;

	MUST(size <= 3 * length);
	for (size_t i = 0; i < length; i++)
	{
		unsigned int byte;

		MUST(from < size && encoded[from] >= 0x20 && encoded[from] <= 0x7E);
		if (encoded[from] == '%')
		{
			char		digits[3] = {encoded[from + 1], encoded[from + 2], '\0'};

			MUST(from + 2 < size && strspn(digits, "0123456789ABCDEF") == 2);
			byte = (unsigned int) strtoul(digits, NULL, 16);
			from += 3;
		}
		else
			byte = (uint8_t) encoded[from++];
		MUST(byte == input[i]);
	}
	MUST(from == size);
	free(encoded);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
	check_frame(input, length);
	check_message(input, length);
	check_grpc_message(input, length);
	check_json((const char *) input, length);
	return 0;
}
