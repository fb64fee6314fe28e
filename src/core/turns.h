/*
 * turns.h
 *		What is done by one at a time.
 */
#ifndef USERLOCK_TURNS_H
#define USERLOCK_TURNS_H

#include "fmgr.h"

/*
 * Waits for whoever does the same about the same, until their transaction has ended,
 * and has them wait until ours has.  shared: not for others who share.  what: one of
 * our own tables; about: any bytes.
 */
extern void userlock_turns_take(Oid what, const char *about, int length, bool shared);

#endif							/* USERLOCK_TURNS_H */
