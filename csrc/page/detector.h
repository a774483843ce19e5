/* Detection of numbers: which foreground of a page belongs to numbers, and which to other writing,
 * print, ruling lines and frames. A fully convolutional network classifies the foreground of the
 * page, at several scales. */
#ifndef OD_PAGE_DETECTOR_H
#define OD_PAGE_DETECTOR_H

#include "nn/workspace.h"
#include "page/page.h"

/* The network's input is one channel of foreground levels / 255, its output a map of probabilities
 * of the classes for every OD_DETECTOR_STRIDE-th row and column. */
enum { OD_DETECTOR_STRIDE = 4 };

/* Whether a model is a detector. */
bool od_is_detector(const od_model *model);

/* Fills page->class_map, and erases the foreground that belongs to no number from page->foreground
 * and page->image, which becomes a copy with background in its place. Call it after
 * od_page_find_foreground with background, which it releases. Errors: OD_ERROR_ARGUMENT if the
 * map of a picture of another size than the network's input has other strides; OD_ERROR_MEMORY. */
od_status od_page_keep_numbers(od_page *page, const od_model *detector, od_workspace *workspace,
                               od_thread_pool *pool, od_error *error);

#endif
