#include "host/session.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <limits>
#include <thread>

#include "host/testing/bundle_builder.h"
#include "host/testing/expect_error.h"
#include "host/testing/scripted_transport.h"

namespace penumbra::host {
namespace {

constexpr uint64_t kInputOffset = 4096, kOutputOffset = 8192;
constexpr size_t kInputCount = 8, kOutputCount = 12;

// A session over a scripted trusted half that copies its input to the first values of its output.
class SessionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = (std::filesystem::temp_directory_path() / "penumbra-session-XXXXXX").string();
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    options_.vendor_key = TestVendorKey();
    for (size_t i = 0; i < kInputCount; ++i) values_.push_back(static_cast<float>(i));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Session> Load() {
    const std::filesystem::path path = std::filesystem::path(folder_) / "m.penumbra";
    const std::vector<uint8_t> bytes = builder_.Build();
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    auto transport =
        std::make_unique<ScriptedTransport>([this](const Command& c, std::span<uint8_t> region,
                                                   Reply* r) { return Serve(c, region, r); });
    transport_ = transport.get();
    auto device = std::make_shared<ScriptedDevice>([this](const Job& job) { return on_job_(job); });
    return Session::Load(path, std::move(transport), std::move(device), std::move(options_));
  }

  Status Serve(const Command& command, std::span<uint8_t> whole, Reply* reply) {
    if (command.id == CommandId::kLoad) runs_ = command.run_count;
    const uint64_t part_size = ExchangePartSize(whole.size(), runs_);
    const std::span<uint8_t> region = whole.subspan(command.run * part_size, part_size);
    if (asks_for_jobs_ && command.id == CommandId::kStart) {
      ++started_;
      reply->job.kind = JobKind::kAccelerate;
      reply->job.batch = 1;
      reply->job.x_offset = command.run * part_size;
      reply->job.x_size = kTinyInputSize;
      reply->job.y_offset = reply->job.x_offset + 64;
      reply->job.y_size = kTinyOutputSize;
      return Status::kOk;
    }
    return Finish(command, region, reply);
  }

  Status Finish(const Command& command, std::span<uint8_t> region, Reply* reply) {
    if (command.id == CommandId::kLoad) {
      loaded_manifest_.assign(region.begin(),
                              region.begin() + static_cast<ptrdiff_t>(command.args[0]));
    }
    if (command.id != (asks_for_jobs_ ? CommandId::kStep : CommandId::kStart)) return Status::kOk;
    if (command.program == ProgramId::kMakePad) {
      if (!has_pads_) {
        reply->status = Status::kUnsupported;
        return Status::kOk;
      }
      ++pads_;
      std::memset(region.data(), 0xee, region.size());
      return Status::kOk;
    }
    if (needs_pads_ && pads_ == 0) {
      reply->status = Status::kPadsExhausted;
      return Status::kOk;
    }
    if (dies_) return Status::kEnclaveDied;
    if (pads_ > 0) --pads_;
    std::memcpy(region.data() + kOutputOffset, region.data() + kInputOffset,
                kInputCount * sizeof(float));
    reply->info.clamped_count = 5;
    return Status::kOk;
  }

  std::vector<TensorView> Inputs() { return {{"x", {1, 2, 2, 2}, values_}}; }

  std::string folder_;
  BundleBuilder builder_;
  SessionOptions options_;
  ScriptedTransport* transport_ = nullptr;  // owned by the session
  std::vector<uint8_t> loaded_manifest_;
  std::vector<float> values_;
  bool has_pads_ = true;  // the plan has a program that makes pads
  ScriptedDevice::Run on_job_ = [](const Job&) { return Status::kOk; };
  uint32_t runs_ = 1;
  std::atomic<uint32_t> started_{0};
  bool asks_for_jobs_ = false;
  bool needs_pads_ = false;
  bool dies_ = false;
  int pads_ = 0;
};

TEST_F(SessionTest, LoadsTheBundleAsAsked) {
  const auto session = Load();
  EXPECT_EQ(transport_->secure_memory_size, builder_.head.secure_memory_size);
  EXPECT_GE(transport_->exchange().size(), kLoadWindowSize);
  ASSERT_EQ(transport_->commands.size(), 1u);
  EXPECT_EQ(std::memcmp(transport_->commands[0].vendor_key, TestVendorKey().data(), 32), 0);
  EXPECT_TRUE(std::ranges::equal(loaded_manifest_, session->bundle().manifest_message()));
  EXPECT_EQ(session->model_name(), "tiny");
  EXPECT_EQ(session->inputs()[0].name, "x");
}

TEST_F(SessionTest, PermutesPortsBothWays) {
  const auto session = Load();
  RunStats stats;
  const std::vector<Tensor> outputs = session->Run(Inputs(), &stats);
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].name, "y");
  EXPECT_EQ(outputs[0].shape, (std::vector<uint32_t>{1, 3, 2, 2}));
  // NCHW 0..7 travels as 0 4 1 5 2 6 3 7; read as [2,2,3] channel-last it comes back like this.
  EXPECT_EQ(outputs[0].values, (std::vector<float>{0, 5, 3, 0, 4, 2, 7, 0, 1, 6, 0, 0}));
  EXPECT_EQ(stats.clamped_count, 5u);
  EXPECT_EQ(stats.port_bytes, (kInputCount + kOutputCount) * sizeof(float));
  EXPECT_EQ(stats.pump.switches, 1u);
  EXPECT_GE(stats.total_ns, stats.inside_ns());
}

TEST_F(SessionTest, MakesMissingPadsAndKeepsTheInput) {
  needs_pads_ = true;
  const auto session = Load();
  const std::vector<float> expected = {0, 5, 3};
  for (int i = 0; i < 2; ++i) {
    const std::vector<Tensor> outputs = session->Run(Inputs());
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), outputs[0].values.begin()));
  }
  session->MakePads(3);
  EXPECT_EQ(pads_, 3);
}

TEST_F(SessionTest, MakingPadsForAModelWithoutThemDoesNothing) {
  has_pads_ = false;
  const auto session = Load();
  session->MakePads(3);
  EXPECT_EQ(pads_, 0);
  EXPECT_NO_THROW(session->Run(Inputs()));
}

TEST_F(SessionTest, RefusesToRunWithoutPadsWhenAskedTo) {
  needs_pads_ = true;
  options_.pad_policy = PadPolicy::kRefuse;
  const auto session = Load();
  EXPECT_HOST_ERROR(session->Run(Inputs()), Status::kPadsExhausted, "P207");
  EXPECT_EQ(pads_, 0);
  session->MakePads(1);
  EXPECT_NO_THROW(session->Run(Inputs()));
}

TEST_F(SessionTest, RefusesWrongInputs) {
  const auto session = Load();
  const size_t calls = transport_->commands.size();
  const auto refused = [&](std::vector<TensorView> inputs, Status status, const char* words) {
    EXPECT_HOST_ERROR(session->Run(inputs), status, words);
  };
  refused({}, Status::kWrongName, "'x' is missing");
  refused({{"z", {1, 2, 2, 2}, values_}}, Status::kWrongName, "no input 'z'");
  refused({Inputs()[0], Inputs()[0]}, Status::kWrongName, "twice");
  refused({{"x", {1, 2, 4}, values_}}, Status::kWrongShape, "expects 1x2x2x2, got 1x2x4");
  refused({{"x", {1, 2, 2, 2}, std::span(values_).first(7)}}, Status::kWrongShape, "7 values");
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    values_[6] = bad;
    refused(Inputs(), Status::kNotFinite, "element 6");
  }
  EXPECT_EQ(transport_->commands.size(), calls);
}

TEST_F(SessionTest, ADeadTrustedHalfEndsTheSession) {
  const auto session = Load();
  dies_ = true;
  EXPECT_HOST_ERROR(session->Run(Inputs()), Status::kEnclaveDied, "P403");
  EXPECT_HOST_ERROR(session->Run(Inputs()), Status::kEnclaveDied, "session is over");
}

// Each inference needs one job of the accelerator, and no job ends before as many inferences as may be in flight have
// begun: the test ends only if they overlap.
TEST_F(SessionTest, RequestsInFlightOverlapAndStayApart) {
  constexpr uint32_t kInFlight = 3, kThreads = 6, kRequests = 8;
  options_.max_in_flight = kInFlight;
  builder_.head.exchange_size = 65536;
  on_job_ = [&](const Job&) {
    while (started_ < kInFlight) std::this_thread::yield();
    return Status::kOk;
  };
  asks_for_jobs_ = true;
  const auto session = Load();
  std::atomic<uint32_t> wrong{0};
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (uint32_t i = 0; i < kRequests; ++i) {
        const std::vector<float> x(kInputCount, static_cast<float>(t * kRequests + i));
        const TensorView view{"x", {1, 2, 2, 2}, x};
        const std::vector<float> y = session->Run(std::span(&view, 1))[0].values;
        if (y[0] != x[0] || y[1] != x[0]) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(started_, kThreads * kRequests);
}

// After a job that never ended nobody is let in: its memory may still be written to.
TEST_F(SessionTest, AHungAcceleratorEndsTheSessionForAll) {
  std::atomic<bool> release{false}, ended{false};
  options_.max_in_flight = 2;
  options_.device_timeout = std::chrono::milliseconds(20);
  asks_for_jobs_ = true;
  on_job_ = [&](const Job&) {
    while (!release) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ended = true;
    return Status::kOk;
  };
  auto session = Load();
  EXPECT_HOST_ERROR(session->Run(Inputs()), Status::kTimeout, "--accelerator-timeout");
  EXPECT_HOST_ERROR(session->Run(Inputs()), Status::kTimeout, "session is over");
  EXPECT_HOST_ERROR(session->MakePads(1), Status::kTimeout, "session is over");
  session.reset();
  release = true;
  while (!ended) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST_F(SessionTest, NotesWhatEachHalfDoes) {
  using Kind = TimelineSlice::Kind;
  asks_for_jobs_ = true;
  const auto session = Load();
  const auto timeline = std::make_shared<Timeline>(100);
  session->SetTimeline(timeline);
  session->MakePads(1);
  session->Run(Inputs());
  session->SetTimeline(nullptr);
  session->Run(Inputs());
  std::vector<Kind> kinds;
  for (const TimelineSlice& slice : timeline->Take()) kinds.push_back(slice.kind);
  EXPECT_EQ(kinds, (std::vector<Kind>{Kind::kTrusted, Kind::kAccelerate, Kind::kTrusted, Kind::kPads,
                                      Kind::kTrusted, Kind::kAccelerate, Kind::kTrusted, Kind::kRequest}));
}

TEST_F(SessionTest, KeepsItsLimits) {
  builder_.head.exchange_size = uint64_t{1} << 50;
  EXPECT_HOST_ERROR(Load(), Status::kOutOfMemory, "exchange region");
  builder_.head.exchange_size = 16384;
  for (const uint32_t count : {0u, kMaxRuns + 1}) {
    options_ = {};
    options_.vendor_key = TestVendorKey();
    options_.max_in_flight = count;
    EXPECT_HOST_ERROR(Load(), Status::kInvalidArgument, "may be in flight");
  }
  for (const auto timeout : {std::chrono::milliseconds(0), std::chrono::milliseconds(-1),
                             kMaxDeviceTimeout + std::chrono::milliseconds(1)}) {
    options_ = {};
    options_.vendor_key = TestVendorKey();
    options_.device_timeout = timeout;
    EXPECT_HOST_ERROR(Load(), Status::kInvalidArgument, "24 hours");
  }
  options_ = {};
  options_.vendor_key = TestVendorKey();
  options_.secure_memory_size = builder_.head.secure_memory_size - 1;
  EXPECT_HOST_ERROR(Load(), Status::kSecureMemoryExceeded, "P202");
  options_ = {};
  EXPECT_HOST_ERROR(Load(), Status::kBadSignature, "P303");
  options_ = {};
  options_.vendor_key = TestVendorKey();
  builder_.metadata = "{}";
  EXPECT_HOST_ERROR(Load(), Status::kMalformed, "metadata");
}

}  // namespace
}  // namespace penumbra::host
