// Names for byte views. Sizes that a standard fixes are part of the type, so a wrong size does not
// compile; a view never owns its bytes.
#ifndef PENUMBRA_CRYPTO_BYTES_H_
#define PENUMBRA_CRYPTO_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace penumbra::crypto {

using Bytes = std::span<const uint8_t>;
using MutableBytes = std::span<uint8_t>;

template <size_t kSize>
using FixedBytes = std::span<const uint8_t, kSize>;
template <size_t kSize>
using MutableFixedBytes = std::span<uint8_t, kSize>;

}  // namespace penumbra::crypto

#endif  // PENUMBRA_CRYPTO_BYTES_H_
