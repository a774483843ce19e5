/* Walls: long lines of any thickness along the sides of an image, such as the box of a form that a
 * digit is written in. */
#ifndef OD_DIGIT_WALLS_H
#define OD_DIGIT_WALLS_H

#include <stdbool.h>
#include <stdint.h>

enum { OD_MAX_WALL_SIDE = 128 };

/* Remove walls, and everything outside them, from foreground (h, w), in place; sides are up to
 * OD_MAX_WALL_SIDE. A wall lies in the outer third of the image. It runs from side to side, or
 * between two other walls, nearly straight, with gaps of up to a fifth of its length. A line that
 * the rest of the foreground is attached to near an end is a stroke of the digit, and one that it
 * crosses is left to od_remove_ruling_lines, unless there are three walls. Return whether
 * there were any walls; *has_stroke tells whether such a stroke is at the top or the bottom. */
bool od_remove_walls(int h, int w, uint8_t *foreground, bool *has_stroke);

#endif
