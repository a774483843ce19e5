/* Usage:
 *   instructions --list      prints the names of the paths, one a line
 *   instructions PATH ISA    runs one, with the kernels of this instruction set */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "paths.h"

static const path *const groups[] = {network_paths, image_paths, page_paths};
enum { GROUPS = sizeof groups / sizeof *groups };

/* Called through its address, so that callgrind sees calls of it whatever the compiler inlines. */
__attribute__((noinline)) void measure(void (*work)(void *context), void *context) {
  work(context);
  __asm__ volatile("" ::: "memory"); /* keeps the call from being the function's last jump */
}

void require(od_status status, const od_error *error) {
  if (!status) return;
  fprintf(stderr, "instructions: %s\n", error->message);
  exit(EXIT_FAILURE);
}

void expect(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "instructions: expected %s\n", what);
  exit(EXIT_FAILURE);
}

static void list(void) {
  for (int i = 0; i < GROUPS; i++)
    for (const path *p = groups[i]; p->name; p++) puts(p->name);
}

static const path *find(const char *name) {
  for (int i = 0; i < GROUPS; i++)
    for (const path *p = groups[i]; p->name; p++)
      if (strcmp(p->name, name) == 0) return p;
  return NULL;
}

int main(int count, char **arguments) {
  if (count == 2 && strcmp(arguments[1], "--list") == 0) {
    list();
    return EXIT_SUCCESS;
  }
  const path *chosen = count == 3 ? find(arguments[1]) : NULL;
  expect(chosen, "--list, or the name of a path and an instruction set");
  const od_kernels *kernels;
  od_error error;
  require(od_kernels_select(arguments[2], &kernels, &error), &error);
  chosen->run(kernels);
  return EXIT_SUCCESS;
}
