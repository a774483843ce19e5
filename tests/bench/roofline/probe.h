/* What this machine can do at most, on one thread: multiply-adds in registers for each
 * instruction set, and bytes from each level of the memory. */
#ifndef PROBE_H
#define PROBE_H

#include <stddef.h>

/* Prints what the machine has for the table named `isa`, words between tabs:
 *   cache      LEVEL BYTES
 *   peak       NUMBERS OPERATIONS            a second; a multiply-add is two
 *   bandwidth  LEVEL read|copy BYTES         a second; a byte that is copied counts twice
 * Each probe takes about `seconds`. */
void probe_print(const char *isa, double seconds);

#endif
