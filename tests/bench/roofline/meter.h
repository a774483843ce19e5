/* Meters on the kernels: a copy of a table in which every kernel is wrapped, so that the
 * core's own code, run with it, tells what each kernel did. Three ways:
 *
 *   counting   calls, multiply-adds, and the cache lines that the operands and results lie
 *              in: those of each call ("moved"), and the different ones of all calls until
 *              they are taken ("touched", what a cache would have to hold);
 *   timing     calls and ticks, less what reading the clock adds;
 *   doubling   one kernel runs twice, so that what it costs shows in its surroundings' time:
 *              for calls that are too short for a clock. Results then mean nothing.
 *
 * A kernel that the meters do not know runs as ever, and its time counts as the layer's
 * own. One thread; the state is the program's, as a kernel has no place for a context. */
#ifndef METER_H
#define METER_H

#include "kernels/kernels.h"

typedef enum meter_kernel {
  METER_GEMM,
  METER_ADD_WEIGHTED,
  METER_MATCH_BYTES,
  METER_WINOGRAD_INPUT,
  METER_WINOGRAD_OUTPUT,
  METER_WINOGRAD_OUTPUT_POOL,
  METER_POOLED_FORWARD,
  METER_POOLED_GRADIENT,
  METER_MAX_POOL,
  METER_MAX_UNPOOL_ROW,
  METER_RELU,
  METER_RELU_BACKWARD,
  METER_ADD,
  METER_ADD_ROWS,
  METER_SCALE_SHIFT,
  METER_BYTES_TO_REAL,
  METER_SQUARED_NORM,
  METER_ADAM,
  METER_SGD,
  METER_BLEND,
  METER_BFLOAT_ROUND,
  METER_BFLOAT_PRODUCT,
  METER_BFLOAT_WINOGRAD_INPUT,
  METER_QUANTIZE,
  METER_BYTE_PRODUCT,
  METER_BYTE_PRODUCT_POOL,
  METER_KERNELS
} meter_kernel;

const char *meter_name(meter_kernel kernel);

typedef struct meter_reading {
  double calls, multiply_adds, ticks;
  double moved;            /* bytes of all calls */
  double touched, fetched; /* different bytes between two takes: at most, and added up */
} meter_reading;

/* The table with meters on, until meter_stop: its tables of narrow numbers are the
 * program's. Doubling begins with no kernel. */
typedef enum meter_way { METER_COUNTING, METER_TIMING, METER_DOUBLING } meter_way;
od_kernels meter_table(const od_kernels *kernels, meter_way way);
void meter_double(meter_kernel kernel);
void meter_stop(void);

/* Adds what has been read since the last time to readings (METER_KERNELS) and to `all`,
 * whose `touched` are the lines that any kernel touched; starts anew. */
void meter_take(meter_reading *readings, meter_reading *all);

#endif
