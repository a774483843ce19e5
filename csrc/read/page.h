/* A page at work: its ink, in pieces that are put into lines and together into candidates
 * for digits. Private to read/. Each step of reading fills in a part of it, in the order of
 * the members; od_page_release frees all. */
#ifndef OD_READ_PAGE_H
#define OD_READ_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "base/status.h"
#include "image/image.h"
#include "image/strokes.h"

enum {
  OD_PICTURE = 28 * 28 * 2, /* numbers in the picture of a candidate */
  OD_MOST_STROKES = 2000,   /* on a page; only the heaviest are looked at */
  OD_MOST_PIECES = 6000,    /* on a page */
  OD_MOST_CANDIDATES = 1000, /* on a page, and one more for every ... */
  OD_CANDIDATE_AREA = 700    /* ... so many pixels */
};

/* Some ink that no digit has only a part of, as far as can be told. */
typedef struct od_piece {
  int left, top, right, bottom; /* its box; right and bottom are the first pixels outside */
  int area, mass;               /* pixels, and the sum of their ink */
  double middle;                /* mean column */
  int stroke;                   /* what it was cut from: pieces of one stroke have one number */
} od_piece;

typedef struct od_text_line {
  int first, count; /* its pieces, from left to right, side by side in the page's */
  double height;    /* of its digits, in pixels */
  int left, top, right, bottom;
} od_text_line;

/* One to a few neighbouring pieces of a line that may be a digit. */
typedef struct od_candidate {
  int line, first, last;        /* pieces first..last of the page */
  int left, top, right, bottom; /* box */
} od_candidate;

typedef struct od_page {
  int h, w;
  od_imaging imaging; /* its kernels, and its pool or none, are set before the first step */
  uint8_t *ink;       /* (h, w) */
  uint8_t *scratch;   /* (h, w) */
  double pen;         /* the width of strokes */
  od_strokes strokes; /* labels are of strokes, later of pieces: 1 + index, 0 for none */

  int line_count, piece_count, piece_room;
  od_text_line *lines; /* in reading order */
  od_piece *pieces;    /* (piece_room) */

  int candidate_count;
  od_candidate *candidates; /* by line, by first piece, by last piece */
  float *pictures;          /* (candidate_count, 28, 28, 2) in [0, 1]: own ink, all ink */
} od_page;

/* The height up to which strokes (count) hold half of their ink: that of digits, as dots
 * weigh little. None is taller than h. */
od_status od_typical_height(int count, const od_stroke *strokes, int h, int *height,
                            od_error *error);

/* Finds the ink of gray image (h, w), rules and specks left out. */
od_status od_page_find_ink(od_page *page, const uint8_t *image, od_error *error);
/* Puts strokes into lines, as pieces. */
od_status od_page_find_lines(od_page *page, od_error *error);
/* Cuts pieces where digits may touch. */
od_status od_page_cut_pieces(od_page *page, od_error *error);
/* Lists the candidates and draws their pictures. */
od_status od_page_list_candidates(od_page *page, od_pool *pool, od_error *error);
void od_page_release(od_page *page);

#endif
