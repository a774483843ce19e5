/* read/ under stress: any picture of any size, and any probabilities, come to digits that lie
 * within the picture. That numbers are read right is for tests/test_reading.py. */
#include "base/memory.h"
#include "base/rng.h"
#include "check.h"
#include "guard.h"
#include "read/lattice.h"
#include "read/page.h"
#include "tables.h"

enum { LONGEST = 130 };

static od_rng rng;
static guard guard_in;

static int draw(int low, int high) { /* both included */
  return low + (int)od_rng_below(&rng, (uint64_t)(high - low + 1));
}

/* Strokes of a pen that wanders on paper, long lines, noise, or all of it. */
static const uint8_t *random_page(int h, int w) {
  uint8_t *image = guard_block(&guard_in, (size_t)(h * w), draw(0, 1) ? GUARD_BELOW : GUARD_ABOVE);
  int noise = draw(0, 3) ? draw(0, 20) : 255, strokes = draw(0, 12), ink = draw(0, 1) ? 20 : 240;
  for (int i = 0; i < h * w; i++) {
    int level = 255 - ink + draw(-noise, noise) / 2;
    image[i] = (uint8_t)(level < 0 ? 0 : level > 255 ? 255 : level);
  }
  for (int k = 0; k < strokes; k++) {
    int y = draw(0, h - 1), x = draw(0, w - 1), straight = draw(0, 4) == 0, pen = draw(0, 2);
    for (int i = draw(5, 150); i > 0; i--) {
      for (int row = y - pen; row <= y + pen; row++)
        for (int column = x - pen; column <= x + pen; column++)
          if (row >= 0 && row < h && column >= 0 && column < w)
            image[row * w + column] = (uint8_t)ink;
      x += straight ? 1 : draw(-1, 1);
      y += straight ? 0 : draw(-1, 1);
    }
  }
  return image;
}

static od_status find_candidates(od_page *page, const uint8_t *image, od_pool *pool) {
  od_error error = {{0}};
  page->imaging = (od_imaging){.kernels = table(draw(0, 1)), .pool = pool};
  if (!page->imaging.kernels) page->imaging.kernels = table(0);
  od_status status = od_page_find_ink(page, image, &error);
  if (!status) status = od_page_find_lines(page, &error);
  if (!status) status = od_page_cut_pieces(page, &error);
  if (!status) status = od_page_list_candidates(page, pool, &error);
  if (status) printf("%s\n", error.message);
  return status;
}

static void check_candidates(const od_page *page) {
  bool right = true;
  for (int i = 0; i < page->candidate_count; i++) {
    const od_candidate *c = &page->candidates[i];
    const od_text_line *line = &page->lines[c->line];
    right = right && c->first <= c->last && line->first <= c->first;
    right = right && c->last < line->first + line->count;
    right = right && 0 <= c->left && c->left < c->right && c->right <= page->w;
    right = right && 0 <= c->top && c->top < c->bottom && c->bottom <= page->h;
    if (i) right = right && page->candidates[i - 1].line <= c->line;
  }
  for (int i = 0; i < page->candidate_count * OD_PICTURE; i++)
    right = right && page->pictures[i] >= 0 && page->pictures[i] <= 1;
  CHECK(right);
}

/* Reads with made-up probabilities; at most `length` digits a line where that is not 0. */
static void check_decode(const od_page *page, const od_read_limits *limits) {
  size_t n = (size_t)page->candidate_count * OD_READ_CLASSES;
  float *probabilities = od_allocate(n, sizeof *probabilities);
  od_read_digit *digits = od_allocate((size_t)page->piece_count, sizeof *digits);
  for (size_t i = 0; i < n; i++)
    probabilities[i] = draw(0, 3) ? (float)od_rng_uniform(&rng) : (float)draw(0, 1);
  od_error error = {{0}};
  int count;
  CHECK_INT(od_page_decode(page, probabilities, limits, digits, &count, &error), OD_OK);
  CHECK(count <= page->piece_count);
  int in_line = 0;
  bool right = true;
  for (int i = 0; i < count; i++) {
    const od_read_digit *d = &digits[i];
    in_line = i && digits[i - 1].line == d->line ? in_line + 1 : 1;
    bool last = i + 1 == count || digits[i + 1].line != d->line;
    if (limits->length && last) right = right && in_line == limits->length;
    right = right && 0 <= d->value && d->value < OD_DIGITS;
    right = right && d->confidence >= 0 && d->confidence <= d->is_digit && d->is_digit <= 1.0001f;
    right = right && 0 <= d->left && d->right <= page->w && 0 <= d->top && d->bottom <= page->h;
  }
  CHECK(right);
  od_release(probabilities);
  od_release(digits);
}

static void test_random_pages(void) {
  static const char *const words[] = {"7", "12", "123", "99999999999999999999999999999999"};
  od_pool *pool;
  od_error error;
  CHECK_INT(od_pool_create(2, &pool, &error), OD_OK);
  for (int i = 0; i < 500; i++) {
    od_page page = {.h = draw(1, LONGEST), .w = draw(1, LONGEST)};
    CHECK_CASE("page %d, (%d, %d)", i, page.h, page.w);
    const uint8_t *image = random_page(page.h, page.w);
    if (CHECK_INT(find_candidates(&page, image, i % 2 ? pool : NULL), OD_OK)) {
      check_candidates(&page);
      check_decode(&page, &(od_read_limits){0});
      check_decode(&page, &(od_read_limits){.length = draw(1, 6)});
      check_decode(&page, &(od_read_limits){.word_count = 4, .words = words});
      check_decode(&page, &(od_read_limits){.length = 2, .word_count = 4, .words = words});
    }
    CHECK(guard_intact(&guard_in));
    od_page_release(&page);
  }
  od_pool_destroy(pool);
}

static void test_extreme_shapes(void) {
  const int shapes[][2] = {{1, 16384}, {16384, 1}, {2, 9000}, {3000, 7}, {600, 600}};
  guard pages = guard_create(600 * 600);
  for (int i = 0; i < 5; i++) {
    od_page page = {.h = shapes[i][0], .w = shapes[i][1]};
    size_t n = (size_t)page.h * (size_t)page.w;
    uint8_t *image = guard_block(&pages, n, GUARD_ABOVE);
    CHECK_CASE("(%d, %d)", page.h, page.w);
    for (size_t k = 0; k < n; k++) image[k] = (uint8_t)draw(0, 255);
    if (CHECK_INT(find_candidates(&page, image, NULL), OD_OK)) check_candidates(&page);
    od_page_release(&page);
  }
  guard_destroy(&pages);
}

int main(void) {
  od_rng_seed(&rng, 43, 0);
  guard_in = guard_create(LONGEST * LONGEST);
  RUN(test_random_pages);
  RUN(test_extreme_shapes);
  guard_destroy(&guard_in);
  return check_end();
}
