/* Reading of pages: any drawing, detector or not, classifier or not, constraints or not. Symbols
 * lie within the page. */
#include "fuzz/networks_of_reader.h"
#include "page/automaton.h"

static const od_fusion fusion = {.isolated = {0.5, 0.5, -3, 0.8, 0.4, 1, 0.2, 0.1},
                                 .touching = {0.8, 0.2, -3, 0.8, 0.4, 1, 0.2, 0.1},
                                 .prior_mean = 0.9,
                                 .prior_strength = 4,
                                 .min_probability = 0.1};

static void check_symbols(int h, int w, int count, const od_symbol *symbols) {
  for (int i = 0; i < count; i++) {
    const od_symbol *s = &symbols[i];
    require(s->value >= 0 && s->value < OD_SYMBOLS);
    require(s->confidence >= 0 && s->confidence <= 1.001f);
    require(0 <= s->left && s->left < s->right && s->right <= w);
    require(0 <= s->top && s->top < s->bottom && s->bottom <= h);
  }
}

/* NULL, a lexicon, or texts of an even length. */
static const od_automaton *take_automaton(fuzz_input *in) {
  static od_automaton *lexicon, *pairs;
  static const char *const words[] = {"12", "123", "7"};
  static const bool accepting[] = {true, false};
  od_transition transitions[2 * OD_DIGITS];
  if (!lexicon) {
    for (int i = 0; i < 2 * OD_DIGITS; i++)
      transitions[i] = (od_transition){i / OD_DIGITS, i % OD_DIGITS, 1 - i / OD_DIGITS};
    require(!od_automaton_create_lexicon(3, words, &lexicon, NULL));
    require(!od_automaton_create(2, accepting, 2 * OD_DIGITS, transitions, &pairs, NULL));
  }
  const int kind = take_byte(in) % 4;
  return kind == 1 ? lexicon : kind == 2 ? pairs : NULL;
}

static void read_page(fuzz_input *in, const od_reader *reader, int h, int w, const uint8_t *image) {
  const int kind = take_byte(in) % 4;
  od_thread_pool *pool = take_pool(in);
  od_error error = {{0}};
  if (kind == 3 && reader->classifier) {
    od_symbol_features found;
    require(succeeded(od_read_features(reader, h, w, image, pool, &found, &error), &error));
    check_symbols(h, w, found.count, found.symbols);
    od_symbol_features_release(&found);
  } else if (kind == 2) {
    od_symbol_crops found;
    require(succeeded(od_read_crops(reader, h, w, image, pool, &found, &error), &error));
    check_symbols(h, w, found.count, found.symbols);
    od_symbol_crops_release(&found);
  } else {
    od_reading found;
    const od_read_options options = {take_automaton(in), take_between(in, 1, OD_MAX_ALTERNATIVES)};
    require(succeeded(od_read(reader, h, w, image, &options, pool, &found, &error), &error));
    check_symbols(h, w, found.count, found.symbols);
    od_reading_release(&found);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  fuzz_input in = {bytes, size};
  const od_kernels *kernels = take_table(&in);
  const int flags = take_byte(&in);
  const reader_networks *networks = networks_of(kernels, OD_DIGITS + (flags & 1));
  const od_reader reader = {.kernels = kernels,
                            .detector = flags & 2 ? networks->detector.model : NULL,
                            .detector_workspace = networks->detector.workspace,
                            .recognizer = networks->recognizer.model,
                            .recognizer_workspace = networks->recognizer.workspace,
                            .classifier = flags & 4 ? &networks->of_classifier : NULL,
                            .classifier_workspace = networks->classifier.workspace,
                            .fusion = &fusion,
                            .shortcuts = {flags & 8, flags & 16}};
  const int h = take_between(&in, 1, 90), w = take_between(&in, 1, 120);
  fuzz_input options = in; /* the drawing uses up the input */
  for (int i = 0; i < 4; i++) take_byte(&in);
  uint8_t *image = take_picture(&in, h, w, 12);
  read_page(&options, &reader, h, w, image);
  free(image);
  return 0;
}
