/*
 * foreign.h
 *		What others wrote, and an index would run.
 */
#ifndef USERLOCK_FOREIGN_H
#define USERLOCK_FOREIGN_H

#include "nodes/execnodes.h"
#include "utils/relcache.h"

/*
 * Has the index anything that is neither the server's nor ours: functions, types,
 * operators?
 */
extern bool userlock_foreign_in_index(Relation index, const IndexInfo *info);

#endif							/* USERLOCK_FOREIGN_H */
