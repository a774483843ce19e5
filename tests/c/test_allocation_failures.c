/* Every allocation of the core fails in turn, as in SQLite's tests: the first of an operation, then
 * the second, until the operation needs no more; each alone, and with all that follow. The
 * operation then gives OD_ERROR_MEMORY and a message, keeps no block, and the next try gives what
 * it would have given before. */
#include "failing_allocations.h"

#include "base/rng.h"
#include "check.h"
#include "digit/foreground.h"
#include "digit/halftone.h"
#include "digit/input.h"
#include "digit/preprocess.h"
#include "fuzz/networks_of_reader.h"
#include "nn/calibration.h"
#include "nn/ctc.h"
#include "nn/gradcam.h"
#include "nn/gradient.h"
#include "page/automaton.h"
#include "page/combs.h"
#include "page/ctc_decoding.h"
#include "page/print_removal.h"
#include "page/registration.h"
#include "page/table.h"
#include "train/checkpoint.h"

enum { H = 90, W = 130, PIXELS = H * W };

/* ---- what the operations work on ---- */

static uint8_t page[PIXELS], colours[PIXELS * 3], ruled[PIXELS], moved[PIXELS];
static const reader_networks *networks;
static const od_kernels *kernels;

/* Rows of strokes on a light page; a grid of ruling lines. */
static void make_pictures(void) {
  od_rng rng;
  od_rng_seed(&rng, 5, 0);
  memset(page, 230, sizeof page);
  for (int n = 0; n < 10; n++) {
    int x = 10 + n % 5 * 22, y = 14 + n / 5 * 40;
    for (int i = 0; i < 40; i++) {
      draw_rectangle(H, W, page, (int[]){x, y, x + 3, y + 3}, 20);
      x += (int)od_rng_below(&rng, 3) - 1;
      y += (int)od_rng_below(&rng, 3) - (n % 2);
    }
  }
  for (int i = 0; i < 3 * PIXELS; i++) colours[i] = (uint8_t)(page[i / 3] ^ (i % 3 * 16));
  for (int i = 0; i <= 2; i++)
    draw_rectangle(H, W, ruled, (int[]){8, 8 + 34 * i, 112, 10 + 34 * i}, 255);
  for (int j = 0; j <= 3; j++)
    draw_rectangle(H, W, ruled, (int[]){8 + 34 * j, 8, 10 + 34 * j, 78}, 255);
  for (int i = 0; i < 40; i++) {
    const int x = 12 + (int)od_rng_below(&rng, 90), y = 12 + (int)od_rng_below(&rng, 60);
    draw_rectangle(H, W, ruled, (int[]){x, y, x + 3 + i % 9, y + 2 + i % 4}, 255);
  }
  for (int i = 0; i < PIXELS; i++) moved[i] = i > W + 2 ? ruled[i - W - 2] : 0;
}

/* ---- results ---- */

typedef struct digest {
  uint64_t sum;
} digest;

static void add_bytes(digest *d, const void *bytes, size_t count) {
  for (const unsigned char *p = bytes; count; p++, count--)
    d->sum = d->sum * 1099511628211u + *p + 1;
}

/* ---- operations ---- */

/* Does something from beginning to end, with all memory that it takes, and adds its result. */
typedef od_status operation(od_error *error, digest *result);

enum { SMALL = 8 };

static od_network *make_network(od_error *error) {
  const od_layer layers[] = {conv(8, 3, 1, true, false), batch_norm(0.9), RELU,    POOL,
                             conv(9, 3, 1, true, true),  dropout(0.2),    FLATTEN, dense(3, false)};
  od_network *network;
  if (od_network_create((od_shape){SMALL, SMALL, 1}, layers, 8, &network, error)) return NULL;
  randomize(network, 2);
  return network;
}

static void add_network(digest *result, od_network *network) {
  add_bytes(result, od_network_values(network), od_network_total_size(network) * sizeof(od_real));
}

static od_status create_network(od_error *error, digest *result) {
  od_network *network = make_network(error), *part = NULL;
  if (!network) return OD_ERROR_MEMORY;
  const od_status status = od_network_create_until(network, 3, &part, error);
  if (!status) add_network(result, part);
  od_network_destroy(part);
  od_network_destroy(network);
  return status;
}

static float numbers[SMALL * SMALL * 16];
#define IMAGES \
  { .floats = numbers, .count = 16, .size = SMALL * SMALL, .scale = 1 }
static const od_images images = IMAGES;

/* An inference in one precision. */
static od_status infer(od_precision precision, od_error *error, digest *result) {
  od_network *network = make_network(error);
  runner made = {0};
  if (!network) return OD_ERROR_MEMORY;
  od_status status = OD_OK;
  if (precision == OD_INT8) status = od_network_calibrate(network, kernels, NULL, &images, error);
  if (!status) status = runner_create(network, kernels, precision, 2, &made, error);
  if (!status) {
    od_real scores[16 * 3];
    const long calls = allocations.calls;
    runner_run(&made, NULL, &images, true, scores);
    CHECK_INT(allocations.calls, calls); /* a run allocates nothing */
    add_bytes(result, scores, sizeof scores);
    runner_destroy(&made);
  }
  od_network_destroy(network);
  return status;
}

static od_status infer_float(od_error *error, digest *result) {
  return infer(OD_FLOAT32, error, result);
}
static od_status infer_bfloat16(od_error *error, digest *result) {
  return infer(OD_BFLOAT16, error, result);
}
static od_status infer_int8(od_error *error, digest *result) {
  return infer(OD_INT8, error, result);
}

static od_status explain(od_error *error, digest *result) {
  od_network *network = make_network(error);
  od_gradcam *gradcam = NULL;
  if (!network) return OD_ERROR_MEMORY;
  const od_status status =
      od_gradcam_create(network, kernels, od_gradcam_default_layer(network), &gradcam, error);
  if (!status) {
    od_real scores[3], map[SMALL * SMALL];
    od_gradcam_forward(gradcam, &images, 1, scores);
    od_gradcam_map(gradcam, 1, map);
    add_bytes(result, scores, sizeof scores);
  }
  od_gradcam_destroy(gradcam);
  od_network_destroy(network);
  return status;
}

static const od_train_config config = {
    .epochs = 2,
    .batch_size = 6,
    .optimizer = {OD_ADAM, 0.9, 0.9, 0.999, 1e-7, 0, 1, 0.9},
    .schedule = {OD_CONSTANT, 0.01, 0, 1, 1},
    .augment = {.count = 1,
                .steps = {{.kind = OD_AUGMENT_ELASTIC, .probability = 1, .elastic = {1, 2}}}},
    .restore_best = true};
static const uint8_t labels[16] = {0, 1, 2, 0, 1, 2, 2, 1, 0, 1, 0, 2, 1, 1, 2, 0};
static const od_train_data data = {IMAGES, labels, 1, NULL};

static od_status train(od_error *error, digest *result) {
  od_network *network = make_network(error);
  od_trainer *trainer = NULL;
  if (!network) return OD_ERROR_MEMORY;
  od_status status = od_trainer_create(network, kernels, 1, &config, &trainer, error);
  if (!status) status = od_trainer_run(trainer, NULL, &data, &data, NULL, error);
  if (!status) add_network(result, network);
  od_trainer_destroy(trainer);
  od_network_destroy(network);
  return status;
}

static od_status filter_images(od_error *error, digest *result) {
  static uint8_t output[PIXELS];
  od_image_workspace workspace = {.kernels = kernels};
  const od_view image = od_view_of(H, W, page), crop = od_view_of(H / 2, W / 2, page);
  const od_target target = od_target_of(H, W, output), half = od_target_of(H / 2, W / 2, output);
  const od_adaptive adaptive = {OD_ADAPTIVE_GAUSSIAN, 31, 5, 255, 0};
  const od_gaussian gaussian = {9, 7, 0, 0};
  od_status status =
      od_gaussian_blur(&workspace, &image, &gaussian, OD_BORDER_REFLECT, &target, error);
  add_bytes(result, output, status ? 0 : PIXELS);
  if (!status) status = od_adaptive_threshold(&workspace, &image, &adaptive, &target, error);
  add_bytes(result, output, status ? 0 : PIXELS);
  if (!status) status = od_resize(&workspace, &image, OD_INTERPOLATION_AREA, &half, error);
  if (!status) status = od_normalize(&workspace, &crop, 0, 255, &half, error);
  add_bytes(result, output, status ? 0 : PIXELS / 4);
  od_image_workspace_release(&workspace);
  return status;
}

static od_status warp_images(od_error *error, digest *result) {
  static uint8_t output[PIXELS], mask[49];
  static const double matrix[9] = {0.9, 0.1, 3, -0.1, 0.9, 5, 1e-4, 0, 1};
  od_image_workspace workspace = {.kernels = kernels};
  const od_view image = od_view_of(H, W, page);
  const od_target target = od_target_of(H, W, output);
  const od_structuring_element element = {7, 7, 3, 3, mask};
  double skew;
  od_get_structuring_element(OD_MORPH_ELLIPSE, 7, 7, mask);
  od_status status =
      od_warp_affine(&workspace, &image, matrix, OD_BORDER_CONSTANT, 0, &target, error);
  add_bytes(result, output, status ? 0 : PIXELS);
  if (!status)
    status =
        od_warp_perspective(&workspace, &image, matrix, OD_BORDER_REPLICATE, 0, &target, error);
  add_bytes(result, output, status ? 0 : PIXELS);
  if (!status)
    status = od_erode(&workspace, &image, &element, OD_BORDER_REFLECT_101, 0, &target, error);
  if (!status) status = od_deskew(&workspace, &image, &target, &skew, error);
  add_bytes(result, output, status ? 0 : PIXELS);
  od_image_workspace_release(&workspace);
  return status;
}

static od_status find_components(od_error *error, digest *result) {
  od_image_workspace workspace = {.kernels = kernels};
  const od_view image = od_view_of(H, W, ruled);
  od_component *components = NULL;
  int32_t count = 0;
  od_moments moments;
  od_status status =
      od_connected_components(&workspace, &image, 8, NULL, &components, &count, error);
  if (!status) status = od_image_moments(&workspace, &image, false, &moments, error);
  if (!status) add_bytes(result, components, (size_t)count * sizeof *components);
  od_release(components);
  od_image_workspace_release(&workspace);
  return status;
}

static od_status prepare_digits(od_error *error, digest *result) {
  float inputs[2 * OD_DIGIT_SIDE * OD_DIGIT_SIDE];
  const od_picture pictures[2] = {{page, NULL, 1, 44, W, 1}, {colours, NULL, 1, 44, W, 3}};
  const od_status status = od_pictures_to_inputs(kernels, NULL, 2, pictures, inputs, error);
  if (!status) add_bytes(result, inputs, sizeof inputs);
  return status;
}

static od_status prepare_with_steps(od_error *error, digest *result) {
  float input[OD_DIGIT_SIDE * OD_DIGIT_SIDE];
  od_image_workspace workspace = {.kernels = kernels};
  od_preprocess_steps steps = {0};
  const od_status status = od_preprocess_digit(&workspace, 50, 50, W, page, &steps, input, error);
  if (!status) add_bytes(result, input, sizeof input);
  if (!status) add_bytes(result, steps.digit, (size_t)(steps.h * steps.w));
  if (!status) od_preprocess_steps_release(&steps);
  od_image_workspace_release(&workspace);
  return status;
}

static od_status smooth_halftone(od_error *error, digest *result) {
  static uint8_t dots[PIXELS];
  od_image_workspace workspace = {.kernels = kernels};
  for (int i = 0; i < PIXELS; i++) dots[i] = (uint8_t)(i * 7 % 5 < page[i] / 60 ? 255 : 0);
  const od_status status = od_smooth_halftone(&workspace, H, W, dots, error);
  if (!status) add_bytes(result, dots, PIXELS);
  od_image_workspace_release(&workspace);
  return status;
}

/* A comb of five places, and three boxes apart. */
static od_status find_combs(od_error *error, digest *result) {
  static uint8_t combs[PIXELS];
  memset(combs, 0, sizeof combs);
  draw_rectangle(H, W, combs, (int[]){9, 80, 121, 82}, 255);
  for (int k = 0; k <= 5; k++)
    draw_rectangle(H, W, combs, (int[]){9 + 22 * k, 60, 11 + 22 * k, 82}, 255);
  for (int k = 0; k < 3; k++) {
    const int x = 10 + 36 * k;
    for (int i = 0; i < 2; i++) {
      draw_rectangle(H, W, combs, (int[]){x, 10 + 36 * i, x + 28, 11 + 36 * i}, 255);
      draw_rectangle(H, W, combs, (int[]){x + 27 * i, 10, x + 1 + 27 * i, 47}, 255);
    }
    draw_rectangle(H, W, combs, (int[]){x + 12, 18, x + 14, 38}, 255);
  }
  od_page found = {.h = H, .w = W, .workspace = {.kernels = kernels}, .image = page};
  od_comb_lines lines = {0};
  found.foreground = od_allocate(PIXELS, 1);
  od_status status = found.foreground ? OD_OK : od_fail_memory(error, "a page");
  if (!status) {
    memcpy(found.foreground, combs, PIXELS);
    status = od_page_find_combs(&found, &lines, error);
  }
  if (!status) status = od_page_erase_comb_lines(&found, &lines, error);
  if (!status) {
    CHECK_INT(lines.count, 6 + 5 + 3 * 4);
    add_bytes(result, found.foreground, PIXELS);
  }
  od_comb_lines_release(&lines);
  od_page_release(&found);
  return status;
}

static od_status create_tta(od_error *error, digest *result) {
  od_tta *tta;
  const od_status status = od_tta_create(&tta, error);
  (void)result;
  od_tta_destroy(tta);
  return status;
}

static const od_fusion fusion = {.isolated = {0.5, 0.5, -3, 0.8, 0.4, 1, 0.2, 0.1},
                                 .touching = {0.8, 0.2, -3, 0.8, 0.4, 1, 0.2, 0.1},
                                 .prior_mean = 0.9,
                                 .prior_strength = 4,
                                 .min_probability = 0.1};

static od_reader make_reader(bool detects) {
  return (od_reader){.kernels = kernels,
                     .detector = detects ? networks->detector.model : NULL,
                     .detector_workspace = networks->detector.workspace,
                     .recognizer = networks->recognizer.model,
                     .recognizer_workspace = networks->recognizer.workspace,
                     .classifier = &networks->of_classifier,
                     .classifier_workspace = networks->classifier.workspace,
                     .fusion = &fusion};
}

static od_status read_with(bool detects, const od_automaton *automaton, od_error *error,
                           digest *result) {
  const od_reader reader = make_reader(detects);
  const od_read_options options = {automaton, 3};
  od_reading reading;
  const od_status status = od_read(&reader, H, W, page, &options, NULL, &reading, error);
  if (status) return status;
  for (int i = 0; i < reading.count; i++) add_bytes(result, &reading.symbols[i].value, sizeof(int));
  add_bytes(result, &reading.count, sizeof reading.count);
  od_reading_release(&reading);
  return OD_OK;
}

static od_status read_page(od_error *error, digest *result) {
  return read_with(false, NULL, error, result);
}
static od_status read_detected(od_error *error, digest *result) {
  return read_with(true, NULL, error, result);
}

static od_status read_lexicon(od_error *error, digest *result) {
  static const char *const words[] = {"12", "123", "7"};
  od_automaton *lexicon;
  od_status status = od_automaton_create_lexicon(3, words, &lexicon, error);
  if (!status) status = read_with(false, lexicon, error, result);
  od_automaton_destroy(lexicon);
  return status;
}

static od_status read_to_train(od_error *error, digest *result) {
  const od_reader reader = make_reader(true);
  od_symbol_crops crops;
  od_symbol_features features;
  od_status status = od_read_crops(&reader, H, W, page, NULL, &crops, error);
  if (status) return status;
  add_bytes(result, &crops.count, sizeof crops.count);
  od_symbol_crops_release(&crops);
  status = od_read_features(&reader, H, W, page, NULL, &features, error);
  if (status) return status;
  add_bytes(result, &features.count, sizeof features.count);
  od_symbol_features_release(&features);
  return OD_OK;
}

static od_status find_table(od_error *error, digest *result) {
  static uint8_t rectified[OD_TABLE_MAX_PIXELS];
  od_image_workspace workspace = {.kernels = kernels};
  int32_t tops[8], lefts[8];
  od_table_layout layout = {tops, lefts, 0};
  od_table table = {0};
  od_status status =
      od_find_table(&workspace, H, W, ruled, &(od_table_options){2, 3}, &table, error);
  CHECK(status || table.rows == 2);
  if (!status && od_lay_out_table(&table, &layout))
    status =
        od_rectify_table(&workspace, od_view_of(H, W, page), &table, &layout, rectified, error);
  if (!status) add_bytes(result, table.nodes, 3 * 4 * 2 * sizeof *table.nodes);
  od_table_release(&table);
  od_image_workspace_release(&workspace);
  return status;
}

static od_status register_page(od_error *error, digest *result) {
  od_image_workspace workspace = {.kernels = kernels};
  const od_view form = od_view_of(H, W, ruled), filled = od_view_of(H, W, moved);
  od_registration found;
  const od_status status = od_register_page(&workspace, &form, &filled, &found, error);
  if (!status) add_bytes(result, found.matrix, sizeof found.matrix);
  od_image_workspace_release(&workspace);
  return status;
}

static od_status erase_print(od_error *error, digest *result) {
  static uint8_t erased[PIXELS], writing[PIXELS];
  od_image_workspace workspace = {.kernels = kernels};
  const od_filled_form form = {H, W, page, moved, ruled, 2};
  const od_status status = od_erase_print(&workspace, &form, erased, writing, error);
  if (!status) add_bytes(result, erased, PIXELS);
  od_image_workspace_release(&workspace);
  return status;
}

/* An automaton, and the texts that it accepts. */
static od_status decode(od_error *error, digest *result) {
  static const bool accepting[] = {false, true};
  static const od_transition transitions[] = {{0, 1, 1}, {0, 2, 1}, {1, 1, 1}, {1, 3, 0}};
  enum { STEPS = 9 };
  od_real probabilities[STEPS * OD_CTC_CLASSES];
  od_decoded_symbol symbols[STEPS];
  od_texts texts = {0};
  od_automaton *automaton;
  int count;
  for (int i = 0; i < STEPS * OD_CTC_CLASSES; i++)
    probabilities[i] = (od_real)(i * 29 % 17 == 3 ? 0.5 : 0.5 / (OD_CTC_CLASSES - 1));
  od_status status = od_ctc_decode_candidates(STEPS, probabilities, symbols, &count, error);
  if (status) return status;
  status = od_automaton_create(2, accepting, 4, transitions, &automaton, error);
  if (!status) status = od_ctc_find_texts(STEPS, probabilities, automaton, 4, &texts, error);
  if (!status) status = od_ctc_align(STEPS, probabilities, &texts.items[0], symbols, error);
  for (int i = 0; !status && i < texts.count; i++)
    add_bytes(result, texts.items[i].symbols, (size_t)texts.items[i].length);
  od_texts_release(&texts);
  od_automaton_destroy(automaton);
  return status;
}

typedef struct named_operation {
  const char *name;
  operation *run;
  bool needs_less; /* it does without some of its memory, and gives the same */
} named_operation;

static const named_operation operations[] = {
    {"networks", create_network, false},
    {"inference", infer_float, false},
    {"inference in bfloat16", infer_bfloat16, false},
    {"inference in int8", infer_int8, false},
    {"Grad-CAM", explain, false},
    {"training", train, true}, /* the calibration after it */
    {"filters", filter_images, false},
    {"warps", warp_images, false},
    {"components", find_components, false},
    {"pictures of digits", prepare_digits, false},
    {"the stages of preprocessing", prepare_with_steps, false},
    {"halftones", smooth_halftone, false},
    {"test-time augmentation", create_tta, false},
    {"reading", read_page, false},
    {"reading with a detector", read_detected, false},
    {"reading with a lexicon", read_lexicon, false},
    {"crops and features", read_to_train, false},
    {"tables", find_table, false},
    {"registration", register_page, false},
    {"print removal", erase_print, false},
    {"automata", decode, false},
    {"combs", find_combs, false},
};
enum { OPERATIONS = sizeof operations / sizeof *operations };

/* ---- tests ---- */

/* Allocation `n` fails, alone or with all that follow. Returns whether there is such a one. */
static bool check_failure(const named_operation *tried, long n, bool for_ever,
                          const digest *expected) {
  const long live = live_blocks;
  digest result = {0}, retried = {0};
  od_error error = {{0}};
  fail_calls(&allocations, n, for_ever ? LONG_MAX : n + 1);
  const od_status status = tried->run(&error, &result);
  const bool failed = allocations.calls >= n;
  fail_calls(&allocations, 0, 0);
  if (!tried->needs_less || status) CHECK_INT(status, failed ? OD_ERROR_MEMORY : OD_OK);
  CHECK_INT(live_blocks, live);
  if (status)
    CHECK_CONTAINS(error.message, "memory");
  else
    CHECK_WORD(result.sum, expected->sum);
  if (for_ever) return failed;
  CHECK_INT(tried->run(&error, &retried), OD_OK);
  CHECK_WORD(retried.sum, expected->sum);
  return failed;
}

static void test_each_allocation_fails(void) {
  for (int i = 0; i < OPERATIONS; i++)
    for (int for_ever = 0; for_ever < 2; for_ever++) {
      digest expected = {0};
      od_error error = {{0}};
      long n = 1;
      CHECK_CASE("%s", operations[i].name);
      if (!CHECK_INT(operations[i].run(&error, &expected), OD_OK)) continue;
      while (check_failure(&operations[i], n, for_ever, &expected))
        CHECK_CASE("%s, allocation %ld%s", operations[i].name, ++n,
                   for_ever ? " and all others" : "");
      CHECK(n > 1);
    }
}

static bool count_step(void *context, const od_progress *progress) {
  (void)progress;
  ++*(int *)context;
  return true;
}

/* A run that cannot get its memory before the first step changes nothing, and the next run gives
 * what it would have given. One that cannot get it later, for a validation, ends with the weights
 * of the steps that it made, and the trainer goes on. */
static void check_training(long n, const digest *expected, bool *failed) {
  int steps = 0;
  od_error error = {{0}};
  digest before = {0}, after = {0}, result = {0};
  const od_callbacks callbacks = {.on_step = count_step, .context = &steps};
  od_network *network = make_network(&error);
  od_trainer *trainer;
  CHECK_INT(od_trainer_create(network, kernels, 1, &config, &trainer, &error), OD_OK);
  add_network(&before, network);
  fail_calls(&allocations, n, n + 1);
  const od_status status = od_trainer_run(trainer, NULL, &data, &data, &callbacks, &error);
  *failed = allocations.calls >= n;
  fail_calls(&allocations, 0, 0);
  add_network(&after, network);
  for (size_t i = 0; i < od_network_total_size(network); i++)
    CHECK(isfinite(od_network_values(network)[i]));
  if (status) {
    CHECK_INT(status, OD_ERROR_MEMORY);
    CHECK(*failed && (after.sum == before.sum) == (steps == 0));
    CHECK_INT(od_trainer_run(trainer, NULL, &data, &data, NULL, &error), OD_OK);
  }
  add_network(&result, network);
  if (!steps || !status) CHECK_WORD(result.sum, expected->sum);
  od_trainer_destroy(trainer);
  od_network_destroy(network);
}

static void test_training_after_a_failure(void) {
  od_error error = {{0}};
  digest expected = {0};
  bool failed = true;
  CHECK_INT(train(&error, &expected), OD_OK);
  for (long n = 1; failed; n++) {
    CHECK_CASE("allocation %ld", n);
    check_training(n, &expected, &failed);
  }
}

/* A calibration that fails keeps the ranges of the one before. */
static void test_calibration_after_a_failure(void) {
  od_error error = {{0}};
  od_network *network = make_network(&error);
  double low, high, before;
  CHECK_INT(od_network_calibrate(network, kernels, NULL, &images, &error), OD_OK);
  CHECK(od_network_range(network, 0, &low, &before));
  od_images brighter = images;
  brighter.scale = 2;
  for (long n = 1;; n++) {
    CHECK_CASE("allocation %ld", n);
    fail_calls(&allocations, n, n + 1);
    const od_status status = od_network_calibrate(network, kernels, NULL, &brighter, &error);
    const bool failed = allocations.calls >= n;
    fail_calls(&allocations, 0, 0);
    CHECK_INT(status, failed ? OD_ERROR_MEMORY : OD_OK);
    CHECK(od_network_range(network, 0, &low, &high));
    CHECK_NEAR(high, failed ? before : 2 * before, 1e-9);
    if (!failed) break;
  }
  od_network_destroy(network);
}

/* A workspace of image operations whose scratch memory cannot grow works on as before. */
static void test_image_workspace_after_a_failure(void) {
  static uint8_t output[PIXELS], expected[PIXELS];
  od_image_workspace workspace = {.kernels = kernels};
  const od_gaussian gaussian = {5, 5, 0, 0};
  const od_view small = od_view_of(9, 9, page), whole = od_view_of(H, W, page);
  const od_target small_output = od_target_of(9, 9, output), all = od_target_of(H, W, output);
  od_error error = {{0}};
  CHECK_INT(
      od_gaussian_blur(&workspace, &small, &gaussian, OD_BORDER_REFLECT, &small_output, &error),
      OD_OK);
  memcpy(expected, output, 81);
  fail_calls(&allocations, 1, LONG_MAX);
  CHECK_INT(od_gaussian_blur(&workspace, &whole, &gaussian, OD_BORDER_REFLECT, &all, &error),
            OD_ERROR_MEMORY);
  fail_calls(&allocations, 0, 0);
  CHECK_INT(
      od_gaussian_blur(&workspace, &small, &gaussian, OD_BORDER_REFLECT, &small_output, &error),
      OD_OK);
  CHECK_INT(memcmp(expected, output, 81), 0);
  CHECK_INT(od_gaussian_blur(&workspace, &whole, &gaussian, OD_BORDER_REFLECT, &all, &error),
            OD_OK);
  od_image_workspace_release(&workspace);
}

static void add_one(void *context, int task, int worker) {
  (void)task, (void)worker;
  atomic_fetch_add((atomic_int *)context, 1);
}

/* A pool whose threads cannot start, or whose memory for them cannot be had, does its work with
 * those it has. */
static void test_pools_without_threads(void) {
  for (int n = 1; n < 8; n++) {
    atomic_int done = 0;
    od_thread_pool *pool;
    od_error error = {{0}};
    const long live = live_blocks;
    failing *what = n % 2 ? &thread_starts : &allocations;
    CHECK_CASE("%s %d", n % 2 ? "thread" : "allocation", n / 2 + 1);
    CHECK_INT(od_thread_pool_create(4, &pool, &error), OD_OK);
    fail_calls(what, n / 2 + 1, LONG_MAX);
    od_thread_pool_run(pool, add_one, &done, 100);
    fail_calls(what, 0, 0);
    CHECK_INT(done, 100);
    od_thread_pool_run(pool, add_one, &done, 100); /* the others start now */
    CHECK_INT(done, 200);
    od_thread_pool_destroy(pool);
    CHECK_INT(live_blocks, live);
  }
  od_thread_pool *pool;
  od_error error = {{0}};
  for (int n = 1; n < 3; n++) {
    fail_calls(&allocations, n, n + 1);
    const od_status status = od_thread_pool_create(4, &pool, &error);
    CHECK_INT(status, allocations.calls >= n ? OD_ERROR_MEMORY : OD_OK);
    fail_calls(&allocations, 0, 0);
    od_thread_pool_destroy(status ? NULL : pool);
  }
}

int main(void) {
  kernels = last_table();
  make_pictures();
  networks = networks_of(kernels, OD_DIGITS + 1);
  for (int i = 0; i < SMALL * SMALL * 16; i++) numbers[i] = (float)(i * 37 % 101) / 101;
  RUN(test_each_allocation_fails);
  RUN(test_training_after_a_failure);
  RUN(test_calibration_after_a_failure);
  RUN(test_image_workspace_after_a_failure);
  RUN(test_pools_without_threads);
  return check_end();
}
