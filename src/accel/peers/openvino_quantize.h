// Post-training quantisation of an OpenVINO model to int8 by one sample's ranges: for timing, not for accuracy.
#ifndef PENUMBRA_ACCEL_PEERS_OPENVINO_QUANTIZE_H_
#define PENUMBRA_ACCEL_PEERS_OPENVINO_QUANTIZE_H_

#include <openvino/core/model.hpp>
#include <openvino/runtime/core.hpp>
#include <vector>

namespace penumbra::peers {

// Puts a FakeQuantize behind every activation that a convolution, a matrix product with constant weights or a sum of
// two activations reads (256 levels between its smallest and largest value on `inputs`), and behind the weights (255
// levels per output channel). OpenVINO's CPU plugin turns that into int8 kernels. Throws ov::Exception.
void Quantize(ov::Core* core, const std::shared_ptr<ov::Model>& model, const std::vector<ov::Tensor>& inputs);

}  // namespace penumbra::peers

#endif  // PENUMBRA_ACCEL_PEERS_OPENVINO_QUANTIZE_H_
