#include "image/row_partition.h"

#include "base/memory.h"

enum {
  LEAST_WORK = 1 << 17, /* pixels' work that pay for another thread */
  BANDS_A_THREAD = 4    /* so that one slow thread does not hold up the others */
};

typedef struct deal {
  od_row_partition *band;
  void *job;
  int rows, bands;
  size_t scratch;
  uint8_t *memory; /* (workers, scratch) */
} deal;

static void run_band(void *context, int task, int worker) {
  const deal *d = context;
  const int first = (int)((int64_t)d->rows * task / d->bands);
  const int last = (int)((int64_t)d->rows * (task + 1) / d->bands);
  d->band(d->job, first, last, d->memory + (size_t)worker * d->scratch);
}

od_status od_run_row_partitions(od_image_workspace *imaging, int rows, size_t row_cost, size_t scratch, od_row_partition *band,
                       void *job, od_error *error) {
  const size_t worth = (size_t)rows * row_cost / LEAST_WORK;
  const size_t threads = (size_t)od_thread_pool_threads(imaging->pool);
  size_t bands = 1, workers = 1, bytes;
  if (threads > 1 && worth > 1) {
    bands = worth < BANDS_A_THREAD * threads ? worth : BANDS_A_THREAD * threads;
    bands = bands < (size_t)rows ? bands : (size_t)rows;
    workers = threads;
  }
  deal d = {band, job, rows, (int)bands, od_aligned(scratch), NULL};
  if (!od_multiply_size(workers, d.scratch, &bytes)) return od_fail_memory(error, "an image's rows");
  d.memory = od_image_workspace_scratch(imaging, bytes);
  if (!d.memory) return od_fail_memory(error, "an image's rows");
  od_thread_pool_run(bands > 1 ? imaging->pool : NULL, run_band, &d, d.bands);
  return OD_OK;
}

void *od_image_workspace_scratch(od_image_workspace *imaging, size_t bytes) {
  if (imaging->scratch && imaging->scratch_bytes >= bytes) return imaging->scratch;
  od_image_workspace_release(imaging);
  imaging->scratch = od_allocate(bytes, 1);
  imaging->scratch_bytes = imaging->scratch ? bytes : 0;
  return imaging->scratch;
}

void od_image_workspace_release(od_image_workspace *imaging) {
  od_release(imaging->scratch);
  imaging->scratch = NULL;
  imaging->scratch_bytes = 0;
}
