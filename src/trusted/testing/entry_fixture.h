// The whole trusted half behind its only door, with a host that can be told to cheat.
#ifndef PENUMBRA_TRUSTED_TESTING_ENTRY_FIXTURE_H_
#define PENUMBRA_TRUSTED_TESTING_ENTRY_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "trusted/entry/entry.h"
#include "trusted/testing/tiny_bundle.h"

namespace penumbra::trusted::testing {

class EntryTest : public ::testing::Test {
 protected:
  void TearDown() override { Destroy(); }
  void Destroy() {
    if (enclave_ != nullptr) DestroyEnclave(enclave_);
    enclave_ = nullptr;
  }
  void Use(const TinyBundle& bundle) {
    Destroy();
    bundle_ = bundle;
    port_.device_key = bundle_.device_private;
    host_ = std::make_unique<TinyHost>(&bundle_, exchange_.view);
    ASSERT_EQ(CreateEnclave(secure_.view, exchange_.view, port_.Make(), &enclave_), Status::kOk);
  }
  Status Call(const Command& command) {
    Reply reply{};
    Dispatch(enclave_, command, &reply);
    while (IsOk(reply.status) && reply.job.kind != JobKind::kNone) {
      host_->Serve(reply.job);
      Command step{};
      step.id = CommandId::kStep;
      step.args[0] = static_cast<uint64_t>(device_status_);
      Dispatch(enclave_, step, &reply);
    }
    info_ = reply.info;
    last_ = reply;
    return reply.status;
  }
  Status Load() {
    Command command{};
    command.id = CommandId::kLoad;
    command.args[0] = bundle_.manifest.size();
    command.run_count = 1;
    std::memcpy(command.vendor_key, bundle_.vendor_public.data(), 32);
    std::memcpy(exchange_.view.data(), bundle_.manifest.data(), bundle_.manifest.size());
    return Call(command);
  }
  Status Start(ProgramId program) {
    Command command{};
    command.id = CommandId::kStart;
    command.program = program;
    return Call(command);
  }
  Status LoadAndMakePads(uint32_t count) {
    Status status = Load();
    for (uint32_t i = 0; i < count && IsOk(status); ++i) status = Start(ProgramId::kMakePad);
    return status;
  }
  Status Infer(const std::vector<float>& x) {
    std::memcpy(exchange_.view.data() + 8192, x.data(), x.size() * 4);
    return Start(ProgramId::kInfer);
  }
  std::vector<float> Output() const {
    std::vector<float> y(kRows * kColumns);
    std::memcpy(y.data(), exchange_.view.data() + 16384, y.size() * 4);
    return y;
  }
  bool OutputIsZero() const {
    const std::vector<float> y = Output();
    return std::all_of(y.begin(), y.end(), [](float v) { return v == 0; });
  }

  static TinyBundle CheckedBundle() {
    TinyBundleOptions options;
    options.checked = true;
    return MakeTinyBundle(options);
  }

  TinyBundle bundle_;
  TinyPort port_;
  AlignedBytes exchange_{kExchangeSize}, secure_{size_t{2} << 20};
  std::unique_ptr<TinyHost> host_;
  Enclave* enclave_ = nullptr;
  Status device_status_ = Status::kOk;
  Info info_{};
  Reply last_{};
};

}  // namespace penumbra::trusted::testing

#endif  // PENUMBRA_TRUSTED_TESTING_ENTRY_FIXTURE_H_
