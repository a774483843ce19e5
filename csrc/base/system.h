/* What the core asks the operating system, besides memory, threads and the time. */
#ifndef OD_BASE_SYSTEM_H
#define OD_BASE_SYSTEM_H

#include <stdbool.h>

#include "base/api.h"

OD_BEGIN_DECLS

/* Returns a number > 0 that differs between a process and its forked children. */
int od_process_id(void);

/* Returns the number of processors that this process may use, by affinity and, on Linux, cgroup CPU
 * quota; at least 1. */
int od_available_processors(void);

/* Asks to use the data of AMX tiles, which the system then saves for threads that do; returns
 * whether it is granted. */
bool od_request_tile_data(void);

/* Returns whether the system reports AArch64's dot products of bytes (FEAT_DotProd). */
bool od_has_dot_products(void);

OD_END_DECLS

#endif
