/* Kernels of Gaussians and pictures' borders, for what smooths. */
#ifndef OD_IMAGE_GAUSSIAN_H
#define OD_IMAGE_GAUSSIAN_H

/* taps (n), n odd, adding up to 1: exp(-d^2 / (2 sigma^2)) at distance d from the centre.
 * With sigma <= 0 it is 0.15 n + 0.35, or up to n = 9 a fixed table of OpenCV's. */
void od_gaussian_taps(int n, double sigma, double *taps);

#endif
