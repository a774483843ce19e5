#include "convert.h"

#include "image/limits.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NPY_NO_DEPRECATED_API NPY_1_25_API_VERSION /* of NumPy 1.26 as well */
#define NPY_TARGET_VERSION NPY_1_25_API_VERSION
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>

enum { MAX_RANK = 4 };

int convert_setup(void) {
  import_array1(-1);
  return 0;
}

/* ---- single values ---- */

/* Shows the value if its repr is short, else its type. */
static bool refuse(PyObject *exception, const char *name, PyObject *value, const char *expected) {
  bool brief = value == Py_None || PyUnicode_Check(value) || PyLong_Check(value) ||
               PyFloat_Check(value) || PyArray_CheckScalar(value);
  if (brief)
    PyErr_Format(exception, "%s: got %.100R, expected %s", name, value, expected);
  else
    PyErr_Format(exception, "%s: got %.100s, expected %s", name, Py_TYPE(value)->tp_name, expected);
  return false;
}

/* An exact Python int from any integer but a bool; NULL with TypeError set. */
static PyObject *exact_int(PyObject *value, const char *name) {
  if (PyIndex_Check(value) && !PyBool_Check(value) && !PyArray_IsScalar(value, Bool))
    return PyNumber_Index(value);
  refuse(PyExc_TypeError, name, value, "an integer");
  return NULL;
}

/* Clears an error of this class; false, and it stays, if it is another, such as a MemoryError. */
static bool clear_error(PyObject *class) {
  if (!PyErr_ExceptionMatches(class)) return false;
  PyErr_Clear();
  return true;
}

bool convert_int(PyObject *value, const char *name, long long low, long long high,
                 long long *result) {
  PyObject *integer = exact_int(value, name);
  if (!integer) return false;
  int overflow;
  *result = PyLong_AsLongLongAndOverflow(integer, &overflow);
  bool inside = !overflow && *result >= low && *result <= high;
  if (!inside)
    PyErr_Format(PyExc_ValueError, "%s: got %.100R, expected an integer from %lld to %lld", name,
                 integer, low, high);
  Py_DECREF(integer);
  return inside;
}

bool convert_seed(PyObject *value, const char *name, uint64_t *result) {
  PyObject *integer = exact_int(value, name);
  if (!integer) return false;
  *result = PyLong_AsUnsignedLongLong(integer);
  bool inside = !PyErr_Occurred();
  if (!inside && clear_error(PyExc_OverflowError))
    refuse(PyExc_ValueError, name, integer, "an integer from 0 to 2**64 - 1");
  Py_DECREF(integer);
  return inside;
}

bool convert_real(PyObject *value, const char *name, double *result) {
  bool number = PyFloat_Check(value) || PyLong_Check(value) || PyArray_IsScalar(value, Number);
  if (!number || PyBool_Check(value) || PyArray_IsScalar(value, ComplexFloating))
    return refuse(PyExc_TypeError, name, value, "a number");
  *result = PyFloat_AsDouble(value);
  if (PyErr_Occurred()) { /* an integer above the range of doubles */
    if (!clear_error(PyExc_OverflowError)) return false;
    *result = INFINITY;
  }
  return isfinite(*result) || refuse(PyExc_ValueError, name, value, "a finite number");
}

bool convert_bool(PyObject *value, const char *name, bool *result) {
  if (!PyBool_Check(value) && !PyArray_IsScalar(value, Bool))
    return refuse(PyExc_TypeError, name, value, "True or False");
  *result = PyObject_IsTrue(value);
  return true;
}

bool is_false(PyObject *value) {
  return value == Py_False ||
         (PyArray_IsScalar(value, Bool) && PyArrayScalar_VAL(value, Bool) == NPY_FALSE);
}

PyObject *convert_dict(PyObject *value, const char *name) {
  if (!PyDict_Check(value)) {
    PyObject *keys = PyObject_GetAttrString(value, "keys");
    if (!keys) {
      if (clear_error(PyExc_AttributeError)) refuse(PyExc_TypeError, name, value, "a dict");
      return NULL;
    }
    Py_DECREF(keys);
  }
  PyObject *dict = PyDict_New();
  if (dict && PyDict_Update(dict, value) < 0) Py_CLEAR(dict);
  return dict;
}

/* ---- input arrays ---- */

static bool refuse_shape(PyArrayObject *array, const char *name, const char *expected) {
  PyObject *shape = PyArray_IntTupleFromIntp(PyArray_NDIM(array), PyArray_DIMS(array));
  if (!shape) return false;
  PyErr_Format(PyExc_ValueError, "%s: got shape %R, expected %s", name, shape, expected);
  Py_DECREF(shape);
  return false;
}

/* The array, if its values can be read in place; `types` names the accepted dtypes. */
static PyArrayObject *readable(PyObject *value, const char *name, bool bytes, bool floats,
                               const char *types) {
  if (!PyArray_Check(value)) {
    PyErr_Format(PyExc_TypeError, "%s: got %.100s, expected a NumPy array of %s", name,
                 Py_TYPE(value)->tp_name, types);
    return NULL;
  }
  PyArrayObject *array = (PyArrayObject *)value;
  int type = PyArray_TYPE(array);
  bool taken = (bytes && type == NPY_UINT8) || (floats && type == NPY_FLOAT32);
  if (!taken || !PyArray_ISNOTSWAPPED(array)) {
    PyErr_Format(PyExc_TypeError, "%s: got dtype %S, expected %s", name, PyArray_DESCR(array),
                 types);
    return NULL;
  }
  if (!PyArray_ISCARRAY_RO(array)) {
    PyErr_Format(PyExc_ValueError,
                 "%s: got strides or alignment that cannot be read in place, "
                 "expected a C-contiguous array (numpy.ascontiguousarray makes one)",
                 name);
    return NULL;
  }
  return array;
}

static void view_images(PyArrayObject *array, size_t count, size_t size, double scale,
                        image_view *view) {
  bool bytes = PyArray_TYPE(array) == NPY_UINT8;
  *view = (image_view){.images = {.bytes = bytes ? PyArray_DATA(array) : NULL,
                                  .floats = bytes ? NULL : PyArray_DATA(array),
                                  .count = count,
                                  .size = size,
                                  .scale = scale},
                       .array = Py_NewRef(array)};
}

bool convert_images(PyObject *value, const char *name, size_t size, double scale,
                    image_view *view) {
  PyArrayObject *array = readable(value, name, true, true, "uint8 or float32");
  if (!array) return false;
  size_t count = PyArray_NDIM(array) ? (size_t)PyArray_DIM(array, 0) : 0;
  size_t total = (size_t)PyArray_SIZE(array);
  if (count == 0 || count > INT_MAX || total % count || total / count != size) {
    char expected[96];
    snprintf(expected, sizeof expected, "(n, ...) with n from 1 and %zu numbers an image", size);
    return refuse_shape(array, name, expected);
  }
  view_images(array, count, size, scale, view);
  return true;
}

/* The number of images of an array (side, side) or of a batch; 0 for other shapes. */
static npy_intp count_images(PyArrayObject *array, npy_intp side, bool *single) {
  const int rank = PyArray_NDIM(array);
  const npy_intp *shape = PyArray_DIMS(array);
  *single = rank == 2 && shape[0] == side && shape[1] == side;
  if (*single) return 1;
  const bool batch =
      (rank == 2 && shape[1] == side * side) ||
      ((rank == 3 || (rank == 4 && shape[3] == 1)) && shape[1] == side && shape[2] == side);
  return batch ? shape[0] : 0;
}

bool convert_plain_images(PyObject *value, int side, image_view *view, bool *single) {
  if (!PyArray_CheckExact(value)) return false;
  PyArrayObject *array = (PyArrayObject *)value;
  const int type = PyArray_TYPE(array);
  if ((type != NPY_UINT8 && type != NPY_FLOAT32) || !PyArray_ISNOTSWAPPED(array) ||
      !PyArray_ISCARRAY_RO(array))
    return false;
  const npy_intp count = count_images(array, side, single);
  if (count < 1 || count > INT_MAX) return false;
  view_images(array, (size_t)count, (size_t)side * (size_t)side, 1, view);
  return true;
}

void image_view_release(image_view *view) { Py_CLEAR(view->array); }

/* A copy of an array of labels, `length` per image. */
static bool copy_labels(PyArrayObject *array, const char *name, size_t count, size_t length,
                        int classes, uint8_t **labels) {
  uint8_t *copy = PyMem_Malloc(count * length);
  if (!copy) {
    PyErr_NoMemory();
    return false;
  }
  memcpy(copy, PyArray_DATA(array), count * length);
  for (size_t i = 0; i < count * length; i++) {
    if (copy[i] < classes) continue;
    PyErr_Format(PyExc_ValueError, "%s: got %d at index %zu, expected 0 to %d", name, copy[i],
                 i / length, classes - 1);
    PyMem_Free(copy);
    return false;
  }
  *labels = copy;
  return true;
}

bool convert_labels(PyObject *value, const char *name, size_t count, int classes,
                    uint8_t **labels) {
  PyArrayObject *array = readable(value, name, true, false, "uint8");
  if (!array) return false;
  if (PyArray_NDIM(array) != 1 || (size_t)PyArray_DIM(array, 0) != count) {
    char expected[64];
    snprintf(expected, sizeof expected, "(%zu,), one label an image", count);
    return refuse_shape(array, name, expected);
  }
  return copy_labels(array, name, count, 1, classes, labels);
}

bool convert_line_labels(PyObject *value, const char *name, size_t count, int steps, int classes,
                         uint8_t **labels, size_t *length) {
  PyArrayObject *array = readable(value, name, true, false, "uint8");
  if (!array) return false;
  if (PyArray_NDIM(array) != 2 || (size_t)PyArray_DIM(array, 0) != count ||
      PyArray_DIM(array, 1) < 1 || PyArray_DIM(array, 1) > steps) {
    char expected[96];
    snprintf(expected, sizeof expected, "(%zu, length), up to %d labels a line", count, steps);
    return refuse_shape(array, name, expected);
  }
  *length = (size_t)PyArray_DIM(array, 1);
  return copy_labels(array, name, count, *length, classes, labels);
}

bool convert_map_labels(PyObject *value, const char *name, size_t count, od_shape map,
                        uint8_t **labels) {
  PyArrayObject *array = readable(value, name, true, false, "uint8");
  if (!array) return false;
  if (PyArray_NDIM(array) != 3 || (size_t)PyArray_DIM(array, 0) != count ||
      PyArray_DIM(array, 1) != map.h || PyArray_DIM(array, 2) != map.w) {
    char expected[96];
    snprintf(expected, sizeof expected, "(%zu, %d, %d), one label a pixel", count, map.h, map.w);
    return refuse_shape(array, name, expected);
  }
  const size_t pixels = (size_t)map.h * (size_t)map.w, size = count * pixels;
  uint8_t *copy = PyMem_Malloc(size);
  if (!copy) {
    PyErr_NoMemory();
    return false;
  }
  memcpy(copy, PyArray_DATA(array), size);
  for (size_t i = 0; i < size; i++) {
    if (copy[i] < map.c || copy[i] == OD_IGNORE_LABEL) continue;
    PyErr_Format(PyExc_ValueError,
                 "%s: got %d for a pixel of image %zu, expected 0 to %d, or %d to ignore it", name,
                 copy[i], i / pixels, map.c - 1, OD_IGNORE_LABEL);
    PyMem_Free(copy);
    return false;
  }
  *labels = copy;
  return true;
}

bool convert_tensor(PyObject *value, const char *name, int rank, const int *shape,
                    const float **numbers) {
  PyArrayObject *array = readable(value, name, false, true, "float32");
  if (!array) return false;
  bool same = PyArray_NDIM(array) == rank;
  for (int i = 0; same && i < rank; i++) same = PyArray_DIM(array, i) == shape[i];
  if (!same) {
    char expected[64];
    int end = snprintf(expected, sizeof expected, "(");
    for (int i = 0; i < rank; i++)
      end += snprintf(expected + end, sizeof expected - (size_t)end, "%d%s", shape[i],
                      i + 1 < rank ? ", "
                      : rank == 1  ? ",)"
                                   : ")");
    return refuse_shape(array, name, expected);
  }
  const float *x = PyArray_DATA(array);
  for (npy_intp i = 0, size = PyArray_SIZE(array); i < size; i++) {
    if (isfinite(x[i])) continue;
    PyErr_Format(PyExc_ValueError, "%s: got a number that is not finite, expected only finite ones",
                 name);
    return false;
  }
  *numbers = x;
  return true;
}

static bool sides_fit(PyArrayObject *array) {
  for (int i = 0; i < PyArray_NDIM(array); i++)
    if (PyArray_DIM(array, i) < 1 || PyArray_DIM(array, i) > INT_MAX) return false;
  return true;
}

bool convert_picture(PyObject *value, const char *name, int channels, int *h, int *w,
                     const uint8_t **pixels) {
  PyArrayObject *array = readable(value, name, true, false, "uint8");
  if (!array) return false;
  int rank = channels ? 3 : 2;
  if (PyArray_NDIM(array) != rank || !sides_fit(array) ||
      (channels && PyArray_DIM(array, 2) != channels)) {
    char expected[64];
    snprintf(expected, sizeof expected, channels ? "(h, w, %d)" : "(h, w)", channels);
    return refuse_shape(array, name, expected);
  }
  *h = (int)PyArray_DIM(array, 0);
  *w = (int)PyArray_DIM(array, 1);
  *pixels = PyArray_DATA(array);
  return true;
}

bool sides_are_allowed(const char *name, int h, int w) {
  if (h <= OD_MAX_IMAGE_SIDE && w <= OD_MAX_IMAGE_SIDE) return true;
  PyErr_Format(PyExc_ValueError, "%s: got %d x %d pixels, expected sides up to %d", name, h, w,
               OD_MAX_IMAGE_SIDE);
  return false;
}

bool convert_any_picture(PyObject *value, const char *name, int *h, int *w, int *channels,
                         const uint8_t **bytes, const float **floats) {
  PyArrayObject *array = readable(value, name, true, true, "uint8 or float32");
  if (!array) return false;
  const int rank = PyArray_NDIM(array);
  const npy_intp last = rank == 3 ? PyArray_DIM(array, 2) : 1;
  if ((rank != 2 && rank != 3) || !sides_fit(array) || (last != 1 && last != 3 && last != 4))
    return refuse_shape(array, name, "(h, w), (h, w, 1), (h, w, 3) or (h, w, 4)");
  *h = (int)PyArray_DIM(array, 0);
  *w = (int)PyArray_DIM(array, 1);
  *channels = (int)last;
  *bytes = PyArray_TYPE(array) == NPY_UINT8 ? PyArray_DATA(array) : NULL;
  *floats = *bytes ? NULL : PyArray_DATA(array);
  return true;
}

bool convert_picture_view(PyObject *value, const char *name, picture_view *view) {
  if (!PyArray_Check(value)) return refuse(PyExc_TypeError, name, value, "a NumPy array of uint8");
  PyArrayObject *array = (PyArrayObject *)value;
  if (PyArray_TYPE(array) != NPY_UINT8) {
    PyErr_Format(PyExc_TypeError, "%s: got dtype %S, expected uint8", name, PyArray_DESCR(array));
    return false;
  }
  const int rank = PyArray_NDIM(array);
  if ((rank != 2 && rank != 3) || !sides_fit(array) || (rank == 3 && PyArray_DIM(array, 2) > 4))
    return refuse_shape(array, name, "(h, w) or (h, w, channels) with 1 to 4 channels");
  *view = (picture_view){.first = {.pixels = PyArray_DATA(array),
                                   .h = (int)PyArray_DIM(array, 0),
                                   .w = (int)PyArray_DIM(array, 1),
                                   .row = PyArray_STRIDE(array, 0),
                                   .column = PyArray_STRIDE(array, 1)},
                         .channel = rank == 3 ? PyArray_STRIDE(array, 2) : 0,
                         .channels = rank == 3 ? (int)PyArray_DIM(array, 2) : 0,
                         .array = Py_NewRef(value)};
  return true;
}

void picture_view_release(picture_view *view) { Py_CLEAR(view->array); }

bool convert_cells(PyObject *value, const char *name, int longest, cells_view *view) {
  PyArrayObject *array = (PyArrayObject *)PyArray_FROM_O(value);
  if (!array) return false;
  bool fits = true;
  if (!PyArray_ISINTEGER(array) && !PyArray_ISBOOL(array)) {
    PyErr_Format(PyExc_TypeError, "%s: got dtype %S, expected integers or bools", name,
                 PyArray_DESCR(array));
    fits = false;
  } else if (PyArray_NDIM(array) != 2 || !sides_fit(array) || PyArray_DIM(array, 0) > longest ||
             PyArray_DIM(array, 1) > longest) {
    char expected[64];
    snprintf(expected, sizeof expected, "(h, w) with sides from 1 to %d", longest);
    fits = refuse_shape(array, name, expected);
  }
  /* Converted to bools unless it is contiguous bytes. */
  if (fits && (PyArray_TYPE(array) != NPY_UINT8 || !PyArray_IS_C_CONTIGUOUS(array))) {
    PyArray_Descr *bools = PyArray_DescrFromType(NPY_BOOL);
    Py_SETREF(array, (PyArrayObject *)PyArray_CastToType(array, bools, 0));
  }
  if (array && fits)
    *view = (cells_view){(int)PyArray_DIM(array, 0), (int)PyArray_DIM(array, 1),
                         PyArray_DATA(array), (PyObject *)array};
  else
    Py_XDECREF(array);
  return array && fits;
}

void cells_view_release(cells_view *view) { Py_CLEAR(view->array); }

bool convert_pictures(PyObject *value, const char *name, int *n, int *h, int *w,
                      const float **pixels) {
  PyArrayObject *array = readable(value, name, false, true, "float32");
  if (!array) return false;
  if (PyArray_NDIM(array) != 3 || !sides_fit(array)) return refuse_shape(array, name, "(n, h, w)");
  *n = (int)PyArray_DIM(array, 0);
  *h = (int)PyArray_DIM(array, 1);
  *w = (int)PyArray_DIM(array, 2);
  *pixels = PyArray_DATA(array);
  return true;
}

/* ---- result arrays ---- */

static PyObject *new_array(int rank, const npy_intp *shape, int type, void **data) {
  PyObject *array = PyArray_SimpleNew(rank, shape, type);
  if (array) *data = PyArray_DATA((PyArrayObject *)array);
  return array;
}

PyObject *new_floats(int rank, const int *shape, float **numbers) {
  npy_intp sides[MAX_RANK];
  for (int i = 0; i < rank; i++) sides[i] = shape[i];
  return new_array(rank, sides, NPY_FLOAT32, (void **)numbers);
}

PyObject *new_float_rows(size_t rows, int columns, float **numbers) {
  return new_array(2, (npy_intp[]){(npy_intp)rows, columns}, NPY_FLOAT32, (void **)numbers);
}

PyObject *new_float_blocks(size_t blocks, int rows, int columns, float **numbers) {
  return new_array(3, (npy_intp[]){(npy_intp)blocks, rows, columns}, NPY_FLOAT32, (void **)numbers);
}

PyObject *new_float_maps(size_t maps, int h, int w, int channels, float **numbers) {
  return new_array(4, (npy_intp[]){(npy_intp)maps, h, w, channels}, NPY_FLOAT32, (void **)numbers);
}

PyObject *new_integer_rows(size_t rows, int columns, int64_t **numbers) {
  return new_array(2, (npy_intp[]){(npy_intp)rows, columns}, NPY_INT64, (void **)numbers);
}

PyObject *new_integer_maps(size_t maps, int h, int w, int64_t **numbers) {
  return new_array(3, (npy_intp[]){(npy_intp)maps, h, w}, NPY_INT64, (void **)numbers);
}

PyObject *new_picture(int h, int w, int channels, uint8_t **pixels) {
  const npy_intp shape[3] = {h, w, channels};
  return new_array(channels ? 3 : 2, shape, NPY_UINT8, (void **)pixels);
}

PyObject *new_bytes(int h, int w, uint8_t **numbers) {
  return new_array(2, (npy_intp[]){h, w}, NPY_UINT8, (void **)numbers);
}

PyObject *new_integers(size_t count, int64_t **numbers) {
  npy_intp length = (npy_intp)count;
  return new_array(1, &length, NPY_INT64, (void **)numbers);
}

PyObject *new_integers32(const int shape[2], int32_t **numbers) {
  const npy_intp sides[2] = {shape[0], shape[1]};
  return new_array(2, sides, NPY_INT32, (void **)numbers);
}

PyObject *new_doubles(const int shape[2], double **numbers) {
  const npy_intp sides[2] = {shape[0], shape[1]};
  return new_array(2, sides, NPY_FLOAT64, (void **)numbers);
}

PyObject *new_double_vector(size_t count, double **numbers) {
  npy_intp length = (npy_intp)count;
  return new_array(1, &length, NPY_FLOAT64, (void **)numbers);
}

PyObject *new_bools(size_t count, bool **flags) {
  npy_intp length = (npy_intp)count;
  return new_array(1, &length, NPY_BOOL, (void **)flags);
}
