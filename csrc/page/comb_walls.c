/* Walls stand at equal distances, or at those of equal ones in perspective, from one end of the
 * line to the other, and are of one height. Some may be higher, where digits touch them, and few
 * lower. A table is no comb: its walls go on below the line, or other lines cross them; neither are
 * strokes on a line of ruled paper, which are of all heights and widths. */
#include "page/comb_walls.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "page/table_lines.h"

enum {
  MIN_TOOTH = 8,     /* pixels */
  MIN_WALL = 5,      /* pixels above the base line */
  MIN_PITCH = 10,    /* pixels from wall to wall */
  MAX_HEIGHT = 400,  /* pixels */
  MAX_GAP = 2,       /* of the base line, in pixels: beyond it are other boxes */
  MIN_LEAN_ROWS = 16 /* rows in which walls may lean by a column */
};

/* Of boxes: the largest distance of two walls, in their heights; and of teeth, which are shorter
 * than digits. */
static const double max_box_pitch = 1.9, max_tooth_pitch = 8;
/* How far a wall may be from its place, as a proportion of the pitch, and how much lower than it
 * should be. */
static const double tolerance = 0.04, max_shortfall = 0.12;
/* The proportion of walls that may be lower; that may go on below the base line; and that have the
 * height of the others, at least. */
static const double max_low = 0.17, max_below = 0.3, min_equal = 0.5;
/* Walls are at least so many times as high as the line is thick, and in this proportion of their
 * rows no wider than the line, with two pixels for blur. */
static const double min_slenderness = 2.5, min_thin = 0.6;
/* How far teeth may be from their height and their place, in heights and pitches. Chance makes two
 * or three strokes look like walls, but not more. */
static const double max_tooth_deviation = 0.06, max_tooth_shift = 0.02;
enum { MANY_PLACES = 5 };
/* The largest difference of the heights at both ends, in heights. */
static const double max_trend = 0.3;
/* Proportion of a row between the walls that a line covers: the one at the upper end, where digits
 * may touch it, and one that crosses the walls. */
static const double min_cover = 0.8, min_crossing = 0.95;
/* Perspective: the pitch at one end is (1 + this)^2 times that at the other. */
static const double perspectives[] = {0, 0.03, -0.03, 0.06, -0.06, 0.1, -0.1};

bool od_stands(const od_base_line *line, int column, int up) {
  const od_page *page = line->page;
  const int nearest = od_max(0, od_min(column, line->count - 1));
  const int y = (int)lround(line->rows[nearest] - up);
  const int x = line->first + column + (int)lround(line->slope * up);
  return y >= 0 && y < page->h && x >= 0 && x < page->w &&
         page->foreground[(size_t)y * (size_t)page->w + (size_t)x] >= OD_LINE_LEVEL;
}

/* The foreground above a column, over gaps of a pixel, and in columns beside it if it leans. */
static int height_at(const od_base_line *line, int column) {
  const int foot = od_foot_of(line);
  int height = 0, drift = 0;
  for (int up = foot; up < MAX_HEIGHT; up++) {
    const int bound = 1 + (up - foot) / MIN_LEAN_ROWS;
    if (!od_stands(line, column + drift, up)) {
      if (drift > -bound && od_stands(line, column + drift - 1, up))
        drift--;
      else if (drift < bound && od_stands(line, column + drift + 1, up))
        drift++;
    }
    if (od_stands(line, column + drift, up))
      height = up - foot + 1;
    else if (up - foot > height)
      break;
  }
  return height;
}

void od_measure_heights(const od_base_line *line) {
  for (int i = 0; i < line->count; i++) *line->steps += 1 + (line->heights[i] = height_at(line, i));
}

bool od_may_have_wall(const od_base_line *line, int begin, int end) {
  for (int i = od_max(begin, 0); i < od_min(end, line->count); i++)
    if (height_at(line, i) >= MIN_WALL) return true;
  return false;
}

/* The largest height within `reach` columns, and the middle of the columns that have it in *at. */
static int highest(const od_base_line *line, int column, int reach, int *at) {
  const int first = od_max(column - reach, 0), last = od_min(column + reach, line->count - 1);
  int best = -1, begin = first;
  for (int i = first; i <= last; i++)
    if (line->heights[i] > best) {
      best = line->heights[i];
      begin = i;
    }
  int end = begin;
  while (end < last && line->heights[end + 1] >= best - 1) end++;
  if (best >= 0) *at = (begin + end) / 2;
  return best;
}

static int compare_ints(const void *a, const void *b) {
  const int p = *(const int *)a, q = *(const int *)b;
  return (p > q) - (p < q);
}

/* The median height of walls first .. first + count - 1. */
static int median_height(const od_comb *comb, int first, int count) {
  int sorted[OD_MAX_PLACES + 1];
  for (int k = 0; k < count; k++) sorted[k] = comb->walls[first + k].height;
  qsort(sorted, (size_t)count, sizeof *sorted, compare_ints);
  return sorted[count / 2];
}

/* Fills the heights that the walls should have: the median, or in perspective a line through those
 * of both halves. */
static void expect_heights(od_comb *comb) {
  const int n = comb->places + 1, half = n / 2;
  const double middle = median_height(comb, 0, n);
  double trend = 0; /* from one end to the other */
  if (n > MANY_PLACES) {
    trend = 2.0 * (median_height(comb, n - half, half) - median_height(comb, 0, half));
    if (fabs(trend) > max_trend * middle) trend = 0;
  }
  for (int k = 0; k < n; k++)
    comb->heights[k] = (int)lround(middle + trend * ((double)k / comb->places - 0.5));
}

static int slack_of(int height) { return od_max(2, (int)(max_shortfall * height)); }

/* Whether a wall goes on below the line, near its column. */
static bool goes_on_below(const od_base_line *line, int column) {
  const int foot = od_foot_of(line), near = foot + 1;
  int rows = 0;
  for (int down = foot + 1; down <= foot + 4; down++) {
    bool any = false;
    for (int i = -near; i <= near; i++) any = any || od_stands(line, column + i, -down);
    rows += any;
  }
  return rows == 4;
}

/* The column of place k between two ends in perspective c. */
static double place_at(int begin, int end, int places, int k, double c) {
  const double t = (double)k / places;
  return begin + (end - begin) * t * (1 + c) / (1 + c * t);
}

/* Finds the walls of places between two ends; whether most of them are there, as high as they
 * should be, and end with the line. */
static bool has_walls(const od_base_line *line, int begin, int end, double c, od_comb *comb) {
  const int n = comb->places + 1;
  const int reach = od_max(1, (int)(tolerance * (end - begin) / comb->places + 0.5));
  int low = 0, equal = 0, below = 0;
  for (int k = 0; k < n; k++) {
    od_comb_wall *wall = &comb->walls[k];
    const int column = (int)lround(place_at(begin, end, comb->places, k, c));
    wall->height = highest(line, column, reach, &wall->column);
    low += wall->height < MIN_WALL;
    if (low > max_low * n) return false;
  }
  expect_heights(comb);
  low = 0;
  for (int k = 0; k < n; k++) {
    const int difference = comb->walls[k].height - comb->heights[k];
    const int slack = slack_of(comb->heights[k]);
    const bool at_end = k == 0 || k == comb->places;
    if (difference < -slack && at_end) return false;
    low += difference < -slack;
    equal += abs(difference) <= slack;
    below += goes_on_below(line, comb->walls[k].column);
  }
  const int height = comb->heights[comb->places / 2];
  return low <= max_low * n && below <= max_below * n && equal >= min_equal * n &&
         height >= min_slenderness * 2 * line->half && height + od_foot_of(line) + 2 < MAX_HEIGHT;
}

/* Whether the base line is whole, and its places are empty enough: no other walls are between those
 * of the comb. */
static bool has_empty_places(const od_base_line *line, const od_comb *comb) {
  const int begin = comb->walls[0].column, end = comb->walls[comb->places].column;
  const int widest = (int)(2 * line->half) + 3;
  int filled = 0, gap = 0, strays = 0, run = 0;
  for (int i = begin, k = 0; i <= end; i++) {
    while (k < comb->places && i > comb->walls[k + 1].column) k++;
    const int height = comb->heights[k], slack = slack_of(height);
    const bool high = line->heights[i] >= height - slack;
    const bool near = i - comb->walls[k].column <= widest ||
                      comb->walls[od_min(k + 1, comb->places)].column - i <= widest;
    filled += high;
    gap = od_stands(line, i, 0) ? 0 : gap + 1;
    if (gap > MAX_GAP) return false;
    if (high && line->heights[i] <= height + slack) {
      run++;
    } else {
      strays += run > 0 && run <= widest && !near;
      run = 0;
    }
  }
  *line->steps += end - begin;
  return 3 * filled <= end - begin && 4 * strays <= comb->places;
}

/* The proportion of the columns between walls, `inset` from them, with foreground so far above the
 * line. */
static double cover(const od_base_line *line, const od_comb *comb, int inset, int up) {
  int covered = 0, total = 0;
  for (int k = 0; k < comb->places; k++) {
    const int last = comb->walls[k + 1].column - inset;
    for (int i = comb->walls[k].column + inset; i <= last; i++, total++)
      covered += od_stands(line, i, up) || od_stands(line, i, up + 1);
  }
  *line->steps += total;
  return total ? (double)covered / total : 1;
}

/* Whether the walls have a line at their upper end, in comb->closed, and none between their ends.
 */
static bool has_shape(const od_base_line *line, od_comb *comb) {
  const int foot = od_foot_of(line), height = comb->heights[comb->places / 2];
  const int difference = abs(comb->heights[comb->places] - comb->heights[0]);
  const int inset = od_max(3, height / 6) + difference / 2;
  const int beside = (int)line->half + 2;
  const double pitch =
      (double)(comb->walls[comb->places].column - comb->walls[0].column) / comb->places;
  for (int up = foot + 1; up < foot + height - inset; up++)
    if (cover(line, comb, beside, up) >= min_crossing) return false;
  comb->closed = false;
  const double least = difference > 2 ? min_cover / 3 : min_cover; /* it is in several rows */
  for (int up = foot + height - inset; up <= foot + height + 1 + difference / 2; up++)
    comb->closed = comb->closed || cover(line, comb, (int)(pitch / 5), up) >= least;
  return pitch <= (comb->closed ? max_box_pitch : max_tooth_pitch) * height;
}

/* Whether the line has foreground in three columns from `column` on. */
static bool goes_on(const od_base_line *line, int column, int step) {
  int count = 0;
  for (int k = 0; k < 3; k++, column += step)
    count += column >= 0 && column < line->count && od_stands(line, column, 0);
  return count == 3;
}

/* Whether walls are printed: thin, and the line ends with the outer ones. */
static bool is_printed(const od_base_line *line, const od_comb *comb) {
  const int foot = od_foot_of(line), widest = (int)(2 * line->half) + 2;
  int thin = 0, rows = 0;
  for (int k = 0; k <= comb->places; k++) {
    const od_comb_wall *wall = &comb->walls[k];
    const int height = od_min(wall->height, comb->heights[k]);
    for (int i = 0; i < height; i++, rows++) {
      const int column = wall->column + (int)lround(wall->lean * i);
      int width = 1;
      for (int j = column - 1; width <= widest && od_stands(line, j, foot + i); j--) width++;
      for (int j = column + 1; width <= widest && od_stands(line, j, foot + i); j++) width++;
      thin += width <= widest;
    }
  }
  *line->steps += rows;
  return thin >= min_thin * rows && !goes_on(line, comb->walls[0].column - widest - 1, -1) &&
         !goes_on(line, comb->walls[comb->places].column + widest + 1, 1);
}

/* Whether walls without a line at their upper end are of one height and at their places; digits may
 * touch up to half of them, and those of a date's ends may be higher. */
static bool are_teeth(const od_comb *comb, double c) {
  const int begin = comb->walls[0].column, end = comb->walls[comb->places].column;
  const double pitch = (double)(end - begin) / comb->places;
  const double away = fmax(1, pitch * (c != 0 ? tolerance : max_tooth_shift));
  int others = 0;
  for (int k = 0; k <= comb->places; k++) {
    const int height = comb->heights[k];
    const double slack =
        comb->places >= MANY_PLACES ? slack_of(height) : fmax(1, max_tooth_deviation * height);
    others += abs(comb->walls[k].height - height) > slack ||
              fabs(comb->walls[k].column - place_at(begin, end, comb->places, k, c)) > away;
  }
  const bool many = comb->places >= MANY_PLACES;
  return comb->heights[comb->places / 2] >= MIN_TOOTH && 2 * others <= comb->places - !many &&
         (c == 0 || many);
}

/* Finds the middle, relative to a column, of the foreground of a row around the column, if it is no
 * wider than a wall. */
static bool middle_of_row(const od_base_line *line, int column, int up, double *middle) {
  const int widest = (int)(2 * line->half) + 3;
  int left = 0, right = 0;
  if (!od_stands(line, column, up)) return false;
  while (left <= widest && od_stands(line, column - left - 1, up)) left++;
  while (right <= widest && od_stands(line, column + right + 1, up)) right++;
  *middle = (right - left) / 2.0;
  return left + right < widest;
}

/* The lean of a wall, from the middles of the lower and upper halves of its rows; 0 if it is less
 * than a column. */
static double lean_of(const od_base_line *line, const od_comb_wall *wall, int height) {
  struct half {
    double middle, row;
    int count;
  } halves[2] = {{0}};
  for (int i = 0, drift = 0; i < height; i++) {
    double middle;
    struct half *half = &halves[2 * i >= height];
    const int up = od_foot_of(line) + i, column = wall->column + drift;
    if (!od_stands(line, column, up))
      drift += od_stands(line, column + 1, up) - od_stands(line, column - 1, up);
    if (!middle_of_row(line, wall->column + drift, up, &middle)) continue;
    half->middle += drift + middle;
    half->row += i;
    half->count++;
    drift += (middle > 0.5) - (middle < -0.5);
  }
  if (height < MIN_WALL || 4 * od_min(halves[0].count, halves[1].count) < height) return 0;
  const double rows = halves[1].row / halves[1].count - halves[0].row / halves[0].count;
  const double lean =
      (halves[1].middle / halves[1].count - halves[0].middle / halves[0].count) / rows;
  return fabs(lean * height) < 1 ? 0 : lean;
}

static void measure_leans(const od_base_line *line, od_comb *comb) {
  for (int k = 0; k <= comb->places; k++) {
    od_comb_wall *wall = &comb->walls[k];
    wall->lean = lean_of(line, wall, od_min(wall->height, comb->heights[k]));
  }
}

/* Finds the outermost wall from one end of the line, in steps of 1 or -1. */
static bool find_end(const od_base_line *line, int column, int step, int *wall) {
  const int thickness = (int)(2 * line->half) + 1;
  *wall = 0;
  for (; column >= 0 && column < line->count; column += step)
    if (line->heights[column] >= MIN_WALL)
      return highest(line, column + step * thickness / 2, thickness, wall) >= MIN_WALL;
  return false;
}

/* The largest number of places that fits. */
bool od_find_comb(const od_base_line *line, od_comb *comb) {
  int begin, end;
  if (!find_end(line, 0, 1, &begin) || !find_end(line, line->count - 1, -1, &end)) return false;
  for (int places = od_min(OD_MAX_PLACES, (end - begin) / MIN_PITCH); places >= 1; places--)
    for (size_t i = 0; i < sizeof perspectives / sizeof *perspectives; i++) {
      const double c = perspectives[i];
      if (*line->steps > OD_MAX_COMB_STEPS) return false;
      *comb = (od_comb){.places = places};
      if (!has_walls(line, begin, end, c, comb) || !has_empty_places(line, comb) ||
          !has_shape(line, comb))
        continue;
      measure_leans(line, comb);
      if (is_printed(line, comb) && (comb->closed || are_teeth(comb, c)))
        return places > 1 || comb->closed;
    }
  return false;
}
