/* Meters on the kernels: a copy of a table in which every kernel is wrapped, so that a run of the
 * core with it measures each kernel. Three modes:
 *
 *   counting   calls, multiply-adds, and the cache lines of the operands and results: those of
 *              each call ("moved"), and the different ones of all calls until they are taken
 *              ("touched", the working set);
 *   timing     calls and ticks, less the overhead of reading the clock;
 *   doubling   one kernel runs twice, so that its cost is the difference of the total time: for
 *              calls too short for the clock. The results of the core are then wrong.
 *
 * A kernel without a meter is unchanged, and its time counts as the layer's own. One thread; the
 * state is global, as a kernel has no context. */
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
  METER_CONV_MAX_POOL,
  METER_CONV_MAX_POOL_GRADIENT,
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
  METER_BFLOAT16_ROUND,
  METER_BFLOAT16_GEMM,
  METER_BFLOAT16_WINOGRAD_INPUT,
  METER_INT8_QUANTIZE,
  METER_INT8_GEMM,
  METER_INT8_GEMM_MAX_POOL,
  METER_KERNELS
} meter_kernel;

const char *meter_name(meter_kernel kernel);

typedef struct meter_reading {
  double calls, multiply_adds, ticks;
  double moved;            /* bytes of all calls */
  double touched, fetched; /* different bytes between two takes: their maximum and their sum */
} meter_reading;

/* Returns the table with meters, valid until meter_stop. Doubling begins with no kernel. */
typedef enum meter_mode { METER_COUNTING, METER_TIMING, METER_DOUBLING } meter_mode;
od_kernels meter_table(const od_kernels *kernels, meter_mode mode);
void meter_double(meter_kernel kernel);
void meter_stop(void);

/* Adds the readings since the last call to readings (METER_KERNELS) and to `all`, whose `touched`
 * are the lines that any kernel touched; then resets them. */
void meter_take(meter_reading *readings, meter_reading *all);

#endif
