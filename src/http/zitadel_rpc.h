/*
 * zitadel_rpc.h
 *		Zitadel's messages in protobuf's binary form.
 *
 * Pure C over protobuf-c, of which it is the only user: no server headers, no
 * errors thrown, so that it can be compiled, tested and fuzzed without a
 * server.  Texts are UTF-8.
 */
#ifndef USERLOCK_ZITADEL_RPC_H
#define USERLOCK_ZITADEL_RPC_H

#include "http/grpc.h"

/*
 * Reads a request message, which names a user.  The id is copied as it was
 * sent, which may be anything but longer than the message: user_id holds as
 * many bytes as the message has.  Without the field it is empty; of several,
 * the last one counts; unknown fields are skipped.
 */
extern UserLockReading userlock_zitadel_read_request(const uint8_t *message,
													 size_t length,
													 char *user_id,
													 size_t *user_id_length);

/* The two APIs number the fields of a response differently. */
typedef enum UserLockZitadelApi
{
	USERLOCK_ZITADEL_V1,		/* zitadel.management.v1 */
	USERLOCK_ZITADEL_V2			/* zitadel.user.v2 */
} UserLockZitadelApi;

/* A moment after or before 1970-01-01 00:00 UTC. */
typedef struct UserLockMoment
{
	int64_t		seconds;
	int32_t		nanoseconds;	/* 0 to 999,999,999 */
} UserLockMoment;

typedef struct UserLockZitadelDetails
{
	uint64_t	sequence;
	UserLockMoment changed;
	UserLockMoment created;
	const char *resource_owner;
} UserLockZitadelDetails;

/* An error with an id: its text is without it, the status' message with it. */
typedef struct UserLockZitadelError
{
	const char *id;
	const char *text;
} UserLockZitadelError;

/*
 * The writers return the length of what they wrote; with "to" NULL they only
 * say how long it would be.
 */
extern size_t userlock_zitadel_write_response(UserLockZitadelApi api,
											  const UserLockZitadelDetails *details,
											  uint8_t *to);

/* zitadel.v1.ErrorDetail */
extern size_t userlock_zitadel_write_error_detail(const UserLockZitadelError *error,
												  uint8_t *to);

/* google.rpc.Status with one ErrorDetail; code is one of gRPC. */
extern size_t userlock_zitadel_write_status(int32_t code, const char *message,
											const UserLockZitadelError *error,
											uint8_t *to);

#endif							/* USERLOCK_ZITADEL_RPC_H */
