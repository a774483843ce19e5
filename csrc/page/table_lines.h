/* Ruling lines of an image as polylines. Private to the files of tables and combs. */
#ifndef OD_PAGE_TABLE_LINES_H
#define OD_PAGE_TABLE_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "image/image.h"

/* A point of a line: `along` is its column and `across` its row for horizontal lines, the converse
 * for vertical ones. */
typedef struct od_line_point {
  float along, across;
} od_line_point;

typedef struct od_ruling_line {
  int first, count;  /* its points, in order of `along` */
  double start, end; /* `along` of the first and the last point */
  double thickness;  /* mean */
} od_ruling_line;

/* Owns its arrays; release with od_ruling_line_set_release. */
typedef struct od_ruling_line_set {
  int count;
  od_ruling_line *lines; /* (count), at most OD_MAX_RULING_LINES, in no order */
  od_line_point *points;
} od_ruling_line_set;

enum {
  OD_MAX_RULING_LINES = 2048,
  OD_LINE_LEVEL = 40 /* of foreground: lines may be fainter than writing */
};

/* Which lines to track. */
typedef enum od_line_choice {
  OD_VERTICAL_LINES,
  OD_HORIZONTAL_LINES,
  OD_LEVEL_LINES /* horizontal ones with a slope of up to 7 degrees; faster */
} od_line_choice;

/* Track lines in foreground (h, w), and keep the longest; there are none in noise of more than 2^24
 * runs of pixels across the lines. Errors: OD_ERROR_MEMORY. An interrupt leaves a part of them. */
od_status od_track_ruling_lines(od_image_workspace *workspace, int h, int w,
                                const uint8_t *foreground, od_line_choice choice,
                                od_ruling_line_set *set, od_error *error);
void od_ruling_line_set_release(od_ruling_line_set *set);

#endif
