/* The argument checks of trainer.c. Private to train/. All errors are OD_ERROR_ARGUMENT. */
#ifndef OD_TRAIN_TRAINER_CHECKS_H
#define OD_TRAIN_TRAINER_CHECKS_H

#include "train/trainer.h"

/* Check every field of a config for a network. The error names the field. */
od_status od_check_train_config(const od_network *network, const od_train_config *config,
                                od_error *error);

/* Check images and labels for a network; `name` names the data in errors. */
od_status od_check_train_data(const od_network *network, const char *name,
                              const od_train_data *data, od_error *error);

/* Check that each row of the targets, if there are any, has probabilities, up to rounding. */
od_status od_check_train_targets(const od_network *network, const od_train_data *data,
                                 od_error *error);

#endif
