/*
 * codec_fuzz.c
 *		Whatever bytes come, the codec neither fails nor lies.
 *
 * Any input is read as a body with a frame and as a message without one; it is
 * also taken for the texts of a response, and what is written of it must be
 * read back as it was.  Runs under libFuzzer ("make fuzz"), or on given files
 * with replay.c ("make test").
 */
#include "http/grpc.h"
#include "http/zitadel_rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/zitadel_rpc.pb-c.h"

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

/* Reads into memory of exactly the promised size, so that a sanitizer sees more. */
static UserLockReading
read_request(const uint8_t *message, size_t length, char **user_id, size_t *user_id_length)
{
	UserLockReading reading;

	*user_id = malloc(length > 0 ? length : 1);
	MUST(*user_id != NULL);
	reading = userlock_zitadel_read_request(message, length, *user_id, user_id_length);
	MUST(userlock_reading_name(reading) != NULL);
	if (reading == USERLOCK_READ)
		MUST(*user_id_length <= length);
	return reading;
}

/* A message that was read once is read again after it was written anew. */
static void
check_message(const uint8_t *message, size_t length)
{
	char	   *user_id;
	char	   *again;
	size_t		user_id_length;
	size_t		again_length;

	if (read_request(message, length, &user_id, &user_id_length) == USERLOCK_READ)
	{
		Userlock__UserRequest request = USERLOCK__USER_REQUEST__INIT;
		uint8_t    *written;
		size_t		written_length;

		request.user_id.data = (uint8_t *) user_id;
		request.user_id.len = user_id_length;
		written_length = userlock__user_request__get_packed_size(&request);
		MUST(written_length <= length);
		written = malloc(written_length > 0 ? written_length : 1);
		MUST(userlock__user_request__pack(&request, written) == written_length);
		MUST(read_request(written, written_length, &again, &again_length) == USERLOCK_READ);
		MUST(again_length == user_id_length && memcmp(again, user_id, again_length) == 0);
		free(written);
		free(again);
	}
	free(user_id);
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

/* Writes into memory of the size that was asked for, and reads it with protobuf-c. */
static void
check_writers(const uint8_t *input, size_t length)
{
	char	   *text = malloc(length + 1);
	UserLockZitadelDetails details = {0};
	UserLockZitadelError error;
	uint8_t    *written;
	size_t		size;

	memcpy(text, input, length);
	text[length] = '\0';
	memcpy(&details.sequence, input, length < sizeof(details.sequence) ? length : sizeof(details.sequence));
	details.changed.seconds = (int64_t) details.sequence;
	details.created.nanoseconds = (int32_t) (length % 1000000000);
	details.resource_owner = text;
	for (int api = USERLOCK_ZITADEL_V1; api <= USERLOCK_ZITADEL_V2; api++)
	{
		size = userlock_zitadel_write_response((UserLockZitadelApi) api, &details, NULL);
		written = malloc(size);
		MUST(userlock_zitadel_write_response((UserLockZitadelApi) api, &details, written) == size);
		if (api == USERLOCK_ZITADEL_V1)
		{
			Userlock__ResponseV1 *read = userlock__response_v1__unpack(NULL, size, written);

			MUST(read != NULL && read->details->sequence == details.sequence);
			MUST(strcmp(read->details->resource_owner, text) == 0);
			MUST(read->details->change_date->seconds == details.changed.seconds);
			MUST(read->details->creation_date->nanos == details.created.nanoseconds);
			userlock__response_v1__free_unpacked(read, NULL);
		}
		else
		{
			Userlock__ResponseV2 *read = userlock__response_v2__unpack(NULL, size, written);

			MUST(read != NULL && read->details->sequence == details.sequence);
			MUST(strcmp(read->details->resource_owner, text) == 0);
			MUST(read->details->change_date->seconds == details.changed.seconds);
			MUST(read->details->creation_date->nanos == details.created.nanoseconds);
			userlock__response_v2__free_unpacked(read, NULL);
		}
		free(written);
	}

	error.id = text;
	error.text = text + strlen(text) / 2;
	size = userlock_zitadel_write_error_detail(&error, NULL);
	written = malloc(size > 0 ? size : 1);
	MUST(userlock_zitadel_write_error_detail(&error, written) == size);
	free(written);

	size = userlock_zitadel_write_status((int32_t) length, text, &error, NULL);
	written = malloc(size);
	MUST(userlock_zitadel_write_status((int32_t) length, text, &error, written) == size);
	{
		Userlock__Status *read = userlock__status__unpack(NULL, size, written);

		MUST(read != NULL && read->code == (int32_t) length && strcmp(read->message, text) == 0);
		MUST(read->n_details == 1 && strcmp(read->details[0]->value->id, error.id) == 0);
		MUST(strcmp(read->details[0]->value->message, error.text) == 0);
		userlock__status__free_unpacked(read, NULL);
	}
	free(written);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
	check_frame(input, length);
	check_message(input, length);
	check_grpc_message(input, length);
	check_writers(input, length);
	return 0;
}
