// Small networks of one kind of layer, protected and run to see what the layer takes on either side.
#ifndef PENUMBRA_API_LAYER_BENCH_H_
#define PENUMBRA_API_LAYER_BENCH_H_

#include <cstdint>
#include <filesystem>

#include "penumbra/device_profile.h"
#include "penumbra/env.h"
#include "protect/presets/scheme.h"

namespace penumbra::api {

// A chain of equal layers, each followed by a ReLU, and with `residual` by the addition of what went into it.
struct LayerSpec {
  uint32_t channels;  // in and out
  uint32_t size;      // pixels of a side; of a dense layer 1
  uint32_t kernel;    // of a side
  bool depthwise = false;
  uint32_t depth = 6;  // layers
  bool residual = false;
};

// Totals of a chain, and the least of some inferences in seconds: other work on a machine only adds.
struct LayerTimes {
  double multiplications = 0;  // of a public residue chain: over all primes
  double elements = 0;         // of outputs
  double weight_bytes = 0;     // as the trusted half stores them
  double crossing_bytes = 0;   // masked inputs and replies, or float32
  double pad_bytes = 0, check_multiplications = 0;
  double total = 0, inside = 0, accelerator = 0;
  double pad = 0;  // making one
};

// Folder and keys of its own, gone at the end.
class LayerBench {
 public:
  explicit LayerBench(const MeasureOptions& options);
  ~LayerBench();
  LayerBench(const LayerBench&) = delete;
  LayerBench& operator=(const LayerBench&) = delete;

  // integer_bits: of arithmetic integer, 8 or 16.
  LayerTimes Run(const LayerSpec& spec, const protect::Scheme& scheme, uint32_t integer_bits = 8);

 private:
  const MeasureOptions& options_;
  std::filesystem::path folder_;
  Env env_;
  KeyFiles vendor_, device_;
};

}  // namespace penumbra::api

#endif  // PENUMBRA_API_LAYER_BENCH_H_
