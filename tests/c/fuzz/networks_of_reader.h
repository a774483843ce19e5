/* The small networks of a reader, made once: their weights are random. */
#ifndef FUZZ_NETWORKS_OF_READER_H
#define FUZZ_NETWORKS_OF_READER_H

#include "fuzz/input.h"
#include "networks.h"
#include "page/detector.h"
#include "page/read.h"

typedef struct reader_networks {
  runner recognizer, classifier, detector;
  od_classifier of_classifier;
} reader_networks;

static inline runner make_runner(const od_kernels *kernels, od_shape shape, int count,
                                 const od_layer *layers) {
  od_network *network;
  runner made;
  require(!od_network_create(shape, layers, count, &network, NULL));
  randomize(network, 3);
  require(!runner_create(network, kernels, OD_FLOAT32, 2, &made, NULL));
  od_network_destroy(network);
  return made;
}

static inline runner make_classifier(const od_kernels *kernels, int classes) {
  const od_layer layers[] = {POOL, conv(2, 3, 1, true, true), POOL, FLATTEN, dense(classes, false)};
  return make_runner(kernels, (od_shape){OD_DIGIT_SIDE, OD_DIGIT_SIDE, 1}, 5, layers);
}

/* Finds digits everywhere. */
static inline runner make_recognizer(const od_kernels *kernels) {
  const od_layer layers[] = {conv(2, 3, 2, true, true), POOL, SEQUENCE,
                             conv(OD_CTC_CLASSES, 1, 1, true, false)};
  return make_runner(kernels, (od_shape){OD_LINE_HEIGHT, OD_LINE_MAX_WIDTH, 1}, 4, layers);
}

static inline runner make_detector(const od_kernels *kernels) {
  const od_layer layers[] = {conv(3, 3, 2, true, true), POOL,
                             conv(OD_PIXEL_CLASSES, 3, 1, true, false)};
  return make_runner(kernels, (od_shape){64, 64, 1}, 3, layers);
}

/* Of the scalar kernels and of the fastest ones. */
static inline const reader_networks *networks_of(const od_kernels *kernels, int classes) {
  static reader_networks made[2][2];
  const bool fast = kernels != table(0);
  reader_networks *networks = &made[fast][classes - OD_DIGITS];
  if (networks->recognizer.model) return networks;
  kernels = fast ? last_table() : kernels;
  networks->recognizer = make_recognizer(kernels);
  networks->classifier = make_classifier(kernels, classes);
  networks->detector = make_detector(kernels);
  networks->of_classifier = (od_classifier){.model = networks->classifier.model, .temperature = 1};
  require(od_is_detector(networks->detector.model));
  return networks;
}

#endif
