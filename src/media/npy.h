// NumPy's .npy format, versions 1.0 to 3.0 (NumPy Enhancement Proposal 1).
#ifndef PENUMBRA_MEDIA_NPY_H_
#define PENUMBRA_MEDIA_NPY_H_

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "media/array.h"

namespace penumbra::media {

inline constexpr uint32_t kMaxNpyRank = 8;
inline constexpr uint64_t kMaxNpyCount = uint64_t{1} << 31;  // elements

// Little-endian bool, (u)int8..64, float16, float32 and float64, in C or Fortran order. float64 is
// rounded to the nearest float32; integers are never rounded. Every byte is hostile. Throws
// MediaError: kMalformed, kTruncated, kUnsupportedVersion, kUnsupported (other element types, big
// endian, rank above 8), kWrongShape (more than kMaxNpyCount elements), each with the offset;
// kInvalidArgument for an integer that float32 cannot hold.
Array ParseNpy(std::span<const uint8_t> bytes);
// The same for a file; also throws what ReadFile throws.
Array ReadNpy(const std::filesystem::path& path);

// Version 1.0, C order, elements of array.type. Throws MediaError(kUnsupported) for a type ParseNpy
// does not know, kInvalidArgument for a value that is not one of an integer type.
std::vector<uint8_t> EncodeNpy(const Array& array);
void WriteNpy(const std::filesystem::path& path,
              const Array& array);  // throws what WriteFile throws

}  // namespace penumbra::media

#endif  // PENUMBRA_MEDIA_NPY_H_
