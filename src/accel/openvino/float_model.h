// A float segment as an OpenVINO model.
#ifndef PENUMBRA_ACCEL_OPENVINO_FLOAT_MODEL_H_
#define PENUMBRA_ACCEL_OPENVINO_FLOAT_MODEL_H_

#include <memory>
#include <openvino/core/model.hpp>
#include <vector>

#include "accel/validate.h"

namespace penumbra::openvino {

// Every operator of boundary/segment.h but the residue convolutions.
uint64_t FloatOps();

// Weights and biases of a segment's nodes in OpenVINO's order, shared by the models of all batch sizes. Null where
// a node has none.
struct Constants {
  std::vector<std::shared_ptr<ov::Node>> weights, biases;
};
Constants CopyConstants(const OwnedSegment& segment, const BlobSource& blobs);

// Parameters and results are the segment's ends in their order, float32 [batch, h, w, c]. The segment has been
// checked against FloatOps(). Throws ov::Exception, std::bad_alloc.
std::shared_ptr<ov::Model> BuildModel(const OwnedSegment& segment, const Constants& constants, uint32_t batch);

}  // namespace penumbra::openvino

#endif  // PENUMBRA_ACCEL_OPENVINO_FLOAT_MODEL_H_
