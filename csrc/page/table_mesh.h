/* The mesh of a grid: its lines as they run on a curled page. Private to the files of tables. */
#ifndef OD_PAGE_TABLE_MESH_H
#define OD_PAGE_TABLE_MESH_H

#include "page/table_grid.h"

/* Owns its arrays; release with od_mesh_release. */
typedef struct od_mesh {
  const od_grid *grid;
  double *deviations[2]; /* (lines, bins): of the horizontal and the vertical lines from straight
                            ones, along the image, in coordinates of their pencils */
} od_mesh;

/* Errors: OD_ERROR_MEMORY. */
od_status od_mesh_create(const od_grid *grid, od_mesh *mesh, od_error *error);
/* Set x and y of the intersection of horizontal line i and vertical line j. */
void od_mesh_node(const od_mesh *mesh, int i, int j, double *node);
void od_mesh_release(od_mesh *mesh);

#endif
