#include "base/system.h"

#if defined(_WIN32)

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#if !defined(PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE)
#define PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE 43 /* winnt.h of newer SDKs */
#endif

int od_process_id(void) { return (int)GetCurrentProcessId(); }

/* The affinity has at most 64 processors, one group; a process with threads in several groups has
 * the affinity 0. */
int od_available_processors(void) {
  DWORD_PTR mask = 0, system = 0;
  int count = 0;
  if (GetProcessAffinityMask(GetCurrentProcess(), &mask, &system))
    for (; mask; mask &= mask - 1) count++;
  if (count < 1) count = (int)GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
  return count < 1 ? 1 : count;
}

bool od_request_tile_data(void) { return false; }

bool od_has_dot_products(void) {
  return IsProcessorFeaturePresent(PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE) != 0;
}

#endif
