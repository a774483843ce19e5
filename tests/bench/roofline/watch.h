/* A stopwatch on the core's own run: the linker puts a wrapper before each function named
 * in WRAPPED (see the Makefile in ../../c; GNU's and LLVM's --wrap), which notes the
 * time, and so the trainer and the inference that ship are what is measured, not a
 * copy of them, and they hold no code for it. A function's time is its own: what a
 * watched function inside it takes is not counted twice.
 *
 * Nothing is watched until watch_start. With meters on the kernels (meter.h), which want
 * one thread, their readings go to the part under way. */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>

#include "meter.h"

/* What time is spent on. `place` is the layer's index in the network where a part has
 * several, or that of the augmentation in its list; else 0. */
typedef enum watch_part {
  WATCH_OTHER,    /* of the core, within none of the others */
  WATCH_LOAD,     /* bytes to numbers */
  WATCH_AUGMENT,  /* by augmentation */
  WATCH_PREPARE,  /* kernels brought into the forms that the passes want; by layer */
  WATCH_BLANK,    /* what a blank image gives */
  WATCH_FORWARD,  /* by layer */
  WATCH_SOFTMAX,
  WATCH_LOSS,
  WATCH_BACKWARD, /* by layer: the gradient of its input, a convolution's of its kernel too */
  WATCH_WEIGHTS,  /* by layer: the gradient of its kernel alone; of a convolution this is
                     measured by watch_split only, and is in WATCH_BACKWARD */
  WATCH_ADD_UP,   /* the slices' sums to one gradient */
  WATCH_OPTIMIZER,
  WATCH_WAIT,     /* threads of the pool without work while others have some, and the pool */
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

/* From now on the time is noted; readings, if not NULL, get those of the meters. With
 * `split` each convolution goes back twice, the second time for its kernel alone. */
void watch_start(watch_readings *readings, bool split);
void watch_stop(void);

/* What has been noted since the last time; only while no run is under way. */
watch_sheet watch_take(void);

#endif
