/* Score fusion: the recognizer's and the classifier's scores of a symbol combined log-linearly.
 * Private to page/. */
#ifndef OD_PAGE_SCORE_FUSION_H
#define OD_PAGE_SCORE_FUSION_H

#include "page/page.h"
#include "page/read.h"
#include "page/symbols.h"
#include "page/verification.h"

/* Errors: OD_ERROR_ARGUMENT for NULL and for a weight that is not in +-OD_MAX_FUSION_WEIGHT. */
od_status od_fusion_check(const od_fusion *fusion, od_error *error);

/* Computes the features (symbols) of verified symbols. Errors of this and the next:
 * OD_ERROR_MEMORY. */
od_status od_find_fusion_features(const od_page *page, const od_line_hypotheses *hypotheses,
                                  const od_symbols *symbols, const od_verification *verification,
                                  od_fusion_features *features, od_error *error);

/* Fuses the scores to posteriors (symbols, OD_CTC_CLASSES). Separators, and digits that have no
 * segments to verify, keep the recognizer's; other digits that were not verified are no symbols. */
od_status od_fuse_scores(const od_symbols *symbols, const od_fusion_features *features,
                         bool has_non_digit, const od_fusion *fusion, double *posteriors,
                         od_error *error);

#endif
