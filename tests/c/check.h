/* The test harness. A test program has static functions that call the CHECK macros,
 * and a main that names them:
 *
 *   int main(void) {
 *     RUN(test_something);
 *     return check_end();
 *   }
 *
 * A failed check prints where, what and the values, counts, and goes on. The last line
 * reads "N passed, N failed"; the exit status is 0 only if something passed and nothing
 * failed. Checks may be made from several threads. */
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { CHECK_MAX_PRINTED = 25 };

static atomic_long check_passed, check_failed;
static char check_case[256]; /* the case of a loop, see CHECK_CASE */

/* Counts one check; a failed one prints `format`. Returns `passed`. */
__attribute__((format(printf, 4, 5))) static inline bool check_count(bool passed, const char *file,
                                                                     int line, const char *format,
                                                                     ...) {
  if (passed) {
    atomic_fetch_add(&check_passed, 1);
    return true;
  }
  if (atomic_fetch_add(&check_failed, 1) < CHECK_MAX_PRINTED) {
    va_list arguments;
    va_start(arguments, format);
    printf("%s:%d: ", file, line);
    vprintf(format, arguments);
    printf("%s%s\n", check_case[0] ? "   in " : "", check_case);
    fflush(stdout);
    va_end(arguments);
  }
  return false;
}

static inline bool check_int(long long got, long long want, const char *what, const char *file,
                             int line) {
  return check_count(got == want, file, line, "%s: got %lld, want %lld", what, got, want);
}

static inline bool check_word(uint64_t got, uint64_t want, const char *what, const char *file,
                              int line) {
  return check_count(got == want, file, line, "%s: got %016llx, want %016llx", what,
                     (unsigned long long)got, (unsigned long long)want);
}

static inline bool check_near(double got, double want, double tolerance, const char *what,
                              const char *file, int line) {
  bool near = fabs(got - want) <= tolerance || (isinf(want) && got == want);
  return check_count(near, file, line, "%s: got %.9g, want %.9g within %.3g, error %.3g", what, got,
                     want, tolerance, fabs(got - want));
}

static inline bool check_contains(const char *text, const char *part, const char *what,
                                  const char *file, int line) {
  return check_count(strstr(text, part) != NULL, file, line, "%s: got \"%s\", want \"%s\" in it",
                     what, text, part);
}

/* Names the case of the checks that follow, in printf style; printed with each failure. */
#define CHECK_CASE(...) ((void)snprintf(check_case, sizeof check_case, __VA_ARGS__))

#define CHECK(CONDITION) check_count((CONDITION), __FILE__, __LINE__, "%s is false", #CONDITION)

#define CHECK_INT(GOT, WANT) \
  check_int((long long)(GOT), (long long)(WANT), #GOT, __FILE__, __LINE__)

#define CHECK_WORD(GOT, WANT) check_word((GOT), (WANT), #GOT, __FILE__, __LINE__) /* 64 bits */

#define CHECK_NEAR(GOT, WANT, TOLERANCE) \
  check_near((double)(GOT), (double)(WANT), (double)(TOLERANCE), #GOT, __FILE__, __LINE__)

#define CHECK_CONTAINS(TEXT, PART) check_contains((TEXT), (PART), #TEXT, __FILE__, __LINE__)

/* Runs a test and prints its number of checks and its time. */
#define RUN(TEST)                                                                              \
  do {                                                                                         \
    double run_began = od_clock_seconds();                                                     \
    long run_checks = check_passed + check_failed, run_failed = check_failed;                  \
    check_case[0] = 0;                                                                         \
    TEST();                                                                                    \
    printf("  %-44s %9ld checks %6.2f s%s\n", #TEST, check_passed + check_failed - run_checks, \
           od_clock_seconds() - run_began, check_failed > run_failed ? "   FAILED" : "");      \
    fflush(stdout);                                                                            \
  } while (0)

static inline int check_end(void) {
  if (check_failed > CHECK_MAX_PRINTED)
    printf("(only the first %d failures are printed)\n", CHECK_MAX_PRINTED);
  printf("%ld passed, %ld failed\n", (long)check_passed, (long)check_failed);
  return check_passed > 0 && check_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
