/* What all modules agree on about a digit: its classes and the size of its image. */
#ifndef OD_DIGIT_DIGIT_H
#define OD_DIGIT_DIGIT_H

enum {
  OD_DIGITS = 10,
  OD_NON_DIGIT = OD_DIGITS, /* the class after the ten digits, of networks that have it */
  OD_DIGIT_SIDE = 28        /* pixels */
};

#endif
