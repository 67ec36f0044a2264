// The pad bank over the real trusted runtime: filled in the background up to its bound, drained by requests, and no
// bit of an answer depends on any of it.
#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "graphs.h"
#include "harness.h"
#include "host/error.h"
#include "protect/presets/presets.h"

namespace penumbra::e2e {
namespace {

using host::PadPolicy;
using protect::CompiledModel;

constexpr uint64_t kAmpleMemory = uint64_t{24} << 20;

class PadBank : public testing::TestWithParam<CarrierKind> {
 protected:
  void SetUp() override {
    GraphCases().front().build(test_);
    protect::CompileOptions options;
    options.preset = "shadownet";
    options.scheme = protect::PresetScheme(options.preset);
    options.calibration = SmoothCalibration(test_.graph);
    model_ = std::make_unique<CompiledModel>(test_.graph, options);
    bundle_ = scratch_.path() / "model.penumbra";
    WriteBundle(*model_, keys_, bundle_);
    inputs_ = SmoothInputs(model_->lowered(), 1);
    wanted_ = RunPlain(*model_, inputs_);
    const auto session = Open({.pad_bank_size = 0});
    pad_size_ = session->pad_size().value();
    ASSERT_EQ(session->pad_batch(), kMaxPadBatch);
    ASSERT_NE(pad_size_, 0u);
  }

  std::unique_ptr<host::Session> Open(Place place) {
    place.carrier = GetParam();
    place.secure_memory_size = kAmpleMemory;
    return OpenSession(bundle_, keys_, place, scratch_.path());
  }
  static uint64_t PadsReady(host::Session* session) { return session->QueryInfo().pads_ready; }
  static void AwaitPads(host::Session* session, uint64_t count) {
    while (PadsReady(session) < count) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  void ExpectExact(host::Session* session) {
    EXPECT_EQ(CountDifferentBits(RunSession(session, inputs_), wanted_), 0u);
  }

  const ScratchFolder scratch_;
  const Keys keys_;
  protect::TestGraph test_;
  std::unique_ptr<CompiledModel> model_;
  std::filesystem::path bundle_;
  Tensors inputs_, wanted_;
  uint64_t pad_size_ = 0;
};

// The size in the metadata is what the trusted half writes: one byte less is too little for the last pad. Seven pads
// are one, four together and two more.
TEST_P(PadBank, FillsItselfToTheBoundAndStaysThere) {
  for (const auto& [size, count] : {std::pair{2 * pad_size_, 2u},
                                   {2 * pad_size_ - 1, 1u},
                                   {7 * pad_size_, 7u},
                                   {7 * pad_size_ - 1, 6u}}) {
    const auto session = Open({.pad_bank_size = size});
    AwaitPads(session.get(), count);
    for (int i = 0; i < 4; ++i) {
      ExpectExact(session.get());
      AwaitPads(session.get(), count);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(PadsReady(session.get()), count);
  }
}

// Pads made together are used up one by one, beside others.
TEST_P(PadBank, PadsOfABatchServeAlone) {
  for (const uint32_t inside : {0u, 3u}) {
    const auto session = Open({.pad_policy = PadPolicy::kRefuse, .pads_inside = inside});
    EXPECT_EQ(session->QueryInfo().pad_slots, inside);
    for (const uint32_t count : {1u, kMaxPadBatch, 2 * kMaxPadBatch + 3}) {
      session->MakePads(count);
      EXPECT_EQ(PadsReady(session.get()), count);
      for (uint32_t i = 0; i < count; ++i) ExpectExact(session.get());
      EXPECT_EQ(PadsReady(session.get()), 0u);
    }
  }
}

TEST_P(PadBank, RequestsDrainItExactlyUnderEveryPolicy) {
  constexpr uint32_t kThreads = 3, kRequests = 12;
  for (const PadPolicy policy : {PadPolicy::kWait, PadPolicy::kInline}) {
    for (const auto& [in_flight, inside] : {std::pair{1u, 0u}, {2u, 0u}, {1u, 2u}, {2u, 2u}}) {
      const auto session = Open({.in_flight = in_flight,
                                 .pad_bank_size = 6 * pad_size_,
                                 .pad_policy = policy,
                                 .pads_inside = inside});
      std::atomic<uint32_t> done{0};
      std::vector<std::thread> threads;
      for (uint32_t t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
          for (uint32_t i = 0; i < kRequests; ++i, ++done) ExpectExact(session.get());
        });
      }
      for (std::thread& thread : threads) thread.join();
      EXPECT_EQ(done, kThreads * kRequests);
      AwaitPads(session.get(), 6 + inside);
    }
  }
}

TEST_P(PadBank, RefusesByPolicyOnlyWhileItIsEmpty) {
  const auto without = Open({.pad_policy = PadPolicy::kRefuse});
  try {
    RunSession(without.get(), inputs_);
    ADD_FAILURE() << "an inference ran without a pad";
  } catch (const host::HostError& error) {
    EXPECT_EQ(error.status(), Status::kPadsExhausted);
  }
  const auto with = Open({.pad_bank_size = pad_size_, .pad_policy = PadPolicy::kRefuse});
  for (int i = 0; i < 3; ++i) {
    AwaitPads(with.get(), 1);
    ExpectExact(with.get());
  }
}

// At any moment of a pad.
TEST_P(PadBank, EndsInTheMiddleOfAPad) {
  for (int i = 0; i < 8; ++i) {
    const auto session = Open({.pad_bank_size = 100 * pad_size_});
    std::this_thread::sleep_for(std::chrono::microseconds(500 * i));
    if (i % 2 == 0) ExpectExact(session.get());
  }
}

cpu_set_t ProcessorsOfThisThread() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
  return set;
}

// A carrier may keep a thread on one processor while it visits the trusted half, but no longer.
TEST_P(PadBank, CallersKeepTheirProcessors) {
  const cpu_set_t before = ProcessorsOfThisThread();
  const auto session = Open({.pad_bank_size = 0});
  const cpu_set_t loaded = ProcessorsOfThisThread();
  EXPECT_TRUE(CPU_EQUAL(&before, &loaded));
  session->MakePads(1);
  ExpectExact(session.get());
  const cpu_set_t after = ProcessorsOfThisThread();
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

INSTANTIATE_TEST_SUITE_P(Carriers, PadBank,
                         testing::Values(CarrierKind::kDirect, CarrierKind::kProcess),
                         [](const auto& param_info) {
                           return param_info.param == CarrierKind::kDirect ? "direct" : "process";
                         });

}  // namespace
}  // namespace penumbra::e2e
