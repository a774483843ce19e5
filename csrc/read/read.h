/* Reading: from a gray picture to the digits on it, line by line.
 *
 * Ink is found and put into lines; each line, straightened to a strip of 32 rows, goes
 * through a network that says for every fourth column which digit is there, if any; the
 * likeliest way through the columns is the line's text, and its digits' ink gives the boxes. */
#ifndef OD_READ_READ_H
#define OD_READ_READ_H

#include "base/pool.h"
#include "base/status.h"
#include "nn/inference.h"

enum { OD_DIGITS = 10 };

typedef struct od_read_digit {
  int line; /* of the page, in reading order */
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

/* The digits of a page; release with od_reading_release. */
typedef struct od_reading {
  int count;
  od_read_digit *digits; /* (count) in reading order */
} od_reading;

/* The shape of the network's input, its classes, ten digits and the blank, and the width of
 * its columns. */
enum { OD_READ_HEIGHT = 32, OD_READ_WIDTH = 1024, OD_READ_CLASSES = 11, OD_READ_COLUMN = 4 /* pixels */ };

/* Reads image (h, w) with a network from (OD_READ_HEIGHT, OD_READ_WIDTH, 1) to columns of
 * OD_READ_CLASSES classes. Errors: OD_ERROR_ARGUMENT for sides outside 1..16384;
 * OD_ERROR_MEMORY. */
od_status od_read(const od_kernels *kernels, int h, int w, const uint8_t *image,
                  od_inference *network, od_pool *pool, const od_read_limits *limits,
                  od_reading *reading, od_error *error);
void od_reading_release(od_reading *reading);

#endif
