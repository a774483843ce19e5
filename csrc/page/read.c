#include "page/read.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/math.h"
#include "base/memory.h"
#include "page/combs.h"
#include "page/detector.h"
#include "digit/foreground.h"
#include "page/line_hypotheses.h"
#include "page/line_quality.h"
#include "page/orientation.h"
#include "page/page.h"
#include "page/pruning.h"
#include "page/score_fusion.h"
#include "page/symbol_crop.h"
#include "page/symbols.h"
#include "page/upside_down.h"
#include "page/verification.h"

/* Everything between an image and its symbols. */
typedef struct recognition {
  const uint8_t *image;     /* the caller's */
  od_read_seconds *seconds; /* of all attempts; the caller's */
  double kept;              /* proportion of the foreground that is taken for numbers */
  od_page source;           /* the page as it is in the image, if `page` is rotated */
  od_page page;
  od_line_hypotheses hypotheses;
  od_symbols symbols;
  od_verification verification;
  od_fusion_features *features; /* (symbols) */
  double *posteriors;           /* (symbols, OD_CTC_CLASSES) */
} recognition;

static void recognition_release(recognition *work) {
  od_page_release(&work->source);
  od_page_release(&work->page);
  od_hypotheses_release(&work->hypotheses);
  od_symbols_release(&work->symbols);
  od_verification_release(&work->verification);
  od_release(work->features);
  od_release(work->posteriors);
}

static const od_page *source_of(const recognition *work) {
  return work->source.image ? &work->source : &work->page;
}

/* ---- checks ---- */

static od_status check_recognizer(const od_model *model, od_error *error) {
  const od_shape input = od_model_input(model);
  const int steps = od_model_sequence_length(model), classes = od_model_classes(model);
  if (input.h == OD_LINE_HEIGHT && input.w == OD_LINE_MAX_WIDTH && input.c == 1 &&
      steps == OD_LINE_MAX_WIDTH / OD_CTC_STRIDE && classes == OD_CTC_CLASSES)
    return OD_OK;
  return od_fail(
      error, OD_ERROR_ARGUMENT,
      "recognizer: got a network from (%d, %d, %d) to %d time steps of %d classes, expected "
      "one from (%d, %d, 1) to %d time steps of %d classes",
      input.h, input.w, input.c, steps, classes, OD_LINE_HEIGHT, OD_LINE_MAX_WIDTH,
      OD_LINE_MAX_WIDTH / OD_CTC_STRIDE, OD_CTC_CLASSES);
}

static od_status check_detector(const od_model *model, od_error *error) {
  const od_shape input = od_model_input(model), output = od_model_output(model);
  if (od_is_detector(model)) return OD_OK;
  return od_fail(error, OD_ERROR_ARGUMENT,
                 "detector: got a network from (%d, %d, %d) to (%d, %d, %d), expected one from "
                 "(h, w, 1) to (h / %d, w / %d, %d)",
                 input.h, input.w, input.c, output.h, output.w, output.c, OD_DETECTOR_STRIDE,
                 OD_DETECTOR_STRIDE, OD_PIXEL_CLASSES);
}

static od_status check_classifier(const od_classifier *classifier, od_error *error) {
  if (!classifier) return od_fail(error, OD_ERROR_ARGUMENT, "classifier: got none, expected one");
  const od_shape input = od_model_input(classifier->model);
  const int classes = od_model_classes(classifier->model);
  if (od_is_classifier(input, classes, od_model_sequence_length(classifier->model))) return OD_OK;
  return od_fail(error, OD_ERROR_ARGUMENT,
                 "classifier: got a network from (%d, %d, %d) to %d classes, expected one from "
                 "(%d, %d, 1) to %d or %d classes",
                 input.h, input.w, input.c, classes, OD_DIGIT_SIDE, OD_DIGIT_SIDE, OD_DIGITS,
                 OD_CLASSIFIER_CLASSES);
}

static od_status check_options(const od_read_options *options, od_error *error) {
  const int count = options->alternatives;
  if (!options->automaton || (count >= 1 && count <= OD_MAX_ALTERNATIVES)) return OD_OK;
  return od_fail(error, OD_ERROR_ARGUMENT, "alternatives: got %d, expected 1 to %d", count,
                 OD_MAX_ALTERNATIVES);
}

/* ---- steps ---- */

/* Adds the time since *start to the seconds of a stage, and sets *start to now. */
static void add_lap(double *start, double *stage) {
  const double now = od_clock_seconds();
  *stage += now - *start;
  *start = now;
}

static int max_hypotheses(const od_reader *reader) {
  return reader->shortcuts.one_scale ? 1 : OD_MAX_HYPOTHESES;
}

/* The pool of a page may be interrupted: it is checked between steps that run on one thread. */
static od_status find_lines(od_page *page, od_error *error) {
  od_status status = od_thread_pool_check(page->workspace.pool);
  if (!status) status = od_page_split_rows(page, error);
  if (!status) status = od_thread_pool_check(page->workspace.pool);
  return status ? status : od_page_find_lines(page, error);
}

/* Finds the lines of work->page, and levels them if they are skewed. */
static od_status find_level_lines(recognition *work, od_error *error) {
  od_status status = find_lines(&work->page, error);
  const double skew = status ? 0 : od_page_find_skew(&work->page);
  if (skew == 0) return status;
  work->source = work->page;
  od_page_release_layout(&work->source);
  status = od_page_rotate(&work->source, skew, &work->page, error);
  return status ? status : find_lines(&work->page, error);
}

/* From the lines of work->page to symbols, as od_symbols_decode, with up to max_per_line hypotheses
 * of a line. */
static od_status recognize_lines(const od_reader *reader, const od_read_options *options,
                                 int max_per_line, od_thread_pool *pool, recognition *work,
                                 od_error *error) {
  od_page *page = &work->page;
  od_line_hypotheses *hypotheses = &work->hypotheses;
  double start = od_clock_seconds();
  od_status status = od_thread_pool_check(pool);
  if (!status) status = od_page_split_touching(page, error);
  if (!status) status = od_thread_pool_check(pool);
  add_lap(&start, &work->seconds->segment);
  if (!status) status = od_hypotheses_create(page, max_per_line, hypotheses, error);
  if (!status) status = od_hypotheses_recognize(page, reader, pool, hypotheses, error);
  if (!status) status = od_hypotheses_vote(&work->hypotheses, error);
  if (!status) status = od_thread_pool_check(pool);
  if (!status) status = od_symbols_decode(page, &work->hypotheses, options, &work->symbols, error);
  add_lap(&start, &work->seconds->recognize);
  return status;
}

static double sum_foreground(const od_page *page) {
  uint64_t sum = 0; /* vectorizes, unlike a sum of doubles */
  for (size_t i = 0; i < (size_t)page->h * (size_t)page->w; i++)
    sum += page->foreground[i] >= OD_FOREGROUND_WEAK ? page->foreground[i] : 0;
  return (double)sum;
}

/* The components of work->page that belong to numbers, and work->kept. */
static od_status find_components(const od_reader *reader, od_thread_pool *pool, recognition *work,
                                 od_error *error) {
  od_page *page = &work->page;
  od_comb_lines combs = {0};
  od_status status = od_page_find_foreground(page, reader->detector, error);
  if (!status) status = od_page_find_combs(page, &combs, error);
  if (!status) status = od_page_erase_comb_lines(page, &combs, error);
  work->kept = 1;
  if (!status && reader->detector) {
    const double before = sum_foreground(page);
    status = od_page_keep_numbers(page, reader->detector, reader->detector_workspace, pool, error);
    if (!status) work->kept = sum_foreground(page) / fmax(before, 1);
    if (!status) od_page_mark_comb_lines(page, &combs);
  }
  od_comb_lines_release(&combs);
  if (!status) status = od_thread_pool_check(pool);
  return status ? status : od_page_find_components(page, error);
}

/* From the image in work->page to symbols, as od_symbols_decode, with up to max_per_line hypotheses
 * of a line. */
static od_status recognize(const od_reader *reader, const od_read_options *options,
                           int max_per_line, od_thread_pool *pool, recognition *work,
                           od_error *error) {
  double start = od_clock_seconds();
  work->page.workspace = (od_image_workspace){.kernels = reader->kernels, .pool = pool};
  od_status status = check_recognizer(reader->recognizer, error);
  if (!status && reader->detector) status = check_detector(reader->detector, error);
  if (!status) status = find_components(reader, pool, work, error);
  if (!status) status = find_level_lines(work, error);
  add_lap(&start, &work->seconds->segment);
  if (!status) status = recognize_lines(reader, options, max_per_line, pool, work, error);
  return status;
}

/* Verifies the symbols and computes work->features. */
static od_status verify(const od_reader *reader, od_thread_pool *pool, recognition *work,
                        od_error *error) {
  od_status status =
      od_verify_symbols(&work->page, &work->symbols, reader, pool, &work->verification, error);
  if (status) return status;
  work->features = od_allocate((size_t)work->symbols.count, sizeof *work->features);
  if (!work->features) return od_fail_memory(error, "the features of symbols");
  return od_find_fusion_features(&work->page, &work->hypotheses, &work->symbols,
                                 &work->verification, work->features, error);
}

/* Sets the posteriors of symbols that share time steps with one of `fused`, to which they belong.
 * The symbols may be of several texts of a line. */
static void copy_posteriors(const od_symbols *fused, const double *posteriors,
                            od_symbols *symbols) {
  int k = 0;
  for (int i = 0; i < symbols->count; i++) {
    const int line = symbols->hypotheses[i];
    const od_decoded_symbol *decoded = &symbols->decoded[i];
    if (i && symbols->hypotheses[i - 1] == line && decoded->first <= decoded[-1].first)
      k = 0; /* the first symbol of another text */
    while (k < fused->count &&
           (fused->hypotheses[k] < line ||
            (fused->hypotheses[k] == line && fused->decoded[k].last < decoded->first)))
      k++;
    if (k < fused->count && fused->hypotheses[k] == line &&
        fused->decoded[k].first <= decoded->last)
      od_set_posteriors(posteriors + (size_t)k * OD_CTC_CLASSES, &symbols->results[i]);
  }
}

/* Rescores the hypotheses to the posteriors and decodes them under the constraints. */
static od_status decode_rescored(const od_read_options *options, const double *posteriors,
                                 recognition *work, od_error *error) {
  od_symbols decoded = {0};
  double start = od_clock_seconds();
  for (int i = 0; i < work->symbols.count; i++)
    od_rescore_symbol(&work->symbols.decoded[i], posteriors + (size_t)i * OD_CTC_CLASSES,
                      work->hypotheses.items[work->symbols.hypotheses[i]].probabilities);
  const od_status status =
      od_symbols_decode(&work->page, &work->hypotheses, options, &decoded, error);
  if (!status) copy_posteriors(&work->symbols, posteriors, &decoded);
  od_symbols_release(&work->symbols);
  work->symbols = decoded;
  add_lap(&start, &work->seconds->recognize);
  return status;
}

/* Verifies the symbols and computes work->posteriors. */
static od_status find_posteriors(const od_reader *reader, od_thread_pool *pool, recognition *work,
                                 od_error *error) {
  double start = od_clock_seconds();
  od_status status = verify(reader, pool, work, error);
  if (status) return status;
  work->posteriors =
      od_allocate((size_t)work->symbols.count, OD_CTC_CLASSES * sizeof *work->posteriors);
  if (!work->posteriors) return od_fail_memory(error, "the fusion of scores");
  status = od_fuse_scores(&work->symbols, work->features, work->verification.has_non_digit,
                          reader->fusion, work->posteriors, error);
  add_lap(&start, &work->seconds->classify);
  return status;
}

/* Hands the symbols over to the caller, their boxes in the caller's image. */
static od_status take_symbols(recognition *work, int *count, od_symbol **symbols, od_error *error) {
  const od_status status = od_page_map_boxes(&work->page, work->symbols.count, work->symbols.ranges,
                                             work->symbols.results, error);
  if (status) return status;
  *count = work->symbols.count;
  *symbols = work->symbols.results;
  work->symbols.results = NULL;
  return OD_OK;
}

/* ---- other readings ---- */

/* Lines that are read to find out whether a page is rotated by quarter turns. */
enum { TRIAL_LINES = 8 };
/* What a rotated page must reach: a proportion, the gain in proportion, the number of digits, and
 * that number times the gain. A short number thus stays upright. */
static const double min_proportion = 0.5, min_gain = 0.1, min_digits = 2.7, min_digits_gain = 1;

/* Proportion of the foreground of lines that is in digits, from which on a page is upright; and
 * from which on its lines are level, so that it may only be upside down. */
static const double min_upright = 0.9, min_level = 0.5;

/* The expected number of digits that are right, and the proportion of foreground that is in them:
 * of that of lines, and of all. */
typedef struct fit {
  double digits, of_lines, proportion;
} fit;

/* The largest of the first `classes` posteriors of symbol i; 1 before there are posteriors. */
static double max_posterior(const recognition *work, int i, int classes) {
  if (!work->posteriors) return 1;
  const double *posteriors = work->posteriors + (size_t)i * OD_CTC_CLASSES;
  return posteriors[od_argmax_double((size_t)classes, posteriors)];
}

/* Before there are posteriors, no part of the result is less than with them. */
static fit measure_fit(const recognition *work) {
  const od_symbols *symbols = &work->symbols;
  fit result = {0, 0, 0};
  const double total = (double)od_page_mass(&work->page, 0, work->page.segment_count);
  for (int i = 0; i < symbols->count; i++) {
    const int classes = od_is_digit(&symbols->decoded[i]) ? OD_DIGITS : OD_SYMBOLS;
    const double max = max_posterior(work, i, classes);
    const double mass =
        (double)od_page_mass(&work->page, symbols->ranges[i].first, symbols->ranges[i].count);
    if (classes == OD_DIGITS) result.digits += max;
    result.of_lines += max * mass / fmax(total, 1);
  }
  result.proportion = work->kept * result.of_lines;
  return result;
}

static bool is_better(const fit *rotated, const fit *upright) {
  const double gain = rotated->proportion - upright->proportion;
  return rotated->proportion >= min_proportion && gain >= min_gain &&
         rotated->digits >= min_digits && rotated->digits * gain >= min_digits_gain;
}

/* Reads the page of `reading` rotated by `degrees` to posteriors. For a trial, which is to be
 * better than *upright, it reads its largest lines only, at one scale, and not to the end if it
 * cannot be.
 */
static od_status read_rotated(const od_reader *reader, const recognition *reading, double degrees,
                              const fit *upright, od_thread_pool *pool, recognition *work,
                              od_error *error) {
  double start = od_clock_seconds();
  od_page original = *source_of(reading); /* whose image has no numbers erased; not released */
  original.image = reading->image;
  original.class_map = (od_class_map){0}; /* the rotated page gets one of its own */
  *work = (recognition){.image = reading->image, .seconds = reading->seconds, .kept = 1};
  od_status status = od_page_rotate(&original, degrees, &work->page, error);
  if (!status && reader->detector) { /* it finds few numbers that are rotated */
    od_release(work->page.foreground);
    od_foreground_components_release(&work->page.components);
    status = find_components(reader, pool, work, error);
  }
  const fit possible = {INFINITY, 1, work->kept};
  if (status || (upright && !is_better(&possible, upright))) return status;
  status = find_level_lines(work, error);
  od_page_release(&work->source);
  add_lap(&start, &work->seconds->segment);
  if (status) return status;
  if (upright) od_page_keep_lines(&work->page, TRIAL_LINES);
  const int max_per_line = upright ? 1 : OD_MAX_HYPOTHESES;
  status = recognize_lines(reader, NULL, max_per_line, pool, work, error);
  if (status) return status;
  const fit found = measure_fit(work);
  if (upright && !is_better(&found, upright)) return OD_OK;
  return find_posteriors(reader, pool, work, error);
}

/* Whether a rotation of the page can be better than upright, if all foreground is digits. */
static bool may_be_rotated(const fit *upright) {
  const double gain = 1 - upright->proportion;
  return upright->of_lines < min_upright && gain >= min_gain &&
         upright->digits * gain >= min_digits_gain * upright->proportion;
}

/* Reads the page rotated by 90, 180 and 270 degrees, unless it was read well upright; if its lines
 * are level, by 180, unless they are upright. The best rotation replaces *upright if it is clearly
 * better. */
static od_status find_orientation(const od_reader *reader, od_thread_pool *pool,
                                  recognition *upright, od_error *error) {
  const fit first = measure_fit(upright);
  recognition rotated;
  double best_proportion = 0;
  int best = 0;
  od_status status = OD_OK;
  if (!may_be_rotated(&first)) return OD_OK;
  const bool level = first.of_lines >= min_level || od_page_is_one_row(&upright->page);
  const int step = level ? 180 : 90;
  bool lines_are_upright = false;
  if (level)
    status = od_lines_are_upright(&upright->page, &upright->hypotheses, TRIAL_LINES, reader, pool,
                                  &lines_are_upright, error);
  if (lines_are_upright) return status;
  for (int degrees = step; degrees < 360 && !status; degrees += step) {
    status = read_rotated(reader, upright, degrees, &first, pool, &rotated, error);
    const fit found = rotated.posteriors ? measure_fit(&rotated) : (fit){0, 0, 0};
    recognition_release(&rotated);
    if (!is_better(&found, &first) || found.proportion <= best_proportion) continue;
    best_proportion = found.proportion;
    best = degrees;
  }
  if (status || !best) return status;
  status = read_rotated(reader, upright, best, NULL, pool, &rotated, error);
  recognition_release(status ? &rotated : upright);
  if (!status) *upright = rotated;
  return status;
}

/* Maximum size of a field, in pixels, and its maximum number of lines. */
enum { MAX_FIELD_PIXELS = 300000, MAX_FIELD_LINES = 3 };
/* The proportion of the foreground that is in digits from which on a field needs no other reading;
 * what the other one must reach in its lines, the expected number of digits, and its gain. */
static const double max_proportion = 0.95, min_of_lines = 0.9, min_field_digits = 2.5,
                    min_field_gain = 0.3;

/* Whether the detector takes most of what is in a symbol's box for ruling lines. */
static bool is_on_ruling_line(const od_class_map *cells, const od_symbol *box) {
  int counts[OD_PIXEL_CLASSES] = {0};
  const od_cell_window at = od_cells_under(cells, box->left, box->top, box->right, box->bottom);
  for (int i = at.top; i <= at.bottom; i++)
    for (int j = at.left; j <= at.right; j++) counts[cells->classes[od_cell(cells, i, j)]]++;
  return counts[OD_PIXEL_RULING_LINE] > counts[OD_PIXEL_NUMBER] + counts[OD_PIXEL_WRITING];
}

/* Makes symbols that are ruling lines, such as the walls of a comb, improbable. */
static void reject_ruling_lines(const od_class_map *cells, recognition *work) {
  for (int i = 0; i < work->symbols.count; i++) {
    double *posteriors = work->posteriors + (size_t)i * OD_CTC_CLASSES;
    if (!is_on_ruling_line(cells, &work->symbols.results[i])) continue;
    memset(posteriors, 0, OD_CTC_CLASSES * sizeof *posteriors);
    posteriors[OD_CTC_BLANK] = 1;
  }
}

/* Whether a reading without the detector explains a field much better than one with it. */
static bool explains_more(const fit *undetected, const fit *detected) {
  return undetected->of_lines >= min_of_lines && undetected->digits >= min_field_digits &&
         undetected->digits >= detected->digits + min_field_gain;
}

/* Reads a field without the detector, if it has few level lines. A trial, which is to explain more
 * than *first, uses one hypothesis a line, and is not read to the end if it cannot. */
static od_status read_undetected(const od_reader *reader, const recognition *detected,
                                 const fit *first, od_thread_pool *pool, recognition *work,
                                 od_error *error) {
  const od_page *source = source_of(detected);
  od_reader without = *reader;
  without.detector = NULL;
  *work = (recognition){.image = detected->image,
                        .seconds = detected->seconds,
                        .page = {.h = source->h, .w = source->w, .image = detected->image}};
  const int max_per_line = first ? 1 : OD_MAX_HYPOTHESES;
  od_status status = recognize(&without, NULL, max_per_line, pool, work, error);
  if (status || work->page.line_count > MAX_FIELD_LINES || work->page.rotated) return status;
  const fit found = measure_fit(work);
  if (first && !explains_more(&found, first)) return status;
  status = find_posteriors(&without, pool, work, error);
  if (!status) reject_ruling_lines(&source->class_map, work);
  return status;
}

/* Replaces the reading of a field, in which the detector may have taken a number for other writing,
 * as on a textured background, by one without the detector that explains it as digits much better.
 */
static od_status compare_undetected(const od_reader *reader, od_thread_pool *pool,
                                    recognition *reading, od_error *error) {
  const od_page *source = source_of(reading);
  const fit first = measure_fit(reading);
  if (!reader->detector || first.proportion >= max_proportion ||
      (double)source->h * source->w > MAX_FIELD_PIXELS)
    return OD_OK;
  recognition other;
  od_status status = read_undetected(reader, reading, &first, pool, &other, error);
  const fit found = other.posteriors ? measure_fit(&other) : (fit){0, 0, 0};
  recognition_release(&other);
  if (status || !explains_more(&found, &first)) return status;
  status = read_undetected(reader, reading, NULL, pool, &other, error);
  recognition_release(status ? &other : reading);
  if (!status) *reading = other;
  return status;
}

static od_status measure_lines(const od_reader *reader, const recognition *work,
                               od_reading *reading, od_error *error) {
  reading->line_count = work->page.line_count;
  reading->qualities = od_allocate((size_t)reading->line_count, sizeof *reading->qualities);
  if (!reading->qualities) return od_fail_memory(error, "the quality of lines");
  return od_measure_lines(&work->page, &work->hypotheses, &work->symbols, work->posteriors,
                          reader->fusion->min_probability, reading->qualities, error);
}

/* ---- the public functions ---- */

od_status od_read(const od_reader *reader, int h, int w, const uint8_t *image,
                  const od_read_options *options, od_thread_pool *pool, od_reading *reading,
                  od_error *error) {
  recognition work = {
      .image = image, .seconds = &reading->seconds, .page = {.h = h, .w = w, .image = image}};
  od_status status = check_options(options, error);
  *reading = (od_reading){0};
  if (!status && reader->classifier) {
    status = check_classifier(reader->classifier, error);
    if (!status) status = od_fusion_check(reader->fusion, error);
    if (!status) status = recognize(reader, NULL, max_hypotheses(reader), pool, &work, error);
    if (!status) status = find_posteriors(reader, pool, &work, error);
    if (!status && !reader->shortcuts.one_reading) {
      status = compare_undetected(reader, pool, &work, error);
      if (!status) status = find_orientation(reader, pool, &work, error);
    }
    if (!status) status = measure_lines(reader, &work, reading, error);
    if (!status && options->automaton)
      status = decode_rescored(options, work.posteriors, &work, error);
    else if (!status)
      od_keep_probable(work.features, work.verification.has_non_digit,
                       reader->fusion->min_probability, work.posteriors, &work.symbols);
  } else if (!status) {
    status = recognize(reader, options, max_hypotheses(reader), pool, &work, error);
  }
  if (!status) status = take_symbols(&work, &reading->count, &reading->symbols, error);
  if (!status) {
    reading->alternative_count = work.symbols.alternative_count;
    reading->alternatives = work.symbols.alternatives;
    work.symbols.alternatives = NULL;
  }
  recognition_release(&work);
  if (status) od_reading_release(reading);
  return status;
}

void od_reading_release(od_reading *reading) {
  od_release(reading->symbols);
  od_release(reading->qualities);
  od_release(reading->alternatives);
  *reading = (od_reading){0};
}

/* Crops the digits that have segments. */
static od_status crop_all(od_thread_pool *pool, recognition *work, od_symbol_crops *crops,
                          od_error *error) {
  const od_symbols *symbols = &work->symbols;
  int *indices = od_allocate((size_t)symbols->count, sizeof *indices);
  crops->crops = od_allocate((size_t)symbols->count, OD_CROP_SIZE * sizeof *crops->crops);
  od_status status =
      indices && crops->crops ? OD_OK : od_fail_memory(error, "the crops of symbols");
  int count = 0;
  for (int i = 0; !status && i < symbols->count; i++)
    if (symbols->ranges[i].count && od_is_digit(&symbols->decoded[i])) indices[count++] = i;
  if (!status)
    status =
        od_crop_symbols(&work->page, symbols->results, count, indices, pool, crops->crops, error);
  if (!status) status = take_symbols(work, &crops->count, &crops->symbols, error);
  if (!status) {
    crops->count = count;
    for (int i = 0; i < count; i++) crops->symbols[i] = crops->symbols[indices[i]];
  }
  od_release(indices);
  return status;
}

od_status od_read_crops(const od_reader *reader, int h, int w, const uint8_t *image,
                        od_thread_pool *pool, od_symbol_crops *crops, od_error *error) {
  od_read_seconds unused = {0};
  recognition work = {.image = image, .seconds = &unused, .page = {.h = h, .w = w, .image = image}};
  *crops = (od_symbol_crops){0};
  od_status status = recognize(reader, NULL, OD_MAX_HYPOTHESES, pool, &work, error);
  if (!status) status = crop_all(pool, &work, crops, error);
  if (status) od_symbol_crops_release(crops);
  recognition_release(&work);
  return status;
}

void od_symbol_crops_release(od_symbol_crops *crops) {
  od_release(crops->symbols);
  od_release(crops->crops);
  *crops = (od_symbol_crops){0};
}

static void drop_separators(od_symbol_features *features) {
  int kept = 0;
  for (int i = 0; i < features->count; i++) {
    if (features->symbols[i].value >= OD_DIGITS) continue;
    features->symbols[kept] = features->symbols[i];
    features->features[kept++] = features->features[i];
  }
  features->count = kept;
}

od_status od_read_features(const od_reader *reader, int h, int w, const uint8_t *image,
                           od_thread_pool *pool, od_symbol_features *features, od_error *error) {
  od_read_seconds unused = {0};
  recognition work = {.image = image, .seconds = &unused, .page = {.h = h, .w = w, .image = image}};
  *features = (od_symbol_features){0};
  od_status status = check_classifier(reader->classifier, error);
  if (!status) status = recognize(reader, NULL, OD_MAX_HYPOTHESES, pool, &work, error);
  if (!status) status = verify(reader, pool, &work, error);
  if (!status) status = take_symbols(&work, &features->count, &features->symbols, error);
  if (!status) {
    features->features = work.features;
    work.features = NULL;
    drop_separators(features);
  }
  recognition_release(&work);
  return status;
}

void od_symbol_features_release(od_symbol_features *features) {
  od_release(features->symbols);
  od_release(features->features);
  *features = (od_symbol_features){0};
}
