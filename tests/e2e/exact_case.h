// Models under a scheme, and whether what they compute has the bits of plain integer arithmetic.
#ifndef PENUMBRA_TESTS_E2E_EXACT_CASE_H_
#define PENUMBRA_TESTS_E2E_EXACT_CASE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "harness.h"
#include "model/graph.h"
#include "protect/compile.h"

namespace penumbra::e2e {

inline const std::vector<Place> kPlaces = {{.device = "reference"}, {.device = "onednn", .threads = 2}};

protect::CompileOptions Preset(const std::string& name);
protect::CompileOptions ShadowNet(double ratio, uint32_t primes = 0);
protect::CompileOptions GroupCover(uint32_t primes = 0);
protect::CompileOptions Enclave(uint32_t bits);

// Over the papers' one prime, which proves few bounds of these graphs.
protect::CompileOptions Prime(protect::CompileOptions options);
protect::CompileOptions PlainWeights(protect::CompileOptions options);
protect::CompileOptions WithoutPads(protect::CompileOptions options);
// Every public layer's replies are checked, also where that costs more than it is worth.
protect::CompileOptions Checked(protect::CompileOptions options);

// Calibrated with a few smooth samples.
std::unique_ptr<protect::CompiledModel> Compile(const model::Graph& graph, protect::CompileOptions options);

// Fails the test where an output differs in a bit, also with pads that were made together.
void ExpectExact(const protect::CompiledModel& model, const std::vector<Place>& places = kPlaces);

}  // namespace penumbra::e2e

#endif  // PENUMBRA_TESTS_E2E_EXACT_CASE_H_
