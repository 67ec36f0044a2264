// A dense float32 array as users exchange it.
#ifndef PENUMBRA_MEDIA_ARRAY_H_
#define PENUMBRA_MEDIA_ARRAY_H_

#include <cstdint>
#include <string>
#include <vector>

namespace penumbra::media {

struct Array {
  std::vector<uint32_t> shape;  // outermost first; empty: a scalar
  std::vector<float> values;    // row-major, as many as the product of `shape`
};

}  // namespace penumbra::media

#endif  // PENUMBRA_MEDIA_ARRAY_H_
