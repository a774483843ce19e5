/* Learning-rate schedules. */
#ifndef OD_TRAIN_SCHEDULE_H
#define OD_TRAIN_SCHEDULE_H

#include <stddef.h>

#include "base/api.h"

OD_BEGIN_DECLS

typedef enum od_schedule_kind {
  OD_CONSTANT, /* the peak at every step; no warm-up */
  OD_COSINE,   /* cosine decay from the peak to peak / final_divisor */
  OD_ONE_CYCLE /* cosine rise from peak / divisor, then cosine decay to that / final_divisor
                  (Smith, 2018). PyTorch's OneCycleLR reaches its peak up to a step earlier */
} od_schedule_kind;

typedef struct od_schedule {
  od_schedule_kind kind;
  double peak;          /* maximum rate, > 0 */
  double warmup;        /* fraction of the steps with a rising rate, in [0, 1) */
  double divisor;       /* one-cycle: the first rate is peak / divisor, >= 1 */
  double final_divisor; /* >= 1 */
} od_schedule;

/* Return the rate of step `step` of `steps`, counted from 0. */
double od_schedule_rate(const od_schedule *schedule, size_t step, size_t steps);

OD_END_DECLS

#endif
