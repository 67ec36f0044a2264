// AES-256-GCM of Intel's multi-buffer library: three functions chosen once for this processor.
#ifndef PENUMBRA_CRYPTO_IPSEC_MB_GCM_H_
#define PENUMBRA_CRYPTO_IPSEC_MB_GCM_H_

#include <intel-ipsec-mb.h>

#include "boundary/status.h"

namespace penumbra::crypto::ipsec_mb {

// Instruction sets the library has code for. Within one it looks for extensions (VAES, VPCLMULQDQ) itself.
enum class Level { kSse, kAvx, kAvx2, kAvx512 };

struct Gcm {
  aes_gcm_pre_t expand = nullptr;
  aes_gcm_enc_dec_t seal = nullptr, open = nullptr;
  bool has_vaes = false;  // this processor runs vaes_counter.h, too
};

// The best level that processor and operating system (XCR0) both support. The library itself looks at CPUID only,
// which does not say whether the upper halves of the registers survive a task switch.
Level BestLevel();

// The functions of `level`, after the library's known-answer self-test. kUnsupported: no AES or carry-less
// multiplication in this processor, or the self-test failed; kOutOfMemory. The library's 200 KB of state are gone
// when this returns: the functions do not use it.
Status MakeGcm(Level level, Gcm* out_gcm);

// MakeGcm(BestLevel()), made by the first call and kept as long as the process lives. Thread-safe.
Status SharedGcm(const Gcm** out_gcm);

// Zeroed memory at a multiple of 64, as the library wants its keys, from the allocator of the rest of this room;
// nullptr when there is none. Freeing erases it.
void* AllocateAligned(size_t size);
void FreeAligned(void* memory, size_t size);

}  // namespace penumbra::crypto::ipsec_mb

#endif  // PENUMBRA_CRYPTO_IPSEC_MB_GCM_H_
