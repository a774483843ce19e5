/* Combs, on which forms have a place for each digit: a base line with teeth, or boxes, side by side
 * or apart. Private to page/. */
#ifndef OD_PAGE_COMBS_H
#define OD_PAGE_COMBS_H

#include "page/comb_lines.h"

/* Finds the lines of combs in the foreground; none if there are more than 65,536. Release them also
 * after an error: OD_ERROR_MEMORY, or OD_STOPPED after an interrupt. */
od_status od_page_find_combs(od_page *page, od_comb_lines *lines, od_error *error);

#endif
