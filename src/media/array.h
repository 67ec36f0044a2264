// A dense array as users exchange it: float32 elements, whatever type they have in a file.
#ifndef PENUMBRA_MEDIA_ARRAY_H_
#define PENUMBRA_MEDIA_ARRAY_H_

#include <cstdint>
#include <string>
#include <vector>

namespace penumbra::media {

struct Array {
  std::vector<uint32_t> shape;  // outermost first; empty: a scalar
  std::vector<float> values;    // row-major, as many as the product of `shape`
  // NumPy's name of the element type, without its byte order ("f4", "i8", "b1"): the type read
  // from or to be written to a file. Integers are exactly what `values` says.
  std::string type = "f4";
};

}  // namespace penumbra::media

#endif  // PENUMBRA_MEDIA_ARRAY_H_
