/* Reading: from a gray image to the digits on it, line by line.
 *
 * Layout analysis groups the foreground into text lines. Each line is rectified to a line image of
 * OD_LINE_HEIGHT rows, at several scales; the recognizer, a network trained with CTC loss, gives
 * class probabilities for every OD_CTC_STRIDE-th column of it. These are decoded to symbols, and
 * the foreground segments of the line are assigned to the symbols, which gives their boxes. A
 * classifier of single digits then verifies each symbol on a crop of the image, and log-linear
 * fusion combines its scores with the recognizer's.
 *
 * All images are (h, w) of bytes, with sides of 1 to OD_MAX_IMAGE_SIDE. Errors of all functions:
 * OD_ERROR_ARGUMENT for other sides, models of other shapes, and a fusion weight outside
 * +-OD_MAX_FUSION_WEIGHT; OD_ERROR_MEMORY. */
#ifndef OD_PAGE_READ_H
#define OD_PAGE_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/api.h"
#include "base/thread_pool.h"
#include "base/status.h"
#include "digit/classifier.h"
#include "nn/workspace.h"
#include "page/automaton.h"

OD_BEGIN_DECLS

/* The alphabet: the digits and the separators ". , - + / :". */
enum {
  OD_POINT = OD_DIGITS,
  OD_COMMA,
  OD_MINUS,
  OD_PLUS,
  OD_SLASH,
  OD_COLON,
  OD_SYMBOLS /* their number */
};

/* Input of the recognizer, its classes (the alphabet and CTC's blank) and the pixels between two
 * time steps of its output. */
enum {
  OD_LINE_HEIGHT = 32,
  OD_LINE_MAX_WIDTH = 1024,
  OD_CTC_CLASSES = OD_SYMBOLS + 1,
  OD_CTC_STRIDE = 4
};

/* ---- what reads ---- */

/* Weights of log-linear score fusion. The probabilities of the ten digits are proportional to the
 * recognizer's to the power `recognizer` times the classifier's to the power `classifier`. The log
 * odds that a symbol is a digit at all, if digits and non-digits are equally frequent, are
 * bias + recognizer_odds * the recognizer's log odds + classifier_odds * the classifier's +
 * detector_odds * the detector's of number against other writing in its box + surroundings_odds *
 * those in it and around it + foreground * the logarithm of the proportion of its line's foreground
 * that is in symbols. */
typedef struct od_fusion_weights {
  double recognizer, classifier, bias, recognizer_odds, classifier_odds, foreground, detector_odds,
      surroundings_odds;
} od_fusion_weights;

/* The proportion of digits among the symbols of a page is estimated by EM, with a Beta prior of
 * mean prior_mean that counts as much as prior_strength symbols. */
typedef struct od_fusion {
  od_fusion_weights isolated; /* of symbols that no neighbour in the line overlaps, */
  od_fusion_weights touching; /* and of the others */
  double prior_mean, prior_strength;
  double min_probability; /* of being a digit; less probable symbols are dropped, if no automaton is
                             given */
} od_fusion;

#define OD_MAX_FUSION_WEIGHT 1e9

/* What a reader leaves out to be fast; zeros: nothing. */
typedef struct od_shortcuts {
  bool one_scale;   /* lines are recognized at one scale, without others that vote */
  bool one_reading; /* no page is read rotated, and no field without the detector as well */
} od_shortcuts;

/* What reads an image. It is plain data of one caller: its models and weights may be shared with
 * other readers, its workspaces not. */
typedef struct od_reader {
  const od_kernels *kernels; /* of image operations */
  const od_model *detector;  /* of numbers, see page/detector.h; NULL: all foreground is read */
  od_workspace *detector_workspace;
  const od_model *recognizer; /* (OD_LINE_HEIGHT, OD_LINE_MAX_WIDTH, 1) to time steps of
                                 OD_CTC_CLASSES classes */
  od_workspace *recognizer_workspace;
  const od_classifier *classifier; /* NULL: symbols are not verified */
  od_workspace *classifier_workspace;
  const od_fusion *fusion; /* required with a classifier */
  od_shortcuts shortcuts;
} od_reader;

enum { OD_MAX_ALTERNATIVES = 32 };

typedef struct od_read_options {
  /* Accepts the texts that a line may be; lines that can have none have no symbols. NULL: any. */
  const od_automaton *automaton;
  int alternatives; /* with an automaton: the most probable texts of each line to read, 1 to
                       OD_MAX_ALTERNATIVES */
} od_read_options;

/* ---- what is read ---- */

typedef struct od_symbol {
  int line;                        /* index of its line on the page, in reading order */
  int value;                       /* of the alphabet */
  int left, top, right, bottom;    /* box; right and bottom are exclusive */
  float confidence;                /* probability that it is this symbol */
  float symbol_probability;        /* probability that it is a symbol at all */
  float probabilities[OD_SYMBOLS]; /* of each symbol, given that it is one */
} od_symbol;

/* One of the most probable texts of a line. */
typedef struct od_alternative {
  int line;
  int length;             /* number of its symbols, 1 or more */
  double log_probability; /* of its most probable path, after score fusion */
} od_alternative;

/* What tells how probably the whole text of a line is right, beside the confidences of its symbols.
 * Logarithms are floored at that of 1e-6. */
typedef struct od_line_quality {
  double dropped;    /* log probability that no digit is among the symbols that were dropped */
  double foreground; /* log of the proportion of its foreground that is in symbols */
  double agreement;  /* log of the proportion of votes of its hypotheses for as many symbols */
  bool truncated;    /* it reaches the left or right side of the image */
} od_line_quality;

/* Seconds that the stages of a reading took, all of its attempts together. */
typedef struct od_read_seconds {
  double segment;   /* foreground, detector, components, lines and segments */
  double recognize; /* line images, recognizer, decoding */
  double classify;  /* crops, classifier, score fusion */
} od_read_seconds;

/* Symbols of a page in reading order; release with od_reading_release. With an automaton, the
 * symbols of all alternatives follow each other, those of a line in descending order of
 * probability. */
typedef struct od_reading {
  int count;
  od_symbol *symbols;         /* (count) */
  int line_count;             /* 0 without a classifier */
  od_line_quality *qualities; /* (line_count) */
  int alternative_count;
  od_alternative *alternatives; /* (alternative_count) */
  od_read_seconds seconds;
} od_reading;

/* Reads an image. Without a classifier the symbols are the recognizer's. */
od_status od_read(const od_reader *reader, int h, int w, const uint8_t *image,
                  const od_read_options *options, od_thread_pool *pool, od_reading *reading,
                  od_error *error);
void od_reading_release(od_reading *reading);

/* ---- intermediate results, to train on ---- */

/* Digits before verification, low-confidence ones included, and their crops; release with
 * od_symbol_crops_release. */
typedef struct od_symbol_crops {
  int count;
  od_symbol *symbols; /* (count), those that have segments */
  float *crops;       /* (count, OD_DIGIT_SIDE, OD_DIGIT_SIDE) in [0, 1]: the classifier's input */
} od_symbol_crops;

od_status od_read_crops(const od_reader *reader, int h, int w, const uint8_t *image,
                        od_thread_pool *pool, od_symbol_crops *crops, od_error *error);
void od_symbol_crops_release(od_symbol_crops *crops);

/* What score fusion combines for a symbol. Probabilities are floored at 1e-6, the detector's at
 * 1/256. */
typedef struct od_fusion_features {
  double recognizer[OD_DIGITS]; /* log probabilities of the digits, given that it is one */
  double classifier[OD_DIGITS]; /* log probabilities of the classes */
  double recognizer_odds, classifier_odds; /* log odds that it is a digit */
  double foreground;        /* log of the proportion of its line's foreground that is in symbols */
  double detector_odds;     /* log odds of number against other writing in its box; 0 if there is
                               neither, and those of most digits without a detector */
  double surroundings_odds; /* the same in its box and up to two heights beside it */
  bool isolated;            /* no neighbour in its line overlaps it horizontally or touches it */
  bool verified;            /* the classifier was run on it; else its features are meaningless */
} od_fusion_features;

/* Digits before fusion and their features; release with od_symbol_features_release. */
typedef struct od_symbol_features {
  int count;
  od_symbol *symbols;           /* (count), low-confidence ones included */
  od_fusion_features *features; /* (count) */
} od_symbol_features;

/* `reader` has a classifier; its fusion may be NULL. */
od_status od_read_features(const od_reader *reader, int h, int w, const uint8_t *image,
                           od_thread_pool *pool, od_symbol_features *features, od_error *error);
void od_symbol_features_release(od_symbol_features *features);

OD_END_DECLS

#endif
