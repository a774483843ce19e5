#include "page/symbol_crop.h"

#include <stdatomic.h>

#include "base/math.h"
#include "base/memory.h"
#include "digit/preprocess.h"

/* Margin around the box, in its longer side. */
static const double margin_ratio = 0.15;

od_status od_crop_symbol(const od_page *page, const od_symbol *symbol,
                         od_image_workspace *workspace, float *crop, od_error *error) {
  const int side = od_max(symbol->right - symbol->left, symbol->bottom - symbol->top);
  const int margin = od_max(1, (int)(margin_ratio * side + 0.5));
  const int left = od_max(symbol->left - margin, 0),
            right = od_min(symbol->right + margin, page->w);
  const int top = od_max(symbol->top - margin, 0),
            bottom = od_min(symbol->bottom + margin, page->h);
  const uint8_t *pixels = page->image + (size_t)top * (size_t)page->w + (size_t)left;
  return od_preprocess_digit(workspace, bottom - top, right - left, page->w, pixels, NULL, crop,
                             error);
}

typedef struct cropping {
  const od_page *page;
  const od_symbol *symbols;
  const int *indices;
  float *crops;
  od_image_workspace *workspace; /* (threads) */
  atomic_bool failed;            /* for want of memory */
} cropping;

static void crop(void *context, int index, int worker) {
  cropping *work = context;
  od_error ignored;
  if (od_crop_symbol(work->page, &work->symbols[work->indices[index]], &work->workspace[worker],
                     work->crops + (size_t)index * OD_CROP_SIZE, &ignored))
    atomic_store(&work->failed, true);
}

od_status od_crop_symbols(const od_page *page, const od_symbol *symbols, int count,
                          const int *indices, od_thread_pool *pool, float *crops, od_error *error) {
  const int threads = od_thread_pool_threads(pool);
  cropping work = {.page = page, .symbols = symbols, .indices = indices, .crops = crops};
  work.workspace = od_allocate((size_t)threads, sizeof *work.workspace);
  if (!work.workspace) return od_fail_memory(error, "the crops of symbols");
  od_thread_pool alone = od_thread_pool_attach(NULL, true, pool ? pool->interrupt : NULL);
  for (int i = 0; i < threads; i++)
    work.workspace[i] = (od_image_workspace){.kernels = page->workspace.kernels, .pool = &alone};
  const od_status status = od_thread_pool_run(pool, crop, &work, count);
  for (int i = 0; i < threads; i++) od_image_workspace_release(&work.workspace[i]);
  od_release(work.workspace);
  if (status) return status;
  return work.failed ? od_fail_memory(error, "the crops of symbols") : OD_OK;
}
