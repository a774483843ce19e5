/* What a function of the core answers: a status, and, where the caller hands in
 * an od_error, a sentence that names the argument, what came and what was
 * expected. The core never prints and never exits. */
#ifndef OD_BASE_STATUS_H
#define OD_BASE_STATUS_H

typedef enum od_status {
  OD_OK = 0,
  OD_ERROR_ARGUMENT,    /* a value or a shape that the function does not take */
  OD_ERROR_MEMORY,      /* an allocation failed, or its size overflowed */
  OD_ERROR_UNAVAILABLE, /* this machine cannot do it (an instruction set, a thread) */
  OD_STOPPED            /* a callback asked to stop; all state is whole */
} od_status;

/* Owned by the caller; `message` is empty after OD_OK. */
typedef struct od_error {
  char message[320];
} od_error;

/* Writes the sentence (printf style) into `error`, which may be NULL, and
 * returns `status`, so that a check reads `return od_fail(error, ...)`. */
od_status od_fail(od_error *error, od_status status, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* The status for a failed allocation of `what`. */
od_status od_fail_memory(od_error *error, const char *what);

#endif
