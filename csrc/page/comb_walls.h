/* The walls of a comb: upright lines at equal distances on its base line. Private to the files of
 * combs. */
#ifndef OD_PAGE_COMB_WALLS_H
#define OD_PAGE_COMB_WALLS_H

#include "page/page.h"

enum {
  OD_MAX_PLACES = 64,
  OD_MAX_COMB_STEPS = 30000000 /* of a page; textures of lines take more, and have no combs */
};

/* A base line, and what stands on it. The columns are counted from `first`. */
typedef struct od_base_line {
  const od_page *page;
  int first, count; /* columns */
  double slope;     /* rows a column */
  double half;      /* of its thickness */
  double *rows;     /* (count): its middle */
  int *heights;     /* (count): of the foreground that stands on it */
  int64_t *steps;   /* of work are added */
} od_base_line;

/* A wall. */
typedef struct od_comb_wall {
  int column; /* of its foot */
  int height;
  double lean; /* change of its column with each row, beyond that of the line's slope */
} od_comb_wall;

/* A comb on its base line. */
typedef struct od_comb {
  int places;
  od_comb_wall walls[OD_MAX_PLACES + 1];
  int heights[OD_MAX_PLACES + 1]; /* that walls should have, where digits touch them or they fade */
  bool closed;                    /* there is a line at the upper end, too */
} od_comb;

/* Whether the pixel `up` rows above the line's middle at a column is foreground, on a line that is
 * upright to it. Any column may be asked for. */
bool od_stands(const od_base_line *line, int column, int up);

/* The rows between the line's middle and what stands on it. */
static inline int od_foot_of(const od_base_line *line) { return (int)(line->half + 1); }

/* Fills line->heights. */
void od_measure_heights(const od_base_line *line);

/* Whether there may be a wall in columns begin .. end - 1, before heights are measured. */
bool od_may_have_wall(const od_base_line *line, int begin, int end);

/* Finds the comb, of two places or more or a closed one, that reaches from one end of the line to
 * the other. */
bool od_find_comb(const od_base_line *line, od_comb *comb);

#endif
