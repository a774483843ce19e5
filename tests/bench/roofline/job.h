/* The input of the program: a network with its numbers, images, and recipes to train with, from a
 * file that ../roofline.py writes. It consists of words between white space; announced bytes follow
 * after one more character:
 *
 *   network 28 28 1 2                 the input's shape, the number of layers, and each:
 *   conv2d 32 3 1 1 1 1 0 0 0         kind, units, kernel, stride, same, bias, relu, rate,
 *   ...                               momentum, epsilon
 *   tensors 2                         and each with its name and its size:
 *   conv2d_1.kernel 288 <floats>
 *   recipes 1                         and each with its name, the batch, optimizer, beta1,
 *   seed 32 adam 0.9 0.999 1e-7 ...   beta2, epsilon, momentum, decay, clip, ema, smoothing,
 *   4                                 the number of augmentations, and each:
 *   rotation 1 reflect 0 -0.1 0.1     kind, probability, fill, value, and the parameters of
 *                                     the kind in the order of od_augment_step
 *   images 4000 784 <bytes> labels <bytes>                                            */
#ifndef JOB_H
#define JOB_H

#include "nn/images.h"
#include "nn/network.h"
#include "train/trainer.h"

enum { JOB_RECIPES = 4 };

typedef struct job_recipe {
  char name[32];
  od_train_config config; /* of one epoch, with a rate so small that the weights stay */
} job_recipe;

typedef struct job {
  od_network *network;
  od_images images;
  uint8_t *pixels, *labels; /* (images.count, images.size), (images.count) */
  int recipe_count;
  job_recipe recipes[JOB_RECIPES];
} job;

/* Reads the file; exits if it is invalid. Release with job_release. */
job job_read(const char *path);
void job_release(job *job);

#endif
