#include "digit/component_selection.h"

#include <math.h>
#include <string.h>

#include "base/math.h"

/* Return the index of the heaviest component, with a weight that falls with the distance from the
 * image's centre. */
static int main_component(const od_foreground_components *components, int h, int w) {
  int best = -1;
  double max_weight = 0;
  for (int k = 0; k < components->count; k++) {
    const od_foreground_component *c = &components->items[k];
    const double x = (double)c->column_sum / c->area / w - 0.5;
    const double y = 0.5 * (c->top + c->bottom) / h - 0.5;
    const double distance = 2 * fabs(x) + fabs(y);
    const double weight = (double)c->mass * exp(-2 * distance * distance);
    if (best < 0 || weight > max_weight) {
      best = k;
      max_weight = weight;
    }
  }
  return best;
}

/* Whether `part` is as tall as the digit and beside it, inside the image: a second digit, which the
 * classifier must not miss. */
static bool is_second_digit(const od_foreground_component *part,
                            const od_foreground_component *whole, int h, int w) {
  const int part_h = part->bottom - part->top, whole_h = whole->bottom - whole->top;
  const int overlap = od_min(part->bottom, whole->bottom) - od_max(part->top, whole->top);
  const int gap = od_max(part->left - whole->right, whole->left - part->right);
  if (part->left == 0 || part->right == w || part->top == 0 || part->bottom == h) return false;
  return 10 * part_h >= 6 * whole_h && 10 * overlap >= 6 * part_h && gap <= whole_h;
}

/* Whether `part` is another component of the digit with the bounding box and mass `whole`. */
static bool belongs(const od_foreground_component *part, const od_foreground_component *whole,
                    int h, int w) {
  const int part_w = part->right - part->left, part_h = part->bottom - part->top;
  const int whole_w = whole->right - whole->left, whole_h = whole->bottom - whole->top;
  const int overlap =
      od_max(0, od_min(part->right, whole->right) - od_max(part->left, whole->left));
  const int gap = od_max(0, od_max(part->left - whole->right, whole->left - part->right));
  const bool at_side = part->left == 0 || part->right == w;
  const bool at_end = part->top == 0 || part->bottom == h;
  if (33 * part->mass < whole->mass) return false;
  if (is_second_digit(part, whole, h, w)) return true;
  if (at_side && (overlap < part_w || 2 * part->mass < whole->mass)) return false;
  if (at_end &&
      (at_side || (10 * part_h < 3 * whole_h && (part_w > 2 * part_h || overlap < part_w))))
    return false;
  if (20 * gap > 3 * od_max(whole_w, whole_h)) return false;
  const bool is_low = part->top + part->bottom > 2 * whole->top + 6 * whole_h / 5;
  return !(is_low && 10 * overlap < 3 * part_w && 10 * part_h < 3 * whole_h);
}

/* In the order of their mass, as each selected component widens the box of the whole. */
void od_select_digit_components(const od_foreground_components *components, int h, int w,
                                bool *keep) {
  const int count = components->count;
  bool visited[OD_MAX_DIGIT_COMPONENTS] = {false};
  memset(keep, 0, (size_t)count * sizeof *keep);
  int next = main_component(components, h, w);
  od_foreground_component whole = components->items[next];
  keep[next] = visited[next] = true;
  for (int i = 1; i < count; i++) {
    next = -1;
    for (int k = 0; k < count; k++)
      if (!visited[k] && (next < 0 || components->items[k].mass > components->items[next].mass))
        next = k;
    visited[next] = true;
    const od_foreground_component *part = &components->items[next];
    if (!belongs(part, &whole, h, w)) continue;
    keep[next] = true;
    whole.left = od_min(whole.left, part->left);
    whole.top = od_min(whole.top, part->top);
    whole.right = od_max(whole.right, part->right);
    whole.bottom = od_max(whole.bottom, part->bottom);
  }
}
