/* train/augment.h: any list that passes the check, on any size, in guarded memory. The results
 * themselves are tested by tests/test_augment.py. */
#include "check.h"
#include "guard.h"
#include "tables.h"
#include "train/augment.h"

static od_rng rng;
static guard guard_image, guard_scratch;

static int draw(int low, int high) { /* both included */
  return low + (int)od_rng_below(&rng, (uint64_t)(high - low + 1));
}

/* A number in low..high, often one of the ends. */
static double between(double low, double high) {
  int end = draw(0, 4);
  return end == 0 ? low : end == 1 ? high : od_rng_range(&rng, low, high);
}

static od_range range(double low, double high) {
  double x = between(low, high), y = between(low, high);
  return (od_range){fmin(x, y), fmax(x, y)};
}

static od_augment_step random_step(od_augment_kind kind) {
  od_augment_step s;
  memset(&s, 0, sizeof s);
  s.kind = kind;
  s.probability = between(0, 1);
  s.fill = (od_fill)draw(0, 2);
  s.value = between(0, 1);
  switch (kind) {
    case OD_AUGMENT_TRANSLATION:
      s.translation = (od_translation_parameters){range(-1, 1), range(-1, 1)};
      break;
    case OD_AUGMENT_ZOOM:
      s.range = range(-0.99, 1);
      break;
    case OD_AUGMENT_SHEAR:
      s.range = range(-4, 4);
      break;
    case OD_AUGMENT_AFFINE:
      s.affine =
          (od_affine_parameters){between(0, 180), between(0, 1), range(0.1, 10), between(0, 75)};
      break;
    case OD_AUGMENT_ELASTIC:
      s.elastic = (od_elastic_parameters){between(0, 100), between(1, 100)};
      break;
    case OD_AUGMENT_NOISE:
    case OD_AUGMENT_ERASE:
      s.range = range(0, 1);
      break;
    case OD_AUGMENT_BLUR:
      s.range = range(0, 3);
      break;
    case OD_AUGMENT_BACKGROUND:
      s.background = (od_background_parameters){range(0, 1), between(0, 1)};
      break;
    case OD_AUGMENT_TEXTURE:
      s.texture = (od_texture_parameters){range(0, 1), between(1, 100)};
      break;
    case OD_AUGMENT_STRAY_STROKE:
      s.stray_stroke = (od_stray_stroke_parameters){range(0.1, 20), between(0, 1)};
      break;
    case OD_AUGMENT_INVERT:
      break;
    default:
      s.range = range(-1, 1);
      break;
  }
  return s;
}

/* The numbers of a step: those of the affine kind are as many as the union holds. */
enum { NUMBERS = 7 };
static void numbers_of(od_augment_step *s, double *numbers[NUMBERS]) {
  double *all[NUMBERS] = {&s->affine.degrees,
                          &s->affine.translate,
                          &s->affine.scale.low,
                          &s->affine.scale.high,
                          &s->affine.shear,
                          &s->probability,
                          &s->value};
  memcpy(numbers, all, sizeof all);
}

static void describe(od_augment_step *s) {
  double *n[NUMBERS];
  numbers_of(s, n);
  CHECK_CASE("kind %d: %g, %g, %g, %g, %g, probability %g, value %g, fill %d", (int)s->kind, *n[0],
             *n[1], *n[2], *n[3], *n[4], *n[5], *n[6], (int)s->fill);
}

static od_real *random_image(int h, int w) {
  size_t n = (size_t)h * (size_t)w;
  od_real *image =
      guard_block(&guard_image, n * sizeof *image, draw(0, 1) ? GUARD_BELOW : GUARD_ABOVE);
  int style = draw(0, 3); /* black, white, sparse, noise */
  for (size_t i = 0; i < n; i++)
    image[i] = style == 0   ? 0
               : style == 1 ? 1
               : style == 2 ? (od_real)(draw(0, 9) == 0)
                            : (od_real)od_rng_uniform(&rng);
  return image;
}

/* A block at the lower guard page has the alignment that scratch memory needs. */
static void *scratch_for(int h, int w) {
  return guard_block(&guard_scratch, od_augment_scratch_size(h, w), GUARD_BELOW);
}

static int side_length(void) { return draw(0, 40) ? draw(1, 64) : draw(65, 200); }

/* Run the list twice on one image: it writes only its memory, gives the same bits, in range. */
static void check_run(const od_augment *augment, bool bounded) {
  int h = side_length(), w = side_length();
  size_t n = (size_t)h * (size_t)w;
  static od_real start[200 * 200], first[200 * 200];
  od_real *image = random_image(h, w);
  memcpy(start, image, n * sizeof *image);
  od_rng stream, again;
  od_rng_seed(&stream, 5, od_rng_next(&rng));
  again = stream;
  od_augment_image(augment, &stream, h, w, image, scratch_for(h, w));
  CHECK(guard_intact(&guard_image) && guard_intact(&guard_scratch));
  memcpy(first, image, n * sizeof *image);
  memcpy(image, start, n * sizeof *image);
  void *scratch = scratch_for(h, w);
  memset(scratch, draw(0, 255), guard_scratch.used); /* its contents must not matter */
  od_augment_image(augment, &again, h, w, image, scratch);
  CHECK(memcmp(first, image, n * sizeof *image) == 0);
  CHECK(memcmp(&stream, &again, sizeof stream) == 0);
  bool correct = true;
  for (size_t i = 0; i < n; i++)
    correct = correct && isfinite(image[i]) && image[i] >= 0 &&
              (!bounded || (double)image[i] <= 1 + 8 * ROUNDING);
  CHECK(correct);
}

static void test_every_kind(void) {
  for (int kind = 0; kind < OD_AUGMENT_KINDS; kind++)
    for (int i = 0; i < 400; i++) {
      od_augment augment = {.count = 1, .steps = {random_step((od_augment_kind)kind)}};
      od_error error = {{0}};
      describe(&augment.steps[0]);
      if (!CHECK_INT(od_augment_check(&augment, &error), OD_OK)) printf("%s\n", error.message);
      check_run(&augment, kind != OD_AUGMENT_CONTRAST);
    }
}

static void test_lists(void) {
  for (int i = 0; i < 1500; i++) {
    od_augment augment = {.count = draw(0, 8)};
    bool bounded = true;
    od_error error;
    for (int k = 0; k < augment.count; k++) {
      augment.steps[k] = random_step((od_augment_kind)draw(0, OD_AUGMENT_KINDS - 1));
      bounded = bounded && augment.steps[k].kind != OD_AUGMENT_CONTRAST;
    }
    CHECK_CASE("list %d of %d", i, augment.count);
    CHECK_INT(od_augment_check(&augment, &error), OD_OK);
    check_run(&augment, bounded);
  }
}

static void test_largest_list(void) {
  od_augment augment = {.count = OD_MAX_AUGMENT_STEPS};
  od_error error;
  for (int k = 0; k < augment.count; k++)
    augment.steps[k] = random_step((od_augment_kind)(k % OD_AUGMENT_KINDS));
  CHECK_INT(od_augment_check(&augment, &error), OD_OK);
  for (int i = 0; i < 10; i++) check_run(&augment, false);
  augment.count = OD_MAX_AUGMENT_STEPS + 1;
  CHECK_INT(od_augment_check(&augment, &error), OD_ERROR_ARGUMENT);
  augment.count = -1;
  CHECK_INT(od_augment_check(&augment, &error), OD_ERROR_ARGUMENT);
}

/* A step of probability 0 changes nothing, and others are applied with their probability. */
static void test_probability(void) {
  for (int kind = 0; kind < OD_AUGMENT_KINDS; kind++) {
    od_augment augment = {.count = 1, .steps = {random_step((od_augment_kind)kind)}};
    CHECK_CASE("kind %d", kind);
    augment.steps[0].probability = 0;
    for (int i = 0; i < 20; i++) {
      od_real *image = random_image(9, 7), start[63];
      memcpy(start, image, sizeof start);
      od_augment_image(&augment, &rng, 9, 7, image, scratch_for(9, 7));
      CHECK(memcmp(start, image, sizeof start) == 0);
    }
  }
  od_augment brighten = {
      .count = 1,
      .steps = {{.kind = OD_AUGMENT_BRIGHTNESS, .probability = 0.3, .range = {0.5, 0.5}}}};
  int done = 0;
  for (int i = 0; i < 4000; i++) {
    od_real image[1] = {0};
    od_augment_image(&brighten, &rng, 1, 1, image, scratch_for(1, 1));
    done += image[0] > 0;
  }
  CHECK_NEAR(done / 4000.0, 0.3, 5 * sqrt(0.3 * 0.7 / 4000));
}

/* The largest side in both directions. */
static void test_extreme_sizes(void) {
  const int sizes[][2] = {{1, 1}, {1, 512}, {512, 1}, {2, 511}, {512, 512}};
  guard image_pages = guard_create(512 * 512 * sizeof(od_real));
  guard scratch_pages = guard_create(od_augment_scratch_size(512, 512));
  for (int i = 0; i < 5; i++)
    for (int kind = 0; kind < OD_AUGMENT_KINDS; kind++) {
      int h = sizes[i][0], w = sizes[i][1];
      size_t n = (size_t)h * (size_t)w;
      od_augment augment = {.count = 1, .steps = {random_step((od_augment_kind)kind)}};
      augment.steps[0].probability = 1;
      CHECK_CASE("kind %d on (%d, %d)", kind, h, w);
      od_real *image = guard_block(&image_pages, n * sizeof *image, GUARD_ABOVE);
      for (size_t k = 0; k < n; k++) image[k] = (od_real)od_rng_uniform(&rng);
      void *scratch = guard_block(&scratch_pages, od_augment_scratch_size(h, w), GUARD_BELOW);
      od_augment_image(&augment, &rng, h, w, image, scratch);
      bool finite = true;
      for (size_t k = 0; k < n; k++) finite = finite && isfinite(image[k]);
      CHECK(finite);
      CHECK(guard_intact(&image_pages) && guard_intact(&scratch_pages));
    }
  guard_destroy(&image_pages);
  guard_destroy(&scratch_pages);
}

/* Any numbers: an error with a message, or the step can run. */
static void test_arbitrary_numbers(void) {
  const double odd[] = {0,      -0.0, 1,   -1,       0.5,       -0.5, 1e-300,    1e300,
                        -1e300, 1e9,  NAN, INFINITY, -INFINITY, 360,  4.0000001, 0.1};
  int accepted = 0, rejected = 0;
  for (int i = 0; i < 30000; i++) {
    od_augment augment = {.count = 1};
    od_augment_step *s = &augment.steps[0];
    *s = random_step((od_augment_kind)draw(0, OD_AUGMENT_KINDS - 1));
    double *numbers[NUMBERS];
    numbers_of(s, numbers);
    for (int k = draw(1, 3); k; k--) *numbers[draw(0, NUMBERS - 1)] = odd[draw(0, 15)];
    if (draw(0, 20) == 0) s->kind = (od_augment_kind)draw(-2, OD_AUGMENT_KINDS + 2);
    if (draw(0, 20) == 0) s->fill = (od_fill)draw(-2, 5);
    od_error error = {{0}};
    describe(s);
    if (od_augment_check(&augment, &error)) {
      CHECK(error.message[0] != 0);
      rejected++;
    } else {
      int h = draw(1, 12), w = draw(1, 12);
      od_real *image = random_image(h, w);
      od_augment_image(&augment, &rng, h, w, image, scratch_for(h, w));
      bool finite = true;
      for (int k = 0; k < h * w; k++) finite = finite && isfinite(image[k]);
      CHECK(finite);
      CHECK(guard_intact(&guard_image) && guard_intact(&guard_scratch));
      accepted++;
    }
  }
  CHECK(accepted > 1000);
  CHECK(rejected > 1000);
}

/* A kind's name begins the message of each of its numbers, and ranges must be in order. */
static void test_messages(void) {
  const struct {
    od_augment_step step;
    const char *message;
  } cases[] = {
      {{.kind = OD_AUGMENT_ROTATION, .range = {-1.5, 0}},
       "augmentation step 0 (rotation): factor low: got -1.5, expected a number from -1 to 1"},
      {{.kind = OD_AUGMENT_TRANSLATION, .translation = {.width = {0.5, 0.25}}},
       "augmentation step 0 (translation): width high: got 0.25, expected no less than width low, "
       "0.5"},
      {{.kind = OD_AUGMENT_AFFINE, .affine = {.scale = {1, 1}, .shear = 90}},
       "augmentation step 0 (affine): shear: got 90, expected a number from 0 to 75"},
      {{.kind = OD_AUGMENT_INVERT, .probability = 2},
       "augmentation step 0 (invert): probability: got 2, expected a number from 0 to 1"},
  };
  for (int i = 0; i < 4; i++) {
    const od_augment augment = {.count = 1, .steps = {cases[i].step}};
    od_error error = {{0}};
    CHECK_INT(od_augment_check(&augment, &error), OD_ERROR_ARGUMENT);
    CHECK_CASE("case %d", i);
    CHECK(strcmp(error.message, cases[i].message) == 0);
  }
}

int main(void) {
  od_rng_seed(&rng, 31, 0);
  guard_image = guard_create(200 * 200 * sizeof(od_real));
  guard_scratch = guard_create(od_augment_scratch_size(200, 200));
  RUN(test_every_kind);
  RUN(test_lists);
  RUN(test_largest_list);
  RUN(test_probability);
  RUN(test_extreme_sizes);
  RUN(test_arbitrary_numbers);
  RUN(test_messages);
  guard_destroy(&guard_image);
  guard_destroy(&guard_scratch);
  return check_end();
}
