#include "accel/residues/residue_graph.h"

#include <algorithm>
#include <utility>

#include "accel/residues/prime_conv.h"

namespace penumbra::residues {

bool HasResidueConv(const OwnedSegment& segment) {
  return std::ranges::any_of(segment.nodes, [](const SegmentNode& n) { return IsResidueConv(n.op); });
}

ResidueGraph::ResidueGraph(const OwnedSegment& segment, const BlobSource& blobs, uint32_t max_batch,
                           Isa isa, WorkerPool* pool, const MakeConv& make)
    : segment_(segment), scratch_(segment.tensors.size()) {
  for (uint32_t node = 0; node < segment.nodes.size(); ++node) {
    const SegmentNode& n = segment.nodes[node];
    if (!IsResidueConv(n.op)) continue;
    const SegmentTensor& out = segment.tensors[n.output];
    const std::byte* weights = blobs.Blob(n.weight_blob).data();
    std::unique_ptr<ResidueConv> conv =
        n.op == SegmentOp::kConvPrime
            ? MakePrimeConv(Kernels(isa), n.geometry, reinterpret_cast<const int32_t*>(weights), pool)
            : make(n.geometry, out.prime_count, reinterpret_cast<const int8_t*>(weights));
    if (n.op == SegmentOp::kConvPrime) {
      conv->SetChoice({.kernels = IsaName(isa), .reason = "the only method modulo the papers' prime"});
    }
    conv->Compile(max_batch);
    convs_.push_back({node, std::move(conv), n.inputs[0], n.output, n.geometry.out_h});
    scratch_[n.output].resize(TensorByteSize(out, max_batch));
  }
  for (uint32_t id : segment.outputs) std::vector<uint8_t>().swap(scratch_[id]);
}

const uint8_t* ResidueGraph::Source(uint32_t id, const Job& job) {
  for (size_t i = 0; i < segment_.inputs.size(); ++i) {
    if (segment_.inputs[i] == id) return reinterpret_cast<const uint8_t*>(job.inputs[i]);
  }
  return Target(id, job);
}

uint8_t* ResidueGraph::Target(uint32_t id, const Job& job) {
  for (size_t i = 0; i < segment_.outputs.size(); ++i) {
    if (segment_.outputs[i] == id) return reinterpret_cast<uint8_t*>(job.outputs[i]);
  }
  return scratch_[id].data();
}

bool ResidueGraph::Run(const Job& job) {
  const bool part = AllowsRowRanges(segment_);
  return std::ranges::all_of(convs_, [&](Conv& c) {
    const RowRange rows = part ? job.rows : RowRange{0, c.rows};
    return c.conv->Run(Source(c.input, job), job.batch, rows, Target(c.output, job));
  });
}

std::vector<NodeMethod> ResidueGraph::Methods() const {
  std::vector<NodeMethod> methods;
  for (const Conv& c : convs_) {
    methods.push_back(c.conv->Explain());
    methods.back().node = c.node;
  }
  return methods;
}

}  // namespace penumbra::residues
