/* Candidates: runs of neighbouring pieces of a line that are no wider than a digit. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "image/ink.h"
#include "image/window.h"
#include "read/page.h"

/* In heights of the line's digits. */
static const double widest = 1.7, widest_gap = 0.4, least_tall = 0.22;

enum { MOST_RUN = 7 /* pieces of a candidate */ };

static int least(int a, int b) { return a < b ? a : b; }
static int most(int a, int b) { return a > b ? a : b; }

/* Faint ink beside a piece is the edge of its stroke: the label goes on to it. */
static void spread_labels(od_page *page) {
  const int h = page->h, w = page->w;
  int32_t *label = page->strokes.label;
  for (int i = 0; i < page->piece_count; i++) {
    const od_piece *piece = &page->pieces[i];
    for (int y = piece->top; y < piece->bottom; y++)
      for (int x = piece->left; x < piece->right; x++) {
        if (label[(size_t)y * (size_t)w + (size_t)x] != i + 1 ||
            page->ink[(size_t)y * (size_t)w + (size_t)x] < OD_INK_SOME)
          continue;
        for (int near_y = most(y - 1, 0); near_y <= least(y + 1, h - 1); near_y++)
          for (int near_x = most(x - 1, 0); near_x <= least(x + 1, w - 1); near_x++) {
            const size_t at = (size_t)near_y * (size_t)w + (size_t)near_x;
            if (!label[at] && page->ink[at] < OD_INK_SOME) label[at] = i + 1;
          }
      }
  }
}

/* The candidates that begin with piece `first`; returns how many there are then. `room` is 0
 * for counting only. */
static int list_from(const od_page *page, int line_number, int first, od_candidate *candidates,
                     int count, int room) {
  const od_text_line *line = &page->lines[line_number];
  const od_piece *piece = &page->pieces[first];
  od_candidate run = {line_number, first,        first,        piece->left,
                      piece->top,  piece->right, piece->bottom};
  const int end = least(line->first + line->count, first + MOST_RUN);
  for (int last = first; last < end; last++) {
    piece = &page->pieces[last];
    if (piece->left - run.right > widest_gap * line->height) break;
    run.last = last;
    run.left = least(run.left, piece->left);
    run.top = least(run.top, piece->top);
    run.right = most(run.right, piece->right);
    run.bottom = most(run.bottom, piece->bottom);
    if (run.right - run.left > widest * line->height) break;
    if (run.bottom - run.top < least_tall * line->height) continue;
    if (count < room) candidates[count] = run;
    count++;
  }
  return count;
}

static int list_all(const od_page *page, od_candidate *candidates, int room) {
  int count = 0;
  for (int i = 0; i < page->line_count; i++)
    for (int k = 0; k < page->lines[i].count; k++)
      count = list_from(page, i, page->lines[i].first + k, candidates, count, room);
  return count;
}

/* ---- pictures ---- */

enum { SIDE = OD_WINDOW_SIDE };

typedef struct drawing {
  const od_page *page;
  float *scratch; /* (threads, room) */
  size_t room;    /* weights of both axes, and two rows of the page */
} drawing;

/* The centre of mass of a candidate's own ink. */
static void find_centre(const od_page *page, const od_candidate *candidate, double *down,
                        double *right) {
  double mass = 0, rows = 0, columns = 0;
  for (int y = candidate->top; y < candidate->bottom; y++) {
    const size_t at = (size_t)y * (size_t)page->w;
    int row_mass = 0, row_columns = 0;
    for (int x = candidate->left; x < candidate->right; x++) {
      const int32_t label = page->strokes.label[at + (size_t)x];
      const bool own = label > candidate->first && label <= candidate->last + 1;
      const int ink = own ? page->ink[at + (size_t)x] : 0;
      row_mass += ink;
      row_columns += ink * (x - candidate->left);
    }
    mass += row_mass;
    rows += (double)row_mass * (y + 0.5);
    columns += row_columns + 0.5 * row_mass;
  }
  *down = rows / fmax(mass, 1);
  *right = candidate->left + columns / fmax(mass, 1);
}

/* Where the picture begins along an axis, so that `centre` comes to its middle if begin..end
 * stays inside. */
static double place(double centre, int begin, int end, double ratio) {
  const double origin = centre - SIDE / 2 * ratio;
  return fmin(fmax(origin, end - SIDE * ratio), begin);
}

/* Adds weight times the ink of n pixels to `all`, and to `own` that of pieces first..last. */
static void add_row(int n, const uint8_t *restrict ink, const int32_t *restrict label,
                    int32_t first, int32_t last, float weight, float *restrict own,
                    float *restrict all) {
  for (int x = 0; x < n; x++) {
    const float part = weight * (float)ink[x];
    all[x] += part;
    own[x] += label[x] > first && label[x] <= last + 1 ? part : 0;
  }
}

/* A row of a picture (SIDE, 2) from own and all ink of the page's columns from `left` on. */
static void gather_row(const od_window_axis *across, int left, const float *own, const float *all,
                       float *row) {
  for (int j = 0; j < SIDE; j++) {
    const float *weights = across->weights[j];
    const int first = across->first[j] - left;
    float own_sum = 0, all_sum = 0;
    for (int k = 0; k < across->count[j]; k++) {
      own_sum += weights[k] * own[first + k];
      all_sum += weights[k] * all[first + k];
    }
    row[2 * j] = own_sum;
    row[2 * j + 1] = all_sum;
  }
}

/* Stretches a picture so that its strongest own ink is 1, as thin strokes have paled. */
static void strengthen(float *picture) {
  float strongest = 0;
  for (int i = 0; i < OD_PICTURE; i += 2)
    strongest = picture[i] > strongest ? picture[i] : strongest;
  const float gain = strongest > 0 ? 1 / strongest : 0;
  for (int i = 0; i < OD_PICTURE; i++) {
    const float level = picture[i] * gain;
    picture[i] = level < 1 ? level : 1;
  }
}

/* A candidate into a picture (28, 28, 2): its own ink as MNIST has digits, and all ink of the
 * same window, which shows what it is cut from. */
static void draw(void *context, int index, int worker) {
  const drawing *work = context;
  const od_page *page = work->page;
  const od_candidate *candidate = &page->candidates[index];
  const int longer = most(candidate->right - candidate->left, candidate->bottom - candidate->top);
  const double ratio = (double)longer / OD_WINDOW_DIGIT;
  double down, right;
  od_window_axis rows, columns;
  float *weights = work->scratch + (size_t)worker * work->room;
  float *picture = page->pictures + (size_t)index * OD_PICTURE;
  find_centre(page, candidate, &down, &right);
  od_window_fill(place(down, candidate->top, candidate->bottom, ratio), ratio, page->h, weights,
                 &rows);
  weights += od_window_room(page->h);
  od_window_fill(place(right, candidate->left, candidate->right, ratio), ratio, page->w, weights,
                 &columns);
  float *own = weights + od_window_room(page->w), *all = own + page->w;
  int left = page->w, end = 0; /* the page's columns in the window */
  for (int j = 0; j < SIDE; j++) {
    if (!columns.count[j]) continue;
    left = least(left, columns.first[j]);
    end = most(end, columns.first[j] + columns.count[j]);
  }
  for (int i = 0; i < SIDE; i++) {
    memset(own, 0, (size_t)(end - left) * sizeof *own);
    memset(all, 0, (size_t)(end - left) * sizeof *all);
    for (int k = 0; k < rows.count[i]; k++) {
      const size_t at = (size_t)(rows.first[i] + k) * (size_t)page->w + (size_t)left;
      add_row(end - left, page->ink + at, page->strokes.label + at, candidate->first,
              candidate->last, rows.weights[i][k], own, all);
    }
    gather_row(&columns, left, own, all, picture + 2 * i * SIDE);
  }
  strengthen(picture);
}

od_status od_page_list_candidates(od_page *page, od_pool *pool, od_error *error) {
  drawing work = {.page = page};
  spread_labels(page);
  const int limit = OD_MOST_CANDIDATES + page->h * page->w / OD_CANDIDATE_AREA;
  page->candidate_count = least(list_all(page, NULL, 0), limit);
  const size_t count = (size_t)page->candidate_count;
  page->candidates = od_allocate(count, sizeof *page->candidates);
  page->pictures = od_allocate(count * OD_PICTURE, sizeof *page->pictures);
  if (!page->candidates || !page->pictures)
    return od_fail_memory(error, "the candidates of a page");
  list_all(page, page->candidates, page->candidate_count);
  work.room = od_window_room(page->h) + od_window_room(page->w) + 2 * (size_t)page->w;
  work.scratch = od_allocate((size_t)od_pool_threads(pool) * work.room, sizeof *work.scratch);
  if (!work.scratch) return od_fail_memory(error, "the pictures of candidates");
  od_pool_run(pool, draw, &work, page->candidate_count);
  od_release(work.scratch);
  return OD_OK;
}
