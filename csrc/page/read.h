/* Reading: from a gray picture to the digits on it, line by line.
 *
 * Ink is found and put into lines; each line, straightened to a strip of 32 rows, goes
 * through a network that says for every fourth column which digit is there, if any; the
 * likeliest way through the columns is the line's text, and its digits' ink gives the boxes.
 * A classifier may then judge each digit alone, cut out of the picture: its opinion counts beside
 * the reader's, and what neither takes for a digit is left out. */
#ifndef OD_PAGE_READ_H
#define OD_PAGE_READ_H

#include "base/thread_pool.h"
#include "base/status.h"
#include "digit/classifier.h"
#include "nn/workspace.h"

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

/* How the two opinions on a digit are put together.
 *
 * Which digit it is: the probabilities of the ten are in proportion to the reader's to the power
 * `reader` times the judge's to the power `judge`. Whether it is any: where digits and other
 * things are as frequent, the logarithm of the odds is constant + read * the reader's + judged *
 * the judge's + share * the logarithm of the share of its line's ink that digits take. */
typedef struct od_fusion_weights {
  double reader, judge, constant, read, judged, share;
} od_fusion_weights;

/* How frequent digits are among what is found on a page is estimated from all of it, as if
 * `known` more had been seen, of which a share `usual` were digits. */
typedef struct od_fusion {
  od_fusion_weights apart; /* where no other digit of the line reaches over it, */
  od_fusion_weights close; /* and where one does */
  double usual, known;
  double least; /* what is a digit with less than this probability is left out, without limits */
} od_fusion;

/* The digits of a page; release with od_reading_release. */
typedef struct od_reading {
  int count;
  od_read_digit *digits; /* (count) in reading order */
} od_reading;
void od_reading_release(od_reading *reading);

/* The shape of the reader's input, its classes, ten digits and the blank, and the width of
 * its columns. */
enum { OD_LINE_HEIGHT = 32, OD_LINE_MAX_WIDTH = 1024, OD_CTC_CLASSES = 11, OD_CTC_STRIDE = 4 /* pixels */ };

/* Reads image (h, w) with a reader from (OD_LINE_HEIGHT, OD_LINE_MAX_WIDTH, 1) to columns of
 * OD_CTC_CLASSES classes, and a judge from (OD_DIGIT_SIDE, OD_DIGIT_SIDE, 1) to judge_classes,
 * ten or eleven, or none (NULL). Errors: OD_ERROR_ARGUMENT for sides outside 1..16384 and for
 * judge_classes; OD_ERROR_MEMORY. */
od_status od_read(const od_kernels *kernels, int h, int w, const uint8_t *image,
                  const od_model *reader, od_workspace *reader_workspace,
                  const od_model *judge, od_workspace *judge_workspace, int judge_classes,
                  const od_fusion *opinions, od_thread_pool *pool, const od_read_limits *limits,
                  od_reading *reading, od_error *error);

/* ---- step by step ---- */

/* The same in steps, in this order, for networks that threads share: only od_read_lines and
 * od_read_verify use one. Without a judge the reading is taken once its digits are placed. A job belongs to its caller, who destroys it; the image stays as long. Errors as above. */
typedef struct od_read_job od_read_job;

/* Finds the lines. */
od_status od_read_start(const od_kernels *kernels, int h, int w, const uint8_t *image,
                        od_thread_pool *pool, od_read_job **job, od_error *error);
/* Asks the reader what they say. */
od_status od_read_lines(od_read_job *job, const od_model *reader, od_workspace *workspace,
                        od_thread_pool *pool, od_error *error);
/* Places the likeliest digits within the limits; where a judge comes next, without any (NULL): then
 * also what only may be digits. */
od_status od_read_place(od_read_job *job, const od_read_limits *limits, od_error *error);
/* Cuts out some digits to be judged, and judges these, until there is none: *count is 0. */
od_status od_read_crop_next(od_read_job *job, od_thread_pool *pool, int *count, od_error *error);
void od_read_verify(od_read_job *job, const od_model *judge, od_workspace *workspace, int classes,
                    od_thread_pool *pool);
/* Crop `index` of those cut out last, (OD_DIGIT_SIDE, OD_DIGIT_SIDE) in [0, 1], and the digit
 * that it is of. They are the job's. */
const float *od_read_crop(const od_read_job *job, int index, const od_read_digit **digit);
/* What both say, within the limits. */
od_status od_read_decide(od_read_job *job, const od_fusion *opinions,
                         const od_read_limits *limits, od_error *error);
/* Hands out the digits, which the job has no longer. */
void od_read_take(od_read_job *job, od_reading *reading);
void od_read_destroy(od_read_job *job); /* NULL is fine */

#endif
