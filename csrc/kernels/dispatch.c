#include "kernels/kernels.h"

#include <string.h>

#include "kernels/cpu.h"

/* clang-format off */
const od_kernels *const od_kernel_tables[] = {
#if !defined(OD_DOUBLE)
#if defined(OD_HAS_AMX)
    &od_kernels_avx512_amx,
#endif
#if defined(__x86_64__)
    &od_kernels_avx512_vnni_bf16,
    &od_kernels_avx512_vnni,
    &od_kernels_avx512,
    &od_kernels_avx2,
#elif defined(__aarch64__)
    &od_kernels_neon_dot,
    &od_kernels_neon,
#elif defined(__wasm_simd128__)
    &od_kernels_simd128,
#endif
#endif
    &od_kernels_scalar,
    NULL,
};
/* clang-format on */

static bool is_known(const char *name) {
  static const char *const names[] = {"scalar", "avx2", "avx512", "neon", "simd128"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0) return true;
  return false;
}

od_status od_kernels_select(const char *name, const od_kernels **kernels, od_error *error) {
  bool any = !name || !*name;
  unsigned features = od_cpu_features();
  *kernels = NULL;
  if (!any && !is_known(name))
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "instruction set: got '%.40s', expected scalar, avx2, avx512, neon or simd128",
                   name);
  for (const od_kernels *const *table = od_kernel_tables; *table; table++) {
    bool runs = ((*table)->features & features) == (*table)->features;
    if (runs && (any || strcmp(name, (*table)->name) == 0)) {
      *kernels = *table;
      return OD_OK;
    }
  }
  return od_fail(error, OD_ERROR_UNAVAILABLE,
                 "instruction set '%s' is not available on this machine", name);
}
