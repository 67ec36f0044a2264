// The device to read and to copy: every operator as a plain loop, one thread, no dependencies.
#ifndef PENUMBRA_ACCEL_REFERENCE_REFERENCE_DEVICE_H_
#define PENUMBRA_ACCEL_REFERENCE_REFERENCE_DEVICE_H_

#include <memory>

#include "accel/device.h"

namespace penumbra::reference {

// Replies are canonical residues. PrepareOptions::threads is accepted and ignored. Never fails.
Status CreateReferenceDevice(std::unique_ptr<Device>* out_device);

}  // namespace penumbra::reference

#endif  // PENUMBRA_ACCEL_REFERENCE_REFERENCE_DEVICE_H_
