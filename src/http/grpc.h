/*
 * grpc.h
 *		How gRPC and gRPC-Web wrap a message and what they put into headers.
 *
 * Pure C: no server headers, no allocation, no errors thrown, so that it can be
 * compiled, tested and fuzzed without a server.
 *
 * Sources: PROTOCOL-HTTP2.md and PROTOCOL-WEB.md of gRPC.
 */
#ifndef USERLOCK_GRPC_H
#define USERLOCK_GRPC_H

#include <stddef.h>
#include <stdint.h>

/* What comes of reading bytes that anyone may have sent. */
typedef enum UserLockReading
{
	USERLOCK_READ,
	USERLOCK_MALFORMED,			/* not what it should be, or of a wrong length */
	USERLOCK_COMPRESSED,		/* a frame that says its message is compressed */
	USERLOCK_TOO_LARGE,			/* a message of more than USERLOCK_MAX_MESSAGE */
	USERLOCK_TOO_DEEP			/* more than USERLOCK_MAX_MESSAGE_DEPTH in each other */
} UserLockReading;

/* The word for it: "valid", "malformed", "compressed", "too_large" or "too_deep". */
extern const char *userlock_reading_name(UserLockReading reading);

/* Bytes; as much as the bodies of other calls may have, see http/site.conf. */
#define USERLOCK_MAX_MESSAGE	(1024 * 1024)

/* A frame is a byte of flags, four of length, most significant first, a message. */
#define USERLOCK_FRAME_HEADER	5

#define USERLOCK_FRAME_COMPRESSED	0x01
#define USERLOCK_FRAME_TRAILERS		0x80	/* of gRPC-Web, in a response */

/*
 * Finds the message in a body, which must be one frame, neither more nor less.
 * *message points into the body.
 */
extern UserLockReading userlock_frame_read(const uint8_t *body, size_t length,
										   const uint8_t **message,
										   size_t *message_length);

/* Writes the header of a frame; a message has less than 4 GiB. */
extern void userlock_frame_write_header(uint8_t flags, uint32_t length,
										uint8_t header[USERLOCK_FRAME_HEADER]);

/*
 * The encoding of grpc-message: what is not printable ASCII, and the percent
 * sign, becomes %XX.  Returns the length of the text, which has no NUL at its
 * end; "to" holds at least three times the bytes.
 */
extern size_t userlock_grpc_message_encode(const char *from, size_t length,
										   char *to);

#endif							/* USERLOCK_GRPC_H */
