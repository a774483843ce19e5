#include "page/print_removal.h"

#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "image/limits.h"

/* PRINT: least level of print. STROKE: of writing, which may be fainter than the print that full
 * contrast is measured on. FAINT: of what is not background. DEPTH: how far a stroke
 * goes on beyond print, in pixels. RESIDUE: how far beyond the slack rests of print may be. REACH:
 * how far the background is looked for. */
enum { PRINT = 64, STROKE = 64, FAINT = 32, DEPTH = 3, RESIDUE = 2, REACH = 48 };

enum { NEAR_PRINT = 1, AROUND_PRINT = 2, WRITTEN = 4, KEPT = 8 }; /* flags of a pixel */

typedef struct removal {
  const od_filled_form *form;
  uint8_t *flags; /* (h, w) */
} removal;

static bool is_inside(const removal *r, int y, int x) {
  return y >= 0 && x >= 0 && y < r->form->h && x < r->form->w;
}

static size_t at(const removal *r, int y, int x) {
  return (size_t)y * (size_t)r->form->w + (size_t)x;
}

/* ---- the print's surroundings ---- */

static od_status set_near(od_image_workspace *workspace, removal *r, int distance, uint8_t flag,
                          od_error *error) {
  const od_filled_form *form = r->form;
  const size_t size = (size_t)form->h * (size_t)form->w;
  const int side = 2 * distance + 1;
  uint8_t *mask = od_allocate((size_t)side * (size_t)side, 1);
  uint8_t *dilated = od_allocate(size, 1);
  od_status status = mask && dilated ? OD_OK : od_fail_memory(error, "the print of a form");
  if (!status) {
    memset(mask, 1, (size_t)side * (size_t)side);
    const od_structuring_element element = {side, side, distance, distance, mask};
    const od_view print = od_view_of(form->h, form->w, form->print);
    const od_target target = od_target_of(form->h, form->w, dilated);
    status = od_dilate(workspace, &print, &element, OD_BORDER_CONSTANT, 0, &target, error);
  }
  for (size_t i = 0; i < size && !status; i++)
    if (dilated[i] >= PRINT) r->flags[i] |= flag;
  od_release(mask);
  od_release(dilated);
  return status;
}

/* ---- strokes across print ---- */

static bool is_foreground(const removal *r, int y, int x) {
  return is_inside(r, y, x) && r->form->foreground[at(r, y, x)] >= STROKE;
}

/* Whether foreground goes on from a pixel near print, in a direction, through the print and DEPTH
 * pixels beyond. */
static bool goes_on(const removal *r, int y, int x, int dy, int dx) {
  const int limit = 6 * r->form->slack + 6;
  int beyond = 0;
  for (int k = 1; k <= limit && beyond < DEPTH; k++) {
    if (!is_foreground(r, y + k * dy, x + k * dx)) return false;
    beyond = r->flags[at(r, y + k * dy, x + k * dx)] & NEAR_PRINT ? 0 : beyond + 1;
  }
  return beyond == DEPTH;
}

static bool crosses(const removal *r, int y, int x) {
  static const int directions[4][2] = {{0, 1}, {1, 0}, {1, 1}, {1, -1}};
  for (int k = 0; k < 4; k++) {
    const int dy = directions[k][0], dx = directions[k][1];
    if (goes_on(r, y, x, dy, dx) && goes_on(r, y, x, -dy, -dx)) return true;
  }
  return false;
}

/* Flag the foreground that is no print. */
static void find_writing(removal *r) {
  for (int y = 0; y < r->form->h; y++)
    for (int x = 0; x < r->form->w; x++) {
      if (!is_foreground(r, y, x)) continue;
      uint8_t *flags = &r->flags[at(r, y, x)];
      if (!(*flags & NEAR_PRINT) || crosses(r, y, x)) *flags |= WRITTEN;
    }
}

/* Keep the components of writing that are not rests around print, with a pixel around them. */
static od_status keep_components(od_image_workspace *workspace, removal *r, od_error *error) {
  const int h = r->form->h, w = r->form->w;
  const size_t size = (size_t)h * (size_t)w;
  uint8_t *written = od_allocate(size, 1), *kept = NULL;
  int32_t *labels = od_allocate(size, sizeof *labels), count = 0;
  od_component *components = NULL;
  od_status status = written && labels ? OD_OK : od_fail_memory(error, "the writing on a form");
  for (size_t i = 0; i < size && !status; i++) written[i] = (r->flags[i] & WRITTEN) != 0;
  const od_view view = od_view_of(h, w, written);
  if (!status)
    status = od_connected_components(workspace, &view, 8, labels, &components, &count, error);
  if (!status) {
    kept = od_allocate((size_t)count, 1);
    if (!kept) status = od_fail_memory(error, "the writing on a form");
  }
  if (!status) {
    for (size_t i = 0; i < size; i++)
      if (labels[i] && !(r->flags[i] & AROUND_PRINT)) kept[labels[i]] = 1;
    for (int y = 0; y < h; y++)
      for (int x = 0; x < w; x++) {
        if (!kept[labels[at(r, y, x)]] || !labels[at(r, y, x)]) continue;
        for (int i = y - 1; i <= y + 1; i++)
          for (int j = x - 1; j <= x + 1; j++)
            if (is_inside(r, i, j)) r->flags[at(r, i, j)] |= KEPT;
      }
  }
  od_release(written);
  od_release(labels);
  od_release(kept);
  od_release(components);
  return status;
}

/* ---- erasure ---- */

static bool is_background(const removal *r, size_t i) {
  return !(r->flags[i] & (NEAR_PRINT | KEPT)) && r->form->foreground[i] < FAINT;
}

/* The mean level of the background; of the image if there is none. */
static double mean_background(const removal *r) {
  const size_t size = (size_t)r->form->h * (size_t)r->form->w;
  double sum = 0, all = 0, count = 0;
  for (size_t i = 0; i < size; i++) {
    const bool counts = is_background(r, i);
    sum += counts ? r->form->image[i] : 0;
    count += counts;
    all += r->form->image[i];
  }
  return count > 0 ? sum / count : all / (double)size;
}

/* Interpolate between the nearest background above, below, left and right. */
static uint8_t background_at(const removal *r, int y, int x, double mean) {
  static const int directions[4][2] = {{0, 1}, {0, -1}, {1, 0}, {-1, 0}};
  double sum = 1e-3 * mean, weights = 1e-3;
  for (int d = 0; d < 4; d++)
    for (int k = 1; k <= REACH; k++) {
      const int i = y + k * directions[d][0], j = x + k * directions[d][1];
      if (!is_inside(r, i, j)) break;
      if (!is_background(r, at(r, i, j))) continue;
      sum += r->form->image[at(r, i, j)] / (double)k;
      weights += 1 / (double)k;
      break;
    }
  return (uint8_t)(sum / weights + 0.5);
}

static void erase(const removal *r, uint8_t *erased, uint8_t *writing) {
  const double mean = mean_background(r);
  for (int y = 0; y < r->form->h; y++)
    for (int x = 0; x < r->form->w; x++) {
      const size_t i = at(r, y, x);
      const bool print = (r->flags[i] & AROUND_PRINT) && !(r->flags[i] & KEPT);
      erased[i] = print ? background_at(r, y, x, mean) : r->form->image[i];
      writing[i] = print ? 0 : r->form->foreground[i];
    }
}

od_status od_erase_print(od_image_workspace *workspace, const od_filled_form *form, uint8_t *erased,
                         uint8_t *writing, od_error *error) {
  removal r = {.form = form};
  od_status status = od_check_sides("image", form->h, form->w, error);
  if (status) return status;
  if (form->slack < 0 || form->slack > OD_MAX_PRINT_SLACK)
    return od_fail(error, OD_ERROR_ARGUMENT, "slack: got %d, expected 0 to %d", form->slack,
                   OD_MAX_PRINT_SLACK);
  r.flags = od_allocate((size_t)form->h, (size_t)form->w);
  if (!r.flags) return od_fail_memory(error, "the print of a form");
  status = set_near(workspace, &r, form->slack, NEAR_PRINT, error);
  if (!status) status = set_near(workspace, &r, form->slack + RESIDUE, AROUND_PRINT, error);
  if (!status) {
    find_writing(&r);
    status = keep_components(workspace, &r, error);
  }
  if (!status) erase(&r, erased, writing);
  od_release(r.flags);
  return status;
}
