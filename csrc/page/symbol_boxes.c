/* Pieces go to digits from left to right, a run of neighbours to each, or to none. The network
 * says where about a digit is; the cheapest way to deal the pieces out, by dynamic programming,
 * puts each digit's ink near that place, of a width that such a digit has, and leaves out
 * little ink. */
#include "page/symbol_boxes.h"

#include <math.h>

#include "base/math.h"
#include "base/memory.h"

enum { MOST_RUN = 9 /* pieces of a digit */ };

/* What things cost, lengths being in heights of the line's digits. */
static const double away = 10;       /* a digit's middle a height from where it should be */
static const double odd_width = 3;   /* a width that is off by a height, squared too */
static const double low = 2;         /* a digit of no height, by what it lacks of least_tall */
static const double least_tall = 0.7;
static const double left_out = 6;     /* the ink of a digit, left out */
static const double without_ink = 4; /* a digit that gets no piece */

static const double narrow = 0.45, usual = 0.6; /* widths of a one, and of others */

typedef struct dealer {
  const od_segment *pieces; /* (count) of the line */
  int count, digits;
  const od_decoded_symbol *spelled; /* (digits) */
  const od_line_geometry *place;
  double height, digit_mass;
  double *cost; /* (count + 1, digits + 1): of so many pieces for so many digits */
  int *run;     /* the same: pieces of the last digit; 0: it has none; -1: a piece was left out */
} dealer;

/* The page's column where digit k should have its middle. */
static double middle_of(const dealer *work, int k) {
  const od_decoded_symbol *digit = &work->spelled[k];
  return work->place->left + (2.0 * (digit->first + digit->last) + 2) * work->place->pitch;
}

typedef struct box {
  int left, top, right, bottom;
} box;

static void widen(box *all, const od_segment *piece) {
  all->left = od_min(all->left, piece->left);
  all->top = od_min(all->top, piece->top);
  all->right = od_max(all->right, piece->right);
  all->bottom = od_max(all->bottom, piece->bottom);
}

static double cost_of(const dealer *work, int k, const box *ink) {
  const double h = work->height, wide = (ink->right - ink->left) / h;
  const double off = (0.5 * (ink->left + ink->right) - middle_of(work, k)) / h;
  const double odd = wide - (work->spelled[k].value == 1 ? narrow : usual);
  const double lack = fmax(0, least_tall - (ink->bottom - ink->top) / h);
  return away * off * off + odd_width * odd * odd + low * lack;
}

static void try_way(dealer *work, int pieces, int digits, double cost, int run) {
  const int at = pieces * (work->digits + 1) + digits;
  if (cost >= work->cost[at]) return;
  work->cost[at] = cost;
  work->run[at] = run;
}

static void deal(dealer *work) {
  const int states = (work->count + 1) * (work->digits + 1);
  for (int i = 0; i < states; i++) work->cost[i] = 1e300;
  work->cost[0] = 0;
  for (int p = 0; p <= work->count; p++)
    for (int k = 0; k <= work->digits; k++) {
      const double so_far = work->cost[p * (work->digits + 1) + k];
      if (k < work->digits) try_way(work, p, k + 1, so_far + without_ink, 0);
      if (p == work->count) continue;
      const od_segment *piece = &work->pieces[p];
      try_way(work, p + 1, k, so_far + left_out * piece->mass / work->digit_mass, -1);
      box ink = {piece->left, piece->top, piece->right, piece->bottom};
      for (int n = 1; k < work->digits && n <= MOST_RUN && p + n <= work->count; n++) {
        widen(&ink, &work->pieces[p + n - 1]);
        try_way(work, p + n, k + 1, so_far + cost_of(work, k, &ink), n);
      }
    }
}

/* A digit without ink: a box where it should be. */
static box guess_box(const dealer *work, const od_page *page, int k) {
  const od_line_geometry *place = work->place;
  const double half = 0.5 * work->height * (work->spelled[k].value == 1 ? narrow : usual);
  const double middle = middle_of(work, k);
  const double row = place->top + place->slope * (middle - place->left) +
                     0.5 * OD_LINE_HEIGHT * place->scale;
  const int left = od_max(0, od_min(page->w - 1, (int)(middle - half)));
  const int top = od_max(0, od_min(page->h - 1, (int)(row - 0.5 * work->height)));
  return (box){left, top, od_max(left + 1, od_min(page->w, (int)(middle + half))),
               od_max(top + 1, od_min(page->h, (int)(row + 0.5 * work->height)))};
}

static void take_boxes(const dealer *work, const od_page *page, int first_piece,
                       od_read_digit *digits, od_segment_run *runs) {
  int p = work->count, k = work->digits;
  while (p > 0 || k > 0) {
    const int run = work->run[p * (work->digits + 1) + k];
    if (run < 0) {
      p--;
      continue;
    }
    box ink = {page->w, page->h, 0, 0};
    k--;
    for (int i = p - run; i < p; i++) widen(&ink, &work->pieces[i]);
    if (run == 0) ink = guess_box(work, page, k);
    digits[k].left = ink.left;
    digits[k].top = ink.top;
    digits[k].right = ink.right;
    digits[k].bottom = ink.bottom;
    p -= run;
    runs[k] = (od_segment_run){first_piece + p, run};
  }
}

od_status od_find_symbol_boxes(const od_page *page, const od_text_line *line, const od_line_geometry *place,
                        int count, const od_decoded_symbol *spelled, od_read_digit *digits,
                        od_segment_run *runs, od_error *error) {
  dealer work = {.pieces = page->pieces + line->first,
                 .count = line->count,
                 .digits = count,
                 .spelled = spelled,
                 .place = place,
                 .height = line->height};
  const size_t states = (size_t)(line->count + 1) * (size_t)(count + 1);
  double mass = 0;
  for (int i = 0; i < line->count; i++) mass += work.pieces[i].mass;
  work.digit_mass = fmax(mass, 1) / od_max(count, 1);
  work.cost = od_allocate(states, sizeof *work.cost);
  work.run = od_allocate(states, sizeof *work.run);
  const bool enough = work.cost && work.run;
  if (enough) {
    deal(&work);
    take_boxes(&work, page, line->first, digits, runs);
  }
  od_release(work.cost);
  od_release(work.run);
  return enough ? OD_OK : od_fail_memory(error, "the boxes of a line");
}

bool od_is_isolated(int count, const od_read_digit *digits, int index) {
  const od_read_digit *digit = &digits[index];
  if (index && digit[-1].line == digit->line && digit[-1].right >= digit->left) return false;
  return index + 1 == count || digit[1].line != digit->line || digit->right < digit[1].left;
}
