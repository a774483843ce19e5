/* An example of the C API, which includes ocrdigit.h alone: creates a network with random weights
 * and classifies an image with it. Prints nothing; the exit status is 0 on success. */
#include "ocrdigit.h"

#include <stdio.h>
#include <stdlib.h>

/* A small convolutional network for digits. */
static od_status create_model(const od_kernels *kernels, od_model **model, od_error *error) {
  const od_layer layers[] = {{.kind = OD_CONV2D,
                              .units = 8,
                              .kernel = {3, 3},
                              .stride = 1,
                              .dilation = 1,
                              .groups = 1,
                              .same = true,
                              .relu = true},
                             {.kind = OD_MAX_POOL2D, .pool = {2, 2}, .step = {2, 2}},
                             {.kind = OD_FLATTEN},
                             {.kind = OD_DENSE, .units = OD_DIGITS, .bias = true}};
  const od_shape input = {OD_DIGIT_SIDE, OD_DIGIT_SIDE, 1};
  const int count = (int)(sizeof layers / sizeof *layers);
  od_network *network;
  od_status status = od_network_create(input, layers, count, &network, error);
  if (status) return status;
  od_network_initialize(network, 1);
  status = od_model_create(network, kernels, OD_FLOAT32, model, error);
  od_network_destroy(network); /* the model has a copy of the weights */
  return status;
}

/* Classifies one image of white-on-black pixels, 0 to 1. */
static od_status classify(const float *pixels, int64_t *digit, double *confidence,
                          od_error *error) {
  const od_kernels *kernels;
  od_model *model = NULL;
  od_workspace *workspace = NULL;
  od_status status = od_kernels_select(NULL, &kernels, error);
  if (!status) status = create_model(kernels, &model, error);
  if (!status) status = od_workspace_create(model, 1, &workspace, error);
  if (!status) {
    const od_classifier classifier = {.model = model, .temperature = 1};
    const od_images images = {
        .floats = pixels, .count = 1, .size = OD_DIGIT_SIDE * OD_DIGIT_SIDE, .scale = 1};
    const od_classification result = {.digits = digit, .confidences = confidence};
    od_classify(&classifier, workspace, NULL, &images, &result);
  }
  od_workspace_destroy(workspace);
  od_model_destroy(model);
  return status;
}

int main(void) {
  float pixels[OD_DIGIT_SIDE * OD_DIGIT_SIDE] = {0};
  for (int y = 5; y < 23; y++) pixels[y * OD_DIGIT_SIDE + 14] = 1; /* a vertical stroke */
  int64_t digit = -1;
  double confidence = 0;
  od_error error;
  if (classify(pixels, &digit, &confidence, &error)) {
    fprintf(stderr, "%s\n", error.message);
    return EXIT_FAILURE;
  }
  const bool valid = digit >= 0 && digit < OD_DIGITS && confidence > 0 && confidence <= 1;
  return valid ? EXIT_SUCCESS : EXIT_FAILURE;
}
