#include "nn/cam_upsampling.h"

/* Along one axis, the middle of what place i of a map sees is pixel start + i * step. */
typedef struct axis {
  double start, step;
} axis;

/* Along an axis on which the kernel and a max-pool have these sides. */
static void follow(const od_op *op, axis *a, int kernel, int zeros_before, int pool) {
  if (op->kind == OD_CONV2D) {
    a->start += a->step * ((kernel - 1) / 2.0 - zeros_before);
    a->step *= op->stride;
  }
  if (op->pool || op->kind == OD_MAX_POOL2D) {
    a->start += a->step * (pool - 1) / 2;
    a->step *= pool;
  }
}

/* taps (pixels); at the rim, beyond the outermost places, those alone. */
static void find_taps(axis a, int places, int pixels, od_bilinear_tap *taps) {
  for (int p = 0; p < pixels; p++) {
    double at = (p - a.start) / a.step;
    at = at > 0 ? at : 0;
    at = at < places - 1 ? at : places - 1;
    size_t before = (size_t)at;
    size_t after = before + 1 < (size_t)places ? before + 1 : before;
    taps[p] = (od_bilinear_tap){before, after, (od_real)(at - (double)before)};
  }
}

od_status od_cam_upsampling_create(const od_op *ops, int count, od_cam_upsampling *heat, od_error *error) {
  axis y = {0, 1}, x = {0, 1};
  for (int i = 0; i < count; i++) {
    follow(&ops[i], &y, ops[i].kernel_h, ops[i].top, 2);
    follow(&ops[i], &x, ops[i].kernel_w, ops[i].left, ops[i].pool ? 2 : ops[i].pool_w);
  }
  heat->input = ops[0].in;
  heat->map = ops[count - 1].out;
  heat->down = od_allocate((size_t)heat->input.h, sizeof *heat->down);
  heat->across = od_allocate((size_t)heat->input.w, sizeof *heat->across);
  heat->row = od_allocate((size_t)heat->map.w, sizeof *heat->row);
  if (!heat->down || !heat->across || !heat->row)
    return od_fail_memory(error, "an explanation's buffers");
  find_taps(y, heat->map.h, heat->input.h, heat->down);
  find_taps(x, heat->map.w, heat->input.w, heat->across);
  heat->alike = y.start == 0 && y.step == 1 && x.start == 0 && x.step == 1 &&
                heat->map.h == heat->input.h && heat->map.w == heat->input.w;
  return OD_OK;
}

void od_cam_upsampling_release(od_cam_upsampling *heat) {
  od_release(heat->down);
  od_release(heat->across);
  od_release(heat->row);
}

static od_real mix(od_real a, od_real b, od_real share) { return a + share * (b - a); }

void od_cam_upsampling_run(const od_cam_upsampling *heat, const od_real *map, od_real *picture) {
  size_t w = (size_t)heat->map.w, places = (size_t)heat->map.h * w;
  od_real largest = 0, *row = heat->row;
  for (size_t i = 0; i < places; i++) largest = map[i] > largest ? map[i] : largest;
  if (!(largest > 0)) largest = 1;
  if (heat->alike) {
    for (size_t i = 0; i < places; i++) picture[i] = map[i] / largest;
    return;
  }
  for (int y = 0; y < heat->input.h; y++) {
    const od_bilinear_tap *down = &heat->down[y];
    const od_real *upper = map + down->before * w, *lower = map + down->after * w;
    for (size_t x = 0; x < w; x++) row[x] = mix(upper[x], lower[x], down->share) / largest;
    for (int x = 0; x < heat->input.w; x++) {
      const od_bilinear_tap *across = &heat->across[x];
      *picture++ = mix(row[across->before], row[across->after], across->share);
    }
  }
}
