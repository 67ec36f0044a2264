// Compiled once per backend, with its registry name as PENUMBRA_BACKEND.
#include <gtest/gtest.h>

#include "accel/conformance/test_segment.h"

namespace penumbra::conformance {
std::string_view BackendName() { return PENUMBRA_BACKEND; }
}  // namespace penumbra::conformance

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
