#include "page/registration.h"

#include <math.h>

#include "base/math.h"
#include "base/memory.h"
#include "image/limits.h"
#include "page/block_matching.h"
#include "page/keypoints.h"
#include "page/pose_hypotheses.h"

enum { LEVELS = 3, FORM_KEYPOINTS = 400, PAGE_KEYPOINTS = 1000 };

/* Least correlation of matches. */
static const double min_correlation = 0.5;

/* Proportion of the print from which on no other hypotheses are tried, and the one below which a
 * hypothesis is dropped after its first refinement. */
static const double clear_match = 0.6, min_promise = 0.12;

/* Rotations, in radians, and scales that are tried, the more frequent ones first; for the page as
 * it is, upside down, and turned by a quarter either way. */
static const double angles[] = {0, 0.14, -0.14};
static const double scales[] = {1, 0.86, 0.72, 1.15};
static const double quarter_turn = 1.57079632679489661923;
static const double turns[] = {0, 2, 1, 3};

/* Images at full resolution, a half and a quarter. */
typedef struct pyramid {
  od_view levels[LEVELS];
  uint8_t *memory[LEVELS];
} pyramid;

static void release_pyramid(pyramid *p) {
  for (int k = 0; k < LEVELS; k++) od_release(p->memory[k]);
}

static od_status make_pyramid(od_image_workspace *workspace, const od_view *image, pyramid *p,
                              od_error *error) {
  od_status status = OD_OK;
  *p = (pyramid){.levels = {*image}};
  for (int k = 1; k < LEVELS && !status; k++) {
    const int h = od_max(1, image->h >> k), w = od_max(1, image->w >> k);
    p->memory[k] = od_allocate((size_t)h, (size_t)w);
    if (!p->memory[k]) return od_fail_memory(error, "a smaller page");
    const od_target target = od_target_of(h, w, p->memory[k]);
    p->levels[k] = od_view_of(h, w, p->memory[k]);
    status = od_resize(workspace, &p->levels[k - 1], OD_INTERPOLATION_AREA, &target, error);
  }
  return status;
}

/* Change a map between the pixels of one level to that of a level `factor` as large: pixel x covers
 * x factor .. (x + 1) factor - 1. */
static void change_level(double factor, double matrix[9]) {
  const double shift = (factor - 1) / 2;
  const double to[9] = {1 / factor, 0, -shift / factor, 0, 1 / factor, -shift / factor, 0, 0, 1};
  const double back[9] = {factor, 0, shift, 0, factor, shift, 0, 0, 1};
  od_multiply_homographies(matrix, to, matrix);
  od_multiply_homographies(back, matrix, matrix);
  for (int i = 0; i < 9; i++) matrix[i] /= i < 8 ? matrix[8] : 1;
  matrix[8] = 1;
}

typedef struct registration_job {
  od_image_workspace *workspace;
  pyramid form, page;
} registration_job;

/* Refine a map at a level by a list of searches. */
static od_status refine(registration_job *job, int level, int count, const od_block_search *search,
                        od_registration *r, od_error *error) {
  const od_image_pair pair = {job->form.levels[level], job->page.levels[level]};
  od_status status = OD_OK;
  od_block_fit fit = {0};
  for (int k = 0; k < count && !status; k++)
    status = od_match_blocks(job->workspace, &pair, &search[k], r->matrix, &fit, error);
  r->found = fit.blocks ? (double)fit.found / fit.blocks : 0;
  r->residual = fit.residual;
  return status;
}

/* Refine poses at the lowest resolution; keep the best one in *best. */
static od_status try_poses(registration_job *job, const od_poses *poses, od_registration *best,
                           od_error *error) {
  static const od_block_search wide[] = {{16, 6, 400}};
  static const od_block_search near[] = {{12, 3, 1000}, {12, 2, 1000}};
  od_status status = OD_OK;
  for (int i = 0; i < poses->count && !status && best->found < clear_match; i++) {
    od_registration r;
    for (int k = 0; k < 9; k++) r.matrix[k] = poses->items[i].matrix[k];
    status = refine(job, LEVELS - 1, 1, wide, &r, error);
    if (status || r.found < min_promise) continue;
    status = refine(job, LEVELS - 1, 2, near, &r, error);
    if (!status && r.found > best->found) *best = r;
  }
  return status;
}

/* Match keypoints for rotations and scales until the form is clearly found. */
static od_status try_frames(registration_job *job, od_keypoints *form, const od_keypoints *page,
                            od_point_pair *pairs, od_registration *best, od_error *error) {
  enum { SCALES = sizeof scales / sizeof *scales, ANGLES = sizeof angles / sizeof *angles };
  enum { FRAMES = SCALES * ANGLES, ALL = FRAMES * (sizeof turns / sizeof *turns) };
  od_status status = OD_OK;
  for (int i = 0; i < ALL && !status && best->found < clear_match; i++) {
    const double angle = angles[i % FRAMES / SCALES] + turns[i / FRAMES] * quarter_turn;
    const od_match_frame frame = {angle, scales[i % SCALES]};
    od_poses poses = {.h = form->h, .w = form->w};
    /* A page that is smaller and turned clockwise looks alike if the form is sampled with larger
     * pixels and turned back. */
    od_describe_keypoints(form, -frame.angle, 1 / frame.scale);
    const int count = od_match_keypoints(form, page, min_correlation, pairs);
    od_find_poses(count, pairs, frame, &poses);
    status = try_poses(job, &poses, best, error);
  }
  return status;
}

static od_status find_pose(registration_job *job, od_registration *best, od_error *error) {
  od_keypoints form = {0}, page = {0};
  od_point_pair *pairs = NULL;
  od_status status = od_find_keypoints(job->workspace, &job->form.levels[LEVELS - 1],
                                       FORM_KEYPOINTS, &form, error);
  if (!status)
    status = od_find_keypoints(job->workspace, &job->page.levels[LEVELS - 1], PAGE_KEYPOINTS, &page,
                               error);
  if (!status) {
    pairs = od_allocate((size_t)form.count * OD_MATCHES, sizeof *pairs);
    status = pairs ? try_frames(job, &form, &page, pairs, best, error)
                   : od_fail_memory(error, "the matches of a page");
  }
  od_release(pairs);
  od_keypoints_release(&form);
  od_keypoints_release(&page);
  return status;
}

od_status od_register_page(od_image_workspace *workspace, const od_view *form, const od_view *page,
                           od_registration *r, od_error *error) {
  static const od_block_search half[] = {{16, 3, 1500}, {16, 2, 1500}};
  static const od_block_search full[] = {{24, 2, 1500}};
  registration_job job = {.workspace = workspace};
  *r = (od_registration){.matrix = {1, 0, 0, 0, 1, 0, 0, 0, 1}};
  od_status status = od_check_sides("form", form->h, form->w, error);
  if (!status) status = od_check_sides("page", page->h, page->w, error);
  if (!status) status = make_pyramid(workspace, form, &job.form, error);
  if (!status) status = make_pyramid(workspace, page, &job.page, error);
  if (!status) status = find_pose(&job, r, error);
  if (!status && r->found > 0) {
    change_level(2, r->matrix);
    status = refine(&job, 1, 2, half, r, error);
  }
  if (!status && r->found > 0) {
    change_level(2, r->matrix);
    status = refine(&job, 0, 1, full, r, error);
  }
  release_pyramid(&job.form);
  release_pyramid(&job.page);
  return status;
}
