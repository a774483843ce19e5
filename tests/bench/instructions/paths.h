/* The paths of the core whose instructions ../instructions.py counts, and what they share.
 *
 * A path prepares its input, gives the work to `measure`, and checks that the work was done. Only
 * what runs inside `measure` is counted (callgrind's --toggle-collect=measure). Inputs are
 * the same in every run, and one thread does all work. */
#ifndef PATHS_H
#define PATHS_H

#include <stdbool.h>

#include "base/status.h"
#include "kernels/kernels.h"

typedef struct path {
  const char *name; /* as in instructions.json */
  void (*run)(const od_kernels *kernels);
} path;

/* Each ends with a path without a name. */
extern const path network_paths[], image_paths[], page_paths[];

void measure(void (*work)(void *context), void *context);

/* Exit with a message: of `error` if status is not OD_OK; and of `what` if it is false. */
void require(od_status status, const od_error *error);
void expect(bool condition, const char *what);

#endif
