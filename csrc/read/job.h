/* A reading at work, from step to step. Private to read/. */
#ifndef OD_READ_JOB_H
#define OD_READ_JOB_H

#include <stdatomic.h>

#include "read/boxes.h"
#include "read/page.h"
#include "read/read.h"
#include "read/spell.h"
#include "read/strip.h"

/* A line that is read, or one of the looks that are taken at it. */
typedef struct od_line_read {
  int line; /* of the page */
  od_strip_place place;
  uint8_t *pixels; /* (OD_READ_HEIGHT, place.width) */
  int columns;
  od_real *scores; /* (columns, OD_READ_CLASSES): probabilities */
} od_line_read;

/* Digits of all lines, side by side. */
typedef struct od_placed {
  int count;
  int *of;               /* (count): which line that is read */
  od_spelled *spelled;   /* (count) */
  od_ink_run *runs;      /* (count) */
  od_read_digit *digits; /* (count) */
} od_placed;

enum { OD_JUDGE_ROUND = 128 /* digits that are judged at once */ };

/* The digits of a page before a judge. */
typedef struct od_court {
  int round, rounds;  /* the next, and of how many */
  int count;          /* of the digits of a round */
  int *digits;        /* (OD_JUDGE_ROUND) */
  float *crops;       /* (OD_JUDGE_ROUND, OD_JUDGE_SIDE, OD_JUDGE_SIDE) */
  od_real *said;      /* (OD_JUDGE_ROUND, OD_DIGITS + 1) */
  int threads;         /* that there is memory for */
  od_imaging *imaging; /* (threads) */
  atomic_bool failed;  /* for want of memory */
  int asked, found;   /* digits judged, and those of them that are clearly some */
  bool knows_none;    /* the judge has a class for what is no digit */
  float *opinions;    /* (placed digits, OD_DIGITS + 1); of one not judged all are 0 */
} od_court;

enum { OD_LOOKS = 4 /* at a line, at most */ };

struct od_read_job {
  od_page page;
  int looks; /* at each line, side by side; 1 once they are settled */
  int line_count;
  od_line_read *lines; /* (line_count) */
  uint8_t *pixels;     /* of all lines */
  od_real *scores;     /* of all lines' columns */
  od_placed placed;
  od_court court;
};

/* Makes one of all looks at each line. Errors: OD_ERROR_MEMORY. */
od_status od_settle_looks(od_read_job *job, od_error *error);

/* The likeliest digits within the limits, for od_placed_release. Errors: OD_ERROR_MEMORY. */
od_status od_place_digits(const od_read_job *job, const od_read_limits *limits, od_placed *placed,
                          od_error *error);
void od_placed_release(od_placed *placed);
void od_court_release(od_court *court);

#endif
