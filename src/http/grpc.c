/*
 * grpc.c
 *		How gRPC and gRPC-Web wrap a message and what they put into headers.
 *
 * Pure C.  No byte is looked at before the length says that it is there.
 */
#include "http/grpc.h"

const char *
userlock_reading_name(UserLockReading reading)
{
	static const char *const names[] = {
		[USERLOCK_READ] = "valid",
		[USERLOCK_MALFORMED] = "malformed",
		[USERLOCK_COMPRESSED] = "compressed",
		[USERLOCK_TOO_LARGE] = "too_large",
		[USERLOCK_TOO_DEEP] = "too_deep",
	};

	return names[reading];
}

UserLockReading
userlock_frame_read(const uint8_t *body, size_t length,
					const uint8_t **message, size_t *message_length)
{
	uint32_t	said;

	if (length < USERLOCK_FRAME_HEADER)
		return USERLOCK_MALFORMED;
	said = (uint32_t) body[1] << 24 | (uint32_t) body[2] << 16 |
		(uint32_t) body[3] << 8 | (uint32_t) body[4];
	if (said != length - USERLOCK_FRAME_HEADER)
		return USERLOCK_MALFORMED;
	if (body[0] == USERLOCK_FRAME_COMPRESSED)
		return USERLOCK_COMPRESSED;
	if (body[0] != 0)
		return USERLOCK_MALFORMED;
	*message = body + USERLOCK_FRAME_HEADER;
	*message_length = said;
	return USERLOCK_READ;
}

void
userlock_frame_write_header(uint8_t flags, uint32_t length,
							uint8_t header[USERLOCK_FRAME_HEADER])
{
	header[0] = flags;
	header[1] = (uint8_t) (length >> 24);
	header[2] = (uint8_t) (length >> 16);
	header[3] = (uint8_t) (length >> 8);
	header[4] = (uint8_t) length;
}

size_t
userlock_grpc_message_encode(const char *from, size_t length, char *to)
{
	static const char digits[] = "0123456789ABCDEF";
	char	   *const start = to;

	for (size_t i = 0; i < length; i++)
	{
		uint8_t		byte = (uint8_t) from[i];

		if (byte >= 0x20 && byte <= 0x7E && byte != '%')
			*to++ = from[i];
		else
		{
			*to++ = '%';
			*to++ = digits[byte >> 4];
			*to++ = digits[byte & 0x0F];
		}
	}
	return (size_t) (to - start);
}
