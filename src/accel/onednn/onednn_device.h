// oneDNN on the processor. Residues: u8 x s8 -> s32 convolutions where the processor adds them
// exactly (AVX-512 VNNI, AMX), float32 convolutions over short enough sums elsewhere; both are
// reduced modulo the prime in cache-sized strips. float32: whole graphs in blocked layouts with
// fused element-wise tails.
#ifndef PENUMBRA_ACCEL_ONEDNN_ONEDNN_DEVICE_H_
#define PENUMBRA_ACCEL_ONEDNN_ONEDNN_DEVICE_H_

#include <memory>

#include "accel/device.h"

namespace penumbra::onednn {

// Both run a self test of worst-case sums first. kSelfTestFailed: no path on this machine is exact.
// Integer arithmetic if the processor has it, else float32.
Status CreateOnednnDevice(std::unique_ptr<Device>* out_device);
// float32 arithmetic for residues in any case.
Status CreateOnednnFloatDevice(std::unique_ptr<Device>* out_device);

}  // namespace penumbra::onednn

#endif  // PENUMBRA_ACCEL_ONEDNN_ONEDNN_DEVICE_H_
