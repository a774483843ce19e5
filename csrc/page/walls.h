/* Walls: upright ruling lines between digits, as the detector finds them. Private to page/. */
#ifndef OD_PAGE_WALLS_H
#define OD_PAGE_WALLS_H

#include "page/page.h"

/* In the order of their strength. */
typedef enum od_wall {
  OD_NO_WALL,
  OD_TOOTH,     /* a short wall on a base line, of a comb; strokes of digits may look like one */
  OD_BOX_WALL,  /* little higher than the digits: of a comb, or a table of one row */
  OD_TABLE_WALL /* goes on above or below them */
} od_wall;

/* Returns the wall between two components, a not right of b; none without a class map. */
od_wall od_wall_between(const od_page *page, const od_foreground_component *a,
                        const od_foreground_component *b);

/* Whether an upright ruling line crosses a component, as on squared paper. */
bool od_is_crossed(const od_page *page, const od_foreground_component *a);

#endif
