#include "read/crop.h"

#include "image/ink.h"
#include "image/limits.h"

static int least(int a, int b) { return a < b ? a : b; }
static int most(int a, int b) { return a > b ? a : b; }

/* The part of a page that a crop is of; `low` to `high` are the labels of its own ink. */
typedef struct part {
  const od_page *page;
  int left, top, right, bottom;
  int32_t low, high;
} part;

/* The pieces' box and a pixel around it. */
static part find_part(const od_page *page, od_ink_run run) {
  part all = {page, page->w, page->h, 0, 0, run.first + 1, run.first + run.count};
  for (int i = run.first; i < run.first + run.count; i++) {
    const od_piece *piece = &page->pieces[i];
    all.left = least(all.left, piece->left);
    all.top = least(all.top, piece->top);
    all.right = most(all.right, piece->right);
    all.bottom = most(all.bottom, piece->bottom);
  }
  all.left = most(all.left - 1, 0);
  all.top = most(all.top - 1, 0);
  all.right = least(all.right + 1, page->w);
  all.bottom = least(all.bottom + 1, page->h);
  return all;
}

static bool is_own(const part *all, int32_t label) {
  return label >= all->low && label <= all->high;
}

/* Whether a pixel beside this one is the digit's own. */
static bool is_near(const part *all, int y, int x) {
  const int w = all->page->w;
  for (int row = most(y - 1, 0); row <= least(y + 1, all->page->h - 1); row++)
    for (int column = most(x - 1, 0); column <= least(x + 1, w - 1); column++)
      if (is_own(all, all->page->strokes.label[(size_t)row * (size_t)w + (size_t)column]))
        return true;
  return false;
}

/* The digit's ink of row y: that of its own pixels, and the faint ink beside them, which is of
 * no piece. ink (right - left) */
static void cut_row(const part *all, int y, uint8_t *ink) {
  const size_t row = (size_t)y * (size_t)all->page->w;
  for (int x = all->left; x < all->right; x++) {
    const size_t at = row + (size_t)x;
    const uint8_t level = all->page->ink[at];
    const int32_t label = all->page->strokes.label[at];
    const bool faint = level && level < OD_INK_SOME && label == 0;
    ink[x - all->left] = is_own(all, label) || (faint && is_near(all, y, x)) ? level : 0;
  }
}

/* Means of the digit's ink over squares of `factor` pixels: ink (h, w). */
static void shrink(const part *all, int factor, int h, int w, uint8_t *ink) {
  uint8_t row[OD_MAX_IMAGE_SIDE];
  const uint32_t area = (uint32_t)(factor * factor);
  for (int y = 0; y < h; y++) {
    uint32_t sums[OD_PREPARE_SIDE] = {0};
    for (int i = all->top + y * factor; i < least(all->top + (y + 1) * factor, all->bottom); i++) {
      cut_row(all, i, row);
      for (int x = 0; x < all->right - all->left; x++) sums[x / factor] += row[x];
    }
    for (int x = 0; x < w; x++) ink[y * w + x] = (uint8_t)((sums[x] + area / 2) / area);
  }
}

void od_crop_digit(const od_page *page, od_ink_run run, uint8_t *scratch, float *result) {
  const part all = find_part(page, run);
  const int tall = all.bottom - all.top, wide = all.right - all.left;
  const int factor = (most(tall, wide) + OD_PREPARE_SIDE - 1) / OD_PREPARE_SIDE;
  const int h = (tall + factor - 1) / factor, w = (wide + factor - 1) / factor;
  if (factor > 1)
    shrink(&all, factor, h, w, scratch);
  else
    for (int y = 0; y < tall; y++) cut_row(&all, all.top + y, scratch + y * wide);
  od_prepare_ink(page->imaging.kernels, h, w, scratch, scratch + h * w, result);
}
