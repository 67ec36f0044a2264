// The project's own kernels (src/kernels) on the processor, no library behind them: residue convolutions of every geometry.
// float32 operators run by plain loops, so that every segment runs: devices for float segments are others.
#ifndef PENUMBRA_ACCEL_NATIVE_NATIVE_DEVICE_H_
#define PENUMBRA_ACCEL_NATIVE_NATIVE_DEVICE_H_

#include <memory>

#include "accel/device.h"

namespace penumbra::native {

// Both run the self test of the kernels and take the fastest that passes. kSelfTestFailed: none does.
Status CreateNativeDevice(std::unique_ptr<Device>* out_device);
// Nothing beyond AVX2, as on processors without AVX-512 VNNI: for comparison.
Status CreateNativeAvx2Device(std::unique_ptr<Device>* out_device);

}  // namespace penumbra::native

#endif  // PENUMBRA_ACCEL_NATIVE_NATIVE_DEVICE_H_
