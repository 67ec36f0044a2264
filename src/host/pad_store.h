// Where sealed pads wait outside the TEE. The store is untrusted: whatever it loses, repeats or
// alters is noticed by the trusted half.
#ifndef PENUMBRA_HOST_PAD_STORE_H_
#define PENUMBRA_HOST_PAD_STORE_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <vector>

#include "boundary/status.h"

namespace penumbra::host {

// HostJob::index of JobSource::kPad.
struct PadSlot {
  uint64_t pad;
  uint32_t slot;  // below 2^24
};
constexpr PadSlot PadSlotOf(uint64_t index) {
  return {index >> 24, static_cast<uint32_t>(index & 0xffffff)};
}

// Safe from any thread: requests in flight share it.
class PadStore {
 public:
  virtual ~PadStore() = default;
  // Keeps a copy of `sealed`. kNoSpace, kIo.
  virtual Status Put(PadSlot where, std::span<const uint8_t> sealed) = 0;
  // Copies the bytes out and forgets them: a pad is used once. kNotFound; kMalformed when the size
  // differs from what was put.
  virtual Status Take(PadSlot where, std::span<uint8_t> out_sealed) = 0;
  // Every slot of the pad was put. Of a pad that is not complete nothing needs to outlive the store.
  virtual void Complete(uint64_t pad) = 0;
  // Forgets a pad, or all but some. Unknown pads are no error.
  virtual void Drop(uint64_t pad) = 0;
  virtual void KeepOnly(std::span<const uint64_t> pads) = 0;
  virtual uint64_t size() const = 0;  // bytes kept
};

// Memory of spent slots is kept for the next pad, whose slots have the same sizes: fresh pages cost more than sealing.
class MemoryPadStore final : public PadStore {
 public:
  explicit MemoryPadStore(uint64_t max_size) : max_size_(max_size) {}
  Status Put(PadSlot where, std::span<const uint8_t> sealed) override;
  Status Take(PadSlot where, std::span<uint8_t> out_sealed) override;
  void Complete(uint64_t) override {}
  void Drop(uint64_t pad) override;
  void KeepOnly(std::span<const uint64_t> pads) override;
  uint64_t size() const override;

 private:
  using Slots = std::map<uint32_t, std::vector<uint8_t>>;
  static constexpr uint64_t kMaxSpareSize = uint64_t{64} << 20;

  // Both with mutex_.
  void Recycle(std::vector<uint8_t> bytes);
  std::vector<uint8_t> TakeSpare(uint64_t size);

  const uint64_t max_size_;
  mutable std::mutex mutex_;  // of everything below
  uint64_t size_ = 0;
  uint64_t spare_size_ = 0;
  std::multimap<uint64_t, std::vector<uint8_t>> spare_;  // by size
  std::map<uint64_t, Slots> pads_;
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_PAD_STORE_H_
