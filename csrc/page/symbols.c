#include "page/symbols.h"

#include <math.h>

#include "base/memory.h"

void od_set_posteriors(const double *posteriors, od_symbol *symbol) {
  const double any = fmax(0, 1 - posteriors[OD_CTC_BLANK]);
  symbol->symbol_probability = (float)any;
  for (int s = 0; s < OD_SYMBOLS; s++)
    symbol->probabilities[s] = (float)(any > 0 ? posteriors[s] / any : 1.0 / OD_SYMBOLS);
  symbol->confidence = (float)posteriors[symbol->value];
}

/* The part of od_symbols that holds one line. */
typedef struct line_symbols {
  int count;
  od_decoded_symbol *decoded;
  od_symbol *results;
  od_segment_range *ranges;
} line_symbols;

static od_symbol symbol_of(int line, const od_decoded_symbol *decoded) {
  od_symbol symbol = {.line = line, .value = decoded->value};
  od_set_posteriors(decoded->posteriors, &symbol);
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

/* Appends the symbols of hypothesis `index`: those of a text, or if it is NULL those of its most
 * probable path, with low-confidence ones or without. */
static od_status add_line(const od_page *page, const od_line_hypotheses *hypotheses, int index,
                          const od_text *text, bool low_confidence, od_symbols *symbols,
                          od_error *error) {
  const od_line_hypothesis *item = &hypotheses->items[index];
  line_symbols line = {0, symbols->decoded + symbols->count, symbols->results + symbols->count,
                       symbols->ranges + symbols->count};
  od_status status;
  if (text) {
    line.count = text->length;
    status = od_ctc_align(item->steps, item->probabilities, text, line.decoded, error);
  } else {
    status = (low_confidence ? od_ctc_decode_candidates : od_ctc_decode)(
        item->steps, item->probabilities, line.decoded, &line.count, error);
  }
  for (int i = 0; i < line.count; i++) line.results[i] = symbol_of(item->line, &line.decoded[i]);
  do {
    if (status || !line.count) return status;
    status = od_find_symbol_boxes(page, &page->lines[item->line], &item->geometry, line.count,
                                  line.decoded, line.results, line.ranges, error);
  } while (!status && drop_unsupported(&line));
  for (int i = 0; i < line.count; i++) symbols->hypotheses[symbols->count++] = index;
  return status;
}

static od_status allocate_symbols(size_t max_count, od_symbols *symbols, od_error *error) {
  symbols->hypotheses = od_allocate(max_count, sizeof *symbols->hypotheses);
  symbols->decoded = od_allocate(max_count, sizeof *symbols->decoded);
  symbols->ranges = od_allocate(max_count, sizeof *symbols->ranges);
  symbols->results = od_allocate(max_count, sizeof *symbols->results);
  if (symbols->hypotheses && symbols->decoded && symbols->ranges && symbols->results) return OD_OK;
  return od_fail_memory(error, "the symbols of a page");
}

/* The texts (hypotheses) that the automaton accepts, and the symbols in all of them. */
static od_status find_texts(const od_line_hypotheses *hypotheses, const od_read_options *options,
                            od_texts *texts, size_t *symbol_count, od_error *error) {
  od_status status = OD_OK;
  *symbol_count = 0;
  for (int i = 0; i < hypotheses->count && !status; i++) {
    const od_line_hypothesis *item = &hypotheses->items[i];
    status = od_ctc_find_texts(item->steps, item->probabilities, options->automaton,
                               options->alternatives, &texts[i], error);
    for (int k = 0; k < texts[i].count; k++) *symbol_count += (size_t)texts[i].items[k].length;
  }
  return status;
}

/* Adds the symbols of all texts. */
static od_status add_texts(const od_page *page, const od_line_hypotheses *hypotheses,
                           const od_texts *texts, od_symbols *symbols, od_error *error) {
  od_status status = OD_OK;
  symbols->alternatives =
      od_allocate((size_t)hypotheses->count * OD_MAX_ALTERNATIVES, sizeof *symbols->alternatives);
  if (!symbols->alternatives) return od_fail_memory(error, "the alternatives of lines");
  for (int i = 0; i < hypotheses->count; i++)
    for (int k = 0; k < texts[i].count && !status; k++) {
      const od_text *text = &texts[i].items[k];
      if (!text->length) continue;
      symbols->alternatives[symbols->alternative_count++] =
          (od_alternative){hypotheses->items[i].line, text->length, text->log_probability};
      status = add_line(page, hypotheses, i, text, false, symbols, error);
    }
  return status;
}

static od_status decode_constrained(const od_page *page, const od_line_hypotheses *hypotheses,
                                    const od_read_options *options, od_symbols *symbols,
                                    od_error *error) {
  size_t symbol_count;
  od_texts *texts = od_allocate((size_t)hypotheses->count, sizeof *texts);
  if (!texts) return od_fail_memory(error, "the texts of lines");
  od_status status = find_texts(hypotheses, options, texts, &symbol_count, error);
  if (!status) status = allocate_symbols(symbol_count, symbols, error);
  if (!status) status = add_texts(page, hypotheses, texts, symbols, error);
  for (int i = 0; i < hypotheses->count; i++) od_texts_release(&texts[i]);
  od_release(texts);
  return status;
}

od_status od_symbols_decode(const od_page *page, const od_line_hypotheses *hypotheses,
                            const od_read_options *options, od_symbols *symbols, od_error *error) {
  size_t max_count = 0;
  if (options && options->automaton)
    return decode_constrained(page, hypotheses, options, symbols, error);
  for (int i = 0; i < hypotheses->count; i++) max_count += (size_t)hypotheses->items[i].steps;
  od_status status = allocate_symbols(max_count, symbols, error);
  for (int i = 0; i < hypotheses->count && !status; i++)
    status = add_line(page, hypotheses, i, NULL, !options, symbols, error);
  return status;
}

void od_symbols_release(od_symbols *symbols) {
  od_release(symbols->hypotheses);
  od_release(symbols->decoded);
  od_release(symbols->ranges);
  od_release(symbols->results);
  od_release(symbols->alternatives);
  *symbols = (od_symbols){0};
}
