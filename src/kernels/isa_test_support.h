// Names of tests that run once for each instruction set.
#ifndef PENUMBRA_KERNELS_ISA_TEST_SUPPORT_H_
#define PENUMBRA_KERNELS_ISA_TEST_SUPPORT_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "kernels/dispatch.h"

namespace penumbra {

inline std::string IsaTestName(const ::testing::TestParamInfo<Isa>& isa) {
  std::string name = IsaName(isa.param);
  std::ranges::replace(name, '-', '_');  // test names are identifiers
  return name;
}

}  // namespace penumbra

#endif  // PENUMBRA_KERNELS_ISA_TEST_SUPPORT_H_
