/* Selection of the connected components that make up the digit of an image. */
#ifndef OD_DIGIT_COMPONENT_SELECTION_H
#define OD_DIGIT_COMPONENT_SELECTION_H

#include "digit/components.h"

enum { OD_MAX_DIGIT_COMPONENTS = 64 };

/* Set keep (count) for the components of an image (h, w) that belong to the digit: the main one,
 * heavy and central, and others that are not specks, dots beside it, neighbouring writing or lines
 * from outside. A component of a digit's height beside it, inside the image, is kept. 1 <= count <=
 * OD_MAX_DIGIT_COMPONENTS. */
void od_select_digit_components(const od_foreground_components *components, int h, int w,
                                bool *keep);

#endif
