// Small networks that together use every kind of layer and every way the trusted half moves data.
#ifndef PENUMBRA_TESTS_E2E_GRAPHS_H_
#define PENUMBRA_TESTS_E2E_GRAPHS_H_

#include <string>
#include <vector>

#include "protect/plain/test_support.h"

namespace penumbra::e2e {

struct GraphCase {
  std::string name;
  void (*build)(protect::TestGraph& t);
};

const std::vector<GraphCase>& GraphCases();

}  // namespace penumbra::e2e

#endif  // PENUMBRA_TESTS_E2E_GRAPHS_H_
