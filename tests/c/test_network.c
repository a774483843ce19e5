/* nn/: validation of lists of layers, and inference. */
#include <limits.h>

#include "base/thread_pool.h"
#include "check.h"
#include "nn/gradient.h"
#include "nn/calibration.h"
#include "nn/plan.h"
#include "nn/workspace.h"
#include "reference.h"
#include "tables.h"

/* -- validation -- */

typedef struct refusal {
  od_shape input;
  int count;            /* 0: all of `layers` */
  const char *parts[3]; /* of the message */
  od_layer layers[5];
} refusal;

static od_layer with_kernel(int kernel) { return conv(3, kernel, 1, true, false); }
static od_layer with_stride(int stride) { return conv(3, 3, stride, true, false); }
static od_layer with_dilation(int dilation, int stride) {
  return dilated(with_stride(stride), dilation);
}
static od_layer with_filters(int filters) { return conv(filters, 3, 1, true, false); }
static od_layer norm_of(double momentum, double epsilon) {
  return (od_layer){.kind = OD_BATCH_NORM, .momentum = momentum, .epsilon = epsilon};
}

static void check_refused(const refusal *r, int count) {
  od_network *network = (od_network *)&network;
  od_error error = {{0}};
  od_status status = od_network_create(r->input, r->layers, count, &network, &error);
  CHECK_INT(status, OD_ERROR_ARGUMENT);
  CHECK(network == NULL);
  for (int i = 0; i < 3 && r->parts[i]; i++) CHECK_CONTAINS(error.message, r->parts[i]);
  CHECK(strlen(error.message) < sizeof error.message - 1); /* not truncated */
  CHECK_INT(od_network_create(r->input, r->layers, count, &network, NULL), OD_ERROR_ARGUMENT);
  size_t weights = 1;
  CHECK_INT(od_network_count_weights(r->input, r->layers, count, &weights, NULL),
            OD_ERROR_ARGUMENT);
  CHECK(weights == 0);
}

/* A shape that no network has, as its inputs and outputs are smaller. */
static void test_flatten_of_a_large_shape(void) {
  const od_layer flatten = FLATTEN;
  od_shape out;
  od_error error = {{0}};
  CHECK_INT(od_layer_output(&flatten, 3, (od_shape){2048, 2048, 1}, &out, &error), OD_OK);
  CHECK_INT(out.c, 2048 * 2048);
  CHECK_INT(od_layer_output(&flatten, 3, (od_shape){2048, 2048, 2}, &out, &error),
            OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "layer 3 (flatten)");
  CHECK_CONTAINS(error.message, "a vector of 8388608 numbers is more than the largest of 4194304");
}

static void test_refusals(void) {
  const od_shape image = {28, 28, 1}, vector = {1, 1, 5};
  /* clang-format off */
  const refusal all[] = {
      /* layers that do not fit: the message has the layer, its input and the reason */
      {image, 0, {"layer 0", "dense", "(28, 28, 1)"}, {dense(10, false)}},
      {image, 0, {"layer 1", "dense", "(14, 14, 1)"}, {POOL, dense(10, false)}},
      {image, 0, {"layer 2", "(dense)", "flatten"},
       {conv(4, 3, 1, true, true), POOL, dense(10, false)}},
      {{4, 4, 1}, 0, {"layer 0", "(4, 4, 1)", "valid"}, {conv(3, 5, 1, false, false), FLATTEN}},
      {{5, 2, 1}, 0, {"layer 0", "(5, 2, 1)", "valid"}, {conv(3, 3, 1, false, false), FLATTEN}},
      {{1, 8, 1}, 0, {"layer 0", "(1, 8, 1)", "2 x 2"}, {POOL, FLATTEN}},
      {{8, 1, 1}, 0, {"layer 0", "(8, 1, 1)"}, {POOL, FLATTEN}},
      {{4, 4, 1}, 0, {"layer 2", "(1, 1, 1)"}, {POOL, POOL, POOL, FLATTEN}},
      {{4, 4, 1}, 0, {"layer 2", "max_pool2d", "(1, 1, 16)"}, {FLATTEN, RELU, POOL}},
      /* numbers out of range */
      {image, 0, {"layer 0", "filters", "0"}, {with_filters(0), AVERAGE}},
      {image, 0, {"layer 0", "filters", "-3"}, {with_filters(-3), AVERAGE}},
      {image, 0, {"filters", "65537"}, {with_filters(65537), AVERAGE}},
      {image, 0, {"filters", "2147483647"}, {with_filters(INT_MAX), AVERAGE}},
      {image, 0, {"filters", "-2147483648"}, {with_filters(INT_MIN), AVERAGE}},
      {image, 0, {"layer 0", "kernel", "1 to 16"}, {with_kernel(17), AVERAGE}},
      {image, 0, {"kernel", "0"}, {with_kernel(0), AVERAGE}},
      {image, 0, {"kernel", "-3"}, {with_kernel(-3), AVERAGE}},
      {image, 0, {"kernel", "2147483647"}, {with_kernel(INT_MAX), AVERAGE}},
      {image, 0, {"stride", "0"}, {with_stride(0), AVERAGE}},
      {image, 0, {"stride", "9", "1 to 8"}, {with_stride(9), AVERAGE}},
      {image, 0, {"stride", "-1"}, {with_stride(-1), AVERAGE}},
      {image, 0, {"stride", "-2147483648"}, {with_stride(INT_MIN), AVERAGE}},
      {image, 0, {"dilation_rate is 0", "1 to 16"}, {with_dilation(0, 1), AVERAGE}},
      {image, 0, {"dilation_rate is -1"}, {with_dilation(-1, 1), AVERAGE}},
      {image, 0, {"dilation_rate is 17"}, {with_dilation(17, 1), AVERAGE}},
      {image, 0, {"dilation_rate is 2147483647"}, {with_dilation(INT_MAX, 1), AVERAGE}},
      {image, 0, {"dilation_rate is 2", "strides 2"}, {with_dilation(2, 2), AVERAGE}},
      {{4, 9, 1}, 0, {"(5 x 5)", "valid"}, {dilated(conv(3, 3, 1, false, false), 2), AVERAGE}},
      {{8, 8, 4}, 0, {"groups is 2 and filters 4", "or 4 and"},
       {depthwise(conv(4, 3, 1, true, false), 2), AVERAGE}},
      {{8, 8, 4}, 0, {"groups is 4 and filters 6"},
       {depthwise(conv(6, 3, 1, true, false), 4), AVERAGE}},
      {{8, 8, 4}, 0, {"groups is 0"}, {depthwise(conv(4, 3, 1, true, false), 0), AVERAGE}},
      {image, 0, {"pool_size is 0 x 0", "1 to 1024"},
       {windows(OD_MAX_POOL2D, 0, 1, true), AVERAGE}},
      {image, 0, {"pool_size is 1025 x 1025"}, {windows(OD_AVERAGE_POOL2D, 1025, 1, true), AVERAGE}},
      {image, 0, {"strides is 0 x 0"}, {windows(OD_AVERAGE_POOL2D, 2, 0, true), AVERAGE}},
      {{4, 4, 2}, 0, {"smaller than the 5 x 5 window"},
       {windows(OD_AVERAGE_POOL2D, 5, 1, false), AVERAGE}},
      {image, 0, {"padding is -1, 0, 0, 0", "0 to 1024"},
       {zero_padding(-1, 0, 0, 0), FLATTEN, dense(2, false)}},
      {image, 0, {"padding is 0, 0, 0, 1025"},
       {zero_padding(0, 0, 0, 1025), FLATTEN, dense(2, false)}},
      {{16, 16, 4}, 0, {"layer 0 (zero_padding2d)", "labels pixels"}, {zero_padding(1, 1, 1, 1)}},
      /* columns before or after time steps, a step or all of them */
      {{32, 1024, 1}, 0, {"layer 1 (zero_padding2d)", "pads no columns"},
       {rectangular(conv(4, 1, 8, true, false), 1, 8), zero_padding(0, 0, 0, 128), SEQUENCE,
        conv(17, 1, 1, true, false)}},
      {{32, 1024, 1}, 0, {"layer 1 (zero_padding2d)", "pads no columns"},
       {AVERAGE, zero_padding(0, 0, 0, 255), conv(17, 1, 1, true, false)}},
      {{4, 9, 1}, 0, {"layer 1 (zero_padding2d)", "pads no columns"},
       {FLATTEN, zero_padding(0, 0, 1, 0), conv(3, 1, 1, true, false)}},
      {vector, 0, {"unknown function 7"},
       {activation(OD_ACTIVATIONS, 0), dense(2, false)}},
      {vector, 0, {"alpha is 1"}, {activation(OD_LEAKY_RELU, 1), dense(2, false)}},
      {vector, 0, {"alpha is nan"}, {activation(OD_ELU, NAN), dense(2, false)}},
      {vector, 0, {"alpha is 17"}, {activation(OD_ELU, 17), dense(2, false)}},
      {vector, 0, {"layer 1", "activation"}, {dense(10, false), activation(OD_TANH, 0)}},
      {vector, 0, {"(layer_norm)", "epsilon is 0"},
       {{.kind = OD_LAYER_NORM}, dense(2, false)}},
      {vector, 0, {"layer 0", "units", "0"}, {dense(0, false)}},
      {vector, 0, {"units", "-1"}, {dense(-1, false)}},
      {vector, 0, {"units", "65537"}, {dense(65537, false), dense(2, false)}},
      {vector, 0, {"layer 0", "rate", "1"}, {dropout(1), dense(2, false)}},
      {vector, 0, {"rate", "-0.1"}, {dropout(-0.1), dense(2, false)}},
      {vector, 0, {"rate", "1.5"}, {dropout(1.5), dense(2, false)}},
      {vector, 0, {"rate", "nan"}, {dropout(NAN), dense(2, false)}},
      {vector, 0, {"rate", "inf"}, {dropout(INFINITY), dense(2, false)}},
      {vector, 0, {"layer 0", "momentum", "1"}, {norm_of(1, 1e-3), dense(2, false)}},
      {vector, 0, {"momentum", "-0.5"}, {norm_of(-0.5, 1e-3), dense(2, false)}},
      {vector, 0, {"momentum", "nan"}, {norm_of(NAN, 1e-3), dense(2, false)}},
      {vector, 0, {"layer 0", "epsilon", "0"}, {norm_of(0.9, 0), dense(2, false)}},
      {vector, 0, {"epsilon", "-0.001"}, {norm_of(0.9, -0.001), dense(2, false)}},
      {vector, 0, {"epsilon", "nan"}, {norm_of(0.9, NAN), dense(2, false)}},
      {vector, 0, {"epsilon", "inf"}, {norm_of(0.9, INFINITY), dense(2, false)}},
      {vector, 0, {"layer 0", "unknown"}, {{.kind = (od_layer_kind)99}, dense(2, false)}},
      {vector, 0, {"layer 0", "unknown"}, {{.kind = (od_layer_kind)-1}, dense(2, false)}},
      /* the end of the list */
      {vector, 0, {"layer 0", "(1, 1, 1)", "scores"}, {dense(1, false)}},
      {image, 0, {"layer 0", "(28, 28, 1)", "scores"}, {conv(1, 3, 1, true, false)}},
      {image, 0, {"layer 0", "(28, 28, 256)", "255"}, {conv(256, 3, 1, true, false)}},
      {image, 0, {"layer 0", "relu"}, {conv(10, 3, 1, true, true)}},
      {image, 0, {"layer 0", "(14, 14, 1)"}, {POOL}},
      {image, 0, {"layer 0", "784"}, {FLATTEN}},
      {vector, 0, {"layer 0", "257"}, {dense(257, false)}},
      {vector, 0, {"layer 0", "relu"}, {dense(10, true)}},
      {vector, 0, {"layer 1", "relu"}, {dense(10, false), RELU}},
      {vector, 0, {"layer 1", "dropout"}, {dense(10, false), dropout(0.5)}},
      {{1, 1, 3}, 0, {"layer 0", "relu"}, {conv(4, 1, 1, true, true)}},
      /* ReLU or dropout of the scores before a flatten */
      {vector, 0, {"relu"}, {dense(10, true), FLATTEN}},
      {vector, 0, {"relu"}, {dense(10, false), RELU, FLATTEN}},
      {vector, 0, {"dropout"}, {dense(10, false), dropout(0.5), FLATTEN}},
      /* counts and input shapes */
      {image, -1, {"layers", "0"}, {FLATTEN}},
      {image, -2, {"layers", "-1"}, {FLATTEN}},
      {{0, 28, 1}, 0, {"input_shape", "(0, 28, 1)"}, {FLATTEN, dense(2, false)}},
      {{28, 0, 1}, 0, {"input_shape"}, {FLATTEN, dense(2, false)}},
      {{28, 28, 0}, 0, {"input_shape"}, {FLATTEN, dense(2, false)}},
      {{-28, -28, 1}, 0, {"input_shape"}, {FLATTEN, dense(2, false)}},
      {{INT_MAX, INT_MAX, INT_MAX}, 0, {"input_shape"}, {FLATTEN, dense(2, false)}},
      {{INT_MIN, 1, 1}, 0, {"input_shape"}, {FLATTEN, dense(2, false)}},
      /* too large */
      {{1024, 1024, 1}, 0, {"layer 0", "large"}, {with_filters(65536), AVERAGE}},
      {{8, 8, 1}, 0, {"layer 0", "padding, 248 x 248 of 65536 channels", "268435456"},
       {dilated(conv(65536, 16, 1, true, false), 16), AVERAGE}},
      {{1024, 1024, 1024}, 0, {"input_shape"}, {FLATTEN, dense(2, false)}},
      {{1, 1, 1024}, 0, {"dense_1.bias"},
       {dense(65536, false), dense(65536, false), dense(2, false)}},
  };
  /* clang-format on */
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    int count = 0;
    while (count < 5 && memcmp(&all[i].layers[count], &(od_layer){0}, sizeof(od_layer))) count++;
    CHECK_CASE("refusal %zu (%s)", i, all[i].parts[0]);
    check_refused(&all[i], all[i].count < 0 ? all[i].count + 1 : count);
  }
}

/* Rows may be padded before time steps. */
static void test_padding_of_rows(void) {
  const od_layer layers[] = {zero_padding(1, 2, 0, 0), conv(4, 3, 1, false, true), SEQUENCE,
                             conv(3, 1, 1, true, false)};
  od_network *network;
  od_error error = {{0}};
  if (!CHECK_INT(od_network_create((od_shape){4, 9, 1}, layers, 4, &network, &error), OD_OK))
    return;
  CHECK_INT(od_network_sequence_length(network), 7);
  od_network_destroy(network);
}

/* The plan of a smaller image has one pixel after a global pool, too. */
static void test_global_pools_of_smaller_images(void) {
  for (int max = 0; max < 2; max++) {
    const od_layer layers[] = {plain(max ? OD_GLOBAL_MAX_POOL2D : OD_GLOBAL_AVERAGE_POOL2D),
                               dense(3, false)};
    od_network *network;
    od_plan plan;
    od_error error = {{0}};
    CHECK_CASE("maximum %d", max);
    CHECK_INT(od_network_create((od_shape){9, 8, 2}, layers, 2, &network, &error), OD_OK);
    CHECK_INT(od_plan_make(network, true, OD_FLOAT32, -1, &plan, &error), OD_OK);
    const od_shape out = od_plan_output_at(&plan, 4, 5);
    CHECK(out.h == 1 && out.w == 1 && out.c == 3);
    od_plan_release(&plan);
    od_network_destroy(network);
  }
}

static void test_counts_weights(void) {
  const od_layer layers[] = {conv(4, 3, 1, true, true), norm_of(0.9, 1e-3), FLATTEN,
                             dense(10, false)};
  size_t weights;
  od_error error;
  CHECK_INT(od_network_count_weights((od_shape){28, 28, 1}, layers, 4, &weights, &error), OD_OK);
  CHECK(weights == 4 * 9 + 4 + 4 * 4 + 28 * 28 * 4 * 10 + 10);
}

static void test_too_many_layers(void) {
  static od_layer many[OD_MAX_LAYERS + 1];
  for (int i = 0; i <= OD_MAX_LAYERS; i++) many[i] = RELU;
  many[OD_MAX_LAYERS - 1] = many[OD_MAX_LAYERS] = dense(2, false);
  od_network *network;
  od_error error = {{0}};
  CHECK_INT(od_network_create((od_shape){1, 1, 3}, many, OD_MAX_LAYERS + 1, &network, &error),
            OD_ERROR_ARGUMENT);
  CHECK_CONTAINS(error.message, "257");
  CHECK_INT(od_network_create((od_shape){1, 1, 3}, many, INT_MAX, &network, &error),
            OD_ERROR_ARGUMENT);
  if (CHECK_INT(od_network_create((od_shape){1, 1, 3}, many, OD_MAX_LAYERS, &network, &error),
                OD_OK))
    od_network_destroy(network);
}

/* A batch that would take too much memory fails before any is allocated. */
static void test_too_large_batches(void) {
  const od_layer layers[] = {conv(64, 3, 1, true, true), AVERAGE, dense(10, false)};
  od_network *network;
  od_gradient *gradient = (od_gradient *)&gradient;
  od_error error = {{0}};
  if (!CHECK_INT(od_network_create((od_shape){256, 256, 1}, layers, 3, &network, &error), OD_OK))
    return;
  CHECK_INT(od_gradient_create(network, last_table(), OD_FLOAT32, 65536, 1, &gradient, &error),
            OD_ERROR_ARGUMENT);
  CHECK(gradient == NULL);
  CHECK_CONTAINS(error.message, "batch_size");
  CHECK_CONTAINS(error.message, "65536");
  if (CHECK_INT(od_gradient_create(network, last_table(), OD_FLOAT32, 1, 1, &gradient, &error),
                OD_OK))
    od_gradient_destroy(gradient);
  od_network_destroy(network);
}

/* Output shapes of convolutions against their definition. */
static void test_output_shapes(void) {
  for (int kernel = 1; kernel <= 8; kernel++)
    for (int stride = 1; stride <= 4; stride++)
      for (int same = 0; same < 2; same++)
        for (int size = 1; size <= 12; size++) {
          od_layer layer = conv(4, kernel, stride, same, false);
          od_shape out = {0, 0, 0};
          od_error error;
          CHECK_CASE("kernel %d, stride %d, same %d, size %d", kernel, stride, same, size);
          od_status status = od_layer_output(&layer, 0, (od_shape){size, 13, 3}, &out, &error);
          if (!same && size < kernel) {
            CHECK_INT(status, OD_ERROR_ARGUMENT);
            continue;
          }
          int expected =
              0; /* places of the kernel inside the image, or with "same" its first tap */
          for (int at = 0; at < size; at += stride) expected += same || at + kernel <= size;
          CHECK_INT(status, OD_OK);
          CHECK_INT(out.h, expected);
          CHECK_INT(out.c, 4);
          layer = windows(stride % 2 ? OD_MAX_POOL2D : OD_AVERAGE_POOL2D, kernel, stride, same);
          CHECK_INT(od_layer_output(&layer, 0, (od_shape){size, 13, 3}, &out, &error), OD_OK);
          CHECK_INT(out.h, expected);
          CHECK_INT(out.c, 3);
        }
}

/* -- names and numbers -- */

static void test_tensors_of_the_seed_network(void) {
  const od_layer layers[] = {conv(32, 3, 1, true, true),
                             POOL,
                             conv(32, 3, 1, true, true),
                             POOL,
                             FLATTEN,
                             dense(64, true),
                             dense(10, false)};
  const char *names[] = {"conv2d_1.kernel", "conv2d_1.bias", "conv2d_2.kernel", "conv2d_2.bias",
                         "dense_1.kernel",  "dense_1.bias",  "dense_2.kernel",  "dense_2.bias"};
  const size_t sizes[] = {288, 32, 9216, 32, 1568 * 64, 64, 640, 10};
  od_network *network;
  od_error error = {{0}};
  if (!CHECK_INT(od_network_create((od_shape){28, 28, 1}, layers, 7, &network, &error), OD_OK))
    return;
  CHECK_INT(od_network_trainable_size(network), 110634);
  CHECK_INT(od_network_total_size(network), 110634);
  CHECK_INT(od_network_classes(network), 10);
  CHECK_INT(od_network_tensor_count(network), 8);
  size_t at = 0;
  for (int t = 0; t < 8; t++) {
    const od_tensor *tensor = od_network_tensor(network, t);
    CHECK_CONTAINS(tensor->name, names[t]);
    CHECK_INT(tensor->size, sizes[t]);
    CHECK(tensor->data == od_network_values(network) + at);
    CHECK(tensor->trainable);
    CHECK_INT(tensor->decays, t % 2 == 0);
    at += tensor->size;
  }
  for (size_t i = 0; i < 110634; i++)
    if (od_network_values(network)[i] != 0) CHECK(od_network_values(network)[i] == 0);
  od_network_destroy(network);
}

static void test_tensor_layout(void) {
  sample what;
  for (int index = 0; sample_network(index, &what); index++) {
    od_network *network = sample_create(&what, 1);
    size_t at = 0, trainable = 0;
    bool moving = false;
    CHECK_CASE("%s", what.name);
    for (int t = 0; t < od_network_tensor_count(network); t++) {
      const od_tensor *tensor = od_network_tensor(network, t);
      size_t product = 1;
      for (int i = 0; i < tensor->rank; i++) product *= (size_t)tensor->shape[i];
      CHECK_INT(tensor->size, product);
      CHECK(tensor->data == od_network_values(network) + at);
      CHECK(!(moving && tensor->trainable)); /* trainable ones first */
      CHECK_INT(tensor->decays, strstr(tensor->name, ".kernel") != NULL);
      CHECK_INT(!tensor->trainable, strstr(tensor->name, ".moving_") != NULL);
      moving = moving || !tensor->trainable;
      at += tensor->size;
      if (tensor->trainable) trainable = at;
    }
    CHECK_INT(od_network_total_size(network), at);
    CHECK_INT(od_network_trainable_size(network), trainable);
    od_network_destroy(network);
  }
}

/* od_network_find finds each tensor by its role, which is the end of its name, and no other. */
static void test_find(void) {
  static const char *const ends[OD_ROLES] = {".kernel", ".bias",        ".gamma",
                                             ".beta",   ".moving_mean", ".moving_variance"};
  sample what;
  for (int index = 0; sample_network(index, &what); index++) {
    od_network *network = sample_create(&what, 1);
    int found = 0;
    CHECK_CASE("%s", what.name);
    for (int layer = 0; layer < od_network_layer_count(network); layer++)
      for (int role = 0; role < OD_ROLES; role++) {
        const od_tensor *tensor = od_network_find(network, layer, (od_role)role);
        if (!tensor) continue;
        found++;
        CHECK_INT(tensor->layer, layer);
        CHECK_INT(tensor->role, role);
        CHECK_INT(strcmp(strchr(tensor->name, '.'), ends[role]), 0);
      }
    CHECK_INT(found, od_network_tensor_count(network));
    od_network_destroy(network);
  }
}

/* The limit, mean and variance of Glorot's distribution; biases are 0, batch norms the identity;
 * seeds give different numbers. */
static void test_initialize(void) {
  const od_layer layers[] = {conv(40, 5, 1, true, true), batch_norm(0.9), FLATTEN, dense(30, true),
                             dense(10, false)};
  od_network *network, *other;
  od_error error = {{0}};
  od_shape input = {9, 9, 3};
  if (!CHECK_INT(od_network_create(input, layers, 5, &network, &error), OD_OK) ||
      !CHECK_INT(od_network_create(input, layers, 5, &other, &error), OD_OK))
    return;
  randomize(network, 1); /* initialize overwrites every number */
  od_network_initialize(network, 7);
  for (int t = 0; t < od_network_tensor_count(network); t++) {
    const od_tensor *tensor = od_network_tensor(network, t);
    CHECK_CASE("%s", tensor->name);
    double expected = strstr(tensor->name, "gamma") || strstr(tensor->name, "variance");
    if (tensor->rank == 1) {
      bool all = true;
      for (size_t i = 0; i < tensor->size; i++) all = all && (double)tensor->data[i] == expected;
      CHECK(all);
      continue;
    }
    double in = tensor->shape[tensor->rank - 2], out = tensor->shape[tensor->rank - 1];
    double window = (double)tensor->size / (in * out), limit = sqrt(6 / (window * (in + out)));
    double sum = 0, square = 0, max = 0, n = (double)tensor->size;
    for (size_t i = 0; i < tensor->size; i++) {
      double x = (double)tensor->data[i] / limit;
      sum += x;
      square += x * x;
      max = fmax(max, fabs(x));
    }
    CHECK(max <= 1 + ROUNDING && max > 1 - 20 / n);
    CHECK_NEAR(sum / n, 0, 5 * sqrt(1 / (3 * n)));
    CHECK_NEAR(square / n, 1.0 / 3, 5 * sqrt(4 / (45 * n)));
  }
  size_t bytes = od_network_total_size(network) * sizeof(od_real);
  od_network_initialize(other, 7);
  CHECK(memcmp(od_network_values(network), od_network_values(other), bytes) == 0);
  od_network_initialize(other, 8);
  CHECK(memcmp(od_network_values(network), od_network_values(other), bytes) != 0);
  od_network_destroy(network);
  od_network_destroy(other);
}

/* -- inference -- */

static runner make_inference(const od_network *network, const od_kernels *kernels, int threads) {
  runner inference;
  od_error error = {{0}};
  if (!CHECK_INT(runner_create(network, kernels, OD_FLOAT32, threads, &inference, &error), OD_OK)) {
    printf("%s\n", error.message);
    exit(EXIT_FAILURE);
  }
  return inference;
}

static od_images images_of(const sample_data *data) {
  return (od_images){
      .floats = data->pixels, .count = (size_t)data->count, .size = data->size, .scale = 1};
}

/* Scores and probabilities of every sample, with folded batch norms and fused layers. */
static void test_inference_against_definitions(void) {
  sample what;
  for (int t = 0; table(t); t++)
    for (int index = 0; sample_network(index, &what); index++)
      for (int n = 1; n <= 17; n += 8) {
        od_network *network = sample_create(&what, (uint64_t)index);
        int classes = od_network_classes(network);
        sample_data data = data_create(what.input, classes, n, (uint64_t)index);
        runner inference = make_inference(network, table(t), 1);
        od_images images = images_of(&data);
        size_t size = (size_t)(n * classes);
        double *want = malloc(size * sizeof *want), largest = 1;
        od_real *scores = od_allocate(size, sizeof *scores);
        CHECK_CASE("%s: %s, %d images", table(t)->name, what.name, n);
        reference_scores(network, false, n, data.pixels, want);
        for (size_t i = 0; i < size; i++) largest = fmax(largest, fabs(want[i]));
        runner_run(&inference, NULL, &images, false, scores);
        double worst = 0;
        for (size_t i = 0; i < size; i++)
          worst = fmax(worst, fabs((double)scores[i] - want[i]) / largest);
        CHECK_NEAR(worst, 0, 200 * ROUNDING);
        runner_run(&inference, NULL, &images, true, scores);
        for (int k = 0; k < n; k++) reference_softmax(classes, want + k * classes);
        worst = 0;
        for (size_t i = 0; i < size; i++)
          worst = fmax(worst, fabs((double)scores[i] - want[i]) / largest);
        CHECK_NEAR(worst, 0, 200 * ROUNDING);
        free(want);
        od_release(scores);
        runner_destroy(&inference);
        data_destroy(&data);
        od_network_destroy(network);
      }
}

/* With momentum 0 the moving statistics after a step are the batch's: then inference, which folds
 * them, agrees with the training pass. */
static void test_inference_agrees_with_training(void) {
  sample what;
  for (int t = 0; table(t); t++)
    for (int index = 0; sample_network(index, &what); index++) {
      for (int i = 0; i < sample_count(&what); i++) {
        if (what.layers[i].kind == OD_BATCH_NORM) what.layers[i].momentum = 0;
        if (what.layers[i].kind == OD_DROPOUT) what.layers[i].rate = 0;
      }
      od_network *network = sample_create(&what, (uint64_t)index);
      int classes = od_network_classes(network), n = what.batch;
      sample_data data = data_create(what.input, classes, n, (uint64_t)index);
      od_gradient *gradient;
      od_error error = {{0}};
      if (!CHECK_INT(od_gradient_create(network, table(t), OD_FLOAT32, n, 1, &gradient, &error),
                     OD_OK))
        return;
      od_real *values = od_allocate(od_network_trainable_size(network), sizeof *values);
      od_batch batch = {.source = data_source, .context = &data, .labels = data.labels, .count = n};
      od_loss loss = loss_and_gradient(gradient, NULL, &batch, what.smoothing, values);
      od_gradient_update_statistics(gradient);
      runner inference = make_inference(network, table(t), 1);
      od_images images = images_of(&data);
      od_real *scores = od_allocate((size_t)(n * classes), sizeof *scores);
      runner_run(&inference, NULL, &images, false, scores);
      double *wide = malloc((size_t)(n * classes) * sizeof *wide);
      for (int i = 0; i < n * classes; i++) wide[i] = (double)scores[i];
      CHECK_CASE("%s: %s", table(t)->name, what.name);
      CHECK_NEAR(loss.loss, reference_loss(classes, n, wide, data.labels, what.smoothing),
                 5000 * ROUNDING);
      free(wide);
      od_release(values);
      od_release(scores);
      runner_destroy(&inference);
      od_gradient_destroy(gradient);
      data_destroy(&data);
      od_network_destroy(network);
    }
}

/* The bits are the same for batches of any size and any number of threads. */
static void test_inference_determinism(void) {
  sample what;
  enum { IMAGES = 19 };
  for (int index = 0; sample_network(index, &what); index++) {
    od_network *network = sample_create(&what, (uint64_t)index);
    size_t classes = (size_t)od_network_classes(network), size = IMAGES * classes;
    sample_data data = data_create(what.input, (int)classes, IMAGES, 5);
    od_images images = images_of(&data);
    od_real *want = od_allocate(size, sizeof *want), *got = od_allocate(size, sizeof *got);
    runner inference = make_inference(network, last_table(), 3);
    runner_run(&inference, NULL, &images, true, want);
    for (int threads = 1; threads <= 4; threads++) { /* 4: more than it was created for */
      od_thread_pool *pool;
      od_error error;
      if (!CHECK_INT(od_thread_pool_create(threads, &pool, &error), OD_OK)) return;
      CHECK_CASE("%s: %s, %d threads", last_table()->name, what.name, threads);
      memset(got, 0, size * sizeof *got);
      runner_run(&inference, pool, &images, true, got);
      CHECK(memcmp(got, want, size * sizeof *got) == 0);
      od_thread_pool_destroy(pool);
    }
    CHECK_CASE("%s: %s, one by one", last_table()->name, what.name);
    images.count = 1;
    for (size_t i = 0; i < IMAGES; i++) {
      images.floats = data.pixels + i * data.size;
      runner_run(&inference, NULL, &images, true, got + i * classes);
    }
    CHECK(memcmp(got, want, size * sizeof *got) == 0);
    images.count = 0; /* an empty batch writes nothing */
    od_real mark = got[0];
    runner_run(&inference, NULL, &images, true, got);
    CHECK(got[0] == mark);
    runner_destroy(&inference);
    od_release(want);
    od_release(got);
    data_destroy(&data);
    od_network_destroy(network);
  }
}

static void test_model_is_immutable(void) {
  sample what;
  for (int index = 0; sample_network(index, &what); index++) {
    od_network *network = sample_create(&what, 1);
    if (od_network_total_size(network) == 0) { /* nothing to change */
      od_network_destroy(network);
      continue;
    }
    size_t classes = (size_t)od_network_classes(network);
    sample_data data = data_create(what.input, (int)classes, 3, 5);
    od_images images = images_of(&data);
    od_real *before = od_allocate(3 * classes, sizeof *before);
    od_real *after = od_allocate(3 * classes, sizeof *after);
    od_real *fresh = od_allocate(3 * classes, sizeof *fresh);
    runner inference = make_inference(network, &od_kernels_scalar, 1);
    runner_run(&inference, NULL, &images, false, before);
    randomize(network, 2);
    runner_run(&inference, NULL, &images, false, after);
    CHECK_CASE("%s", what.name);
    CHECK(memcmp(before, after, 3 * classes * sizeof *after) == 0); /* a model is immutable */
    runner other = make_inference(network, &od_kernels_scalar, 1);
    od_network_destroy(network); /* a model does not need it */
    runner_run(&other, NULL, &images, false, fresh);
    CHECK(memcmp(before, fresh, 3 * classes * sizeof *fresh) != 0);
    runner_run(&inference, NULL, &images, false, after);
    CHECK(memcmp(before, after, 3 * classes * sizeof *after) == 0);
    runner_destroy(&inference);
    runner_destroy(&other);
    od_release(before);
    od_release(after);
    od_release(fresh);
    data_destroy(&data);
  }
}

/* Bytes and floats of the same values load as the same numbers. */
static void test_images_of_bytes(void) {
  enum { SIZE = 45, IMAGES = 11 };
  uint8_t bytes[IMAGES * SIZE];
  float floats[IMAGES * SIZE];
  od_real from_bytes[SIZE], from_floats[SIZE];
  od_rng rng;
  od_rng_seed(&rng, 1, 1);
  for (int i = 0; i < IMAGES * SIZE; i++) {
    bytes[i] = (uint8_t)od_rng_below(&rng, 256);
    floats[i] = (float)bytes[i];
  }
  for (int t = 0; table(t); t++)
    for (size_t k = 0; k < IMAGES; k++) {
      od_images a = {.bytes = bytes, .count = IMAGES, .size = SIZE, .scale = 1.0 / 255};
      od_images b = {.floats = floats, .count = IMAGES, .size = SIZE, .scale = 1.0 / 255};
      od_images_load(&a, table(t), k, from_bytes);
      od_images_load(&b, table(t), k, from_floats);
      bool equal = true;
      for (size_t i = 0; i < SIZE; i++)
        equal = equal && fabs((double)from_bytes[i] - bytes[k * SIZE + i] / 255.0) <= 2 * ROUNDING;
      CHECK(equal);
      CHECK(memcmp(from_bytes, from_floats, sizeof from_bytes) == 0);
    }
}

/* Softmax of scores far apart does not overflow. */
static void test_extreme_scores(void) {
  const od_layer layers[] = {FLATTEN};
  const float scores[][3] = {
      {1e30f, -1e30f, 0}, {-1e30f, -1e30f, -1e30f}, {88, 89, 3e38f}, {-200, -100, -300}, {0, 0, 0}};
  od_network *network;
  od_error error;
  if (!CHECK_INT(od_network_create((od_shape){1, 1, 3}, layers, 1, &network, &error), OD_OK))
    return;
  runner inference = make_inference(network, &od_kernels_scalar, 1);
  for (int k = 0; k < 5; k++) {
    od_images images = {.floats = scores[k], .count = 1, .size = 3, .scale = 1};
    od_real p[3];
    double want[3], sum = 0;
    for (int i = 0; i < 3; i++) want[i] = (double)scores[k][i];
    reference_softmax(3, want);
    runner_run(&inference, NULL, &images, true, p);
    for (int i = 0; i < 3; i++) {
      CHECK_NEAR(p[i], want[i], 4 * ROUNDING);
      sum += (double)p[i];
    }
    CHECK_NEAR(sum, 1, 4 * ROUNDING);
  }
  runner_destroy(&inference);
  od_network_destroy(network);
}

int main(void) {
  RUN(test_refusals);
  RUN(test_flatten_of_a_large_shape);
  RUN(test_padding_of_rows);
  RUN(test_global_pools_of_smaller_images);
  RUN(test_counts_weights);
  RUN(test_too_many_layers);
  RUN(test_too_large_batches);
  RUN(test_output_shapes);
  RUN(test_tensors_of_the_seed_network);
  RUN(test_tensor_layout);
  RUN(test_find);
  RUN(test_initialize);
  RUN(test_inference_against_definitions);
  RUN(test_inference_agrees_with_training);
  RUN(test_inference_determinism);
  RUN(test_model_is_immutable);
  RUN(test_images_of_bytes);
  RUN(test_extreme_scores);
  return check_end();
}
