/* Networks of the shape of the shipped ones, with random weights. */
#ifndef MODELS_H
#define MODELS_H

#include "networks.h"

/* Of single digits, as the architectures "seed" and "default". */
od_network *seed_network(void);
od_network *default_network(void);

/* Of line images, which finds a symbol in some of the time steps. */
od_network *recognizer_network(void);

/* Of pages, which takes all foreground for numbers. */
od_network *detector_network(void);

/* Prepares it to run on one thread; the network is destroyed. */
runner runner_of(od_network *network, const od_kernels *kernels, od_precision precision);

#endif
