/* Line quality: dropped digits, unexplained foreground, agreement, truncated lines. */
#include <math.h>

#include "check.h"
#include "page/line_quality.h"

enum { SYMBOLS = 3, LINES = 2 };

/* Two lines: one of two symbols, the second of which is dropped, with a segment that belongs to
 * neither; and one of a separator, at the left side of the page. */
static void test_quality(void) {
  od_segment segments[] = {{.mass = 60}, {.mass = 30}, {.mass = 10}, {.mass = 50}};
  od_text_line lines[] = {{.first = 0, .count = 3, .left = 20, .right = 60},
                          {.first = 3, .count = 1, .left = 1, .right = 30}};
  const od_page page = {.h = 50,
                        .w = 100,
                        .line_count = LINES,
                        .lines = lines,
                        .segment_count = 4,
                        .segments = segments};
  od_line_hypothesis items[] = {{.line = 0, .agreement = 0.75}, {.line = 1, .agreement = 1}};
  const od_line_hypotheses hypotheses = {.per_line = 1, .count = LINES, .items = items};
  int of_line[SYMBOLS] = {0, 0, 1};
  od_segment_range ranges[SYMBOLS] = {{0, 1}, {1, 1}, {3, 1}};
  od_decoded_symbol decoded[SYMBOLS] = {{.value = 7}, {.value = 1}, {.value = OD_MINUS}};
  const od_symbols symbols = {
      .count = SYMBOLS, .hypotheses = of_line, .decoded = decoded, .ranges = ranges};
  double posteriors[SYMBOLS * OD_CTC_CLASSES] = {0};
  od_line_quality qualities[LINES];
  od_error error;
  posteriors[7] = 0.9;
  posteriors[OD_CTC_CLASSES + 1] = 0.2;
  posteriors[2 * OD_CTC_CLASSES + OD_MINUS] = 0.8;
  CHECK_INT(od_measure_lines(&page, &hypotheses, &symbols, posteriors, 0.4, qualities, &error),
            OD_OK);
  CHECK(fabs(qualities[0].dropped - log(0.8)) < 1e-12);
  CHECK(fabs(qualities[0].foreground - log(0.6)) < 1e-12);
  CHECK(fabs(qualities[0].agreement - log(0.75)) < 1e-12);
  CHECK(!qualities[0].truncated);
  CHECK(fabs(qualities[1].dropped) < 1e-12);
  CHECK(fabs(qualities[1].foreground) < 1e-12);
  CHECK(qualities[1].truncated);
}

int main(void) {
  RUN(test_quality);
  return check_end();
}
