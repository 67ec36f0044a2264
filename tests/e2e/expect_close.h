// Outputs of a float32 network beside what they should be.
#ifndef PENUMBRA_TESTS_E2E_EXPECT_CLOSE_H_
#define PENUMBRA_TESTS_E2E_EXPECT_CLOSE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "harness.h"

namespace penumbra::e2e {

// No element is further off than rounding takes it, as a share of the largest one of its output.
inline void ExpectClose(const Tensors& got, const Tensors& wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    ASSERT_EQ(got[i].size(), wanted[i].size());
    float largest = 1;
    for (const float v : wanted[i]) largest = std::max(largest, std::fabs(v));
    for (size_t j = 0; j < wanted[i].size(); ++j) {
      ASSERT_NEAR(got[i][j], wanted[i][j], 5e-5 * largest) << "output " << i << " element " << j;
    }
  }
}

}  // namespace penumbra::e2e

#endif  // PENUMBRA_TESTS_E2E_EXPECT_CLOSE_H_
