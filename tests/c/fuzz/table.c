/* Tables: any drawing, with and without numbers of rows and columns; cells are sampled from the
 * image. */
#include "digit/foreground.h"
#include "fuzz/input.h"
#include "page/table.h"

static void sample_cells(od_image_workspace *workspace, int h, int w, const uint8_t *image,
                         const od_table *table) {
  int32_t *tops = block_of((size_t)(table->rows + 1) * sizeof *tops);
  int32_t *lefts = block_of((size_t)(table->columns + 1) * sizeof *lefts);
  od_table_layout layout = {tops, lefts, 0};
  od_error error = {{0}};
  if (od_lay_out_table(table, &layout)) {
    const size_t pixels = (size_t)tops[table->rows] * (size_t)lefts[table->columns];
    require(pixels <= OD_TABLE_MAX_PIXELS);
    uint8_t *rectified = block_of(pixels);
    memset(rectified, 0, pixels);
    if (succeeded(
            od_rectify_table(workspace, od_view_of(h, w, image), table, &layout, rectified, &error),
            &error))
      od_erase_table_lines(table, &layout, rectified);
    free(rectified);
  }
  free(tops);
  free(lefts);
}

static void check_table(const od_table *table) {
  int covered = 0;
  for (int i = 0; i < table->rows * table->columns; i++)
    covered += table->spans[2 * i] * table->spans[2 * i + 1];
  require(covered == table->rows * table->columns);
  for (int i = 0; i < 2 * (table->rows + 1) * (table->columns + 1); i++)
    require(isfinite(table->nodes[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  fuzz_input in = {bytes, size};
  od_image_workspace workspace = {.kernels = take_table(&in), .pool = take_pool(&in)};
  const int h = take_between(&in, 1, 240), w = take_between(&in, 1, 240);
  const bool given = take_byte(&in) % 4 == 1;
  od_table_options options = {0};
  if (given) options = (od_table_options){take_number(&in), take_number(&in)};
  const bool estimated = take_flag(&in);
  uint8_t *image = take_picture(&in, h, w, 12), *foreground = block_of((size_t)h * (size_t)w);
  const od_foreground_maps maps = {.foreground = foreground};
  od_foreground_stats stats;
  od_error error = {{0}};
  od_table table = {0};
  memcpy(foreground, image, (size_t)h * (size_t)w);
  if (estimated)
    require(succeeded(od_find_foreground(&workspace, h, w, image, take_between(&in, 1, 99), &maps,
                                         &stats, &error),
                      &error));
  if (succeeded(od_find_table(&workspace, h, w, foreground, &options, &table, &error), &error)) {
    if (table.rows) check_table(&table);
    if (table.rows) sample_cells(&workspace, h, w, image, &table);
    od_table_release(&table);
  }
  od_image_workspace_release(&workspace);
  free(image);
  free(foreground);
  return 0;
}
