// OpenVINO's CPU plugin: float32 segments whole, no residues. Optional at build (PENUMBRA_OPENVINO).
#ifndef PENUMBRA_ACCEL_OPENVINO_OPENVINO_DEVICE_H_
#define PENUMBRA_ACCEL_OPENVINO_OPENVINO_DEVICE_H_

#include <memory>

#include "accel/device.h"

namespace penumbra::openvino {

// kDeviceFailed: the library does not load its CPU plugin.
Status CreateOpenvinoDevice(std::unique_ptr<Device>* out_device);

}  // namespace penumbra::openvino

#endif  // PENUMBRA_ACCEL_OPENVINO_OPENVINO_DEVICE_H_
