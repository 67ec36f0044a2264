#include "sample_files.h"

#include "arguments.h"

namespace penumbra::cli {
namespace {

constexpr uint32_t kWrongName = 102;

}  // namespace

std::map<std::string, std::vector<Tensor>> ReadSampleFiles(const std::vector<std::string>& texts,
                                                           const std::vector<TensorInfo>& ports,
                                                           const std::string& preprocess,
                                                           const std::string& option) {
  std::map<std::string, std::vector<Tensor>> all;
  for (const std::string& text : texts) {
    const NamedPath named = ParseNamedPath(text, ports);
    const std::string what = option.substr(2);
    if (named.name.empty() && ports.size() != 1) {
      throw Error(kWrongName, "the model has " + std::to_string(ports.size()) + " " + what +
                                  "s; write " + option + " NAME=FILE [" + text + "]");
    }
    for (const TensorInfo& port : ports) {
      if (!named.name.empty() && port.name != named.name) continue;
      if (all.contains(port.name))
        throw Error(kWrongName, what + " '" + port.name + "' is given twice");
      all[port.name] = SplitSamples(port, ReadSample(named.path, preprocess));
    }
  }
  return all;
}

}  // namespace penumbra::cli
