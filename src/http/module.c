/*
 * module.c
 *		The module of userlock_http: its magic block, nothing else.
 */
#include "postgres.h"

#include "fmgr.h"

#include "core/compat.h"

USERLOCK_MODULE_MAGIC("userlock_http");
