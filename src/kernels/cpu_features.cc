// What this processor, and the operating system's register saving, can run.
#include "kernels/dispatch.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace penumbra {

#if defined(__x86_64__)

namespace {

constexpr uint64_t kYmmState = 0x6;        // XCR0: SSE, AVX
constexpr uint64_t kZmmState = 0xe6;       // + opmask, both ZMM parts
constexpr uint64_t kTileState = 0x600e6;   // + TILECFG, TILEDATA

struct CpuidResult {
  uint32_t a, b, c, d;
};

CpuidResult Cpuid(uint32_t leaf, uint32_t subleaf) {
  CpuidResult r{};
  if (__get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d) == 0) r = {};
  return r;
}

bool Bit(uint32_t word, uint32_t bit) { return (word >> bit & 1) != 0; }

// Register states the operating system saves; 0 without OSXSAVE.
uint64_t SavedStates(const CpuidResult& basic) {
  if (!Bit(basic.c, 27)) return 0;
  uint32_t low = 0;
  uint32_t high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

// Linux hands out tile registers per process on request: arch_prctl(ARCH_REQ_XCOMP_PERM, 18).
bool RequestTilePermission() {
#if defined(__linux__)
  constexpr int64_t kArchPrctl = 158;
  constexpr int64_t kRequestPermission = 0x1023;
  constexpr int64_t kTileData = 18;
  int64_t result = kArchPrctl;
  __asm__ volatile("syscall"
                   : "+a"(result)
                   : "D"(kRequestPermission), "S"(kTileData)
                   : "rcx", "r11", "memory");
  return result == 0;
#else
  return false;
#endif
}

bool ProcessorHas(Isa isa) {
  const CpuidResult basic = Cpuid(1, 0);
  const CpuidResult extended = Cpuid(7, 0);
  const CpuidResult more = Cpuid(7, 1);
  const uint64_t saved = SavedStates(basic);
  const bool ymm = (saved & kYmmState) == kYmmState;
  const bool zmm = (saved & kZmmState) == kZmmState;
  const bool tiles = (saved & kTileState) == kTileState;
  const bool avx2 = ymm && Bit(basic.c, 12) && Bit(basic.c, 28) && Bit(extended.b, 5);
  const bool avx512 = avx2 && zmm && Bit(extended.b, 16) && Bit(extended.b, 17) &&
                      Bit(extended.b, 30) && Bit(extended.b, 31);
  const bool vnni = avx512 && Bit(extended.c, 11) && Bit(extended.c, 1) && Bit(extended.c, 6) &&
                    Bit(extended.b, 8) && Bit(basic.c, 23);
  switch (isa) {
    case Isa::kScalar:
      return true;
    case Isa::kAvx2:
      return avx2;
    case Isa::kAvxVnni:
      return avx2 && Bit(more.a, 4);
    case Isa::kAvx512:
      return avx512;
    case Isa::kAvx512Vnni:
      return vnni;
    case Isa::kAmx:
      return vnni && tiles && Bit(extended.d, 24) && Bit(extended.d, 25) &&
             RequestTilePermission();
    default:
      return false;
  }
}

}  // namespace

#elif defined(__aarch64__)

namespace {

bool ProcessorHas(Isa isa) {
  switch (isa) {
    case Isa::kScalar:
    case Isa::kNeon:
      return true;
    case Isa::kNeonDot:
#if defined(__linux__)
      return (getauxval(AT_HWCAP) >> 20 & 1) != 0;  // HWCAP_ASIMDDP
#else
      return false;
#endif
    default:
      return false;
  }
}

}  // namespace

#else

namespace {
bool ProcessorHas(Isa isa) { return isa == Isa::kScalar; }
}  // namespace

#endif

bool IsaSupported(Isa isa) { return isa <= Isa::PENUMBRA_MAX_ISA && ProcessorHas(isa); }

}  // namespace penumbra
