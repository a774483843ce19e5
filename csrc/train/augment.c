#include "train/augment.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "train/augment_operations.h"

/* The bounds of one number of a step. A high end must not be below the number before it. */
typedef struct number_rule {
  const char *name;
  size_t offset; /* in od_augment_step */
  double min, max;
  bool high_end;
} number_rule;

enum { MAX_NUMBERS = 5 };

typedef struct kind_rule {
  const char *name;
  number_rule numbers[MAX_NUMBERS]; /* those that the kind has, then name NULL */
} kind_rule;

#define NUMBER(NAME, MEMBER, MIN, MAX) \
  { NAME, offsetof(od_augment_step, MEMBER), MIN, MAX, false }
#define RANGE(NAME, MEMBER, MIN, MAX)                                      \
  {NAME " low", offsetof(od_augment_step, MEMBER.low), MIN, MAX, false}, { \
    NAME " high", offsetof(od_augment_step, MEMBER.high), MIN, MAX, true   \
  }

/* The bounds are Keras' where Keras has the operation. */
static const kind_rule rules[OD_AUGMENT_KINDS] = {
    [OD_AUGMENT_ROTATION] = {"rotation", {RANGE("factor", range, -1, 1)}},
    [OD_AUGMENT_TRANSLATION] = {"translation",
                                {RANGE("height", translation.height, -1, 1),
                                 RANGE("width", translation.width, -1, 1)}},
    [OD_AUGMENT_ZOOM] = {"zoom", {RANGE("factor", range, -0.99, 1)}},
    [OD_AUGMENT_CONTRAST] = {"contrast", {RANGE("factor", range, -1, 1)}},
    [OD_AUGMENT_SHEAR] = {"shear", {RANGE("factor", range, -4, 4)}},
    [OD_AUGMENT_AFFINE] = {"affine",
                           {NUMBER("degrees", affine.degrees, 0, 180),
                            NUMBER("translate", affine.translate, 0, 1),
                            RANGE("scale", affine.scale, 0.1, 10),
                            NUMBER("shear", affine.shear, 0, 75)}},
    [OD_AUGMENT_ELASTIC] = {"elastic",
                            {NUMBER("displacement", elastic.displacement, 0, 100),
                             NUMBER("sigma", elastic.sigma, 1, 100)}},
    [OD_AUGMENT_STROKE] = {"stroke", {RANGE("amount", range, -1, 1)}},
    [OD_AUGMENT_BRIGHTNESS] = {"brightness", {RANGE("amount", range, -1, 1)}},
    [OD_AUGMENT_NOISE] = {"noise", {RANGE("sigma", range, 0, 1)}},
    [OD_AUGMENT_ERASE] = {"erase", {RANGE("area", range, 0, 1)}},
    [OD_AUGMENT_BLUR] = {"blur", {RANGE("sigma", range, 0, 3)}},
    [OD_AUGMENT_BACKGROUND] = {"background",
                               {RANGE("tone", background.tone, 0, 1),
                                NUMBER("uneven", background.uneven, 0, 1)}},
    [OD_AUGMENT_TEXTURE] = {"texture",
                            {RANGE("amount", texture.amount, 0, 1),
                             NUMBER("spacing", texture.spacing, 1, 100)}},
    [OD_AUGMENT_STRAY_STROKE] = {"stray_stroke",
                                 {RANGE("width", stray_stroke.width, 0.1, 20),
                                  NUMBER("reach", stray_stroke.reach, 0, 1)}},
    [OD_AUGMENT_INVERT] = {"invert", {{NULL, 0, 0, 0, false}}},
};

const char *od_augment_kind_name(od_augment_kind kind) { return rules[kind].name; }

static double number_of(const od_augment_step *step, const number_rule *rule) {
  double number;
  memcpy(&number, (const char *)step + rule->offset, sizeof number);
  return number;
}

static od_status check_numbers(int index, const od_augment_step *step, od_error *error) {
  const kind_rule *kind = &rules[step->kind];
  for (int i = 0; i < MAX_NUMBERS && kind->numbers[i].name; i++) {
    const number_rule *rule = &kind->numbers[i];
    const double x = number_of(step, rule);
    if (!(x >= rule->min && x <= rule->max))
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "augmentation step %d (%s): %s: got %g, expected a number from %g to %g",
                     index, kind->name, rule->name, x, rule->min, rule->max);
  }
  for (int i = 1; i < MAX_NUMBERS && kind->numbers[i].name; i++) {
    const number_rule *high = &kind->numbers[i], *low = high - 1;
    if (high->high_end && number_of(step, high) < number_of(step, low))
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "augmentation step %d (%s): %s: got %g, expected no less than %s, %g", index,
                     kind->name, high->name, number_of(step, high), low->name,
                     number_of(step, low));
  }
  return OD_OK;
}

static od_status check_step(int index, const od_augment_step *step, od_error *error) {
  const int kind = (int)step->kind, fill = (int)step->fill;
  if (kind < 0 || kind >= OD_AUGMENT_KINDS)
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "augmentation step %d: got kind %d, expected one from 0 to %d", index, kind,
                   OD_AUGMENT_KINDS - 1);
  const char *name = rules[kind].name;
  const od_status status = check_numbers(index, step, error);
  if (status) return status;
  if (!(step->probability >= 0 && step->probability <= 1))
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "augmentation step %d (%s): probability: got %g, expected a number from 0 to 1",
                   index, name, step->probability);
  if (fill < OD_FILL_REFLECT || fill > OD_FILL_NEAREST)
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "augmentation step %d (%s): fill: got %d, expected one from 0 to %d", index,
                   name, fill, OD_FILL_NEAREST);
  if (!(step->value >= 0 && step->value <= 1))
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "augmentation step %d (%s): value: got %g, expected a number from 0 to 1", index,
                   name, step->value);
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

/* Bytes of `padded`, rounded up to the alignment. */
static size_t padded_size(int h, int w) {
  const size_t bytes = (size_t)(h + 3) * (size_t)(w + 3) * sizeof(od_real);
  return (bytes + OD_ALIGNMENT - 1) / OD_ALIGNMENT * OD_ALIGNMENT;
}

size_t od_augment_scratch_size(int h, int w) {
  return padded_size(h, w) + (size_t)(h + 4) * 2 * (size_t)w * sizeof(float);
}

static double radians(double degrees) { return degrees * (3.141592653589793 / 180); }

static double draw(od_rng *rng, od_range range) { return od_rng_range(rng, range.low, range.high); }

/* Draw the affine map of a geometric kind for an image (h, w). */
static od_affine_map draw_affine(const od_augment_step *step, od_rng *rng, int h, int w) {
  od_affine_map map = {.zoom = 1};
  const od_affine_parameters *a = &step->affine;
  switch (step->kind) {
    case OD_AUGMENT_ROTATION:
      map.angle = radians(360 * draw(rng, step->range));
      break;
    case OD_AUGMENT_TRANSLATION:
      map.shift_y = h * draw(rng, step->translation.height);
      map.shift_x = w * draw(rng, step->translation.width);
      break;
    case OD_AUGMENT_ZOOM:
      map.zoom = 1 + draw(rng, step->range);
      break;
    case OD_AUGMENT_SHEAR:
      map.shear = draw(rng, step->range);
      break;
    default: /* OD_AUGMENT_AFFINE */
      map.angle = radians(od_rng_range(rng, -a->degrees, a->degrees));
      map.shift_y = h * od_rng_range(rng, -a->translate, a->translate);
      map.shift_x = w * od_rng_range(rng, -a->translate, a->translate);
      map.zoom = 1 / draw(rng, a->scale);
      map.shear = tan(radians(od_rng_range(rng, -a->shear, a->shear)));
      break;
  }
  return map;
}

static void apply_step(const od_augment_step *step, od_rng *rng, const od_canvas *canvas) {
  const od_outside_fill outside = {step->fill, (od_real)step->value};
  switch (step->kind) {
    case OD_AUGMENT_CONTRAST:
      od_augment_contrast(canvas, (od_real)(1 + draw(rng, step->range)));
      break;
    case OD_AUGMENT_ELASTIC:
      od_augment_elastic(canvas, rng, &step->elastic, outside);
      break;
    case OD_AUGMENT_STROKE:
      od_augment_stroke_width(canvas, (od_real)draw(rng, step->range));
      break;
    case OD_AUGMENT_BRIGHTNESS:
      od_augment_brightness(canvas, (od_real)draw(rng, step->range));
      break;
    case OD_AUGMENT_NOISE:
      od_augment_noise(canvas, rng, (od_real)draw(rng, step->range));
      break;
    case OD_AUGMENT_ERASE:
      od_augment_erase(canvas, rng, draw(rng, step->range), outside.value);
      break;
    case OD_AUGMENT_BLUR:
      od_augment_blur(canvas, draw(rng, step->range));
      break;
    case OD_AUGMENT_BACKGROUND:
      od_augment_background(canvas, rng, (od_real)draw(rng, step->background.tone),
                            (od_real)step->background.uneven);
      break;
    case OD_AUGMENT_TEXTURE:
      od_augment_texture(canvas, rng, (od_real)draw(rng, step->texture.amount),
                         step->texture.spacing);
      break;
    case OD_AUGMENT_STRAY_STROKE:
      od_augment_stray_stroke(canvas, rng, draw(rng, step->stray_stroke.width),
                              step->stray_stroke.reach, outside.value);
      break;
    case OD_AUGMENT_INVERT:
      od_augment_invert(canvas);
      break;
    default: {
      const od_affine_map map = draw_affine(step, rng, canvas->h, canvas->w);
      od_augment_affine(canvas, &map, outside);
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
                            .knots = (float *)((char *)scratch + padded_size(h, w))};
  for (int i = 0; i < augment->count; i++) {
    const od_augment_step *step = &augment->steps[i];
    if (od_rng_uniform(rng) < step->probability) apply_step(step, rng, &canvas);
  }
}
