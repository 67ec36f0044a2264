// segment_run BUNDLE DEVICE FOLDER
//
// Runs every segment of a bundle on reproducible noise and writes what went in and came out, for
// another runtime to be given the same: FOLDER/segment-0.input-0.npy, FOLDER/segment-0.output-0.npy and
// so on, [1, h, w, c] or, of residues, [primes, h, w, c], as float32 numbers.
#include <algorithm>
#include <exception>
#include <filesystem>
#include <iostream>
#include <random>
#include <stdexcept>
#include <vector>

#include "accel/registry.h"
#include "accel/validate.h"
#include "host/bundle_file.h"
#include "media/npy.h"

namespace penumbra::e2e {
namespace {

struct alignas(kExchangeAlignment) Line {
  std::byte bytes[kExchangeAlignment];
};

// One port in the order and place an accelerator wants.
class Port {
 public:
  explicit Port(const SegmentTensor& tensor)
      : tensor_(tensor), lines_(TensorByteSize(tensor, 1) / sizeof(Line) + 1) {}

  std::byte* data() { return lines_.front().bytes; }

  template <typename Draw>
  void Fill(Draw draw) {
    for (uint64_t i = 0; i < count(); ++i) Put(i, draw());
  }
  void Write(const std::filesystem::path& path) {
    media::Array array;
    array.shape = {static_cast<uint32_t>(PlaneCount(tensor_)), tensor_.h, tensor_.w, tensor_.c};
    for (uint64_t i = 0; i < count(); ++i) array.values.push_back(Get(i));
    media::WriteNpy(path, array);
  }
  bool is_float() const { return tensor_.type == ElementType::kF32; }

 private:
  uint64_t count() const { return SampleCount(tensor_) * PlaneCount(tensor_); }
  void Put(uint64_t i, float value) {
    if (is_float()) {
      reinterpret_cast<float*>(data())[i] = value;
    } else {
      reinterpret_cast<uint8_t*>(data())[i] = static_cast<uint8_t>(value);
    }
  }
  float Get(uint64_t i) {
    return is_float() ? reinterpret_cast<float*>(data())[i]
                      : reinterpret_cast<uint8_t*>(data())[i];
  }

  SegmentTensor tensor_;
  std::vector<Line> lines_;
};

void RunSegment(const host::BundleFile& bundle, uint32_t index, Device* device,
                const std::filesystem::path& stem) {
  const SegmentView segment = bundle.Segment(index);
  std::unique_ptr<PreparedSegment> prepared;
  std::string why;
  if (!IsOk(device->Prepare(segment, bundle, {}, &prepared, &why))) throw std::runtime_error(why);
  std::mt19937 random(index);
  std::normal_distribution<float> normal;
  std::vector<Port> inputs, outputs;
  std::vector<const std::byte*> in;
  std::vector<std::byte*> out;
  Job job;
  for (const uint32_t id : segment.inputs) {
    Port& port = inputs.emplace_back(segment.tensors[id]);
    if (port.is_float()) {
      port.Fill([&] { return normal(random); });
    } else {
      port.Fill([&] { return static_cast<float>(random() % 256); });
    }
  }
  for (const uint32_t id : segment.outputs) {
    outputs.emplace_back(segment.tensors[id]);
    job.rows.end = std::max(job.rows.end, segment.tensors[id].h);
  }
  for (Port& port : inputs) in.push_back(port.data());
  for (Port& port : outputs) out.push_back(port.data());
  job.inputs = in;
  job.outputs = out;
  if (!IsOk(prepared->Run(job))) throw std::runtime_error("the device failed");
  for (size_t i = 0; i < inputs.size(); ++i) {
    inputs[i].Write(stem.string() + ".input-" + std::to_string(i) + ".npy");
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    outputs[i].Write(stem.string() + ".output-" + std::to_string(i) + ".npy");
  }
}

void Run(char** arguments) {
  std::unique_ptr<Device> device;
  if (!IsOk(CreateDevice(arguments[1], &device))) throw std::runtime_error("no such device");
  const auto bundle = host::BundleFile::Open(arguments[0], std::nullopt);
  for (uint32_t i = 0; i < bundle->segment_count(); ++i) {
    RunSegment(*bundle, i, device.get(),
               std::filesystem::path(arguments[2]) / ("segment-" + std::to_string(i)));
  }
}

}  // namespace
}  // namespace penumbra::e2e

int main(int argument_count, char** arguments) {
  if (argument_count != 4) {
    std::cerr << "usage: segment_run BUNDLE DEVICE FOLDER\n";
    return 2;
  }
  try {
    penumbra::e2e::Run(arguments + 1);
  } catch (const std::exception& error) {
    std::cerr << "segment_run: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
