// Stands in for accel/registry.cc in a command for tests: the reference device, honest and with one lie each,
// "lie-zeros" and so on, told in the second job of the process.
#include "accel/registry.h"

#include <string>

#include "accel/malicious/malicious_device.h"
#include "accel/reference/reference_device.h"

namespace penumbra {
namespace {

constexpr uint32_t kHonestJobs = 1;

const std::vector<std::string>& LieNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const malicious::Lie lie : malicious::Lies()) {
      list.push_back("lie-" + std::string(malicious::LieName(lie)));
    }
    return list;
  }();
  return names;
}

}  // namespace

std::vector<std::string_view> DeviceNames() {
  std::vector<std::string_view> names{"reference"};
  names.insert(names.end(), LieNames().begin(), LieNames().end());
  return names;
}

std::vector<AbsentDevice> AbsentDevices() { return {}; }

Status CreateDevice(std::string_view name, std::unique_ptr<Device>* out_device) {
  out_device->reset();
  std::unique_ptr<Device> honest;
  const Status status = reference::CreateReferenceDevice(&honest);
  if (!IsOk(status)) return status;
  if (name == "reference") {
    *out_device = std::move(honest);
    return Status::kOk;
  }
  for (const malicious::Lie lie : malicious::Lies()) {
    if (name != LieNames().at(static_cast<size_t>(lie))) continue;
    auto device = std::make_unique<malicious::MaliciousDevice>(std::move(honest));
    device->Give({.lie = lie, .seed = 1, .honest_jobs = kHonestJobs});
    *out_device = std::move(device);
    return Status::kOk;
  }
  return Status::kNotFound;
}

}  // namespace penumbra
