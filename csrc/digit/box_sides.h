/* Box sides: long lines of any thickness along the sides of an image, such as the box of a form
 * that a digit is written in. */
#ifndef OD_DIGIT_BOX_SIDES_H
#define OD_DIGIT_BOX_SIDES_H

#include <stdbool.h>
#include <stdint.h>

enum { OD_MAX_BOXED_IMAGE = 128 };

/* Remove box sides, and everything outside them, from foreground (h, w), in place; sides are up to
 * OD_MAX_BOXED_IMAGE. A box side lies in the outer third of the image. It runs from side to side,
 * or between two other box sides, nearly straight, with gaps of up to a fifth of its length. A line
 * that the rest of the foreground is attached to near an end is a stroke of the digit, and one that
 * it crosses is left to od_remove_ruling_lines, unless there are three box sides. Return whether
 * there were any box sides; *has_stroke tells whether such a stroke is at the top or the bottom. */
bool od_remove_box_sides(int h, int w, uint8_t *foreground, bool *has_stroke);

#endif
