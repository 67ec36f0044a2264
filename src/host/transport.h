// What a carrier offers on the untrusted side: it starts a trusted half, moves one command in and
// one reply out, and shares one region of memory with it. Implementations: tee/*/untrusted.
#ifndef PENUMBRA_HOST_TRANSPORT_H_
#define PENUMBRA_HOST_TRANSPORT_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "boundary/protocol.h"
#include "boundary/status.h"

namespace penumbra::host {

inline constexpr std::string_view kSoftwareTeeNotice =
    "software TEE: no protection against this machine's owner";

// What every output made over this carrier must say about it; empty for hardware TEEs.
constexpr std::string_view ProtectionNotice(CarrierKind carrier) {
  const bool software = carrier == CarrierKind::kDirect || carrier == CarrierKind::kProcess;
  return software ? kSoftwareTeeNotice : std::string_view();
}

// A thread's stay with the trusted half: calls that follow one another, with nothing but short work between them. Ended by
// the thread that began it, before Stop().
class Visit {
 public:
  virtual ~Visit() = default;
};

// One trusted half and the way to it. One call at a time; different objects are independent.
// Lifecycle: Start once, Call any number of times, Stop (or destruction).
class Transport {
 public:
  virtual ~Transport() = default;

  // Starts the trusted half over a zeroed exchange region of `exchange_size` bytes (at least
  // kLoadWindowSize) with `secure_memory_size` bytes of private memory, code and stack apart.
  // kWrongState when already started. On failure failure() says why in words.
  virtual Status Start(uint64_t exchange_size, uint64_t secure_memory_size) = 0;

  // Runs one command in the trusted half. kOk means that a reply arrived; the trusted half's own
  // verdict is out_reply->status. Otherwise *out_reply is zeroed and the trusted half is lost:
  // kEnclaveDied, kTimeout, kWrongState (not started).
  virtual Status Call(const Command& command, Reply* out_reply) = 0;

  // Calls are as right without a visit, but a carrier may make those within one faster. Null: nothing to be gained.
  virtual std::unique_ptr<Visit> BeginVisit() { return nullptr; }

  // The region shared with the trusted half, 64-byte aligned; empty before Start. Valid until Stop,
  // and for as long as a copy of exchange_owner() lives.
  virtual std::span<uint8_t> exchange() = 0;
  virtual std::shared_ptr<const void> exchange_owner() = 0;

  // Ends the trusted half at once; its memory is gone when this returns. May be called twice.
  virtual void Stop() = 0;

  virtual CarrierKind carrier() const = 0;

  // One line for people: the carrier and the isolation it really has, ProtectionNotice() included.
  virtual std::string label() const = 0;

  // Why the last Start or Call failed; empty after a success.
  virtual std::string failure() const = 0;
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_TRANSPORT_H_
