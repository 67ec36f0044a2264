#include "host/session.h"

#include <algorithm>
#include <cstring>
#include <future>
#include <utility>

#include "boundary/limits.h"
#include "boundary/protocol.h"
#include "host/disk_pad_store.h"
#include "host/error.h"

namespace penumbra::host {
namespace {

constexpr uint64_t kMaxPadMemory = uint64_t{16} << 30;
constexpr uint64_t kLeastLease = 2;
constexpr uint32_t kMaxLostPads = 16;  // that one request puts up with
constexpr uint64_t kPageSize = 4096;  // parts of the exchange region share no page

uint64_t ElapsedNs(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() -
                                                              start)
      .count();
}

void CheckLimits(const ManifestHead& head, const SessionOptions& options) {
  if (options.max_in_flight < 1 || options.max_in_flight > kMaxRuns) {
    throw HostError(Status::kInvalidArgument,
                    "between 1 and " + std::to_string(kMaxRuns) +
                        " requests may be in flight, not " + std::to_string(options.max_in_flight));
  }
  if (options.device_timeout.count() < 1 || options.device_timeout > kMaxDeviceTimeout) {
    throw HostError(Status::kInvalidArgument, "a job of the accelerator gets between 1 ms and 24 hours, not " +
                                                  std::to_string(options.device_timeout.count()) + " ms");
  }
  if (head.exchange_size > options.max_exchange_size / options.max_in_flight) {
    throw HostError(Status::kOutOfMemory,
                    "the model wants an exchange region of " + std::to_string(head.exchange_size) +
                        " bytes for each of " + std::to_string(options.max_in_flight) +
                        " requests in flight, the limit is " +
                        std::to_string(options.max_exchange_size) + " together");
  }
  if (options.secure_memory_size != 0 && head.secure_memory_size > options.secure_memory_size) {
    throw HostError(Status::kSecureMemoryExceeded, "the model was planned for " +
                                                       std::to_string(head.secure_memory_size) +
                                                       " bytes of secure memory, the enclave has " +
                                                       std::to_string(options.secure_memory_size));
  }
}

Command StartCommand(ProgramId program, uint32_t lane) {
  Command start{};
  start.id = CommandId::kStart;
  start.program = program;
  start.run = lane;
  return start;
}

// Makes `count` pads: 1 or as many as share a pass over the weights.
Command StartPads(uint32_t count, uint32_t lane) {
  return StartCommand(count == 1 ? ProgramId::kMakePad : ProgramId::kMakePads, lane);
}

void AskReceipt(const std::array<uint8_t, kReceiptNonceSize>& nonce, Command* start) {
  start->flags = kStartReceipt;
  std::memcpy(start->args, nonce.data(), nonce.size());
}

// In a run's part of the exchange region: its receipt stands behind what the plan uses, behind that the ledger of a
// durable pad bank (only in that of the first run).
uint64_t LedgerOffset(const ManifestHead& head) {
  return AlignUp(ReceiptOffset(0, head.exchange_size) + kMaxReceiptSize, kTileAlignment);
}
uint64_t PartSize(const ManifestHead& head, uint64_t ledger_size) {
  return AlignUp(LedgerOffset(head) + ledger_size, kPageSize);
}

// What counts against the size of the bank: pads outside, less what the next ones find free inside. `ready`: bytes of all pads
// there are, `inside`: room for some inside.
uint64_t StoredPadSize(uint64_t outside, uint64_t ready, uint64_t inside) {
  const uint64_t taken = ready > outside ? std::min(ready - outside, inside) : 0;
  const uint64_t free = inside - taken;
  return outside > free ? outside - free : 0;
}

std::unique_ptr<PadStore> MakePadStore(const SessionOptions& options) {
  if (options.durable_pads != nullptr) return std::make_unique<DiskPadStore>(options.durable_pads);
  return std::make_unique<MemoryPadStore>(kMaxPadMemory);
}

}  // namespace

std::unique_ptr<Session> Session::Load(const std::filesystem::path& path,
                                       std::unique_ptr<Transport> transport,
                                       std::shared_ptr<Device> device, SessionOptions options) {
  auto bundle = BundleFile::Open(path, options.vendor_key);
  CheckLimits(bundle->manifest().head, options);
  Metadata metadata =
      ParseMetadata(bundle->manifest().metadata, bundle->manifest().head.exchange_size);
  const PrepareOptions prepare{.threads = options.threads, .max_batch = metadata.max_batch};
  const PumpOptions pump_options{.device_timeout = options.device_timeout};
  auto pads = std::move(options.pads);
  if (pads == nullptr) pads = MakePadStore(options);
  std::unique_ptr<Session> session(new Session(std::move(bundle), std::move(metadata),
                                               std::move(transport), options, std::move(pads)));
  session->MakeDurableBank(options);
  session->StartTransport(options);
  auto preparing = std::async(std::launch::async, [bundle = session->bundle_, device = std::move(device), prepare] {
    return std::make_shared<SegmentSet>(bundle, device, prepare);
  });
  session->LoadModel(options.durable_pads == nullptr ? options.pads_inside : 0);
  const std::shared_ptr<SegmentSet> segments = preparing.get();
  segments->AddEmitted(session->trusted_.emitted()->Take());
  for (uint32_t lane = 0; lane < options.max_in_flight; ++lane) {
    session->pumps_.push_back(std::make_unique<JobPump>(
        &session->trusted_, session->bundle_, segments, session->pads_.get(), pump_options));
  }
  session->OpenDurableBank();
  session->StartFiller(options.pad_bank_size);
  return session;
}

Session::Session(std::shared_ptr<const BundleFile> bundle, Metadata metadata,
                 std::unique_ptr<Transport> transport, const SessionOptions& options,
                 std::unique_ptr<PadStore> pads)
    : bundle_(std::move(bundle)),
      metadata_(std::move(metadata)),
      trusted_(std::move(transport)),
      pads_(std::move(pads)),
      lanes_(options.max_in_flight),
      pad_policy_(options.pad_policy) {}

Session::~Session() {
  filler_.reset();
  if (durable_bank_ != nullptr) durable_bank_->Close();
}

void Session::MakeDurableBank(const SessionOptions& options) {
  if (options.durable_pads == nullptr) return;
  const uint64_t pad_size = metadata_.pad_size.value_or(0);
  const uint64_t bank_size = options.pad_bank_size.value_or(DefaultPadBankSize(pad_size));
  const uint64_t bank_pads = pad_size == 0 ? 0 : bank_size / pad_size;
  const uint64_t lease = options.pad_lease != 0 ? options.pad_lease : std::max(bank_pads / 2, kLeastLease);
  durable_bank_ = std::make_unique<DurableBank>(options.durable_pads, *bundle_, &trusted_, pads_.get(), bank_pads, lease);
}

void Session::OpenDurableBank() {
  if (durable_bank_ == nullptr || durable_bank_->Open(LedgerOffset(bundle_->manifest().head))) return;
  durable_bank_.reset();
}

void Session::StartTransport(const SessionOptions& options) {
  const ManifestHead& head = bundle_->manifest().head;
  const uint64_t capacity = durable_bank_ == nullptr ? 0 : durable_bank_->capacity();
  const uint64_t parts_size = PartSize(head, capacity == 0 ? 0 : LedgerSize(capacity)) * options.max_in_flight;
  const uint64_t exchange_size =
      std::max({parts_size, kLoadWindowSize, uint64_t{bundle_->manifest_message().size()}});
  const uint64_t secure_memory_size =
      options.secure_memory_size != 0
          ? options.secure_memory_size
          : head.secure_memory_size + (capacity == 0 ? 0 : DurableBankMemory(capacity));
  trusted_.Start(exchange_size, secure_memory_size);
}

void Session::LoadModel(uint32_t pads_inside) {
  const std::span<const uint8_t> message = bundle_->manifest_message();
  std::memcpy(trusted_.exchange().data(), message.data(), message.size());
  Command load{};
  load.id = CommandId::kLoad;
  load.run_count = lanes_.count();
  load.args[0] = message.size();
  load.args[1] = pads_inside;
  std::ranges::copy(bundle_->vendor_key(), load.vendor_key);
  PumpStats stats;
  try {
    // Without segments: they are being prepared meanwhile, and loading wants none.
    JobPump(&trusted_, bundle_, nullptr, pads_.get(), {}).Run(load, &stats);
  } catch (const HostError& error) {
    if (error.status() != Status::kSecureMemoryExceeded) throw;
    const Info info = QueryInfo();
    if (info.run_capacity == 0) throw;
    throw HostError(error.status(),
                    "the enclave's " + std::to_string(info.secure_memory_size) +
                        " bytes of secure memory have room for " +
                        std::to_string(info.run_capacity) + " requests in flight, not " +
                        std::to_string(lanes_.count()),
                    "trusted runtime",
                    "ask for fewer in flight, give the enclave more memory, or protect the model "
                    "again with a smaller --secure-memory");
  }
}

void Session::StartFiller(std::optional<uint64_t> bank_size) {
  const uint64_t pad_size = metadata_.pad_size.value_or(0);
  // More than half of the identifiers there may be are never waited for: pads are made beside those that are ready.
  const uint64_t bound = std::min(bank_size.value_or(DefaultPadBankSize(pad_size)), pad_size * (kMaxPads / 2));
  if (pad_size == 0 || pad_size > bound) return;
  filler_ = std::make_unique<PadFiller>(
      PadSource{.make =
                    [this](uint32_t count, Pace* pace) {
                      const PadSource::Outcome outcome = MakePadsAtPace(count, pace);
                      if (durable_bank_ != nullptr) durable_bank_->RecordIfDue();
                      return outcome;
                    },
                .ready_count = [this] { return trusted_.pads_ready(); },
                .stored_size = [this, pad_size, slots = QueryInfo().pad_slots] {
                  return StoredPadSize(pads_->size(), trusted_.pads_ready() * pad_size, slots * pad_size);
                }},
      bound, pad_size, metadata_.pad_batch, lanes_.count());
}

PadSource::Outcome Session::MakePadsAtPace(uint32_t count, Pace* pace) {
  const FairPool::Lease lane = lanes_.TryTake();
  if (!lane) return PadSource::Outcome::kNoLane;
  PumpStats stats;
  const NotedSlice noted(timeline_.get(), {.kind = TimelineSlice::Kind::kPads, .lane = lane.place(), .pads = count});
  try {
    pumps_[lane.place()]->RunAtPace(StartPads(count, lane.place()), pace, &stats);
    return PadSource::Outcome::kMade;
  } catch (const HostError& error) {
    return error.status() == Status::kWrongState ? PadSource::Outcome::kGivenUp : PadSource::Outcome::kFailed;
  } catch (const std::exception&) {
    return PadSource::Outcome::kFailed;
  }
}

FairPool::Lease Session::TakeLane() {
  FairPool::Lease lane = lanes_.Take();
  if (!lane) {
    throw HostError(Status::kTimeout, "the session is over: a job of the accelerator never ended");
  }
  return lane;
}

// Calls body(lane) with a lane of its own. The job of a lane that timed out may write to the lane's
// memory at any time, so nothing is started after that.
template <typename Body>
auto Session::WithLane(Body&& body) {
  const FairPool::Lease lane = TakeLane();
  try {
    return body(lane.place());
  } catch (const HostError& error) {
    if (error.status() == Status::kTimeout) lanes_.Close();
    throw;
  }
}

RunStats Session::MakePads(uint32_t count) {
  const auto start = std::chrono::steady_clock::now();
  const PadFiller::Request request(filler_.get());
  RunStats stats;
  try {
    for (uint32_t made = 0; made < count;) {
      const uint32_t share = count - made < metadata_.pad_batch ? 1 : metadata_.pad_batch;
      WithLane([&](uint32_t lane) {
        const NotedSlice noted(timeline_.get(), {.kind = TimelineSlice::Kind::kPads, .lane = lane, .pads = share});
        return pumps_[lane]->Run(StartPads(share, lane), &stats.pump);
      });
      if (durable_bank_ != nullptr) durable_bank_->RecordIfDue();
      made += share;
    }
  } catch (const HostError& error) {
    if (error.status() == Status::kNoSpace && durable_bank_ != nullptr) {
      throw HostError(Status::kNoSpace,
                      "the durable pad bank holds at most " + std::to_string(durable_bank_->capacity()) + " pads, " +
                          std::to_string(trusted_.pads_ready()) + " are in it",
                      "pad bank", "ask for fewer, or give it a larger --pad-bank-size");
    }
    // The trusted half's answer for a plan without pads; whoever wants some has as many as it needs.
    if (error.status() != Status::kUnsupported || metadata_.pad_size.value_or(0) != 0) throw;
  }
  stats.total_ns = ElapsedNs(start);
  return stats;
}

// A durable bank is not empty while a lease brings pads to hand.
Reply Session::StartOnce(const Command& start, PumpStats* stats) {
  try {
    return pumps_[start.run]->Start(start, stats);
  } catch (const HostError& error) {
    const bool leased = error.status() == Status::kPadsExhausted && durable_bank_ != nullptr && durable_bank_->Lease();
    if (!leased) throw;
  }
  return pumps_[start.run]->Start(start, stats);
}

// Empty when there is no pad and the policy knows what to do about it.
std::optional<Reply> Session::StartWithPad(const Command& start, PumpStats* stats) {
  try {
    return StartOnce(start, stats);
  } catch (const HostError& error) {
    if (error.status() != Status::kPadsExhausted || pad_policy_ == PadPolicy::kRefuse) throw;
    return std::nullopt;
  }
}

Reply Session::StartInference(const Inputs& inputs, const Command& start, PumpStats* stats) {
  const uint32_t lane = start.run;
  WriteInputs(inputs, lane);
  const FairPool::Lease turn = starts_.Take();
  if (const auto reply = StartWithPad(start, stats)) return *reply;
  if (pad_policy_ == PadPolicy::kWait && filler_ != nullptr) {
    filler_->WaitForPad();
    if (const auto reply = StartWithPad(start, stats)) return *reply;
  }
  pumps_[lane]->Run(StartCommand(ProgramId::kMakePad, lane), stats);
  WriteInputs(inputs, lane);  // making a pad uses the lane's whole part of the exchange region
  return StartOnce(start, stats);
}

Reply Session::Infer(const Inputs& inputs, const Command& start, PumpStats* stats) {
  for (uint32_t lost = 0;; ++lost) {
    const Reply first = StartInference(inputs, start, stats);
    if (filler_ != nullptr) filler_->Notify();  // a pad is spent
    try {
      return pumps_[start.run]->Finish(start, first, stats);
    } catch (const PadLost& error) {
      if (durable_bank_ == nullptr || lost == kMaxLostPads) throw;
      durable_bank_->TellLost(error.what());
    }
  }
}

std::vector<uint8_t> Session::ReadReceipt(uint32_t lane, const Reply& reply) {
  const std::span<uint8_t> region = trusted_.exchange();
  const std::span<const uint8_t> part = region.subspan(PartOffset(lane));
  const uint64_t size = reply.receipt_size, plan_size = reply.info.exchange_size;
  if (size == 0 || size > kMaxReceiptSize || plan_size > part.size() ||
      ReceiptOffset(0, plan_size) + size > part.size()) {
    throw HostError(Status::kInternal, "the trusted half left a receipt of " +
                                           std::to_string(size) + " bytes where there is no room");
  }
  const std::span<const uint8_t> bytes = part.subspan(ReceiptOffset(0, plan_size), size);
  return {bytes.begin(), bytes.end()};
}

std::vector<Tensor> Session::Run(std::span<const TensorView> inputs, RunStats* out_stats,
                                 ReceiptRequest* receipt) {
  const auto start = std::chrono::steady_clock::now();
  RunStats stats;
  if (receipt != nullptr) receipt->receipt.clear();
  const Inputs checked = CheckInputs(inputs);
  const PadFiller::Request request(filler_.get());
  std::vector<Tensor> outputs = WithLane([&](uint32_t lane) {
    const NotedSlice noted(timeline_.get(), {.kind = TimelineSlice::Kind::kRequest, .lane = lane});
    Command command = StartCommand(ProgramId::kInfer, lane);
    if (receipt != nullptr) AskReceipt(receipt->nonce, &command);
    const Reply reply = Infer(checked, command, &stats.pump);
    stats.clamped_count = reply.info.clamped_count;
    if (receipt != nullptr) receipt->receipt = ReadReceipt(lane, reply);
    return ReadOutputs(lane);
  });
  for (const Port& port : metadata_.inputs) stats.port_bytes += port.elem_count * sizeof(float);
  for (const Port& port : metadata_.outputs) stats.port_bytes += port.elem_count * sizeof(float);
  stats.total_ns = ElapsedNs(start);
  if (out_stats != nullptr) *out_stats = stats;
  return outputs;
}

uint64_t Session::PartOffset(uint32_t lane) {
  return lane * ExchangePartSize(trusted_.exchange().size(), lanes_.count());
}

std::optional<FailureLog> Session::failure_log() {
  const TrustedHalf::Turn turn = trusted_.Enter();
  return trusted_.failure_log();
}

Info Session::QueryInfo() {
  Command info{};
  info.id = CommandId::kInfo;
  const TrustedHalf::Turn turn = trusted_.Enter();
  return trusted_.Call(info).info;
}

// Calls change(pump) for every pump while no call is under way.
template <typename Change>
void Session::ChangePumps(Change&& change) {
  const FairPool::Lease turn = observers_.Take();
  std::vector<FairPool::Lease> all;
  while (all.size() < lanes_.count()) all.push_back(TakeLane());
  for (const auto& pump : pumps_) change(pump.get());
  all.clear();
  if (filler_ != nullptr) filler_->Notify();  // lanes came free
}

void Session::SetObserver(ExchangeObserver* observer) {
  ChangePumps([&](JobPump* pump) { pump->SetObserver(observer); });
}

void Session::SetTimeline(std::shared_ptr<Timeline> timeline) {
  ChangePumps([&](JobPump* pump) {
    pump->SetTimeline(timeline);
    timeline_ = timeline;
  });
}

}  // namespace penumbra::host
