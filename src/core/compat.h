/*
 * compat.h
 *		What differs between the supported server versions, 15 to 18.
 *
 * The only file that looks at PG_VERSION_NUM.
 */
#ifndef USERLOCK_COMPAT_H
#define USERLOCK_COMPAT_H

#include "access/amapi.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "common/jsonapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "storage/proc.h"
#include "utils/acl.h"

/* 16 has what makes texts and arrays in a header of its own. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#if PG_VERSION_NUM < 150000
#error "userlock needs PostgreSQL 15 or newer"
#endif

/* 16 declares it itself. */
extern PGDLLEXPORT void _PG_init(void);

/* 16 brought input functions that can fail without throwing. */
#if PG_VERSION_NUM < 160000
#define ereturn(context, dummy_value, ...) \
	do { \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
		return dummy_value; \
	} while (0)
#endif

/* 16 folded the pg_*_aclcheck() family into one. */
static inline bool
userlock_compat_may_execute(Oid function, Oid role)
{
#if PG_VERSION_NUM < 160000
	return pg_proc_aclcheck(function, role, ACL_EXECUTE) == ACLCHECK_OK;
#else
	return object_aclcheck(ProcedureRelationId, function, role,
						   ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

static inline bool
userlock_compat_owns_table(Oid table, Oid role)
{
#if PG_VERSION_NUM < 160000
	return pg_class_ownercheck(table, role);
#else
	return object_ownercheck(RelationRelationId, table, role);
#endif
}

/* 16 has memberships that do not let one take on the role. */
#if PG_VERSION_NUM < 160000
#define userlock_compat_may_become(member, role) \
	is_member_of_role(member, role)
#else
#define userlock_compat_may_become(member, role) \
	member_can_set_role(member, role)
#endif

/* 16 lets the actions of the JSON parser return an error. */
#if PG_VERSION_NUM < 160000
typedef void UserLockJsonAction;
#define USERLOCK_JSON_ACTION_DONE	return
#else
typedef JsonParseErrorType UserLockJsonAction;
#define USERLOCK_JSON_ACTION_DONE	return JSON_SUCCESS
#endif

/* 18 marks a function that does not return before its declaration. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/*
 * Before 16 the lexer throws where the database's encoding cannot have what
 * \\uXXXX stands for; only UTF-8 has everything.
 */
static inline bool
userlock_compat_json_may_throw(const char *json)
{
#if PG_VERSION_NUM < 160000
	if (GetDatabaseEncoding() == PG_UTF8)
		return false;
	for (const char *escape = strstr(json, "\\u"); escape != NULL;
		 escape = strstr(escape + 2, "\\u"))
	{
		if (strncmp(escape, "\\u00", 4) != 0 || escape[4] < '0' || escape[4] > '7')
			return true;
	}
#endif
	return false;
}

/*
 * 17 lets the caller own the lexer: it is in *place then, unless that is NULL.
 * unescape: strings are had as what they stand for, each copied; else as they stand,
 * and what stands for no character is let pass.
 */
static inline JsonLexContext *
userlock_compat_json_lexer(JsonLexContext *place, const char *json,
						   size_t length, bool unescape)
{
#if PG_VERSION_NUM < 170000
	return makeJsonLexContextCstringLen(unconstify(char *, json), length,
										GetDatabaseEncoding(), unescape);
#else
	return makeJsonLexContextCstringLen(place, json, length,
										GetDatabaseEncoding(), unescape);
#endif
}

/* 18 asks what to do of one that is checked late; ours is not. */
#if PG_VERSION_NUM < 180000
#define userlock_compat_primary_key(table) RelationGetPrimaryKeyIndex(table)
#else
#define userlock_compat_primary_key(table) \
	RelationGetPrimaryKeyIndex(table, false)
#endif

/* 18 counts what index scans do. */
#if PG_VERSION_NUM < 180000
#define userlock_compat_index_beginscan(table, index, snapshot, keys) \
	index_beginscan(table, index, snapshot, keys, 0)
#else
#define userlock_compat_index_beginscan(table, index, snapshot, keys) \
	index_beginscan(table, index, snapshot, NULL, keys, 0)
#endif

/* 16 tells indexes that summarize from others, which may need no entry of an update. */
#if PG_VERSION_NUM < 160000
typedef bool UserLockIndexEntries;
#define USERLOCK_COMPAT_NO_ENTRIES	false
#define USERLOCK_COMPAT_ALL_ENTRIES	true
#define userlock_compat_takes_entry(index, entries)	((void) (entries), true)
#else
typedef TU_UpdateIndexes UserLockIndexEntries;
#define USERLOCK_COMPAT_NO_ENTRIES	TU_None
#define USERLOCK_COMPAT_ALL_ENTRIES	TU_All
#define userlock_compat_takes_entry(index, entries) \
	((entries) == TU_All || (index)->rd_indam->amsummarizing)
#endif

/* 17 has access methods keep more for the statement. */
#if PG_VERSION_NUM < 170000
#define userlock_compat_insert_cleanup(index, info)	((void) 0)
#else
#define userlock_compat_insert_cleanup(index, info) \
	index_insert_cleanup(index, info)
#endif

/* 15 declares the arguments of a walker of expressions as (), which is (void) in C23. */
#if PG_VERSION_NUM < 160000
#define userlock_compat_walker(walker)	((bool (*) ()) (void (*) (void)) (walker))
#else
#define userlock_compat_walker(walker)	(walker)
#endif

/* 17 keeps it with the process's other numbers. */
#if PG_VERSION_NUM < 170000
#define userlock_compat_local_transaction()	(MyProc->lxid)
#else
#define userlock_compat_local_transaction()	(MyProc->vxid.lxid)
#endif

/* 18 reports a module's name and version in pg_get_loaded_modules(). */
#if PG_VERSION_NUM < 180000
#define USERLOCK_MODULE_MAGIC(name)	PG_MODULE_MAGIC
#else
#define USERLOCK_MODULE_MAGIC(module) \
	PG_MODULE_MAGIC_EXT(.name = module, .version = USERLOCK_VERSION)
#endif

#endif							/* USERLOCK_COMPAT_H */
