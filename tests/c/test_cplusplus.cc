// The public headers in C++: they compile, and the functions link.
#include "ocrdigit.h"

#include <cstdio>
#include <cstring>

int main() {
  const od_kernels *kernels = nullptr;
  od_error error;
  if (od_kernels_select("scalar", &kernels, &error) != OD_OK) {
    std::printf("%s\n", error.message);
    return 1;
  }
  od_layer layers[2] = {};
  layers[0].kind = OD_FLATTEN;
  layers[1].kind = OD_DENSE;
  layers[1].units = 10;
  od_network *network = nullptr;
  if (od_network_create(od_shape{28, 28, 1}, layers, 2, &network, &error) != OD_OK) {
    std::printf("%s\n", error.message);
    return 1;
  }
  const int classes = od_network_classes(network);
  od_network_destroy(network);
  const uint8_t pixels[4] = {1, 2, 3, 4};
  const od_view view = od_view_of(2, 2, pixels);
  char version[32];
  std::snprintf(version, sizeof version, "%d.%d.%d", OCRDIGIT_VERSION_MAJOR, OCRDIGIT_VERSION_MINOR,
                OCRDIGIT_VERSION_PATCH);
  const bool passed = std::strcmp(kernels->name, "scalar") == 0 && classes == 10 && view.h == 2 &&
                      std::strcmp(version, OCRDIGIT_VERSION) == 0;
  return passed ? 0 : 1;
}
