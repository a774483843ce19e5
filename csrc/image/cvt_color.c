#include "image/row_partition.h"
#include "image/image.h"
#include "image/limits.h"

/* Weights of red, green and blue (ITU-R BT.601) in 15 bits, as OpenCV rounds them. */
enum { RED = 9798, GREEN = 19235, BLUE = 3735 };

typedef struct gray_job {
  const od_image_kernels *kernels;
  const od_view *pixels;
  const od_target *gray;
  ptrdiff_t channel;
  int channels; /* 3 or 4 */
  uint8_t background;
  uint16_t weights[3];
} gray_job;

/* Return row y with interleaved channels: in place if the view has them so, else copied. */
static const uint8_t *interleaved_row(const gray_job *job, int y, uint8_t *copy) {
  const od_view *from = job->pixels;
  const uint8_t *row = from->pixels + y * from->row;
  if (job->channel == 1 && from->column == job->channels) return row;
  uint8_t *next = copy;
  for (int x = 0; x < from->w; x++)
    for (int k = 0; k < job->channels; k++) *next++ = row[x * from->column + k * job->channel];
  return copy;
}

static void gray_rows(void *context, int first, int last, void *scratch, od_interrupt *interrupt) {
  const gray_job *job = context;
  const size_t w = (size_t)job->gray->w;
  uint8_t *copy = scratch, *result = copy + 4 * w;
  for (int y = first; y < last && !od_interrupted(interrupt); y++) {
    const uint8_t *row = interleaved_row(job, y, copy);
    uint8_t *gray = od_target_row(job->gray, y, result);
    if (job->channels == 3)
      job->kernels->gray(w, row, job->weights, gray);
    else
      job->kernels->gray_over(w, row, job->weights, job->background, gray);
    od_target_finish(job->gray, y, gray);
  }
}

od_status od_gray(od_image_workspace *workspace, const od_view *pixels, ptrdiff_t channel,
                  od_channels channels, uint8_t background, const od_target *gray,
                  od_error *error) {
  const od_status status = od_check_same(pixels, gray, error);
  if (status) return status;
  const bool blue_first = channels == OD_BGR || channels == OD_BGRA;
  gray_job job = {&workspace->kernels->image,
                  pixels,
                  gray,
                  channel,
                  channels == OD_RGBA || channels == OD_BGRA ? 4 : 3,
                  background,
                  {blue_first ? BLUE : RED, GREEN, blue_first ? RED : BLUE}};
  const size_t w = (size_t)gray->w;
  return od_run_row_partitions(workspace, gray->h, w, 5 * w, gray_rows, &job, error);
}
