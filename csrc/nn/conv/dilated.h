/* A convolution of stride 1 whose kernel elements lie `dilation` pixels apart. Every dilation-th
 * row and column of the padded image makes a phase image, dilation * dilation of them; of each the
 * convolution is an ordinary one, by the algorithm of the plan ("à trous", Holschneider et al.,
 * 1989; "space to batch"). Private to nn/conv. */
#ifndef OD_NN_CONV_DILATED_H
#define OD_NN_CONV_DILATED_H

#include "nn/conv/algorithm.h"

size_t od_conv_dilated_scratch(const od_op *op, const od_conv_algorithm *algorithm);
void od_conv_dilated_forward(const od_conv_args *args);
void od_conv_dilated_backward(const od_conv_args *args);

#endif
