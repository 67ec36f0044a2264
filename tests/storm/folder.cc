#include "folder.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <stdexcept>
#include <string>

#include "harness.h"
#include "protect/plain/ports.h"
#include "protect/presets/presets.h"
#include "schemes.h"

namespace penumbra::storm {
namespace {

constexpr uint32_t kInputCount = 3;
constexpr char kFactsName[] = "facts";  // StormFolder, in the order of its members

template <typename T>
void WriteArray(std::ofstream* file, const std::vector<T>& values) {
  const uint64_t count = values.size();
  file->write(reinterpret_cast<const char*>(&count), sizeof(count));
  file->write(reinterpret_cast<const char*>(values.data()),
              static_cast<std::streamsize>(count * sizeof(T)));
}

template <typename T>
std::vector<T> ReadArray(std::ifstream* file) {
  constexpr uint64_t kMaxCount = 1 << 20;
  uint64_t count = 0;
  file->read(reinterpret_cast<char*>(&count), sizeof(count));
  if (!*file || count > kMaxCount) throw std::runtime_error("the facts of the folder are damaged");
  std::vector<T> values(count);
  file->read(reinterpret_cast<char*>(values.data()),
             static_cast<std::streamsize>(count * sizeof(T)));
  return values;
}

// boundary/plan.h, LayerRec::inv_step.
std::vector<int32_t> LevelsOf(const std::vector<float>& physical, const LayerRec& layer) {
  std::vector<int32_t> levels;
  for (const float x : physical) {
    const float level = std::nearbyint(x * layer.inv_step);
    levels.push_back(static_cast<int32_t>(
        std::clamp(level, static_cast<float>(layer.klo), static_cast<float>(layer.khi))));
  }
  return levels;
}

}  // namespace

void MakeFolder(const std::filesystem::path& path, bool masked) {
  protect::CompileOptions options;
  options.preset = "shadownet";
  options.scheme = protect::PresetScheme(options.preset);
  if (!masked) protect::SetAxis("activations", "plain", &options.scheme);
  const auto model = malice::CompileNetwork(options);
  const e2e::Keys keys;
  e2e::WriteBundle(*model, keys, path / kBundleName);
  host::WriteKeyPair(keys.device, path / kDeviceKeyName, path / "device.pub");

  const LayerRec& layer = model->plan().layers.front();
  const protect::LoweredGraph& graph = model->lowered();
  std::ofstream file(path / kFactsName, std::ios::binary);
  WriteArray(&file,
             std::vector<uint8_t>(keys.vendor.public_key.begin(), keys.vendor.public_key.end()));
  for (uint32_t seed = 1; seed <= kInputCount; ++seed) {
    const e2e::Tensors input = e2e::SmoothInputs(graph, seed);
    const std::vector<float> physical =
        protect::ToPhysical(graph.tensors[graph.inputs[0].tensor], input[0]);
    WriteArray(&file, input[0]);
    WriteArray(&file, e2e::RunPlain(*model, input)[0]);
    WriteArray(&file, LevelsOf(physical, layer));
  }
  WriteArray(&file, std::vector<uint32_t>{layer.segment, masked});
  if (!file.flush()) throw std::runtime_error("cannot write " + (path / kFactsName).string());
}

StormFolder ReadFolder(const std::filesystem::path& path) {
  std::ifstream file(path / kFactsName, std::ios::binary);
  StormFolder folder;
  std::ranges::copy(ReadArray<uint8_t>(&file), folder.vendor_key.begin());
  for (uint32_t i = 0; i < kInputCount; ++i) {
    folder.inputs.push_back(ReadArray<float>(&file));
    folder.outputs.push_back(ReadArray<float>(&file));
    folder.levels.push_back(ReadArray<int32_t>(&file));
  }
  const std::vector<uint32_t> facts = ReadArray<uint32_t>(&file);
  folder.first_segment = facts.at(0);
  folder.is_masked = facts.at(1) != 0;
  return folder;
}

}  // namespace penumbra::storm
