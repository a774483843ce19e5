#include "kernels/cpu.h"

#include "base/system.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdbool.h>
#include <stdint.h>

static uint64_t saved_registers(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return ((uint64_t)high << 32) | low;
}

unsigned od_cpu_features(void) {
  enum { FMA = 1 << 12, OSXSAVE = 1 << 27, AVX = 1 << 28 };        /* leaf 1, ecx */
  enum { AVX2 = 1 << 5, F = 1 << 16, DQ = 1 << 17, BW = 1 << 30 }; /* leaf 7, ebx */
  const unsigned VL = 1u << 31;
  enum { VNNI = 1 << 11, BF16 = 1 << 5 }; /* leaf 7, ecx; leaf 7.1, eax */
  enum { AMX = 3 << 24 };                 /* leaf 7, edx: AMX-TILE and AMX-INT8 */
  enum { YMM_STATE = 0x06, ZMM_STATE = 0xe6, TILE_STATE = 0x60000 }; /* xcr0 */
  unsigned eax, ebx, ecx, edx, features = 0;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return 0;
  if (!(ecx & OSXSAVE) || !(ecx & AVX) || !(ecx & FMA)) return 0;
  uint64_t saved = saved_registers();
  if ((saved & YMM_STATE) != YMM_STATE) return 0;
  if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !(ebx & AVX2)) return 0;
  features |= OD_CPU_AVX2;
  if ((saved & ZMM_STATE) == ZMM_STATE && (ebx & F) && (ebx & DQ) && (ebx & BW) && (ebx & VL))
    features |= OD_CPU_AVX512;
  if ((features & OD_CPU_AVX512) && (ecx & VNNI)) features |= OD_CPU_VNNI;
  if ((features & OD_CPU_VNNI) && (edx & AMX) == AMX && (saved & TILE_STATE) == TILE_STATE &&
      od_request_tile_data())
    features |= OD_CPU_AMX;
  bool subleaves = eax >= 1; /* of leaf 7 */
  if (subleaves && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (features & OD_CPU_AVX512) &&
      (eax & BF16))
    features |= OD_CPU_BF16;
  return features;
}

#elif defined(__aarch64__)

/* NEON is part of the base architecture. */
unsigned od_cpu_features(void) {
  return OD_CPU_NEON | (od_has_dot_products() ? OD_CPU_NEON_DOT : 0);
}

#elif defined(__wasm_simd128__)

unsigned od_cpu_features(void) { return OD_CPU_SIMD128; }

#else

unsigned od_cpu_features(void) { return 0; }

#endif
