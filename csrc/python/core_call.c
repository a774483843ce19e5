#include "core_call.h"

/* Run signal handlers, if signals have come; on other threads than the main one, do nothing. */
static bool handler_raises(void *context) {
  core_call *call = context;
  PyEval_RestoreThread(call->thread);
  const bool raises = PyErr_CheckSignals() < 0;
  call->thread = PyEval_SaveThread();
  return raises;
}

void core_call_begin(core_call *call, const od_thread_pool *pool, bool serial) {
  call->interrupt = od_interrupt_begin(handler_raises, call);
  call->pool = od_thread_pool_attach(pool, serial, &call->interrupt);
  call->thread = PyEval_SaveThread();
}

od_status core_call_end(core_call *call, od_status status) {
  PyEval_RestoreThread(call->thread);
  if (call->interrupt.requested || PyErr_CheckSignals() < 0) return OD_STOPPED;
  return status;
}
