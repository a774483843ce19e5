/* image/ under stress: any picture of any size, inside guarded memory, and the parts with
 * a short definition against it. That digits come out as MNIST has them is for
 * tests/test_image.py. */
#include "base/rng.h"
#include "check.h"
#include "guard.h"
#include "image/image.h"
#include "digit/preprocess.h"
#include "tables.h"

enum { LONGEST = 100, OUT = 28 };

static od_rng rng;
static guard guard_in, guard_out;

static int draw(int low, int high) { /* both included */
  return low + (int)od_rng_below(&rng, (uint64_t)(high - low + 1));
}
static guard_side side(void) { return draw(0, 1) ? GUARD_BELOW : GUARD_ABOVE; }

/* A picture of n bytes: of one gray, of two, noise, mostly paper with some ink. */
static uint8_t *random_picture(size_t n) {
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

/* A thick stroke on paper of the other shade, which is what pictures of digits are. */
static void draw_stroke(int h, int w, uint8_t *image) {
  int ink = draw(0, 1) ? 20 : 235, row = draw(0, h - 1), column = draw(0, w - 1);
  memset(image, 255 - ink, (size_t)h * (size_t)w);
  for (int i = 0; i < h + w; i++) {
    for (int y = row - 1; y <= row + 1; y++)
      for (int x = column - 1; x <= column + 1; x++)
        if (y >= 0 && y < h && x >= 0 && x < w) image[y * w + x] = (uint8_t)ink;
    row += draw(-1, 1);
    column += draw(-1, 1);
  }
}

static void test_rgb_to_gray(void) {
  for (size_t n = 0; n < 300; n++) {
    const uint8_t *rgb = random_picture(3 * n);
    uint8_t *gray = guard_block(&guard_out, n, side());
    od_rgb_to_gray(n, rgb, gray);
    bool right = true;
    for (size_t i = 0; i < n; i++)
      right = right && gray[i] == ((9798 * rgb[3 * i] + 19235 * rgb[3 * i + 1] +
                                    3735 * rgb[3 * i + 2] + 16384) >> 15);
    CHECK(right);
    CHECK(guard_intact(&guard_out));
  }
}

static void test_rgba_to_gray(void) {
  for (size_t n = 0; n < 300; n++) {
    const uint8_t *rgba = random_picture(4 * n);
    int background = draw(0, 255);
    uint8_t *gray = guard_block(&guard_out, n, side());
    od_rgba_to_gray(n, rgba, (uint8_t)background, gray);
    bool right = true;
    for (size_t i = 0; i < n; i++) {
      int channel[3], alpha = rgba[4 * i + 3];
      for (int k = 0; k < 3; k++)
        channel[k] = (alpha * rgba[4 * i + (size_t)k] + (255 - alpha) * background + 127) / 255;
      right = right && gray[i] == ((9798 * channel[0] + 19235 * channel[1] + 3735 * channel[2] +
                                    16384) >> 15);
    }
    CHECK(right);
    CHECK(guard_intact(&guard_out));
  }
}

/* The between-class variance of every threshold, from its definition. */
static double spread(size_t n, const uint8_t *image, int threshold) {
  double count[2] = {0}, sum[2] = {0};
  for (size_t i = 0; i < n; i++) {
    int class = image[i] > threshold;
    count[class]++;
    sum[class] += image[i];
  }
  if (count[0] == 0 || count[1] == 0) return 0;
  double apart = sum[0] / count[0] - sum[1] / count[1];
  return count[0] * count[1] * apart * apart;
}

static void test_otsu(void) {
  for (int i = 0; i < 300; i++) {
    size_t n = (size_t)draw(1, 400);
    const uint8_t *image = random_picture(n);
    int got = od_otsu_threshold(n, image), best = 0;
    double largest = 0, threshold_spread = spread(n, image, got);
    for (int t = 0; t < 256; t++)
      if (spread(n, image, t) > largest * (1 + 1e-12)) {
        largest = spread(n, image, t);
        best = t;
      }
    CHECK_CASE("picture %d of %zu", i, n);
    CHECK_NEAR(threshold_spread, largest, 1e-9 * largest);
    CHECK_INT(got, best);
  }
  uint8_t constant[9];
  memset(constant, 200, sizeof constant);
  CHECK_INT(od_otsu_threshold(9, constant), 0);
  const uint8_t two[] = {10, 10, 200, 10, 200};
  CHECK_INT(od_otsu_threshold(5, two), 10);
}

/* The weight of input pixel i in result pixel o along one axis: covered share where it
 * shrinks, linear between pixel centres where it grows. */
static double axis_weight(int in, int out, int o, int i) {
  if (out <= in) {
    double scale = (double)in / out, begin = o * scale, end = begin + scale;
    return fmax(0, fmin(end, i + 1) - fmax(begin, i)) / scale;
  }
  double at = (o + 0.5) * in / out - 0.5;
  at = fmin(fmax(at, 0), in - 1);
  return fmax(0, 1 - fabs(at - i));
}

static void test_resize(void) {
  for (int i = 0; i < 1500; i++) {
    int h = draw(1, 30), w = draw(1, 30), out_h = draw(1, 40), out_w = draw(1, 40);
    const uint8_t *image = random_picture((size_t)(h * w));
    float *result = guard_block(&guard_out, (size_t)(out_h * out_w) * sizeof *result, side());
    od_error error = {{0}};
    CHECK_CASE("(%d, %d) to (%d, %d)", h, w, out_h, out_w);
    if (!CHECK_INT(od_resize_gray(h, w, image, out_h, out_w, result, &error), OD_OK)) continue;
    double worst = 0;
    for (int y = 0; y < out_h; y++)
      for (int x = 0; x < out_w; x++) {
        double want = 0;
        for (int r = 0; r < h; r++) {
          double row = axis_weight(h, out_h, y, r);
          for (int c = 0; row > 0 && c < w; c++)
            want += row * axis_weight(w, out_w, x, c) * image[r * w + c];
        }
        worst = fmax(worst, fabs((double)result[y * out_w + x] - want));
      }
    CHECK_NEAR(worst, 0, 1e-3);
    CHECK(guard_intact(&guard_out));
  }
}

/* Every table gives the same, in [0, 1]. */
static void check_prepare(int h, int w, const uint8_t *image) {
  float first[OUT * OUT];
  for (int t = 0; table(t); t++) {
    od_image_workspace imaging = {.kernels = table(t)};
    float *result = guard_block(&guard_out, OUT * OUT * sizeof *result, side());
    od_error error = {{0}};
    if (!CHECK_INT(od_preprocess_digit(&imaging, h, w, w, image, NULL, result, &error), OD_OK))
      printf("%s\n", error.message);
    bool right = true;
    for (int k = 0; k < OUT * OUT; k++) right = right && result[k] >= 0 && result[k] <= 1;
    CHECK(right);
    CHECK(guard_intact(&guard_out));
    if (t == 0) memcpy(first, result, sizeof first);
    CHECK(memcmp(first, result, sizeof first) == 0);
    od_image_workspace_release(&imaging);
  }
  od_is_canonical(h, w, image); /* reads inside the picture, whatever the answer */
}

/* Sides along which at least three pixels in four are 33 or more, by looking at all pixels. */
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

/* Each side has one of the shares about three quarters, or all, or none. */
static void draw_sides(int h, int w, uint8_t *image) {
  for (int k = 0; k < 4; k++) {
    int n = k < 2 ? w : h, step = k < 2 ? 1 : w, kind = draw(0, 3);
    int light = kind == 0 ? 0 : kind == 1 ? n : 3 * n / 4 + draw(0, 1);
    uint8_t *first = image + (k == 1 ? (h - 1) * w : k == 3 ? w - 1 : 0);
    for (int i = 0; i < n; i++) first[i * step] = (uint8_t)(i < light ? draw(33, 127) : draw(0, 32));
  }
}

static void test_mnist_like(void) {
  int yes = 0;
  for (int i = 0; i < 3000; i++) {
    int h = draw(1, 30), w = draw(1, 30), n = h * w;
    uint8_t *image = guard_block(&guard_in, (size_t)n, side());
    for (int k = 0; k < n; k++) image[k] = (uint8_t)draw(0, 127);
    draw_sides(h, w, image);
    bool ink = draw(0, 3) > 0;
    if (ink) image[draw(0, n - 1)] = (uint8_t)draw(128, 255);
    CHECK_CASE("picture %d, (%d, %d)", i, h, w);
    bool say = ink && covered_sides(h, w, image) < 3;
    CHECK_INT(od_is_canonical(h, w, image), say);
    yes += say;
  }
  CHECK(yes > 300 && yes < 2700);
}

/* What the bytes of floats say, where all are in [0, top]. */
static bool floats_say(int h, int w, float top, const float *image) {
  uint8_t bytes[LONGEST * LONGEST];
  for (int k = 0; k < h * w; k++) {
    if (!(image[k] >= 0 && image[k] <= top)) return false;
    bytes[k] = (uint8_t)rintf(image[k] * (255 / top));
  }
  return od_is_canonical(h, w, bytes);
}

static void test_mnist_like_floats(void) {
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
    CHECK_CASE("picture %d, (%d, %d), 0 to %g", i, h, w, (double)top);
    bool say = floats_say(h, w, top, image);
    CHECK_INT(od_are_canonical_floats(1, h, w, top, image), say);
    yes += say;
  }
  CHECK(yes > 300 && yes < 2700);
}

/* Batches: nine in ten of every k-th image, and every float inside. */
static void test_mnist_like_batches(void) {
  enum { SIDE = 6, SIZE = SIDE * SIDE };
  for (int count = 1; count <= 110; count++) {
    uint8_t *bytes = guard_block(&guard_in, (size_t)count * SIZE, side());
    float *floats = guard_block(&guard_out, (size_t)count * SIZE * sizeof *floats, side());
    int stride = (count + 31) / 32, like = 0, sampled = 0;
    for (int i = 0; i < count; i++) {
      bool good = draw(0, 9) > 0;
      for (int k = 0; k < SIZE; k++) {
        bytes[i * SIZE + k] = (good ? k == 15 : k != 15) ? 200 : 0;
        floats[i * SIZE + k] = (float)bytes[i * SIZE + k] / 255;
      }
      if (i % stride == 0) {
        like += good;
        sampled++;
      }
    }
    CHECK_CASE("%d images", count);
    bool say = 10 * like >= 9 * sampled;
    CHECK_INT(od_are_canonical((size_t)count, SIDE, SIDE, bytes), say);
    CHECK_INT(od_are_canonical_floats((size_t)count, SIDE, SIDE, 1, floats), say);
    floats[draw(0, count * SIZE - 1)] = NAN;
    CHECK(!od_are_canonical_floats((size_t)count, SIDE, SIDE, 1, floats));
  }
}

static void test_prepare(void) {
  for (int i = 0; i < 1500; i++) {
    int h = draw(1, i % 3 ? 64 : LONGEST), w = draw(1, i % 3 ? 64 : LONGEST);
    uint8_t *image = random_picture((size_t)(h * w));
    if (i % 2) draw_stroke(h, w, image);
    CHECK_CASE("picture %d, (%d, %d)", i, h, w);
    check_prepare(h, w, image);
  }
}

static void test_prepare_extreme_shapes(void) {
  const int shapes[][2] = {{1, 16384}, {16384, 1}, {2, 9000}, {3000, 7}, {700, 900}};
  guard pages = guard_create(700 * 900);
  for (int i = 0; i < 5; i++) {
    int h = shapes[i][0], w = shapes[i][1];
    size_t n = (size_t)h * (size_t)w;
    uint8_t *image = guard_block(&pages, n, side());
    CHECK_CASE("(%d, %d)", h, w);
    memset(image, 7, n);
    check_prepare(h, w, image);
    draw_stroke(h, w, image);
    check_prepare(h, w, image);
    for (size_t k = 0; k < n; k++) image[k] = (uint8_t)draw(0, 255);
    check_prepare(h, w, image);
  }
  guard_destroy(&pages);
}

static void test_refuses_sides(void) {
  const int bad[][2] = {{0, 5}, {5, 0}, {-1, 5}, {5, -2147483647 - 1}, {16385, 1}, {1, 2147483647}};
  od_image_workspace imaging = {.kernels = table(0)};
  uint8_t image[1] = {0};
  float result[OUT * OUT];
  for (int i = 0; i < 6; i++) {
    od_error error = {{0}};
    CHECK_CASE("(%d, %d)", bad[i][0], bad[i][1]);
    CHECK_INT(od_preprocess_digit(&imaging, bad[i][0], bad[i][1], bad[i][1], image, NULL, result, &error),
              OD_ERROR_ARGUMENT);
    CHECK(error.message[0] != 0);
    error.message[0] = 0;
    CHECK_INT(od_resize_gray(bad[i][0], bad[i][1], image, 3, 3, result, &error), OD_ERROR_ARGUMENT);
    CHECK(error.message[0] != 0);
    error.message[0] = 0;
    CHECK_INT(od_resize_gray(1, 1, image, bad[i][0], bad[i][1], result, &error), OD_ERROR_ARGUMENT);
    CHECK(error.message[0] != 0);
  }
}

int main(void) {
  od_rng_seed(&rng, 41, 0);
  guard_in = guard_create(4 * LONGEST * LONGEST);
  guard_out = guard_create(LONGEST * LONGEST * sizeof(float));
  RUN(test_rgb_to_gray);
  RUN(test_rgba_to_gray);
  RUN(test_otsu);
  RUN(test_resize);
  RUN(test_mnist_like);
  RUN(test_mnist_like_floats);
  RUN(test_mnist_like_batches);
  RUN(test_prepare);
  RUN(test_prepare_extreme_shapes);
  RUN(test_refuses_sides);
  guard_destroy(&guard_in);
  guard_destroy(&guard_out);
  return check_end();
}
