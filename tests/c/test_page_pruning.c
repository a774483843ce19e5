/* Pruning: digits by their posteriors, separators beside digits. */
#include <string.h>

#include "check.h"
#include "page/pruning.h"

enum { MAX_COUNT = 8 };

/* Prunes symbols whose characters are `text`, 'x' being an improbable digit, '?' an improbable
 * separator, and '|' the end of a line. kept gets the characters of those that stay. */
static void prune(const char *text, char *kept) {
  static const char alphabet[] = "0123456789.,-+/:";
  int hypotheses[MAX_COUNT], count = 0, line = 0;
  od_decoded_symbol decoded[MAX_COUNT];
  od_segment_range ranges[MAX_COUNT];
  od_symbol results[MAX_COUNT];
  od_fusion_features features[MAX_COUNT];
  double posteriors[MAX_COUNT * OD_CTC_CLASSES] = {0};
  for (const char *c = text; *c; c++) {
    if (*c == '|') {
      line++;
      continue;
    }
    const bool improbable = *c == 'x' || *c == '?';
    const char symbol = *c == 'x' ? '8' : *c == '?' ? '-' : *c;
    const int value = (int)(strchr(alphabet, symbol) - alphabet);
    hypotheses[count] = line;
    ranges[count] = (od_segment_range){0, 0};
    decoded[count] = (od_decoded_symbol){.value = value};
    features[count] = (od_fusion_features){.verified = true};
    results[count] = (od_symbol){.line = line, .value = value};
    posteriors[count * OD_CTC_CLASSES + value] = improbable ? 0.3 : 0.9;
    posteriors[count * OD_CTC_CLASSES + OD_CTC_BLANK] = improbable ? 0.7 : 0.1;
    count++;
  }
  od_symbols symbols = {.count = count,
                        .hypotheses = hypotheses,
                        .decoded = decoded,
                        .ranges = ranges,
                        .results = results};
  od_keep_probable(features, true, 0.4, posteriors, &symbols);
  for (int i = 0; i < symbols.count; i++) kept[i] = alphabet[results[i].value];
  kept[symbols.count] = 0;
}

static void test_separators(void) {
  static const struct {
    const char *text, *kept;
  } cases[] = {{"12.50", "12.50"}, {"-3x", "-3"},   {"1.x", "1."}, {"x.1", ".1"},
               {"x,x", ""},        {"-:|4", "4"},   {"1?2", "12"}, {"x.-1", ".-1"},
               {"x./x", ""},       {"12|.x", "12"}, {"7|-+", "7"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char kept[MAX_COUNT + 1];
    CHECK_CASE("%s", cases[i].text);
    prune(cases[i].text, kept);
    CHECK(!strcmp(kept, cases[i].kept));
  }
}

int main(void) {
  RUN(test_separators);
  return check_end();
}
