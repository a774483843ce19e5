#include "nn/map.h"

#include <string.h>

#include "base/math.h"
#include "nn/model_state.h"
#include "nn/ops.h"

/* Pixels of the map: the maximum columns of a part, and rows at a time; of the picture: these,
 * where strides reduce it; and steps of a part. */
enum { MAX_COLUMNS = 256, MAX_STEP = 16, INPUT_COLUMNS = 1024, INPUT_STEP = 64, PART_STEPS = 9 };

static const uint64_t max_buffer = (uint64_t)1 << 26;  /* numbers: 256 MiB of floats */
static const uint64_t max_buffers = (uint64_t)1 << 28; /* of all operations: 1 GiB a thread */

/* -- operations along one side -- */

/* An output comes from `size` inputs, `step` after those of the one before. */
typedef struct window {
  int size, step;
} window;

static window window_along(const od_op *op, int kernel, window pool) {
  window w = {1, 1};
  if (op->kind == OD_CONV2D) w = (window){(kernel - 1) * op->dilation + 1, op->stride};
  if (od_is_pool(op->kind)) w = pool;
  if (op->pool) w = (window){w.size + w.step, 2 * w.step};
  return w;
}

static window rows_window(const od_op *op) {
  return window_along(op, op->kernel_h, (window){op->pool_h, op->step_h});
}

static window columns_window(const od_op *op) {
  return window_along(op, op->kernel_w, (window){op->pool_w, op->step_w});
}

/* Inputs or outputs begin .. end - 1. */
typedef struct range {
  int begin, end;
} range;

/* The inputs, of `length`, that a range of outputs comes from; and the padding before them. */
static range inputs_of(range outputs, window w, int before, int length, int *padding) {
  const int begin = outputs.begin * w.step - before;
  const int end = (outputs.end - 1) * w.step - before + w.size;
  *padding = od_max(0, -begin);
  return (range){od_max(0, begin), od_min(end, length)};
}

/* -- sizes -- */

/* Sets `in`, `conv` and `out` of an operation to so many rows and columns. */
static void resize(od_op *op, int in_h, int out_h) {
  op->in.h = in_h;
  op->out.h = out_h;
  op->conv.h = op->pool ? 2 * out_h : out_h;
  if (op->kind == OD_CONV2D) od_plan_measure(op);
}

static void resize_columns(od_op *op, int in_w, int out_w) {
  op->in.w = in_w;
  op->out.w = out_w;
  op->conv.w = op->pool ? 2 * out_w : out_w;
}

static int clamp(int value, int low, int high) { return od_min(od_max(value, low), high); }

/* Pixels of the picture from one pixel of the map to the next, at most INPUT_COLUMNS. */
static int total_stride(const od_model *model, window (*window_of)(const od_op *)) {
  int stride = 1;
  for (int i = 0; i < model->plan.count; i++)
    stride = od_min(stride * window_of(&model->plan.ops[i]).step, INPUT_COLUMNS);
  return stride;
}

static int part_columns(const od_model *model) {
  return clamp(INPUT_COLUMNS / total_stride(model, columns_window), 1, MAX_COLUMNS);
}

/* Rows of the map at a time, and those of the picture. */
static int map_step(const od_model *model) {
  return clamp(INPUT_STEP / total_stride(model, rows_window), 1, MAX_STEP);
}

static int input_step(const od_model *model) {
  return map_step(model) * total_stride(model, rows_window);
}

/* New output rows of an operation for so many new input rows. */
static int rows_made(int rows, window w) { return (rows + w.step - 1) / w.step; }

/* Finds the columns (count + 1) that a part has at most before each operation and after the last.
 */
static od_status find_columns(const od_model *model, int *columns, od_error *error) {
  const int count = model->plan.count;
  columns[count] = part_columns(model);
  for (int i = count - 1; i >= 0; i--) {
    const od_op *op = &model->plan.ops[i];
    const window w = columns_window(op);
    const int64_t needed = (int64_t)(columns[i + 1] - 1) * w.step + w.size;
    if (needed > OD_MAX_DIMENSION)
      return od_fail(error, OD_ERROR_ARGUMENT,
                     "layer %d (%s): %d columns of the map come from %lld, expected at most %d",
                     op->layer, od_layer_kind_name(op->kind), columns[count], (long long)needed,
                     OD_MAX_DIMENSION);
    columns[i] = (int)needed;
  }
  return OD_OK;
}

/* Adds the buffer of `size` numbers after the first i + 1. */
static od_status add_buffer(od_model *model, int i, uint64_t size, od_error *error) {
  if (size > max_buffer)
    return od_fail(
        error, OD_ERROR_ARGUMENT,
        "layers: a part of the map takes a buffer of %llu numbers, expected at most %llu",
        (unsigned long long)size, (unsigned long long)max_buffer);
  model->map_at[i + 1] = model->map_at[i] + od_round_to_alignment((size_t)size);
  if (model->map_at[i + 1] > max_buffers)
    return od_fail(error, OD_ERROR_ARGUMENT,
                   "layers: a part of the map takes more than %llu numbers in all buffers",
                   (unsigned long long)max_buffers);
  return OD_OK;
}

/* Sets model->map_at, and raises model->scratch_size, for these columns (count + 1). */
static od_status add_buffers(od_model *model, const int *columns, od_error *error) {
  const int count = model->plan.count;
  int rows = input_step(model);
  for (int i = 0; i < count; i++) {
    od_op op = model->plan.ops[i];
    const window w = rows_window(&op);
    const int retained = rows + w.size + w.step, made = rows_made(rows, w);
    const od_status status =
        add_buffer(model, i, (uint64_t)retained * (uint64_t)columns[i] * (uint64_t)op.in.c, error);
    if (status) return status;
    resize_columns(&op, columns[i], columns[i + 1]);
    resize(&op, retained, made);
    if (op.kind == OD_CONV2D)
      model->scratch_size = od_max_size(model->scratch_size, od_conv_forward_scratch(&op));
    rows = made;
  }
  return add_buffer(model, count, (uint64_t)rows * (uint64_t)columns[count] * model->classes,
                    error);
}

od_status od_map_lay_out(od_model *model, od_error *error) {
  const size_t count = (size_t)model->plan.count;
  model->map_at = od_allocate(count + 2, sizeof *model->map_at);
  int *columns = od_allocate(count + 1, sizeof *columns);
  od_status status = model->map_at && columns ? OD_OK : od_fail_memory(error, "a model");
  if (!status) status = find_columns(model, columns, error);
  if (!status) status = add_buffers(model, columns, error);
  od_release(columns);
  return status;
}

/* -- a part of a picture -- */

typedef struct map_run {
  const od_model *model;
  od_workspace *workspace;
  const od_map_picture *picture;
  od_shape map;
  int part_rows, part_columns; /* numbers of parts */
} map_run;

typedef struct part {
  const map_run *run;
  int worker;
  const od_op *whole; /* the operations on the whole picture, … */
  od_op *ops;         /* … and on this part */
  od_map_rows *rows;  /* (count + 1) */
  od_real *streams;
  range input_columns, columns; /* of the picture and of the map */
} part;

static od_real *row_in(const part *p, int i, int row) {
  const od_model *model = p->run->model;
  const int count = model->plan.count;
  const od_shape shape = i < count ? p->ops[i].in : p->ops[count - 1].out;
  return p->streams + model->map_at[i] +
         (size_t)(row - p->rows[i].begin) * (size_t)shape.w * (size_t)shape.c;
}

/* Part `index` of n, which divide 0 .. length - 1 evenly. */
static range divide(int length, int n, int index) {
  return (range){(int)((long long)length * index / n), (int)((long long)length * (index + 1) / n)};
}

/* Finds the rows and columns that a part of the map takes of every operation's input. */
static part begin_part(const map_run *run, int index, int worker) {
  const int count = run->model->plan.count;
  part p = {.run = run,
            .worker = worker,
            .whole = run->workspace->whole,
            .ops = run->workspace->fitted + worker * count,
            .rows = run->workspace->rows + worker * (count + 1),
            .streams = run->workspace->streams + (size_t)worker * od_map_buffers_size(run->model)};
  range rows = divide(run->map.h, run->part_rows, index / run->part_columns);
  range columns = divide(run->map.w, run->part_columns, index % run->part_columns);
  p.columns = columns;
  p.rows[count] = (od_map_rows){rows.begin, rows.begin, rows.end, 0};
  for (int i = count - 1; i >= 0; i--) {
    const od_op *op = &p.whole[i];
    const int made = columns.end - columns.begin;
    int top;
    p.ops[i] = *op;
    columns = inputs_of(columns, columns_window(op), op->left, op->in.w, &p.ops[i].left);
    resize_columns(&p.ops[i], columns.end - columns.begin, made);
    rows = inputs_of(rows, rows_window(op), op->top, op->in.h, &top);
    p.rows[i] = (od_map_rows){rows.begin, rows.begin, rows.end, 0};
  }
  p.input_columns = columns;
  p.rows[0].step = input_step(run->model);
  for (int i = 0; i < count; i++)
    p.rows[i + 1].step = rows_made(p.rows[i].step, rows_window(&p.whole[i]));
  return p;
}

/* Drops rows of input i before `first`. */
static void drop_rows(const part *p, int i, int first) {
  od_map_rows *rows = &p->rows[i];
  if (first <= rows->begin) return;
  const size_t left = (size_t)(row_in(p, i, rows->end) - row_in(p, i, first));
  memmove(row_in(p, i, rows->begin), row_in(p, i, first), left * sizeof(od_real));
  rows->begin = first;
}

/* The end of the outputs of operation i that its input suffices for. */
static int outputs_end(const part *p, int i) {
  const od_map_rows *in = &p->rows[i], *out = &p->rows[i + 1];
  const window w = rows_window(&p->whole[i]);
  const int room = in->end + p->whole[i].top - w.size;
  if (in->end == in->stop) return out->stop;
  return room < 0 ? out->end : clamp(room / w.step + 1, out->end, out->stop);
}

/* Makes the next rows of operation i's output, if its input suffices. */
static void advance(const part *p, int i) {
  od_map_rows *out = &p->rows[i + 1];
  od_op *op = &p->ops[i];
  const window w = rows_window(op);
  const range made = {out->end, od_min(outputs_end(p, i), out->end + out->step)};
  if (made.begin == made.end) return;
  const range used = inputs_of(made, w, p->whole[i].top, p->whole[i].in.h, &op->top);
  resize(op, used.end - used.begin, made.end - made.begin);
  od_op_forward(p->run->workspace, op, 1, row_in(p, i, used.begin), row_in(p, i + 1, made.begin),
                p->worker);
  out->end = made.end;
  drop_rows(p, i, od_min(p->rows[i].end, od_max(0, made.end * w.step - p->whole[i].top)));
}

/* Loads the next rows of the picture. */
static void load_rows(const part *p) {
  const map_run *run = p->run;
  const od_map_picture *picture = run->picture;
  od_map_rows *rows = &p->rows[0];
  const size_t c = (size_t)p->ops[0].in.c, w = (size_t)p->ops[0].in.w;
  const int end = od_min(rows->stop, rows->end + rows->step);
  for (; rows->end < end; rows->end++)
    run->model->kernels->bytes_to_real(
        w * c,
        picture->pixels + (size_t)rows->end * picture->pitch + (size_t)p->input_columns.begin * c,
        (od_real)picture->scale, row_in(p, 0, rows->end));
}

/* -- results -- */

/* Softmax of the scores (pixels, classes), in place. */
static void softmax_row(size_t pixels, size_t classes, od_real *scores) {
  const size_t size = pixels * classes;
  for (size_t at = 0; at < size; at += classes) {
    od_real max = scores[at];
    for (size_t k = 1; k < classes; k++) max = scores[at + k] > max ? scores[at + k] : max;
    for (size_t k = 0; k < classes; k++) scores[at + k] -= max;
  }
  for (size_t i = 0; i < size; i++) scores[i] = od_exp_negative(scores[i]);
  for (size_t at = 0; at < size; at += classes) {
    od_real sum = 0;
    for (size_t k = 0; k < classes; k++) sum += scores[at + k];
    for (size_t k = 0; k < classes; k++) scores[at + k] /= sum;
  }
}

/* Writes the scores (pixels, classes) of a row to the results from pixel `at` on. */
static void write_row(const map_run *run, size_t at, size_t pixels, od_real *scores) {
  const od_map_picture *picture = run->picture;
  const size_t classes = run->model->classes, begin = at * classes, size = pixels * classes;
  if (picture->scores) memcpy(picture->scores + begin, scores, size * sizeof *scores);
  for (size_t i = 0; picture->labels && i < pixels; i++)
    picture->labels[at + i] = (uint8_t)od_argmax(classes, scores + i * classes);
  if (!picture->probabilities && !picture->bytes) return;
  softmax_row(pixels, classes, scores);
  if (picture->probabilities) memcpy(picture->probabilities + begin, scores, size * sizeof *scores);
  for (size_t i = 0; picture->bytes && i < size; i++) {
    const od_real level = scores[i] * 255 + (od_real)0.5;
    picture->bytes[begin + i] = (uint8_t)(int)(level > 0 ? level : 0); /* NaN too */
  }
}

/* Writes the rows of the map in the last buffer to the results, and drops them. */
static void write_rows(const part *p) {
  const int last = p->run->model->plan.count;
  const size_t pixels = (size_t)(p->columns.end - p->columns.begin);
  od_map_rows *rows = &p->rows[last];
  for (int row = rows->begin; row < rows->end; row++)
    write_row(p->run, (size_t)row * (size_t)p->run->map.w + (size_t)p->columns.begin, pixels,
              row_in(p, last, row));
  rows->begin = rows->end;
}

static void run_part(void *context, int index, int worker) {
  const part p = begin_part(context, index, worker);
  const int count = p.run->model->plan.count;
  while (p.rows[count].end < p.rows[count].stop) {
    load_rows(&p);
    for (int i = 0; i < count; i++) advance(&p, i);
    write_rows(&p);
  }
}

static int parts(int length, int max) { return (length + max - 1) / max; }

od_status od_model_run_map(const od_model *model, od_workspace *workspace, od_thread_pool *pool,
                           const od_map_picture *picture) {
  map_run run = {.model = model,
                 .workspace = workspace,
                 .picture = picture,
                 .map = od_model_map_shape(model, picture->h, picture->w)};
  run.part_rows = parts(run.map.h, PART_STEPS * map_step(model));
  run.part_columns = parts(run.map.w, part_columns(model));
  od_plan_fit(&model->plan, picture->h, picture->w, workspace->whole);
  return od_thread_pool_run(od_workspace_pool(workspace, pool), run_part, &run,
                            run.part_rows * run.part_columns);
}
