// A convolution or dense layer by matrix products in float32 or float64.
#ifndef PENUMBRA_PROTECT_PLAIN_BLAS_LAYER_H_
#define PENUMBRA_PROTECT_PLAIN_BLAS_LAYER_H_

#include "boundary/geometry.h"

namespace penumbra::protect {

// y[pixel][o] = sum over the filter of o. x: [in_h][in_w][in_c], weights: OHWI, y:
// [out_h][out_w][out_c]. The order of summation is unspecified. T: float or double. Uses OpenBLAS
// and its threads.
template <typename T>
void MultiplyLayer(const ConvGeometry& g, const T* x, const T* weights, T* out_y);

extern template void MultiplyLayer<float>(const ConvGeometry&, const float*, const float*, float*);
extern template void MultiplyLayer<double>(const ConvGeometry&, const double*, const double*,
                                           double*);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_PLAIN_BLAS_LAYER_H_
