/* A reference of networks: the definitions of their layers, one loop an index, in double, to
 * compare the core's plans, products and threads with. */
#ifndef REFERENCE_H
#define REFERENCE_H

#include "networks.h"

/* Returns the numbers of a layer's tensor of this role, or NULL. */
static inline const od_real *reference_tensor(const od_network *network, int layer,
                                              const char *role) {
  char name[64];
  snprintf(name, sizeof name, "%s.%s", od_network_layer_name(network, layer), role);
  for (int t = 0; t < od_network_tensor_count(network); t++)
    if (strcmp(od_network_tensor(network, t)->name, name) == 0)
      return od_network_tensor(network, t)->data;
  return NULL;
}

/* A layer with its shapes and numbers. */
typedef struct reference_layer {
  const od_layer *layer;
  od_shape in, out;
  const od_real *kernel, *bias;
  const od_real *gamma, *beta, *moving_mean, *moving_variance;
} reference_layer;

/* "same" padding before the image, as TensorFlow defines it. */
static inline int reference_padding(const od_layer *layer, int side, int in, int out) {
  int extent = (layer->kernel[side] - 1) * layer->dilation + 1;
  int total = (out - 1) * layer->stride + extent - in;
  return layer->same && total > 0 ? total / 2 : 0;
}

/* The same for pools. */
static inline int reference_pool_padding(const od_layer *layer, int side, int in, int out) {
  int total = (out - 1) * layer->step[side] + layer->pool[side] - in;
  return layer->same && total > 0 ? total / 2 : 0;
}

static inline double reference_convolution(const reference_layer *l, const double *x, int row,
                                           int column, int filter) {
  int rows = l->layer->kernel[0], columns = l->layer->kernel[1];
  int top = row * l->layer->stride - reference_padding(l->layer, 0, l->in.h, l->out.h);
  int left = column * l->layer->stride - reference_padding(l->layer, 1, l->in.w, l->out.w);
  int depth = l->in.c / l->layer->groups; /* of a filter */
  int first = filter / (l->out.c / l->layer->groups) * depth;
  double sum = l->bias ? (double)l->bias[filter] : 0;
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++)
      for (int c = 0; c < depth; c++) {
        int y = top + i * l->layer->dilation, z = left + j * l->layer->dilation;
        if (y < 0 || y >= l->in.h || z < 0 || z >= l->in.w) continue;
        sum += x[(y * l->in.w + z) * l->in.c + first + c] *
               (double)l->kernel[((i * columns + j) * depth + c) * l->out.c + filter];
      }
  return l->layer->relu && sum < 0 ? 0 : sum;
}

static inline double reference_dense(const reference_layer *l, const double *x, int unit) {
  double sum = l->bias ? (double)l->bias[unit] : 0;
  for (int i = 0; i < l->in.c; i++) sum += x[i] * (double)l->kernel[i * l->out.c + unit];
  return l->layer->relu && sum < 0 ? 0 : sum;
}

/* Batch norm of all n images, with the batch's own statistics or the moving ones. */
static inline void reference_batch_norm(const reference_layer *l, int n, bool training,
                                        const double *x, double *y) {
  size_t rows = (size_t)n * (size_t)l->out.h * (size_t)l->out.w, channels = (size_t)l->out.c;
  for (size_t c = 0; c < channels; c++) {
    double mean = 0, variance = 0;
    if (training) {
      for (size_t r = 0; r < rows; r++) mean += x[r * channels + c] / (double)rows;
      for (size_t r = 0; r < rows; r++)
        variance += (x[r * channels + c] - mean) * (x[r * channels + c] - mean) / (double)rows;
    } else {
      mean = (double)l->moving_mean[c];
      variance = (double)l->moving_variance[c];
    }
    double scale = (double)l->gamma[c] / sqrt(variance + l->layer->epsilon);
    for (size_t r = 0; r < rows; r++)
      y[r * channels + c] = (x[r * channels + c] - mean) * scale + (double)l->beta[c];
  }
}

/* The maximum or the average of the pixels of a window inside the image. */
static inline double reference_pool(const reference_layer *l, const double *x, int row, int column,
                                    int c) {
  const od_layer *layer = l->layer;
  int top = row * layer->step[0] - reference_pool_padding(layer, 0, l->in.h, l->out.h), n = 0;
  int left = column * layer->step[1] - reference_pool_padding(layer, 1, l->in.w, l->out.w);
  double best = -INFINITY, sum = 0;
  for (int y = top; y < top + layer->pool[0]; y++)
    for (int z = left; z < left + layer->pool[1]; z++) {
      if (y < 0 || y >= l->in.h || z < 0 || z >= l->in.w) continue;
      best = fmax(best, x[(y * l->in.w + z) * l->in.c + c]);
      sum += x[(y * l->in.w + z) * l->in.c + c];
      n++;
    }
  return layer->kind == OD_MAX_POOL2D ? best : sum / n;
}

/* The same of the whole image. */
static inline double reference_global(const reference_layer *l, const double *x, int c) {
  double best = -INFINITY, sum = 0;
  for (int p = 0; p < l->in.h * l->in.w; p++) {
    best = fmax(best, x[p * l->in.c + c]);
    sum += x[p * l->in.c + c];
  }
  return l->layer->kind == OD_GLOBAL_MAX_POOL2D ? best : sum / (l->in.h * l->in.w);
}

static inline double reference_activation(const od_layer *layer, double x) {
  switch (layer->function) {
    case OD_LEAKY_RELU:
      return x < 0 ? layer->alpha * x : x;
    case OD_RELU6:
      return fmin(fmax(x, 0), 6);
    case OD_ELU:
      return x < 0 ? layer->alpha * expm1(x) : x;
    case OD_SELU:
      return 1.0507009873554805 * (x < 0 ? 1.6732632423543772 * expm1(x) : x);
    case OD_SIGMOID:
      return 1 / (1 + exp(-x));
    case OD_TANH:
      return tanh(x);
    case OD_SWISH:
      return x / (1 + exp(-x));
    default:
      return NAN;
  }
}

/* Layer norm of one channel of the pixel at x. */
static inline double reference_layer_norm(const reference_layer *l, const double *x, int c) {
  double mean = 0, variance = 0, n = l->in.c;
  for (int i = 0; i < l->in.c; i++) mean += x[i] / n;
  for (int i = 0; i < l->in.c; i++) variance += (x[i] - mean) * (x[i] - mean) / n;
  return (x[c] - mean) / sqrt(variance + l->layer->epsilon) * (double)l->gamma[c] +
         (double)l->beta[c];
}

static inline double reference_padded(const reference_layer *l, const double *x, int row,
                                      int column, int c) {
  int y = row - l->layer->padding[0], z = column - l->layer->padding[2];
  bool inside = y >= 0 && y < l->in.h && z >= 0 && z < l->in.w;
  return inside ? x[(y * l->in.w + z) * l->in.c + c] : 0;
}

/* One number of one image's output, for the layers that work image by image. */
static inline double reference_value(const reference_layer *l, const double *x, int row, int column,
                                     int c) {
  const int pixel = (row * l->out.w + column) * l->out.c;
  const bool kept = l->out.h * l->out.w * l->out.c == l->in.h * l->in.w * l->in.c;
  double same = kept ? x[pixel + c] : 0; /* for layers that copy or map single numbers */
  switch (l->layer->kind) {
    case OD_CONV2D:
      return reference_convolution(l, x, row, column, c);
    case OD_DENSE:
      return reference_dense(l, x, c);
    case OD_RELU:
      return same > 0 ? same : 0;
    case OD_ACTIVATION:
      return reference_activation(l->layer, same);
    case OD_LAYER_NORM:
      return reference_layer_norm(l, x + pixel, c);
    case OD_ZERO_PADDING2D:
      return reference_padded(l, x, row, column, c);
    case OD_MAX_POOL2D:
    case OD_AVERAGE_POOL2D:
      return reference_pool(l, x, row, column, c);
    case OD_MAP_TO_SEQUENCE:
      return x[(c / l->in.c * l->in.w + column) * l->in.c + c % l->in.c];
    case OD_GLOBAL_AVERAGE_POOL2D:
    case OD_GLOBAL_MAX_POOL2D:
      return reference_global(l, x, c);
    default:
      return same; /* flatten; dropout at inference */
  }
}

/* One image through a layer: x (in) -> y (out). */
static inline void reference_image(const reference_layer *l, const double *x, double *y) {
  for (int row = 0; row < l->out.h; row++)
    for (int column = 0; column < l->out.w; column++)
      for (int c = 0; c < l->out.c; c++) *y++ = reference_value(l, x, row, column, c);
}

/* Returns the maximum size of an image before, between and after the layers. */
static inline size_t reference_widest(const od_network *network) {
  size_t widest = od_shape_size(od_network_input(network));
  for (int i = 0; i < od_network_layer_count(network); i++) {
    size_t size = od_shape_size(od_network_shape_after(network, i));
    widest = size > widest ? size : widest;
  }
  return widest;
}

/* Runs n images through layers begin..end - 1, in place: x has room for the widest. In training
 * batch norms use the batch's own statistics; there is no dropout here. */
static inline void reference_run(const od_network *network, int begin, int end, bool training,
                                 int n, double *x) {
  double *y = calloc((size_t)n * reference_widest(network), sizeof *y);
  for (int i = begin; i < end; i++) {
    const reference_layer l = {
        .layer = od_network_layer(network, i),
        .in = i ? od_network_shape_after(network, i - 1) : od_network_input(network),
        .out = od_network_shape_after(network, i),
        .kernel = reference_tensor(network, i, "kernel"),
        .bias = reference_tensor(network, i, "bias"),
        .gamma = reference_tensor(network, i, "gamma"),
        .beta = reference_tensor(network, i, "beta"),
        .moving_mean = reference_tensor(network, i, "moving_mean"),
        .moving_variance = reference_tensor(network, i, "moving_variance")};
    if (l.layer->kind == OD_BATCH_NORM)
      reference_batch_norm(&l, n, training, x, y);
    else
      for (size_t k = 0; k < (size_t)n; k++)
        reference_image(&l, x + k * od_shape_size(l.in), y + k * od_shape_size(l.out));
    memcpy(x, y, (size_t)n * od_shape_size(l.out) * sizeof *x);
  }
  free(y);
}

/* scores (n, classes) of pixels (n, size). */
static inline void reference_scores(const od_network *network, bool training, int n,
                                    const float *pixels, double *scores) {
  size_t size = od_shape_size(od_network_input(network));
  double *x = calloc((size_t)n * reference_widest(network), sizeof *x);
  for (size_t i = 0; i < (size_t)n * size; i++) x[i] = (double)pixels[i];
  reference_run(network, 0, od_network_layer_count(network), training, n, x);
  memcpy(scores, x, (size_t)n * (size_t)od_network_classes(network) * sizeof *scores);
  free(x);
}

/* Softmax of scores (classes), in place. */
static inline void reference_softmax(int classes, double *scores) {
  double largest = scores[0], sum = 0;
  for (int i = 1; i < classes; i++) largest = fmax(largest, scores[i]);
  for (int i = 0; i < classes; i++) sum += scores[i] = exp(scores[i] - largest);
  for (int i = 0; i < classes; i++) scores[i] /= sum;
}

/* Mean cross-entropy with the smoothed target. */
static inline double reference_loss(int classes, int n, const double *scores, const uint8_t *labels,
                                    double smoothing) {
  double loss = 0, *p = malloc((size_t)classes * sizeof *p);
  for (int k = 0; k < n; k++) {
    memcpy(p, scores + (size_t)k * (size_t)classes, (size_t)classes * sizeof *p);
    reference_softmax(classes, p);
    for (int i = 0; i < classes; i++)
      loss -= ((i == labels[k]) * (1 - smoothing) + smoothing / classes) * log(p[i]) / n;
  }
  free(p);
  return loss;
}

#endif
