#include "image/row_partition.h"

#include "base/math.h"
#include "base/memory.h"

enum {
  MIN_WORK = 1 << 17,       /* pixels' work that is worth another thread */
  PARTITIONS_PER_THREAD = 4 /* so that one slow thread does not delay the others */
};

typedef struct partition_run {
  od_row_task *task;
  void *job;
  int rows, partitions;
  size_t scratch;
  uint8_t *memory;         /* (workers, scratch) */
  od_interrupt *interrupt; /* NULL for little work */
} partition_run;

static void run_partition(void *context, int index, int worker) {
  const partition_run *r = context;
  const int first = (int)((int64_t)r->rows * index / r->partitions);
  const int last = (int)((int64_t)r->rows * (index + 1) / r->partitions);
  r->task(r->job, first, last, r->memory + (size_t)worker * r->scratch, r->interrupt);
}

od_status od_run_row_partitions(od_image_workspace *workspace, int rows, uint64_t row_cost,
                                size_t scratch, od_row_task *task, void *job, od_error *error) {
  const uint64_t worth = (uint64_t)rows * row_cost / MIN_WORK;
  const size_t threads = (size_t)od_thread_pool_threads(workspace->pool);
  size_t partitions = 1, workers = 1, bytes;
  if (threads > 1 && worth > 1) {
    partitions = od_min_size(PARTITIONS_PER_THREAD * threads, (size_t)rows);
    if (worth < partitions) partitions = (size_t)worth;
    workers = threads;
  }
  partition_run r = {task, job, rows, (int)partitions, od_aligned(scratch), NULL, NULL};
  if (worth > 1 && workspace->pool) r.interrupt = workspace->pool->interrupt;
  if (!od_multiply_size(workers, r.scratch, &bytes))
    return od_fail_memory(error, "an image's rows");
  r.memory = od_image_workspace_scratch(workspace, bytes);
  if (!r.memory) return od_fail_memory(error, "an image's rows");
  return od_thread_pool_run(workspace->pool, run_partition, &r, r.partitions);
}

void *od_image_workspace_scratch(od_image_workspace *workspace, size_t bytes) {
  if (workspace->scratch && workspace->scratch_bytes >= bytes) return workspace->scratch;
  od_image_workspace_release(workspace);
  workspace->scratch = od_allocate(bytes, 1);
  workspace->scratch_bytes = workspace->scratch ? bytes : 0;
  return workspace->scratch;
}

void od_image_workspace_release(od_image_workspace *workspace) {
  od_release(workspace->scratch);
  workspace->scratch = NULL;
  workspace->scratch_bytes = 0;
}
