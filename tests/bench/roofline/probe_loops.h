/* The probes over one kind of vector. probe.c includes this file once for each, having
 * defined TARGET, an attribute; NAME(x), which makes a function's name its own; VECTOR, a
 * register of floats; LOAD(p), STORE(p, v), ADD(a, b) and FMA(a, b, c) = a * b + c. */

/* Multiply-adds into 12 sums: more than the latency times the units of known cores, and with
 * two operands few enough for 16 registers. */
TARGET static double NAME(peak)(long rounds) {
  VECTOR sum[12], a = LOAD(probe_numbers), b = LOAD(probe_numbers + 16);
  for (int i = 0; i < 12; i++) sum[i] = LOAD(probe_numbers + i);
  for (long round = 0; round < rounds; round++) {
    UNROLL for (int i = 0; i < 12; i++) sum[i] = FMA(a, b, sum[i]);
  }
  for (int i = 1; i < 12; i++) sum[0] = ADD(sum[0], sum[i]);
  STORE(probe_sum, sum[0]);
  probe_result = probe_sum[0];
  return 2.0 * 12 * (sizeof(VECTOR) / sizeof(float)) * (double)rounds;
}

enum { NAME(step) = sizeof(VECTOR) / sizeof(float) };

/* Reads x (n), n a multiple of 8 vectors. */
TARGET static void NAME(read)(size_t n, float *x) {
  VECTOR sum[8];
  for (int i = 0; i < 8; i++) sum[i] = LOAD(probe_numbers);
  for (size_t at = 0; at < n; at += 8 * NAME(step)) {
    UNROLL for (size_t i = 0; i < 8; i++) sum[i] = ADD(sum[i], LOAD(x + at + i * NAME(step)));
  }
  for (int i = 1; i < 8; i++) sum[0] = ADD(sum[0], sum[i]);
  STORE(probe_sum, sum[0]);
  probe_result = probe_sum[0];
}

/* Copies the first half of x (n) to the second. */
TARGET static void NAME(copy)(size_t n, float *x) {
  for (size_t at = 0; at < n / 2; at += 4 * NAME(step)) {
    UNROLL for (size_t i = 0; i < 4; i++)
        STORE(x + n / 2 + at + i * NAME(step), LOAD(x + at + i * NAME(step)));
  }
}

#undef TARGET
#undef NAME
#undef VECTOR
#undef LOAD
#undef STORE
#undef ADD
#undef FMA
