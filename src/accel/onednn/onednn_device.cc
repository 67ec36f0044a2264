#include "accel/onednn/onednn_device.h"

#include <new>
#include <vector>

#include "accel/onednn/float_graph.h"
#include "accel/onednn/prime_conv.h"
#include "accel/onednn/residue_conv.h"
#include "accel/onednn/self_test.h"
#include "accel/validate.h"

namespace penumbra::onednn {
namespace {

class OnednnSegment final : public PreparedSegment {
 public:
  OnednnSegment(const dnnl::engine& engine, Arithmetic arithmetic, const SegmentView& view,
                const BlobSource& blobs, const PrepareOptions& options)
      : segment_(view),
        max_batch_(options.max_batch),
        pool_(HasResidues() ? options.threads : 1),
        floats_(engine, segment_, blobs, options.threads),
        scratch_(segment_.tensors.size()) {
    for (const SegmentNode& n : segment_.nodes) {
      if (!IsResidueConv(n.op)) continue;
      const SegmentTensor& out = segment_.tensors[n.output];
      const std::byte* weights = blobs.Blob(n.weight_blob).data();
      convs_.push_back({n.op == SegmentOp::kConvPrime
                            ? MakePrimeConv(n.geometry, reinterpret_cast<const int32_t*>(weights), &pool_)
                            : MakeResidueConv(engine, n.geometry, out.prime_count,
                                              reinterpret_cast<const int8_t*>(weights), arithmetic, &pool_),
                        n.inputs[0], n.output, n.geometry.out_h});
      convs_.back().conv->Compile(max_batch_);
      scratch_[n.output].resize(TensorByteSize(out, max_batch_));
    }
    for (uint32_t id : segment_.outputs) std::vector<uint8_t>().swap(scratch_[id]);
    floats_.Compile(max_batch_);
  }

  Status Run(const Job& job) override {
    if (Status s = CheckJob(segment_, job, max_batch_, /*row_ranges=*/true); !IsOk(s)) return s;
    try {
      if (!RunResidues(job)) return Status::kDeviceFailed;
      floats_.Run(job);
      return Status::kOk;
    } catch (const dnnl::error&) {
      return Status::kDeviceFailed;
    } catch (const std::bad_alloc&) {
      return Status::kDeviceFailed;
    }
  }

 private:
  struct Conv {
    std::unique_ptr<ResidueConv> conv;
    uint32_t input, output, rows;
  };

  bool HasResidues() const {
    for (const SegmentNode& n : segment_.nodes) {
      if (IsResidueConv(n.op)) return true;
    }
    return false;
  }

  const uint8_t* Source(uint32_t id, const Job& job) const {
    for (size_t i = 0; i < segment_.inputs.size(); ++i) {
      if (segment_.inputs[i] == id) return reinterpret_cast<const uint8_t*>(job.inputs[i]);
    }
    return const_cast<OnednnSegment*>(this)->Target(id, job);
  }
  uint8_t* Target(uint32_t id, const Job& job) {
    for (size_t i = 0; i < segment_.outputs.size(); ++i) {
      if (segment_.outputs[i] == id) return reinterpret_cast<uint8_t*>(job.outputs[i]);
    }
    return scratch_[id].data();
  }

  bool RunResidues(const Job& job) {
    const bool part = AllowsRowRanges(segment_);
    for (Conv& c : convs_) {
      const RowRange rows = part ? job.rows : RowRange{0, c.rows};
      if (!c.conv->Run(Source(c.input, job), job.batch, rows, Target(c.output, job))) return false;
    }
    return true;
  }

  const OwnedSegment segment_;
  const uint32_t max_batch_;
  WorkerPool pool_;
  FloatGraph floats_;
  std::vector<Conv> convs_;
  std::vector<std::vector<uint8_t>> scratch_;  // per tensor: residues between convolutions
};

class OnednnDevice final : public Device {
 public:
  OnednnDevice(const dnnl::engine& engine, Arithmetic arithmetic, std::string_view name)
      : engine_(engine), arithmetic_(arithmetic), name_(name) {
    for (uint16_t op = 1; op <= static_cast<uint16_t>(kLastSegmentOp); ++op) {
      capabilities_.ops |= CapabilityBit(static_cast<SegmentOp>(op));
    }
    capabilities_.max_primes = kMaxPrimes;
    capabilities_.exact_residues = true;  // the self test has shown it
    capabilities_.row_ranges = true;
  }

  std::string_view name() const override { return name_; }
  const Capabilities& capabilities() const override { return capabilities_; }

  Status Prepare(const SegmentView& segment, const BlobSource& blobs, const PrepareOptions& options,
                 std::unique_ptr<PreparedSegment>* out_prepared, std::string* out_why) override {
    out_prepared->reset();
    if (Status s = CheckSegment(segment, blobs, options, capabilities_, out_why); !IsOk(s))
      return s;
    const auto fail = [&](Status status, const std::string& why) {
      if (out_why != nullptr) *out_why = "segment: " + why;
      return status;
    };
    try {
      *out_prepared = std::make_unique<OnednnSegment>(engine_, arithmetic_, segment, blobs, options);
      return Status::kOk;
    } catch (const std::bad_alloc&) {
      return fail(Status::kOutOfMemory, "no memory for weights and intermediate tensors");
    } catch (const dnnl::error& e) {
      if (e.status == dnnl_out_of_memory) return fail(Status::kOutOfMemory, e.what());
      return fail(Status::kDeviceUnsupported,
                  std::string("oneDNN refused it (") + e.what() + "); use device \"reference\"");
    }
  }

 private:
  const dnnl::engine engine_;
  const Arithmetic arithmetic_;
  const std::string_view name_;
  Capabilities capabilities_;
};

// The fastest arithmetic, `best` or slower, that this machine has and that passes the self test.
Status Create(Arithmetic best, std::string_view name, std::unique_ptr<Device>* out_device) {
  out_device->reset();
  try {
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    for (Arithmetic arithmetic : {Arithmetic::kFused, Arithmetic::kInteger, Arithmetic::kFloat}) {
      if (arithmetic < best || !ClaimsExactResidues(arithmetic)) continue;
      if (!ResiduesAreExact(engine, arithmetic)) continue;
      *out_device = std::make_unique<OnednnDevice>(engine, arithmetic, name);
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
