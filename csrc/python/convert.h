/* Python objects to the values and views of the core, and results to arrays; the
 * only file that knows NumPy. A refusal names the argument, says what came and what
 * was expected: TypeError for another kind of object, ValueError for a value or a
 * shape. All functions here may run Python code, so call them without any lock.
 *
 * Arrays are read where they are. What is only a view holds a reference to its
 * array, so that the array stays while the GIL is released. */
#ifndef OD_PYTHON_CONVERT_H
#define OD_PYTHON_CONVERT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#include "image/view.h"
#include "nn/images.h"

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
/* The same, without an exception where it is something else, for a plain array of one image
 * (side, side) or of a batch (n, side, side), (n, side, side, 1) or (n, side * side). */
bool convert_plain_images(PyObject *value, int side, image_view *view, bool *single);
void image_view_release(image_view *view); /* also of one that is all zeros */

/* A checked copy of labels (count), each below `classes`: the caller's array may
 * change while the GIL is released. Free it with PyMem_Free. */
bool convert_labels(PyObject *value, const char *name, size_t count, int classes, uint8_t **labels);

/* The same for labels (count, length) of lines, of 1 to `columns` each. */
bool convert_line_labels(PyObject *value, const char *name, size_t count, int columns, int classes,
                         uint8_t **labels, size_t *length);

/* The numbers of a float32 array of exactly this shape, all finite; they live as long
 * as the array. `name` is for errors. */
bool convert_tensor(PyObject *value, const char *name, int rank, const int *shape,
                    const float **numbers);

/* The pixels of a uint8 picture (h, w) or, with channels, (h, w, channels); or of
 * float32 pictures (n, h, w). They live as long as the array; no side is 0. */
bool convert_picture(PyObject *value, const char *name, int channels, int *h, int *w,
                     const uint8_t **pixels);
bool convert_pictures(PyObject *value, const char *name, int *n, int *h, int *w,
                      const float **pixels);

/* The numbers of a picture (h, w) or (h, w, 1|3|4), of uint8 or float32: one of the pointers is
 * set. They live as long as the array. */
bool convert_any_picture(PyObject *value, const char *name, int *h, int *w, int *channels,
                         const uint8_t **bytes, const float **floats);

/* A uint8 picture (h, w) or (h, w, channels) where it lies, with any strides. No side is
 * 0; there are at most 4 channels. */
typedef struct picture_view {
  od_view first; /* its first channel */
  ptrdiff_t channel;
  int channels; /* 0 for (h, w) */
  PyObject *array;
} picture_view;
bool convert_picture_view(PyObject *value, const char *name, picture_view *view);
void picture_view_release(picture_view *view); /* also of one that is all zeros */

/* The cells (h, w) of a kernel, from anything that is an array of integers or bools: not 0 for
 * those that count. No side is 0 or above `longest`. */
typedef struct cells_view {
  int h, w;
  const uint8_t *cells;
  PyObject *array;
} cells_view;
bool convert_cells(PyObject *value, const char *name, int longest, cells_view *view);
void cells_view_release(cells_view *view); /* also of one that is all zeros */

/* New arrays, not filled yet. */
PyObject *new_floats(int rank, const int *shape, float **numbers);
PyObject *new_float_rows(size_t rows, int columns, float **numbers);
PyObject *new_bytes(int h, int w, uint8_t **numbers);
PyObject *new_picture(int h, int w, int channels, uint8_t **pixels); /* channels 0: (h, w) */
PyObject *new_float_blocks(size_t blocks, int rows, int columns, float **numbers);
PyObject *new_integers(size_t count, int64_t **numbers);
PyObject *new_integer_rows(size_t rows, int columns, int64_t **numbers);
PyObject *new_integers32(const int shape[2], int32_t **numbers);
PyObject *new_doubles(const int shape[2], double **numbers);
PyObject *new_double_vector(size_t count, double **numbers);

#endif
