"""The C functions of exported networks, by the type of the layer that calls them."""

from __future__ import annotations

DOT = """\
static float dot(int n, const float *a, const float *b) {
  float sum = 0;
  for (int i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}
"""

CONV2D_LAYER = """\
/* A convolution, its ReLU, and the max-pool after it (1 x 1 if there is none). */
typedef struct {
  int h, w, c;                /* of the input */
  int rows, columns, filters; /* of the output */
  int kernel_h, kernel_w, stride_h, stride_w, dilation;
  int top, left;              /* the padding */
  int pool_h, pool_w, relu;
  const float *kernel;        /* (filters, kernel_h, kernel_w, c), or of a depthwise convolution
                                 (kernel_h, kernel_w, filters) */
  const float *bias;          /* (filters) */
} conv2d_layer;
"""

CONV2D = """\
/* Return the dot product of a kernel row and the row of the input under it. */
static float kernel_row_at(const conv2d_layer *l, const float *row, const float *kernel, int left) {
  float sum = 0;
  for (int j = 0; j < l->kernel_w; j++) {
    const int x = left + j * l->dilation;
    if (x >= 0 && x < l->w) sum += dot(l->c, row + x * l->c, kernel + j * l->c);
  }
  return sum;
}

/* Return the dot product of one filter's kernel and its window of the input. */
static float conv2d_at(const conv2d_layer *l, const float *x, const float *kernel, int row,
                       int column) {
  const int top = row * l->stride_h - l->top, left = column * l->stride_w - l->left;
  const int begin = left < 0 ? -left : 0;
  const int end = left + l->kernel_w > l->w ? l->w - left : l->kernel_w;
  float sum = 0;
  for (int i = 0; i < l->kernel_h; i++) {
    const int y = top + i * l->dilation;
    if (y < 0 || y >= l->h) continue;
    if (l->dilation > 1)
      sum += kernel_row_at(l, x + y * l->w * l->c, kernel + i * l->kernel_w * l->c, left);
    else if (begin < end)
      sum += dot((end - begin) * l->c, x + (y * l->w + left + begin) * l->c,
                 kernel + (i * l->kernel_w + begin) * l->c);
  }
  return sum;
}

static void conv2d(const conv2d_layer *l, const float *x, float *y) {
  const int size = l->kernel_h * l->kernel_w * l->c;
  for (int row = 0; row < l->rows; row++)
    for (int column = 0; column < l->columns; column++)
      for (int filter = 0; filter < l->filters; filter++) {
        const float *kernel = l->kernel + filter * size;
        float largest = 0;
        for (int i = 0; i < l->pool_h * l->pool_w; i++) {
          const float value = conv2d_at(l, x, kernel, row * l->pool_h + i / l->pool_w,
                                        column * l->pool_w + i % l->pool_w);
          if (i == 0 || value > largest) largest = value;
        }
        largest += l->bias[filter];
        *y++ = l->relu && largest < 0 ? 0 : largest;
      }
}
"""

DENSE = """\
/* x (n), kernel (units, n), bias (units) -> y (units) */
static void dense(int n, int units, int relu, const float *kernel, const float *bias,
                  const float *x, float *y) {
  for (int i = 0; i < units; i++) {
    const float value = dot(n, kernel + i * n, x) + bias[i];
    y[i] = relu && value < 0 ? 0 : value;
  }
}
"""

DEPTHWISE_CONV2D = """\
/* A convolution of each channel by itself: output f comes from channel f / (filters / c). */
static float depthwise_at(const conv2d_layer *l, const float *x, int row, int column, int filter) {
  const int channel = filter / (l->filters / l->c);
  float sum = l->bias[filter];
  for (int i = 0; i < l->kernel_h; i++)
    for (int j = 0; j < l->kernel_w; j++) {
      const int y = row * l->stride_h - l->top + i * l->dilation;
      const int z = column * l->stride_w - l->left + j * l->dilation;
      if (y >= 0 && y < l->h && z >= 0 && z < l->w)
        sum += x[(y * l->w + z) * l->c + channel] *
               l->kernel[(i * l->kernel_w + j) * l->filters + filter];
    }
  return l->relu && sum < 0 ? 0 : sum;
}

static void depthwise_conv2d(const conv2d_layer *l, const float *x, float *y) {
  for (int row = 0; row < l->rows; row++)
    for (int column = 0; column < l->columns; column++)
      for (int filter = 0; filter < l->filters; filter++)
        *y++ = depthwise_at(l, x, row, column, filter);
}
"""

POOL2D_LAYER = """\
/* A pool, whose windows may reach over the edges of the image: only the pixels inside count. */
typedef struct {
  int h, w, c;       /* of the input */
  int rows, columns; /* of the output */
  int pool_h, pool_w, step_h, step_w, top, left;
} pool2d_layer;

/* The window of an output: rows top .. bottom - 1, columns left .. right - 1. */
typedef struct {
  int top, bottom, left, right;
} window;

static window window_at(const pool2d_layer *l, int row, int column) {
  const int top = row * l->step_h - l->top, left = column * l->step_w - l->left;
  const int bottom = top + l->pool_h, right = left + l->pool_w;
  const window inside = {top > 0 ? top : 0, bottom < l->h ? bottom : l->h, left > 0 ? left : 0,
                         right < l->w ? right : l->w};
  return inside;
}
"""

MAX_POOL2D = """\
static float largest_in(const pool2d_layer *l, window at, const float *x) {
  float largest = x[(at.top * l->w + at.left) * l->c];
  for (int i = at.top; i < at.bottom; i++)
    for (int j = at.left; j < at.right; j++)
      if (x[(i * l->w + j) * l->c] > largest) largest = x[(i * l->w + j) * l->c];
  return largest;
}

static void max_pool2d(const pool2d_layer *l, const float *x, float *y) {
  for (int row = 0; row < l->rows; row++)
    for (int column = 0; column < l->columns; column++)
      for (int channel = 0; channel < l->c; channel++)
        *y++ = largest_in(l, window_at(l, row, column), x + channel);
}
"""

AVERAGE_POOL2D = """\
static float average_in(const pool2d_layer *l, window at, const float *x) {
  float sum = 0;
  for (int i = at.top; i < at.bottom; i++)
    for (int j = at.left; j < at.right; j++) sum += x[(i * l->w + j) * l->c];
  return sum / (float)((at.bottom - at.top) * (at.right - at.left));
}

static void average_pool2d(const pool2d_layer *l, const float *x, float *y) {
  for (int row = 0; row < l->rows; row++)
    for (int column = 0; column < l->columns; column++)
      for (int channel = 0; channel < l->c; channel++)
        *y++ = average_in(l, window_at(l, row, column), x + channel);
}
"""

GLOBAL_MAX_POOL2D = """\
/* x (pixels, c) -> y (c) */
static void global_max_pool2d(int pixels, int c, const float *x, float *y) {
  for (int channel = 0; channel < c; channel++) {
    float largest = x[channel];
    for (int i = 1; i < pixels; i++)
      if (x[i * c + channel] > largest) largest = x[i * c + channel];
    y[channel] = largest;
  }
}
"""

GLOBAL_AVERAGE_POOL2D = """\
/* x (pixels, c) -> y (c) */
static void global_average_pool2d(int pixels, int c, const float *x, float *y) {
  for (int channel = 0; channel < c; channel++) {
    float sum = 0;
    for (int i = 0; i < pixels; i++) sum += x[i * c + channel];
    y[channel] = sum / (float)pixels;
  }
}
"""

SCALE = """\
/* y = factor x + shift per channel: x (pixels, c) -> y (pixels, c) */
static void scale(int pixels, int c, int relu, const float *factor, const float *shift,
                  const float *x, float *y) {
  for (int i = 0; i < pixels * c; i++) {
    const float value = x[i] * factor[i % c] + shift[i % c];
    y[i] = relu && value < 0 ? 0 : value;
  }
}
"""

RELU = """\
static void relu(int n, const float *x, float *y) {
  for (int i = 0; i < n; i++) y[i] = x[i] < 0 ? 0 : x[i];
}
"""

LAYER_NORM = """\
/* y = gamma (x - mean) / deviation + beta over the channels of each pixel: (pixels, c) */
static void layer_norm(int pixels, int c, float epsilon, const float *gamma, const float *beta,
                       const float *x, float *y) {
  for (int i = 0; i < pixels; i++, x += c, y += c) {
    float mean = 0, variance = 0, deviation;
    for (int k = 0; k < c; k++) mean += x[k];
    mean /= (float)c;
    for (int k = 0; k < c; k++) variance += (x[k] - mean) * (x[k] - mean);
    deviation = sqrtf(variance / (float)c + epsilon);
    for (int k = 0; k < c; k++) y[k] = (x[k] - mean) / deviation * gamma[k] + beta[k];
  }
}
"""

ZERO_PADDING2D = """\
/* x (h, w, c) -> y (rows, columns, c), from row top and column left on; zeros around it */
static void zero_padding2d(int h, int w, int c, int rows, int columns, int top, int left,
                           const float *x, float *y) {
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++)
      for (int k = 0; k < c; k++) {
        const int row = i - top, column = j - left;
        const int inside = row >= 0 && row < h && column >= 0 && column < w;
        *y++ = inside ? x[(row * w + column) * c + k] : 0;
      }
}
"""


def _activation(name: str, expression: str) -> str:
    return f"""\
static void {name}(int n, float alpha, const float *x, float *y) {{
  (void)alpha;
  for (int i = 0; i < n; i++) y[i] = {expression};
}}
"""


FUNCTIONS = {
    "conv2d_layer": CONV2D_LAYER,
    "dot": DOT,
    "conv2d": CONV2D,
    "depthwise_conv2d": DEPTHWISE_CONV2D,
    "dense": DENSE,
    "pool2d_layer": POOL2D_LAYER,
    "max_pool2d": MAX_POOL2D,
    "average_pool2d": AVERAGE_POOL2D,
    "global_average_pool2d": GLOBAL_AVERAGE_POOL2D,
    "global_max_pool2d": GLOBAL_MAX_POOL2D,
    "scale": SCALE,
    "layer_norm": LAYER_NORM,
    "zero_padding2d": ZERO_PADDING2D,
    "relu": RELU,
    "leaky_relu": _activation("leaky_relu", "x[i] < 0 ? alpha * x[i] : x[i]"),
    "relu6": _activation("relu6", "x[i] < 0 ? 0 : x[i] > 6 ? 6 : x[i]"),
    "elu": _activation("elu", "x[i] < 0 ? alpha * expm1f(x[i]) : x[i]"),
    "selu": _activation("selu", "1.05070099f * (x[i] < 0 ? 1.67326324f * expm1f(x[i]) : x[i])"),
    "sigmoid": _activation("sigmoid", "1 / (1 + expf(-x[i]))"),
    "tanh": _activation("hyperbolic_tangent", "tanhf(x[i])"),
    "swish": _activation("swish", "x[i] / (1 + expf(-x[i]))"),
}
"""In the order in which they are written."""

NEEDED = {
    "conv2d": ("conv2d_layer", "dot"),
    "dense": ("dot",),
    "depthwise_conv2d": ("conv2d_layer",),
    "max_pool2d": ("pool2d_layer",),
    "average_pool2d": ("pool2d_layer",),
}
"""What else functions use."""
