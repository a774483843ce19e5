/* What a line says, from the classes' probabilities of its columns: ten digits, and the blank.
 * Private to read/. */
#ifndef OD_PAGE_CTC_DECODING_H
#define OD_PAGE_CTC_DECODING_H

#include <stdbool.h>

#include "base/status.h"
#include "page/read.h"

enum { OD_CTC_BLANK = 10 };
/* The least probability of what is shown to a judge though it is likelier to be none. */
#define OD_LOW_CONFIDENCE 0.02

/* A digit of a line, as its columns give it. */
typedef struct od_decoded_symbol {
  int value;
  int first, last; /* columns that say it */
  bool doubtful;   /* less likely a digit than none */
  float confidence, is_digit, probabilities[OD_DIGITS];
} od_decoded_symbol;

/* The likeliest line within the limits: digits (columns), *count of them. Without limits (NULL)
 * also what is less likely a digit than none, but as likely as OD_LOW_CONFIDENCE, for somebody else to
 * judge. Errors: OD_ERROR_MEMORY. */
od_status od_ctc_decode(int columns, const od_real *probabilities, const od_read_limits *limits,
                   od_decoded_symbol *digits, int *count, od_error *error);

/* The probability that a spelled digit is of a class: one of the ten, or OD_CTC_BLANK for none. */
double od_symbol_posterior(const od_decoded_symbol *digit, int class);

/* Makes the columns of a spelled digit say says (OD_CTC_CLASSES) of it instead. */
void od_rescore_columns(const od_decoded_symbol *digit, const double *says, od_real *probabilities);

#endif
