// The tiny plan as a signed, sealed bundle in memory, and a host that serves its jobs: everything a Session needs in a
// test, written from docs/bundle_format.md without the compiler.
#ifndef PENUMBRA_TRUSTED_TESTING_TINY_BUNDLE_H_
#define PENUMBRA_TRUSTED_TESTING_TINY_BUNDLE_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "boundary/bundle.h"
#include "boundary/protocol.h"
#include "trusted/port/port.h"
#include "trusted/testing/tiny_plan.h"

namespace penumbra::trusted::testing {

using Key = std::array<uint8_t, 32>;

// Zeroed memory aligned as the runtime wants it.
struct AlignedBytes {
  explicit AlignedBytes(size_t size) : storage(size + kTileAlignment) {
    const size_t misfit = reinterpret_cast<uintptr_t>(storage.data()) % kTileAlignment;
    view = std::span<uint8_t>(storage).subspan(kTileAlignment - misfit, size);
  }
  std::vector<uint8_t> storage;
  std::span<uint8_t> view;
};

struct TinyBundle {
  Key vendor_private{}, vendor_public{}, device_private{}, device_public{};
  std::vector<uint8_t> manifest;              // COSE_Sign1
  std::vector<std::vector<uint8_t>> chunks;   // ciphertext || tag
  bool prime = false;
  std::vector<uint8_t> public_half;           // published weights [prime][20][16], s8 or s32
  std::vector<int32_t> weights;               // [16][16], the secret integers
  std::vector<int64_t> window_begin;          // [16]
};

struct TinyBundleOptions {
  bool prime = false;  // see MakeTinyPlan
  uint64_t model_version = 1;
  bool checked = false;                             // MakeTinyCheckedPlan()
  std::function<void(TinyPlan*)> change_plan;       // before sealing
  std::function<void(std::vector<BoundRow>*)> change_bounds;
  std::function<void(std::vector<uint8_t>*)> change_params;
  std::function<void(ManifestHead*)> change_head;   // before signing
};
TinyBundle MakeTinyBundle(const TinyBundleOptions& options = {});

// An input of the tiny plan, different for every seed.
std::vector<float> MakeInput(uint32_t seed);
// y = max(x, 0) quantised to 0..10, times the weights: what the plan computes.
std::vector<float> ExpectedOutput(const TinyBundle& bundle, const std::vector<float>& input);

// Host side of the protocol. Runs the layer of MakeTinyPlan() and the float segment of MakeTinyFloatPlan(), which is
// (a, b) -> (a, a + 2 b). Hooks may tamper with whatever crosses.
class TinyHost {
 public:
  TinyHost(const TinyBundle* bundle, std::span<uint8_t> exchange) : bundle_(bundle), exchange_(exchange) {}

  // Serves one job; the bytes it moved can be changed by `tamper` right after.
  void Serve(const HostJob& job);
  std::function<void(const HostJob&, std::span<uint8_t>)> tamper;
  std::vector<HostJob> seen;
  // Of a segment of MakeTinyPartitionPlan(), which this host does not compute: `accelerate` does.
  std::vector<uint8_t> Emitted(uint32_t segment) const;
  std::function<void(const HostJob&)> accelerate;

 private:
  void Accelerate(const HostJob& job);
  void AcceleratePrime(const HostJob& job);
  void AccelerateFloat(const HostJob& job);
  const TinyBundle* bundle_;
  std::span<uint8_t> exchange_;
  std::map<std::pair<uint32_t, uint64_t>, std::vector<uint8_t>> store_;
};

// A port over plain variables.
struct TinyPort {
  Key device_key{};
  std::map<std::vector<uint8_t>, uint64_t> versions, counters;
  Status counter_status = Status::kOk;  // what counter_advance ends with instead of moving the counter
  uint64_t entropy_calls = 0;
  Port Make();
};

}  // namespace penumbra::trusted::testing

#endif  // PENUMBRA_TRUSTED_TESTING_TINY_BUNDLE_H_
