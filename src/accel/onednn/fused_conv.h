// Residue convolutions by our own AVX-512 VNNI kernels (vnni_kernels.h).
#ifndef PENUMBRA_ACCEL_ONEDNN_FUSED_CONV_H_
#define PENUMBRA_ACCEL_ONEDNN_FUSED_CONV_H_

#include <memory>

#include "accel/onednn/residue_conv.h"

namespace penumbra::onednn {

// Whether this processor can run the kernels at all.
bool FusedConvSupported();

// Null where oneDNN does better: grouped convolutions that are not depthwise, and, on processors
// with AMX, 1x1 convolutions of whole blocks of channels. Arguments as MakeResidueConv.
std::unique_ptr<ResidueConv> MakeFusedConv(const ConvGeometry& g, uint32_t primes,
                                           const int8_t* weights, WorkerPool* pool);

// One group: a matrix product over the input's windows.
std::unique_ptr<ResidueConv> MakeFusedGemm(const ConvGeometry& g, uint32_t primes,
                                           const int8_t* weights, WorkerPool* pool);
// One group, 3x3, stride and dilation 1: an exact Winograd convolution (vnni_winograd.h). Holds four
// times the weights.
std::unique_ptr<ResidueConv> MakeFusedWinograd(const ConvGeometry& g, uint32_t primes,
                                               const int8_t* weights, WorkerPool* pool);
// groups == in_c == out_c.
std::unique_ptr<ResidueConv> MakeFusedDepthwise(const ConvGeometry& g, uint32_t primes,
                                                const int8_t* weights, WorkerPool* pool);

}  // namespace penumbra::onednn

#endif  // PENUMBRA_ACCEL_ONEDNN_FUSED_CONV_H_
