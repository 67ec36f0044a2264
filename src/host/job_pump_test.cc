#include "host/job_pump.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "host/testing/bundle_builder.h"
#include "host/testing/expect_error.h"
#include "host/testing/scripted_transport.h"

namespace penumbra::host {
namespace {

constexpr uint64_t kRegion = kLoadWindowSize;

HostJob Accelerate() {
  HostJob job{};
  job.kind = JobKind::kAccelerate;
  job.batch = 1;
  job.x_offset = 0;
  job.x_size = kTinyInputSize;
  job.y_offset = 64;
  job.y_size = kTinyOutputSize;
  return job;
}

HostJob Transfer(JobKind kind, JobSource source, uint64_t index, uint64_t offset, uint64_t size) {
  HostJob job{};
  job.kind = kind;
  job.source = source;
  job.batch = 1;
  job.index = index;
  job.offset = offset;
  job.size = size;
  return job;
}

// A trusted half that asks for a list of jobs, one after the other, and remembers the host's
// verdicts.
class JobPumpTest : public ::testing::Test {
 protected:
  JobPumpTest()
      : file_(builder_.Build()),
        trusted_(std::make_unique<ScriptedTransport>(
            [this](const Command& command, std::span<uint8_t> region, Reply* reply) {
              return OnCommand(command, region, reply);
            })),
        device_(std::make_shared<ScriptedDevice>([this](const Job& job) { return on_job_(job); })) {
    trusted_.Start(kRegion, 1 << 20);
  }

  Status OnCommand(const Command& command, std::span<uint8_t> region, Reply* reply) {
    if (command.id == CommandId::kStep) verdicts_.push_back(static_cast<Status>(command.args[0]));
    if (!verdicts_.empty() && !IsOk(verdicts_.back())) {
      reply->status = verdicts_.back();
      return Status::kOk;
    }
    if (on_region_) on_region_(verdicts_.size(), region);
    if (verdicts_.size() < jobs_.size()) reply->job = jobs_[verdicts_.size()];
    return Status::kOk;
  }

  std::unique_ptr<JobPump> MakePump(TrustedHalf* trusted, const PumpOptions& options = {}) {
    const auto bundle = BundleFile::Parse(file_, TestVendorKey());
    return std::make_unique<JobPump>(
        trusted, bundle, std::make_shared<SegmentSet>(bundle, device_, PrepareOptions{}), &pads_,
        options);
  }

  Reply Run(const PumpOptions& options = {}) {
    verdicts_.clear();
    pump_ = MakePump(&trusted_, options);
    pump_->SetObserver(observer_);
    Command start{};
    start.id = CommandId::kStart;
    return pump_->Run(start, &stats_);
  }

  void ExpectRefused(const HostJob& job, Status status = Status::kInternal) {
    jobs_ = {job};
    EXPECT_HOST_ERROR(Run(), status, StatusCode(status));
    ASSERT_EQ(verdicts_.size(), 1u);  // the trusted half was told
    EXPECT_EQ(verdicts_[0], status);
  }

  BundleBuilder builder_;
  std::vector<uint8_t> file_;
  std::vector<HostJob> jobs_;
  std::vector<Status> verdicts_;
  std::function<void(size_t, std::span<uint8_t>)> on_region_;
  ScriptedDevice::Run on_job_ = [](const Job&) { return Status::kOk; };
  TrustedHalf trusted_;
  std::shared_ptr<ScriptedDevice> device_;
  MemoryPadStore pads_{1 << 20};
  PumpStats stats_;
  ExchangeObserver* observer_ = nullptr;
  std::unique_ptr<JobPump> pump_;
};

TEST_F(JobPumpTest, RunsSegmentsInPlace) {
  const uint8_t* base = trusted_.exchange().data();
  on_job_ = [base](const Job& job) {
    EXPECT_EQ(job.batch, 1u);
    EXPECT_EQ(job.rows.end, 2u);
    EXPECT_EQ(reinterpret_cast<const uint8_t*>(job.inputs[0]), base);
    EXPECT_EQ(reinterpret_cast<const uint8_t*>(job.outputs[0]), base + 64);
    std::fill_n(job.outputs[0], kTinyOutputSize, std::byte{9});
    return Status::kOk;
  };
  TraceRecorder trace(1 << 20);
  observer_ = &trace;
  jobs_ = {Accelerate()};
  Run();
  EXPECT_EQ(verdicts_, std::vector<Status>{Status::kOk});
  EXPECT_EQ(stats_.switches, 2u);
  EXPECT_EQ(stats_.bytes_out, kTinyInputSize);
  EXPECT_EQ(stats_.bytes_in, kTinyOutputSize);
  const std::vector<TraceRecorder::Record> records = trace.Take();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].output, std::vector<uint8_t>(kTinyOutputSize, 9));
  EXPECT_EQ(records[0].input_shape.c, 2u);
}

TEST_F(JobPumpTest, ServesBundleBytes) {
  const auto bundle = BundleFile::Parse(file_, TestVendorKey());
  const uint64_t chunk_size = bundle->Chunk(1).size();
  jobs_ = {Transfer(JobKind::kRead, JobSource::kBundleChunk, 1, 100, chunk_size),
           Transfer(JobKind::kRead, JobSource::kPublic, 32, 200, 10)};
  Run();
  const std::span<uint8_t> region = trusted_.exchange();
  EXPECT_TRUE(std::ranges::equal(region.subspan(100, chunk_size), bundle->Chunk(1)));
  EXPECT_TRUE(std::ranges::equal(region.subspan(200, 10), bundle->public_half().subspan(32, 10)));
  EXPECT_EQ(stats_.bytes_in, chunk_size + 10);
}

TEST_F(JobPumpTest, KeepsSpillsForOneRunOnly) {
  on_region_ = [](size_t step, std::span<uint8_t> region) {
    std::fill_n(region.data(), 8, static_cast<uint8_t>(step + 1));
  };
  const HostJob put = Transfer(JobKind::kWrite, JobSource::kSpill, 3, 0, 8);
  const HostJob get = Transfer(JobKind::kRead, JobSource::kSpill, 3, 64, 8);
  jobs_ = {put, get, get};
  Run();
  EXPECT_EQ(trusted_.exchange()[64], 1);
  Command start{};
  start.id = CommandId::kStart;
  verdicts_.clear();
  jobs_ = {get};
  EXPECT_HOST_ERROR(pump_->Run(start, &stats_), Status::kNotFound, "item 3");
}

TEST_F(JobPumpTest, WhatIsDerivedAtLoadStaysAsLongAsTheModel) {
  jobs_ = {Transfer(JobKind::kWrite, JobSource::kDerived, 5, 0, 8)};
  trusted_.exchange()[0] = 9;
  Run();
  Command start{};
  start.id = CommandId::kStart;
  for (uint32_t inference = 0; inference < 2; ++inference) {
    trusted_.exchange()[64] = 0;
    jobs_ = {Transfer(JobKind::kRead, JobSource::kDerived, 5, 64, 8)};
    verdicts_.clear();
    pump_->Run(start, &stats_);
    EXPECT_EQ(trusted_.exchange()[64], 9);
  }
  verdicts_.clear();
  jobs_ = {Transfer(JobKind::kRead, JobSource::kDerived, 5, 64, 9)};
  EXPECT_HOST_ERROR(pump_->Run(start, &stats_), Status::kMalformed, "item 5");
  ExpectRefused(Transfer(JobKind::kRead, JobSource::kDerived, 6, 0, 8), Status::kNotFound);
}

TEST_F(JobPumpTest, PadsAreReadOnce) {
  constexpr uint64_t kPad = uint64_t{2} << 24;
  jobs_ = {Transfer(JobKind::kWrite, JobSource::kPad, kPad, 0, 8),
           Transfer(JobKind::kWrite, JobSource::kPad, kPad | 1, 0, 8),
           Transfer(JobKind::kWrite, JobSource::kPad, uint64_t{3} << 24, 0, 8)};
  Run();
  EXPECT_EQ(pads_.size(), 24u);
  jobs_ = {Transfer(JobKind::kRead, JobSource::kPad, kPad, 0, 8)};
  Run();
  EXPECT_EQ(pads_.size(), 8u);  // what the run did not read of its pad is gone, too
  ExpectRefused(Transfer(JobKind::kRead, JobSource::kPad, kPad, 0, 8), Status::kNotFound);
  jobs_ = {Transfer(JobKind::kWrite, JobSource::kPad, uint64_t{3} << 24, 0, 0)};
  Run();
  EXPECT_EQ(pads_.size(), 0u);
}

TEST_F(JobPumpTest, PadTilesTravelTogether) {
  constexpr uint64_t kPad = uint64_t{2} << 24;
  const auto together = [](uint32_t batch, uint64_t size) {
    HostJob job = Transfer(JobKind::kRead, JobSource::kPad, kPad | 4, 64, size);
    job.batch = batch;
    return job;
  };
  const auto write = [this](uint32_t slot, uint64_t size) {
    const std::vector<uint8_t> bytes(size, static_cast<uint8_t>(slot));
    ASSERT_EQ(pads_.Put({2, slot}, bytes), Status::kOk);
  };
  for (const uint32_t slot : {4u, 5u, 6u}) write(slot, 8);
  jobs_ = {together(3, 24)};
  Run();
  for (uint32_t i = 0; i < 24; ++i) EXPECT_EQ(trusted_.exchange()[64 + i], 4 + i / 8);
  EXPECT_EQ(pads_.size(), 0u);
  for (const uint32_t slot : {4u, 5u}) write(slot, 8);
  ExpectRefused(together(3, 24), Status::kNotFound);
  for (const uint32_t slot : {4u, 5u}) write(slot, 8 * slot);
  ExpectRefused(together(2, 72), Status::kMalformed);
  write(4, 8);
  ExpectRefused(together(3, 25), Status::kInternal);
  ExpectRefused(together(0, 8), Status::kInternal);
}

TEST_F(JobPumpTest, HalfMadePadsAreForgotten) {
  jobs_ = {Transfer(JobKind::kWrite, JobSource::kPad, uint64_t{2} << 24, 0, 8), Accelerate()};
  on_job_ = [](const Job&) { return Status::kDeviceFailed; };
  EXPECT_HOST_ERROR(Run(), Status::kDeviceFailed, "P501");
  EXPECT_EQ(pads_.size(), 0u);
}

TEST_F(JobPumpTest, RefusesMalformedAcceleratorJobs) {
  on_job_ = [](const Job&) {
    ADD_FAILURE() << "the device was called";
    return Status::kOk;
  };
  const auto refused = [this](auto change) {
    HostJob job = Accelerate();
    change(&job);
    ExpectRefused(job);
  };
  refused([](HostJob* job) { job->segment = 1; });
  refused([](HostJob* job) { job->segment = UINT32_MAX; });
  refused([](HostJob* job) { job->batch = 0; });
  refused([](HostJob* job) { job->batch = 2; });
  refused([](HostJob* job) { job->x_offset = kRegion; });
  refused([](HostJob* job) { job->x_offset = UINT64_MAX - 63; });
  refused([](HostJob* job) { job->y_offset = kRegion - 8; });
  refused([](HostJob* job) { job->y_offset = UINT64_MAX - 7; });
  refused([](HostJob* job) { job->x_offset = 8; });
  refused([](HostJob* job) { job->y_offset = 72; });
  refused([](HostJob* job) { job->x_size += 1; });
  refused([](HostJob* job) { job->x_size = UINT64_MAX; });
  refused([](HostJob* job) { job->y_size -= 1; });
  refused([](HostJob* job) { job->y_offset = 0; });
  refused([](HostJob* job) { job->kind = static_cast<JobKind>(99); });
}

// While a model is loaded its segments are still being prepared.
TEST_F(JobPumpTest, APumpWithoutSegmentsRefusesJobsOfTheAccelerator) {
  jobs_ = {Accelerate()};
  JobPump pump(&trusted_, BundleFile::Parse(file_, TestVendorKey()), nullptr, &pads_, {});
  Command load{};
  load.id = CommandId::kLoad;
  EXPECT_HOST_ERROR(pump.Run(load, &stats_), Status::kInternal, StatusCode(Status::kInternal));
  EXPECT_EQ(verdicts_, std::vector<Status>{Status::kInternal});
}

TEST_F(JobPumpTest, RefusesMalformedTransfers) {
  using enum JobKind;
  using enum JobSource;
  ExpectRefused(Transfer(kRead, kBundleChunk, 3, 0, 23));
  ExpectRefused(Transfer(kRead, kBundleChunk, 1, 0, 55));
  ExpectRefused(Transfer(kRead, kBundleChunk, UINT64_MAX, 0, 56));
  ExpectRefused(Transfer(kRead, kPublic, builder_.public_half.size(), 0, 1));
  ExpectRefused(Transfer(kRead, kPublic, UINT64_MAX, 0, 8));
  ExpectRefused(Transfer(kRead, kPublic, 0, kRegion - 7, 8));
  ExpectRefused(Transfer(kRead, kPublic, 0, UINT64_MAX, 8));
  ExpectRefused(Transfer(kRead, kPublic, 0, 8, UINT64_MAX));
  ExpectRefused(Transfer(kRead, static_cast<JobSource>(9), 0, 0, 8));
  ExpectRefused(Transfer(kWrite, kSpill, 0, kRegion, 1));
  ExpectRefused(Transfer(kWrite, kBundleChunk, 0, 0, 8));
  ExpectRefused(Transfer(kWrite, kPublic, 0, 0, 8));
  ExpectRefused(Transfer(kWrite, kPad, 0, 0, 2 << 20), Status::kNoSpace);
}

TEST_F(JobPumpTest, ReportsDeviceFailures) {
  on_job_ = [](const Job&) { return Status::kDeviceFailed; };
  ExpectRefused(Accelerate(), Status::kDeviceFailed);
}

TEST_F(JobPumpTest, ExceptionsAreReportedAsFailures) {
  on_job_ = [](const Job&) -> Status { throw std::bad_alloc(); };
  ExpectRefused(Accelerate(), Status::kOutOfMemory);
  on_job_ = [](const Job&) -> Status { throw std::runtime_error("odd"); };
  ExpectRefused(Accelerate());
}

TEST_F(JobPumpTest, AHungDeviceIsATimeout) {
  std::atomic<bool> release{false}, ended{false};
  on_job_ = [&](const Job&) {
    while (!release) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ended = true;
    return Status::kOk;
  };
  jobs_ = {Accelerate()};
  EXPECT_HOST_ERROR(Run({.device_timeout = std::chrono::milliseconds(20)}), Status::kTimeout,
                    "P208");
  EXPECT_EQ(verdicts_, std::vector<Status>{Status::kTimeout});
  // Whatever the device still does, nobody is told twice, and nothing of the pump is used.
  pump_.reset();
  release = true;
  while (!ended) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST_F(JobPumpTest, ReportsWhatTheTrustedHalfSays) {
  int commands = 0;
  TrustedHalf refusing(std::make_unique<ScriptedTransport>(
      [&](const Command&, std::span<uint8_t>, Reply* reply) {
        ++commands;
        reply->status = Status::kIntegrity;
        reply->job = Accelerate();  // must not be done
        return Status::kOk;
      }));
  refusing.Start(kRegion, 1);
  EXPECT_HOST_ERROR(MakePump(&refusing)->Run({}, &stats_), Status::kIntegrity, "P601");
  EXPECT_EQ(commands, 1);
}

TEST_F(JobPumpTest, DeathOfTheTrustedHalfIsReported) {
  TrustedHalf dying(std::make_unique<ScriptedTransport>(
      [](const Command&, std::span<uint8_t>, Reply*) { return Status::kEnclaveDied; }));
  dying.Start(kRegion, 1);
  const auto pump = MakePump(&dying);
  EXPECT_HOST_ERROR(pump->Run({}, &stats_), Status::kEnclaveDied, "the script ended");
  EXPECT_HOST_ERROR(pump->Run({}, &stats_), Status::kEnclaveDied, "session is over");
}

TEST_F(JobPumpTest, RefusedSegmentsNameTheDevice) {
  device_ = std::make_shared<ScriptedDevice>(on_job_, Status::kDeviceUnsupported);
  EXPECT_HOST_ERROR(Run(), Status::kDeviceUnsupported, "scripted refusal");
}

TEST(TraceRecorder, KeepsItsLimit) {
  TraceRecorder trace(10);
  const std::vector<uint8_t> bytes(6);
  trace.OnTransfer({}, bytes);
  trace.OnTransfer({}, bytes);
  EXPECT_EQ(trace.skipped_count(), 1u);
  EXPECT_EQ(trace.Take().size(), 1u);
  EXPECT_EQ(trace.skipped_count(), 0u);
  trace.OnTransfer({}, bytes);
  EXPECT_EQ(trace.Take().size(), 1u);
}

}  // namespace
}  // namespace penumbra::host
