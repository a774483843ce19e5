/* cv2.getGaussianKernel. */
#ifndef OD_IMAGE_GAUSSIAN_KERNEL_H
#define OD_IMAGE_GAUSSIAN_KERNEL_H

/* taps (n), n odd, with sum 1: proportional to exp(-d^2 / (2 sigma^2)) at distance d from the
 * centre. With sigma <= 0, sigma is 0.15 n + 0.35, or up to n = 9 the taps are OpenCV's fixed
 * tables. */
void od_gaussian_kernel(int n, double sigma, double *taps);

#endif
