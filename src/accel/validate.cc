#include "accel/validate.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "ring/field.h"

namespace penumbra {
namespace {

// Geometry numbers other than image sizes; keeps every intermediate below 2^63.
constexpr uint32_t kMaxExtent = 1u << 24;

// Output size of a window operator along one axis; 0 when the window does not fit.
uint64_t WindowOutput(uint64_t in, uint64_t kernel, uint64_t stride, uint64_t dilation, uint64_t pad_before, uint64_t pad_after) {
  const uint64_t extent = (kernel - 1) * dilation + 1;
  const uint64_t padded = in + pad_before + pad_after;
  return padded < extent ? 0 : (padded - extent) / stride + 1;
}

// Whether every window along one axis has at least one tap inside the image. A pool over padding
// alone has no value.
bool WindowsTouchImage(uint32_t in, uint32_t out, uint32_t kernel, uint32_t stride, uint32_t dilation, uint32_t pad_before) {
  for (uint32_t o = 0; o < out; ++o) {
    const int64_t start = int64_t{o} * stride - pad_before;
    const int64_t skipped = start < 0 ? (-start + dilation - 1) / dilation : 0;
    if (skipped >= kernel || start + skipped * dilation >= in) return false;
  }
  return true;
}

bool SameShape(const SegmentTensor& a, const SegmentTensor& b) {
  return a.h == b.h && a.w == b.w && a.c == b.c;
}

class Checker {
 public:
  Checker(const SegmentView& segment, const BlobSource& blobs, const PrepareOptions& options,
          const Capabilities& capabilities, std::string* out_why)
      : s_(segment), blobs_(blobs), options_(options), caps_(capabilities), out_why_(out_why) {}

  Status Run() {
    if (Status s = CheckOptions(); !IsOk(s)) return s;
    if (Status s = CheckTensors(); !IsOk(s)) return s;
    if (Status s = CheckEnds(); !IsOk(s)) return s;
    for (size_t i = 0; i < s_.nodes.size(); ++i) {
      where_ = "node " + std::to_string(i);
      if (Status s = CheckNode(s_.nodes[i]); !IsOk(s)) return s;
    }
    where_ = "segment";
    for (uint32_t id : s_.outputs) {
      if (!written_[id])
        return Malformed("output tensor " + std::to_string(id) + " is never written");
    }
    return Status::kOk;
  }

 private:
  Status Fail(Status status, const std::string& why) {
    if (out_why_ != nullptr) *out_why_ = where_ + ": " + why;
    return status;
  }
  Status Malformed(const std::string& why) { return Fail(Status::kMalformed, why); }
  Status Unsupported(const std::string& why) { return Fail(Status::kDeviceUnsupported, why); }

  Status CheckOptions() {
    where_ = "options";
    if (options_.threads == 0 || options_.threads > kMaxThreads) {
      return Fail(Status::kInvalidArgument, "threads must be in [1, " + std::to_string(kMaxThreads) + "]");
    }
    if (options_.max_batch == 0 || options_.max_batch > kMaxBatch) {
      return Fail(Status::kInvalidArgument, "max_batch must be in [1, " + std::to_string(kMaxBatch) + "]");
    }
    return Status::kOk;
  }

  Status CheckTensor(const SegmentTensor& t) {
    if (t.h == 0 || t.w == 0 || t.c == 0) return Malformed("empty shape");
    if (t.type != ElementType::kU8Residue && t.type != ElementType::kF32 &&
        t.type != ElementType::kU32Residue) {
      return Malformed("unknown element type");
    }
    if (t.type != ElementType::kU8Residue && t.prime_count != 0)
      return Malformed("a tensor that has no ring primes counts some");
    if (t.type == ElementType::kU8Residue) {
      if (t.prime_count == 0 || t.prime_count > kMaxPrimes)
        return Malformed("prime count not in [1, 6]");
      if (caps_.max_primes == 0) return Unsupported("residues, and this device runs float32 only");
      if (t.prime_count > caps_.max_primes) return Unsupported("more primes than this device runs");
    }
    // Factor by factor: no product here can pass 2^31 * 2^32.
    uint64_t size = ElementSize(t.type) * PlaneCount(t) * options_.max_batch;
    for (uint64_t factor : {uint64_t{t.h}, uint64_t{t.w}, uint64_t{t.c}}) {
      size *= factor;
      if (size > kMaxTensorSize) return Malformed("tensor larger than 2 GiB");
    }
    total_size_ += size;
    return total_size_ > kMaxSegmentSize ? Malformed("segment larger than 8 GiB") : Status::kOk;
  }

  Status CheckTensors() {
    where_ = "segment";
    if (s_.tensors.size() > kMaxSegmentTensors) return Malformed("too many tensors");
    if (s_.nodes.empty() || s_.nodes.size() > kMaxSegmentNodes) return Malformed("no or too many nodes");
    for (size_t i = 0; i < s_.tensors.size(); ++i) {
      where_ = "tensor " + std::to_string(i);
      if (Status s = CheckTensor(s_.tensors[i]); !IsOk(s)) return s;
    }
    return Status::kOk;
  }

  Status CheckEnds() {
    where_ = "segment";
    written_.assign(s_.tensors.size(), false);
    if (s_.inputs.empty() || s_.outputs.empty()) return Malformed("no inputs or no outputs");
    for (uint32_t id : s_.inputs) {
      if (id >= s_.tensors.size()) return Malformed("input tensor id out of range");
      if (written_[id]) return Malformed("tensor " + std::to_string(id) + " is an input twice");
      written_[id] = true;
    }
    std::vector<bool> seen(written_);  // an output is neither an input nor an output twice
    for (uint32_t id : s_.outputs) {
      if (id >= s_.tensors.size()) return Malformed("output tensor id out of range");
      if (seen[id]) return Malformed("tensor " + std::to_string(id) + " is an end twice");
      seen[id] = true;
    }
    return Status::kOk;
  }

  static ElementType TypeOf(SegmentOp op) {
    if (op == SegmentOp::kConvResidue) return ElementType::kU8Residue;
    return op == SegmentOp::kConvPrime ? ElementType::kU32Residue : ElementType::kF32;
  }

  Status CheckNode(const SegmentNode& n) {
    const auto code = static_cast<uint16_t>(n.op);
    if (code < static_cast<uint16_t>(SegmentOp::kConvResidue) ||
        code > static_cast<uint16_t>(kLastSegmentOp)) {
      return Malformed("unknown operator " + std::to_string(code));
    }
    where_ += std::string(" (") + SegmentOpName(n.op) + ")";
    if (!caps_.Runs(n.op)) return Unsupported("operator not announced by this device");
    if (n.input_count == 0 || n.input_count > kMaxSegmentInputs)
      return Malformed("bad input count");
    for (uint32_t i = 0; i < n.input_count; ++i) {
      if (n.inputs[i] >= s_.tensors.size()) return Malformed("input tensor id out of range");
      if (!written_[n.inputs[i]]) return Malformed("reads a tensor that is not yet written");
    }
    if (n.output >= s_.tensors.size()) return Malformed("output tensor id out of range");
    if (written_[n.output]) return Malformed("writes a tensor that is written already");
    written_[n.output] = true;
    const ElementType type = TypeOf(n.op);
    if (Out(n).type != type) return Malformed("output of the wrong element type");
    for (uint32_t i = 0; i < n.input_count; ++i) {
      if (In(n, i).type != type) return Malformed("input of the wrong element type");
    }
    return CheckOperator(n);
  }

  Status CheckOperator(const SegmentNode& n) {
    const uint32_t wanted_inputs = n.op == SegmentOp::kAdd || n.op == SegmentOp::kMul ? 2 : 1;
    if (n.op != SegmentOp::kConcat && n.input_count != wanted_inputs)
      return Malformed("bad input count");
    switch (n.op) {
      case SegmentOp::kConvResidue:
        return CheckConvResidue(n);
      case SegmentOp::kConvFloat:
        return CheckConvFloat(n);
      case SegmentOp::kConvPrime:
        return CheckConvPrime(n);
      case SegmentOp::kMaxPool:
      case SegmentOp::kAveragePool:
        return CheckPool(n);
      case SegmentOp::kGlobalAveragePool:
        if (Out(n).h != 1 || Out(n).w != 1 || Out(n).c != In(n, 0).c)
          return Malformed("output is not [1,1,c]");
        return Status::kOk;
      case SegmentOp::kConcat:
        return CheckConcat(n);
      case SegmentOp::kResizeNearest:
        if (Out(n).c != In(n, 0).c || Out(n).h % In(n, 0).h != 0 || Out(n).w % In(n, 0).w != 0) {
          return Malformed("output is not an integer multiple of the input");
        }
        return Status::kOk;
      default:
        return CheckElementwise(n);
    }
  }

  Status CheckElementwise(const SegmentNode& n) {
    for (uint32_t i = 0; i < n.input_count; ++i) {
      if (!SameShape(In(n, i), Out(n))) return Malformed("input and output shapes differ");
    }
    if (n.op == SegmentOp::kLeakyRelu && !std::isfinite(n.attr_f[0]))
      return Malformed("slope is not finite");
    if (n.op == SegmentOp::kClip &&
        !(std::isfinite(n.attr_f[0]) && std::isfinite(n.attr_f[1]) && n.attr_f[0] <= n.attr_f[1])) {
      return Malformed("clip bounds are not finite and ordered");
    }
    return Status::kOk;
  }

  Status CheckConcat(const SegmentNode& n) {
    uint64_t channels = 0;
    for (uint32_t i = 0; i < n.input_count; ++i) {
      if (In(n, i).h != Out(n).h || In(n, i).w != Out(n).w)
        return Malformed("input and output sizes differ");
      channels += In(n, i).c;
    }
    return channels == Out(n).c ? Status::kOk : Malformed("channels do not add up");
  }

  Status CheckGeometry(const SegmentNode& n) {
    const ConvGeometry& g = n.geometry;
    for (uint32_t v :
         {g.kernel_h, g.kernel_w, g.stride_h, g.stride_w, g.dilation_h, g.dilation_w, g.groups}) {
      if (v == 0 || v > kMaxExtent)
        return Malformed("kernel, stride, dilation or groups out of range");
    }
    for (uint32_t v : {g.pad_top, g.pad_left, g.pad_bottom, g.pad_right}) {
      if (v > kMaxExtent) return Malformed("padding out of range");
    }
    if (!SameShape(In(n, 0), {g.in_h, g.in_w, g.in_c, {}, 0}) || !SameShape(Out(n), {g.out_h, g.out_w, g.out_c, {}, 0})) {
      return Malformed("geometry and tensor shapes differ");
    }
    if (g.in_c % g.groups != 0 || g.out_c % g.groups != 0)
      return Malformed("groups do not divide channels");
    if (WindowOutput(g.in_h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top, g.pad_bottom) !=
            g.out_h ||
        WindowOutput(g.in_w, g.kernel_w, g.stride_w, g.dilation_w, g.pad_left, g.pad_right) !=
            g.out_w) {
      return Malformed("output size does not follow from the geometry");
    }
    return Status::kOk;
  }

  Status CheckBlob(uint32_t index, uint64_t size, size_t alignment, const char* what) {
    if (index == kNoBlob) return Malformed(std::string("no ") + what + " blob");
    const std::span<const std::byte> blob = blobs_.Blob(index);
    if (blob.size() != size) {
      return Malformed(std::string(what) + " blob has " + std::to_string(blob.size()) +
                       " bytes, not " + std::to_string(size));
    }
    if (reinterpret_cast<uintptr_t>(blob.data()) % alignment != 0) {
      return Malformed(std::string(what) + " blob is not aligned");
    }
    return Status::kOk;
  }

  // Weights of one set (one prime), or 0 when no blob could be that large.
  static uint64_t WeightCount(const ConvGeometry& g) {
    const uint64_t area = uint64_t{g.kernel_h} * g.kernel_w;  // <= 2^48
    if (area > kMaxTensorSize) return 0;
    const uint64_t length = area * InChannelsPerGroup(g);  // <= 2^63
    return length > kMaxTensorSize ? 0 : length * g.out_c;
  }

  // What both residue convolutions have in common.
  Status CheckResidueFilters(const SegmentNode& n) {
    if (n.bias_blob != kNoBlob) return Malformed("a residue convolution has no bias");
    if (WeightCount(n.geometry) == 0 || FilterLength(n.geometry) > kMaxResidueFilterLength) {
      return Malformed("filter longer than " + std::to_string(kMaxResidueFilterLength) +
                       ", sums would pass 2^31: split the layer");
    }
    return Status::kOk;
  }

  Status CheckConvPrime(const SegmentNode& n) {
    if (Status s = CheckGeometry(n); !IsOk(s)) return s;
    if (Status s = CheckResidueFilters(n); !IsOk(s)) return s;
    const uint64_t count = WeightCount(n.geometry);
    if (Status s = CheckBlob(n.weight_blob, count * sizeof(int32_t), alignof(int32_t), "weight");
        !IsOk(s))
      return s;
    const auto* weights = reinterpret_cast<const int32_t*>(blobs_.Blob(n.weight_blob).data());
    const auto centred = [](int32_t w) { return w >= -kFieldHalf && w <= kFieldHalf; };
    return std::all_of(weights, weights + count, centred) ? Status::kOk
                                                          : Malformed("weights are not centred");
  }

  Status CheckConvResidue(const SegmentNode& n) {
    if (Status s = CheckGeometry(n); !IsOk(s)) return s;
    const uint32_t primes = Out(n).prime_count;
    if (In(n, 0).prime_count != primes) return Malformed("input and output primes differ");
    if (Status s = CheckResidueFilters(n); !IsOk(s)) return s;
    const uint64_t count = WeightCount(n.geometry);
    if (Status s = CheckBlob(n.weight_blob, count * primes, 1, "weight"); !IsOk(s)) return s;
    const auto* weights = reinterpret_cast<const int8_t*>(blobs_.Blob(n.weight_blob).data());
    for (uint32_t k = 0; k < primes; ++k) {
      const int limit = (kPrimes[k] - 1) / 2;
      int worst = 0;
      for (uint64_t i = 0; i < count; ++i) {
        const int magnitude = std::abs(int{weights[k * count + i]});
        worst = magnitude > worst ? magnitude : worst;
      }
      if (worst > limit)
        return Malformed("weights of prime " + std::to_string(k) + " are not centred");
    }
    return Status::kOk;
  }

  Status CheckConvFloat(const SegmentNode& n) {
    if (Status s = CheckGeometry(n); !IsOk(s)) return s;
    const uint64_t count = WeightCount(n.geometry);
    if (count == 0) return Malformed("filter too long");
    if (Status s = CheckBlob(n.weight_blob, count * 4, alignof(float), "weight"); !IsOk(s))
      return s;
    if (n.bias_blob == kNoBlob) return Status::kOk;
    return CheckBlob(n.bias_blob, uint64_t{n.geometry.out_c} * 4, alignof(float), "bias");
  }

  Status CheckPool(const SegmentNode& n) {
    if (Status s = CheckGeometry(n); !IsOk(s)) return s;
    const ConvGeometry& g = n.geometry;
    if (g.groups != g.in_c || g.in_c != g.out_c) return Malformed("a pool keeps its channels");
    if (!WindowsTouchImage(g.in_h, g.out_h, g.kernel_h, g.stride_h, g.dilation_h, g.pad_top) ||
        !WindowsTouchImage(g.in_w, g.out_w, g.kernel_w, g.stride_w, g.dilation_w, g.pad_left)) {
      return Malformed("a window lies wholly in the padding");
    }
    return Status::kOk;
  }

  const SegmentTensor& In(const SegmentNode& n, uint32_t i) const {
    return s_.tensors[n.inputs[i]];
  }
  const SegmentTensor& Out(const SegmentNode& n) const { return s_.tensors[n.output]; }

  const SegmentView& s_;
  const BlobSource& blobs_;
  const PrepareOptions& options_;
  const Capabilities& caps_;
  std::string* out_why_;
  std::string where_;
  std::vector<bool> written_;  // per tensor: holds a value at this point
  uint64_t total_size_ = 0;
};

}  // namespace

Capabilities EveryCapability() {
  Capabilities all{.ops = 0, .max_primes = kMaxPrimes, .exact_residues = true, .row_ranges = true};
  for (uint16_t op = 1; op <= static_cast<uint16_t>(kLastSegmentOp); ++op) {
    all.ops |= CapabilityBit(static_cast<SegmentOp>(op));
  }
  return all;
}

const char* SegmentOpName(SegmentOp op) {
  switch (op) {
    case SegmentOp::kConvResidue:
      return "ConvResidue";
    case SegmentOp::kConvFloat:
      return "ConvFloat";
    case SegmentOp::kRelu:
      return "Relu";
    case SegmentOp::kLeakyRelu:
      return "LeakyRelu";
    case SegmentOp::kClip:
      return "Clip";
    case SegmentOp::kSigmoid:
      return "Sigmoid";
    case SegmentOp::kTanh:
      return "Tanh";
    case SegmentOp::kHardSwish:
      return "HardSwish";
    case SegmentOp::kAdd:
      return "Add";
    case SegmentOp::kMul:
      return "Mul";
    case SegmentOp::kMaxPool:
      return "MaxPool";
    case SegmentOp::kAveragePool:
      return "AveragePool";
    case SegmentOp::kGlobalAveragePool:
      return "GlobalAveragePool";
    case SegmentOp::kConcat:
      return "Concat";
    case SegmentOp::kSoftmax:
      return "Softmax";
    case SegmentOp::kResizeNearest:
      return "ResizeNearest";
    case SegmentOp::kConvPrime:
      return "ConvPrime";
  }
  return "unknown";
}

Status CheckSegment(const SegmentView& segment, const BlobSource& blobs,
                    const PrepareOptions& options, const Capabilities& capabilities, std::string* out_why) {
  return Checker(segment, blobs, options, capabilities, out_why).Run();
}

Status RefuseSegment(Status status, const std::string& why, std::string* out_why) {
  if (out_why != nullptr) *out_why = "segment: " + why;
  return status;
}

}  // namespace penumbra
