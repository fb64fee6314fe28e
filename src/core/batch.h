/*
 * batch.h
 *		Which call an event was written by.
 */
#ifndef USERLOCK_BATCH_H
#define USERLOCK_BATCH_H

#include "utils/uuid.h"

/*
 * Reads a batch: 32 hexadecimal digits, with or without the hyphens of a uuid.
 * False: it is none.
 */
extern bool userlock_batch_parse(const char *text, pg_uuid_t *batch);

/*
 * What all events of this call belong to, a uuid: the setting userlock.batch, else
 * the HTTP request; 0: neither is there.
 */
extern Datum userlock_batch_current(void);

/* The same, or one of its own. */
extern Datum userlock_batch_current_or_new(void);

#endif							/* USERLOCK_BATCH_H */
