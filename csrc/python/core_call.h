/* Calls of the core without the GIL, which signals end: Ctrl-C raises KeyboardInterrupt within a
 * tenth of a second. On the main thread, the core now and then has Python's signal handlers run;
 * they may run any code, so a core_call holds no lock. If one raises, the core ends with OD_STOPPED
 * and the exception stays set. */
#ifndef OD_PYTHON_CORE_CALL_H
#define OD_PYTHON_CORE_CALL_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "base/thread_pool.h"

typedef struct core_call {
  od_thread_pool pool; /* for functions of the core */
  od_interrupt interrupt;
  PyThreadState *thread; /* of the caller, without the GIL */
} core_call;

/* Release the GIL. The pool may be NULL; with `serial` its threads are not used. The call must not
 * move. */
void core_call_begin(core_call *call, const od_thread_pool *pool, bool serial);

/* Take the GIL back. Return `status`, or OD_STOPPED with an exception set if a signal handler has
 * raised it. */
od_status core_call_end(core_call *call, od_status status);

#endif
