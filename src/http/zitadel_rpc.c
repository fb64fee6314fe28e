/*
 * zitadel_rpc.c
 *		Zitadel's messages in protobuf's binary form.
 *
 * Pure C, and the only user of protobuf-c.
 */
#include "http/zitadel_rpc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "http/zitadel_rpc.pb-c.h"

/*
 * protobuf-c takes some 90 bytes for each field that it does not know, and two
 * bytes are enough for one: without a limit a message could have memory of 45
 * times its size.  This is for the message itself and some hundred such fields.
 */
#define MEMORY_BESIDE_ID	(64 * 1024)

typedef struct Budget
{
	size_t		left;
	bool		out_of_memory;
} Budget;

static void *
budget_alloc(void *allocator_data, size_t size)
{
	Budget	   *budget = allocator_data;
	void	   *memory;

	if (size > budget->left)
		return NULL;
	budget->left -= size;
	memory = malloc(size > 0 ? size : 1);
	if (memory == NULL)
		budget->out_of_memory = true;
	return memory;
}

static void
budget_free(void *allocator_data, void *memory)
{
	(void) allocator_data;
	free(memory);
}

UserLockReading
userlock_zitadel_read_request(const uint8_t *message, size_t length,
							  char *user_id, size_t *user_id_length)
{
	Budget		budget = {.left = MEMORY_BESIDE_ID + length};
	ProtobufCAllocator allocator = {budget_alloc, budget_free, &budget};
	Userlock__UserRequest *request;

	if (length > USERLOCK_MAX_MESSAGE)
		return USERLOCK_TOO_LARGE;
	request = userlock__user_request__unpack(&allocator, length, message);
	if (request == NULL)
		return budget.out_of_memory ? USERLOCK_OUT_OF_MEMORY : USERLOCK_MALFORMED;

	*user_id_length = request->user_id.len;
	if (request->user_id.len > 0)
		memcpy(user_id, request->user_id.data, request->user_id.len);
	userlock__user_request__free_unpacked(request, &allocator);
	return USERLOCK_READ;
}

/* The fields of both messages of details have the same names. */
#define SET_DETAILS(message, details, created, changed) \
	do { \
		(message)->sequence = (details)->sequence; \
		(message)->creation_date = (created); \
		(message)->change_date = (changed); \
		(message)->resource_owner = (char *) (details)->resource_owner; \
	} while (0)

static void
set_timestamp(Userlock__Timestamp *timestamp, UserLockMoment moment)
{
	userlock__timestamp__init(timestamp);
	timestamp->seconds = moment.seconds;
	timestamp->nanos = moment.nanoseconds;
}

/* Packs a message, or says how long it would be. */
static size_t
write_message(const ProtobufCMessage *message, uint8_t *to)
{
	return to != NULL ? protobuf_c_message_pack(message, to) :
		protobuf_c_message_get_packed_size(message);
}

size_t
userlock_zitadel_write_response(UserLockZitadelApi api,
								const UserLockZitadelDetails *details,
								uint8_t *to)
{
	Userlock__Timestamp created,
				changed;

	set_timestamp(&created, details->created);
	set_timestamp(&changed, details->changed);
	if (api == USERLOCK_ZITADEL_V1)
	{
		Userlock__DetailsV1 message = USERLOCK__DETAILS_V1__INIT;
		Userlock__ResponseV1 response = USERLOCK__RESPONSE_V1__INIT;

		SET_DETAILS(&message, details, &created, &changed);
		response.details = &message;
		return write_message(&response.base, to);
	}
	else
	{
		Userlock__DetailsV2 message = USERLOCK__DETAILS_V2__INIT;
		Userlock__ResponseV2 response = USERLOCK__RESPONSE_V2__INIT;

		SET_DETAILS(&message, details, &created, &changed);
		response.details = &message;
		return write_message(&response.base, to);
	}
}

static void
set_error_detail(Userlock__ErrorDetail *detail, const UserLockZitadelError *error)
{
	userlock__error_detail__init(detail);
	detail->id = (char *) error->id;
	detail->message = (char *) error->text;
}

size_t
userlock_zitadel_write_error_detail(const UserLockZitadelError *error, uint8_t *to)
{
	Userlock__ErrorDetail detail;

	set_error_detail(&detail, error);
	return write_message(&detail.base, to);
}

size_t
userlock_zitadel_write_status(int32_t code, const char *message,
							  const UserLockZitadelError *error, uint8_t *to)
{
	Userlock__ErrorDetail detail;
	Userlock__Any any = USERLOCK__ANY__INIT;
	Userlock__Any *details[] = {&any};
	Userlock__Status status = USERLOCK__STATUS__INIT;

	set_error_detail(&detail, error);
	any.type_url = (char *) "type.googleapis.com/zitadel.v1.ErrorDetail";
	any.value = &detail;
	status.code = code;
	status.message = (char *) message;
	status.n_details = 1;
	status.details = details;
	return write_message(&status.base, to);
}
