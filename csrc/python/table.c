#include "table.h"

#include <string.h>

#include "arguments.h"
#include "base/memory.h"
#include "convert.h"
#include "core_call.h"
#include "errors.h"
#include "module.h"
#include "page/page.h"
#include "page/table.h"
#include "runtime.h"

/* A call of the core and what it owns. */
typedef struct table_call {
  int h, w;
  const uint8_t *image; /* (h, w) */
  od_table_options options;
  uint8_t *foreground; /* (h, w) */
  od_table table;
  od_table_layout layout;
  uint8_t *rectified; /* (tops[rows], lefts[columns]): foreground without lines */
  uint8_t *gray;      /* (tops[rows], lefts[columns]) */
} table_call;

/* Rectify the table that was found; one that does not fit in a rectified image is left out. */
static od_status rectify(table_call *call, od_image_workspace *workspace, od_error *error) {
  const od_table *table = &call->table;
  od_table_layout *layout = &call->layout;
  layout->tops = od_allocate((size_t)table->rows + 1, sizeof *layout->tops);
  layout->lefts = od_allocate((size_t)table->columns + 1, sizeof *layout->lefts);
  if (!layout->tops || !layout->lefts) return od_fail_memory(error, "a rectified table");
  if (!od_lay_out_table(table, layout)) {
    od_table_release(&call->table);
    return OD_OK;
  }
  const size_t h = (size_t)layout->tops[table->rows], w = (size_t)layout->lefts[table->columns];
  call->rectified = od_allocate(h, w);
  call->gray = od_allocate(h, w);
  if (!call->rectified || !call->gray) return od_fail_memory(error, "a rectified table");
  od_status status = od_rectify_table(workspace, od_view_of(call->h, call->w, call->foreground),
                                      table, layout, call->rectified, error);
  if (status) return status;
  od_erase_table_lines(table, layout, call->rectified);
  return od_rectify_table(workspace, od_view_of(call->h, call->w, call->image), table, layout,
                          call->gray, error);
}

static od_status run(table_call *call, od_image_workspace *workspace, od_error *error) {
  bool dark;
  call->foreground = od_allocate((size_t)call->h, (size_t)call->w);
  if (!call->foreground) return od_fail_memory(error, "the foreground of a page");
  const od_foreground_maps maps = {.foreground = call->foreground};
  od_status status =
      od_find_page_foreground(workspace, call->h, call->w, call->image, &maps, &dark, error);
  if (!status)
    status = od_find_table(workspace, call->h, call->w, call->foreground, &call->options,
                           &call->table, error);
  if (!status && call->table.rows > 0) status = rectify(call, workspace, error);
  return status;
}

static void release(table_call *call) {
  od_release(call->foreground);
  od_release(call->layout.tops);
  od_release(call->layout.lefts);
  od_release(call->rectified);
  od_release(call->gray);
  od_table_release(&call->table);
}

static PyObject *integers(int rows, int columns, const int32_t *values) {
  int32_t *numbers;
  PyObject *array = new_integers32((int[]){rows, columns}, &numbers);
  if (array) memcpy(numbers, values, (size_t)rows * (size_t)columns * sizeof *values);
  return array;
}

static PyObject *bytes(int h, int w, const uint8_t *values) {
  uint8_t *pixels;
  PyObject *array = new_bytes(h, w, &pixels);
  if (array) memcpy(pixels, values, (size_t)h * (size_t)w);
  return array;
}

/* The results of a call with a table. "N" steals references and fails if one is NULL. */
static PyObject *table_result(const table_call *call) {
  const od_table *table = &call->table;
  const int rows = table->rows, columns = table->columns, nodes = (rows + 1) * (columns + 1);
  const int h = call->layout.tops[rows], w = call->layout.lefts[columns];
  double *numbers;
  PyObject *points = new_doubles((int[]){nodes, 2}, &numbers);
  if (points) memcpy(numbers, table->nodes, (size_t)nodes * 2 * sizeof *numbers);
  return Py_BuildValue(
      "{sNsNsNsNsNsNsi}", "nodes", points, "spans", integers(rows * columns, 2, table->spans),
      "tops", integers(1, rows + 1, call->layout.tops), "lefts",
      integers(1, columns + 1, call->layout.lefts), "rectified", bytes(h, w, call->rectified),
      "gray", bytes(h, w, call->gray), "gap", call->layout.gap);
}

PyObject *table_find(PyObject *module, PyObject *const *arguments, Py_ssize_t count,
                     PyObject *keywords) {
  static const signature accepted = {"find_table", 3, 3, 3, {"image", "rows", "columns"}};
  PyObject *values[3];
  long long rows, columns;
  table_call call = {0};
  od_error error;
  if (!arguments_read(&accepted, arguments, count, keywords, values) ||
      !convert_int(values[1], "rows", 0, OD_TABLE_MAX_SIDE, &rows) ||
      !convert_int(values[2], "columns", 0, OD_TABLE_MAX_SIDE, &columns) ||
      !convert_picture(values[0], "image", 0, &call.h, &call.w, &call.image) ||
      !sides_are_allowed("image", call.h, call.w))
    return NULL;
  call.options = (od_table_options){(int)rows, (int)columns};
  shared_thread_pool *pool = runtime_pool(state_of_module(module));
  core_call running;
  od_image_workspace workspace = {.kernels = state_of_module(module)->kernels,
                                  .pool = &running.pool};
  Py_INCREF(values[0]);
  core_call_begin(&running, pool->pool, false);
  od_status status = run(&call, &workspace, &error);
  od_image_workspace_release(&workspace);
  status = core_call_end(&running, status);
  Py_DECREF(values[0]);
  shared_thread_pool_release(pool);
  PyObject *result = NULL;
  if (status)
    raise_status(status, &error);
  else
    result = call.table.rows > 0 ? table_result(&call) : Py_NewRef(Py_None);
  release(&call);
  return result;
}
