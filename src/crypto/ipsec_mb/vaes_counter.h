// AES-256 in counter mode with VAES on 512-bit registers. The library's own counter mode reaches half its speed on
// the short runs that pads are drawn in.
#ifndef PENUMBRA_CRYPTO_IPSEC_MB_VAES_COUNTER_H_
#define PENUMBRA_CRYPTO_IPSEC_MB_VAES_COUNTER_H_

#include <cstddef>
#include <cstdint>

namespace penumbra::crypto::ipsec_mb {

// Keystream::Generate, where Gcm::has_vaes says so. round_keys: 15 blocks of 16 bytes, as gcm_key_data::expanded_keys has them. Any thread.
void VaesCounterMode(const uint8_t* round_keys, const uint8_t* counter_block, uint8_t* out, size_t size);

}  // namespace penumbra::crypto::ipsec_mb

#endif  // PENUMBRA_CRYPTO_IPSEC_MB_VAES_COUNTER_H_
