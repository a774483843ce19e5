/* A workspace: the scratch memory in which a model runs, and the runs themselves. All memory is
 * allocated with the workspace; a run allocates nothing.
 *
 * A workspace belongs to one caller at a time, and to the model that it was created for, which
 * must outlive it. */
#ifndef OD_NN_WORKSPACE_H
#define OD_NN_WORKSPACE_H

#include "base/api.h"
#include "base/thread_pool.h"
#include "nn/images.h"
#include "nn/model.h"

OD_BEGIN_DECLS

typedef struct od_workspace od_workspace;

/* For thread pools of up to `threads` workers. Destroy with od_workspace_destroy.
 * Errors: OD_ERROR_MEMORY. */
od_status od_workspace_create(const od_model *model, int threads, od_workspace **workspace,
                              od_error *error);
void od_workspace_destroy(od_workspace *workspace); /* NULL is fine */

int od_workspace_threads(const od_workspace *workspace);

/* The pool, or NULL if it has more workers than the workspace has room for. */
od_thread_pool *od_workspace_pool(const od_workspace *workspace, od_thread_pool *pool);

/* scores (count, steps, classes), or of maps (count, h', w', classes): class scores, or with
 * `softmax` probabilities.
 * images->size must be the input's size. A pool of more workers than the workspace has room for
 * is not used. Returns OD_OK, or OD_STOPPED if the pool's call was interrupted, as all runs do. */
od_status od_model_run(const od_model *model, od_workspace *workspace, od_thread_pool *pool,
                       const od_images *images, bool softmax, od_real *scores);

/* A line image: of the input's height and channels, and of its own width. */
typedef struct od_line_image {
  const uint8_t *pixels; /* (h, width, c) */
  int width;             /* for which od_model_sequence_length_at is not 0 */
  od_real *scores;       /* (steps, classes) */
} od_line_image;

/* Scores, or probabilities, of line images (count); pixels are multiplied by `scale`. */
od_status od_model_run_lines(const od_model *model, od_workspace *workspace, od_thread_pool *pool,
                             size_t count, const od_line_image *lines, double scale, bool softmax);

/* ---- for tasks of a thread pool ---- */

/* Images that go through the layers together at most: enough for dense layers to reuse their
 * weights, few enough for the activations to stay in the second-level cache. */
enum { OD_MODEL_SLICE = 8 };

/* Where worker `worker` writes the pixels of its images, (OD_MODEL_SLICE, input size), and runs
 * the first n of them to scores (n, steps, classes). A run overwrites the pixels. A model of
 * lines runs one image at a time. */
od_real *od_workspace_input(const od_workspace *workspace, int worker);
void od_model_run_slice(const od_model *model, od_workspace *workspace, int worker, size_t n,
                        od_real *scores);

OD_END_DECLS

#endif
