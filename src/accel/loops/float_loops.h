// The float32 operators of a segment by plain loops, in the order of its nodes.
#ifndef PENUMBRA_ACCEL_LOOPS_FLOAT_LOOPS_H_
#define PENUMBRA_ACCEL_LOOPS_FLOAT_LOOPS_H_

#include <vector>

#include "accel/validate.h"

namespace penumbra::loops {

class FloatLoops {
 public:
  // `segment`, which has been checked, is borrowed for the life of this object, as are the blobs' bytes. May throw
  // std::bad_alloc.
  FloatLoops(const OwnedSegment& segment, const BlobSource& blobs, uint32_t max_batch);

  // The job has been checked. Residue convolutions are left out: floats never depend on them.
  void Run(const Job& job);
  std::vector<NodeMethod> Methods() const;

 private:
  void RunNode(size_t index, uint32_t batch, const std::vector<std::byte*>& data) const;

  const OwnedSegment& segment_;
  std::vector<std::vector<std::byte>> scratch_;     // per tensor; empty at the ends and of residues
  std::vector<const std::byte*> weights_, biases_;  // per node
};

}  // namespace penumbra::loops

#endif  // PENUMBRA_ACCEL_LOOPS_FLOAT_LOOPS_H_
