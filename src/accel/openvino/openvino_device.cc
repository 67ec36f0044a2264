#include "accel/openvino/openvino_device.h"

#include <exception>
#include <map>
#include <new>
#include <openvino/runtime/core.hpp>

#include "accel/openvino/float_model.h"
#include "accel/openvino/settings.h"

namespace penumbra::openvino {
namespace {

class OpenvinoSegment final : public PreparedSegment {
 public:
  OpenvinoSegment(ov::Core core, const SegmentView& view, const BlobSource& blobs, const PrepareOptions& options)
      : core_(std::move(core)), segment_(view), options_(options), constants_(CopyConstants(segment_, blobs)) {
    Compiled(options.max_batch);
  }

  Status Run(const Job& job) override {
    if (Status s = CheckJob(segment_, job, options_.max_batch, /*row_ranges=*/false); !IsOk(s)) return s;
    try {
      ov::InferRequest& request = Compiled(job.batch);
      for (size_t i = 0; i < job.inputs.size(); ++i) {
        // The library takes no pointer to const; it writes to no input.
        request.set_input_tensor(i, Wrapped(segment_.inputs[i], job.batch, const_cast<std::byte*>(job.inputs[i])));
      }
      for (size_t i = 0; i < job.outputs.size(); ++i) {
        request.set_output_tensor(i, Wrapped(segment_.outputs[i], job.batch, job.outputs[i]));
      }
      request.infer();
      return Status::kOk;
    } catch (const std::exception&) {
      return Status::kDeviceFailed;
    }
  }

 private:
  ov::InferRequest& Compiled(uint32_t batch) {
    const auto known = requests_.find(batch);
    if (known != requests_.end()) return known->second;
    ov::CompiledModel model =
        core_.compile_model(BuildModel(segment_, constants_, batch), "CPU", Settings(options_.threads));
    return requests_.emplace(batch, model.create_infer_request()).first->second;
  }

  ov::Tensor Wrapped(uint32_t id, uint32_t batch, std::byte* data) const {
    const SegmentTensor& t = segment_.tensors[id];
    return {ov::element::f32, ov::Shape{batch, t.h, t.w, t.c}, data};
  }

  ov::Core core_;
  const OwnedSegment segment_;
  const PrepareOptions options_;
  const Constants constants_;
  std::map<uint32_t, ov::InferRequest> requests_;  // by batch
};

class OpenvinoDevice final : public Device {
 public:
  std::string_view name() const override { return "openvino"; }
  const Capabilities& capabilities() const override { return capabilities_; }
  ov::Core& core() { return core_; }

  Status Prepare(const SegmentView& segment, const BlobSource& blobs, const PrepareOptions& options,
                 std::unique_ptr<PreparedSegment>* out_prepared, std::string* out_why) override {
    out_prepared->reset();
    if (Status s = CheckSegment(segment, blobs, options, capabilities_, out_why); !IsOk(s)) return s;
    try {
      *out_prepared = std::make_unique<OpenvinoSegment>(core_, segment, blobs, options);
      return Status::kOk;
    } catch (const std::bad_alloc&) {
      return RefuseSegment(Status::kOutOfMemory, kNoMemoryForSegment, out_why);
    } catch (const std::exception& e) {
      return RefuseSegment(Status::kDeviceUnsupported, std::string("OpenVINO refused it (") + e.what() + ")", out_why);
    }
  }

 private:
  ov::Core core_;
  const Capabilities capabilities_{.ops = FloatOps()};
};

}  // namespace

Status CreateOpenvinoDevice(std::unique_ptr<Device>* out_device) {
  out_device->reset();
  try {
    auto device = std::make_unique<OpenvinoDevice>();
    device->core().get_property("CPU", ov::device::full_name);  // loads the plugin
    *out_device = std::move(device);
    return Status::kOk;
  } catch (const std::bad_alloc&) {
    return Status::kOutOfMemory;
  } catch (const std::exception&) {
    return Status::kDeviceFailed;
  }
}

}  // namespace penumbra::openvino
