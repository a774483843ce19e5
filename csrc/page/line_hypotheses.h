/* Multi-scale hypotheses: a text line is recognized from line images of several scales, unless the
 * first is recognized with high confidence, and the hypotheses vote on the symbols of the line.
 * Private to page/. */
#ifndef OD_PAGE_LINE_HYPOTHESES_H
#define OD_PAGE_LINE_HYPOTHESES_H

#include "page/line_image.h"
#include "page/page.h"
#include "page/read.h"

enum { OD_MAX_HYPOTHESES = 4 /* of a line */ };

typedef struct od_line_hypothesis {
  int line; /* index on the page */
  od_line_geometry geometry;
  uint8_t *pixels;        /* (OD_LINE_HEIGHT, geometry.width): the line image */
  int steps;              /* 0 until it is recognized */
  od_real *probabilities; /* (steps, OD_CTC_CLASSES) */
  double agreement;       /* proportion of the votes of the line for its number of symbols */
} od_line_hypothesis;

/* Start from zeros; release with od_hypotheses_release. */
typedef struct od_line_hypotheses {
  int per_line;              /* those of a line lie side by side; 1 after the vote */
  int count;                 /* of all lines */
  od_line_hypothesis *items; /* (count) */
  uint8_t *pixels;           /* of all items */
  od_real *probabilities;    /* of all items */
} od_line_hypotheses;

/* Finds the geometry of the hypotheses of all lines; up to max_per_line of a line, 1 to
 * OD_MAX_HYPOTHESES. Errors of this and the next two: OD_ERROR_MEMORY. */
od_status od_hypotheses_create(const od_page *page, int max_per_line,
                               od_line_hypotheses *hypotheses, od_error *error);
/* Renders the line images and runs the recognizer on them. Another error: OD_ERROR_ARGUMENT for a
 * recognizer with more time steps than a line image has columns / OD_CTC_STRIDE. */
od_status od_hypotheses_recognize(const od_page *page, const od_reader *reader,
                                  od_thread_pool *pool, od_line_hypotheses *hypotheses,
                                  od_error *error);
/* Reduces the hypotheses of each line to one, whose probabilities are rescored. */
od_status od_hypotheses_vote(od_line_hypotheses *hypotheses, od_error *error);
void od_hypotheses_release(od_line_hypotheses *hypotheses);

#endif
