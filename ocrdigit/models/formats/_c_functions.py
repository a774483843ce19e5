"""The C functions of exported networks, by the type of the layer that calls them."""

from __future__ import annotations

DOT = """\
static float dot(int n, const float *a, const float *b) {
  float sum = 0;
  for (int i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}
"""

CONV2D = """\
/* A convolution, its ReLU, and the max-pool after it (1 x 1 if there is none). */
typedef struct {
  int h, w, c;                /* of the input */
  int rows, columns, filters; /* of the output */
  int kernel_h, kernel_w, stride_h, stride_w, dilation;
  int top, left;              /* the padding */
  int pool_h, pool_w, relu;
  const float *kernel;        /* (filters, kernel_h, kernel_w, c) */
  const float *bias;          /* (filters) */
} conv2d_layer;

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

MAX_POOL2D = """\
/* The maximum of windows h x w: x (rows h, width, c) -> y (rows, columns, c) */
static void max_pool2d(int rows, int columns, int c, int width, int h, int w, const float *x,
                       float *y) {
  for (int row = 0; row < rows; row++)
    for (int column = 0; column < columns; column++)
      for (int channel = 0; channel < c; channel++) {
        const float *window = x + (row * h * width + column * w) * c + channel;
        float largest = *window;
        for (int i = 1; i < h * w; i++) {
          const float value = window[(i / w * width + i % w) * c];
          if (value > largest) largest = value;
        }
        *y++ = largest;
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

FUNCTIONS = {
    "conv2d": CONV2D,
    "dense": DENSE,
    "max_pool2d": MAX_POOL2D,
    "global_average_pool2d": GLOBAL_AVERAGE_POOL2D,
    "scale": SCALE,
    "relu": RELU,
}
"""In the order in which they are written; "conv2d" and "dense" also call :data:`DOT`."""
