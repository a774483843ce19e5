#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

od_status od_fail(od_error *error, od_status status, const char *format, ...) {
  if (error) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
  }
  return status;
}

od_status od_fail_memory(od_error *error, const char *what) {
  return od_fail(error, OD_ERROR_MEMORY, "not enough memory for %s", what);
}
