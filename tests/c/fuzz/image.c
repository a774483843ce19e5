/* Image operations on views of any strides, with any parameters: the result of every table of
 * kernels, with threads or without, is that of the scalar one to the byte, and no byte beside the
 * result is written. */
#include "fuzz/input.h"

enum { MAX_SIDE = 90, CANARY = 0xA5, MAX_ELEMENT_AREA = 400 };

/* An image in a block that it fills, by any strides. */
typedef struct picture {
  uint8_t *block;
  size_t bytes;
  int h, w;
  ptrdiff_t first, row, column;
} picture;

static picture take_layout(fuzz_input *in, int h, int w, bool writable) {
  const int kind = take_byte(in) % (writable ? 6 : 8), gap = kind % 2 ? take_byte(in) % 20 : 0;
  picture p = {.h = h, .w = w};
  p.column = kind < 2 ? 1 : 1 + take_byte(in) % 4;
  p.row = (w - 1) * p.column + 1 + gap;
  if (kind == 4 || kind == 5) { /* transposed */
    p.row = 1 + take_byte(in) % 3;
    p.column = (h - 1) * p.row + 1 + gap;
  }
  if (kind == 6) p.row = 0;
  if (kind == 7) p.column = 0;
  p.bytes = (size_t)((h - 1) * p.row + (w - 1) * p.column + 1);
  const int mirrored = take_byte(in) % 8; /* 1: rows, 2: columns, 3: both */
  if (mirrored & 1 && mirrored < 4) p.first += (h - 1) * p.row, p.row = -p.row;
  if (mirrored & 2 && mirrored < 4) p.first += (w - 1) * p.column, p.column = -p.column;
  p.block = block_of(p.bytes);
  return p;
}

static od_view view_of(const picture *p) {
  return (od_view){p->block + p->first, p->h, p->w, p->row, p->column};
}

static od_target target_of(const picture *p) {
  return (od_target){p->block + p->first, p->h, p->w, p->row, p->column};
}

/* Sides that are mostly small, and sometimes wide enough for vectors. */
static int take_side(fuzz_input *in) {
  const int byte = take_byte(in);
  return byte < 200 ? 1 + byte % 40 : byte < 250 ? 1 + byte % MAX_SIDE : 1 + byte % 5 * 150;
}

static od_border take_border(fuzz_input *in) { return (od_border)(take_byte(in) % 4); }

static void take_matrix(fuzz_input *in, int count, double *matrix) {
  for (int i = 0; i < count; i++) matrix[i] = take_double(in);
}

/* One call: operation, image and parameters are read from a copy of the input, so that it can be
 * repeated with other kernels. Pictures are those of the first call. */
typedef struct call {
  fuzz_input in;
  od_image_workspace workspace;
  od_view image;
  od_target result;
  int32_t *labels;
  double numbers[24]; /* results other than pixels */
  od_error error;
} call;

static od_status run_morphology(call *c, bool erode) {
  uint8_t mask[MAX_ELEMENT_AREA] = {0};
  const int h = take_between(&c->in, 1, 20), w = take_between(&c->in, 1, 20);
  const int shape = take_byte(&c->in) % 4;
  if (shape < 3) od_get_structuring_element((od_morph_shape)shape, h, w, mask);
  if (shape == 3) {
    take_levels(&c->in, (size_t)(h * w), mask);
    mask[take_byte(&c->in) % (h * w)] = 1;
  }
  const od_structuring_element element = {h, w, take_byte(&c->in) % h, take_byte(&c->in) % w, mask};
  const od_border border = take_border(&c->in);
  return (erode ? od_erode : od_dilate)(&c->workspace, &c->image, &element, border,
                                        (uint8_t)take_byte(&c->in), &c->result, &c->error);
}

static od_status run_components(call *c) {
  od_component *components = NULL;
  int32_t count = -1;
  const int connectivity = take_flag(&c->in) ? 4 : take_flag(&c->in) ? 8 : take_number(&c->in);
  const od_status status = od_connected_components(&c->workspace, &c->image, connectivity,
                                                   c->labels, &components, &count, &c->error);
  int64_t area = 0;
  for (int32_t i = 0; !status && i < count; i++) area += components[i].area;
  require(status || area == (int64_t)c->image.h * c->image.w);
  c->numbers[0] = count;
  od_release(components);
  return status;
}

static od_status run_warp(call *c, bool perspective) {
  double matrix[9];
  take_matrix(&c->in, perspective ? 9 : 6, matrix);
  const od_border border = take_border(&c->in);
  const uint8_t level = (uint8_t)take_byte(&c->in);
  if (perspective)
    return od_warp_perspective(&c->workspace, &c->image, matrix, border, level, &c->result,
                               &c->error);
  if (take_flag(&c->in))
    od_invert_affine((double[]){matrix[0], matrix[1], matrix[2], matrix[3], matrix[4], matrix[5]},
                     matrix);
  return od_warp_affine(&c->workspace, &c->image, matrix, border, level, &c->result, &c->error);
}

static od_status run_gaussian(call *c) {
  const od_gaussian gaussian = {.ksize_y = take_number(&c->in),
                                .ksize_x = take_number(&c->in),
                                .sigma_y = take_double(&c->in),
                                .sigma_x = take_double(&c->in)};
  return od_gaussian_blur(&c->workspace, &c->image, &gaussian, take_border(&c->in), &c->result,
                          &c->error);
}

static od_status run_adaptive(call *c) {
  const od_adaptive adaptive = {.method = (od_adaptive_method)take_flag(&c->in),
                                .block_size = take_number(&c->in),
                                .bound = take_number(&c->in) - 10,
                                .above = (uint8_t)take_byte(&c->in),
                                .below = (uint8_t)take_byte(&c->in)};
  return od_adaptive_threshold(&c->workspace, &c->image, &adaptive, &c->result, &c->error);
}

static od_status run_threshold(call *c) {
  uint64_t histogram[256];
  od_histogram(&c->image, histogram);
  const int threshold = take_flag(&c->in) ? od_otsu(histogram) : take_number(&c->in) - 5;
  const uint8_t above = (uint8_t)take_byte(&c->in), below = (uint8_t)take_byte(&c->in);
  return od_threshold(&c->workspace, &c->image, threshold, above, below, &c->result, &c->error);
}

/* The image's columns are colours side by side, where there are enough of them. */
static od_status run_gray(call *c) {
  const od_channels channels = (od_channels)(take_byte(&c->in) % 4);
  const int count = channels < OD_RGBA ? 3 : 4;
  od_view pixels = c->image;
  const ptrdiff_t channel = pixels.column;
  if (c->result.w * count > pixels.w) return OD_OK;
  pixels.w = c->result.w;
  pixels.column *= count;
  return od_gray(&c->workspace, &pixels, channel, channels, (uint8_t)take_byte(&c->in), &c->result,
                 &c->error);
}

static od_status run(call *c) {
  const int operation = take_byte(&c->in) % 13;
  if (operation == 0) return run_gray(c);
  if (operation == 1) return run_threshold(c);
  if (operation == 2) return run_adaptive(c);
  if (operation == 3)
    return od_resize(&c->workspace, &c->image, (od_interpolation)take_flag(&c->in), &c->result,
                     &c->error);
  if (operation == 4) return run_gaussian(c);
  if (operation == 5 || operation == 6) return run_morphology(c, operation == 5);
  if (operation == 7) return run_components(c);
  if (operation == 8)
    return od_image_moments(&c->workspace, &c->image, take_flag(&c->in), (od_moments *)c->numbers,
                            &c->error);
  if (operation == 9 || operation == 10) return run_warp(c, operation == 10);
  if (operation == 11)
    return od_deskew(&c->workspace, &c->image, &c->result, c->numbers, &c->error);
  const double alpha = take_double(&c->in), beta = take_double(&c->in);
  return od_normalize(&c->workspace, &c->image, alpha, beta, &c->result, &c->error);
}

_Static_assert(sizeof(od_moments) == 24 * sizeof(double), "numbers of a call hold moments");

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  fuzz_input in = {bytes, size};
  const od_kernels *kernels = take_table(&in);
  od_thread_pool *pool = take_pool(&in);
  picture image = take_layout(&in, take_side(&in), take_side(&in), false);
  const bool same = take_byte(&in) % 4; /* most operations need a result of the same sides */
  const int h = same ? image.h : take_side(&in), w = same ? image.w : take_side(&in);
  picture result = take_layout(&in, h, w, true);
  uint8_t *first = block_of(result.bytes);
  take_levels(&in, image.bytes, image.block);
  call calls[2];
  const size_t pixels = (size_t)image.h * (size_t)image.w;
  od_status status[2];
  for (int k = 0; k < 2; k++) {
    memset(result.block, CANARY, result.bytes);
    calls[k] = (call){.in = in,
                      .workspace = {.kernels = k ? kernels : table(0), .pool = k ? pool : NULL},
                      .image = view_of(&image),
                      .result = target_of(&result),
                      .labels = block_of(pixels * sizeof(int32_t))};
    memset(calls[k].labels, 0, pixels * sizeof(int32_t));
    status[k] = run(&calls[k]);
    succeeded(status[k], &calls[k].error);
    if (k == 0) memcpy(first, result.block, result.bytes);
    od_image_workspace_release(&calls[k].workspace);
  }
  require(status[0] == status[1]);
  require(!memcmp(first, result.block, result.bytes));
  require(!memcmp(calls[0].labels, calls[1].labels, pixels * sizeof(int32_t)));
  require(!memcmp(calls[0].numbers, calls[1].numbers, sizeof calls[0].numbers));
  const od_target target = target_of(&result);
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) target.pixels[y * target.row + x * target.column] = CANARY;
  for (size_t i = 0; i < result.bytes; i++) require(result.block[i] == CANARY);
  free(calls[0].labels);
  free(calls[1].labels);
  free(first);
  free(result.block);
  free(image.block);
  return 0;
}
