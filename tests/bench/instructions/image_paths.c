#include <string.h>

#include "base/memory.h"
#include "digit/preprocess.h"
#include "drawing.h"
#include "image/image.h"
#include "paths.h"

enum { H = 480, W = 640 };

/* What the operations read and write. */
typedef struct job {
  od_image_workspace workspace;
  picture image, result;
  int32_t count; /* of components */
  float digit[OD_DIGIT_SIDE * OD_DIGIT_SIDE];
} job;

static job job_create(const od_kernels *kernels, int result_h, int result_w) {
  od_rng rng;
  job j = {.workspace = {.kernels = kernels}};
  od_rng_seed(&rng, 1, 0);
  j.image = picture_create(H, W, 220);
  for (int i = 0; i < 5; i++)
    for (int k = 0; k < 10; k++)
      draw_digit(&j.image, k, (double[]){20 + 60 * k, 20 + 90 * i}, 60, 50, &rng);
  draw_light(&j.image, 6, 40, &rng);
  j.result = picture_create(result_h, result_w, 0);
  return j;
}

static void job_release(job *j) {
  od_image_workspace_release(&j->workspace);
  picture_release(&j->image);
  picture_release(&j->result);
}

static od_view view_of(const job *j) { return od_view_of(j->image.h, j->image.w, j->image.pixels); }

static od_target target_of(const job *j) {
  return od_target_of(j->result.h, j->result.w, j->result.pixels);
}

/* The number of pixels of the result of this level. */
static int count_level(const job *j, uint8_t level) {
  int count = 0;
  for (int i = 0; i < j->result.h * j->result.w; i++) count += j->result.pixels[i] == level;
  return count;
}

static void threshold(void *context) {
  job *j = context;
  const od_view image = view_of(j);
  const od_target target = target_of(j);
  uint64_t histogram[256];
  od_error error;
  od_histogram(&image, histogram);
  require(od_threshold(&j->workspace, &image, od_otsu(histogram), 0, 255, &target, &error), &error);
}

static void path_threshold(const od_kernels *kernels) {
  job j = job_create(kernels, H, W);
  measure(threshold, &j);
  expect(count_level(&j, 255) > H * W / 50 && count_level(&j, 0) > H * W / 2, "some foreground");
  job_release(&j);
}

static void adaptive_threshold(void *context) {
  job *j = context;
  const od_view image = view_of(j);
  const od_target target = target_of(j);
  const od_adaptive adaptive = {OD_ADAPTIVE_MEAN, 51, -20, 0, 255};
  od_error error;
  require(od_adaptive_threshold(&j->workspace, &image, &adaptive, &target, &error), &error);
}

static void path_adaptive_threshold(const od_kernels *kernels) {
  job j = job_create(kernels, H, W);
  measure(adaptive_threshold, &j);
  expect(count_level(&j, 255) > H * W / 50 && count_level(&j, 0) > H * W / 2, "some foreground");
  job_release(&j);
}

static void gaussian_blur(void *context) {
  job *j = context;
  const od_view image = view_of(j);
  const od_target target = target_of(j);
  od_error error;
  require(od_gaussian_blur(&j->workspace, &image, &(od_gaussian){5, 5, 0, 0}, OD_BORDER_REFLECT_101,
                           &target, &error),
          &error);
}

static void path_gaussian_blur(const od_kernels *kernels) {
  job j = job_create(kernels, H, W);
  measure(gaussian_blur, &j);
  expect(memcmp(j.result.pixels, j.image.pixels, H * W) != 0, "a blurred image");
  job_release(&j);
}

static void resize(void *context) {
  job *j = context;
  const od_view image = view_of(j);
  const od_target target = target_of(j);
  od_error error;
  for (od_interpolation i = OD_INTERPOLATION_LINEAR; i <= OD_INTERPOLATION_AREA; i++)
    require(od_resize(&j->workspace, &image, i, &target, &error), &error);
}

static void path_resize(const od_kernels *kernels) {
  job j = job_create(kernels, H * 2 / 5, W * 2 / 5);
  measure(resize, &j);
  expect(count_level(&j, 0) == 0, "a resized image");
  job_release(&j);
}

static void components(void *context) {
  job *j = context;
  const od_view image = od_view_of(j->result.h, j->result.w, j->result.pixels);
  od_component *found;
  od_error error;
  require(od_connected_components(&j->workspace, &image, 8, NULL, &found, &j->count, &error),
          &error);
  od_release(found);
}

static void path_components(const od_kernels *kernels) {
  job j = job_create(kernels, H, W);
  threshold(&j);
  measure(components, &j);
  expect(j.count >= 50, "a component for each digit");
  job_release(&j);
}

/* One digit of a photo. */
static void preprocess(void *context) {
  job *j = context;
  const uint8_t *crop = j->image.pixels + 15 * W + 130;
  od_error error;
  require(od_preprocess_digit(&j->workspace, 80, 60, W, crop, NULL, j->digit, &error), &error);
}

static void path_preprocess(const od_kernels *kernels) {
  job j = job_create(kernels, 1, 1);
  measure(preprocess, &j);
  double sum = 0;
  for (int i = 0; i < OD_DIGIT_SIDE * OD_DIGIT_SIDE; i++) sum += (double)j.digit[i];
  expect(sum > 20, "a digit");
  job_release(&j);
}

const path image_paths[] = {{"threshold", path_threshold},
                            {"adaptive_threshold", path_adaptive_threshold},
                            {"gaussian_blur", path_gaussian_blur},
                            {"resize", path_resize},
                            {"components", path_components},
                            {"preprocess", path_preprocess},
                            {NULL, NULL}};
