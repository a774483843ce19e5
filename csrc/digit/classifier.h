/* The classifier of single digits: 28x28 images to digits, probabilities and digit scores.
 *
 * Its model has ten classes, the digits, and perhaps an eleventh, "non-digit". One forward pass
 * gives both answers: the softmax over the ten scores which digit an image shows if it shows one,
 * and the eleventh score, compared with the ten, whether it shows one. Where the largest of the ten
 * probabilities is below a threshold, test-time augmentation (TTA) follows: the image is rotated
 * by 8 degrees, scaled by 0.9 and 1.1 and sheared by 0.15, either way each, and the probabilities
 * of the six and, with twice the weight, of the image itself are averaged geometrically.
 *
 * An od_classifier is plain data: a model and TTA tables that its caller owns, and how the scores
 * are used. */
#ifndef OD_DIGIT_CLASSIFIER_H
#define OD_DIGIT_CLASSIFIER_H

#include "base/api.h"
#include "digit/digit.h"
#include "digit/tta.h"
#include "nn/workspace.h"

OD_BEGIN_DECLS

typedef struct od_classifier {
  const od_model *model; /* from (28, 28, 1) to 10 or 11 classes */
  const od_tta *tta;     /* or NULL: no TTA */
  double tta_threshold;  /* images with a smaller maximum probability get TTA */
  double temperature;    /* > 0; all scores are divided by it (Guo et al., 2017) */
} od_classifier;

/* Whether a model of this input, these classes and this number of time steps can be a classifier's.
 */
bool od_is_classifier(od_shape input, int classes, int steps);

/* What to compute of a batch; any pointer may be NULL. */
typedef struct od_classification {
  int64_t *digits;        /* (n); -1 where the confidence is below `reject` */
  od_real *probabilities; /* (n, 10) */
  double *digit_scores;   /* (n): the probability that the image shows a digit; 1 for a model
                             without a non-digit class, 0 for an image of one level */
  double *confidences;    /* (n): the largest probability times the digit score */
  double reject;          /* in [0, 1]; 0: none */
} od_classification;

/* Classifies a batch, images->size 784, on the pool. Allocates nothing. Returns OD_OK, or
 * OD_STOPPED if the call of the pool was interrupted; so does od_classify_all. */
od_status od_classify(const od_classifier *classifier, od_workspace *workspace,
                      od_thread_pool *pool, const od_images *images,
                      const od_classification *result);

/* Of each image the probabilities of the model's classes, non-digit included, without TTA:
 * probabilities (n, 10 or 11). */
od_status od_classify_all(const od_classifier *classifier, od_workspace *workspace,
                          od_thread_pool *pool, const od_images *images, od_real *probabilities);

OD_END_DECLS

#endif
