#include "train/checkpoint.h"

#include <math.h>
#include <string.h>

#include "train/trainer_state.h"

void od_trainer_save(const od_trainer *t, od_checkpoint *checkpoint) {
  const run_position *at = &t->position;
  const bool validated = at->best.accuracy >= 0;
  *checkpoint = (od_checkpoint){.epochs_begun = t->epochs_begun,
                                .epoch = at->epoch,
                                .step = at->step,
                                .steps = at->steps,
                                .loss_sum = at->sums.loss,
                                .correct = at->sums.accuracy,
                                .count = at->sums.count,
                                .seconds = at->seconds,
                                .best_loss = validated ? at->best.loss : 0,
                                .best_accuracy = validated ? at->best.accuracy : 0,
                                .since_best = at->since_best,
                                .optimizer = od_optimizer_save(t->optimizer),
                                .weights = od_trainer_weights(t),
                                .best_weights = validated ? t->best_weights : NULL};
}

static od_status invalid(od_error *error, const char *name, double value, const char *expected) {
  return od_fail(error, OD_ERROR_ARGUMENT, "%s: got %g, expected %s", name, value, expected);
}

static od_status check_position(const od_trainer *t, const od_checkpoint *c, od_error *error) {
  const int epochs = t->config.epochs;
  const bool begun = c->step > 0;
  if (c->epoch < 0 || c->epoch > epochs)
    return od_fail(error, OD_ERROR_ARGUMENT, "epoch: got %d, expected 0 to %d", c->epoch, epochs);
  if (c->steps > UINT32_MAX || (!c->steps && c->epoch))
    return invalid(error, "steps", (double)c->steps, "1 to 4294967295");
  if (c->step > c->steps || (begun && c->epoch == epochs))
    return invalid(error, "step", (double)c->step, "at most the steps of the epoch");
  if (c->epochs_begun < (uint64_t)c->epoch + begun)
    return invalid(error, "epochs_begun", (double)c->epochs_begun, "at least those of the run");
  if (c->since_best < 0 || c->since_best > c->epoch)
    return invalid(error, "since_best", c->since_best, "0 to the number of epochs");
  return OD_OK;
}

static od_status check_metrics(const od_checkpoint *c, od_error *error) {
  if (!isfinite(c->loss_sum)) return invalid(error, "loss_sum", c->loss_sum, "a finite number");
  if (!(c->count >= 0 && isfinite(c->count)))
    return invalid(error, "count", c->count, "a number from 0");
  if (!(c->correct >= 0 && c->correct <= c->count))
    return invalid(error, "correct", c->correct, "0 to the count");
  if (!(c->seconds >= 0 && isfinite(c->seconds)))
    return invalid(error, "seconds", c->seconds, "a number from 0");
  if (!(c->best_accuracy >= 0 && c->best_accuracy <= 1))
    return invalid(error, "best_accuracy", c->best_accuracy, "0 to 1");
  return OD_OK;
}

static od_status check_weights(const char *name, const od_real *values, size_t count,
                               od_error *error) {
  for (size_t i = 0; i < count; i++)
    if (!isfinite(values[i])) return invalid(error, name, (double)values[i], "finite numbers");
  return OD_OK;
}

od_status od_trainer_restore(od_trainer *t, const od_checkpoint *c, od_error *error) {
  const size_t total = od_network_total_size(t->network);
  od_status status = check_position(t, c, error);
  if (!status) status = check_metrics(c, error);
  if (!status) status = check_weights("weights", c->weights, total, error);
  if (!status && c->best_weights)
    status = check_weights("best_weights", c->best_weights, total, error);
  if (!status) status = od_optimizer_restore(t->optimizer, &c->optimizer, error);
  if (status) return status;
  memmove(od_network_values(t->network), c->weights, t->total_bytes);
  od_network_clear_ranges(t->network); /* observed with other weights */
  if (c->best_weights) memmove(t->best_weights, c->best_weights, t->total_bytes);
  t->epochs_begun = c->epochs_begun;
  t->average_shown = false;
  t->restored = true;
  t->position = (run_position){.epoch = c->epoch,
                               .step = (size_t)c->step,
                               .steps = (size_t)c->steps,
                               .sums = {c->loss_sum, c->correct, c->count},
                               .seconds = c->seconds,
                               .best = {.loss = INFINITY, .accuracy = -1},
                               .since_best = c->since_best};
  if (c->best_weights)
    t->position.best = (metrics){.loss = c->best_loss, .accuracy = c->best_accuracy};
  return OD_OK;
}
