// What the importers' fuzzers do with a graph.
#ifndef PENUMBRA_MODEL_TESTING_FUZZ_GRAPH_H_
#define PENUMBRA_MODEL_TESTING_FUZZ_GRAPH_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "model/import.h"

namespace penumbra::model {

// Any bytes are imported, normalised and, when small, run, or refused with a ModelError that does
// not speak of a bug of ours. Returns 0, as libFuzzer expects.
int FuzzImporter(std::span<const std::byte> bytes,
                 const std::function<ImportedModel(std::span<const std::byte>)>& import);

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_TESTING_FUZZ_GRAPH_H_
