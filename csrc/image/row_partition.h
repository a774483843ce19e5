/* A picture's rows dealt out to the threads of a pool, with scratch memory for each. */
#ifndef OD_IMAGE_ROW_PARTITION_H
#define OD_IMAGE_ROW_PARTITION_H

#include "image/image.h"

/* Works on rows first .. last - 1; `scratch` is this band's alone while it runs, aligned
 * to OD_ALIGNMENT and not cleared. Bands write different rows and read no row that
 * another one writes, so that their number never shows. */
typedef void od_row_partition(void *job, int first, int last, void *scratch);

/* Cuts `rows` rows, of `row_cost` pixels' work each, into as many bands as are worth a
 * thread and runs them; each gets `scratch` bytes. Errors: OD_ERROR_MEMORY. */
od_status od_run_row_partitions(od_image_workspace *imaging, int rows, size_t row_cost, size_t scratch, od_row_partition *band,
                       void *job, od_error *error);

/* The imaging's scratch memory, made at least so large; NULL when there is no memory. What
 * it held is lost. */
void *od_image_workspace_scratch(od_image_workspace *imaging, size_t bytes);

/* n rounded up so that what comes after it in scratch memory is aligned. */
static inline size_t od_aligned(size_t n) { return (n + 63) / 64 * 64; }

#endif
