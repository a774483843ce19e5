#include "train/schedule.h"

#include <math.h>

/* From `from` to `to` along half a cosine; 0 <= share <= 1. */
static double half_cosine(double from, double to, double share) {
  return to + (from - to) * 0.5 * (1 + cos(3.141592653589793 * share));
}

double od_schedule_rate(const od_schedule *schedule, size_t step, size_t steps) {
  double peak = schedule->peak, last = steps > 1 ? (double)(steps - 1) : 1;
  double position = (double)step / last, rise = schedule->warmup;
  double start = schedule->kind == OD_ONE_CYCLE ? peak / schedule->divisor : 0;
  if (schedule->kind == OD_CONSTANT) return peak;
  if (position < rise) {
    if (schedule->kind == OD_ONE_CYCLE) return half_cosine(start, peak, position / rise);
    return peak * (position / rise + 1 / (rise * last)) / (1 + 1 / (rise * last));
  }
  double end = (schedule->kind == OD_ONE_CYCLE ? start : peak) / schedule->final_divisor;
  return half_cosine(peak, end, (position - rise) / (1 - rise));
}
