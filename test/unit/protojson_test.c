/*
 * protojson_test.c
 *		Messages in both of their forms, byte by byte, without a server.
 *
 * Speaks TAP.  The bytes were written by hand from the field numbers of Zitadel's
 * definitions.
 */
#include "http/protojson.h"
#include "http/zitadel_rpc.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int	tests = 0;
static int	failures = 0;

static void
ok(bool passed, const char *format,...)
{
	va_list		arguments;
	char		name[400];

	va_start(arguments, format);
	vsnprintf(name, sizeof(name), format, arguments);
	va_end(arguments);
	/* A name is a line. */
	for (char *c = name; *c != '\0'; c++)
		*c = *c == '\n' ? ' ' : *c;
	printf("%sok %d - %s\n", passed ? "" : "not ", ++tests, name);
	failures += !passed;
}

/* Bytes of hexadecimal digits, in memory of their own size. */
static uint8_t *
bytes_of(const char *hex, size_t *length)
{
	uint8_t    *bytes = malloc(strlen(hex) + 1);

	*length = 0;
	for (; *hex != '\0'; hex++)
	{
		unsigned int byte;

		if (*hex == ' ')
			continue;
		sscanf(hex, "%2x", &byte);
		bytes[(*length)++] = (uint8_t) byte;
		hex++;
	}
	return realloc(bytes, *length > 0 ? *length : 1);
}

static char *
copy_of(const char *text)
{
	return strcpy(malloc(strlen(text) + 1), text);
}

static char *
hex_of(const uint8_t *bytes, size_t length)
{
	char	   *hex = malloc(2 * length + 1);

	hex[0] = '\0';
	for (size_t i = 0; i < length; i++)
		sprintf(hex + 2 * i, "%02x", bytes[i]);
	return hex;
}

/* The JSON of a message, or the word for what is wrong with it. */
static char *
json_of(const ProtobufCMessageDescriptor *type, const char *hex)
{
	size_t		length;
	size_t		json_length;
	size_t		again;
	uint8_t    *message = bytes_of(hex, &length);
	UserLockReading reading = userlock_message_to_json(type, message, length, NULL, &json_length);
	char	   *json;

	if (reading != USERLOCK_READ)
	{
		free(message);
		return copy_of(userlock_reading_name(reading));
	}
	json = malloc(json_length + 1);
	if (userlock_message_to_json(type, message, length, json, &again) != reading || again != json_length)
		ok(false, "the second pass is as the first");
	json[json_length] = '\0';
	free(message);
	return json;
}

/* The message of JSON, or the word for what is wrong with it. */
static char *
message_of(const ProtobufCMessageDescriptor *type, const char *json)
{
	size_t		length = strlen(json);
	char	   *exact = malloc(length > 0 ? length : 1);
	uint8_t    *message = malloc(USERLOCK_MESSAGE_ROOM(length));
	size_t		message_length;
	char	   *result;
	UserLockReading reading;

	memcpy(exact, json, length);
	reading = userlock_json_to_message(type, exact, length, message, &message_length);
	result = reading == USERLOCK_READ ? hex_of(message, message_length) :
		copy_of(userlock_reading_name(reading));
	free(exact);
	free(message);
	return result;
}

typedef struct Row
{
	const char *call;
	const char *from;
	const char *to;
} Row;

static void
test_requests(void)
{
	static const Row rows[] = {
		{"v2/get", "", "{}"},
		{"v2/get", "0a03626f62", "{\"userId\":\"bob\"}"},
		{"v2/get", "0a00", "{\"userId\":\"\"}"},
		{"v2/get", "0a0161 0a0162", "{\"userId\":\"b\"}"},
		{"v2/get", "0a04 22 5c 0a 7f", "{\"userId\":\"\\\"\\\\\\u000a\x7f\"}"},
		{"v1/get", "0a03626f62", "{\"id\":\"bob\"}"},
		{"v2/list", "0a08 08808008 1014 1801", "{\"query\":{\"offset\":\"131072\",\"limit\":20,\"asc\":true}}"},
		{"v2/list", "0a0d 08ffffffffffffffffff01 1800",
		"{\"query\":{\"offset\":\"18446744073709551615\",\"asc\":false}}"},
		{"v2/list", "1009", "{\"sortingColumn\":\"USER_FIELD_NAME_CREATION_DATE\"}"},
		{"v2/list", "1063", "{\"sortingColumn\":99}"},
		{"v2/list", "10ffffffffffffffffff01", "{\"sortingColumn\":-1}"},
		{"v2/list", "1a05 0a03 0a0161 1a02 3a00",
		"{\"queries\":[{\"userNameQuery\":{\"userName\":\"a\"}},{\"stateQuery\":{}}]}"},
		{"v2/list", "1a04 3a020804", "{\"queries\":[{\"stateQuery\":{\"state\":\"USER_STATE_LOCKED\"}}]}"},
		{"v2/list", "1a00 0a00 1a00", "{\"query\":{},\"queries\":[{},{}]}"},
		/* The last query of several counts, also if it is of the first kind again. */
		{"v2/list", "1a07 0a030a0161 3a00", "{\"queries\":[{\"stateQuery\":{}}]}"},
		{"v2/list", "1a09 0a030a0161 3a00 0a00", "{\"queries\":[{\"userNameQuery\":{}}]}"},
		/* first_name_query and phone_query, which are not served. */
		{"v2/list", "1a05 12030a0161 1a06 8201030a0161", "{\"queries\":[{},{}]}"},
		{"v2/list", "1a0a 52080a01610a01620a00", "{\"queries\":[{\"inUserIdsQuery\":{\"userIds\":[\"a\",\"b\",\"\"]}}]}"},
		{"v2/list", "1a08 6206 0a00 0a02 3a00", "{\"queries\":[{\"andQuery\":{\"queries\":[{},{\"stateQuery\":{}}]}}]}"},
		/* Every wire type, unknown. */
		{"v2/get", "15 01020304 19 0102030405060708 2205aabbccddee 2801 0a0161 fa01 00", "{\"userId\":\"a\"}"},
		/* Broken off, longer than there is, of another type, a group, no number. */
		{"v2/get", "0a", "malformed"},
		{"v2/get", "0a0261", "malformed"},
		{"v2/get", "0affffffff0f61", "malformed"},
		{"v2/get", "0affffffffffffffffff0161", "malformed"},
		{"v2/get", "0affffffffffffffffff0261", "malformed"},
		{"v2/get", "0801", "malformed"},
		{"v2/get", "0d01020304", "malformed"},
		{"v2/get", "1d010203", "malformed"},
		{"v2/get", "19 01020304050607", "malformed"},
		{"v2/get", "10", "malformed"},
		{"v2/get", "10ffffffffffffffffffff01", "malformed"},
		{"v2/get", "0b 0c", "malformed"},
		{"v2/get", "0f", "malformed"},
		{"v2/get", "0200", "malformed"},
		{"v2/get", "fbffffff7f00", "malformed"},
		{"v2/get", "ffffffffffffffffffff01", "malformed"},
		{"v2/get", "0a03610062", "malformed"},
		{"v2/list", "0a02 0801", "{\"query\":{\"offset\":\"1\"}}"},
		{"v2/list", "0a02 0a01", "malformed"},
		{"v2/list", "1a04 0a02 0a01", "malformed"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
	{
		char	   *json = json_of(userlock_zitadel_request(rows[i].call), rows[i].from);

		ok(strcmp(json, rows[i].to) == 0, "%s %s is %s", rows[i].call, rows[i].from, json);
		free(json);
	}
}

static void
test_json_requests(void)
{
	static const Row rows[] = {
		{"v2/get", "{}", ""},
		{"v2/get", " { \"userId\" : \"bob\" } \n", "0a03626f62"},
		{"v2/get", "{\"user_id\":\"bob\"}", "0a03626f62"},
		{"v2/get", "{\"\\u0075serId\":\"bob\"}", "0a03626f62"},
		{"v2/get", "{\"userid\":\"bob\",\"userId_\":1,\"UserId\":1,\"user_Id\":1,\"user\":1,\"\":1}", ""},
		{"v2/get", "{\"userId\":null}", ""},
		{"v2/get", "{\"userId\":\"\"}", "0a00"},
		{"v2/get", "{\"userId\":\"\\u00fc\\ud83d\\ude00\\u20ac\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "0a11c3bcf09f9880e282ac225c2f080c0a0d09"},
		{"v2/get", "{\"x\":[1,{\"y\":\"]}\\\"\"},null],\"userId\":\"a\",\"z\":{\"a\":-1.5e3}}", "0a0161"},
		{"v1/get", "{\"userId\":\"bob\"}", ""},
		{"v2/list", "{\"query\":{\"offset\":\"131072\",\"limit\":20,\"asc\":true}}", "0a080880800810141801"},
		{"v2/list", "{\"query\":{\"offset\":7,\"limit\":\"20\",\"asc\":false}}", "0a06080710141800"},
		{"v2/list", "{\"query\":{\"offset\":18446744073709551615}}", "0a0b08ffffffffffffffffff01"},
		{"v2/list", "{\"query\":{\"limit\":4294967295}}", "0a0610ffffffff0f"},
		{"v2/list", "{\"sortingColumn\":\"USER_FIELD_NAME_EMAIL\"}", "1006"},
		{"v2/list", "{\"sorting_column\":6}", "1006"},
		{"v2/list", "{\"sorting_column\":-1}", "10ffffffffffffffffff01"},
		{"v2/list", "{\"queries\":[{\"userNameQuery\":{\"userName\":\"a\",\"method\":\"TEXT_QUERY_METHOD_CONTAINS\"}},{}]}",
		"1a070a050a016110041a00"},
		{"v2/list", "{\"queries\":[{\"in_user_ids_query\":{\"user_ids\":[\"a\",\"b\"]}}],\"query\":{}}", "1a0852060a01610a01620a00"},
		{"v2/list", "{\"queries\":[],\"x\":1}", ""},
		{"v2/list", "{\"queries\":null}", ""},
		{"v2/list", "{\"queries\":[{\"firstNameQuery\":{\"firstName\":\"a\"}}]}", "1a00"},
		/* Of the wrong type, out of range, no JSON. */
		{"v2/get", "", "malformed"},
		{"v2/get", "null", "malformed"},
		{"v2/get", "[]", "malformed"},
		{"v2/get", "{", "malformed"},
		{"v2/get", "{}}", "malformed"},
		{"v2/get", "{\"userId\"}", "malformed"},
		{"v2/get", "{\"userId\":}", "malformed"},
		{"v2/get", "{\"userId\":\"a\",}", "malformed"},
		{"v2/get", "{\"userId\":\"a\"\"b\":1}", "malformed"},
		{"v2/get", "{userId:\"a\"}", "malformed"},
		{"v2/get", "{5:\"a\"}", "malformed"},
		{"v2/get", "{\"userId\":5}", "malformed"},
		{"v2/get", "{\"userId\":\"a}", "malformed"},
		{"v2/get", "{\"userId\":\"\\", "malformed"},
		{"v2/get", "{\"userId\":\"\\u00", "malformed"},
		{"v2/get", "{\"userId\":\"\\u00gg\"}", "malformed"},
		{"v2/get", "{\"userId\":\"\\x\"}", "malformed"},
		{"v2/get", "{\"userId\":\"\\u0000\"}", "malformed"},
		{"v2/get", "{\"userId\":\"\\ud83d\"}", "malformed"},
		{"v2/get", "{\"userId\":\"\\ud83d\\u0041\"}", "malformed"},
		{"v2/get", "{\"userId\":\"\\ude00\"}", "malformed"},
		{"v2/get", "{\"userId\":\"\n\"}", "malformed"},
		{"v2/get", "{\"x\":", "malformed"},
		{"v2/get", "{\"x\":]}", "malformed"},
		{"v2/get", "{\"x\":[}", "malformed"},
		{"v2/list", "{\"query\":5}", "malformed"},
		{"v2/list", "{\"query\":[]}", "malformed"},
		{"v2/list", "{\"query\":{\"offset\":-1}}", "malformed"},
		{"v2/list", "{\"query\":{\"offset\":1.5}}", "malformed"},
		{"v2/list", "{\"query\":{\"offset\":\"\"}}", "malformed"},
		{"v2/list", "{\"query\":{\"offset\":\" 1\"}}", "malformed"},
		{"v2/list", "{\"query\":{\"offset\":\"1 \"}}", "malformed"},
		{"v2/list", "{\"query\":{\"offset\":\"1}}", "malformed"},
		{"v2/list", "{\"query\":{\"offset\":18446744073709551616}}", "malformed"},
		{"v2/list", "{\"query\":{\"offset\":99999999999999999999}}", "malformed"},
		{"v2/list", "{\"query\":{\"limit\":4294967296}}", "malformed"},
		{"v2/list", "{\"query\":{\"asc\":1}}", "malformed"},
		{"v2/list", "{\"query\":{\"asc\":\"true\"}}", "malformed"},
		{"v2/list", "{\"sortingColumn\":\"EMAIL\"}", "malformed"},
		{"v2/list", "{\"sortingColumn\":\"\"}", "malformed"},
		{"v2/list", "{\"sortingColumn\":2147483648}", "malformed"},
		{"v2/list", "{\"sortingColumn\":-2147483649}", "malformed"},
		{"v2/list", "{\"queries\":{}}", "malformed"},
		{"v2/list", "{\"queries\":[null]}", "malformed"},
		{"v2/list", "{\"queries\":[{},]}", "malformed"},
		{"v2/list", "{\"queries\":[{}", "malformed"},
		{"v2/list", "{\"queries\":[{\"inUserIdsQuery\":{\"userIds\":[5]}}]}", "malformed"},
	};
	char		long_name[200] = "{\"";

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
	{
		char	   *hex = message_of(userlock_zitadel_request(rows[i].call), rows[i].from);

		ok(strcmp(hex, rows[i].to) == 0, "%s %s is %s", rows[i].call, rows[i].from, hex);
		free(hex);
	}

	memset(long_name + 2, 'x', 150);
	strcpy(long_name + 152, "\":1,\"userId\":\"a\"}");
	{
		char	   *hex = message_of(userlock_zitadel_request("v2/get"), long_name);

		ok(strcmp(hex, "0a0161") == 0, "a name longer than any is skipped");
		free(hex);
	}
}

static void
test_responses(void)
{
	static const Row rows[] = {
		{"v2/unlock", "{\"details\":{\"sequence\":\"2\",\"changeDate\":\"2025-03-31T10:57:48.479Z\",\"resourceOwner\":\"69629023906488334\",\"creationDate\":\"2025-03-31T10:57:48.479Z\"}}",
		"0a310802120c08aceaa9bf0610c0ebb3e4011a113639363239303233393036343838333334220c08aceaa9bf0610c0ebb3e401"},
		{"v1/unlock", "{\"details\":{\"sequence\":\"2\",\"creationDate\":\"2025-03-31T10:57:48.479Z\",\"changeDate\":\"2025-03-31T10:57:48.479Z\",\"resourceOwner\":\"69629023906488334\"}}",
		"0a310802120c08aceaa9bf0610c0ebb3e4011a0c08aceaa9bf0610c0ebb3e40122113639363239303233393036343838333334"},
		/* A human of whom nothing is known: in v2 four fields are there all the same. */
		{"v2/get", "{\"user\":{\"userId\":\"a\",\"state\":\"USER_STATE_LOCKED\",\"human\":{\"profile\":{\"nickName\":\"\",\"displayName\":\"\",\"preferredLanguage\":\"und\",\"gender\":\"GENDER_UNSPECIFIED\"},\"email\":{},\"phone\":{}}}}",
		"1218 0a0161 1004 3211 320b 1a00 2200 2a03756e64 3000 3a00 4200"},
		{"v1/get", "{\"user\":{\"id\":\"a\",\"state\":\"USER_STATE_ACTIVE\",\"human\":{\"profile\":{},\"email\":{},\"phone\":{}}}}",
		"0a0d 0a0161 1801 3a06 0a00 1200 1a00"},
		{"v2/get", "{\"user\":{\"machine\":{\"name\":\"ci\",\"hasSecret\":true,\"accessTokenType\":\"ACCESS_TOKEN_TYPE_JWT\"}}}",
		"120a 3a08 0a026369 1801 2001"},
		{"v2/list", "{\"details\":{\"timestamp\":\"1970-01-01T00:00:00Z\"}}", "0a02 1a00"},
		{"v2/list", "{\"details\":{\"totalResult\":\"1\",\"processedSequence\":\"7\",\"timestamp\":\"1970-01-01T00:00:01Z\"},\"result\":[{\"userId\":\"a\"},{\"userId\":\"b\"}]}",
		"0a08 0801 1007 1a02 0801 1a03 0a0161 1a03 0a0162"},
		{"v1/list", "{\"details\":{\"totalResult\":\"1\",\"viewTimestamp\":\"1970-01-01T00:00:01Z\"},\"result\":[{\"id\":\"a\"}]}",
		"0a06 0801 1a02 0801 1a03 0a0161"},
		{"error_detail", "{\"id\":\"COMMAND-olb9vb0oca\",\"message\":\"User is not locked\"}",
		"0a12 434f4d4d414e442d6f6c62397662306f6361 1212 55736572206973206e6f74206c6f636b6564"},
		{"status", "{\"code\":9,\"message\":\"m\",\"details\":[{\"typeUrl\":\"t\",\"value\":{\"id\":\"i\"}}]}",
		"0809 12016d 1a08 0a0174 1203 0a0169"},
		/* Moments. */
		{"v2/list", "{\"details\":{\"timestamp\":\"1969-12-31T23:59:59.999999Z\"}}", "0a13 1a11 08ffffffffffffffffff01 10988cebdc03"},
		{"v2/list", "{\"details\":{\"timestamp\":\"2024-02-29T12:00:00.000001Z\"}}", "0a0b 1a09 08c0e381af06 10e807"},
		{"v2/list", "{\"details\":{\"timestamp\":\"2000-03-01T00:00:00.120300Z\"}}", "0a0d 1a0b 0880bbf1c503 10e0c3ae39"},
		{"v2/list", "{\"details\":{\"timestamp\":\"0001-01-01T00:00:00Z\"}}", "0a0d 1a0b 088092b8c398feffffff01"},
		{"v2/list", "{\"details\":{\"timestamp\":\"9999-12-31T23:59:59Z\"}}", "0a09 1a07 08ff82d1ffaf07"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
	{
		char	   *hex = message_of(userlock_zitadel_response(rows[i].call), rows[i].from);
		size_t		length;
		uint8_t    *wanted = bytes_of(rows[i].to, &length);
		char	   *wanted_hex = hex_of(wanted, length);

		ok(strcmp(hex, wanted_hex) == 0, "%s %s is %s", rows[i].call, rows[i].from, hex);
		free(hex);
		free(wanted);
		free(wanted_hex);
	}
}

static void
test_moments_that_are_none(void)
{
	static const char *const moments[] = {
		"\"2024-02-29\"",
		"\"2024-02-29T12:00:00\"",
		"\"2024-02-29T12:00:00.Z\"",
		"\"2024-13-29T12:00:00Z\"",
		"\"2024-02-29T12:00:00+01:00\"",
		"1",
	};

	for (size_t i = 0; i < sizeof(moments) / sizeof(*moments); i++)
	{
		char		json[100];
		char	   *hex;

		snprintf(json, sizeof(json), "{\"details\":{\"timestamp\":%s}}", moments[i]);
		hex = message_of(userlock_zitadel_response("v2/list"), json);
		ok(strcmp(hex, "malformed") == 0, "%s is %s", moments[i], hex);
		free(hex);
	}
}

/* Lengths take a byte up to 127, two up to 16383, three beyond. */
static void
test_lengths(void)
{
	static const size_t lengths[] = {0, 1, 127, 128, 129, 16383, 16384, 16385, 2097151, 2097152};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
	{
		char	   *json = malloc(lengths[i] + 64);
		size_t		json_length;
		size_t		again;
		uint8_t    *message;
		char	   *back;
		size_t		length;

		strcpy(json, "{\"queries\":[{\"userNameQuery\":{\"userName\":\"");
		json_length = strlen(json);
		memset(json + json_length, 'x', lengths[i]);
		strcpy(json + json_length + lengths[i], "\"}}]}");
		json_length = strlen(json);
		message = malloc(USERLOCK_MESSAGE_ROOM(json_length));
		back = malloc(json_length);
		ok(userlock_json_to_message(userlock_zitadel_request("v2/list"), json, json_length, message, &length) == USERLOCK_READ &&
		   userlock_message_to_json(userlock_zitadel_request("v2/list"), message, length, NULL, &again) == USERLOCK_READ &&
		   again == json_length &&
		   userlock_message_to_json(userlock_zitadel_request("v2/list"), message, length, back, &again) == USERLOCK_READ &&
		   memcmp(json, back, json_length) == 0,
		   "a text of %zu bytes comes back as it was", lengths[i]);
		free(json);
		free(message);
		free(back);
	}
}

/* A request whose condition is nested so deep. */
static char *
nested(int depth)
{
	char	   *json = malloc(100 + 30 * (size_t) depth);

	strcpy(json, "{\"queries\":[");
	for (int i = 0; i < depth; i++)
		strcat(json, i % 2 ? "{\"notQuery\":{\"query\":" : "{\"orQuery\":{\"queries\":[");
	strcat(json, "{\"stateQuery\":{}}");
	for (int i = depth; i-- > 0;)
		strcat(json, i % 2 ? "}}" : "]}}");
	strcat(json, "]}");
	return json;
}

/* Makes what ends at "end" a field, and says where that begins. */
static size_t
wrap(uint8_t *bytes, size_t end, size_t start, uint8_t tag)
{
	uint8_t		prefix[8] = {tag};
	size_t		length = end - start;
	size_t		used = 1;

	do
		prefix[used++] = (uint8_t) ((length & 0x7F) | (length > 0x7F ? 0x80 : 0));
	while ((length >>= 7) > 0);
	memcpy(bytes + start - used, prefix, used);
	return start - used;
}

static void
test_depth(void)
{
	const ProtobufCMessageDescriptor *type = userlock_zitadel_request("v2/list");
	uint8_t		deep[400000];
	size_t		start = sizeof(deep);
	size_t		json_length;

	for (int depth = 0; depth <= 30; depth++)
	{
		char	   *json = nested(depth);
		char	   *hex = message_of(type, json);
		char	   *back = depth <= 20 ? json_of(type, hex) : copy_of("");

		if (depth <= 20)
			ok(strcmp(back, json) == 0, "conditions nested %d deep are read", depth);
		else
			ok(strcmp(hex, "too_deep") == 0, "those nested %d deep are not", depth);
		free(json);
		free(hex);
		free(back);
	}

	/* From the inside: a query in an OrQuery, that in a query, and so on. */
	for (int count = 0; start > 32 || count % 2 == 1; count++)
		start = wrap(deep, sizeof(deep), start, count % 2 == 0 ? 0x0A : 0x5A);
	start = wrap(deep, sizeof(deep), start, 0x1A);
	ok(userlock_message_to_json(type, deep + start, sizeof(deep) - start, NULL, &json_length) == USERLOCK_TOO_DEEP,
	   "a message nested a hundred thousand times is too deep");
}

static void
test_calls(void)
{
	static const char *const none[] = {"", "v2/", "v3/get", "v2/gets", "status "};

	ok(userlock_zitadel_request("status") == NULL, "a status is no request");
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		ok(userlock_zitadel_request(none[i]) == NULL && userlock_zitadel_response(none[i]) == NULL,
		   "\"%s\" is no call", none[i]);
}

int
main(void)
{
	test_requests();
	test_json_requests();
	test_responses();
	test_moments_that_are_none();
	test_lengths();
	test_depth();
	test_calls();
	printf("1..%d\n", tests);
	return failures != 0;
}
