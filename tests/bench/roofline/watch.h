/* A stopwatch on the core's own run: the linker puts a wrapper before each function named
 * in WRAPPED (see the Makefile in ../../c; GNU's and LLVM's --wrap), which notes the
 * time. So the trainer and the inference are measured as they ship, without code for it.
 * A function's time excludes that of watched functions inside it.
 *
 * Nothing is watched until watch_start. With meters on the kernels (meter.h), which need
 * one thread, their readings are assigned to the current part. */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>

#include "meter.h"

/* The parts of the time. `place` is the layer's index in the network if a part has
 * several, or that of the augmentation in its list; else 0. */
typedef enum watch_part {
  WATCH_OTHER,       /* of the core, none of the others */
  WATCH_LOAD,        /* bytes to numbers */
  WATCH_AUGMENT,     /* by augmentation */
  WATCH_PACK,        /* packing of kernels, by layer */
  WATCH_ZERO_OUTPUT, /* the output for a zero image */
  WATCH_FORWARD,     /* by layer */
  WATCH_SOFTMAX,
  WATCH_LOSS,
  WATCH_BACKWARD, /* by layer: the gradient of its input, of a convolution also of its kernel */
  WATCH_WEIGHTS,  /* by layer: the gradient of its kernel alone; of a convolution it is
                     part of WATCH_BACKWARD, and measured only if split */
  WATCH_REDUCE,   /* the slices' sums to one gradient */
  WATCH_OPTIMIZER,
  WATCH_WAIT, /* threads of the pool without work while others have some, and the pool */
  WATCH_PARTS
} watch_part;

enum { WATCH_PLACES = 64 };

typedef struct watch_sheet {
  double ticks[WATCH_PARTS][WATCH_PLACES]; /* of all threads together */
  double pool_ticks;                       /* of the runs of the pool, by the wall */
} watch_sheet;

typedef struct watch_readings {
  meter_reading kernels[WATCH_PARTS][WATCH_PLACES][METER_KERNELS], all[WATCH_PARTS][WATCH_PLACES];
} watch_readings;

/* Starts the stopwatch; readings, if not NULL, receive those of the meters. With `split` each
 * convolution runs backward twice, the second time for its kernel alone. */
void watch_start(watch_readings *readings, bool split);
void watch_stop(void);

/* Returns the times since the last call; only between runs. */
watch_sheet watch_take(void);

#endif
