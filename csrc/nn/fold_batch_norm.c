#include "nn/fold_batch_norm.h"

#include <math.h>
#include <string.h>

od_folded_size od_folded_sizes(const od_op *op) {
  size_t c = (size_t)op->out.c;
  if (op->kind == OD_BATCH_NORM || op->kind == OD_LAYER_NORM) return (od_folded_size){c, c};
  bool shifted = op->bias || op->norm >= 0; /* a folded norm brings a shift */
  return (od_folded_size){op->kernel_size, shifted ? c : 0};
}

/* y = scale x + shift of channel i of the batch norm at `layer`. */
static void norm_of_channel(const od_network *network, int layer, size_t i, double *scale,
                            double *shift) {
  double gamma = (double)od_network_find(network, layer, OD_GAMMA)->data[i];
  double beta = (double)od_network_find(network, layer, OD_BETA)->data[i];
  double mean = (double)od_network_find(network, layer, OD_MOVING_MEAN)->data[i];
  double variance = (double)od_network_find(network, layer, OD_MOVING_VARIANCE)->data[i];
  *scale = gamma / sqrt(variance + od_network_layer(network, layer)->epsilon);
  *shift = beta - mean * *scale;
}

void od_fold_batch_norm(const od_op *op, const od_network *network, od_real *kernel,
                        od_real *bias) {
  size_t c = (size_t)op->out.c;
  if (op->kind == OD_BATCH_NORM) {
    for (size_t i = 0; i < c; i++) {
      double scale, shift;
      norm_of_channel(network, op->layer, i, &scale, &shift);
      kernel[i] = (od_real)scale;
      bias[i] = (od_real)shift;
    }
    return;
  }
  if (!op->kernel_size) return;
  const bool norm = op->kind == OD_LAYER_NORM;
  const od_tensor *own_bias = od_network_find(network, op->layer, norm ? OD_BETA : OD_BIAS);
  memcpy(kernel, od_network_find(network, op->layer, norm ? OD_GAMMA : OD_KERNEL)->data,
         op->kernel_size * sizeof *kernel);
  if (own_bias) memcpy(bias, own_bias->data, c * sizeof *bias);
  if (op->norm < 0) return;
  for (size_t i = 0; i < c; i++) {
    double scale, shift;
    norm_of_channel(network, op->norm, i, &scale, &shift);
    bias[i] = (od_real)((own_bias ? (double)own_bias->data[i] : 0) * scale + shift);
    for (size_t at = i; at < op->kernel_size; at += c)
      kernel[at] = (od_real)((double)kernel[at] * scale);
  }
}
