#ifndef PENUMBRA_MODEL_HALF_H_
#define PENUMBRA_MODEL_HALF_H_

#include <cstdint>

namespace penumbra::model {

float HalfToFloat(uint16_t half);  // IEEE 754 binary16, subnormals included

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_HALF_H_
