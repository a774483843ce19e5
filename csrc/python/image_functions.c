#include "image_functions.h"

#include <string.h>

#include "arguments.h"
#include "convert.h"
#include "errors.h"
#include "image/image.h"
#include "digit/preprocess.h"
#include "runtime.h"

enum { MAX_SIDE = 16384, PREPARE_STEPS = 4 };

/* A picture that stays while the GIL is released. */
typedef struct picture {
  int h, w;
  const uint8_t *pixels;
  PyObject *array;
} picture;

static bool read_picture(PyObject *value, int channels, picture *image) {
  if (!convert_picture(value, "image", channels, &image->h, &image->w, &image->pixels))
    return false;
  if (image->h > MAX_SIDE || image->w > MAX_SIDE) {
    PyErr_Format(PyExc_ValueError, "image: got %d x %d pixels, expected sides up to %d", image->h,
                 image->w, MAX_SIDE);
    return false;
  }
  image->array = Py_NewRef(value);
  return true;
}

static size_t size_of(const picture *image) { return (size_t)image->h * (size_t)image->w; }

PyObject *image_rgb_to_gray(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                            Py_ssize_t count, PyObject *keywords) {
  static const signature accepted = {"rgb_to_gray", 1, 1, 1, {"image"}};
  PyObject *value;
  picture image;
  uint8_t *gray;
  if (!arguments_read(&accepted, arguments, count, keywords, &value) ||
      !read_picture(value, 3, &image))
    return NULL;
  PyObject *result = new_bytes(image.h, image.w, &gray);
  if (result) {
    Py_BEGIN_ALLOW_THREADS
    od_rgb_to_gray(size_of(&image), image.pixels, gray);
    Py_END_ALLOW_THREADS
  }
  Py_DECREF(image.array);
  return result;
}

PyObject *image_rgba_to_gray(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                             Py_ssize_t count, PyObject *keywords) {
  static const signature accepted = {"rgba_to_gray", 2, 2, 2, {"image", "background"}};
  PyObject *values[2];
  picture image;
  long long background;
  uint8_t *gray;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !convert_int(values[1], "background", 0, 255, &background) ||
      !read_picture(values[0], 4, &image))
    return NULL;
  PyObject *result = new_bytes(image.h, image.w, &gray);
  if (result) {
    Py_BEGIN_ALLOW_THREADS
    od_rgba_to_gray(size_of(&image), image.pixels, (uint8_t)background, gray);
    Py_END_ALLOW_THREADS
  }
  Py_DECREF(image.array);
  return result;
}

PyObject *image_otsu_threshold(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                               Py_ssize_t count, PyObject *keywords) {
  static const signature accepted = {"otsu_threshold", 1, 1, 1, {"image"}};
  PyObject *value;
  picture image;
  uint8_t threshold;
  if (!arguments_read(&accepted, arguments, count, keywords, &value) ||
      !read_picture(value, 0, &image))
    return NULL;
  Py_BEGIN_ALLOW_THREADS
  threshold = od_otsu_threshold(size_of(&image), image.pixels);
  Py_END_ALLOW_THREADS
  Py_DECREF(image.array);
  return PyLong_FromLong(threshold);
}

PyObject *image_resize_gray(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                            Py_ssize_t count, PyObject *keywords) {
  static const signature accepted = {"resize_gray", 3, 3, 3, {"image", "height", "width"}};
  PyObject *values[3];
  picture image;
  long long height, width;
  float *pixels;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !convert_int(values[1], "height", 1, MAX_SIDE, &height) ||
      !convert_int(values[2], "width", 1, MAX_SIDE, &width) || !read_picture(values[0], 0, &image))
    return NULL;
  od_error error;
  od_status status = OD_OK;
  PyObject *result = new_floats(2, (int[]){(int)height, (int)width}, &pixels);
  if (result) {
    Py_BEGIN_ALLOW_THREADS
    status =
        od_resize_gray(image.h, image.w, image.pixels, (int)height, (int)width, pixels, &error);
    Py_END_ALLOW_THREADS
  }
  Py_DECREF(image.array);
  if (status == OD_OK) return result;
  Py_DECREF(result);
  return raise_status(status, &error);
}

PyObject *image_is_mnist_like(PyObject *Py_UNUSED(module), PyObject *const *arguments,
                              Py_ssize_t count, PyObject *keywords) {
  static const signature accepted = {"is_canonical", 1, 1, 1, {"image"}};
  PyObject *value;
  picture image;
  bool answer;
  if (!arguments_read(&accepted, arguments, count, keywords, &value) ||
      !read_picture(value, 0, &image))
    return NULL;
  Py_BEGIN_ALLOW_THREADS
  answer = od_is_canonical(image.h, image.w, image.pixels);
  Py_END_ALLOW_THREADS
  Py_DECREF(image.array);
  return PyBool_FromLong(answer);
}

static PyObject *prepare_picture(PyObject *module, const picture *image, od_preprocess_steps *steps) {
  od_image_workspace imaging = {.kernels = state_of_module(module)->kernels};
  float *pixels;
  od_error error;
  od_status status = OD_OK;
  PyObject *result = new_floats(2, (int[]){28, 28}, &pixels);
  if (!result) return NULL;
  Py_BEGIN_ALLOW_THREADS
  status = od_preprocess_digit(&imaging, image->h, image->w, image->w, image->pixels, steps, pixels,
                            &error);
  od_image_workspace_release(&imaging);
  Py_END_ALLOW_THREADS
  if (status == OD_OK) return result;
  Py_DECREF(result);
  return raise_status(status, &error);
}

PyObject *image_prepare_digit(PyObject *module, PyObject *const *arguments,
                              Py_ssize_t count, PyObject *keywords) {
  static const signature accepted = {"preprocess_digit", 1, 1, 1, {"image"}};
  PyObject *value;
  picture image;
  if (!arguments_read(&accepted, arguments, count, keywords, &value) ||
      !read_picture(value, 0, &image))
    return NULL;
  PyObject *result = prepare_picture(module, &image, NULL);
  Py_DECREF(image.array);
  return result;
}

static PyObject *copy_bytes(int h, int w, const uint8_t *from) {
  uint8_t *pixels;
  PyObject *array = new_bytes(h, w, &pixels);
  if (array) memcpy(pixels, from, (size_t)h * (size_t)w);
  return array;
}

PyObject *image_prepare_steps(PyObject *module, PyObject *const *arguments,
                              Py_ssize_t count, PyObject *keywords) {
  static const signature accepted = {"preprocess_steps", 1, 1, 1, {"image"}};
  PyObject *value, *result = NULL;
  od_preprocess_steps steps = {0};
  picture image;
  if (!arguments_read(&accepted, arguments, count, keywords, &value) ||
      !read_picture(value, 0, &image))
    return NULL;
  PyObject *digit = prepare_picture(module, &image, &steps);
  if (digit) {
    PyObject *arrays[PREPARE_STEPS];
    const uint8_t *pixels[] = {steps.gray, steps.paper, steps.ink, steps.digit};
    for (int i = 0; i < PREPARE_STEPS; i++) arrays[i] = copy_bytes(steps.h, steps.w, pixels[i]);
    /* "N" takes references over; where an array is missing, it fails. */
    result = Py_BuildValue("(NNNNN(ddd))", arrays[0], arrays[1], arrays[2], arrays[3], digit,
                           steps.left, steps.top, steps.side);
  }
  od_preprocess_steps_release(&steps);
  Py_DECREF(image.array);
  return result;
}
