// Accelerators by the names users give them.
#ifndef PENUMBRA_API_DEVICES_H_
#define PENUMBRA_API_DEVICES_H_

#include <memory>
#include <string>

#include "accel/device.h"

namespace penumbra::api {

// Empty: the preferred one. Throws penumbra::host::HostError.
std::shared_ptr<Device> MakeDevice(const std::string& wanted);

}  // namespace penumbra::api

#endif  // PENUMBRA_API_DEVICES_H_
