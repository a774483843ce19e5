#include "nn/cam_upsampling.h"

/* Along one axis, the centre of the receptive field of place i of a map is pixel
 * start + i * step. */
typedef struct axis {
  double start, step;
} axis;

/* The windows of an operation along the axis: pixels from the first to the last of one, from one to
 * the next, and of padding before. */
typedef struct windows {
  int extent, step, padding;
} windows;

static void extend(axis *a, const windows *w, bool halves) {
  a->start += a->step * ((w->extent - 1) / 2.0 - w->padding);
  a->step *= w->step;
  if (!halves) return; /* by a fused max-pool */
  a->start += a->step / 2;
  a->step *= 2;
}

static windows rows_of(const od_op *op) {
  if (op->kind == OD_CONV2D)
    return (windows){(op->kernel_h - 1) * op->dilation + 1, op->stride, op->top};
  return od_is_pool(op->kind) ? (windows){op->pool_h, op->step_h, op->top}
                              : (windows){1, 1, op->top};
}

static windows columns_of(const od_op *op) {
  if (op->kind == OD_CONV2D)
    return (windows){(op->kernel_w - 1) * op->dilation + 1, op->stride, op->left};
  return od_is_pool(op->kind) ? (windows){op->pool_w, op->step_w, op->left}
                              : (windows){1, 1, op->left};
}

/* taps (pixels); pixels outside the outermost places take those places' values. */
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

od_status od_cam_upsampling_create(const od_op *ops, int count, od_cam_upsampling *u,
                                   od_error *error) {
  axis y = {0, 1}, x = {0, 1};
  for (int i = 0; i < count; i++) {
    const windows rows = rows_of(&ops[i]), columns = columns_of(&ops[i]);
    extend(&y, &rows, ops[i].pool);
    extend(&x, &columns, ops[i].pool);
  }
  u->input = ops[0].in;
  u->map = ops[count - 1].out;
  u->vertical = od_allocate((size_t)u->input.h, sizeof *u->vertical);
  u->horizontal = od_allocate((size_t)u->input.w, sizeof *u->horizontal);
  u->row = od_allocate((size_t)u->map.w, sizeof *u->row);
  if (!u->vertical || !u->horizontal || !u->row)
    return od_fail_memory(error, "an explanation's buffers");
  find_taps(y, u->map.h, u->input.h, u->vertical);
  find_taps(x, u->map.w, u->input.w, u->horizontal);
  u->identity = y.start == 0 && y.step == 1 && x.start == 0 && x.step == 1 &&
                u->map.h == u->input.h && u->map.w == u->input.w;
  return OD_OK;
}

void od_cam_upsampling_release(od_cam_upsampling *u) {
  od_release(u->vertical);
  od_release(u->horizontal);
  od_release(u->row);
}

static od_real interpolate(od_real a, od_real b, od_real weight) { return a + weight * (b - a); }

void od_cam_upsampling_run(const od_cam_upsampling *u, const od_real *map, od_real *image) {
  size_t w = (size_t)u->map.w, places = (size_t)u->map.h * w;
  od_real max = 0, *row = u->row;
  for (size_t i = 0; i < places; i++) max = map[i] > max ? map[i] : max;
  if (!(max > 0)) max = 1;
  if (u->identity) {
    for (size_t i = 0; i < places; i++) image[i] = map[i] / max;
    return;
  }
  for (int y = 0; y < u->input.h; y++) {
    const od_bilinear_tap *tap = &u->vertical[y];
    const od_real *upper = map + tap->before * w, *lower = map + tap->after * w;
    for (size_t x = 0; x < w; x++) row[x] = interpolate(upper[x], lower[x], tap->weight) / max;
    for (int x = 0; x < u->input.w; x++) {
      tap = &u->horizontal[x];
      *image++ = interpolate(row[tap->before], row[tap->after], tap->weight);
    }
  }
}
