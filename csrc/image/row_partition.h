/* Row partitions: the rows of an image divided among the threads of a pool, with scratch memory for
 * each. */
#ifndef OD_IMAGE_ROW_PARTITION_H
#define OD_IMAGE_ROW_PARTITION_H

#include "image/image.h"

/* Compute rows first .. last - 1 of a job. `scratch` belongs to this partition while it runs, is
 * aligned to OD_ALIGNMENT and not cleared. Partitions write different rows and read no row that
 * another one writes, so the result does not depend on their number. Tasks whose rows take long ask
 * od_interrupted(interrupt) for each, and return if so. */
typedef void od_row_task(void *job, int first, int last, void *scratch, od_interrupt *interrupt);

/* Divide `rows` rows, each with the work of `row_cost` pixels, into as many partitions as are worth
 * a thread and run them, each with `scratch` bytes. Errors: OD_ERROR_MEMORY; OD_STOPPED if the
 * workspace's pool was interrupted. */
od_status od_run_row_partitions(od_image_workspace *workspace, int rows, uint64_t row_cost,
                                size_t scratch, od_row_task *task, void *job, od_error *error);

/* Return the workspace's scratch memory with at least so many bytes, or NULL without memory. Its
 * contents are lost. */
void *od_image_workspace_scratch(od_image_workspace *workspace, size_t bytes);

/* n rounded up to the alignment of scratch memory. */
static inline size_t od_aligned(size_t n) { return (n + 63) / 64 * 64; }

#endif
