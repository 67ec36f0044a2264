#include "accel/malicious/attentive_device.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "accel/malicious/lies.h"
#include "accel/validate.h"

namespace penumbra::malicious {
namespace {

using Vector = std::vector<float>;
using Slots = std::vector<Vector>;

constexpr std::array<std::string_view, 7> kNames = {"honest",     "one slot",         "every slot", "unseen slots",
                                                    "zeros",      "continuity", "outside the span"};
constexpr double kSameDirection = 0.9999;  // cosine
constexpr double kInside = 1e-4;           // share of a vector that may lie outside a span because of rounding
constexpr size_t kAnswersKept = 64;

double Dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// The affine span of some vectors.
class Span {
 public:
  void Add(const Vector& v) {
    if (anchor_.empty()) {
      anchor_.assign(v.begin(), v.end());
      return;
    }
    std::vector<double> rest = Residual(v);
    const double size = std::sqrt(Dot(rest, rest));
    if (size <= kInside * Distance(v)) return;
    for (double& value : rest) value /= size;
    basis_.push_back(std::move(rest));
  }
  bool Holds(const Vector& v) const {
    if (anchor_.size() != v.size()) return false;
    const std::vector<double> rest = Residual(v);
    return std::sqrt(Dot(rest, rest)) <= kInside * Distance(v);
  }

 private:
  std::vector<double> FromAnchor(const Vector& v) const {
    std::vector<double> d(v.begin(), v.end());
    for (size_t i = 0; i < d.size(); ++i) d[i] -= anchor_[i];
    return d;
  }
  double Distance(const Vector& v) const {
    const std::vector<double> d = FromAnchor(v);
    return std::sqrt(Dot(d, d));
  }
  std::vector<double> Residual(const Vector& v) const {
    std::vector<double> d = FromAnchor(v);
    for (const std::vector<double>& b : basis_) {
      const double part = Dot(d, b);
      for (size_t i = 0; i < d.size(); ++i) d[i] -= part * b[i];
    }
    return d;
  }

  std::vector<double> anchor_;
  std::vector<std::vector<double>> basis_;
};

// x is the positive part of y times a positive number.
bool Continues(const Vector& x, const Vector& y) {
  if (x.size() != y.size()) return false;
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double positive = std::max(0.0f, y[i]);
    xy += x[i] * positive;
    xx += double{x[i]} * x[i];
    yy += positive * positive;
  }
  return xy > kSameDirection * std::sqrt(xx * yy) && xy > 0;
}

// The only slot that `is_request` accepts.
template <typename Test>
std::optional<size_t> OnlyOne(const Slots& slots, Test is_request) {
  const auto found = std::ranges::find_if(slots, is_request);
  if (found == slots.end() || std::find_if(found + 1, slots.end(), is_request) != slots.end()) return std::nullopt;
  return found - slots.begin();
}

}  // namespace

std::string_view StrategyName(Strategy strategy) { return kNames[static_cast<size_t>(strategy)]; }

class AttentiveDevice::Mind {
 public:
  uint32_t next_segment = 0;
  AttentiveOrders orders;
  Rng rng;
  uint64_t job_count = 0, lie_count = 0;
  SlotObserver observer;
  bool learns = false;

  void See(uint32_t segment, const Slots& slots) {
    ++job_count;
    if (observer) observer(segment, slots);
    if (!learns) return;
    for (const Vector& slot : slots) ++lessons_[segment][slot];
  }

  // Slots to lie about.
  std::vector<size_t> Choose(uint32_t segment, const Slots& slots) {
    std::vector<size_t> chosen;
    if (lie_count < orders.lie_limit && Draw(&rng, orders.one_in) == 0) chosen = Aim(segment, slots);
    if (orders.strategy == Strategy::kUnseen) seen_[segment].insert(seen_[segment].end(), slots.begin(), slots.end());
    lie_count += chosen.empty() ? 0 : 1;
    return chosen;
  }

  void Remember(Slots answers) {
    if (orders.strategy != Strategy::kContinuity) return;
    std::ranges::move(answers, std::back_inserter(answers_));
    if (answers_.size() > kAnswersKept) answers_.erase(answers_.begin(), answers_.end() - kAnswersKept);
  }

  // Whatever came once only was a fingerprint.
  void FinishLearning() {
    for (const auto& [segment, counts] : lessons_) {
      spans_[segment] = {};
      for (const auto& [slot, count] : counts) {
        if (count == 1) spans_[segment].Add(slot);
      }
    }
  }

 private:
  std::vector<size_t> Aim(uint32_t segment, const Slots& slots) {
    std::optional<size_t> request;
    switch (orders.strategy) {
      case Strategy::kHonest:
        break;
      case Strategy::kOneSlot:
        return {static_cast<size_t>(Draw(&rng, slots.size()))};
      case Strategy::kEverySlot: {
        std::vector<size_t> all;
        for (size_t i = 0; i < slots.size(); ++i) all.push_back(i);
        return all;
      }
      case Strategy::kUnseen:
        request = OnlyOne(slots, [&](const Vector& x) { return std::ranges::count(seen_[segment], x) == 0; });
        break;
      case Strategy::kZeros:
        request = OnlyOne(slots, [](const Vector& x) { return std::ranges::count(x, 0.0f) != 0; });
        break;
      case Strategy::kContinuity:
        request = OnlyOne(slots, [&](const Vector& x) {
          return std::ranges::any_of(answers_, [&](const Vector& y) { return Continues(x, y); });
        });
        break;
      case Strategy::kOutsideSpan:
        request = OnlyOne(slots, [&](const Vector& x) { return !spans_[segment].Holds(x); });
        break;
    }
    return request ? std::vector<size_t>{*request} : std::vector<size_t>{};
  }

  std::map<uint32_t, Slots> seen_;
  Slots answers_;
  std::map<uint32_t, std::map<Vector, uint32_t>> lessons_;
  std::map<uint32_t, Span> spans_;
};

class AttentiveDevice::Segment final : public PreparedSegment {
 public:
  Segment(const SegmentView& view, std::unique_ptr<PreparedSegment> honest, std::shared_ptr<Mind> mind)
      : honest_(std::move(honest)),
        mind_(std::move(mind)),
        input_(view.tensors[view.inputs.front()]),
        output_(view.tensors[view.outputs.front()]) {}

  std::vector<NodeMethod> Methods() const override { return honest_->Methods(); }

  Status Run(const Job& job) override {
    const Slots slots = SlotsOf(job.inputs.front(), input_, job.batch);
    if (!index_) index_ = mind_->next_segment++;
    mind_->See(*index_, slots);
    if (const Status status = honest_->Run(job); !IsOk(status)) return status;
    std::byte* const reply = job.outputs.front();
    mind_->Remember(SlotsOf(reply, output_, job.batch));
    for (const size_t slot : mind_->Choose(*index_, slots)) {
      const size_t size = TensorByteSize(output_, 1);
      auto* bytes = reinterpret_cast<uint8_t*>(reply) + slot * size;
      AddConstant({output_, 1, {bytes, size}}, &mind_->rng);
    }
    return Status::kOk;
  }

 private:
  static Slots SlotsOf(const std::byte* bytes, const SegmentTensor& shape, uint32_t batch) {
    const size_t size = TensorByteSize(shape, 1);
    Slots slots(batch, Vector(size / sizeof(float)));
    for (size_t i = 0; i < batch; ++i) std::memcpy(slots[i].data(), bytes + i * size, size);
    return slots;
  }

  std::unique_ptr<PreparedSegment> honest_;
  std::shared_ptr<Mind> mind_;
  std::optional<uint32_t> index_;  // from its first job on: those come in the plan's order, preparing does not
  const SegmentTensor input_, output_;
};

AttentiveDevice::AttentiveDevice(std::shared_ptr<Device> honest)
    : honest_(std::move(honest)), mind_(std::make_shared<Mind>()) {}

AttentiveDevice::~AttentiveDevice() = default;

Status AttentiveDevice::Prepare(const SegmentView& segment, const BlobSource& blobs, const PrepareOptions& options,
                                std::unique_ptr<PreparedSegment>* out_prepared, std::string* out_why) {
  std::unique_ptr<PreparedSegment> honest;
  const Status status = honest_->Prepare(segment, blobs, options, &honest, out_why);
  out_prepared->reset();
  if (IsOk(status)) *out_prepared = std::make_unique<Segment>(segment, std::move(honest), mind_);
  return status;
}

void AttentiveDevice::BeginSession() { mind_->next_segment = 0; }
void AttentiveDevice::Give(const AttentiveOrders& orders) {
  mind_->orders = orders;
  mind_->rng.seed(orders.seed);
  mind_->job_count = mind_->lie_count = 0;
}
uint64_t AttentiveDevice::job_count() const { return mind_->job_count; }
uint64_t AttentiveDevice::lie_count() const { return mind_->lie_count; }
void AttentiveDevice::Observe(SlotObserver observer) { mind_->observer = std::move(observer); }
void AttentiveDevice::Learn(bool begins) {
  if (mind_->learns && !begins) mind_->FinishLearning();
  mind_->learns = begins;
}

}  // namespace penumbra::malicious
