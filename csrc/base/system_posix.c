#define _GNU_SOURCE /* sched_getaffinity, syscall */
#include "base/system.h"

#if !defined(_WIN32) && !defined(__wasi__)

#include <sched.h>
#include <stdio.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#if defined(__aarch64__)
#include <sys/auxv.h>
#endif
#endif

int od_process_id(void) { return (int)getpid(); }

/* Returns the CPU quota of a cgroup, v2 then v1, in whole processors; 0 if unlimited.
 * GCOVR_EXCL_START: a machine has one of them, and perhaps no quota. */
static int cgroup_quota(void) {
  double quota = 0, period = 0;
  FILE *file = fopen("/sys/fs/cgroup/cpu.max", "r");
  if (file) {
    if (fscanf(file, "%lf %lf", &quota, &period) != 2) quota = 0; /* "max 100000" */
    fclose(file);
  } else {
    file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r");
    if (file) {
      if (fscanf(file, "%lf", &quota) != 1) quota = 0;
      fclose(file);
    }
    file = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r");
    if (file) {
      if (fscanf(file, "%lf", &period) != 1) period = 0;
      fclose(file);
    }
  }
  if (quota <= 0 || period <= 0) return 0;
  int whole = (int)(quota / period);
  return whole < 1 ? 1 : whole;
} /* GCOVR_EXCL_STOP */

int od_available_processors(void) {
  int count = 0;
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) count = CPU_COUNT(&set);
#endif
  if (count < 1) count = (int)sysconf(_SC_NPROCESSORS_ONLN);
  if (count < 1) count = 1; /* GCOVR_EXCL_LINE: if the system does not tell */
  int quota = cgroup_quota();
  return quota && quota < count ? quota : count;
}

bool od_request_tile_data(void) {
#if defined(__linux__) && defined(__x86_64__) && defined(SYS_arch_prctl)
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 }; /* asm/prctl.h; bit of xcr0 */
  return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
  return false;
#endif
}

bool od_has_dot_products(void) {
#if defined(__linux__) && defined(__aarch64__)
  const unsigned long asimddp = 1ul << 20; /* HWCAP_ASIMDDP of asm/hwcap.h */
  return (getauxval(AT_HWCAP) & asimddp) != 0;
#elif defined(__APPLE__) && defined(__aarch64__)
  return true; /* every Mac with such a processor */
#else
  return false;
#endif
}

#endif
