/* Results of functions of the core: a status, and in the caller's od_error a message that names the
 * argument, its value and the expected one. The core never prints and never exits. */
#ifndef OD_BASE_STATUS_H
#define OD_BASE_STATUS_H

#include "base/api.h"

OD_BEGIN_DECLS

typedef enum od_status {
  OD_OK = 0,
  OD_ERROR_ARGUMENT,    /* an invalid value or shape */
  OD_ERROR_MEMORY,      /* an allocation failed, or its size overflowed */
  OD_ERROR_UNAVAILABLE, /* not available on this machine (an instruction set, a thread) */
  OD_STOPPED            /* stopped by a callback; all state is consistent */
} od_status;

/* Owned by the caller; `message` is empty after OD_OK. */
typedef struct od_error {
  char message[320];
} od_error;

/* Writes the message (printf style) into `error`, which may be NULL, and returns `status`, for
 * `return od_fail(error, ...)`. */
od_status od_fail(od_error *error, od_status status, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* Returns OD_ERROR_MEMORY, with a message for a failed allocation of `what`. */
od_status od_fail_memory(od_error *error, const char *what);

OD_END_DECLS

#endif
