/* Cuts where digits may touch: seams from top to bottom of a piece that cross little of its
 * ink. Each is the cheapest path of a band of columns, found row by row (dynamic programming);
 * of seams that part the ink alike the cheapest stays. Too many cuts do no harm but cost time:
 * the lattice puts pieces together again. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"
#include "page/page.h"

/* In heights of the line's digits. */
static const double least_width = 0.35; /* of a piece that is cut */
static const double end_margin = 0.08;  /* no cut is nearer to a piece's end */
static const double seam_step = 0.08, seam_reach = 0.2;
/* In pen widths, and squares of these. */
static const double most_ink_crossed = 4, least_ink = 0.9;

enum { INK_COST = 8, SLANT_COST = 1, MOST_SEAMS = 64 };

typedef struct seam {
  int cost;    /* of ink crossed and slant */
  int crossed; /* pixels of ink */
  int before;  /* pixels of ink to its left */
  int *path;   /* (piece height): the first column to its right */
} seam;

typedef struct cutter {
  od_page *page;
  od_segment *pieces; /* (room), cut */
  int count, room;
  int *cost;    /* (2, w + 2) */
  int8_t *step; /* (tallest, w): where a path comes from */
  int *before;  /* (tallest, w): ink of the piece to the left in the row */
  int area;     /* pixels of the piece at work */
  int *paths;   /* (MOST_SEAMS, tallest) */
  seam seams[MOST_SEAMS];
  int seam_count;
} cutter;

static bool is_ink(const od_page *page, int label, int y, int x) {
  return page->strokes.labels[(size_t)y * (size_t)page->w + (size_t)x] == label;
}

/* The cheapest path through columns left..right - 1 of a piece: `found`, with its path. */
static void find_seam(const cutter *work, const od_segment *piece, int label, int left, int right,
                      seam *found) {
  const od_page *page = work->page;
  const int wide = right - left, tall = piece->bottom - piece->top;
  int *above = work->cost + 1, *here = above + page->w + 2;
  for (int x = 0; x < wide; x++) above[x] = 0;
  for (int y = 0; y < tall; y++) {
    int8_t *step = work->step + (size_t)y * (size_t)page->w;
    const int32_t *row = page->strokes.labels + (size_t)(piece->top + y) * (size_t)page->w + left;
    above[-1] = above[wide] = 1 << 28;
    for (int x = 0; x < wide; x++) {
      const int from_left = above[x - 1] + SLANT_COST, from_right = above[x + 1] + SLANT_COST;
      int best = above[x];
      int8_t way = 0;
      if (from_left < best) best = from_left, way = -1;
      if (from_right < best) best = from_right, way = 1;
      here[x] = best + (row[x] == label ? INK_COST : 0);
      step[x] = way;
    }
    int *swap = above;
    above = here;
    here = swap;
  }
  int x = 0;
  for (int k = 1; k < wide; k++)
    if (above[k] < above[x]) x = k;
  found->cost = above[x];
  found->crossed = found->before = 0;
  for (int y = tall - 1; y >= 0; y--) {
    found->path[y] = left + x;
    found->crossed += is_ink(page, label, piece->top + y, left + x);
    found->before += work->before[(size_t)y * (size_t)page->w + (size_t)(left + x)];
    x += work->step[(size_t)y * (size_t)page->w + (size_t)x];
  }
}

/* Counts the piece's ink to the left of each of its columns. */
static void count_ink(cutter *work, const od_segment *piece, int label) {
  const od_page *page = work->page;
  work->area = 0;
  for (int y = piece->top; y < piece->bottom; y++) {
    int *before = work->before + (size_t)(y - piece->top) * (size_t)page->w;
    int sum = 0;
    for (int x = piece->left; x < piece->right; x++) {
      before[x] = sum;
      sum += is_ink(page, label, y, x);
    }
    work->area += sum;
  }
}

/* Takes a new seam in where it is cheaper than all that part the ink as it does, but for less
 * than `least` pixels; those go. */
static void keep_seam(cutter *work, double least) {
  const seam *fresh = &work->seams[work->seam_count];
  if (fresh->before < least || work->area - fresh->before < least) return;
  for (int i = 0; i < work->seam_count; i++)
    if (abs(work->seams[i].before - fresh->before) < least && work->seams[i].cost <= fresh->cost)
      return;
  const seam kept = *fresh;
  int count = 0;
  for (int i = 0; i < work->seam_count; i++) {
    if (abs(work->seams[i].before - kept.before) < least) continue;
    const seam other = work->seams[i];
    work->seams[i] = work->seams[count]; /* paths are exchanged, not lost */
    work->seams[count++] = other;
  }
  /* Put it where the first of those that went was. */
  const seam gone = work->seams[count];
  work->seams[count] = kept;
  if (count < work->seam_count) work->seams[work->seam_count] = gone;
  work->seam_count = count + 1;
}

static int by_ink_before(const void *a, const void *b) {
  const seam *first = a, *second = b;
  return (first->before > second->before) - (first->before < second->before);
}

/* Fills work->seams with the cuts of a piece, from left to right. */
static void find_seams(cutter *work, const od_segment *piece, int label, double height) {
  const int wide = piece->right - piece->left;
  const int reach = od_max(2, (int)(seam_reach * height)),
            margin = od_max(1, (int)(end_margin * height));
  const double allowed = fmax(3, most_ink_crossed * work->page->pen);
  const double step = fmax(1, seam_step * height);
  work->seam_count = 0;
  if (wide < least_width * height) return;
  count_ink(work, piece, label);
  for (double at = margin; at <= wide - margin && work->seam_count < MOST_SEAMS - 1; at += step) {
    const int left = od_max(piece->left + margin / 2, piece->left + (int)at - reach);
    const int right = od_min(piece->right - margin / 2, piece->left + (int)at + reach + 1);
    seam *found = &work->seams[work->seam_count];
    find_seam(work, piece, label, left, right, found);
    if (found->crossed <= allowed) keep_seam(work, least_ink * work->page->pen * work->page->pen);
  }
  qsort(work->seams, (size_t)work->seam_count, sizeof *work->seams, by_ink_before);
}

/* Cuts a piece along the seams; new pieces come to the end of the list. Pixels are labelled
 * with minus the new number, so that none is taken for one of another old piece. */
static void cut_piece(cutter *work, const od_segment *piece, int label) {
  const od_page *page = work->page;
  const int first = work->count;
  od_segment *parts = work->pieces + first;
  work->count += work->seam_count + 1;
  for (int k = 0; k <= work->seam_count; k++)
    parts[k] = (od_segment){.left = page->w, .top = page->h};
  for (int y = piece->top; y < piece->bottom; y++) {
    int32_t *row = page->strokes.labels + (size_t)y * (size_t)page->w;
    const uint8_t *ink = page->ink + (size_t)y * (size_t)page->w;
    for (int x = piece->left; x < piece->right; x++) {
      if (row[x] != label) continue;
      int k = 0;
      for (int i = 0; i < work->seam_count; i++) k += x >= work->seams[i].path[y - piece->top];
      od_segment *part = &parts[k];
      row[x] = -(first + k + 1);
      part->left = od_min(part->left, x);
      part->right = od_max(part->right, x + 1);
      part->top = od_min(part->top, y);
      part->bottom = od_max(part->bottom, y + 1);
      part->area++;
      part->mass += ink[x];
      part->middle += x;
    }
  }
  for (int k = 0; k <= work->seam_count; k++)
    if (parts[k].area) parts[k].middle /= parts[k].area;
}

typedef struct place {
  double middle;
  int piece;
} place;

static int by_column(const void *a, const void *b) {
  const place *first = a, *second = b;
  if (first->middle < second->middle || first->middle > second->middle)
    return first->middle < second->middle ? -1 : 1;
  return (first->piece > second->piece) - (first->piece < second->piece);
}

/* Puts the pieces first..count - 1 into order, leaving out empty ones; number (count) gets the
 * new label of each. Returns how many are left in all. */
static int sort_pieces(cutter *work, int first, place *places, od_segment *sorted, int *number,
                       int so_far) {
  int count = 0;
  for (int i = first; i < work->count; i++)
    if (work->pieces[i].area) places[count++] = (place){work->pieces[i].middle, i};
  qsort(places, (size_t)count, sizeof *places, by_column);
  for (int k = 0; k < count; k++) {
    number[places[k].piece] = so_far + k + 1;
    sorted[so_far + k] = work->pieces[places[k].piece];
  }
  return so_far + count;
}

static void cut_lines(cutter *work, place *places, od_segment *sorted, int *number) {
  od_page *page = work->page;
  int so_far = 0;
  for (int i = 0; i < page->line_count; i++) {
    od_text_line *line = &page->lines[i];
    const int first = work->count, begin = so_far;
    for (int k = line->first; k < line->first + line->count; k++) {
      const int pieces_to_come = page->piece_count - k;
      work->seam_count = 0;
      if (work->count + MOST_SEAMS + pieces_to_come <= work->room)
        find_seams(work, &page->pieces[k], k + 1, line->height);
      cut_piece(work, &page->pieces[k], k + 1);
    }
    so_far = sort_pieces(work, first, places, sorted, number, so_far);
    line->first = begin;
    line->count = so_far - begin;
  }
  page->piece_count = so_far;
  int32_t *label = page->strokes.labels;
  for (size_t i = 0; i < (size_t)page->h * (size_t)page->w; i++)
    label[i] = label[i] < 0 ? number[-label[i] - 1] : 0;
}

od_status od_page_split_touching(od_page *page, od_error *error) {
  cutter work = {.page = page, .room = page->piece_room};
  int tallest = 1;
  for (int i = 0; i < page->piece_count; i++)
    tallest = od_max(tallest, page->pieces[i].bottom - page->pieces[i].top);
  const size_t room = (size_t)work.room, w = (size_t)page->w;
  work.pieces = od_allocate(room, sizeof *work.pieces);
  work.cost = od_allocate(2 * (w + 2), sizeof *work.cost);
  work.step = od_allocate((size_t)tallest * w, sizeof *work.step);
  work.before = od_allocate((size_t)tallest * w, sizeof *work.before);
  work.paths = od_allocate((size_t)MOST_SEAMS * (size_t)tallest, sizeof *work.paths);
  place *places = od_allocate(room, sizeof *places);
  int *number = od_allocate(room, sizeof *number);
  od_segment *sorted = od_allocate(room, sizeof *sorted);
  od_status status = OD_OK;
  if (work.pieces && work.cost && work.step && work.before && work.paths && places && number &&
      sorted) {
    for (int i = 0; i < MOST_SEAMS; i++)
      work.seams[i].path = work.paths + (size_t)i * (size_t)tallest;
    cut_lines(&work, places, sorted, number);
    od_release(page->pieces);
    page->pieces = sorted;
    sorted = NULL;
  } else {
    status = od_fail_memory(error, "cutting the strokes of a page");
  }
  od_release(work.pieces);
  od_release(work.cost);
  od_release(work.step);
  od_release(work.before);
  od_release(work.paths);
  od_release(places);
  od_release(number);
  od_release(sorted);
  return status;
}
