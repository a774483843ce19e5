#include "train/trainer_checks.h"

#include <math.h>

#include "nn/ctc.h"

static od_status invalid(od_error *error, const char *name, double value, const char *expected) {
  return od_fail(error, OD_ERROR_ARGUMENT, "%s: got %g, expected %s", name, value, expected);
}

static od_status check_numbers(const od_train_config *c, od_error *error) {
  const od_optimizer_config *o = &c->optimizer;
  const od_schedule *s = &c->schedule;
  if ((unsigned)o->kind > OD_ADAMW)
    return invalid(error, "optimizer", o->kind, "sgd, adam or adamw");
  if ((unsigned)s->kind > OD_ONE_CYCLE)
    return invalid(error, "schedule", s->kind, "constant, cosine or one_cycle");
  if (c->epochs < 1) return invalid(error, "epochs", c->epochs, "at least 1");
  if (c->batch_size < 1 || c->batch_size > 65536)
    return invalid(error, "batch_size", c->batch_size, "1 to 65536");
  if (!(s->peak > 0 && s->peak <= 1e3))
    return invalid(error, "learning_rate", s->peak, "0 < learning_rate <= 1000");
  if (!(s->warmup >= 0 && s->warmup < 1))
    return invalid(error, "warmup", s->warmup, "0 <= warmup < 1");
  if (!(s->divisor >= 1 && isfinite(s->divisor)))
    return invalid(error, "divisor", s->divisor, "at least 1");
  if (!(s->final_divisor >= 1 && isfinite(s->final_divisor)))
    return invalid(error, "final_divisor", s->final_divisor, "at least 1");
  if (!(o->momentum >= 0 && o->momentum < 1))
    return invalid(error, "momentum", o->momentum, "0 <= momentum < 1");
  if (!(o->beta1 >= 0 && o->beta1 < 1))
    return invalid(error, "beta_1", o->beta1, "0 <= beta_1 < 1");
  if (!(o->beta2 >= 0 && o->beta2 < 1))
    return invalid(error, "beta_2", o->beta2, "0 <= beta_2 < 1");
  if (!(o->epsilon >= 1e-30 && o->epsilon <= 1)) /* in float too, more than 0 */
    return invalid(error, "epsilon", o->epsilon, "1e-30 <= epsilon <= 1");
  if (!(o->decay >= 0 && o->decay * s->peak < 1))
    return invalid(error, "weight_decay", o->decay, "at least 0, and below 1 / learning_rate");
  if (!(o->clip_norm >= 0 && isfinite(o->clip_norm)))
    return invalid(error, "clip_norm", o->clip_norm, "at least 0");
  if (!(o->ema >= 0 && o->ema < 1)) return invalid(error, "ema", o->ema, "0 <= ema < 1");
  if (!(c->label_smoothing >= 0 && c->label_smoothing < 1))
    return invalid(error, "label_smoothing", c->label_smoothing, "0 <= label_smoothing < 1");
  if (c->patience < 0) return invalid(error, "patience", c->patience, "at least 0");
  return OD_OK;
}

static od_status check_class_weights(const od_network *network, const od_train_config *config,
                                     od_error *error) {
  const int classes = od_network_classes(network);
  double sum = 0;
  if (!config->class_count) return OD_OK;
  if (od_network_output(network).h == 1)
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "class_weights: the network does not label pixels, expected none");
  if (config->class_count != classes)
    return od_fail(error, OD_ERROR_ARGUMENT, "class_weights: got %d numbers, expected %d",
                   config->class_count, classes);
  for (int i = 0; i < classes; i++) {
    const double weight = config->class_weights[i];
    if (!(weight >= 0 && weight <= 1e6))
      return invalid(error, "class_weights", weight, "0 <= weight <= 1e6");
    sum += weight;
  }
  return sum > 0 ? OD_OK : invalid(error, "class_weights", sum, "a sum above 0");
}

od_status od_check_train_config(const od_network *network, const od_train_config *config,
                                od_error *error) {
  const od_shape in = od_network_input(network);
  const bool fits = in.c == 1 && in.h <= OD_MAX_AUGMENT_SIDE && in.w <= OD_MAX_AUGMENT_SIDE;
  od_status status = check_numbers(config, error);
  if (!status) status = check_class_weights(network, config, error);
  if (!status) status = od_augment_check(&config->augment, error);
  if (status) return status;
  if (config->augment.count && od_network_output(network).h > 1)
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "augment: the network labels pixels, which would move, expected none");
  if (config->augment.count && !fits)
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "augment: images are (%d, %d, %d), expected one channel and sides up to %d",
                   in.h, in.w, in.c, OD_MAX_AUGMENT_SIDE);
  return OD_OK;
}

/* Check that each label sequence fits into the network's time steps. */
static od_status check_sequences(const od_network *network, const char *name,
                                 const od_train_data *data, od_error *error) {
  const size_t steps = (size_t)od_network_sequence_length(network);
  for (size_t i = 0; i < data->images.count; i++) {
    const size_t needed = od_ctc_min_steps(data->labels + i * data->length, data->length,
                                           od_network_classes(network) - 1);
    if (needed > steps)
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "%s: the labels at index %zu need %zu time steps, the network has %zu", name,
                     i, needed, steps);
  }
  return OD_OK;
}

/* Check the labels of pixels. */
static od_status check_maps(const od_network *network, const char *name, const od_train_data *data,
                            od_error *error) {
  const od_shape out = od_network_output(network);
  const size_t pixels = (size_t)out.h * (size_t)out.w;
  bool labelled = false;
  for (size_t i = 0; i < data->images.count * pixels; i++) {
    if (data->labels[i] == OD_IGNORE_LABEL) continue;
    if (data->labels[i] >= out.c)
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "%s: label %d of a pixel of image %zu, expected 0 to %d, or %d to ignore it",
                     name, data->labels[i], i / pixels, out.c - 1, OD_IGNORE_LABEL);
    labelled = true;
  }
  if (labelled) return OD_OK;
  return od_fail(error, OD_ERROR_ARGUMENT, "%s: no pixel has a label", name);
}

od_status od_check_train_data(const od_network *network, const char *name,
                              const od_train_data *data, od_error *error) {
  const int classes = od_network_classes(network);
  const size_t expected = od_shape_size(od_network_input(network));
  if (!data->images.count || data->images.count > UINT32_MAX)
    return od_fail(error, OD_ERROR_ARGUMENT, "%s: got %zu images, expected 1 to 4294967295", name,
                   data->images.count);
  if (data->images.size != expected)
    return od_fail(error, OD_ERROR_ARGUMENT, "%s: got images of %zu numbers, expected %zu", name,
                   data->images.size, expected);
  const od_shape out = od_network_output(network);
  if (out.h > 1) return check_maps(network, name, data, error);
  const size_t steps = (size_t)out.w, length = steps > 1 ? data->length : 1;
  if (!length || length > steps)
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "%s: got label sequences of length %zu, expected 1 to %zu", name, length, steps);
  for (size_t i = 0; i < data->images.count * length; i++)
    if (data->labels[i] >= classes)
      return od_fail(error, OD_ERROR_ARGUMENT, "%s: label %d at index %zu, expected 0 to %d", name,
                     data->labels[i], i / length, classes - 1);
  return steps > 1 ? check_sequences(network, name, data, error) : OD_OK;
}

od_status od_check_train_targets(const od_network *network, const od_train_data *data,
                                 od_error *error) {
  const size_t classes = (size_t)od_network_classes(network);
  const od_shape out = od_network_output(network);
  if (data->targets && (out.w > 1 || out.h > 1))
    return od_fail(error, OD_ERROR_ARGUMENT, "targets: the network has label %s, expected none",
                   out.h > 1 ? "maps" : "sequences");
  for (size_t i = 0; data->targets && i < data->images.count; i++) {
    const od_real *row = data->targets + i * classes;
    double sum = 0;
    bool positive = true;
    for (size_t k = 0; k < classes; k++) {
      positive = positive && row[k] >= 0;
      sum += (double)row[k];
    }
    if (!positive || !(fabs(sum - 1) <= 1e-3))
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "targets: row %zu has sum %g, expected probabilities with sum 1", i, sum);
  }
  return OD_OK;
}
