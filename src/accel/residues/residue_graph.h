// The residue convolutions of a segment, one after the other.
#ifndef PENUMBRA_ACCEL_RESIDUES_RESIDUE_GRAPH_H_
#define PENUMBRA_ACCEL_RESIDUES_RESIDUE_GRAPH_H_

#include <functional>
#include <memory>
#include <vector>

#include "accel/residues/residue_conv.h"
#include "accel/validate.h"
#include "kernels/dispatch.h"

namespace penumbra::residues {

// True when a node of the segment is one.
bool HasResidueConv(const OwnedSegment& segment);

class ResidueGraph {
 public:
  // A convolution in the ring; weights: OHWI s8 per prime, of the node's blob.
  using MakeConv = std::function<std::unique_ptr<ResidueConv>(const ConvGeometry& geometry, uint32_t primes,
                                                              const int8_t* weights)>;

  // `segment`, which has been checked, is borrowed for the life of this object, as is `pool`. Convolutions modulo
  // kFieldPrime run by the kernels of `isa`, which are proven. Throws what `make` and Compile throw.
  ResidueGraph(const OwnedSegment& segment, const BlobSource& blobs, uint32_t max_batch, Isa isa,
               WorkerPool* pool, const MakeConv& make);

  // The job has been checked. False if a convolution failed.
  bool Run(const Job& job);
  std::vector<NodeMethod> Methods() const;

 private:
  struct Conv {
    uint32_t node;
    std::unique_ptr<ResidueConv> conv;
    uint32_t input, output, rows;
  };

  const uint8_t* Source(uint32_t id, const Job& job);
  uint8_t* Target(uint32_t id, const Job& job);

  const OwnedSegment& segment_;
  std::vector<Conv> convs_;
  std::vector<std::vector<uint8_t>> scratch_;  // per tensor: residues between convolutions
};

}  // namespace penumbra::residues

#endif  // PENUMBRA_ACCEL_RESIDUES_RESIDUE_GRAPH_H_
