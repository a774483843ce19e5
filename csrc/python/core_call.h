/* Calls of the core without the GIL, which signals end: Ctrl-C raises KeyboardInterrupt after the
 * present task or row, mostly within a tenth of a second. On the main thread, the only one that
 * runs them, the core now and then has Python's signal handlers run; they may run any code, so a
 * core_call holds no lock. If one raises, the core ends with OD_STOPPED and the exception stays
 * set. Other threads do not take the GIL before the core has ended. */
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

/* Release the GIL, after handlers of signals that have come: if one raises, the core ends at once.
 * The pool may be NULL; with `serial` its threads are not used. The call must not
 * move. */
void core_call_begin(core_call *call, const od_thread_pool *pool, bool serial);

/* With the GIL: whether the present thread is the one that runs signal handlers. One that raises
 * meanwhile leaves an exception set. */
bool core_call_on_main_thread(void);

/* With the GIL, during a call: run the handlers of signals that have come. Return whether one has
 * raised, or has forked and returned in the child, which has no threads to end the call; then an
 * exception is set. */
bool core_call_handler_raises(void);

/* Take the GIL back. Return `status`, or OD_STOPPED with an exception set if a signal handler has
 * raised it. */
od_status core_call_end(core_call *call, od_status status);

#endif
