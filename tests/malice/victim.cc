#include "victim.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <thread>
#include <utility>

#include "accel/malicious/lies.h"
#include "host/error.h"
#include "recycled_transport.h"

namespace penumbra::malice {
namespace {

using malicious::Lie;

constexpr size_t kInputCount = 3;
// Long enough for an honest job on a machine that is busy with other things.
constexpr std::chrono::milliseconds kDeviceTimeout{250};
constexpr std::chrono::microseconds kDelay{200};
constexpr uint32_t kInFlight = 3;
constexpr uint64_t kWideMemorySize = 4 << 20;  // room for all in flight
constexpr uint32_t kPadsReady = 2;             // the one the inference takes, and one in flight

bool EndsTheSession(Status status) {
  return status == Status::kIntegrity || status == Status::kTimeout ||
         status == Status::kPoisoned || status == Status::kEnclaveDied ||
         status == Status::kInternal;
}

bool AllZero(std::span<const uint8_t> bytes) {
  return std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 0; });
}

}  // namespace

Victim::Victim(const SchemeCase& scheme, const e2e::Place& place)
    : scheme_(scheme), place_(place), model_(CompileCase(scheme)) {
  e2e::WriteBundle(*model_, keys_, scratch_.path() / "model.penumbra");
  for (uint32_t i = 0; i < kInputCount; ++i) {
    inputs_.push_back(e2e::SmoothInputs(model_->lowered(), i + 1));
  }
  device_ = std::make_shared<malicious::MaliciousDevice>(e2e::OpenDevice(place_.device));
  bystander_ = Open(e2e::MakeTransport(keys_, place_, scratch_.path()), host::kDefaultDeviceTimeout);
  half_ = e2e::MakeTransport(keys_, place_, scratch_.path());
  for (const e2e::Tensors& input : inputs_) {
    if (scheme_.is_masked) bystander_.session->MakePads(1);
    device_->Give({});
    wanted_.push_back(e2e::RunSession(bystander_.session.get(), input));
    job_count_ = device_->account().job_count;
  }
  for (size_t i = 0; i < kInputCount && !scheme_.is_float; ++i) {
    if (e2e::CountDifferentBits(e2e::RunPlain(*model_, inputs_[i]), wanted_[i]) != 0) {
      throw std::logic_error(scheme_.name + ": the honest run is not exact");
    }
  }
}

Victim::~Victim() { device_->Release(); }

Victim::Opened Victim::Open(std::shared_ptr<host::Transport> half,
                            std::chrono::milliseconds device_timeout,
                            uint32_t max_in_flight) const {
  host::SessionOptions options;
  options.vendor_key = keys_.vendor.public_key;
  options.threads = place_.threads;
  options.device_timeout = device_timeout;
  options.pad_policy = host::PadPolicy::kRefuse;
  options.max_in_flight = max_in_flight;
  if (max_in_flight > 1) options.secure_memory_size = kWideMemorySize;
  Opened opened;
  opened.transport = half.get();
  opened.session = host::Session::Load(scratch_.path() / "model.penumbra",
                                       std::make_unique<RecycledTransport>(std::move(half)),
                                       device_, std::move(options));
  return opened;
}

void Victim::EnsureSession(Lie lie) {
  const std::chrono::milliseconds timeout =
      lie == Lie::kNever ? kDeviceTimeout : host::kDefaultDeviceTimeout;
  if (current_.session != nullptr && timeout == current_timeout_) return;
  current_ = {};
  current_ = Open(half_, timeout);
  current_timeout_ = timeout;
  device_->KeepAlive(current_.transport->exchange_owner());
}

void Victim::TopUpPads() {
  if (!scheme_.is_masked) return;
  const uint64_t ready = current_.session->QueryInfo().pads_ready;
  if (ready < kPadsReady) current_.session->MakePads(static_cast<uint32_t>(kPadsReady - ready));
}

void Victim::RunHonestly(host::Session* session, size_t input) {
  device_->Give({});
  const e2e::Tensors outputs = e2e::RunSession(session, inputs_[input]);
  if (e2e::CountDifferentBits(outputs, wanted_[input]) != 0) {
    throw std::logic_error(scheme_.name + ": an honest run went wrong");
  }
}

Verdict Victim::Infer(const malicious::Orders& orders, size_t input) {
  Verdict verdict;
  device_->Give(orders);
  e2e::Tensors outputs;
  try {
    outputs = e2e::RunSession(current_.session.get(), inputs_[input]);
  } catch (const host::HostError& error) {
    verdict.status = error.status();
  }
  const malicious::Account account = device_->account();
  device_->Release();
  verdict.wrong = account.wrong_count != 0;
  if (!IsOk(verdict.status)) {
    JudgeError(&verdict);
    return verdict;
  }
  const bool right = e2e::CountDifferentBits(outputs, wanted_[input]) == 0;
  if (!right) {
    verdict.effect = Effect::kGotThrough;
  } else if (account.lie_count == 0) {
    verdict.effect = Effect::kUntold;
  } else {
    verdict.effect = verdict.wrong ? Effect::kNoEffect : Effect::kAccepted;
  }
  return verdict;
}

void Victim::JudgeError(Verdict* verdict) {
  verdict->effect = verdict->status == Status::kIntegrity ? Effect::kRefused : Effect::kOtherError;
  verdict->problem = ProblemAfterError(verdict->status);
  if (!verdict->problem.empty()) verdict->effect = Effect::kBroken;
  if (EndsTheSession(verdict->status)) current_ = {};
}

std::string Victim::ProblemAfterError(Status status) {
  const std::span<const uint8_t> region = current_.transport->exchange();
  for (const host::Port& port : current_.session->outputs()) {
    if (!AllZero(region.subspan(port.offset, port.elem_count * sizeof(float)))) {
      return "output '" + port.name + "' is not zero after an error";
    }
  }
  const Info info = current_.session->QueryInfo();
  if (status == Status::kIntegrity) {
    if (info.state != static_cast<uint32_t>(SessionState::kPoisoned)) return "not poisoned";
    if (info.pads_ready != 0) return "pads are left after a refusal";
  }
  try {
    TopUpPads();
    RunHonestly(current_.session.get(), 0);
  } catch (const host::HostError& error) {
    if (status == Status::kIntegrity && error.status() == Status::kPoisoned) return {};
    if (status == Status::kTimeout && error.status() == Status::kTimeout) return {};
    return std::string("afterwards: ") + error.what();
  }
  return EndsTheSession(status) ? "the session goes on after it should have ended" : "";
}

Verdict Victim::Try(Lie lie, uint64_t seed) {
  EnsureSession(lie);
  malicious::Rng rng(seed);
  const size_t input = malicious::Draw(&rng, kInputCount);
  TopUpPads();
  if (lie == Lie::kOldReply) {
    RunHonestly(current_.session.get(), (input + 1) % kInputCount);
    TopUpPads();
  }
  return Infer({.lie = lie,
                .seed = rng(),
                .honest_jobs = static_cast<uint32_t>(malicious::Draw(&rng, job_count_)),
                .delay = kDelay},
               input);
}

Verdict Victim::TryInFlight(Lie lie, uint64_t seed) {
  if (wide_half_ == nullptr) {
    wide_half_ = e2e::MakeTransport(keys_, place_, scratch_.path());
  }
  const Opened wide = Open(wide_half_, host::kDefaultDeviceTimeout, kInFlight);
  device_->KeepAlive(wide.transport->exchange_owner());
  if (scheme_.is_masked) wide.session->MakePads(kInFlight);
  malicious::Rng rng(seed);
  device_->Give(
      {.lie = lie,
       .seed = rng(),
       .honest_jobs = static_cast<uint32_t>(malicious::Draw(&rng, kInFlight * job_count_)),
       .delay = kDelay});
  std::array<Status, kInFlight> statuses{};
  std::array<bool, kInFlight> right{};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kInFlight; ++i) {
    threads.emplace_back([&, i] {
      try {
        const e2e::Tensors outputs = e2e::RunSession(wide.session.get(), inputs_[i]);
        right[i] = e2e::CountDifferentBits(outputs, wanted_[i]) == 0;
      } catch (const host::HostError& error) {
        statuses[i] = error.status();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  device_->Release();
  return JudgeAll(statuses, right);
}

Verdict Victim::JudgeAll(std::span<const Status> statuses, std::span<const bool> right) const {
  const malicious::Account account = device_->account();
  Verdict verdict;
  verdict.wrong = account.wrong_count != 0;
  verdict.effect = account.lie_count == 0 ? Effect::kUntold
                   : verdict.wrong        ? Effect::kNoEffect
                                          : Effect::kAccepted;
  for (size_t i = 0; i < statuses.size(); ++i) {
    if (IsOk(statuses[i]) && !right[i]) verdict.effect = Effect::kGotThrough;
    if (!IsOk(statuses[i]) && (IsOk(verdict.status) || statuses[i] == Status::kIntegrity)) {
      verdict.status = statuses[i];
    }
  }
  if (IsOk(verdict.status) || verdict.effect == Effect::kGotThrough) return verdict;
  verdict.effect = verdict.status == Status::kIntegrity ? Effect::kRefused : Effect::kOtherError;
  return verdict;
}

Verdict Victim::TryNowAndThen(uint32_t one_in, uint32_t limit, uint64_t seed) {
  malicious::Rng rng(seed);
  Verdict verdict;
  for (uint32_t i = 0; i < limit; ++i) {
    EnsureSession(Lie::kChangeElement);
    TopUpPads();
    verdict = Infer({.lie = Lie::kChangeElement,
                     .seed = rng(),
                     .one_in = one_in,
                     .lie_limit = static_cast<uint32_t>(job_count_)},
                    malicious::Draw(&rng, kInputCount));
    if (verdict.effect != Effect::kUntold) break;
  }
  return verdict;
}

}  // namespace penumbra::malice
