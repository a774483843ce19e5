/* A reading at work, from step to step. Private to read/. */
#ifndef OD_PAGE_READ_STATE_H
#define OD_PAGE_READ_STATE_H

#include <stdatomic.h>

#include "page/symbol_boxes.h"
#include "page/page.h"
#include "page/read.h"
#include "page/ctc_decoding.h"
#include "page/line_image.h"

/* A line that is read, or one of the looks that are taken at it. */
typedef struct od_line_hypothesis {
  int line; /* of the page */
  od_line_geometry place;
  uint8_t *pixels; /* (OD_LINE_HEIGHT, place.width) */
  int columns;
  od_real *scores; /* (columns, OD_CTC_CLASSES): probabilities */
} od_line_hypothesis;

/* Digits of all lines, side by side. */
typedef struct od_symbols {
  int count;
  int *of;               /* (count): which line that is read */
  od_decoded_symbol *spelled;   /* (count) */
  od_segment_run *runs;      /* (count) */
  od_read_digit *digits; /* (count) */
} od_symbols;

enum { OD_VERIFICATION_BATCH = 128 /* digits that are judged at once */ };

/* The digits of a page before a judge. */
typedef struct od_verification {
  int round, rounds;  /* the next, and of how many */
  int count;          /* of the digits of a round */
  int *digits;        /* (OD_VERIFICATION_BATCH) */
  float *crops;       /* (OD_VERIFICATION_BATCH, OD_DIGIT_SIDE, OD_DIGIT_SIDE) */
  od_real *said;      /* (OD_VERIFICATION_BATCH, OD_DIGITS + 1) */
  int threads;         /* that there is memory for */
  od_image_workspace *imaging; /* (threads) */
  atomic_bool failed;  /* for want of memory */
  int asked, found;   /* digits judged, and those of them that are clearly some */
  bool knows_none;    /* the judge has a class for what is no digit */
  float *opinions;    /* (placed digits, OD_DIGITS + 1); of one not judged all are 0 */
} od_verification;

enum { OD_MAX_HYPOTHESES = 4 /* at a line, at most */ };

struct od_read_job {
  od_page page;
  int looks; /* at each line, side by side; 1 once they are settled */
  int line_count;
  od_line_hypothesis *lines; /* (line_count) */
  uint8_t *pixels;     /* of all lines */
  od_real *scores;     /* of all lines' columns */
  od_symbols placed;
  od_verification court;
};

/* Makes one of all looks at each line. Errors: OD_ERROR_MEMORY. */
od_status od_vote_hypotheses(od_read_job *job, od_error *error);

/* The likeliest digits within the limits, for od_symbols_release. Errors: OD_ERROR_MEMORY. */
od_status od_decode_lines(const od_read_job *job, const od_read_limits *limits, od_symbols *placed,
                          od_error *error);
void od_symbols_release(od_symbols *placed);
void od_verification_release(od_verification *court);

#endif
