#include "accel/native/native_device.h"

#include <new>

#include "accel/loops/float_loops.h"
#include "accel/residues/kernel_conv.h"
#include "accel/residues/residue_graph.h"
#include "accel/validate.h"

namespace penumbra::native {
namespace {

class NativeSegment final : public PreparedSegment {
 public:
  NativeSegment(Isa isa, const SegmentView& view, const BlobSource& blobs,
                const PrepareOptions& options)
      : segment_(view),
        max_batch_(options.max_batch),
        pool_(residues::HasResidueConv(segment_) ? options.threads : 1),
        residues_(segment_, blobs, max_batch_, isa, &pool_,
                  [&](const ConvGeometry& g, uint32_t primes, const int8_t* weights) {
                    return residues::MakeKernelConv(isa, g, primes, weights, &pool_);
                  }),
        floats_(segment_, blobs, max_batch_) {}

  Status Run(const Job& job) override {
    if (Status s = CheckJob(segment_, job, max_batch_, /*row_ranges=*/true); !IsOk(s)) return s;
    try {
      if (!residues_.Run(job)) return Status::kDeviceFailed;
      floats_.Run(job);
      return Status::kOk;
    } catch (const std::bad_alloc&) {
      return Status::kDeviceFailed;
    }
  }

  std::vector<NodeMethod> Methods() const override {
    return InOrder(residues_.Methods(), floats_.Methods());
  }

 private:
  const OwnedSegment segment_;
  const uint32_t max_batch_;
  residues::WorkerPool pool_;
  residues::ResidueGraph residues_;
  loops::FloatLoops floats_;
};

class NativeDevice final : public Device {
 public:
  NativeDevice(Isa isa, std::string_view name) : isa_(isa), name_(name) {}

  std::string_view name() const override { return name_; }
  const Capabilities& capabilities() const override { return capabilities_; }

  Status Prepare(const SegmentView& segment, const BlobSource& blobs, const PrepareOptions& options,
                 std::unique_ptr<PreparedSegment>* out_prepared, std::string* out_why) override {
    out_prepared->reset();
    if (Status s = CheckSegment(segment, blobs, options, capabilities_, out_why); !IsOk(s)) return s;
    try {
      *out_prepared = std::make_unique<NativeSegment>(isa_, segment, blobs, options);
      return Status::kOk;
    } catch (const std::bad_alloc&) {
      return RefuseSegment(Status::kOutOfMemory, kNoMemoryForSegment, out_why);
    }
  }

 private:
  const Isa isa_;
  const std::string_view name_;
  const Capabilities capabilities_ = EveryCapability();  // the self test has shown that residues are exact
};

Status Create(Isa best, std::string_view name, std::unique_ptr<Device>* out_device) {
  out_device->reset();
  try {
    Isa isa;
    if (!residues::ProveKernels(best, &isa)) return Status::kSelfTestFailed;
    *out_device = std::make_unique<NativeDevice>(isa, name);
    return Status::kOk;
  } catch (const std::bad_alloc&) {
    return Status::kOutOfMemory;
  }
}

}  // namespace

Status CreateNativeDevice(std::unique_ptr<Device>* out_device) { return Create(DetectIsa(), "native", out_device); }
Status CreateNativeAvx2Device(std::unique_ptr<Device>* out_device) {
  return Create(Isa::kAvx2, "native-avx2", out_device);
}

}  // namespace penumbra::native
