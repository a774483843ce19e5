/* The peaks of this machine, on one thread: multiply-adds in registers for each instruction
 * set, and bytes from each level of the memory. */
#ifndef PROBE_H
#define PROBE_H

#include "kernels/kernels.h"

/* Prints the peaks for this table, words between tabs:
 *   cache      LEVEL BYTES
 *   peak       NUMBERS OPERATIONS            a second; a multiply-add is two. "int8, emulated"
 *                                            is that of the instructions which replace it
 *   bandwidth  LEVEL read|copy BYTES         a second; a byte that is copied counts twice
 * Each probe takes about `seconds`. */
void probe_print(const od_kernels *kernels, double seconds);

#endif
