// One convolution or inner product in oneDNN, as an unprotected network would run it.
#ifndef PENUMBRA_ACCEL_PEERS_LINEAR_LAYER_H_
#define PENUMBRA_ACCEL_PEERS_LINEAR_LAYER_H_

#include <oneapi/dnnl/dnnl.hpp>

#include "boundary/geometry.h"

namespace penumbra::peers {

enum class Precision {
  kFloat32,
  kWinograd,  // float32; layers that oneDNN has no Winograd for run directly
  kBfloat16,  // weights and both ends; sums in float32
  kInt8,      // unsigned ends, signed weights scaled per output channel; what comes out is clipped to 0..255, as a ReLU
              // would clip it below
};

// Values of a byte at either end: x = byte * kInputScale, y = byte * output_scale().
inline constexpr float kInputScale = 1.0f / 128;

class LinearLayer {
 public:
  // weights: OHWI, bias: [out_c] or null; both copied. Throws dnnl::error where the processor or the library has no
  // such primitive.
  LinearLayer(const dnnl::engine& engine, const ConvGeometry& g, const float* weights, const float* bias,
              Precision precision);

  const ConvGeometry& geometry() const { return geometry_; }
  bool winograd() const { return winograd_; }
  float output_scale() const { return output_scale_; }
  dnnl::memory::desc source() const { return source_; }
  dnnl::memory::desc destination() const { return destination_; }
  size_t scratch_size() const { return scratch_.get_size(); }

  // Memory of at least the sizes above.
  void Run(const dnnl::stream& stream, const dnnl::memory& source, const dnnl::memory& destination,
           const dnnl::memory& scratch) const;

 private:
  void MakeConvolution(dnnl::algorithm algorithm);
  void MakeInnerProduct();
  template <typename Description>
  void Keep(const Description& pd);
  dnnl::primitive_attr Attributes() const;
  void LoadWeights(const float* weights, const float* bias);

  const dnnl::engine engine_;
  const ConvGeometry geometry_;
  const Precision precision_;
  const bool has_bias_;
  bool winograd_ = false;
  float output_scale_ = 1;
  std::vector<float> weight_scales_;  // kInt8: per output channel
  dnnl::primitive primitive_;
  dnnl::memory::desc source_, destination_, scratch_, filters_;
  dnnl::memory weights_, bias_;
};

}  // namespace penumbra::peers

#endif  // PENUMBRA_ACCEL_PEERS_LINEAR_LAYER_H_
