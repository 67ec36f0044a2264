#include "accel/onednn/onednn_device.h"

#include <new>
#include <vector>

#include "accel/onednn/float_graph.h"
#include "accel/onednn/omp_threads.h"
#include "accel/onednn/residue_conv.h"
#include "accel/onednn/self_test.h"
#include "accel/residues/kernel_conv.h"
#include "accel/residues/residue_graph.h"
#include "accel/validate.h"

namespace penumbra::onednn {
namespace {

class OnednnSegment final : public PreparedSegment {
 public:
  OnednnSegment(const ResidueEngine& engine, const SegmentView& view, const BlobSource& blobs,
                const PrepareOptions& options)
      : segment_(view),
        max_batch_(options.max_batch),
        pool_(residues::HasResidueConv(segment_) ? options.threads : 1, &UseOneOmpThread),
        floats_(engine.dnnl, segment_, blobs, options.threads),
        residues_(segment_, blobs, max_batch_, engine.isa, &pool_,
                  [&](const ConvGeometry& g, uint32_t primes, const int8_t* weights) {
                    return MakeResidueConv(engine, g, primes, weights, &pool_);
                  }) {
    floats_.Compile(max_batch_);
  }

  Status Run(const Job& job) override {
    if (Status s = CheckJob(segment_, job, max_batch_, /*row_ranges=*/true); !IsOk(s)) return s;
    try {
      if (!residues_.Run(job)) return Status::kDeviceFailed;
      floats_.Run(job);
      return Status::kOk;
    } catch (const dnnl::error&) {
      return Status::kDeviceFailed;
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
  WorkerPool pool_;
  FloatGraph floats_;
  residues::ResidueGraph residues_;
};

class OnednnDevice final : public Device {
 public:
  OnednnDevice(const ResidueEngine& engine, std::string_view name) : engine_(engine), name_(name) {}

  std::string_view name() const override { return name_; }
  const Capabilities& capabilities() const override { return capabilities_; }

  Status Prepare(const SegmentView& segment, const BlobSource& blobs, const PrepareOptions& options,
                 std::unique_ptr<PreparedSegment>* out_prepared, std::string* out_why) override {
    out_prepared->reset();
    if (Status s = CheckSegment(segment, blobs, options, capabilities_, out_why); !IsOk(s))
      return s;
    try {
      *out_prepared = std::make_unique<OnednnSegment>(engine_, segment, blobs, options);
      return Status::kOk;
    } catch (const std::bad_alloc&) {
      return RefuseSegment(Status::kOutOfMemory, kNoMemoryForSegment, out_why);
    } catch (const dnnl::error& e) {
      if (e.status == dnnl_out_of_memory) return RefuseSegment(Status::kOutOfMemory, e.what(), out_why);
      return RefuseSegment(Status::kDeviceUnsupported,
                           std::string("oneDNN refused it (") + e.what() + "); use device \"reference\"", out_why);
    }
  }

 private:
  const ResidueEngine engine_;
  const std::string_view name_;
  const Capabilities capabilities_ = EveryCapability();  // the self test has shown that residues are exact
};

bool IsHere(Arithmetic arithmetic, Isa isa) {
  switch (arithmetic) {
    case Arithmetic::kFused: return isa != Isa::kScalar;
    case Arithmetic::kInteger: return ClaimsExactIntegers();
    case Arithmetic::kFloat: return true;
  }
  return false;
}

// The fastest arithmetic, `best` or slower, that this machine has and that passes the self test.
Status Create(Arithmetic best, std::string_view name, std::unique_ptr<Device>* out_device) {
  out_device->reset();
  try {
    Isa isa;
    if (!residues::ProveKernels(DetectIsa(), &isa)) return Status::kSelfTestFailed;
    for (Arithmetic arithmetic : {Arithmetic::kFused, Arithmetic::kInteger, Arithmetic::kFloat}) {
      if (arithmetic < best || !IsHere(arithmetic, isa)) continue;
      const ResidueEngine engine = {dnnl::engine(dnnl::engine::kind::cpu, 0), isa, arithmetic};
      if (!ResiduesAreExact(engine)) continue;
      *out_device = std::make_unique<OnednnDevice>(engine, name);
      return Status::kOk;
    }
    return Status::kSelfTestFailed;
  } catch (const dnnl::error&) {
    return Status::kDeviceFailed;
  } catch (const std::bad_alloc&) {
    return Status::kOutOfMemory;
  }
}

}  // namespace

Status CreateOnednnDevice(std::unique_ptr<Device>* out_device) {
  return Create(Arithmetic::kFused, "onednn", out_device);
}
Status CreateOnednnIntegerDevice(std::unique_ptr<Device>* out_device) {
  return Create(Arithmetic::kInteger, "onednn-s32", out_device);
}
Status CreateOnednnFloatDevice(std::unique_ptr<Device>* out_device) {
  return Create(Arithmetic::kFloat, "onednn-f32", out_device);
}

}  // namespace penumbra::onednn
