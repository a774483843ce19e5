#include "base/system.h"

#if defined(__wasi__)

/* A module has one process and one thread. */
int od_process_id(void) { return 1; }
int od_available_processors(void) { return 1; }

bool od_request_tile_data(void) { return false; }
bool od_has_dot_products(void) { return false; }

#endif
