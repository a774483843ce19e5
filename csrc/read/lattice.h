/* The lattice of a line: its pieces in a row, and over them candidates that each may be one
 * of ten digits, or left out piece by piece. Reading a line is finding the likeliest path. */
#ifndef OD_READ_LATTICE_H
#define OD_READ_LATTICE_H

#include "read/page.h"

enum { OD_DIGITS = 10, OD_READ_CLASSES = 11 /* the last one: not a digit */ };

typedef struct od_read_digit {
  int line;        /* of the page */
  int first, last; /* its pieces */
  int value;
  int left, top, right, bottom; /* box; right and bottom are the first pixels outside */
  float confidence;             /* probability that this is this digit, in [0, 1] */
  float is_digit;               /* probability that it is any */
  float probabilities[OD_DIGITS];
} od_read_digit;

/* What a line may say. Lines that cannot say any such thing have no digits. */
typedef struct od_read_limits {
  int length;               /* digits of a line; 0: any number */
  int word_count;           /* 0: anything */
  const char *const *words; /* (word_count), of the characters 0 to 9 */
} od_read_limits;

/* Takes a second opinion on which digit a candidate is, if it is one: `others` (count, 10) are
 * probabilities of ten digits, with a weight of 0.3 against those in probabilities (count, 11),
 * in place. */
void od_mix_opinions(size_t count, const float *others, float *probabilities);

/* Reads all lines of a page from the classes' probabilities of its candidates:
 * probabilities (candidate_count, 11). digits (piece_count) is filled in reading order and
 * *count told.
 * Errors: OD_ERROR_MEMORY. */
od_status od_page_decode(const od_page *page, const float *probabilities,
                         const od_read_limits *limits, od_read_digit *digits, int *count,
                         od_error *error);

#endif
