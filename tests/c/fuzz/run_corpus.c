/* The main of a fuzz target without libFuzzer: runs each file that is named once, so that inputs
 * that were found once are tested in every build. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void run_file(const char *path) {
  FILE *file = fopen(path, "rb");
  long size = -1;
  if (file && !fseek(file, 0, SEEK_END)) size = ftell(file);
  uint8_t *bytes = size < 0 ? NULL : malloc((size_t)size + !size); /* no byte more */
  if (!bytes) {
    perror(path);
    exit(EXIT_FAILURE);
  }
  rewind(file);
  if (fread(bytes, 1, (size_t)size, file) != (size_t)size) {
    perror(path);
    exit(EXIT_FAILURE);
  }
  fclose(file);
  LLVMFuzzerTestOneInput(bytes, (size_t)size);
  free(bytes);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "no inputs: the corpus is empty\n");
    return EXIT_FAILURE;
  }
  for (int i = 1; i < argc; i++) run_file(argv[i]);
  printf("%d inputs passed\n", argc - 1);
  return EXIT_SUCCESS;
}
