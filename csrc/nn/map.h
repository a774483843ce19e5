/* A model with a map as output on pictures of any size, as the workspace (nn/workspace.h) allows:
 * its memory depends on the strides of the network, but not on the picture.
 *
 * A picture is cut into parts, the tasks of the thread pool. The rows of a part stream through the
 * layers, some at a time: each operation keeps the last rows of its input that its next outputs
 * need, so that only the borders of a part are computed twice. At the borders of the picture layers
 * see their padding, so that the result is that of the whole picture in one run, up to rounding;
 * it is the same bits at any number of threads. */
#ifndef OD_NN_MAP_H
#define OD_NN_MAP_H

#include "nn/workspace.h"

OD_BEGIN_DECLS

/* A picture and its results, each (h', w', ..) by od_model_map_shape, or NULL. */
typedef struct od_map_picture {
  const uint8_t *pixels; /* (h, w, c) of the input's channels c, rows `pitch` bytes apart */
  size_t pitch;
  int h, w;               /* for which h' and w' are not 0 */
  double scale;           /* the input is pixels * scale */
  od_real *scores;        /* (h', w', classes): class scores */
  od_real *probabilities; /* (h', w', classes): their softmax */
  uint8_t *bytes;         /* (h', w', classes): probabilities * 255, rounded */
  uint8_t *labels;        /* (h', w'): the class with the largest score */
} od_map_picture;

od_status od_model_run_map(const od_model *model, od_workspace *workspace, od_thread_pool *pool,
                           const od_map_picture *picture);

OD_END_DECLS

#endif
