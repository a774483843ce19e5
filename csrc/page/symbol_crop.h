/* Symbol crops, the classifier's input: a symbol cut out of the image with a margin, and
 * preprocessed like any picture of one digit. Private to page/. */
#ifndef OD_PAGE_SYMBOL_CROP_H
#define OD_PAGE_SYMBOL_CROP_H

#include "page/page.h"
#include "page/read.h"

enum { OD_CROP_SIZE = OD_DIGIT_SIDE * OD_DIGIT_SIDE };

/* Crops the symbol's box to crop (OD_DIGIT_SIDE, OD_DIGIT_SIDE) in [0, 1]. Errors of this and the
 * next: OD_ERROR_MEMORY. */
od_status od_crop_symbol(const od_page *page, const od_symbol *symbol,
                         od_image_workspace *workspace, float *crop, od_error *error);

/* Crops symbols[indices[i]] for i < count to crops (count, OD_DIGIT_SIDE, OD_DIGIT_SIDE). */
od_status od_crop_symbols(const od_page *page, const od_symbol *symbols, int count,
                          const int *indices, od_thread_pool *pool, float *crops, od_error *error);

#endif
