// oneDNN and our own kernels on the processor. Residues: our own kernels (accel/residues) with the reduction in registers; oneDNN's
// u8 x s8 -> s32 convolutions where the processor adds them exactly and they are faster (AMX, and grouped ones with VNNI);
// float32 convolutions over short enough sums where there are no vector kernels; the last two reduced modulo the prime in
// cache-sized strips. float32: whole graphs in blocked layouts with fused element-wise tails.
#ifndef PENUMBRA_ACCEL_ONEDNN_ONEDNN_DEVICE_H_
#define PENUMBRA_ACCEL_ONEDNN_ONEDNN_DEVICE_H_

#include <memory>

#include "accel/device.h"

namespace penumbra::onednn {

// All run a self test of worst-case sums first and take the fastest arithmetic that passes.
// kSelfTestFailed: no path on this machine is exact.
Status CreateOnednnDevice(std::unique_ptr<Device>* out_device);
// Without our own kernels.
Status CreateOnednnIntegerDevice(std::unique_ptr<Device>* out_device);
// float32 arithmetic for residues in any case.
Status CreateOnednnFloatDevice(std::unique_ptr<Device>* out_device);

}  // namespace penumbra::onednn

#endif  // PENUMBRA_ACCEL_ONEDNN_ONEDNN_DEVICE_H_
