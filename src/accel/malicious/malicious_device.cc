#include "accel/malicious/malicious_device.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "accel/malicious/lies.h"
#include "accel/validate.h"

namespace penumbra::malicious {
namespace {

struct LieEntry {
  Lie lie;
  std::string_view name;
};
constexpr std::array kEntries = {
    LieEntry{Lie::kHonest, "honest"},
    LieEntry{Lie::kOtherRepresentative, "other-representative"},
    LieEntry{Lie::kFlipBit, "flip-bit"},
    LieEntry{Lie::kChangeElement, "change-element"},
    LieEntry{Lie::kReplaceTile, "replace-tile"},
    LieEntry{Lie::kOtherLayer, "other-layer"},
    LieEntry{Lie::kOtherRequest, "other-request"},
    LieEntry{Lie::kOldReply, "old-reply"},
    LieEntry{Lie::kSwapChannels, "swap-channels"},
    LieEntry{Lie::kAddConstant, "add-constant"},
    LieEntry{Lie::kZeros, "zeros"},
    LieEntry{Lie::kShort, "short"},
    LieEntry{Lie::kLate, "late"},
    LieEntry{Lie::kTwice, "twice"},
    LieEntry{Lie::kRacing, "racing"},
    LieEntry{Lie::kNever, "never"},
};
constexpr auto kLies = [] {
  std::array<Lie, kEntries.size()> lies{};
  for (size_t i = 0; i < lies.size(); ++i) lies[i] = kEntries[i].lie;
  return lies;
}();

using Bytes = std::vector<uint8_t>;
// Where a reply stands, and whose it is.
struct ReplyKey {
  uint32_t segment;
  const uint8_t* place;
  auto operator<=>(const ReplyKey&) const = default;
};

// Segments are told apart by their weights.
uint32_t SegmentId(const SegmentView& view) {
  uint32_t id = kNoBlob;
  for (const SegmentNode& node : view.nodes) {
    const bool conv = IsResidueConv(node.op) || node.op == SegmentOp::kConvFloat;
    if (conv) id = std::min(id, node.weight_blob);
  }
  return id;
}

// Bytes the trusted half may read at this moment.
void Store(uint8_t* at, uint8_t value) {
  std::atomic_ref<uint8_t>(*at).store(value, std::memory_order_relaxed);
}

// Wrong bytes at random places, right again after a moment, for as long as it may.
void Race(std::stop_token stop, std::span<uint8_t> region, Bytes right, Rng rng) {
  while (!stop.stop_requested()) {
    const uint64_t first = Draw(&rng, region.size());
    const uint64_t last = first + 1 + Draw(&rng, region.size() - first);
    const auto change = static_cast<uint8_t>(1 + Draw(&rng, 255));
    for (uint64_t i = first; i < last; ++i) {
      Store(&region[i], static_cast<uint8_t>(right[i] + change));
    }
    for (uint64_t wait = Draw(&rng, 256); wait > 0; --wait) {
      std::atomic_signal_fence(std::memory_order_seq_cst);  // keeps the loop
    }
    for (uint64_t i = first; i < last; ++i) Store(&region[i], right[i]);
  }
}

void WriteAgain(std::stop_token stop, std::span<uint8_t> region, std::chrono::microseconds delay,
                Rng rng) {
  std::this_thread::sleep_for(delay);
  for (uint8_t& byte : region) {
    if (stop.stop_requested()) return;
    Store(&byte, static_cast<uint8_t>(Draw(&rng, 256)));
  }
}

}  // namespace

std::span<const Lie> Lies() { return kLies; }

std::string_view LieName(Lie lie) { return kEntries[static_cast<size_t>(lie)].name; }

// What all prepared segments share: orders, account, memory of replies, writers.
class MaliciousDevice::Mind {
 public:
  struct Decision {
    Lie lie = Lie::kHonest;
    Rng rng;
    std::chrono::microseconds delay{0};
    std::optional<uint32_t> plane;
  };

  void Give(const Orders& orders) {
    StopWriter();
    const std::lock_guard lock(mutex_);
    orders_ = orders;
    rng_.seed(orders.seed);
    account_ = {};
  }

  Account account() const {
    const std::lock_guard lock(mutex_);
    return account_;
  }

  void KeepAlive(std::shared_ptr<const void> region) {
    StopWriter();
    const std::lock_guard lock(mutex_);
    region_ = std::move(region);
  }

  void Release() {
    {
      std::unique_lock lock(mutex_);
      ++release_count_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return hanging_count_ == 0; });
    }
    StopWriter();
  }

  Decision Decide() {
    StopWriter();
    const std::lock_guard lock(mutex_);
    const bool early = account_.job_count++ < orders_.honest_jobs;
    const bool lies = !early && orders_.lie != Lie::kHonest &&
                      account_.lie_count < orders_.lie_limit && Draw(&rng_, orders_.one_in) == 0;
    return {lies ? orders_.lie : Lie::kHonest, Rng(rng_()), orders_.delay, orders_.plane};
  }

  void Confess(bool wrong) {
    const std::lock_guard lock(mutex_);
    ++account_.lie_count;
    account_.wrong_count += wrong;
  }

  void Remember(ReplyKey key, std::span<const uint8_t> reply) {
    const std::lock_guard lock(mutex_);
    Memory& memory = replies_[key];
    memory.age = ++age_;
    memory.bytes.assign(reply.begin(), reply.end());
  }

  // The latest reply that `wanted` accepts by its key; empty when there is none.
  template <typename Wanted>
  Bytes Recall(Wanted wanted) const {
    const std::lock_guard lock(mutex_);
    const Memory* latest = nullptr;
    for (const auto& [key, memory] : replies_) {
      if (wanted(key) && (latest == nullptr || memory.age > latest->age)) latest = &memory;
    }
    return latest == nullptr ? Bytes() : latest->bytes;
  }

  // `end` is what the job does when it is released.
  template <typename End>
  void Hang(End end) {
    std::unique_lock lock(mutex_);
    ++account_.lie_count;
    ++hanging_count_;
    changed_.wait(lock, [this, seen = release_count_] { return release_count_ != seen; });
    lock.unlock();
    end();
    lock.lock();
    --hanging_count_;
    changed_.notify_all();
  }

  // `write` runs on a thread of its own, already when this returns: a race is lost by who starts
  // late.
  template <typename Write, typename... Arguments>
  void StartWriter(Write write, Arguments... arguments) {
    StopWriter();
    const std::lock_guard lock(writer_mutex_);
    std::atomic<bool> runs{false};
    const auto body = [&runs, write](std::stop_token stop, Arguments... own) {
      runs = true;  // the last use of `runs`
      write(std::move(stop), std::move(own)...);
    };
    writer_ = std::jthread(body, std::move(arguments)...);
    while (!runs) std::this_thread::yield();
  }

 private:
  struct Memory {
    uint64_t age = 0;
    Bytes bytes;
  };

  void StopWriter() {
    std::jthread stopped;
    const std::lock_guard lock(writer_mutex_);
    stopped.swap(writer_);
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Orders orders_;
  Rng rng_;
  Account account_;
  uint64_t release_count_ = 0, hanging_count_ = 0;
  uint64_t age_ = 0;
  std::map<ReplyKey, Memory> replies_;
  std::shared_ptr<const void> region_;
  std::mutex writer_mutex_;
  std::jthread writer_;  // last: stops before what it writes to goes
};

class MaliciousDevice::Segment final : public PreparedSegment {
 public:
  Segment(const SegmentView& view, std::unique_ptr<PreparedSegment> honest,
          std::shared_ptr<Mind> mind)
      : honest_(std::move(honest)), mind_(std::move(mind)), id_(SegmentId(view)) {
    for (const uint32_t output : view.outputs) outputs_.push_back(view.tensors[output]);
  }

  std::vector<NodeMethod> Methods() const override { return honest_->Methods(); }

  Status Run(const Job& job) override {
    Mind::Decision decision = mind_->Decide();
    if (decision.lie == Lie::kNever) return Hang(job, &decision.rng);
    const ReplyView first = View(job, 0);
    const Bytes before(first.bytes.begin(), first.bytes.end());
    if (const Status status = honest_->Run(job); !IsOk(status)) return status;
    const Bytes right(first.bytes.begin(), first.bytes.end());
    if (decision.lie != Lie::kHonest && Tell(&decision, first, before)) {
      mind_->Confess(IsWrong(first, right));
    }
    mind_->Remember(KeyOf(first), right);
    StartWriting(&decision, first, right);
    return Status::kOk;
  }

 private:
  ReplyView View(const Job& job, size_t output) const {
    auto* bytes = reinterpret_cast<uint8_t*>(job.outputs[output]);
    const SegmentTensor& shape = outputs_[output];
    return {shape, job.batch, {bytes, TensorByteSize(shape, job.batch)}};
  }
  ReplyKey KeyOf(const ReplyView& reply) const { return {id_, reply.bytes.data()}; }

  Status Hang(const Job& job, Rng* rng) {
    mind_->Hang([&] {
      for (size_t i = 0; i < outputs_.size(); ++i) Randomize(View(job, i), rng);
    });
    return Status::kOk;
  }

  // Changes the finished reply; false when there is nothing to tell.
  bool Tell(Mind::Decision* decision, const ReplyView& reply, const Bytes& before) const {
    Rng* const rng = &decision->rng;
    switch (decision->lie) {
      case Lie::kOtherRepresentative:
        UseOtherRepresentatives(reply);
        return true;
      case Lie::kFlipBit:
        FlipBit(reply, rng);
        return true;
      case Lie::kChangeElement:
        ChangeElement(reply, decision->plane, rng);
        return true;
      case Lie::kReplaceTile:
        ReplaceTile(reply, rng);
        return true;
      case Lie::kSwapChannels:
        SwapChannels(reply, rng);
        return true;
      case Lie::kAddConstant:
        AddConstant(reply, rng);
        return true;
      case Lie::kZeros:
        Zero(reply);
        return true;
      case Lie::kShort: {
        const size_t kept = Draw(rng, reply.bytes.size());
        std::copy(before.begin() + static_cast<std::ptrdiff_t>(kept), before.end(),
                  reply.bytes.begin() + static_cast<std::ptrdiff_t>(kept));
        return true;
      }
      case Lie::kLate:
        std::this_thread::sleep_for(decision->delay);
        return true;
      case Lie::kOtherLayer:
      case Lie::kOtherRequest:
      case Lie::kOldReply:
        return TellAnother(decision->lie, reply);
      case Lie::kTwice:
      case Lie::kRacing:
        return true;  // StartWriting() does the rest
      case Lie::kHonest:
      case Lie::kNever:
        break;
    }
    return false;
  }

  bool TellAnother(Lie lie, const ReplyView& reply) const {
    const ReplyKey mine = KeyOf(reply);
    const Bytes other = mind_->Recall([&](const ReplyKey& key) {
      if (lie == Lie::kOtherLayer) return key.segment != mine.segment;
      return key.segment == mine.segment && (key.place == mine.place) == (lie == Lie::kOldReply);
    });
    ReplaceBy(other, reply);
    return !other.empty();
  }

  void StartWriting(Mind::Decision* decision, const ReplyView& reply, const Bytes& right) const {
    if (decision->lie == Lie::kRacing) {
      mind_->StartWriter(Race, reply.bytes, right, decision->rng);
    }
    if (decision->lie == Lie::kTwice) {
      const auto limit = static_cast<uint64_t>(decision->delay.count());
      const std::chrono::microseconds delay(Draw(&decision->rng, limit + 1));
      mind_->StartWriter(WriteAgain, reply.bytes, delay, decision->rng);
    }
  }

  std::unique_ptr<PreparedSegment> honest_;
  std::shared_ptr<Mind> mind_;
  uint32_t id_;
  std::vector<SegmentTensor> outputs_;
};

MaliciousDevice::MaliciousDevice(std::shared_ptr<Device> honest)
    : honest_(std::move(honest)), mind_(std::make_shared<Mind>()) {}

MaliciousDevice::~MaliciousDevice() { mind_->Release(); }

Status MaliciousDevice::Prepare(const SegmentView& segment, const BlobSource& blobs,
                                const PrepareOptions& options,
                                std::unique_ptr<PreparedSegment>* out_prepared,
                                std::string* out_why) {
  std::unique_ptr<PreparedSegment> honest;
  const Status status = honest_->Prepare(segment, blobs, options, &honest, out_why);
  out_prepared->reset();
  if (IsOk(status)) *out_prepared = std::make_unique<Segment>(segment, std::move(honest), mind_);
  return status;
}

void MaliciousDevice::Give(const Orders& orders) { mind_->Give(orders); }
Account MaliciousDevice::account() const { return mind_->account(); }
void MaliciousDevice::KeepAlive(std::shared_ptr<const void> region) {
  mind_->KeepAlive(std::move(region));
}
void MaliciousDevice::Release() { mind_->Release(); }

}  // namespace penumbra::malicious
