/* Shared by the image functions: reading their arguments, and applying an operation of the core on
 * one channel to all channels of an image. Each read_ function returns false with an exception that
 * names the argument. */
#ifndef OD_PYTHON_IMAGE_ARGUMENTS_H
#define OD_PYTHON_IMAGE_ARGUMENTS_H

#include "convert.h"
#include "image/image.h"

/* An image with sides up to OD_MAX_IMAGE_SIDE and any number of channels, or (h, w) only. Release
 * it with picture_view_release. */
bool read_picture(PyObject *value, const char *name, picture_view *picture);
bool read_gray(PyObject *value, const char *name, picture_view *picture);

bool read_byte(PyObject *value, const char *name, uint8_t *byte);
bool read_int(PyObject *value, const char *name, int *result);
/* A gray level: rounded half to even and clipped to 0..255. */
bool read_level(PyObject *value, const char *name, uint8_t *level);
/* The index of a name in a list that ends with NULL. */
bool read_choice(PyObject *value, const char *name, const char *const *choices, int *choice);
bool read_border(PyObject *value, od_border *border);
/* Two integers from low to high; as in cv2, x before y. */
bool read_pair(PyObject *value, const char *name, long long low, long long high, int pair[2]);
bool read_size(PyObject *value, const char *name, int *h, int *w);

/* An operation of the core on one channel. */
typedef od_status operation(od_image_workspace *workspace, const od_view *image,
                            const od_target *result, const void *parameters, od_error *error);

/* Apply an operation to every channel of an image and release it. Return a new array (h, w) with
 * the same channels. */
PyObject *apply_operation(PyObject *module, picture_view *picture, int h, int w, operation *work,
                          const void *parameters);

#endif
