// A small network under every scheme that uses the accelerator.
#ifndef PENUMBRA_TESTS_MALICE_SCHEMES_H_
#define PENUMBRA_TESTS_MALICE_SCHEMES_H_

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "protect/compile.h"

namespace penumbra::malice {

struct SchemeCase {
  std::string name;
  std::string preset;
  std::string integrity = {};  // axes, where they are not the preset's
  std::string arithmetic = {};
  uint32_t soundness_bits = 40;
  bool is_checked = false;  // a wrong reply must be refused
  bool is_masked = false;   // uses pads
  bool is_float = false;    // segments in float32: only compared with the honest run
  bool is_sampled = false;  // fingerprints: a wrong reply is refused when one of them is wrong
};
const std::vector<SchemeCase>& SchemeCases();
// A check of one projection, which accepts a wrong residue modulo p with probability 1 / p: often
// enough to be seen.
const SchemeCase& WeakScheme();
inline void PrintTo(const SchemeCase& scheme, std::ostream* out) { *out << scheme.name; }

// Four convolutions, two of one shape, a join and a dense layer on a [1,3,6,6] input.
std::unique_ptr<protect::CompiledModel> CompileCase(const SchemeCase& scheme);
// The same network; `options` without calibration.
std::unique_ptr<protect::CompiledModel> CompileNetwork(protect::CompileOptions options);

}  // namespace penumbra::malice

#endif  // PENUMBRA_TESTS_MALICE_SCHEMES_H_
