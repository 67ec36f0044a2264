// The float32 part of a segment as a list of oneDNN primitives. Between nodes tensors stay in the
// blocked layouts that oneDNN prefers; only the segment's ends are channel-last. Intermediate
// tensors share memory by lifetime.
#ifndef PENUMBRA_ACCEL_ONEDNN_FLOAT_GRAPH_H_
#define PENUMBRA_ACCEL_ONEDNN_FLOAT_GRAPH_H_

#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <span>
#include <unordered_map>
#include <vector>

#include "accel/device.h"
#include "accel/onednn/fusion.h"

namespace penumbra::onednn {

// Weights in the layouts that primitives asked for; shared by the programs of all batch sizes.
class WeightStore {
 public:
  WeightStore(const dnnl::engine& engine, const OwnedSegment& segment, const BlobSource& blobs);

  // Weights of convolution `node` in layout `desc`; valid for the life of the store.
  dnnl::memory Weights(uint32_t node, const dnnl::memory::desc& desc);
  bool HasBias(uint32_t node) const { return biases_[node] != nullptr; }
  dnnl::memory Bias(uint32_t node);

 private:
  struct Entry {
    uint32_t node;
    dnnl::memory weights;
  };
  const dnnl::engine engine_;
  const OwnedSegment& segment_;
  std::vector<const std::byte*> weights_, biases_;  // per node, borrowed from the blob source
  std::vector<Entry> entries_;
};

// Primitives of one batch size with all their memory.
struct Program {
  struct Step {
    dnnl::primitive primitive;
    std::unordered_map<int, dnnl::memory> arguments;
    uint32_t fused = 0;          // index into the fused nodes; a copy into another layout belongs to the node it serves
    bool is_copy = false;
    std::string implementation;  // oneDNN's name of its kernel
  };
  std::vector<Step> steps;
  std::map<uint32_t, dnnl::memory> ends;  // by tensor id; handles are set for each run
  std::vector<dnnl::memory> storage;      // what everything else lives in
};

// Builds the program; throws dnnl::error or std::bad_alloc.
Program BuildProgram(const dnnl::engine& engine, const OwnedSegment& segment,
                     std::span<const FusedNode> nodes, uint32_t batch, WeightStore* weights);

// All programs of one segment. Not thread-safe.
class FloatGraph {
 public:
  FloatGraph(const dnnl::engine& engine, const OwnedSegment& segment, const BlobSource& blobs,
             uint32_t threads);

  bool empty() const { return nodes_.empty(); }
  void Compile(uint32_t batch);
  // Runs the job's float ends; compiles its batch size first when that is new. May throw
  // dnnl::error.
  void Run(const Job& job);
  // Of the fused nodes, once a batch size has been compiled.
  std::vector<NodeMethod> Methods() const;

 private:
  const dnnl::engine engine_;
  dnnl::stream stream_;
  const OwnedSegment& segment_;
  const uint32_t threads_;
  const std::vector<FusedNode> nodes_;
  WeightStore weights_;
  std::map<uint32_t, Program> programs_;  // by batch
};

}  // namespace penumbra::onednn

#endif  // PENUMBRA_ACCEL_ONEDNN_FLOAT_GRAPH_H_
