/* What a line says, from the classes' probabilities of its columns: ten digits, and the blank.
 * Private to read/. */
#ifndef OD_READ_SPELL_H
#define OD_READ_SPELL_H

#include <stdbool.h>

#include "base/status.h"
#include "read/read.h"

enum { OD_BLANK = 10 };
/* The least probability of what is shown to a judge though it is likelier to be none. */
#define OD_DOUBTFUL 0.02

/* A digit of a line, as its columns give it. */
typedef struct od_spelled {
  int value;
  int first, last; /* columns that say it */
  bool doubtful;   /* less likely a digit than none */
  float confidence, is_digit, probabilities[OD_DIGITS];
} od_spelled;

/* The likeliest line within the limits: digits (columns), *count of them. Without limits (NULL)
 * also what is less likely a digit than none, but as likely as OD_DOUBTFUL, for somebody else to
 * judge. Errors: OD_ERROR_MEMORY. */
od_status od_spell(int columns, const od_real *probabilities, const od_read_limits *limits,
                   od_spelled *digits, int *count, od_error *error);

/* Shares (count) in proportion to e to the power of logs (count). */
void od_shares(int count, const double *logs, double *shares);

/* The first of the largest of shares (count). */
int od_likeliest(int count, const double *shares);

/* The probability that a spelled digit is of a class: one of the ten, or OD_BLANK for none. */
double od_says(const od_spelled *digit, int class);

/* Makes the columns of a spelled digit say says (OD_READ_CLASSES) of it instead. */
void od_rewrite(const od_spelled *digit, const double *says, od_real *probabilities);

#endif
