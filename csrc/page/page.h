/* Layout analysis: the foreground of a page, its connected components, the text lines they form
 * and the segments the lines are cut into. Private to page/. Each step fills members of an
 * od_page, in their order below; od_page_release frees all of them. */
#ifndef OD_PAGE_PAGE_H
#define OD_PAGE_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "image/image.h"
#include "digit/components.h"
#include "digit/foreground.h"
#include "page/class_map.h"

enum {
  OD_MAX_COMPONENTS = 2000, /* of a page; those of largest mass are kept */
  OD_MAX_SEGMENTS = 6000    /* of a page */
};

/* A connected component, or a part of one after segmentation, that belongs to one symbol. */
typedef struct od_segment {
  int left, top, right, bottom; /* box; right and bottom are exclusive */
  int area;                     /* pixels */
  int64_t mass;                 /* sum of the foreground levels of its pixels */
  double mean_x;                /* mean column of its pixels */
} od_segment;

typedef struct od_text_line {
  int first, count; /* its segments in the page's, ordered from left to right */
  double height;    /* of its digits, in pixels */
  int left, top, right, bottom;
} od_text_line;

typedef struct od_page {
  int h, w;
  od_image_workspace workspace; /* set kernels and pool before the first step */
  const uint8_t *image;         /* (h, w): the caller's, `erased` or `rotated` */
  uint8_t *rotated;             /* (h, w): the rotated image; NULL if it is not */
  double to_source[6];          /* affine map of its pixels to those of the caller's image */
  int source_h, source_w;       /* sides of the caller's image */
  bool dark;                    /* the foreground is darker than the background */
  uint8_t *foreground;          /* (h, w): levels, see digit/foreground.h */
  uint8_t *background;          /* (h, w): its levels, until od_page_keep_numbers; or NULL */
  uint8_t *erased; /* (h, w): page->image, from which lines of combs and what belongs to no number
                      are erased; or NULL */
  od_class_map class_map;
  double stroke_width;
  od_foreground_components components; /* after od_page_find_lines its label (h, w) holds segments:
                                          1 + index, 0 for none */
  int line_count, segment_count;
  double slope;         /* of the text lines: rows a column */
  od_text_line *lines;  /* (line_count), in reading order */
  od_segment *segments; /* (segment_count) */
} od_page;

/* Sum of the foreground levels of segments first..first + count - 1. */
static inline int64_t od_page_mass(const od_page *page, int first, int count) {
  int64_t mass = 0;
  for (int i = 0; i < count; i++) mass += page->segments[first + i].mass;
  return mass;
}

/* Finds the foreground and background of an image (h, w), see digit/foreground.h, and whether the
 * foreground is darker than the background. Errors: OD_ERROR_ARGUMENT for sides outside
 * 1..OD_MAX_IMAGE_SIDE; OD_ERROR_MEMORY. */
od_status od_find_page_foreground(od_image_workspace *workspace, int h, int w, const uint8_t *image,
                                  const od_foreground_maps *maps, bool *dark, od_error *error);

/* Sets *height to the median height of components (count), each weighted by its mass, so that
 * dots count little. None is higher than h. Errors: OD_ERROR_MEMORY. */
od_status od_median_height(int count, const od_foreground_component *components, int h, int *height,
                           od_error *error);

/* Finds the foreground of page->image, and the background that a detector needs, if asked for.
 * Errors: OD_ERROR_ARGUMENT for sides outside 1..OD_MAX_IMAGE_SIDE; OD_ERROR_MEMORY. */
od_status od_page_find_foreground(od_page *page, bool with_background, od_error *error);
/* Makes page->image a copy of the caller's, to erase parts of, if it is not one. Errors:
 * OD_ERROR_MEMORY. */
od_status od_page_own_image(od_page *page, od_error *error);
/* Finds the components of the foreground, without ruling lines and specks. Errors of this and the
 * next three: OD_ERROR_MEMORY. */
od_status od_page_find_components(od_page *page, od_error *error);
/* Splits components that reach over several text lines. */
od_status od_page_split_rows(od_page *page, od_error *error);
/* Groups components into text lines; each component becomes a segment. */
od_status od_page_find_lines(od_page *page, od_error *error);
/* Splits segments where digits may touch. */
od_status od_page_split_touching(od_page *page, od_error *error);
/* Frees the components, lines and segments, which od_page_rotate does not need. */
void od_page_release_layout(od_page *page);
void od_page_release(od_page *page);

#endif
