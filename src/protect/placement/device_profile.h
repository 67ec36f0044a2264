// What a device computes how fast on either side of the boundary, measured once ('penumbra profile')
// and carried to whoever decides what is public (docs/json_schema.md, "Device profiles").
#ifndef PENUMBRA_PROTECT_PLACEMENT_DEVICE_PROFILE_H_
#define PENUMBRA_PROTECT_PLACEMENT_DEVICE_PROFILE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "boundary/geometry.h"

namespace penumbra::protect {

// A number for each of the four kinds of linear layers.
struct PerKernel {
  double convolution = 0;  // windows of more than one pixel
  double pointwise = 0;    // 1x1
  double dense = 0;        // a few pixels: every weight is read for little work
  double depthwise = 0;    // a few input channels for each output

  double Of(const ConvGeometry& geometry) const;
};
// The member of a layer: "convolution", ...
std::string_view KernelKind(const ConvGeometry& geometry);

struct DeviceProfile {
  std::string device;       // as people call it
  std::string carrier;      // that the trusted half was measured in
  std::string accelerator;  // name of the device of the public layers
  uint32_t threads = 1;     // of the accelerator

  // Multiplications a second.
  PerKernel trusted_float32, trusted_int8, trusted_int16;
  PerKernel pad;  // of making pads in the trusted half: for each prime
  PerKernel public_float32;
  PerKernel public_residue;  // for each prime

  // Seconds per output element beyond its multiplications: of trusted layers, and of public ones for each
  // prime.
  PerKernel float32_element, integer_element, residue_element;
  double pass_element = 0;  // seconds per element that additions, poolings and other passes between integer layers read
  double residue_byte = 0;  // seconds per byte of masked input and reply: masking and restoring
  double check_rate = 0;    // byte multiplications a second of checking replies
  double check_byte = 0;    // seconds per byte of masked input and reply beyond them

  double memory_rate = 0;    // bytes a second
  double weight_rate = 0;    // bytes a second of bringing sealed weights into the trusted half
  double pad_rate = 0;       // bytes a second of opening pads and regenerating masks
  double crossing_rate = 0;  // bytes a second of float32 that crosses
  double hand_off = 0;       // seconds of one job of the accelerator, there and back
  double inference = 0;      // seconds of an inference beyond its layers
  double pad_layer = 0, check_layer = 0;  // seconds that a pad, and checking, add to a layer of any size

  // How pads are made: so many are ready when a request comes (0: each request makes its own), and of
  // making the next ones this share falls into time in which nobody waits.
  double pad_stock = 8;
  double idle_share = 1;

  // Share of the making of a pad that an inference waits for.
  double PadShare() const { return pad_stock < 1 ? 1 : 1 - idle_share; }
};

std::string DeviceProfileJson(const DeviceProfile& profile);

// Every member of docs/json_schema.md, none else; the text is hostile. Throws
// model::ModelError(kMalformed) naming the member.
DeviceProfile ParseDeviceProfile(std::string_view json);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_PLACEMENT_DEVICE_PROFILE_H_
