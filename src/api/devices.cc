#include "api/devices.h"

#include "accel/registry.h"
#include "api/translate.h"
#include "host/error.h"

namespace penumbra::api {

std::shared_ptr<Device> MakeDevice(const std::string& wanted) {
  const std::string name = wanted.empty() ? std::string(DeviceNames().front()) : wanted;
  std::unique_ptr<Device> device;
  const Status status = CreateDevice(name, &device);
  if (status == Status::kNotFound) {
    for (const AbsentDevice& absent : AbsentDevices()) {
      if (absent.name == name) Throw(status, "accelerator '" + name + "' is not in this build: " + std::string(absent.remedy));
    }
    std::string names;
    for (const std::string_view known : DeviceNames())
      names.append(names.empty() ? "" : ", ").append(known);
    Throw(status, "no accelerator is called '" + name + "'; this build has " + names);
  }
  if (!IsOk(status)) {
    Throw(status, "accelerator '" + name +
                           "' cannot be used: " + std::string(host::StatusMeaning(status)) +
                           "; try another --accelerator");
  }
  return device;
}

}  // namespace penumbra::api
