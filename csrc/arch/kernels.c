#include "arch/kernels.h"

#include <string.h>

#include "arch/cpu.h"

/* Fastest first; scalar, which needs nothing, last. */
static const od_kernels *const tables[] = {
#if !defined(OD_DOUBLE)
#if defined(__x86_64__)
    &od_kernels_avx512,
    &od_kernels_avx2,
#elif defined(__aarch64__)
    &od_kernels_neon,
#endif
#endif
    &od_kernels_scalar,
};

static bool known_name(const char *name) {
  static const char *const names[] = {"scalar", "avx2", "avx512", "neon"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0) return true;
  return false;
}

od_status od_kernels_select(const char *name, const od_kernels **kernels, od_error *error) {
  bool any = !name || !*name;
  unsigned features = od_cpu_features();
  *kernels = NULL;
  if (!any && !known_name(name))
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "instruction set: got '%.40s', expected scalar, avx2, avx512 or neon", name);
  for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
    bool runs = (tables[i]->feature & features) == tables[i]->feature;
    if (runs && (any || strcmp(name, tables[i]->name) == 0)) {
      *kernels = tables[i];
      return OD_OK;
    }
  }
  return od_fail(error, OD_ERROR_UNAVAILABLE,
                 "instruction set '%s' is not available on this machine", name);
}
