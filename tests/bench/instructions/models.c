#include "models.h"

#include "page/class_map.h"
#include "page/ctc_decoding.h"
#include "paths.h"

static od_network *create(od_shape input, const od_layer *layers, int count) {
  od_network *network;
  od_error error;
  require(od_network_create(input, layers, count, &network, &error), &error);
  randomize(network, 3);
  return network;
}

#define CREATE(INPUT, LAYERS) create(INPUT, LAYERS, (int)(sizeof LAYERS / sizeof *LAYERS))

static const od_shape digit_image = {OD_DIGIT_SIDE, OD_DIGIT_SIDE, 1};

/* A convolution without bias, with a batch norm and a ReLU. */
#define NORMED(CONVOLUTION) without_bias(CONVOLUTION), batch_norm(0.99), RELU

od_network *seed_network(void) {
  const od_layer layers[] = {
      conv(32, 3, 1, true, true), POOL, conv(32, 3, 1, true, true), POOL, FLATTEN, dense(64, true),
      dense(OD_DIGITS, false)};
  return CREATE(digit_image, layers);
}

od_network *default_network(void) {
  const od_layer layers[] = {conv(16, 3, 1, false, true),
                             POOL,
                             batch_norm(0.99), /**/
                             conv(32, 3, 1, false, true),
                             batch_norm(0.99), /**/
                             conv(64, 3, 1, false, true),
                             POOL,
                             batch_norm(0.99), /**/
                             conv(64, 3, 1, true, true),
                             batch_norm(0.99), /**/
                             conv(80, 3, 1, true, true),
                             POOL,
                             batch_norm(0.99), /**/
                             FLATTEN,
                             dense(128, true),
                             dense(OD_DIGITS + 1, false)};
  return CREATE(digit_image, layers);
}

/* Adds to one bias of the last layer. */
static void raise_bias(od_network *network, int class_index, float value) {
  const int last = od_network_layer_count(network) - 1;
  od_network_find(network, last, OD_BIAS)->data[class_index] += value;
}

od_network *recognizer_network(void) {
  const od_layer layers[] = {conv(16, 3, 1, true, true),
                             POOL,
                             conv(48, 3, 1, true, true),
                             POOL,
                             NORMED(conv(96, 3, 1, true, false)),
                             pool(2, 1),
                             NORMED(conv(96, 3, 1, true, false)),
                             NORMED(conv(96, 3, 1, true, false)),
                             pool(2, 1),
                             SEQUENCE,
                             NORMED(rectangular(conv(160, 3, 1, true, false), 1, 3)),
                             dropout(0.1),
                             NORMED(rectangular(conv(128, 3, 1, true, false), 1, 3)),
                             NORMED(rectangular(conv(128, 3, 1, true, false), 1, 3)),
                             NORMED(rectangular(conv(128, 3, 1, true, false), 1, 3)),
                             NORMED(rectangular(conv(128, 3, 1, true, false), 1, 3)),
                             conv(OD_CTC_CLASSES, 1, 1, true, false)};
  od_network *network = CREATE(((od_shape){OD_LINE_HEIGHT, OD_LINE_MAX_WIDTH, 1}), layers);
  raise_bias(network, OD_CTC_BLANK, 1);
  return network;
}

od_network *detector_network(void) {
  const od_layer layers[] = {NORMED(conv(16, 3, 2, true, false)),
                             NORMED(conv(32, 3, 2, true, false)),
                             NORMED(conv(32, 3, 1, true, false)),
                             NORMED(dilated(conv(32, 3, 1, true, false), 2)),
                             NORMED(dilated(conv(32, 3, 1, true, false), 4)),
                             NORMED(dilated(conv(32, 3, 1, true, false), 8)),
                             NORMED(dilated(conv(32, 3, 1, true, false), 4)),
                             NORMED(conv(32, 3, 1, true, false)),
                             conv(OD_PIXEL_CLASSES, 1, 1, true, false)};
  od_network *network = CREATE(((od_shape){64, 64, 1}), layers);
  raise_bias(network, OD_PIXEL_NUMBER, 100);
  return network;
}

runner runner_of(od_network *network, const od_kernels *kernels, od_precision precision) {
  runner result;
  od_error error;
  require(runner_create(network, kernels, precision, 1, &result, &error), &error);
  od_network_destroy(network);
  return result;
}
