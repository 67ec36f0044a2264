// Several runs of one model behind the only door of the trusted half, each served when the test says so.
#ifndef PENUMBRA_TRUSTED_TESTING_RUNS_FIXTURE_H_
#define PENUMBRA_TRUSTED_TESTING_RUNS_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <span>
#include <vector>

#include "trusted/entry/entry.h"
#include "trusted/testing/tiny_bundle.h"

namespace penumbra::trusted::testing {

inline constexpr uint32_t kRuns = 3;
inline constexpr size_t kSecureSize = size_t{2} << 20;

// The params come in again between the two pad tiles. They are larger, so each tile travels alone and there are more
// places to change runs at.
inline void FetchTilesApart(TinyPlan* plan) {
  const auto word = [](Opcode opcode, uint32_t count) { return static_cast<uint32_t>(opcode) | count << 16; };
  std::vector<uint32_t>& words = plan->infer;
  for (const size_t at : InstructionStarts(words)) {
    if (words[at] != word(Opcode::kFetch, 3) || words[at + 1] != kPad || words[at + 2] != 1) continue;
    const uint32_t again[] = {word(Opcode::kFree, 2), kParams, 0, word(Opcode::kFetch, 3), kParams, 0, 1024};
    words.insert(words.begin() + static_cast<ptrdiff_t>(at), std::begin(again), std::end(again));
    return;
  }
}

class RunsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    port_.device_key = bundle_.device_private;
    Create(secure_.view);
  }
  void TearDown() override { DestroyEnclave(enclave_); }
  void Create(std::span<uint8_t> memory) {
    if (enclave_ != nullptr) DestroyEnclave(enclave_);
    ASSERT_EQ(CreateEnclave(memory, exchange_.view, port_.Make(), &enclave_), Status::kOk);
  }

  // One command; its job waits in jobs_[run].
  Status Send(const Command& command) {
    Reply reply{};
    Dispatch(enclave_, command, &reply);
    info_ = reply.info;
    if (command.run < kRuns) jobs_[command.run] = reply.job;
    return reply.status;
  }
  // Does the waiting job of `run` and reports it.
  Status Advance(uint32_t run, Status host_status = Status::kOk) {
    host_.Serve(jobs_[run]);
    Command step{};
    step.id = CommandId::kStep;
    step.run = run;
    step.args[0] = static_cast<uint64_t>(host_status);
    return Send(step);
  }
  bool Ended(uint32_t run) const { return jobs_[run].kind == JobKind::kNone; }
  Status AdvanceUnlessEnded(uint32_t run) { return Ended(run) ? Status::kOk : Advance(run); }
  Status Complete(uint32_t run) {
    Status status = Status::kOk;
    while (IsOk(status) && !Ended(run)) status = Advance(run);
    return status;
  }
  Status Load(uint32_t run_count) {
    Command load{};
    load.id = CommandId::kLoad;
    load.run_count = run_count;
    load.args[0] = bundle_.manifest.size();
    load.args[1] = slots_;
    std::memcpy(load.vendor_key, bundle_.vendor_public.data(), 32);
    std::memcpy(exchange_.view.data(), bundle_.manifest.data(), bundle_.manifest.size());
    const Status status = Send(load);
    return IsOk(status) ? Complete(0) : status;
  }
  Status Start(uint32_t run, ProgramId program) {
    Command start{};
    start.id = CommandId::kStart;
    start.run = run;
    start.program = program;
    return Send(start);
  }
  void LoadWithPads(uint32_t count) {
    ASSERT_EQ(Load(kRuns), Status::kOk);
    for (uint32_t i = 0; i < count; ++i) {
      ASSERT_EQ(Start(0, ProgramId::kMakePad), Status::kOk);
      ASSERT_EQ(Complete(0), Status::kOk);
    }
  }
  std::span<uint8_t> Part(uint32_t run) {
    const uint64_t size = ExchangePartSize(exchange_.view.size(), kRuns);
    return exchange_.view.subspan(run * size, size);
  }
  Status Infer(uint32_t run, const std::vector<float>& x) {
    std::memcpy(Part(run).data() + 8192, x.data(), x.size() * 4);
    return Start(run, ProgramId::kInfer);
  }
  std::vector<float> Output(uint32_t run) {
    std::vector<float> y(kRows * kColumns);
    std::memcpy(y.data(), Part(run).data() + 16384, y.size() * 4);
    return y;
  }
  bool OutputIsZero(uint32_t run) {
    return std::ranges::all_of(Output(run), [](float v) { return v == 0; });
  }
  // The window begins stand in the sealed params, of which every run fetches a copy.
  bool SecretsInside() const {
    const auto* needle = reinterpret_cast<const uint8_t*>(bundle_.window_begin.data());
    const auto found = std::search(secure_.view.begin(), secure_.view.end(), needle, needle + 64);
    return found != secure_.view.end();
  }

  static TinyBundle MakeBundle() {
    TinyBundleOptions options;
    options.change_plan = FetchTilesApart;
    return MakeTinyBundle(options);
  }

  TinyBundle bundle_ = MakeBundle();
  TinyPort port_;
  AlignedBytes exchange_{kRuns * kExchangeSize}, secure_{kSecureSize};
  TinyHost host_{&bundle_, exchange_.view};
  Enclave* enclave_ = nullptr;
  HostJob jobs_[kRuns] = {};
  uint64_t slots_ = 0;  // for pads inside
  Info info_{};
};

}  // namespace penumbra::trusted::testing

#endif  // PENUMBRA_TRUSTED_TESTING_RUNS_FIXTURE_H_
