// golden_make FOLDER: writes the files of golden.h. Needed after a change of the bundle format; the
// old files then stop loading, which is what golden_test is there to notice.
#include <exception>
#include <fstream>
#include <iostream>
#include <numeric>

#include "golden.h"
#include "graphs.h"
#include "harness.h"
#include "media/file.h"
#include "media/npy.h"
#include "protect/presets/presets.h"

namespace penumbra::e2e {
namespace {

void WriteRaw(const std::filesystem::path& path, const host::RawKey& key) {
  std::ofstream stream(path, std::ios::binary);
  stream.exceptions(std::ios::failbit | std::ios::badbit);
  stream.write(reinterpret_cast<const char*>(key.data()), static_cast<std::streamsize>(key.size()));
}

void WriteValues(const std::filesystem::path& path, const std::vector<float>& values) {
  media::WriteNpy(path, {{static_cast<uint32_t>(values.size())}, values});
}

void Make(const std::filesystem::path& folder) {
  protect::TestGraph test;
  GraphCases().front().build(test);
  protect::CompileOptions options;
  options.preset = "shadownet";
  options.scheme = protect::PresetScheme(options.preset);
  protect::SetAxis("integrity", "freivalds", &options.scheme);
  options.check_costly_layers = true;
  options.seed_for_tests.emplace().fill(42);
  options.secure_memory_size = uint64_t{2} << 20;
  options.calibration = [&test, left = 3u](protect::Sample* out_sample) mutable {
    if (left == 0) return false;
    *out_sample = SmoothInputs(test.graph, left--);
    return true;
  };
  const protect::CompiledModel model(test.graph, options);
  const Keys keys;
  std::filesystem::create_directories(folder);
  WriteBundle(model, keys, folder / kGoldenBundle);
  WriteRaw(folder / kGoldenDeviceKey, keys.device.private_key);
  WriteRaw(folder / kGoldenVendorKey, keys.vendor.public_key);
  const Tensors input = SmoothInputs(model.lowered(), 77);
  WriteValues(folder / kGoldenInput, input.at(0));
  WriteValues(folder / kGoldenOutput, RunPlain(model, input).at(0));
  std::filesystem::remove(folder / kGoldenDevicePublic);
  host::WritePublicKey(keys.device, folder / kGoldenDevicePublic);
  host::ReceiptRequest request;
  std::iota(request.nonce.begin(), request.nonce.end(), uint8_t{0});
  const ScratchFolder scratch;
  const auto session = OpenSession(folder / kGoldenBundle, keys, {}, scratch.path());
  RunSession(session.get(), input, nullptr, &request);
  media::WriteFile(folder / kGoldenReceipt, request.receipt);
}

}  // namespace
}  // namespace penumbra::e2e

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    std::cerr << "usage: golden_make FOLDER\n";
    return 2;
  }
  try {
    penumbra::e2e::Make(arguments[1]);
  } catch (const std::exception& error) {
    std::cerr << "golden_make: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
