/* Conversion of Python objects to values and views of the core, and of results to arrays; the
 * only file that uses NumPy. Errors name the argument, the value and what was expected: TypeError
 * for the type of an object, ValueError for a value or a shape. All functions here may run Python
 * code, so call them without any lock.
 *
 * Arrays are read in place. A view holds a reference to its array, which keeps it alive while the
 * GIL is released. */
#ifndef OD_PYTHON_CONVERT_H
#define OD_PYTHON_CONVERT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#include "image/view.h"
#include "nn/images.h"
#include "nn/layer.h"

/* Loads NumPy's function table; 0, or -1 with an exception set. */
int convert_setup(void);

bool convert_int(PyObject *value, const char *name, long long low, long long high,
                 long long *result);
bool convert_seed(PyObject *value, const char *name, uint64_t *result);
bool convert_real(PyObject *value, const char *name, double *result); /* finite */
bool convert_bool(PyObject *value, const char *name, bool *result);
bool is_false(PyObject *value); /* False itself, Python's or NumPy's */

/* A new dict with the items of a mapping. */
PyObject *convert_dict(PyObject *value, const char *name);

/* A batch, as nn/images.h has it: uint8 or float32, at least one image. */
typedef struct image_view {
  od_images images;
  PyObject *array;
} image_view;
bool convert_images(PyObject *value, const char *name, size_t size, double scale, image_view *view);
/* The same for a plain array of one image (side, side) or of a batch (n, side, side),
 * (n, side, side, 1) or (n, side * side); false without an exception for other objects. */
bool convert_plain_images(PyObject *value, int side, image_view *view, bool *single);
void image_view_release(image_view *view); /* a view of zeros is fine */

/* A checked copy of labels (count), each below `classes`: the caller's array may
 * change while the GIL is released. Free it with PyMem_Free. */
bool convert_labels(PyObject *value, const char *name, size_t count, int classes, uint8_t **labels);

/* The same for labels (count, length) of lines, of 1 to `steps` each. */
bool convert_line_labels(PyObject *value, const char *name, size_t count, int steps, int classes,
                         uint8_t **labels, size_t *length);

/* The same for labels (count, h, w) of pixels, each below `classes` or OD_IGNORE_LABEL. */
bool convert_map_labels(PyObject *value, const char *name, size_t count, od_shape map,
                        uint8_t **labels);

/* The numbers of a float32 array of exactly this shape, all finite; they live as long
 * as the array. `name` is for errors. */
bool convert_tensor(PyObject *value, const char *name, int rank, const int *shape,
                    const float **numbers);

/* The pixels of a uint8 image (h, w) or, with channels, (h, w, channels); or of
 * float32 images (n, h, w). They live as long as the array; no side is 0. */
bool convert_picture(PyObject *value, const char *name, int channels, int *h, int *w,
                     const uint8_t **pixels);
bool convert_pictures(PyObject *value, const char *name, int *n, int *h, int *w,
                      const float **pixels);

/* Whether the sides of an image are at most OD_MAX_IMAGE_SIDE; false with a ValueError set. */
bool sides_are_allowed(const char *name, int h, int w);

/* The values of an image (h, w) or (h, w, 1|3|4), of uint8 or float32: one of the pointers is set.
 * They live as long as the array. */
bool convert_any_picture(PyObject *value, const char *name, int *h, int *w, int *channels,
                         const uint8_t **bytes, const float **floats);

/* A uint8 image (h, w) or (h, w, channels) in place, with any strides. No side is 0; there are at
 * most 4 channels. */
typedef struct picture_view {
  od_view first; /* its first channel */
  ptrdiff_t channel;
  int channels; /* 0 for (h, w) */
  PyObject *array;
} picture_view;
bool convert_picture_view(PyObject *value, const char *name, picture_view *view);
void picture_view_release(picture_view *view); /* a view of zeros is fine */

/* The elements (h, w) of a structuring element, from an array of integers or bools: nonzero where
 * it is set. No side is 0 or above `longest`. */
typedef struct cells_view {
  int h, w;
  const uint8_t *cells;
  PyObject *array;
} cells_view;
bool convert_cells(PyObject *value, const char *name, int longest, cells_view *view);
void cells_view_release(cells_view *view); /* a view of zeros is fine */

/* New arrays, uninitialized. */
PyObject *new_floats(int rank, const int *shape, float **numbers);
PyObject *new_float_rows(size_t rows, int columns, float **numbers);
PyObject *new_bytes(int h, int w, uint8_t **numbers);
PyObject *new_picture(int h, int w, int channels, uint8_t **pixels); /* channels 0: (h, w) */
PyObject *new_float_blocks(size_t blocks, int rows, int columns, float **numbers);
PyObject *new_float_maps(size_t maps, int h, int w, int channels, float **numbers);
PyObject *new_integers(size_t count, int64_t **numbers);
PyObject *new_integer_rows(size_t rows, int columns, int64_t **numbers);
PyObject *new_integer_maps(size_t maps, int h, int w, int64_t **numbers);
PyObject *new_integers32(const int shape[2], int32_t **numbers);
PyObject *new_doubles(const int shape[2], double **numbers);
PyObject *new_double_vector(size_t count, double **numbers);
PyObject *new_bools(size_t count, bool **flags);

#endif
