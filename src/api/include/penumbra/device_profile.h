// What a device computes how fast: measured once, carried as a file to whoever protects a model for it.
#ifndef PENUMBRA_DEVICE_PROFILE_H_
#define PENUMBRA_DEVICE_PROFILE_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "penumbra/export.h"
#include "penumbra/session.h"

namespace penumbra {

struct Machine {
  std::string processor;        // its name, as the system tells it
  std::string instruction_set;  // that the kernels of both halves use: "avx512-vnni"
  uint32_t cores = 0;           // that this process may use
  std::string version;          // of penumbra
};
PENUMBRA_API Machine DescribeMachine();

struct MeasureOptions {
  Carrier carrier = Carrier::kDirect;
  std::string accelerator = {};  // a name of AcceleratorNames(); empty: the preferred one
  uint32_t threads = 1;          // of the accelerator
  std::filesystem::path enclave_binary = {};  // as SessionOptions
  std::string device = {};       // what the profile calls the device; empty: the processor's name
  // How pads are made (docs/json_schema.md): how many are ready when a request comes, and which share of
  // making the next ones falls into time in which nobody waits, 0 to 1.
  double pad_stock = 8;
  double idle_share = 1;
  std::function<void(double done)> progress = {};  // in [0, 1]; may be empty
};

// Protects and runs small networks of one kind of layer each on this machine, for about ten seconds, and
// returns the profile as JSON (docs/json_schema.md). Other work on the machine falsifies it. Throws Error.
PENUMBRA_API std::string MeasureDevice(const MeasureOptions& options = {});

// The text of a profile's file, checked. Throws Error: P205, P203, P301 naming the member that is wrong,
// P307 for another version.
PENUMBRA_API std::string ReadDeviceProfile(const std::filesystem::path& path);

}  // namespace penumbra

#endif  // PENUMBRA_DEVICE_PROFILE_H_
