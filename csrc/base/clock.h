/* A monotonic clock, to measure durations. */
#ifndef OD_BASE_CLOCK_H
#define OD_BASE_CLOCK_H

#include "base/api.h"

OD_BEGIN_DECLS

/* Seconds since an arbitrary time in the past; never decreases. */
double od_clock_seconds(void);

OD_END_DECLS

#endif
