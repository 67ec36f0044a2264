// A trusted half that outlives the sessions over it: the next session finds it empty, not new.
// Saves starting one for every refused reply.
#ifndef PENUMBRA_TESTS_MALICE_RECYCLED_TRANSPORT_H_
#define PENUMBRA_TESTS_MALICE_RECYCLED_TRANSPORT_H_

#include <memory>
#include <string>

#include "host/transport.h"

namespace penumbra::malice {

// One session at a time over `half`, which is started by the first one; sizes of later sessions
// must be the same. The exchange region keeps what stood in it: it is the adversary's.
class RecycledTransport final : public host::Transport {
 public:
  explicit RecycledTransport(std::shared_ptr<host::Transport> half) : half_(std::move(half)) {}

  Status Start(uint64_t exchange_size, uint64_t secure_memory_size) override {
    return half_->exchange().empty() ? half_->Start(exchange_size, secure_memory_size)
                                     : Status::kOk;
  }
  Status Call(const Command& command, Reply* out_reply) override {
    return half_->Call(command, out_reply);
  }
  std::span<uint8_t> exchange() override { return half_->exchange(); }
  std::shared_ptr<const void> exchange_owner() override { return half_->exchange_owner(); }
  // Unloading, which sessions do before this, wiped the model.
  void Stop() override {}
  CarrierKind carrier() const override { return half_->carrier(); }
  std::string label() const override { return half_->label(); }
  std::string failure() const override { return half_->failure(); }

 private:
  std::shared_ptr<host::Transport> half_;
};

}  // namespace penumbra::malice

#endif  // PENUMBRA_TESTS_MALICE_RECYCLED_TRANSPORT_H_
