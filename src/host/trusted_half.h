// One trusted half and everybody who calls it: one at a time, first come, first served.
#ifndef PENUMBRA_HOST_TRUSTED_HALF_H_
#define PENUMBRA_HOST_TRUSTED_HALF_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "boundary/protocol.h"
#include "host/emitted_halves.h"
#include "host/fair_pool.h"
#include "host/spill_store.h"
#include "host/transport.h"

namespace penumbra::host {

inline constexpr uint64_t kMaxDerivedSize = uint64_t{1} << 30;  // bytes
inline constexpr uint64_t kMaxEmittedSize = uint64_t{8} << 30;

// Safe from any thread after Start().
class TrustedHalf {
 public:
  // `transport` is not started yet.
  explicit TrustedHalf(std::unique_ptr<Transport> transport) : transport_(std::move(transport)) {}
  // Wipes the model in the trusted half and ends it.
  ~TrustedHalf();
  TrustedHalf(const TrustedHalf&) = delete;
  TrustedHalf& operator=(const TrustedHalf&) = delete;

  // Throws HostError with the carrier's reason.
  void Start(uint64_t exchange_size, uint64_t secure_memory_size);
  // The right to call, for as long as it is held. Taken and returned by one thread.
  class Turn {
   public:
    Turn() = default;
    ~Turn() { Return(); }
    Turn(Turn&& other) noexcept = default;
    Turn& operator=(Turn&& other) noexcept;
    explicit operator bool() const { return static_cast<bool>(lease_); }
    void Return();  // at once; may be called twice

   private:
    friend class TrustedHalf;
    Turn(FairPool::Lease lease, std::unique_ptr<Visit> visit) : lease_(std::move(lease)), visit_(std::move(visit)) {}
    FairPool::Lease lease_;
    std::unique_ptr<Visit> visit_;
  };
  Turn Enter();
  // One command, one reply, whatever its status, for the holder of a turn. Throws
  // HostError when the trusted half is lost, and kEnclaveDied at every call after that.
  Reply Call(const Command& command);

  // As the last reply said.
  uint64_t pads_ready() const { return pads_ready_; }
  uint64_t pads_in_hand() const { return pads_in_hand_; }
  uint64_t pads_unrecorded() const { return pads_unrecorded_; }

  // What it left for the vendor when it refused a reply; see boundary/failure_log.h. For the holder of a lease of Enter().
  const std::optional<FailureLog>& failure_log() const { return failure_log_; }

  // As it was started with; its memory lives as long as a copy of the owner, even if the trusted
  // half ends.
  std::span<uint8_t> exchange() const { return exchange_; }
  const std::shared_ptr<const void>& exchange_owner() const { return exchange_owner_; }
  const Transport& transport() const { return *transport_; }
  // Sealed tiles it made while the model was loaded, for as long as that stays loaded. Written by the
  // one thread that loads; after that, reads only.
  SpillStore* derived() { return &derived_; }
  // What it published meanwhile, likewise.
  EmittedHalves* emitted() { return &emitted_; }

 private:
  std::unique_ptr<Transport> transport_;
  std::span<uint8_t> exchange_;
  std::shared_ptr<const void> exchange_owner_;
  SpillStore derived_{kMaxDerivedSize};
  EmittedHalves emitted_{kMaxEmittedSize};
  FairPool turn_{1};
  bool lost_ = false;  // with turn_
  std::optional<FailureLog> failure_log_;  // likewise
  std::atomic<uint64_t> pads_ready_{0}, pads_in_hand_{0}, pads_unrecorded_{0};
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_TRUSTED_HALF_H_
