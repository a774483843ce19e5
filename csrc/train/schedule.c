#include "train/schedule.h"

#include <math.h>

/* Interpolate from `start` to `end` along half a cosine; 0 <= progress <= 1. */
static double half_cosine(double start, double end, double progress) {
  return end + (start - end) * 0.5 * (1 + cos(3.141592653589793 * progress));
}

double od_schedule_rate(const od_schedule *schedule, size_t step, size_t steps) {
  double peak = schedule->peak, last = steps > 1 ? (double)(steps - 1) : 1;
  double progress = (double)step / last, warmup = schedule->warmup;
  double start = schedule->kind == OD_ONE_CYCLE ? peak / schedule->divisor : 0;
  if (schedule->kind == OD_CONSTANT) return peak;
  if (progress < warmup) {
    if (schedule->kind == OD_ONE_CYCLE) return half_cosine(start, peak, progress / warmup);
    return peak * (progress / warmup + 1 / (warmup * last)) / (1 + 1 / (warmup * last));
  }
  double end = (schedule->kind == OD_ONE_CYCLE ? start : peak) / schedule->final_divisor;
  return half_cosine(peak, end, (progress - warmup) / (1 - warmup));
}
