#include "host/job_pump.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <utility>

#include "accel/validate.h"
#include "host/error.h"

namespace penumbra::host {
namespace {

// A turn in the trusted half ends at the first call that returns after this, even if only copies
// follow: a pad is made of nothing else, and others wait.
constexpr std::chrono::milliseconds kLongestTurn{2};

class Stopwatch {
 public:
  // Adds the time of its scope to *total_ns.
  explicit Stopwatch(uint64_t* total_ns)
      : total_ns_(total_ns), start_(std::chrono::steady_clock::now()) {}
  ~Stopwatch() {
    const auto elapsed = std::chrono::steady_clock::now() - start_;
    *total_ns_ += std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count();
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  uint64_t* total_ns_;
  std::chrono::steady_clock::time_point start_;
};

void Add(const PumpStats& part, PumpStats* sum) {
  sum->switches += part.switches;
  sum->inside_ns += part.inside_ns;
  sum->accelerator_ns += part.accelerator_ns;
  sum->transfer_ns += part.transfer_ns;
  sum->bytes_out += part.bytes_out;
  sum->bytes_in += part.bytes_in;
}

bool Fits(uint64_t offset, uint64_t size, uint64_t whole) {
  return offset <= whole && size <= whole - offset;
}

// Several ports of one side lie one after the other, each at a multiple of kExchangeAlignment.
uint64_t PackedSize(const std::vector<SegmentTensor>& ports, uint32_t batch) {
  uint64_t size = 0;
  for (const SegmentTensor& t : ports) {
    size = AlignUp(size, kExchangeAlignment) + TensorByteSize(t, batch);
  }
  return size;
}

template <typename Byte>
std::vector<Byte*> PortPointers(const std::vector<SegmentTensor>& ports, uint32_t batch,
                                Byte* base) {
  std::vector<Byte*> pointers;
  uint64_t offset = 0;
  for (const SegmentTensor& t : ports) {
    offset = AlignUp(offset, kExchangeAlignment);
    pointers.push_back(base + offset);
    offset += TensorByteSize(t, batch);
  }
  return pointers;
}

std::string Range(const char* name, uint64_t offset, uint64_t size) {
  return std::string(name) + " at " + std::to_string(offset) + ", " + std::to_string(size) +
         " bytes";
}

Command NextStep(const Command& command, Status job_status) {
  Command step{};
  step.id = CommandId::kStep;
  step.program = command.program;
  step.run = command.run;
  step.args[0] = static_cast<uint64_t>(job_status);
  return step;
}

}  // namespace

JobPump::JobPump(TrustedHalf* trusted, std::shared_ptr<const BundleFile> bundle,
                 std::shared_ptr<SegmentSet> segments, PadStore* pads, const PumpOptions& options)
    : trusted_(trusted),
      bundle_(std::move(bundle)),
      segments_(std::move(segments)),
      pads_(pads),
      options_(options),
      thread_(options.device_timeout),
      spill_(options.max_spill_size) {}

Reply JobPump::CallTrusted(const Command& command, PumpStats* stats) {
  if (!turn_) {
    turn_ = trusted_->Enter();
    turn_began_ = std::chrono::steady_clock::now();
  }
  ++stats->switches;
  Reply reply{};
  try {
    const Stopwatch watch(&stats->inside_ns);
    const NotedSlice noted(timeline_.get(), {.kind = TimelineSlice::Kind::kTrusted, .lane = command.run});
    reply = trusted_->Call(command);
  } catch (...) {
    turn_.Return();
    throw;
  }
  const bool copies = reply.job.kind == JobKind::kRead || reply.job.kind == JobKind::kWrite;
  if (!copies || std::chrono::steady_clock::now() - turn_began_ > kLongestTurn) turn_.Return();
  return reply;
}

void JobPump::ForgetRun(bool failed) {
  spill_.Clear();
  for (const uint64_t pad : pads_read_) pads_->Drop(pad);
  for (const uint64_t pad : pads_written_) {
    failed ? pads_->Drop(pad) : pads_->Complete(pad);
  }
  pads_read_.clear();
  pads_written_.clear();
}

Reply JobPump::Start(const Command& command, PumpStats* stats) {
  ForgetRun(/*failed=*/true);  // of a run that ended with an exception
  const Reply reply = CallTrusted(command, stats);
  turn_.Return();  // Finish() goes on in another thread, and a turn is returned by the thread that took it
  if (!IsOk(reply.status)) {
    throw HostError(reply.status, std::string(StatusMeaning(reply.status)), "trusted runtime");
  }
  return reply;
}

Reply JobPump::Finish(const Command& command, Reply reply, PumpStats* stats) {
  struct Work {
    PumpStats stats;
    Reply reply;
  };
  // Owned by both sides: whichever leaves first.
  const auto work = std::make_shared<Work>(Work{.stats = {}, .reply = reply});
  bool ended = false;
  try {
    ended = thread_.Run([this, work, command](DeviceClock* clock) {
      clock_ = clock;
      work->reply = DoJobs(command, work->reply, &work->stats);
    });
  } catch (...) {
    Add(work->stats, stats);
    throw;
  }
  if (!ended) LeaveBehind(command, stats);
  Add(work->stats, stats);
  return work->reply;
}

// The thread is in the device, and the job's memory is the device's for good: nobody may run this segment again.
void JobPump::LeaveBehind(const Command& command, PumpStats* stats) {
  segments_->at(segment_).turn.Close();
  static_cast<void>(CallTrusted(NextStep(command, Status::kTimeout), stats));
  ForgetRun(/*failed=*/true);
  throw HostError(Status::kTimeout,
                  "the accelerator " + std::string(segments_->device_name()) + " did not finish segment " +
                      std::to_string(segment_) + " within " + std::to_string(options_.device_timeout.count()) +
                      " ms",
                  {}, "try another --accelerator, or give it longer with --accelerator-timeout");
}

// On the pump's thread.
Reply JobPump::DoJobs(const Command& command, Reply reply, PumpStats* stats) {
  run_ = command.run;
  while (IsOk(reply.status) && reply.job.kind != JobKind::kNone) {
    Failure failure = KeepPace();
    if (IsOk(failure.status)) failure = DoCaught(reply.job, stats);
    reply = CallTrusted(NextStep(command, failure.status), stats);
    if (!IsOk(failure.status)) {
      ForgetRun(/*failed=*/true);
      if (failure.pad_lost && reply.status == Status::kDeviceFailed) throw PadLost(failure.status, failure.what);
      throw HostError(failure.status, failure.what);
    }
  }
  ForgetRun(!IsOk(reply.status));
  if (!IsOk(reply.status)) {
    throw HostError(reply.status, std::string(StatusMeaning(reply.status)), "trusted runtime");
  }
  return reply;
}

Reply JobPump::RunAtPace(const Command& command, Pace* pace, PumpStats* stats) {
  pace_ = pace;
  try {
    const Reply reply = Run(command, stats);
    pace_ = nullptr;
    return reply;
  } catch (...) {
    pace_ = nullptr;
    throw;
  }
}

JobPump::Failure JobPump::KeepPace() {
  if (pace_ == nullptr || pace_->MayGoOn()) return {};
  turn_.Return();
  if (pace_->WaitToGoOn()) return {};
  return {Status::kWrongState, "others needed the lane"};
}

// The trusted half hears of every job's end: it waits for nothing else, and so may others.
JobPump::Failure JobPump::DoCaught(const HostJob& job, PumpStats* stats) {
  try {
    return Do(job, stats);
  } catch (const std::bad_alloc&) {
    return {Status::kOutOfMemory, "memory ran out while a job was done"};
  } catch (const std::exception& error) {
    return {Status::kInternal, std::string("a job failed: ") + error.what()};
  }
}

JobPump::Failure JobPump::Do(const HostJob& job, PumpStats* stats) {
  switch (job.kind) {
    case JobKind::kAccelerate:
      return Accelerate(job, stats);
    case JobKind::kRead:
    case JobKind::kWrite:
      return Transfer(job, stats);
    case JobKind::kNone:
      break;
  }
  return {Status::kInternal, "the trusted runtime asks for a job this host does not know"};
}

JobPump::Failure JobPump::CheckAccelerate(const HostJob& job) const {
  const uint64_t region = trusted_->exchange().size();
  if (segments_ == nullptr || !segments_->Has(job.segment)) {
    return {Status::kInternal, "a job names segment " + std::to_string(job.segment) + ", which is not public"};
  }
  if (job.batch < 1 || job.batch > segments_->max_batch()) {
    return {Status::kInternal, "a job asks for a batch of " + std::to_string(job.batch)};
  }
  Segment& segment = segments_->at(job.segment);
  const bool fits =
      Fits(job.x_offset, job.x_size, region) && Fits(job.y_offset, job.y_size, region) &&
      job.x_offset % kExchangeAlignment == 0 && job.y_offset % kExchangeAlignment == 0 &&
      job.x_size == PackedSize(segment.inputs, job.batch) &&
      job.y_size == PackedSize(segment.outputs, job.batch);
  const bool disjoint =
      job.x_offset + job.x_size <= job.y_offset || job.y_offset + job.y_size <= job.x_offset;
  if (fits && disjoint) return {};
  return {Status::kInternal,
          "a job's memory does not fit segment " + std::to_string(job.segment) +
              " or the exchange region: " + Range("input", job.x_offset, job.x_size) + "; " +
              Range("output", job.y_offset, job.y_size)};
}

JobPump::Failure JobPump::Accelerate(const HostJob& job, PumpStats* stats) {
  if (Failure failure = CheckAccelerate(job); !IsOk(failure.status)) return failure;
  Segment& segment = segments_->at(job.segment);
  const std::span<uint8_t> region = trusted_->exchange();
  auto* base = reinterpret_cast<std::byte*>(region.data());
  // Should this thread be left behind in the device, then with everything the job uses.
  const std::shared_ptr<Timeline> timeline = timeline_;
  const std::shared_ptr<const void> keep_alive[] = {trusted_->exchange_owner(), bundle_, segments_};
  const auto inputs = PortPointers<const std::byte>(segment.inputs, job.batch, base + job.x_offset);
  const auto outputs = PortPointers<std::byte>(segment.outputs, job.batch, base + job.y_offset);
  Job device_job;
  device_job.batch = job.batch;
  device_job.inputs = inputs;
  device_job.outputs = outputs;
  device_job.rows = {0, 0};
  for (const SegmentTensor& t : segment.outputs) device_job.rows.end = std::max(device_job.rows.end, t.h);
  stats->bytes_out += job.x_size;
  stats->bytes_in += job.y_size;
  Status status = Status::kTimeout;
  {
    const FairPool::Lease turn = segment.turn.Take();
    const Stopwatch watch(&stats->accelerator_ns);
    const NotedSlice noted(timeline.get(), {.kind = TimelineSlice::Kind::kAccelerate,
                                            .lane = run_,
                                            .job = job.kind,
                                            .segment = job.segment,
                                            .bytes = job.x_size + job.y_size});
    if (turn) {
      segment_ = job.segment;
      status = clock_->Time([&] { return segment.prepared->Run(device_job); });
    }
  }
  if (!IsOk(status)) {
    return {status, "the accelerator " + std::string(segments_->device_name()) + " failed on segment " +
                        std::to_string(job.segment) + ": " + std::string(StatusMeaning(status))};
  }
  if (observer_ != nullptr && !segment.inputs.empty() && !segment.outputs.empty()) {
    observer_->OnAccelerate(job, segment.inputs[0], region.subspan(job.x_offset, job.x_size),
                            segment.outputs[0], region.subspan(job.y_offset, job.y_size));
  }
  return {};
}

JobPump::Failure JobPump::Transfer(const HostJob& job, PumpStats* stats) {
  const std::span<uint8_t> region = trusted_->exchange();
  if (!Fits(job.offset, job.size, region.size())) {
    return {Status::kInternal, "a transfer reaches beyond the exchange region: " +
                                   Range("window", job.offset, job.size)};
  }
  const std::span<uint8_t> window = region.subspan(job.offset, job.size);
  const bool read = job.kind == JobKind::kRead;
  (read ? stats->bytes_in : stats->bytes_out) += job.size;
  Failure failure;
  {
    const Stopwatch watch(&stats->transfer_ns);
    const NotedSlice noted(timeline_.get(), {.kind = TimelineSlice::Kind::kTransfer,
                                             .lane = run_,
                                             .job = job.kind,
                                             .source = job.source,
                                             .bytes = job.size});
    failure = read ? Read(job, window) : Write(job, window);
  }
  if (IsOk(failure.status) && observer_ != nullptr) observer_->OnTransfer(job, window);
  return failure;
}

JobPump::Failure JobPump::Read(const HostJob& job, std::span<uint8_t> window) {
  Status status = Status::kInternal;
  switch (job.source) {
    case JobSource::kBundleChunk: {
      const std::span<const uint8_t> chunk = bundle_->Chunk(job.index);
      if (chunk.empty() || chunk.size() != window.size()) break;
      std::memcpy(window.data(), chunk.data(), chunk.size());
      return {};
    }
    case JobSource::kPublic: {
      const std::span<const uint8_t> half = bundle_->public_half();
      if (!Fits(job.index, window.size(), half.size())) break;
      std::memcpy(window.data(), half.data() + job.index, window.size());
      return {};
    }
    case JobSource::kSpill:
      status = spill_.Get(job.index, window);
      break;
    case JobSource::kDerived:
      status = trusted_->derived()->Get(job.index, window);
      break;
    case JobSource::kPad:
      status = ReadPad(job, window);
      break;
    case JobSource::kEmitted:  // goes one way
      break;
  }
  if (IsOk(status)) return {};
  return {status, "a read cannot be served: source " +
                      std::to_string(static_cast<uint32_t>(job.source)) + ", item " +
                      std::to_string(job.index) + ", " + std::to_string(job.size) + " bytes: " +
                      std::string(StatusMeaning(status)),
          job.source == JobSource::kPad};
}

Status JobPump::ReadPad(const HostJob& job, std::span<uint8_t> window) {
  const PadSlot first = PadSlotOf(job.index);
  if (job.batch == 0 || window.size() % job.batch != 0) return Status::kInternal;
  pads_read_.insert(first.pad);
  const size_t size = window.size() / job.batch;
  Status status = Status::kOk;
  for (uint32_t i = 0; i < job.batch && IsOk(status); ++i) {
    status = pads_->Take({first.pad, first.slot + i}, window.subspan(i * size, size));
  }
  return status;
}

JobPump::Failure JobPump::Write(const HostJob& job, std::span<const uint8_t> window) {
  Status status = Status::kInternal;
  if (job.source == JobSource::kSpill) status = spill_.Put(job.index, window);
  if (job.source == JobSource::kDerived) status = trusted_->derived()->Put(job.index, window);
  if (job.source == JobSource::kEmitted) status = trusted_->emitted()->Put(job.index, window);
  if (job.source == JobSource::kPad) {
    const PadSlot where = PadSlotOf(job.index);
    status = Status::kOk;
    // An empty write says that the pad is spent or spoilt: nothing of it will be read again.
    if (window.empty()) {
      pads_->Drop(where.pad);
    } else {
      pads_written_.insert(where.pad);
      status = pads_->Put(where, window);
    }
  }
  if (IsOk(status)) return {};
  return {status, "a write cannot be kept: source " +
                      std::to_string(static_cast<uint32_t>(job.source)) + ", item " +
                      std::to_string(job.index) + ", " + std::to_string(job.size) +
                      " bytes: " + std::string(StatusMeaning(status))};
}

}  // namespace penumbra::host
