// The header of a .npy file: a Python dictionary literal with exactly three keys.
#ifndef PENUMBRA_MEDIA_NPY_HEADER_H_
#define PENUMBRA_MEDIA_NPY_HEADER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penumbra::media {

struct NpyHeader {
  std::string descr;  // "<f4"
  bool fortran_order = false;
  std::vector<uint64_t> shape;  // any number of extents, any size
};

// `base`: file offset of text[0], for messages. Throws MediaError: kMalformed; kUnsupported for a
// structured descr.
NpyHeader ParseNpyHeader(std::string_view text, uint64_t base);

}  // namespace penumbra::media

#endif  // PENUMBRA_MEDIA_NPY_HEADER_H_
