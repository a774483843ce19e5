/* What the functions on pictures have in common: how they read their arguments, and how an
 * operation of the core on one channel is run on all of a picture's. Each read_ function tells
 * whether it could, and sets an exception that names the argument where it could not. */
#ifndef OD_PYTHON_IMAGE_ARGUMENTS_H
#define OD_PYTHON_IMAGE_ARGUMENTS_H

#include "convert.h"
#include "image/image.h"

/* A picture with sides up to OD_MAX_IMAGE_SIDE, of any channels, or of one: (h, w). Release it
 * with picture_view_release. */
bool read_picture(PyObject *value, const char *name, picture_view *picture);
bool read_gray(PyObject *value, const char *name, picture_view *picture);

bool read_byte(PyObject *value, const char *name, uint8_t *byte);
bool read_int(PyObject *value, const char *name, int *result);
/* A gray level: rounded, halves to even, and cut to 0..255. */
bool read_level(PyObject *value, const char *name, uint8_t *level);
/* The number of a name in a list that ends with NULL. */
bool read_choice(PyObject *value, const char *name, const char *const *choices, int *choice);
bool read_border(PyObject *value, od_border *border);
/* Two integers from low to high, as cv2 has places and sizes: x before y. */
bool read_pair(PyObject *value, const char *name, long long low, long long high, int pair[2]);
bool read_size(PyObject *value, const char *name, int *h, int *w);

/* One channel of a picture to one of the result. */
typedef od_status operation(od_image_workspace *imaging, const od_view *image, const od_target *result,
                            const void *parameters, od_error *error);

/* Every channel of a picture, which is released, through an operation; a new array (h, w) with
 * its channels. */
PyObject *apply_operation(PyObject *module, picture_view *picture, int h, int w, operation *work,
                          const void *parameters);

#endif
