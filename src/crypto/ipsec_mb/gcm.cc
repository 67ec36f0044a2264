#include "crypto/ipsec_mb/gcm.h"

#include <openssl/crypto.h>

#include <cstdint>

#include "boundary/limits.h"

namespace penumbra::crypto::ipsec_mb {
namespace {

constexpr uint64_t kAlignment = 64;
constexpr uint64_t kNeeded = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_SELF_TEST_PASS;

void InitManager(Level level, IMB_MGR* manager) {
  switch (level) {
    case Level::kSse: return init_mb_mgr_sse(manager);
    case Level::kAvx: return init_mb_mgr_avx(manager);
    case Level::kAvx2: return init_mb_mgr_avx2(manager);
    case Level::kAvx512: return init_mb_mgr_avx512(manager);
  }
}

CRYPTO_ONCE g_once = CRYPTO_ONCE_STATIC_INIT;
Gcm g_gcm;
Status g_status = Status::kInternal;

void MakeShared() { g_status = MakeGcm(BestLevel(), &g_gcm); }

}  // namespace

Level BestLevel() {
  const bool wide = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
                    __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0;
  if (wide && __builtin_cpu_supports("avx512cd") != 0) return Level::kAvx512;
  if (__builtin_cpu_supports("avx2")) return Level::kAvx2;
  return __builtin_cpu_supports("avx") ? Level::kAvx : Level::kSse;
}

Status MakeGcm(Level level, Gcm* out_gcm) {
  *out_gcm = {};
  const size_t size = imb_get_mb_mgr_size();
  void* const memory = AllocateAligned(size);
  if (memory == nullptr) return Status::kOutOfMemory;
  IMB_MGR* const manager = imb_set_pointers_mb_mgr(memory, 0, 1);
  Status status = Status::kUnsupported;
  if (manager != nullptr) {
    InitManager(level, manager);
    if (imb_get_errno(manager) == 0 && (manager->features & kNeeded) == kNeeded) {
      const bool has_vaes = level == Level::kAvx512 && (manager->features & IMB_FEATURE_VAES) != 0;
      *out_gcm = {manager->gcm256_pre, manager->gcm256_enc, manager->gcm256_dec, has_vaes};
      status = Status::kOk;
    }
  }
  FreeAligned(memory, size);
  return status;
}

Status SharedGcm(const Gcm** out_gcm) {
  if (CRYPTO_THREAD_run_once(&g_once, MakeShared) != 1) return Status::kOutOfMemory;
  *out_gcm = &g_gcm;
  return g_status;
}

// The word before an aligned block points to the block the allocator gave.
void* AllocateAligned(size_t size) {
  void* const block = OPENSSL_zalloc(size + sizeof(void*) + kAlignment);
  if (block == nullptr) return nullptr;
  const uint64_t at = AlignUp(reinterpret_cast<uintptr_t>(block) + sizeof(void*), kAlignment);
  auto** const aligned = reinterpret_cast<void**>(at);
  aligned[-1] = block;
  return aligned;
}

void FreeAligned(void* memory, size_t size) {
  if (memory == nullptr) return;
  OPENSSL_cleanse(memory, size);
  OPENSSL_free(static_cast<void**>(memory)[-1]);
}

}  // namespace penumbra::crypto::ipsec_mb
