/* Verification: the classifier of single digits run on the crop of each symbol. Private to page/.
 */
#ifndef OD_PAGE_VERIFICATION_H
#define OD_PAGE_VERIFICATION_H

#include "page/page.h"
#include "page/read.h"
#include "page/symbols.h"

enum { OD_CLASSIFIER_CLASSES = OD_DIGITS + 1 /* at most */ };

/* Start from zeros; release with od_verification_release. */
typedef struct od_verification {
  bool has_non_digit;   /* the classifier has that class */
  float *probabilities; /* (symbols, OD_CLASSIFIER_CLASSES); all 0 for a symbol not verified */
} od_verification;

/* Verifies digits that have segments. It runs in batches, each an even sample of the page; after
 * a batch at which fewer than a tenth of the symbols so far are probable digits, the page is taken
 * for something other than digits and the others are not verified. Errors: OD_ERROR_MEMORY. */
od_status od_verify_symbols(const od_page *page, const od_symbols *symbols, const od_reader *reader,
                            od_thread_pool *pool, od_verification *verification, od_error *error);
void od_verification_release(od_verification *verification);

/* The classifier's probabilities (OD_CLASSIFIER_CLASSES) of a symbol. */
const float *od_verified_probabilities(const od_verification *verification, int index);
bool od_is_verified(const od_verification *verification, int index);

#endif
