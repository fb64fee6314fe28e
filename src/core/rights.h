/*
 * rights.h
 *		The rights of the extension's owner, taken on and given back.
 */
#ifndef USERLOCK_RIGHTS_H
#define USERLOCK_RIGHTS_H

/* What an error gives back by itself. */
typedef struct UserLockRights
{
	Oid			caller;
	int			caller_context;
	int			nest_level;		/* of the settings */
} UserLockRights;

/*
 * Takes on the rights of a role, and a search_path of nobody else's, as SECURITY
 * DEFINER and SET would.
 */
extern void userlock_rights_take(UserLockRights *rights, Oid role);
extern void userlock_rights_give_back(const UserLockRights *rights);

/* Sets a setting until the nest level of settings ends. */
extern void userlock_set_locally(const char *name, const char *value);

#endif							/* USERLOCK_RIGHTS_H */
