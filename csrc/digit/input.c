#include "digit/input.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/memory.h"
#include "digit/canonical.h"
#include "digit/colour.h"
#include "digit/digit.h"
#include "digit/halftone.h"
#include "digit/preprocess.h"
#include "image/limits.h"

enum { DARK_END = 128 };

static const double byte_scale = 1.0 / 255;

static size_t size_of(const od_picture *picture) {
  return (size_t)picture->h * (size_t)picture->w * (size_t)picture->channels;
}

/* What the picture's bytes are multiplied by to be in 0..1. */
static double scale_of_bytes(const od_picture *picture) {
  const size_t n = size_of(picture);
  uint8_t max = 0;
  for (size_t i = 0; i < n; i++) max = picture->bytes[i] > max ? picture->bytes[i] : max;
  return max > 1 ? byte_scale : 1;
}

/* Rounds to nearest, ties to even; x in 0..2^22. The sum has no bits after the point. */
static float round_to_even(float x) {
  const float no_fraction = 8388608; /* 2^23 */
  return (x + no_fraction) - no_fraction;
}

/* The picture's values as bytes 0..255 (size). */
static void to_bytes(const od_picture *picture, uint8_t *bytes) {
  const size_t n = size_of(picture);
  if (picture->bytes) {
    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)(picture->bytes[i] * 255);
    return;
  }
  const float factor = (float)(picture->scale * 255);
  for (size_t i = 0; i < n; i++) {
    const float value = picture->floats[i] * factor;
    bytes[i] = (uint8_t)round_to_even(value > 255 ? 255 : value > 0 ? value : 0); /* NaN: 0 */
  }
}

/* The gray level to composite an RGBA picture (n pixels) over; gray (n) is that of its colours. */
static uint8_t find_background(size_t n, const uint8_t *rgba, const uint8_t *gray) {
  uint64_t opaque = 0, dark = 0;
  for (size_t i = 0; i < n; i++) {
    opaque += rgba[4 * i + 3];
    if (gray[i] < DARK_END) dark += rgba[4 * i + 3];
  }
  return 100 * dark >= opaque ? 255 : 0;
}

static bool is_opaque(size_t n, const uint8_t *rgba) {
  uint8_t all = 255;
  for (size_t i = 0; i < n; i++) all &= rgba[4 * i + 3];
  return all == 255;
}

/* Bytes (h, w, channels) to gray (h, w). */
static od_status colours_to_gray(od_image_workspace *workspace, const od_picture *picture,
                                 const uint8_t *bytes, uint8_t *gray, od_error *error) {
  const int channels = picture->channels, w = picture->w;
  const size_t n = (size_t)picture->h * (size_t)w;
  const od_view pixels = {bytes, picture->h, w, (ptrdiff_t)w * channels, channels};
  const od_target target = od_target_of(picture->h, w, gray);
  double axis[3];
  if ((channels == 3 || is_opaque(n, bytes)) &&
      od_find_colour_axis(picture->h, w, channels, bytes, axis)) {
    return od_project_colours(workspace->pool, picture->h, w, channels, bytes, axis, gray);
  }
  od_status status = od_gray(workspace, &pixels, 1, OD_RGB, 0, &target, error);
  if (status || channels == 3) return status;
  const uint8_t background = find_background(n, bytes, gray);
  status = od_thread_pool_check(workspace->pool);
  if (status) return status;
  return od_gray(workspace, &pixels, 1, OD_RGBA, background, &target, error);
}

/* gray (h, w) of a picture of any kind, with the dots of a halftone. */
static od_status levels_of(od_image_workspace *workspace, const od_picture *picture, uint8_t *gray,
                           od_error *error) {
  const bool as_it_is = picture->bytes && scale_of_bytes(picture) < 1;
  if (picture->channels == 1) {
    if (as_it_is)
      memcpy(gray, picture->bytes, size_of(picture));
    else
      to_bytes(picture, gray);
    return OD_OK;
  }
  if (as_it_is) return colours_to_gray(workspace, picture, picture->bytes, gray, error);
  uint8_t *bytes = od_allocate(size_of(picture), 1);
  if (!bytes) return od_fail_memory(error, "a picture's bytes");
  to_bytes(picture, bytes);
  od_status status = od_thread_pool_check(workspace->pool);
  if (!status) status = colours_to_gray(workspace, picture, bytes, gray, error);
  od_release(bytes);
  return status;
}

static bool is_canonical_input(int h, int w, const uint8_t *gray) {
  return h == OD_DIGIT_SIDE && w == OD_DIGIT_SIDE && od_is_canonical(h, w, gray);
}

od_status od_picture_to_gray(od_image_workspace *workspace, const od_picture *picture,
                             uint8_t *gray, od_error *error) {
  const int h = picture->h, w = picture->w;
  od_status status = od_check_sides("image", h, w, error);
  if (!status) status = levels_of(workspace, picture, gray, error);
  if (!status) status = od_thread_pool_check(workspace->pool);
  if (!status && od_is_halftone(h, w, gray) && !is_canonical_input(h, w, gray))
    status = od_smooth_halftone(workspace, h, w, gray, error);
  return status;
}

/* A canonical picture, whose gray levels are gray (28, 28), as it is. */
static void copy_canonical(const od_picture *picture, const uint8_t *gray, float *input) {
  const int n = OD_DIGIT_SIDE * OD_DIGIT_SIDE;
  if (picture->channels == 1 && picture->floats) {
    for (int i = 0; i < n; i++) input[i] = picture->floats[i] * (float)picture->scale;
  } else {
    for (int i = 0; i < n; i++) input[i] = (float)gray[i] * (float)byte_scale;
  }
}

od_status od_picture_to_input(od_image_workspace *workspace, const od_picture *picture,
                              float *input, od_error *error) {
  const int h = picture->h, w = picture->w;
  od_status status = od_check_sides("image", h, w, error);
  if (status) return status;
  uint8_t *gray = od_allocate((size_t)h * (size_t)w, 1);
  if (!gray) return od_fail_memory(error, "a picture's gray levels");
  status = od_picture_to_gray(workspace, picture, gray, error);
  if (!status && is_canonical_input(h, w, gray))
    copy_canonical(picture, gray, input);
  else if (!status)
    status = od_preprocess_digit(workspace, h, w, w, gray, NULL, input, error);
  od_release(gray);
  return status;
}

typedef struct inputs_run {
  od_image_workspace *workspaces; /* (threads) */
  const od_picture *pictures;
  float *inputs;
  atomic_bool failed;
} inputs_run;

static void convert(void *context, int index, int worker) {
  inputs_run *run = context;
  const size_t size = (size_t)OD_DIGIT_SIDE * OD_DIGIT_SIDE;
  if (od_picture_to_input(&run->workspaces[worker], &run->pictures[index],
                          run->inputs + (size_t)index * size, NULL))
    run->failed = true;
}

od_status od_pictures_to_inputs(const od_kernels *kernels, od_thread_pool *pool, int count,
                                const od_picture *pictures, float *inputs, od_error *error) {
  const int threads = od_thread_pool_threads(pool);
  for (int i = 0; i < count; i++) {
    const od_status status = od_check_sides("image", pictures[i].h, pictures[i].w, error);
    if (status) return status;
  }
  inputs_run run = {od_allocate((size_t)threads, sizeof *run.workspaces), pictures, inputs, false};
  if (!run.workspaces) return od_fail_memory(error, "workspaces for pictures");
  od_thread_pool alone = od_thread_pool_attach(NULL, true, pool ? pool->interrupt : NULL);
  for (int i = 0; i < threads; i++)
    run.workspaces[i] = (od_image_workspace){.kernels = kernels, .pool = &alone};
  const od_status status = od_thread_pool_run(pool, convert, &run, count);
  for (int i = 0; i < threads; i++) od_image_workspace_release(&run.workspaces[i]);
  od_release(run.workspaces);
  if (status) return status;
  /* With valid sides, only memory can fail. */
  return run.failed ? od_fail_memory(error, "the preprocessing of pictures") : OD_OK;
}
