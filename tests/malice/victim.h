// A protected model whose accelerator lies, and what comes of it.
#ifndef PENUMBRA_TESTS_MALICE_VICTIM_H_
#define PENUMBRA_TESTS_MALICE_VICTIM_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "accel/malicious/malicious_device.h"
#include "harness.h"
#include "host/session.h"
#include "schemes.h"

namespace penumbra::malice {

// What one lie did, from harmless to fatal.
enum class Effect : uint32_t {
  kUntold,      // there was nothing to tell, for instance no old reply
  kAccepted,    // the reply meant the same as the honest one, and the result is right
  kRefused,     // an integrity error, P601
  kOtherError,  // another error, and no result
  kNoEffect,    // a wrong reply was accepted, and the result is right all the same
  kGotThrough,  // a wrong result was accepted
  kBroken,      // what must hold after every lie does not: Verdict::problem
};
inline constexpr uint32_t kEffectCount = 7;

struct Verdict {
  Effect effect = Effect::kBroken;
  bool wrong = false;           // the reply meant something else than the honest one
  Status status = Status::kOk;  // of the inference
  std::string problem;
};

// One thread at a time. Throws what its parts throw when an honest run fails.
class Victim {
 public:
  Victim(const SchemeCase& scheme, const e2e::Place& place);
  ~Victim();

  // One inference with one lie at a job that the seed chooses, in the current session or a new one
  // over the same trusted half,
  // then everything that must hold afterwards: after an error the outputs in the exchange region
  // are zero; after a refusal the model is poisoned and its pads are burnt; after any other error
  // that leaves the session usable, it gives right results.
  Verdict Try(malicious::Lie lie, uint64_t seed);

  // Several inferences at once in a session of their own, one lie among all their jobs. Every
  // result is right or none: Effect::kGotThrough when one is not, kRefused when at least one of
  // them ended in P601, and then those that were not done in P601 or P402.
  Verdict TryInFlight(malicious::Lie lie, uint64_t seed);

  // Honest inferences but for jobs that lie with probability 1 / one_in, until one is refused or
  // `limit` have run. Returns the verdict on the last.
  Verdict TryNowAndThen(uint32_t one_in, uint32_t limit, uint64_t seed);

  const protect::CompiledModel& model() const { return *model_; }
  uint64_t job_count() const { return job_count_; }  // of one inference

 private:
  struct Opened {
    host::Transport* transport = nullptr;  // outlives the session
    std::unique_ptr<host::Session> session;
  };

  Opened Open(std::shared_ptr<host::Transport> half, std::chrono::milliseconds device_timeout,
              uint32_t max_in_flight = 1) const;
  void EnsureSession(malicious::Lie lie);
  void TopUpPads();
  // An honest inference; throws std::logic_error when its result is not right.
  void RunHonestly(host::Session* session, size_t input);
  Verdict Infer(const malicious::Orders& orders, size_t input);
  void JudgeError(Verdict* verdict);
  // Of requests in flight together; `right` where the status is kOk.
  Verdict JudgeAll(std::span<const Status> statuses, std::span<const bool> right) const;
  std::string ProblemAfterError(Status status);

  const SchemeCase scheme_;
  const e2e::Place place_;
  const e2e::ScratchFolder scratch_;
  const e2e::Keys keys_;
  std::unique_ptr<protect::CompiledModel> model_;
  std::shared_ptr<malicious::MaliciousDevice> device_;
  std::vector<e2e::Tensors> inputs_, wanted_;
  uint64_t job_count_ = 0;
  Opened bystander_;                            // whose replies are those of another request
  std::shared_ptr<host::Transport> half_;       // of current_
  std::shared_ptr<host::Transport> wide_half_;  // of TryInFlight()
  Opened current_;
  std::chrono::milliseconds current_timeout_{0};
};

}  // namespace penumbra::malice

#endif  // PENUMBRA_TESTS_MALICE_VICTIM_H_
