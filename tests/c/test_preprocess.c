/* digit/preprocess.h and digit/canonical.h: any image of any size, in guarded memory, and canonical
 * input against its definition. That results have MNIST's form is tested by tests/test_image.py. */
#include "base/rng.h"
#include "check.h"
#include "guard.h"
#include "digit/canonical.h"
#include "digit/preprocess.h"
#include "tables.h"

enum { MAX_SIDE = 100, SIZE = OD_DIGIT_SIDE * OD_DIGIT_SIDE };

static od_rng rng;
static guard guard_in, guard_out;

static int draw(int low, int high) { /* both included */
  return low + (int)od_rng_below(&rng, (uint64_t)(high - low + 1));
}
static guard_side side(void) { return draw(0, 1) ? GUARD_BELOW : GUARD_ABOVE; }

/* An image of n bytes: of one level, of two, noise, or mostly background. */
static uint8_t *random_image(size_t n) {
  uint8_t *image = guard_block(&guard_in, n, side());
  int style = draw(0, 3), a = draw(0, 255), b = draw(0, 255);
  for (size_t i = 0; i < n; i++)
    image[i] = (uint8_t)(style == 0   ? a
                         : style == 1 ? (draw(0, 1) ? a : b)
                         : style == 2 ? draw(0, 255)
                         : draw(0, 7) ? draw(200, 255)
                                      : draw(0, 80));
  return image;
}

/* A thick stroke on a background of the opposite level. */
static void draw_stroke(int h, int w, uint8_t *image) {
  int level = draw(0, 1) ? 20 : 235, row = draw(0, h - 1), column = draw(0, w - 1);
  memset(image, 255 - level, (size_t)h * (size_t)w);
  for (int i = 0; i < h + w; i++) {
    for (int y = row - 1; y <= row + 1; y++)
      for (int x = column - 1; x <= column + 1; x++)
        if (y >= 0 && y < h && x >= 0 && x < w) image[y * w + x] = (uint8_t)level;
    row += draw(-1, 1);
    column += draw(-1, 1);
  }
}

/* All tables give the same result, in [0, 1]. */
static void check_preprocess(int h, int w, const uint8_t *image) {
  float first[SIZE];
  for (int t = 0; table(t); t++) {
    od_image_workspace workspace = {.kernels = table(t)};
    float *result = guard_block(&guard_out, SIZE * sizeof *result, side());
    od_error error = {{0}};
    if (!CHECK_INT(od_preprocess_digit(&workspace, h, w, w, image, NULL, result, &error), OD_OK))
      printf("%s\n", error.message);
    bool correct = true;
    for (int k = 0; k < SIZE; k++) correct = correct && result[k] >= 0 && result[k] <= 1;
    CHECK(correct);
    CHECK(guard_intact(&guard_out));
    if (t == 0) memcpy(first, result, sizeof first);
    CHECK(memcmp(first, result, sizeof first) == 0);
    od_image_workspace_release(&workspace);
  }
  od_is_canonical(h, w, image); /* reads only the image */
}

/* Count the sides with at least three pixels in four of 33 or more. */
static int covered_sides(int h, int w, const uint8_t *image) {
  int light[4] = {0};
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      const bool on[4] = {y == 0, y == h - 1, x == 0, x == w - 1};
      for (int k = 0; k < 4; k++) light[k] += on[k] && image[y * w + x] > 32;
    }
  return (light[0] >= 0.75 * w) + (light[1] >= 0.75 * w) + (light[2] >= 0.75 * h) +
         (light[3] >= 0.75 * h);
}

/* Whether the digit of an image has the size and the place of MNIST's, by the definition. */
static bool is_in_place(int h, int w, const uint8_t *image) {
  int top = h, bottom = 0, left = w, right = 0;
  double mass = 0, sum_y = 0, sum_x = 0, scale = 28.0 / (h > w ? h : w);
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      const int level = image[y * w + x];
      if (level >= 64) {
        top = y < top ? y : top;
        bottom = y + 1;
        left = x < left ? x : left;
        right = x + 1 > right ? x + 1 : right;
      }
      if (level < 33) continue;
      mass += level;
      sum_y += level * y;
      sum_x += level * x;
    }
  const int box = bottom - top > right - left ? bottom - top : right - left;
  const bool centred =
      mass == 0 || fmax(fabs(sum_y / mass - h / 2.0), fabs(sum_x / mass - w / 2.0)) * scale <= 2;
  return box * scale > 16 && (centred || box * scale > 21);
}

/* Make about three quarters of each side light, or all of it, or none. */
static void draw_sides(int h, int w, uint8_t *image) {
  for (int k = 0; k < 4; k++) {
    int n = k < 2 ? w : h, step = k < 2 ? 1 : w, kind = draw(0, 3);
    int light = kind == 0 ? 0 : kind == 1 ? n : 3 * n / 4 + draw(0, 1);
    uint8_t *first = image + (k == 1 ? (h - 1) * w : k == 3 ? w - 1 : 0);
    for (int i = 0; i < n; i++)
      first[i * step] = (uint8_t)(i < light ? draw(33, 127) : draw(0, 32));
  }
}

static void test_canonical(void) {
  int yes = 0, out_of_place = 0;
  for (int i = 0; i < 3000; i++) {
    int h = draw(1, 30), w = draw(1, 30), n = h * w;
    uint8_t *image = guard_block(&guard_in, (size_t)n, side());
    int top = draw(0, h - 1), left = draw(0, w - 1);
    int bottom = draw(top, h - 1), right = draw(left, w - 1);
    bool noise = draw(0, 1);
    for (int k = 0; k < n; k++) {
      bool inside = k / w >= top && k / w <= bottom && k % w >= left && k % w <= right;
      image[k] = (uint8_t)(noise || inside ? draw(0, 127) : 0);
    }
    if (draw(0, 1)) draw_sides(h, w, image);
    bool foreground = draw(0, 3) > 0;
    if (foreground) image[draw(0, n - 1)] = (uint8_t)draw(128, 255);
    CHECK_CASE("image %d, (%d, %d)", i, h, w);
    bool in_place = is_in_place(h, w, image);
    bool canonical = foreground && covered_sides(h, w, image) < 3 && in_place;
    CHECK_INT(od_is_canonical(h, w, image), canonical);
    yes += canonical;
    out_of_place += foreground && !in_place;
  }
  CHECK(yes > 300 && yes < 2700);
  CHECK(out_of_place > 300);
  for (int h = 64; h <= 65; h++) { /* a vertical stroke; the second image is too large */
    uint8_t *image = guard_block(&guard_in, (size_t)h * 64, side());
    for (int k = 0; k < h * 64; k++) image[k] = k % 64 == 32 ? 200 : 0;
    CHECK_INT(od_is_canonical(h, 64, image), h == 64);
  }
}

/* Whether floats are all in [0, top] and canonical as bytes. */
static bool expected_of_floats(int h, int w, float top, const float *image) {
  uint8_t bytes[MAX_SIDE * MAX_SIDE];
  for (int k = 0; k < h * w; k++) {
    if (!(image[k] >= 0 && image[k] <= top)) return false;
    bytes[k] = (uint8_t)rintf(image[k] * (255 / top));
  }
  return od_is_canonical(h, w, bytes);
}

static void test_canonical_floats(void) {
  const float odd[] = {NAN, INFINITY, -INFINITY, -1e-30f, 1.0000001f, 255.0001f, 32.5f, 127.5f};
  int yes = 0;
  for (int i = 0; i < 3000; i++) {
    int h = draw(1, 30), w = draw(1, 30), n = h * w, often = draw(0, 1);
    float top = draw(0, 1) ? 1 : 255;
    float *image = guard_block(&guard_in, (size_t)n * sizeof *image, side());
    for (int k = 0; k < n; k++) {
      int byte = draw(0, 3) ? draw(0, 33) : draw(0, often ? 255 : 128);
      image[k] = ((float)byte - 0.5f * (float)draw(0, byte > 0)) / (255 / top);
      if (draw(0, 1)) image[k] = nextafterf(image[k], 0);
    }
    if (draw(0, 3) == 0) image[draw(0, n - 1)] = odd[draw(0, 7)];
    CHECK_CASE("image %d, (%d, %d), 0 to %g", i, h, w, (double)top);
    bool canonical = expected_of_floats(h, w, top, image);
    CHECK_INT(od_are_canonical_floats(1, h, w, top, image), canonical);
    yes += canonical;
  }
  CHECK(yes > 300 && yes < 2700);
}

/* Batches: nine in ten of every k-th image are canonical, and every float is in range. */
static void test_canonical_batches(void) {
  enum { SIDE = 6, PIXELS = SIDE * SIDE };
  for (int count = 1; count <= 110; count++) {
    uint8_t *bytes = guard_block(&guard_in, (size_t)count * PIXELS, side());
    float *floats = guard_block(&guard_out, (size_t)count * PIXELS * sizeof *floats, side());
    int stride = (count + 31) / 32, canonical = 0, sampled = 0;
    for (int i = 0; i < count; i++) {
      bool good = draw(0, 9) > 0;
      for (int k = 0; k < PIXELS; k++) {
        bytes[i * PIXELS + k] = (good ? k % SIDE == 3 : k != 15) ? 200 : 0;
        floats[i * PIXELS + k] = (float)bytes[i * PIXELS + k] / 255;
      }
      if (i % stride == 0) {
        canonical += good;
        sampled++;
      }
    }
    CHECK_CASE("%d images", count);
    bool expected = 10 * canonical >= 9 * sampled;
    CHECK_INT(od_are_canonical((size_t)count, SIDE, SIDE, bytes), expected);
    CHECK_INT(od_are_canonical_floats((size_t)count, SIDE, SIDE, 1, floats), expected);
    floats[draw(0, count * PIXELS - 1)] = NAN;
    CHECK(!od_are_canonical_floats((size_t)count, SIDE, SIDE, 1, floats));
  }
}

static void test_preprocess(void) {
  for (int i = 0; i < 1500; i++) {
    int h = draw(1, i % 3 ? 64 : MAX_SIDE), w = draw(1, i % 3 ? 64 : MAX_SIDE);
    uint8_t *image = random_image((size_t)(h * w));
    if (i % 2) draw_stroke(h, w, image);
    CHECK_CASE("image %d, (%d, %d)", i, h, w);
    check_preprocess(h, w, image);
  }
}

static void test_preprocess_extreme_shapes(void) {
  const int shapes[][2] = {{1, 16384}, {16384, 1}, {2, 9000}, {3000, 7}, {700, 900}};
  guard pages = guard_create(700 * 900);
  for (int i = 0; i < 5; i++) {
    int h = shapes[i][0], w = shapes[i][1];
    size_t n = (size_t)h * (size_t)w;
    uint8_t *image = guard_block(&pages, n, side());
    CHECK_CASE("(%d, %d)", h, w);
    memset(image, 7, n);
    check_preprocess(h, w, image);
    draw_stroke(h, w, image);
    check_preprocess(h, w, image);
    for (size_t k = 0; k < n; k++) image[k] = (uint8_t)draw(0, 255);
    check_preprocess(h, w, image);
  }
  guard_destroy(&pages);
}

static void test_invalid_sides(void) {
  const int bad[][2] = {{0, 5}, {5, 0}, {-1, 5}, {5, -2147483647 - 1}, {16385, 1}, {1, 2147483647}};
  od_image_workspace workspace = {.kernels = table(0)};
  uint8_t image[1] = {0};
  float result[SIZE];
  for (int i = 0; i < 6; i++) {
    od_error error = {{0}};
    CHECK_CASE("(%d, %d)", bad[i][0], bad[i][1]);
    CHECK_INT(od_preprocess_digit(&workspace, bad[i][0], bad[i][1], bad[i][1], image, NULL, result,
                                  &error),
              OD_ERROR_ARGUMENT);
    CHECK(error.message[0] != 0);
  }
}

int main(void) {
  od_rng_seed(&rng, 41, 0);
  guard_in = guard_create(4 * MAX_SIDE * MAX_SIDE);
  guard_out = guard_create(MAX_SIDE * MAX_SIDE * sizeof(float));
  RUN(test_canonical);
  RUN(test_canonical_floats);
  RUN(test_canonical_batches);
  RUN(test_preprocess);
  RUN(test_preprocess_extreme_shapes);
  RUN(test_invalid_sides);
  guard_destroy(&guard_in);
  guard_destroy(&guard_out);
  return check_end();
}
