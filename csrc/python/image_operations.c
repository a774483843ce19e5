#include "image_operations.h"

#include <math.h>

#include "arguments.h"
#include "base/memory.h"
#include "convert.h"
#include "core_call.h"
#include "errors.h"
#include "image_arguments.h"
#include "image/image.h"
#include "image/limits.h"
#include "module.h"
#include "runtime.h"

/* ---- gray ---- */

PyObject *image_gray(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                     PyObject *keywords) {
  static const signature accepted = {"image_gray", 3, 3, 3, {"image", "bgr", "background"}};
  PyObject *values[3];
  picture_view picture;
  bool bgr;
  uint8_t background, *pixels;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !convert_bool(values[1], "bgr", &bgr) || !read_byte(values[2], "background", &background) ||
      !read_picture(values[0], "image", &picture))
    return NULL;
  if (picture.channels < 3) {
    PyErr_Format(PyExc_ValueError, "image: got %d channels, expected 3 or 4", picture.channels);
    picture_view_release(&picture);
    return NULL;
  }
  const od_channels channels =
      picture.channels == 3 ? (bgr ? OD_BGR : OD_RGB) : (bgr ? OD_BGRA : OD_RGBA);
  const int h = picture.first.h, w = picture.first.w;
  const module_state *state = state_of_module(module);
  od_error error;
  od_status status = OD_OK;
  PyObject *array = new_picture(h, w, 0, &pixels);
  if (array) {
    shared_thread_pool *pool = runtime_pool(state_of_module(module));
    core_call call;
    od_image_workspace workspace = {.kernels = state->kernels, .pool = &call.pool};
    const od_target gray = od_target_of(h, w, pixels);
    core_call_begin(&call, pool->pool, false);
    status =
        od_gray(&workspace, &picture.first, picture.channel, channels, background, &gray, &error);
    od_image_workspace_release(&workspace);
    status = core_call_end(&call, status);
    shared_thread_pool_release(pool);
  }
  picture_view_release(&picture);
  if (status == OD_OK) return array;
  Py_DECREF(array);
  return raise_status(status, &error);
}

/* ---- thresholds ---- */

typedef struct threshold_parameters {
  int threshold;
  uint8_t above, below;
} threshold_parameters;

static od_status run_threshold(od_image_workspace *workspace, const od_view *image,
                               const od_target *result, const void *parameters, od_error *error) {
  const threshold_parameters *p = parameters;
  return od_threshold(workspace, image, p->threshold, p->above, p->below, result, error);
}

static int otsu_of(const picture_view *picture) {
  uint64_t histogram[256];
  int threshold;
  Py_BEGIN_ALLOW_THREADS
  od_histogram(&picture->first, histogram);
  threshold = od_otsu(histogram);
  Py_END_ALLOW_THREADS
  return threshold;
}

PyObject *image_threshold(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                          PyObject *keywords) {
  static const char *const names[] = {"binary", "binary_inv", "otsu", "otsu_inv", NULL};
  static const signature accepted = {
      "image_threshold", 4, 4, 4, {"image", "thresh", "maxval", "type"}};
  PyObject *values[4];
  picture_view picture;
  threshold_parameters p = {0};
  double level;
  uint8_t top;
  int type;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !convert_real(values[1], "thresh", &level) || !read_level(values[2], "maxval", &top) ||
      !read_choice(values[3], "type", names, &type))
    return NULL;
  const bool otsu = type >= 2, inverse = type % 2;
  if (!(otsu ? read_gray : read_picture)(values[0], "image", &picture)) return NULL;
  level = otsu ? otsu_of(&picture) : floor(level);
  p.threshold = (int)fmin(fmax(level, -1), 255); /* all levels are above -1, none above 255 */
  p.above = inverse ? 0 : top;
  p.below = inverse ? top : 0;
  PyObject *result =
      apply_operation(module, &picture, picture.first.h, picture.first.w, run_threshold, &p);
  return result ? Py_BuildValue("dN", level, result) : NULL;
}

static od_status run_adaptive(od_image_workspace *workspace, const od_view *image,
                              const od_target *result, const void *parameters, od_error *error) {
  return od_adaptive_threshold(workspace, image, parameters, result, error);
}

PyObject *image_adaptive_threshold(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                   PyObject *keywords) {
  static const signature accepted = {
      "image_adaptive_threshold",
      6,
      6,
      6,
      {"image", "gaussian", "block_size", "bound", "above", "below"}};
  PyObject *values[6];
  picture_view picture;
  od_adaptive p;
  bool gaussian;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !convert_bool(values[1], "gaussian", &gaussian) ||
      !read_int(values[2], "block_size", &p.block_size) ||
      !read_int(values[3], "bound", &p.bound) || !read_byte(values[4], "above", &p.above) ||
      !read_byte(values[5], "below", &p.below) || !read_gray(values[0], "image", &picture))
    return NULL;
  p.method = gaussian ? OD_ADAPTIVE_GAUSSIAN : OD_ADAPTIVE_MEAN;
  return apply_operation(module, &picture, picture.first.h, picture.first.w, run_adaptive, &p);
}

/* ---- connected components ---- */

/* statistics (count, 5): left, top, width, height, area; centroids (count, 2): x, y. */
static PyObject *component_arrays(PyObject *labels, const od_component *components, int32_t count) {
  enum { SIGNAL_TURN = 1 << 20 };
  int32_t *numbers;
  double *points;
  PyObject *statistics = new_integers32((int[]){count, 5}, &numbers);
  PyObject *centroids = statistics ? new_doubles((int[]){count, 2}, &points) : NULL;
  if (!centroids) {
    Py_XDECREF(statistics);
    return NULL;
  }
  for (int32_t i = 0; i < count; i++, numbers += 5, points += 2) {
    if (i % SIGNAL_TURN == 0 && PyErr_CheckSignals() < 0) {
      Py_DECREF(statistics);
      Py_DECREF(centroids);
      return NULL;
    }
    const od_component *c = &components[i];
    const int32_t all[5] = {c->left, c->top, c->width, c->height, (int32_t)c->area};
    memcpy(numbers, all, sizeof all);
    points[0] = c->x;
    points[1] = c->y;
  }
  PyObject *result = PyTuple_Pack(3, labels, statistics, centroids);
  Py_DECREF(statistics);
  Py_DECREF(centroids);
  return result;
}

PyObject *image_connected_components(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                                     PyObject *keywords) {
  static const signature accepted = {
      "image_connected_components", 2, 2, 2, {"image", "connectivity"}};
  PyObject *values[2], *result = NULL;
  picture_view picture;
  int connectivity;
  int32_t *labels, found;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !read_int(values[1], "connectivity", &connectivity) ||
      !read_gray(values[0], "image", &picture))
    return NULL;
  od_error error;
  od_status status = OD_OK;
  od_component *components = NULL;
  PyObject *array = new_integers32((int[]){picture.first.h, picture.first.w}, &labels);
  if (array) {
    core_call call;
    od_image_workspace workspace = {.kernels = state_of_module(module)->kernels,
                                    .pool = &call.pool};
    core_call_begin(&call, NULL, true);
    status = od_connected_components(&workspace, &picture.first, connectivity, labels, &components,
                                     &found, &error);
    od_image_workspace_release(&workspace);
    status = core_call_end(&call, status);
    result =
        status == OD_OK ? component_arrays(array, components, found) : raise_status(status, &error);
    od_release(components);
    Py_DECREF(array);
  }
  picture_view_release(&picture);
  return result;
}

/* ---- smoothing ---- */

typedef struct blur_parameters {
  od_gaussian gaussian;
  od_border border;
} blur_parameters;

static od_status run_blur(od_image_workspace *workspace, const od_view *image,
                          const od_target *result, const void *parameters, od_error *error) {
  const blur_parameters *p = parameters;
  return od_gaussian_blur(workspace, image, &p->gaussian, p->border, result, error);
}

PyObject *image_gaussian_blur(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                              PyObject *keywords) {
  static const signature accepted = {
      "image_gaussian_blur",
      6,
      6,
      6,
      {"image", "ksize_y", "ksize_x", "sigma_y", "sigma_x", "border"}};
  PyObject *values[6];
  picture_view picture;
  blur_parameters p;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !read_int(values[1], "ksize_y", &p.gaussian.ksize_y) ||
      !read_int(values[2], "ksize_x", &p.gaussian.ksize_x) ||
      !convert_real(values[3], "sigma_y", &p.gaussian.sigma_y) ||
      !convert_real(values[4], "sigma_x", &p.gaussian.sigma_x) ||
      !read_border(values[5], &p.border) || !read_picture(values[0], "image", &picture))
    return NULL;
  return apply_operation(module, &picture, picture.first.h, picture.first.w, run_blur, &p);
}

/* ---- resizing ---- */

static od_status run_resize(od_image_workspace *workspace, const od_view *image,
                            const od_target *result, const void *parameters, od_error *error) {
  const od_interpolation *interpolation = parameters;
  return od_resize(workspace, image, *interpolation, result, error);
}

PyObject *image_resize(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                       PyObject *keywords) {
  static const char *const names[] = {"linear", "area", NULL};
  static const signature accepted = {"image_resize", 3, 3, 3, {"image", "dsize", "interpolation"}};
  PyObject *values[3];
  picture_view picture;
  int h, w, kind;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !read_size(values[1], "dsize", &h, &w) ||
      !read_choice(values[2], "interpolation", names, &kind) ||
      !read_picture(values[0], "image", &picture))
    return NULL;
  const od_interpolation interpolation = kind ? OD_INTERPOLATION_AREA : OD_INTERPOLATION_LINEAR;
  return apply_operation(module, &picture, h, w, run_resize, &interpolation);
}

/* ---- moments, affine maps, normalization ---- */

PyObject *image_moments(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                        PyObject *keywords) {
  static const signature accepted = {"image_moments", 2, 2, 2, {"image", "binary"}};
  PyObject *values[2];
  picture_view picture;
  bool binary;
  od_moments m;
  od_error error;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !convert_bool(values[1], "binary", &binary) || !read_gray(values[0], "image", &picture))
    return NULL;
  core_call call;
  od_image_workspace workspace = {.kernels = state_of_module(module)->kernels, .pool = &call.pool};
  core_call_begin(&call, NULL, true);
  od_status status = od_image_moments(&workspace, &picture.first, binary, &m, &error);
  od_image_workspace_release(&workspace);
  status = core_call_end(&call, status);
  picture_view_release(&picture);
  if (status != OD_OK) return raise_status(status, &error);
  return Py_BuildValue("(dddddddddddddddddddddddd)", m.m00, m.m10, m.m01, m.m20, m.m11, m.m02,
                       m.m30, m.m21, m.m12, m.m03, m.mu20, m.mu11, m.mu02, m.mu30, m.mu21, m.mu12,
                       m.mu03, m.nu20, m.nu11, m.nu02, m.nu30, m.nu21, m.nu12, m.nu03);
}

typedef struct warp_parameters {
  double matrix[6]; /* from the result to the image */
  od_border border;
  uint8_t border_value;
} warp_parameters;

static od_status run_warp(od_image_workspace *workspace, const od_view *image,
                          const od_target *result, const void *parameters, od_error *error) {
  const warp_parameters *p = parameters;
  return od_warp_affine(workspace, image, p->matrix, p->border, p->border_value, result, error);
}

static bool read_matrix(PyObject *value, double matrix[6]) {
  PyObject *numbers = PySequence_Tuple(value); /* not shared, unlike a list */
  if (!numbers) return false;
  bool right = PyTuple_GET_SIZE(numbers) == 6;
  if (!right) PyErr_SetString(PyExc_ValueError, "matrix: expected 6 numbers");
  for (int k = 0; right && k < 6; k++)
    right = convert_real(PyTuple_GET_ITEM(numbers, k), "matrix", &matrix[k]);
  Py_DECREF(numbers);
  return right;
}

PyObject *image_warp_affine(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                            PyObject *keywords) {
  static const signature accepted = {
      "image_warp_affine",
      7,
      7,
      7,
      {"image", "matrix", "inverse", "h", "w", "border", "border_value"}};
  PyObject *values[7];
  picture_view picture;
  warp_parameters p;
  double matrix[6];
  bool inverse;
  long long h, w;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !read_matrix(values[1], matrix) || !convert_bool(values[2], "inverse", &inverse) ||
      !convert_int(values[3], "h", 1, OD_MAX_IMAGE_SIDE, &h) ||
      !convert_int(values[4], "w", 1, OD_MAX_IMAGE_SIDE, &w) ||
      !read_border(values[5], &p.border) ||
      !read_byte(values[6], "border_value", &p.border_value) ||
      !read_picture(values[0], "image", &picture))
    return NULL;
  if (inverse)
    memcpy(p.matrix, matrix, sizeof matrix);
  else
    od_invert_affine(matrix, p.matrix);
  return apply_operation(module, &picture, (int)h, (int)w, run_warp, &p);
}

static od_status run_deskew(od_image_workspace *workspace, const od_view *image,
                            const od_target *result, const void *parameters, od_error *error) {
  (void)parameters;
  double skew;
  return od_deskew(workspace, image, result, &skew, error);
}

PyObject *image_deskew(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                       PyObject *keywords) {
  static const signature accepted = {"image_deskew", 1, 1, 1, {"image"}};
  PyObject *value;
  picture_view picture;
  if (!arguments_read(&accepted, arguments, count, keywords, &value) ||
      !read_gray(value, "image", &picture))
    return NULL;
  return apply_operation(module, &picture, picture.first.h, picture.first.w, run_deskew, NULL);
}

static od_status run_normalize(od_image_workspace *workspace, const od_view *image,
                               const od_target *result, const void *parameters, od_error *error) {
  const double *range = parameters;
  return od_normalize(workspace, image, range[0], range[1], result, error);
}

PyObject *image_normalize(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                          PyObject *keywords) {
  static const signature accepted = {"image_normalize", 3, 3, 3, {"image", "alpha", "beta"}};
  PyObject *values[3];
  picture_view picture;
  double range[2];
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !convert_real(values[1], "alpha", &range[0]) || !convert_real(values[2], "beta", &range[1]) ||
      !read_gray(values[0], "image", &picture))
    return NULL;
  return apply_operation(module, &picture, picture.first.h, picture.first.w, run_normalize, range);
}
