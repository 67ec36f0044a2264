#include "accel/registry.h"

#include "accel/native/native_device.h"
#include "accel/reference/reference_device.h"
#ifdef PENUMBRA_HAVE_ONEDNN
#include "accel/onednn/onednn_device.h"
#endif
#ifdef PENUMBRA_HAVE_OPENVINO
#include "accel/openvino/openvino_device.h"
#endif

namespace penumbra {
namespace {

struct Entry {
  std::string_view name;
  Status (*create)(std::unique_ptr<Device>* out_device);
};

// Preferred first.
constexpr Entry kEntries[] = {
#ifdef PENUMBRA_HAVE_ONEDNN
    {"onednn", onednn::CreateOnednnDevice},
    {"onednn-s32", onednn::CreateOnednnIntegerDevice},
    {"onednn-f32", onednn::CreateOnednnFloatDevice},
#endif
    {"native", native::CreateNativeDevice},
#ifdef __x86_64__
    {"native-avx2", native::CreateNativeAvx2Device},
#endif
#ifdef PENUMBRA_HAVE_OPENVINO
    {"openvino", openvino::CreateOpenvinoDevice},
#endif
    {"reference", reference::CreateReferenceDevice},
};

}  // namespace

std::vector<std::string_view> DeviceNames() {
  std::vector<std::string_view> names;
  for (const Entry& entry : kEntries) names.push_back(entry.name);
  return names;
}

std::vector<AbsentDevice> AbsentDevices() {
  return {
#ifndef PENUMBRA_HAVE_ONEDNN
      {"onednn", "install oneDNN and build again"},
#endif
#ifndef PENUMBRA_HAVE_OPENVINO
      {"openvino", "build again with 'make openvino'"},
#endif
  };
}

Status CreateDevice(std::string_view name, std::unique_ptr<Device>* out_device) {
  out_device->reset();
  for (const Entry& entry : kEntries) {
    if (entry.name == name) return entry.create(out_device);
  }
  return Status::kNotFound;
}

}  // namespace penumbra
