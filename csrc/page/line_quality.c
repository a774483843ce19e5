#include "page/line_quality.h"

#include <math.h>

#include "base/memory.h"

/* Floor of probabilities. */
static const double min_probability = 1e-6;

/* Whether a line reaches the left or right side of the image, so that a symbol may be cut. */
static bool is_truncated(const od_page *page, const od_text_line *line) {
  return line->left <= 1 || line->right >= page->w - 1;
}

od_status od_measure_lines(const od_page *page, const od_line_hypotheses *hypotheses,
                           const od_symbols *symbols, const double *posteriors, double min_digit,
                           od_line_quality *qualities, od_error *error) {
  double *kept = od_allocate((size_t)hypotheses->count, 2 * sizeof *kept);
  if (!kept) return od_fail_memory(error, "the quality of lines");
  double *dropped = kept + hypotheses->count; /* log probability that no dropped digit is one */
  for (int i = 0; i < symbols->count; i++) {
    const double digit = od_digit_posterior(posteriors + (size_t)i * OD_CTC_CLASSES);
    const int hypothesis = symbols->hypotheses[i];
    if (od_is_digit(&symbols->decoded[i]) && digit < min_digit)
      dropped[hypothesis] += log(fmax(1 - digit, min_probability));
    else
      kept[hypothesis] +=
          (double)od_page_mass(page, symbols->ranges[i].first, symbols->ranges[i].count);
  }
  for (int i = 0; i < hypotheses->count; i++) {
    const od_line_hypothesis *item = &hypotheses->items[i];
    const od_text_line *line = &page->lines[item->line];
    const double mass = (double)od_page_mass(page, line->first, line->count);
    const double foreground = fmin(1, kept[i] / fmax(mass, 1));
    qualities[item->line] = (od_line_quality){.dropped = dropped[i],
                                              .foreground = log(fmax(foreground, min_probability)),
                                              .agreement = log(item->agreement),
                                              .truncated = is_truncated(page, line)};
  }
  od_release(kept);
  return OD_OK;
}
