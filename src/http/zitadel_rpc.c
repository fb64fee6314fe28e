/*
 * zitadel_rpc.c
 *		Zitadel's messages, by the calls that they belong to.
 *
 * Pure C.
 */
#include "http/zitadel_rpc.h"

#include <string.h>

#include "http/zitadel_rpc.pb-c.h"

typedef struct Call
{
	const char *operation;
	const ProtobufCMessageDescriptor *request;
	const ProtobufCMessageDescriptor *response;
} Call;

#define USER_REQUEST_V2		&userlock__v2__user_request__descriptor
#define USER_REQUEST_V1		&userlock__v1__user_request__descriptor
#define LIST_REQUEST		&userlock__both__list_users_request__descriptor
#define RESPONSE_V2			&userlock__v2__response__descriptor
#define RESPONSE_V1			&userlock__v1__response__descriptor

static const Call calls[] = {
	{"v2/lock", USER_REQUEST_V2, RESPONSE_V2},
	{"v2/unlock", USER_REQUEST_V2, RESPONSE_V2},
	{"v2/deactivate", USER_REQUEST_V2, RESPONSE_V2},
	{"v2/reactivate", USER_REQUEST_V2, RESPONSE_V2},
	{"v2/get", USER_REQUEST_V2, &userlock__v2__get_user_by_idresponse__descriptor},
	{"v2/list", LIST_REQUEST, &userlock__v2__list_users_response__descriptor},
	{"v1/lock", USER_REQUEST_V1, RESPONSE_V1},
	{"v1/unlock", USER_REQUEST_V1, RESPONSE_V1},
	{"v1/deactivate", USER_REQUEST_V1, RESPONSE_V1},
	{"v1/reactivate", USER_REQUEST_V1, RESPONSE_V1},
	{"v1/get", USER_REQUEST_V1, &userlock__v1__get_user_by_idresponse__descriptor},
	{"v1/list", LIST_REQUEST, &userlock__v1__list_users_response__descriptor},
	{"status", NULL, &userlock__both__status__descriptor},
	{"error_detail", NULL, &userlock__both__error_detail__descriptor},
};

static const Call *
find_call(const char *operation)
{
	static const Call none = {0};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
	{
		if (strcmp(calls[i].operation, operation) == 0)
			return &calls[i];
	}
	return &none;
}

const ProtobufCMessageDescriptor *
userlock_zitadel_request(const char *operation)
{
	return find_call(operation)->request;
}

const ProtobufCMessageDescriptor *
userlock_zitadel_response(const char *operation)
{
	return find_call(operation)->response;
}
