/*
 * scim_path_test.c
 *		What SCIM's clients send as paths and filters, and what nobody should.
 *
 * Speaks TAP.
 */
#include "http/scim_path.h"

#include <stdarg.h>
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
		*c = (*c >= 0 && *c < ' ') || *c == '#' ? ' ' : *c;
	printf("%sok %d - %s\n", passed ? "" : "not ", ++tests, name);
	failures += !passed;
}

typedef bool (*Reader) (const char *from, size_t length, char *json, size_t *json_length);

/* The JSON, or NULL; both texts in memory of their own size. */
static char *
json_of(Reader to_json, const char *from, size_t length)
{
	char	   *exact = malloc(length > 0 ? length : 1);
	char	   *room = malloc(USERLOCK_SCIM_ROOM(length));
	char	   *json = NULL;
	size_t		json_length;

	memcpy(exact, from, length);
	if (to_json(exact, length, room, &json_length))
	{
		json = malloc(json_length + 1);
		memcpy(json, room, json_length);
		json[json_length] = '\0';
	}
	free(exact);
	free(room);
	return json;
}

/* A refusal is NULL. */
typedef struct Row
{
	const char *from;
	const char *to;
} Row;

#define CORE		"urn:ietf:params:scim:schemas:core:2.0:User"
#define ENTERPRISE	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

static void
check_rows(Reader to_json, const Row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
	{
		char	   *json = json_of(to_json, rows[i].from, strlen(rows[i].from));
		bool		is_wanted = json == NULL || rows[i].to == NULL ? json == rows[i].to : strcmp(json, rows[i].to) == 0;

		ok(is_wanted, "<%s> is %s", rows[i].from, json == NULL ? "refused" : json);
		free(json);
	}
}

static void
test_paths(void)
{
	static const Row rows[] = {
		{"active", "{\"attribute\":\"active\"}"},
		{"Active", "{\"attribute\":\"Active\"}"},
		{"userName", "{\"attribute\":\"userName\"}"},
		{"externalId", "{\"attribute\":\"externalId\"}"},
		{"a", "{\"attribute\":\"a\"}"},
		{"x509-Certificates_2", "{\"attribute\":\"x509-Certificates_2\"}"},
		{"$ref", "{\"attribute\":\"$ref\"}"},
		{"name.givenName", "{\"attribute\":\"name\",\"sub\":\"givenName\"}"},
		{"manager.$ref", "{\"attribute\":\"manager\",\"sub\":\"$ref\"}"},
		{"  active\t\r\n", "{\"attribute\":\"active\"}"},
		{"emails[type eq \"work\"]", "{\"attribute\":\"emails\",\"where\":[{\"attribute\":\"type\",\"value\":\"work\"}]}"},
		{"emails[type eq \"work\"].value",
		"{\"attribute\":\"emails\",\"where\":[{\"attribute\":\"type\",\"value\":\"work\"}],\"sub\":\"value\"}"},
		{"emails[ TYPE  EQ\t\"work\" ].Value",
		"{\"attribute\":\"emails\",\"where\":[{\"attribute\":\"TYPE\",\"value\":\"work\"}],\"sub\":\"Value\"}"},
		{"emails[type eq work].value",
		"{\"attribute\":\"emails\",\"where\":[{\"attribute\":\"type\",\"value\":\"work\"}],\"sub\":\"value\"}"},
		{"addresses[type eq \"work\" and primary eq true]",
		"{\"attribute\":\"addresses\",\"where\":[{\"attribute\":\"type\",\"value\":\"work\"},{\"attribute\":\"primary\",\"value\":true}]}"},
		{"roles[primary eq False  AND  type eq \"x\"]",
		"{\"attribute\":\"roles\",\"where\":[{\"attribute\":\"primary\",\"value\":false},{\"attribute\":\"type\",\"value\":\"x\"}]}"},
		{"members[$ref eq \"https://example.com/Users/1\"]",
		"{\"attribute\":\"members\",\"where\":[{\"attribute\":\"$ref\",\"value\":\"https://example.com/Users/1\"}]}"},
		/* What would end it elsewhere stands in quotes. */
		{"emails[value eq \"] and [.:\\\"\\\\\"].display",
		"{\"attribute\":\"emails\",\"where\":[{\"attribute\":\"value\",\"value\":\"] and [.:\\\"\\\\\"}],\"sub\":\"display\"}"},
		{"a[b eq c\\d]", "{\"attribute\":\"a\",\"where\":[{\"attribute\":\"b\",\"value\":\"c\\\\d\"}]}"},
		/* URNs. */
		{CORE ":active", "{\"schema\":\"" CORE "\",\"attribute\":\"active\"}"},
		{CORE ":name.givenName", "{\"schema\":\"" CORE "\",\"attribute\":\"name\",\"sub\":\"givenName\"}"},
		{ENTERPRISE ":manager", "{\"schema\":\"" ENTERPRISE "\",\"attribute\":\"manager\"}"},
		{ENTERPRISE ":manager.value", "{\"schema\":\"" ENTERPRISE "\",\"attribute\":\"manager\",\"sub\":\"value\"}"},
		{"URN:IETF:params:scim:schemas:core:2.0:User:active",
		"{\"schema\":\"URN:IETF:params:scim:schemas:core:2.0:User\",\"attribute\":\"active\"}"},
		{CORE ":emails[value eq \"a:b:1.0:c\"].type",
		"{\"schema\":\"" CORE "\",\"attribute\":\"emails\",\"where\":[{\"attribute\":\"value\",\"value\":\"a:b:1.0:c\"}],\"sub\":\"type\"}"},
		{ENTERPRISE, "{\"schema\":\"" ENTERPRISE "\"}"},
		{" " CORE " ", "{\"schema\":\"" CORE "\"}"},
		{"urn:example:10.2.1:Device", "{\"schema\":\"urn:example:10.2.1:Device\"}"},
		{"urn:example:10.2.1:Device:serial", "{\"schema\":\"urn:example:10.2.1:Device\",\"attribute\":\"serial\"}"},
		{"urn:userlock:zitadel:machine", "{\"schema\":\"urn:userlock:zitadel\",\"attribute\":\"machine\"}"},
		{"urn:example:2:User", "{\"schema\":\"urn:example:2\",\"attribute\":\"User\"}"},
		{"urn:example:v2.0:User", "{\"schema\":\"urn:example:v2.0\",\"attribute\":\"User\"}"},
		{"urn", "{\"attribute\":\"urn\"}"},
		{"urns.value", "{\"attribute\":\"urns\",\"sub\":\"value\"}"},
		/* Names. */
		{"", NULL},
		{" \t", NULL},
		{".", NULL},
		{"1", NULL},
		{"1st", NULL},
		{"_a", NULL},
		{"-a", NULL},
		{"$", NULL},
		{"$$ref", NULL},
		{"$1", NULL},
		{"na$me", NULL},
		{"name.", NULL},
		{".givenName", NULL},
		{"name..givenName", NULL},
		{"name.givenName.first", NULL},
		{"name .givenName", NULL},
		{"name. givenName", NULL},
		{"user name", NULL},
		{"a/b", NULL},
		{"a,b", NULL},
		{"\"active\"", NULL},
		{"m\xc3\xbcller", NULL},
		{"active eq true", NULL},
		/* Brackets. */
		{"emails[]", NULL},
		{"emails[ ]", NULL},
		{"emails[", NULL},
		{"emails]", NULL},
		{"[type eq \"work\"]", NULL},
		{"emails [type eq \"work\"]", NULL},
		{"emails[type eq \"work\"", NULL},
		{"emails[type eq \"work\"]]", NULL},
		{"emails[type eq \"work\"].", NULL},
		{"emails[type eq \"work\"]value", NULL},
		{"emails[type eq \"work\"] .value", NULL},
		{"emails[type eq \"work\"].value.x", NULL},
		{"emails[type eq \"work\"][type eq \"home\"]", NULL},
		{"emails[type eq \"work\"].value[type eq \"home\"]", NULL},
		{"emails.value[type eq \"work\"]", NULL},
		{"emails[type[a eq b] eq \"work\"]", NULL},
		{"emails[[type eq \"work\"]]", NULL},
		{"emails[0].value", NULL},
		{"emails[type]", NULL},
		{"emails[type eq]", NULL},
		{"emails[type eq ]", NULL},
		{"emails[eq \"work\"]", NULL},
		{"emails[type.x eq \"work\"]", NULL},
		{"emails[" CORE ":type eq \"work\"]", NULL},
		{"emails[type eq\"work\"]", NULL},
		{"emails[type eq \"work\"and primary eq true]", NULL},
		{"emails[type eq \"work\" andprimary eq true]", NULL},
		{"emails[type eq \"work\" and]", NULL},
		{"emails[type eq \"work\" and ]", NULL},
		{"emails[and type eq \"work\"]", NULL},
		{"emails[type eq \"work\" primary eq true]", NULL},
		{"emails[type eq \"work\" or type eq \"home\"]", NULL},
		{"emails[type eq \"work\" and not (primary eq true)]", NULL},
		{"emails[(type eq \"work\")]", NULL},
		{"emails[type ne \"work\"]", NULL},
		{"emails[type co \"work\"]", NULL},
		{"emails[type pr]", NULL},
		{"emails[type eq 'work']", NULL},
		{"emails[type eq null]", NULL},
		{"emails[type eq \"work]", NULL},
		{"emails[type eq work\"]", NULL},
		/* URNs that are none, or are followed by nothing. */
		{"urn:", NULL},
		{"urn:x", NULL},
		{"urn::x", NULL},
		{"urn:x::y", NULL},
		{"urn:x:", NULL},
		{"urn:x:2.0:", NULL},
		{"urn:x:y:1", NULL},
		{"urn:x:2.0:User.name", NULL},
		{"urn:x:2.0:User[type eq \"work\"]", NULL},
		{"urn:x y:z:a", NULL},
		{"urn:x\"y:z:a", NULL},
		{"urn:x\\y:z:a", NULL},
		{"urn:m\xc3\xbcller:z:a", NULL},
		{"urn:x:y:a.", NULL},
		{"schema:attribute", NULL},
		{"http://example.com/active", NULL},
	};

	check_rows(userlock_scim_path_to_json, rows, sizeof(rows) / sizeof(*rows));
}

static void
test_filters(void)
{
	static const Row rows[] = {
		{"userName eq \"x\"", "[{\"attribute\":\"userName\",\"value\":\"x\"}]"},
		{"USERNAME EQ \"x\"", "[{\"attribute\":\"USERNAME\",\"value\":\"x\"}]"},
		{"userName Eq \"dale.mohr@x\"", "[{\"attribute\":\"userName\",\"value\":\"dale.mohr@x\"}]"},
		{"externalId eq jyoung", "[{\"attribute\":\"externalId\",\"value\":\"jyoung\"}]"},
		{"id eq \"2819c223-7f76-453a-919d-413861904646\"", "[{\"attribute\":\"id\",\"value\":\"2819c223-7f76-453a-919d-413861904646\"}]"},
		{"active eq true", "[{\"attribute\":\"active\",\"value\":true}]"},
		{"active eq False", "[{\"attribute\":\"active\",\"value\":false}]"},
		{"active eq \"true\"", "[{\"attribute\":\"active\",\"value\":\"true\"}]"},
		{"emails.value eq \"a@b\"", "[{\"attribute\":\"emails\",\"sub\":\"value\",\"value\":\"a@b\"}]"},
		{"emails[type eq \"work\"].value eq \"a@b\"",
		"[{\"attribute\":\"emails\",\"where\":[{\"attribute\":\"type\",\"value\":\"work\"}],\"sub\":\"value\",\"value\":\"a@b\"}]"},
		{"emails[type eq \"work\"].value eq \"a@b\" and active eq true",
		"[{\"attribute\":\"emails\",\"where\":[{\"attribute\":\"type\",\"value\":\"work\"}],\"sub\":\"value\",\"value\":\"a@b\"},"
		"{\"attribute\":\"active\",\"value\":true}]"},
		{"emails[type eq \"work\" and value eq \"a@b\"]",
		"[{\"attribute\":\"emails\",\"where\":[{\"attribute\":\"type\",\"value\":\"work\"},{\"attribute\":\"value\",\"value\":\"a@b\"}]}]"},
		{"emails[type eq \"work\"] and active eq true",
		"[{\"attribute\":\"emails\",\"where\":[{\"attribute\":\"type\",\"value\":\"work\"}]},{\"attribute\":\"active\",\"value\":true}]"},
		{"active eq true and emails[type eq \"work\"] ",
		"[{\"attribute\":\"active\",\"value\":true},{\"attribute\":\"emails\",\"where\":[{\"attribute\":\"type\",\"value\":\"work\"}]}]"},
		{"emails[type eq \"work\"] eq \"a@b\"",
		"[{\"attribute\":\"emails\",\"where\":[{\"attribute\":\"type\",\"value\":\"work\"}],\"value\":\"a@b\"}]"},
		{CORE ":userName eq \"x\"", "[{\"schema\":\"" CORE "\",\"attribute\":\"userName\",\"value\":\"x\"}]"},
		{CORE ":emails[type eq \"work\"].value eq \"x\"",
		"[{\"schema\":\"" CORE "\",\"attribute\":\"emails\",\"where\":[{\"attribute\":\"type\",\"value\":\"work\"}],\"sub\":\"value\",\"value\":\"x\"}]"},
		{ENTERPRISE ":employeeNumber eq \"7\" AND userName eq \"x\"",
		"[{\"schema\":\"" ENTERPRISE "\",\"attribute\":\"employeeNumber\",\"value\":\"7\"},{\"attribute\":\"userName\",\"value\":\"x\"}]"},
		{"\t userName   eq\n\n\"x\"   And   active  eq  TRUE  ",
		"[{\"attribute\":\"userName\",\"value\":\"x\"},{\"attribute\":\"active\",\"value\":true}]"},
		/* Words of the language are names and values too. */
		{"eq eq eq and and eq and", "[{\"attribute\":\"eq\",\"value\":\"eq\"},{\"attribute\":\"and\",\"value\":\"and\"}]"},
		/* Values. */
		{"a eq \"\"", "[{\"attribute\":\"a\",\"value\":\"\"}]"},
		{"a eq \"b and c eq \\\"d\\\"\"", "[{\"attribute\":\"a\",\"value\":\"b and c eq \\\"d\\\"\"}]"},
		{"a eq \"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\ude00\"", "[{\"attribute\":\"a\",\"value\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\ude00\"}]"},
		{"a eq \"m\xc3\xbcller \xf0\x9f\x98\x80 (not) [b] 'c'\"", "[{\"attribute\":\"a\",\"value\":\"m\xc3\xbcller \xf0\x9f\x98\x80 (not) [b] 'c'\"}]"},
		{"a eq m\xc3\xbcller", "[{\"attribute\":\"a\",\"value\":\"m\xc3\xbcller\"}]"},
		{"a eq \\", "[{\"attribute\":\"a\",\"value\":\"\\\\\"}]"},
		{"a eq 5", "[{\"attribute\":\"a\",\"value\":\"5\"}]"},
		{"a eq -1.5e3", "[{\"attribute\":\"a\",\"value\":\"-1.5e3\"}]"},
		{"a eq truer", "[{\"attribute\":\"a\",\"value\":\"truer\"}]"},
		{"a eq tru", "[{\"attribute\":\"a\",\"value\":\"tru\"}]"},
		{"a eq nul", "[{\"attribute\":\"a\",\"value\":\"nul\"}]"},
		{"a eq \"null\"", "[{\"attribute\":\"a\",\"value\":\"null\"}]"},
		{"a eq null", NULL},
		{"a eq NULL", NULL},
		{"a eq \"\\u0000\"", NULL},
		{"a eq \"\\ud83d\"", NULL},
		{"a eq \"\\ud83dx\"", NULL},
		{"a eq \"\\ud83d\\u0041\"", NULL},
		{"a eq \"\\ud83d\\ud83d\"", NULL},
		{"a eq \"\\ude00\"", NULL},
		{"a eq \"\\u12\"", NULL},
		{"a eq \"\\u12g4\"", NULL},
		{"a eq \"\\x\"", NULL},
		{"a eq \"\\\"", NULL},
		{"a eq \"\\", NULL},
		{"a eq \"", NULL},
		{"a eq \"b", NULL},
		{"a eq \"b\tc\"", NULL},
		{"a eq \"b\nc\"", NULL},
		{"a eq \"b\"c", NULL},
		{"a eq \"b\" \"c\"", NULL},
		{"a eq b\"c\"", NULL},
		{"a eq b\x01", NULL},
		{"a eq 'b'", NULL},
		{"a eq o'brien", NULL},
		{"a eq b c", NULL},
		{"a eq [b]", NULL},
		{"a eq b]", NULL},
		{"a eq (b)", NULL},
		{"a eq b)", NULL},
		/* What is not served. */
		{"userName ne \"x\"", NULL},
		{"userName co \"x\"", NULL},
		{"userName sw \"x\"", NULL},
		{"userName ew \"x\"", NULL},
		{"meta.lastModified gt \"2011-05-13T04:42:34Z\"", NULL},
		{"meta.lastModified ge \"2011-05-13T04:42:34Z\"", NULL},
		{"meta.lastModified lt \"2011-05-13T04:42:34Z\"", NULL},
		{"meta.lastModified le \"2011-05-13T04:42:34Z\"", NULL},
		{"title pr", NULL},
		{"title pr and userName eq \"x\"", NULL},
		{"userName eq \"x\" and title pr", NULL},
		{"userName eq \"x\" or userName eq \"y\"", NULL},
		{"not (userName eq \"x\")", NULL},
		{"not userName eq \"x\"", NULL},
		{"(userName eq \"x\")", NULL},
		{"userName eq \"x\" and (active eq true)", NULL},
		{"userName == \"x\"", NULL},
		{"userName=\"x\"", NULL},
		{"userName equals \"x\"", NULL},
		{"userName e\" \"x\"", NULL},
		/* What is broken. */
		{"", NULL},
		{" ", NULL},
		{"and", NULL},
		{"eq", NULL},
		{"userName", NULL},
		{"userName ", NULL},
		{"userName eq", NULL},
		{"userName eq ", NULL},
		{"eq \"x\"", NULL},
		{"\"userName\" eq \"x\"", NULL},
		{"\"x\" eq userName", NULL},
		{"userName eq\"x\"", NULL},
		{"userNameeq \"x\"", NULL},
		{"userName eq \"x\" and", NULL},
		{"userName eq \"x\" and ", NULL},
		{"and userName eq \"x\"", NULL},
		{"userName eq \"x\" and and active eq true", NULL},
		{"userName eq \"x\"and active eq true", NULL},
		{"userName eq \"x\" andactive eq true", NULL},
		{"userName eq \"x\" active eq true", NULL},
		{"userName eq \"x\", active eq true", NULL},
		{"userName+eq+\"x\"", NULL},
		{CORE " eq \"x\"", NULL},
		{"urn: eq \"x\"", NULL},
		{"emails[type eq \"work\"].value", NULL},
		{"emails[type eq \"work\"]and active eq true", NULL},
		{"emails[type eq \"work\"] active eq true", NULL},
		{"emails[type eq \"work\"] eq", NULL},
		{"emails[type eq \"work\"] pr", NULL},
		{"emails[] and active eq true", NULL},
		{"emails[type eq \"work\"", NULL},
		{"'; DROP TABLE users; --", NULL},
	};

	check_rows(userlock_scim_filter_to_json, rows, sizeof(rows) / sizeof(*rows));
}

static bool
is_refused(Reader to_json, const char *from, size_t length)
{
	char	   *json = json_of(to_json, from, length);

	free(json);
	return json == NULL;
}

/* A NUL ends no text that says how long it is. */
static void
test_nul(void)
{
	static const char *const filters[] = {"a eq b\0", "a\0 eq b", "a eq \"b\0\"", "\0a eq b", "a eq\0 b"};
	static const size_t lengths[] = {7, 7, 9, 7, 7};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		ok(is_refused(userlock_scim_filter_to_json, filters[i], lengths[i]), "a NUL makes filter %zu none", i + 1);
	ok(is_refused(userlock_scim_path_to_json, "active\0", 7), "a NUL makes a path none");
	ok(is_refused(userlock_scim_path_to_json, "urn:a\0b:c:d", 11), "nor is it part of a URN");
}

/* So many times, with "and" between. */
static char *
repeated(const char *before, const char *part, int count, const char *after)
{
	char	   *text = malloc(strlen(before) + (size_t) count * (strlen(part) + 5) + strlen(after) + 1);

	strcpy(text, before);
	for (int i = 0; i < count; i++)
	{
		strcat(text, i > 0 ? " and " : "");
		strcat(text, part);
	}
	return strcat(text, after);
}

static void
test_how_many(void)
{
	char	   *conditions[2] = {repeated("a[", "b eq c", 8, "]"), repeated("a[", "b eq c", 9, "]")};
	char	   *comparisons[2] = {repeated("", "a eq b", 20, ""), repeated("", "a eq b", 21, "")};
	char	   *most = repeated("", conditions[0], 20, "");
	char	   *json = json_of(userlock_scim_filter_to_json, most, strlen(most));

	for (int i = 0; i < 2; i++)
	{
		ok(is_refused(userlock_scim_path_to_json, conditions[i], strlen(conditions[i])) == (i == 1),
		   "%d conditions in brackets are %s", 8 + i, i == 1 ? "too many" : "read");
		ok(is_refused(userlock_scim_filter_to_json, conditions[i], strlen(conditions[i])) == (i == 1),
		   "in a filter %d are as well", 8 + i);
		ok(is_refused(userlock_scim_filter_to_json, comparisons[i], strlen(comparisons[i])) == (i == 1),
		   "%d comparisons are %s", 20 + i, i == 1 ? "too many" : "read");
		free(conditions[i]);
		free(comparisons[i]);
	}
	ok(json != NULL && strlen(json) == 20 * (sizeof("{\"attribute\":\"a\",\"where\":[]}") - 1) + 20 + 1 +
	   20 * (8 * (sizeof("{\"attribute\":\"b\",\"value\":\"c\"}") - 1) + 7),
	   "20 comparisons of 8 conditions each are read");
	free(most);
	free(json);
}

/* The most that a body can hold: what it comes to, and that it comes at all. */
static void
test_long(void)
{
	static const struct
	{
		const char *before;
		char		filling;
		const char *after;
		bool		is_path;
		bool		is_filter;
	}			rows[] = {
		{"a eq \"", 'x', "\"", false, true},
		{"a eq ", 'x', "", false, true},
		{"a eq ", '\\', "", false, true},
		{"a[b eq ", '\\', "]", true, true},
		{"a eq \"", '\\', "\"", false, true},
		{"", 'a', "", true, false},
		{"", 'a', " eq b", false, true},
		{"a.", 'b', "", true, false},
		{"", ' ', "a", true, false},
		{"a", ' ', "", true, false},
		{"a", ' ', "eq b", false, true},
		{"a eq b", ' ', "and c eq d", false, true},
		{"a[", ' ', "b eq c]", true, true},
		{"a[b eq c", ' ', "]", true, true},
		{"urn:x:", 'a', ":b", true, false},
		{"urn:x", ':', "a", false, false},
		{"urn:x:", '2', ".0:User", true, false},
		{"a", '[', "", false, false},
		{"a", '.', "", false, false},
		{"a eq ", '"', "", false, false},
		{"", '(', "", false, false},
		{"a eq ", '\0', "", false, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
	{
		size_t		before = strlen(rows[i].before);
		size_t		after = strlen(rows[i].after);
		size_t		length = USERLOCK_SCIM_MAX_TEXT;
		char	   *text = malloc(length);
		bool		is_path;
		bool		is_filter;

		/* An even number, so that backslashes in quotes are pairs. */
		length -= (before + after) % 2;
		memset(text, rows[i].filling, length);
		memcpy(text, rows[i].before, before);
		memcpy(text + length - after, rows[i].after, after);
		is_path = !is_refused(userlock_scim_path_to_json, text, length);
		is_filter = !is_refused(userlock_scim_filter_to_json, text, length);
		ok(is_path == rows[i].is_path && is_filter == rows[i].is_filter,
		   "1 MiB of <%c> between <%s> and <%s> is %s path and %s filter", rows[i].filling ? rows[i].filling : '0',
		   rows[i].before, rows[i].after, is_path ? "a" : "no", is_filter ? "a" : "no");
		free(text);
	}
}

int
main(void)
{
	test_paths();
	test_filters();
	test_nul();
	test_how_many();
	test_long();
	printf("1..%d\n", tests);
	return failures != 0;
}
