#include "sample_files.h"

#include "arguments.h"
#include "error_codes.h"

namespace penumbra::cli {
namespace {

using PortSamples = std::map<std::string, std::vector<Tensor>>;

PortSamples ByPort(std::vector<TensorMap> samples) {
  PortSamples all;
  for (TensorMap& sample : samples) {
    for (auto& [name, tensor] : sample) all[name].push_back(std::move(tensor));
  }
  return all;
}

}  // namespace

PortSamples ReadSampleFiles(const std::vector<std::string>& texts,
                            const std::vector<TensorInfo>& ports, const std::string& preprocess,
                            const std::string& option) {
  if (texts.size() == 1 && IsArchive(ParseNamedPath(texts.front(), ports))) {
    return ByPort(ReadSamples(texts.front(), ports, preprocess));
  }
  PortSamples all;
  for (const std::string& text : texts) {
    const NamedPath named = ParseNamedPath(text, ports);
    const std::string what = option.substr(2);
    if (named.name.empty() && ports.size() != 1) {
      throw Error(kWrongName, "the model has " + std::to_string(ports.size()) + " " + what +
                                  "s; write " + option + " NAME=FILE, or name one .npz with all of them [" + text + "]");
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
