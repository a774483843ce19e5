#include "page/keypoints.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"

/* Half the window of the structure tensor, and the distance between two keypoints, in pixels. */
enum { RADIUS = 3, MIN_DISTANCE = 4 };
static const double smoothing = 1.5; /* standard deviation, in pixels */
static const float min_strength = 4;

/* ---- corners ---- */

/* Products of the gradient (gx gx, gx gy, gy gy), summed over windows with running sums. */
typedef struct tensor_sums {
  int h, w;
  int32_t *rows; /* (h, w, 3): sums over 2 RADIUS + 1 columns */
} tensor_sums;

static void gradient_at(const uint8_t *image, int h, int w, int y, int x, int gradient[2]) {
  const uint8_t *row = image + (size_t)y * (size_t)w;
  gradient[0] = row[od_min(x + 1, w - 1)] - row[od_max(x - 1, 0)];
  gradient[1] = image[(size_t)od_min(y + 1, h - 1) * (size_t)w + (size_t)x] -
                image[(size_t)od_max(y - 1, 0) * (size_t)w + (size_t)x];
}

/* Fill a row of sums. products (w, 3) is scratch. */
static void sum_row(const uint8_t *image, const tensor_sums *t, int y, int32_t *products) {
  const int w = t->w;
  int32_t *sums = t->rows + (size_t)y * (size_t)w * 3;
  for (int x = 0; x < w; x++) {
    int g[2];
    gradient_at(image, t->h, w, y, x, g);
    products[3 * x] = g[0] * g[0];
    products[3 * x + 1] = g[0] * g[1];
    products[3 * x + 2] = g[1] * g[1];
  }
  int32_t sum[3] = {0};
  for (int x = -RADIUS; x < w; x++)
    for (int k = 0; k < 3; k++) {
      if (x + RADIUS < w) sum[k] += products[3 * (x + RADIUS) + k];
      if (x > RADIUS) sum[k] -= products[3 * (x - RADIUS - 1) + k];
      if (x >= 0) sums[3 * x + k] = sum[k];
    }
}

/* Set strength (h, w) to the smaller eigenvalue of the mean structure tensor around each pixel. */
static void find_strength(const tensor_sums *t, float *strength) {
  const float area = (2 * RADIUS + 1) * (2 * RADIUS + 1);
  const size_t w = (size_t)t->w;
  for (int y = 0; y < t->h; y++)
    for (size_t x = 0; x < w; x++) {
      float sum[3] = {0};
      for (int i = od_max(0, y - RADIUS); i <= od_min(t->h - 1, y + RADIUS); i++)
        for (size_t k = 0; k < 3; k++) sum[k] += (float)t->rows[((size_t)i * w + x) * 3 + k];
      const float a = sum[0] / area, b = sum[1] / area, c = sum[2] / area;
      strength[(size_t)y * w + x] = (a + c - sqrtf((a - c) * (a - c) + 4 * b * b)) / 2;
    }
}

static bool is_maximum(const float *strength, int h, int w, int y, int x) {
  const float value = strength[(size_t)y * (size_t)w + (size_t)x];
  for (int i = od_max(0, y - 1); i <= od_min(h - 1, y + 1); i++)
    for (int j = od_max(0, x - 1); j <= od_min(w - 1, x + 1); j++) {
      const float other = strength[(size_t)i * (size_t)w + (size_t)j];
      if (other > value || (other == value && (i < y || (i == y && j < x)))) return false;
    }
  return true;
}

static int descending(const void *a, const void *b) {
  const od_keypoint *p = a, *q = b;
  if (p->strength != q->strength) return p->strength > q->strength ? -1 : 1;
  return p->y != q->y ? p->y - q->y : p->x - q->x;
}

/* Keep up to max_count of the strongest keypoints, at least MIN_DISTANCE apart. taken (h, w) is
 * zeroed scratch. */
static void keep_strongest(od_keypoints *k, int max_count, uint8_t *taken) {
  int kept = 0;
  qsort(k->items, (size_t)k->count, sizeof *k->items, descending);
  for (int i = 0; i < k->count && kept < max_count; i++) {
    const od_keypoint p = k->items[i];
    if (taken[(size_t)p.y * (size_t)k->w + (size_t)p.x]) continue;
    k->items[kept++] = p;
    for (int y = od_max(0, p.y - MIN_DISTANCE); y <= od_min(k->h - 1, p.y + MIN_DISTANCE); y++) {
      const int left = od_max(0, p.x - MIN_DISTANCE);
      const int right = od_min(k->w - 1, p.x + MIN_DISTANCE);
      memset(taken + (size_t)y * (size_t)k->w + (size_t)left, 1, (size_t)(right - left + 1));
    }
  }
  k->count = kept;
}

/* Find the keypoints of k->smooth. */
static od_status find_corners(od_keypoints *k, int max_count, od_error *error) {
  const size_t w = (size_t)k->w, size = (size_t)k->h * w;
  tensor_sums sums = {k->h, k->w, od_allocate(size * 3, sizeof *sums.rows)};
  int32_t *products = od_allocate(w * 3, sizeof *products);
  float *strength = od_allocate(size, sizeof *strength);
  uint8_t *taken = od_allocate(size, 1);
  /* No two maxima are neighbours. */
  k->items = od_allocate((size / 4) + w + (size_t)k->h, sizeof *k->items);
  const bool allocated = sums.rows && products && strength && taken && k->items;
  if (allocated) {
    for (int y = 0; y < k->h; y++) sum_row(k->smooth, &sums, y, products);
    find_strength(&sums, strength);
    for (int y = 0; y < k->h; y++)
      for (int x = 0; x < k->w; x++) {
        const float value = strength[(size_t)y * w + (size_t)x];
        if (value >= min_strength && is_maximum(strength, k->h, k->w, y, x))
          k->items[k->count++] = (od_keypoint){x, y, value};
      }
    keep_strongest(k, max_count, taken);
  }
  od_release(sums.rows);
  od_release(products);
  od_release(strength);
  od_release(taken);
  return allocated ? OD_OK : od_fail_memory(error, "the corners of a page");
}

/* ---- descriptors ---- */

/* Scale samples to zero mean and norm OD_DESCRIPTOR_NORM; to zeros if they are constant. */
static void normalize(const int *samples, int16_t *descriptor) {
  double sum = 0, squares = 0;
  for (int i = 0; i < OD_DESCRIPTOR_SIZE; i++) {
    sum += samples[i];
    squares += (double)samples[i] * samples[i];
  }
  const double mean = sum / OD_DESCRIPTOR_SIZE;
  const double variance = squares - sum * mean;
  const double scale = variance > 0 ? OD_DESCRIPTOR_NORM / sqrt(variance) : 0;
  for (int i = 0; i < OD_DESCRIPTOR_SIZE; i++)
    descriptor[i] = (int16_t)floor(scale * (samples[i] - mean) + 0.5);
}

void od_describe_keypoints(od_keypoints *k, double angle, double scale) {
  const double cosine = OD_PATCH_STEP * scale * cos(angle);
  const double sine = OD_PATCH_STEP * scale * sin(angle);
  int offsets[OD_DESCRIPTOR_SIZE][2], samples[OD_DESCRIPTOR_SIZE];
  for (int i = 0; i < OD_DESCRIPTOR_SIZE; i++) {
    const double x = i % OD_PATCH_SIDE - (OD_PATCH_SIDE - 1) / 2.0;
    const double y = i / OD_PATCH_SIDE - (OD_PATCH_SIDE - 1) / 2.0;
    offsets[i][0] = (int)floor(cosine * x - sine * y + 0.5);
    offsets[i][1] = (int)floor(sine * x + cosine * y + 0.5);
  }
  for (int n = 0; n < k->count; n++) {
    for (int i = 0; i < OD_DESCRIPTOR_SIZE; i++) {
      const int x = k->items[n].x + offsets[i][0], y = k->items[n].y + offsets[i][1];
      const bool inside = x >= 0 && y >= 0 && x < k->w && y < k->h;
      samples[i] = inside ? k->smooth[(size_t)y * (size_t)k->w + (size_t)x] : 0;
    }
    normalize(samples, k->descriptors + (size_t)n * OD_DESCRIPTOR_SIZE);
  }
}

od_status od_find_keypoints(od_image_workspace *workspace, const od_view *foreground, int max_count,
                            od_keypoints *k, od_error *error) {
  const size_t size = (size_t)foreground->h * (size_t)foreground->w;
  const od_gaussian gaussian = {9, 9, smoothing, smoothing};
  *k = (od_keypoints){.h = foreground->h, .w = foreground->w};
  k->smooth = od_allocate(size, 1);
  if (!k->smooth) return od_fail_memory(error, "the corners of a page");
  const od_target target = od_target_of(k->h, k->w, k->smooth);
  od_status status =
      od_gaussian_blur(workspace, foreground, &gaussian, OD_BORDER_REPLICATE, &target, error);
  if (!status) status = find_corners(k, max_count, error);
  if (!status) {
    k->descriptors = od_allocate((size_t)k->count * OD_DESCRIPTOR_SIZE, sizeof *k->descriptors);
    if (!k->descriptors) status = od_fail_memory(error, "the descriptors of a page");
  }
  if (status)
    od_keypoints_release(k);
  else
    od_describe_keypoints(k, 0, 1);
  return status;
}

void od_keypoints_release(od_keypoints *k) {
  od_release(k->items);
  od_release(k->descriptors);
  od_release(k->smooth);
  *k = (od_keypoints){0};
}

/* ---- matches ---- */

static int32_t product(const int16_t *a, const int16_t *b) {
  int32_t sum = 0;
  for (int i = 0; i < OD_DESCRIPTOR_SIZE; i++) sum += a[i] * b[i];
  return sum;
}

int od_match_keypoints(const od_keypoints *from, const od_keypoints *to, double min_correlation,
                       od_point_pair *pairs) {
  const double unit = (double)OD_DESCRIPTOR_NORM * OD_DESCRIPTOR_NORM;
  int count = 0;
  for (int i = 0; i < from->count; i++) {
    int32_t best[OD_MATCHES];
    int index[OD_MATCHES];
    for (int k = 0; k < OD_MATCHES; k++) best[k] = (int32_t)(min_correlation * unit), index[k] = -1;
    for (int j = 0; j < to->count; j++) {
      const int32_t value = product(from->descriptors + (size_t)i * OD_DESCRIPTOR_SIZE,
                                    to->descriptors + (size_t)j * OD_DESCRIPTOR_SIZE);
      int k = OD_MATCHES;
      while (k > 0 && value > best[k - 1]) k--;
      for (int m = OD_MATCHES - 1; m > k; m--) best[m] = best[m - 1], index[m] = index[m - 1];
      if (k < OD_MATCHES) best[k] = value, index[k] = j;
    }
    for (int k = 0; k < OD_MATCHES; k++) {
      if (index[k] < 0) break;
      const od_keypoint *p = &from->items[i], *q = &to->items[index[k]];
      pairs[count++] = (od_point_pair){p->x, p->y, q->x, q->y, best[k] / unit};
    }
  }
  return count;
}
