/* Walls: upright ruling lines between the numbers of a table, as the detector finds them. The boxes
 * of a comb, each for one digit of a number, are no walls. Private to page/. */
#ifndef OD_PAGE_WALLS_H
#define OD_PAGE_WALLS_H

#include "page/page.h"

/* Whether an upright ruling line separates two components, a not right of b, of different numbers.
 * False without a class map. */
bool od_is_wall_between(const od_page *page, const od_foreground_component *a,
                        const od_foreground_component *b);

#endif
