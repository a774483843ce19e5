#include "train/augment.h"

#include <math.h>

#include "train/augment_operations.h"

/* What a kind's numbers a..e may be. One without a name must be 0; one that is the
 * high end of a pair must not be below the number before it. */
typedef struct number_rule {
  const char *name;
  double least, most;
  bool high_end;
} number_rule;

enum { NUMBERS = 5 };

typedef struct kind_rule {
  const char *name;
  number_rule numbers[NUMBERS];
} kind_rule;

/* Where Keras has the operation, its bounds. */
static const kind_rule rules[OD_AUGMENT_KINDS] = {
    [OD_AUGMENT_ROTATION] = {"rotation", {{"low", -1, 1, false}, {"high", -1, 1, true}}},
    [OD_AUGMENT_TRANSLATION] = {"translation",
                                {{"height low", -1, 1, false},
                                 {"height high", -1, 1, true},
                                 {"width low", -1, 1, false},
                                 {"width high", -1, 1, true}}},
    [OD_AUGMENT_ZOOM] = {"zoom", {{"low", -0.99, 1, false}, {"high", -0.99, 1, true}}},
    [OD_AUGMENT_CONTRAST] = {"contrast", {{"low", -1, 1, false}, {"high", -1, 1, true}}},
    [OD_AUGMENT_SHEAR] = {"shear", {{"low", -4, 4, false}, {"high", -4, 4, true}}},
    [OD_AUGMENT_AFFINE] = {"affine",
                           {{"degrees", 0, 180, false},
                            {"shift", 0, 1, false},
                            {"scale low", 0.1, 10, false},
                            {"scale high", 0.1, 10, true},
                            {"shear degrees", 0, 75, false}}},
    [OD_AUGMENT_ELASTIC] = {"elastic", {{"rms", 0, 100, false}, {"sigma", 1, 100, false}}},
    [OD_AUGMENT_STROKE] = {"stroke", {{"low", -1, 1, false}, {"high", -1, 1, true}}},
    [OD_AUGMENT_BRIGHTNESS] = {"brightness", {{"low", -1, 1, false}, {"high", -1, 1, true}}},
    [OD_AUGMENT_NOISE] = {"noise", {{"sigma low", 0, 1, false}, {"sigma high", 0, 1, true}}},
    [OD_AUGMENT_ERASE] = {"erase", {{"share low", 0, 1, false}, {"share high", 0, 1, true}}},
    [OD_AUGMENT_BLUR] = {"blur", {{"sigma low", 0, 3, false}, {"sigma high", 0, 3, true}}},
    [OD_AUGMENT_BACKGROUND] = {"paper",
                          {{"tone low", 0, 1, false},
                           {"tone high", 0, 1, true},
                           {"unevenness", 0, 1, false}}},
    [OD_AUGMENT_TEXTURE] = {"texture",
                            {{"amount low", 0, 1, false},
                             {"amount high", 0, 1, true},
                             {"spacing", 1, 100, false}}},
    [OD_AUGMENT_STRAY_STROKE] = {"ink",
                        {{"width low", 0.1, 20, false},
                         {"width high", 0.1, 20, true},
                         {"reach", 0, 1, false}}},
    [OD_AUGMENT_NEGATIVE] = {"negative", {{NULL, 0, 0, false}}},
};

static od_status check_numbers(int index, const kind_rule *rule, const double *numbers,
                               od_error *error) {
  const number_rule *allowed = rule->numbers;
  for (int i = 0; i < NUMBERS; i++) {
    const double x = numbers[i];
    if (!allowed[i].name && !(x >= 0 && x <= 0))
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "augmentation step %d (%s): number %d is not used: got %g, expected 0", index,
                     rule->name, i, x);
    if (allowed[i].name && !(x >= allowed[i].least && x <= allowed[i].most))
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "augmentation step %d (%s): %s: got %g, expected a number from %g to %g",
                     index, rule->name, allowed[i].name, x, allowed[i].least, allowed[i].most);
  }
  for (int i = 1; i < NUMBERS; i++)
    if (allowed[i].high_end && numbers[i] < numbers[i - 1])
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "augmentation step %d (%s): %s: got %g, expected no less than %s, %g", index,
                     rule->name, allowed[i].name, numbers[i], allowed[i - 1].name, numbers[i - 1]);
  return OD_OK;
}

static od_status check_step(int index, const od_augment_step *step, od_error *error) {
  const int kind = (int)step->kind, fill = (int)step->fill;
  if (kind < 0 || kind >= OD_AUGMENT_KINDS)
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "augmentation step %d: got kind %d, expected one from 0 to %d", index, kind,
                   OD_AUGMENT_KINDS - 1);
  const kind_rule *rule = &rules[kind];
  const double numbers[NUMBERS] = {step->a, step->b, step->c, step->d, step->e};
  const od_status status = check_numbers(index, rule, numbers, error);
  if (status) return status;
  if (!(step->probability >= 0 && step->probability <= 1))
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "augmentation step %d (%s): probability: got %g, expected a number from 0 to 1",
                   index, rule->name, step->probability);
  if (fill < OD_FILL_REFLECT || fill > OD_FILL_NEAREST)
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "augmentation step %d (%s): fill: got %d, expected one from 0 to %d", index,
                   rule->name, fill, OD_FILL_NEAREST);
  if (!(step->value >= 0 && step->value <= 1))
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "augmentation step %d (%s): value: got %g, expected a number from 0 to 1", index,
                   rule->name, step->value);
  return OD_OK;
}

od_status od_augment_check(const od_augment *augment, od_error *error) {
  if (augment->count < 0 || augment->count > OD_MAX_AUGMENT_STEPS)
    return od_fail(error, OD_ERROR_ARGUMENT, "augmentation: got %d steps, expected 0 to %d",
                   augment->count, OD_MAX_AUGMENT_STEPS);
  for (int i = 0; i < augment->count; i++) {
    const od_status status = check_step(i, &augment->steps[i], error);
    if (status) return status;
  }
  return OD_OK;
}

/* Bytes of `padded`, up to the next aligned place. */
static size_t padded_size(int h, int w) {
  const size_t bytes = (size_t)(h + 3) * (size_t)(w + 3) * sizeof(od_real);
  return (bytes + OD_ALIGNMENT - 1) / OD_ALIGNMENT * OD_ALIGNMENT;
}

size_t od_augment_scratch_size(int h, int w) {
  return padded_size(h, w) + (size_t)(h + 4) * 2 * (size_t)w * sizeof(float);
}

static double radians(double degrees) { return degrees * (3.141592653589793 / 180); }

/* The kinds that are an affine map, with their numbers drawn. */
static od_affine draw_affine(const od_augment_step *step, od_rng *rng, int h, int w) {
  od_affine affine = {.zoom = 1};
  switch (step->kind) {
    case OD_AUGMENT_ROTATION:
      affine.angle = radians(360 * od_rng_range(rng, step->a, step->b));
      break;
    case OD_AUGMENT_TRANSLATION:
      affine.down = h * od_rng_range(rng, step->a, step->b);
      affine.right = w * od_rng_range(rng, step->c, step->d);
      break;
    case OD_AUGMENT_ZOOM:
      affine.zoom = 1 + od_rng_range(rng, step->a, step->b);
      break;
    case OD_AUGMENT_SHEAR:
      affine.shear = od_rng_range(rng, step->a, step->b);
      break;
    default: /* OD_AUGMENT_AFFINE */
      affine.angle = radians(od_rng_range(rng, -step->a, step->a));
      affine.down = h * od_rng_range(rng, -step->b, step->b);
      affine.right = w * od_rng_range(rng, -step->b, step->b);
      affine.zoom = 1 / od_rng_range(rng, step->c, step->d);
      affine.shear = tan(radians(od_rng_range(rng, -step->e, step->e)));
      break;
  }
  return affine;
}

static void do_step(const od_augment_step *step, od_rng *rng, const od_canvas *canvas) {
  const od_outside_fill outside = {step->fill, (od_real)step->value};
  switch (step->kind) {
    case OD_AUGMENT_CONTRAST:
      od_scale_contrast(canvas, (od_real)(1 + od_rng_range(rng, step->a, step->b)));
      break;
    case OD_AUGMENT_ELASTIC:
      od_warp_elastic(canvas, rng, step->a, step->b, outside);
      break;
    case OD_AUGMENT_STROKE:
      od_change_stroke_width(canvas, (od_real)od_rng_range(rng, step->a, step->b));
      break;
    case OD_AUGMENT_BRIGHTNESS:
      od_add_brightness(canvas, (od_real)od_rng_range(rng, step->a, step->b));
      break;
    case OD_AUGMENT_NOISE:
      od_add_noise(canvas, rng, (od_real)od_rng_range(rng, step->a, step->b));
      break;
    case OD_AUGMENT_ERASE:
      od_erase(canvas, rng, od_rng_range(rng, step->a, step->b), outside.value);
      break;
    case OD_AUGMENT_BLUR:
      od_blur(canvas, od_rng_range(rng, step->a, step->b));
      break;
    case OD_AUGMENT_BACKGROUND:
      od_add_background(canvas, rng, (od_real)od_rng_range(rng, step->a, step->b), (od_real)step->c);
      break;
    case OD_AUGMENT_TEXTURE:
      od_add_texture(canvas, rng, (od_real)od_rng_range(rng, step->a, step->b), step->c);
      break;
    case OD_AUGMENT_STRAY_STROKE:
      od_add_stray_stroke(canvas, rng, od_rng_range(rng, step->a, step->b), step->c, outside.value);
      break;
    case OD_AUGMENT_NEGATIVE:
      od_invert(canvas);
      break;
    default: {
      const od_affine affine = draw_affine(step, rng, canvas->h, canvas->w);
      od_warp_affine(canvas, &affine, outside);
      break;
    }
  }
}

void od_augment_image(const od_augment *augment, od_rng *rng, int h, int w, od_real *image,
                      void *scratch) {
  const od_canvas canvas = {.h = h,
                            .w = w,
                            .image = image,
                            .padded = scratch,
                            .splines = (float *)((char *)scratch + padded_size(h, w))};
  for (int i = 0; i < augment->count; i++) {
    const od_augment_step *step = &augment->steps[i];
    if (od_rng_uniform(rng) < step->probability) do_step(step, rng, &canvas);
  }
}
