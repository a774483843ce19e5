#include "probe.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "kernels/cpu.h"
#include "base/memory.h"
#include "clock.h"
#include "die.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

static float probe_numbers[32], probe_sum[16];
static volatile float probe_result; /* otherwise the compiler would drop the work */

/* The baseline of the build: no fused multiply-add on x86-64, so a product and a sum. */
typedef float four_floats __attribute__((vector_size(16)));
static inline four_floats load_four(const float *p) {
  four_floats v;
  memcpy(&v, p, sizeof v);
  return v;
}
static inline void store_four(float *p, four_floats v) { memcpy(p, &v, sizeof v); }
#define TARGET
#define NAME(x) scalar_##x
#define VECTOR four_floats
#define LOAD(p) load_four(p)
#define STORE(p, v) store_four(p, v)
#define ADD(a, b) ((a) + (b))
#define FMA(a, b, c) ((a) * (b) + (c))
#include "probe_loops.h"

#if defined(__x86_64__)
#define TARGET __attribute__((target("avx2,fma")))
#define NAME(x) avx2_##x
#define VECTOR __m256
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, v) _mm256_storeu_ps(p, v)
#define ADD(a, b) _mm256_add_ps(a, b)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#include "probe_loops.h"

#define TARGET __attribute__((target("avx512f")))
#define NAME(x) avx512_##x
#define VECTOR __m512
#define LOAD(p) _mm512_loadu_ps(p)
#define STORE(p, v) _mm512_storeu_ps(p, v)
#define ADD(a, b) _mm512_add_ps(a, b)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#include "probe_loops.h"

/* Reduced precision: products of pairs of bfloat16, of fours of bytes, summed in 32 bits. */
__attribute__((target("avx512f,avx512bf16"))) static double bf16_peak(long rounds) {
  __m512 sum[12];
  __m512bh a = (__m512bh)_mm512_loadu_si512(probe_numbers);
  for (int i = 0; i < 12; i++) sum[i] = _mm512_loadu_ps(probe_numbers + i);
  for (long round = 0; round < rounds; round++) {
    UNROLL for (int i = 0; i < 12; i++) sum[i] = _mm512_dpbf16_ps(sum[i], a, a);
  }
  for (int i = 1; i < 12; i++) sum[0] = _mm512_add_ps(sum[0], sum[i]);
  _mm512_storeu_ps(probe_sum, sum[0]);
  probe_result = probe_sum[0];
  return 2.0 * 12 * 32 * (double)rounds;
}

__attribute__((target("avx512f,avx512vnni"))) static double int8_peak(long rounds) {
  __m512i sum[12], a = _mm512_loadu_si512(probe_numbers);
  for (int i = 0; i < 12; i++) sum[i] = _mm512_loadu_si512(probe_numbers + i);
  for (long round = 0; round < rounds; round++) {
    UNROLL for (int i = 0; i < 12; i++) sum[i] = _mm512_dpbusd_epi32(sum[i], a, a);
  }
  for (int i = 1; i < 12; i++) sum[0] = _mm512_add_epi32(sum[0], sum[i]);
  _mm512_storeu_si512(probe_sum, sum[0]);
  probe_result = probe_sum[0];
  return 2.0 * 12 * 64 * (double)rounds;
}

#if defined(OD_HAS_AMX)
/* Tiles of 16 rows of 64 bytes: the palette, then 64 bytes a row from byte 16 on, and 16 rows from
 * byte 48 on. */
__attribute__((target("amx-tile,amx-int8"))) static double amx_int8_peak(long rounds) {
  struct {
    uint8_t bytes[64];
  } shapes = {{1}};
  for (int i = 0; i < 8; i++) shapes.bytes[16 + 2 * i] = 64, shapes.bytes[48 + i] = 16;
  __asm__ volatile("ldtilecfg %0" : : "m"(shapes)); /* as in kernels/avx512_amx.c */
  for (long round = 0; round < rounds; round++) {
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
  _tile_release();
  return 2.0 * 4 * 16 * 16 * 64 * (double)rounds;
}
#endif

/* Without the instructions, fours of bytes take three: pairs in 16 bits, pairs of these, the
 * sum. Products of bfloat16 are floats' and have floats' peak. */
__attribute__((target("avx2"))) static double avx2_emulated_int8_peak(long rounds) {
  __m256i sum[12], a = _mm256_loadu_si256((const __m256i *)(const void *)probe_numbers);
  const __m256i ones = _mm256_set1_epi16(1);
  for (int i = 0; i < 12; i++) sum[i] = a;
  for (long round = 0; round < rounds; round++) {
    UNROLL for (int i = 0; i < 12; i++) {
      __asm__("" : "+x"(a)); /* otherwise it would be computed once */
      __m256i pairs = _mm256_maddubs_epi16(a, a);
      sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(pairs, ones));
    }
  }
  for (int i = 1; i < 12; i++) sum[0] = _mm256_add_epi32(sum[0], sum[i]);
  _mm256_storeu_si256((__m256i *)(void *)probe_sum, sum[0]);
  probe_result = probe_sum[0];
  return 2.0 * 12 * 32 * (double)rounds;
}

__attribute__((target("avx512f,avx512bw"))) static double avx512_emulated_int8_peak(long rounds) {
  __m512i sum[12], a = _mm512_loadu_si512(probe_numbers);
  const __m512i ones = _mm512_set1_epi16(1);
  for (int i = 0; i < 12; i++) sum[i] = a;
  for (long round = 0; round < rounds; round++) {
    UNROLL for (int i = 0; i < 12; i++) {
      __asm__("" : "+v"(a)); /* otherwise it would be computed once */
      __m512i pairs = _mm512_maddubs_epi16(a, a);
      sum[i] = _mm512_add_epi32(sum[i], _mm512_madd_epi16(pairs, ones));
    }
  }
  for (int i = 1; i < 12; i++) sum[0] = _mm512_add_epi32(sum[0], sum[i]);
  _mm512_storeu_si512(probe_sum, sum[0]);
  probe_result = probe_sum[0];
  return 2.0 * 12 * 64 * (double)rounds;
}
#elif defined(__aarch64__)
#define TARGET
#define NAME(x) neon_##x
#define VECTOR float32x4_t
#define LOAD(p) vld1q_f32(p)
#define STORE(p, v) vst1q_f32(p, v)
#define ADD(a, b) vaddq_f32(a, b)
#define FMA(a, b, c) vfmaq_f32(c, a, b)
#include "probe_loops.h"

#if defined(__clang__)
__attribute__((target("dotprod")))
#else
__attribute__((target("arch=armv8.2-a+dotprod")))
#endif
static double
neon_int8_peak(long rounds) {
  int32x4_t sum[12];
  int8x16_t a = vreinterpretq_s8_f32(vld1q_f32(probe_numbers));
  for (int i = 0; i < 12; i++) sum[i] = vreinterpretq_s32_f32(vld1q_f32(probe_numbers + i));
  for (long round = 0; round < rounds; round++) {
    UNROLL for (int i = 0; i < 12; i++) sum[i] = vdotq_s32(sum[i], a, a);
  }
  for (int i = 1; i < 12; i++) sum[0] = vaddq_s32(sum[0], sum[i]);
  vst1q_f32(probe_sum, vreinterpretq_f32_s32(sum[0]));
  probe_result = probe_sum[0];
  return 2.0 * 12 * 16 * (double)rounds;
}
#endif

typedef struct peak_probe {
  const char *isa, *numbers;
  unsigned with, without; /* features of its tables */
  double (*run)(long rounds);
} peak_probe;

/* A new number type is a row here. */
static const peak_probe peaks[] = {
    {"scalar", "float32", 0, 0, scalar_peak},
#if defined(__x86_64__)
    {"avx2", "float32", 0, 0, avx2_peak},
    {"avx2", "int8, emulated", 0, 0, avx2_emulated_int8_peak},
    {"avx512", "float32", 0, 0, avx512_peak},
    {"avx512", "bfloat16", OD_CPU_BF16, 0, bf16_peak},
    {"avx512", "int8", OD_CPU_VNNI, OD_CPU_AMX, int8_peak},
#if defined(OD_HAS_AMX)
    {"avx512", "int8", OD_CPU_AMX, 0, amx_int8_peak},
#endif
    {"avx512", "int8, emulated", 0, OD_CPU_VNNI, avx512_emulated_int8_peak},
#elif defined(__aarch64__)
    {"neon", "float32", 0, 0, neon_peak},
    {"neon", "int8", OD_CPU_NEON_DOT, 0, neon_int8_peak},
#endif
};

typedef struct stream_probe {
  const char *isa;
  void (*read)(size_t n, float *x);
  void (*copy)(size_t n, float *x);
} stream_probe;

static const stream_probe streams[] = {
    {"scalar", scalar_read, scalar_copy},
#if defined(__x86_64__)
    {"avx2", avx2_read, avx2_copy},
    {"avx512", avx512_read, avx512_copy},
#elif defined(__aarch64__)
    {"neon", neon_read, neon_copy},
#endif
};

/* Work is timed in rounds of a millisecond, which other processes often do not disturb, and the
 * best round counts. Work that takes longer is one round. */
static const double round_seconds = 1e-3;

/* Operations a second. */
static double best_peak(const peak_probe *probe, double seconds) {
  double best = 0, spent = 0;
  for (long rounds = 1000; spent < seconds;) {
    uint64_t began = clock_nanoseconds();
    double operations = probe->run(rounds);
    double took = 1e-9 * (double)(clock_nanoseconds() - began);
    if (took < round_seconds / 2) {
      rounds *= 2;
    } else {
      spent += took;
      best = operations / took > best ? operations / took : best;
    }
  }
  return best;
}

/* Bytes a second through x (n). */
static double best_stream(void (*run)(size_t, float *), size_t n, float *x, double seconds) {
  double best = 0, spent = 0;
  for (long times = 1; spent < seconds;) {
    uint64_t began = clock_nanoseconds();
    for (long k = 0; k < times; k++) run(n, x);
    double took = 1e-9 * (double)(clock_nanoseconds() - began);
    double speed = (double)times * (double)(n * sizeof *x) / took;
    if (took < round_seconds / 2) {
      times *= 2;
    } else {
      spent += took;
      best = speed > best ? speed : best;
    }
  }
  return best;
}

typedef struct level {
  const char *name;
  size_t size;   /* bytes of the cache; 0 for the memory */
  size_t probed; /* bytes to go through */
} level;

enum { LEVELS = 4, LARGEST_PROBE = 1 << 28 };

/* Returns the size of the first processor's data cache of this level, from Linux; 0 elsewhere. */
static size_t cache_size(int wanted) {
  size_t kibibytes = 0;
  for (int index = 0; index < 8 && !kibibytes; index++) {
    char path[80], kind = 0;
    int found = 0;
    const char *const names[] = {"level", "type", "size"};
    for (int i = 0; i < 3; i++) {
      snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, names[i]);
      FILE *file = fopen(path, "r");
      if (!file) return 0;
      bool read = i == 0   ? fscanf(file, "%d", &found) == 1 && found == wanted
                  : i == 1 ? fscanf(file, "%c", &kind) == 1 && kind != 'I' /* instructions */
                           : fscanf(file, "%zuK", &kibibytes) == 1;
      fclose(file);
      if (!read) break;
    }
  }
  return kibibytes << 10;
}

/* Probes half of each cache, so that all of it is cached, and for the memory four times the last
 * cache. */
static void find_levels(level *levels) {
  static const level defaults[LEVELS] = {
      {"L1", 32 << 10, 0}, {"L2", 1 << 20, 0}, {"L3", 16 << 20, 0}, {"memory", 0, 0}};
  for (int i = 0; i < LEVELS - 1; i++) {
    size_t size = cache_size(i + 1);
    levels[i] = defaults[i];
    if (size) levels[i].size = size;
    levels[i].probed = levels[i].size / 2;
  }
  size_t memory = 4 * levels[LEVELS - 2].size;
  levels[LEVELS - 1] = defaults[LEVELS - 1];
  levels[LEVELS - 1].probed = memory < LARGEST_PROBE ? memory : LARGEST_PROBE;
}

/* Returns whether the probe is for this table. */
static bool fits(const peak_probe *probe, const od_kernels *kernels) {
  return strcmp(probe->isa, kernels->name) == 0 &&
         (kernels->features & probe->with) == probe->with && !(kernels->features & probe->without);
}

void probe_print(const od_kernels *kernels, double seconds) {
  level levels[LEVELS];
  const volatile float number = 0; /* unknown to the compiler */
  for (int i = 0; i < 32; i++) probe_numbers[i] = number;
  find_levels(levels);
  for (int i = 0; i < LEVELS - 1; i++) printf("cache\t%s\t%zu\n", levels[i].name, levels[i].size);
  for (size_t i = 0; i < sizeof peaks / sizeof *peaks; i++)
    if (fits(&peaks[i], kernels))
      printf("peak\t%s\t%.6g\n", peaks[i].numbers, best_peak(&peaks[i], seconds));
  float *x = od_allocate(levels[LEVELS - 1].probed, 1);
  if (!x) die("no memory for the bandwidth probes");
  memset(x, 0, levels[LEVELS - 1].probed); /* real pages, not the system's zero page */
  for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
    if (strcmp(streams[i].isa, kernels->name) != 0) continue;
    for (int k = 0; k < LEVELS; k++) {
      size_t n = levels[k].probed / sizeof *x / 256 * 256;
      printf("bandwidth\t%s\tread\t%.6g\n", levels[k].name,
             best_stream(streams[i].read, n, x, seconds));
      printf("bandwidth\t%s\tcopy\t%.6g\n", levels[k].name,
             best_stream(streams[i].copy, n, x, seconds));
    }
  }
  od_release(x);
}
