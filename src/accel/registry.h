// Devices by name. Which backends exist is decided at build time (accel/CMakeLists.txt).
#ifndef PENUMBRA_ACCEL_REGISTRY_H_
#define PENUMBRA_ACCEL_REGISTRY_H_

#include <memory>
#include <string_view>
#include <vector>

#include "accel/device.h"

namespace penumbra {

// Names CreateDevice accepts in this build, preferred first: "onednn", "onednn-s32" (residues
// through oneDNN alone, without our own kernels), "onednn-f32" (through float32 arithmetic even
// where integers are exact), "native" (our own kernels alone), "native-avx2" (those without AVX-512, on
// x86-64), "openvino" (float32 only), "reference".
std::vector<std::string_view> DeviceNames();

// A backend of this source tree that this build was made without, and what to do about it.
struct AbsentDevice {
  std::string_view name, remedy;
};
std::vector<AbsentDevice> AbsentDevices();

// kNotFound: no such backend in this build. kSelfTestFailed: the backend gave a wrong sum on this
// machine and must not be used. Other codes as the backend's own set-up reports them.
Status CreateDevice(std::string_view name, std::unique_ptr<Device>* out_device);

}  // namespace penumbra

#endif  // PENUMBRA_ACCEL_REGISTRY_H_
