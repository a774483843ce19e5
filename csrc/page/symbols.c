#include "page/symbols.h"

#include "base/memory.h"

/* The part of od_symbols that holds one line. */
typedef struct line_symbols {
  int count;
  od_decoded_symbol *decoded;
  od_symbol *results;
  od_segment_range *ranges;
} line_symbols;

static od_symbol symbol_of(int line, const od_decoded_symbol *decoded) {
  od_symbol symbol = {.line = line,
                      .value = decoded->value,
                      .confidence = decoded->confidence,
                      .digit_probability = decoded->digit_probability};
  for (int d = 0; d < OD_DIGITS; d++) symbol.probabilities[d] = decoded->probabilities[d];
  return symbol;
}

/* Drops low-confidence symbols that have no segments or are not isolated; returns whether there
 * were any. */
static bool drop_unsupported(line_symbols *line) {
  bool keep[OD_LINE_MAX_WIDTH / OD_CTC_STRIDE]; /* a symbol has at least one time step */
  int kept = 0;
  for (int i = 0; i < line->count; i++)
    keep[i] = !line->decoded[i].low_confidence ||
              (line->ranges[i].count && od_is_isolated(line->count, line->results, i));
  for (int i = 0; i < line->count; i++) {
    if (!keep[i]) continue;
    line->decoded[kept] = line->decoded[i];
    line->results[kept++] = line->results[i];
  }
  const bool dropped = kept < line->count;
  line->count = kept;
  return dropped;
}

/* Appends the symbols of hypothesis `index`. */
static od_status add_line(const od_page *page, const od_line_hypotheses *hypotheses, int index,
                          const od_read_options *options, od_symbols *symbols, od_error *error) {
  const od_line_hypothesis *item = &hypotheses->items[index];
  line_symbols line = {0, symbols->decoded + symbols->count, symbols->results + symbols->count,
                       symbols->ranges + symbols->count};
  od_status status = options ? od_ctc_decode(item->steps, item->probabilities, options,
                                             line.decoded, &line.count, error)
                             : od_ctc_decode_candidates(item->steps, item->probabilities,
                                                        line.decoded, &line.count, error);
  for (int i = 0; i < line.count; i++) line.results[i] = symbol_of(item->line, &line.decoded[i]);
  do {
    if (status || !line.count) return status;
    status = od_find_symbol_boxes(page, &page->lines[item->line], &item->geometry, line.count,
                                  line.decoded, line.results, line.ranges, error);
  } while (!status && drop_unsupported(&line));
  for (int i = 0; i < line.count; i++) symbols->hypotheses[symbols->count++] = index;
  return status;
}

od_status od_symbols_decode(const od_page *page, const od_line_hypotheses *hypotheses,
                            const od_read_options *options, od_symbols *symbols, od_error *error) {
  size_t max_count = 0;
  for (int i = 0; i < hypotheses->count; i++) max_count += (size_t)hypotheses->items[i].steps;
  symbols->hypotheses = od_allocate(max_count, sizeof *symbols->hypotheses);
  symbols->decoded = od_allocate(max_count, sizeof *symbols->decoded);
  symbols->ranges = od_allocate(max_count, sizeof *symbols->ranges);
  symbols->results = od_allocate(max_count, sizeof *symbols->results);
  if (!symbols->hypotheses || !symbols->decoded || !symbols->ranges || !symbols->results)
    return od_fail_memory(error, "the symbols of a page");
  od_status status = OD_OK;
  for (int i = 0; i < hypotheses->count && !status; i++)
    status = add_line(page, hypotheses, i, options, symbols, error);
  return status;
}

void od_symbols_release(od_symbols *symbols) {
  od_release(symbols->hypotheses);
  od_release(symbols->decoded);
  od_release(symbols->ranges);
  od_release(symbols->results);
  *symbols = (od_symbols){0};
}
