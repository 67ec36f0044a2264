#include "arguments.h"

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <utility>

#include "error_codes.h"

namespace penumbra::cli {
namespace {

constexpr int64_t kLargestInteger = int64_t{1} << 24;

template <typename Number>
bool ParseNumber(const std::string& text, Number* out_value) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, *out_value);
  return error == std::errc() && stop == end && !text.empty();
}

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

// A number, true or false, or a file.
Tensor ParseFixedValue(const std::string& value) {
  if (value == "true" || value == "false")
    return {{}, {value == "true" ? 1.0f : 0.0f}, TensorType::kBool};
  int64_t integer = 0;
  if (ParseNumber(value, &integer)) {
    if (std::abs(integer) > kLargestInteger) {
      ThrowUsage("integers beyond 2^24 are not kept exactly; write " + value +
                 ".0 for a float32 input");
    }
    return {{}, {static_cast<float>(integer)}};
  }
  float number = 0;
  if (ParseNumber(value, &number)) return {{}, {number}};
  return ReadNpy(value);
}

}  // namespace

void ThrowUsage(const std::string& message) { throw Error(kInvalidArgument, message); }

uint64_t ParseSize(const std::string& text) {
  constexpr std::pair<const char*, uint64_t> kUnits[] = {
      {"KiB", uint64_t{1} << 10}, {"MiB", uint64_t{1} << 20}, {"GiB", uint64_t{1} << 30}, {"", 1}};
  for (const auto& [suffix, unit] : kUnits) {
    if (!text.ends_with(suffix)) continue;
    uint64_t count = 0;
    const std::string number = text.substr(0, text.size() - std::string(suffix).size());
    if (!ParseNumber(number, &count) || count > UINT64_MAX / unit) break;
    return count * unit;
  }
  ThrowUsage("'" + text + "' is not a size; write it like 12MiB, 512KiB or 4096");
}

std::map<std::string, std::vector<int64_t>> ParseShapes(const std::vector<std::string>& texts) {
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const std::string& text : texts) {
    for (const std::string& entry : Split(text, ',')) {
      const size_t colon = entry.rfind(':');
      if (colon == std::string::npos || colon == 0) {
        ThrowUsage("'" + entry + "' is not a shape; write it like image:1x3x224x224");
      }
      std::vector<int64_t>& shape = shapes[entry.substr(0, colon)];
      for (const std::string& part : Split(entry.substr(colon + 1), 'x')) {
        if (!ParseNumber(part, &shape.emplace_back()) || shape.back() < 1) {
          ThrowUsage("'" + entry + "' holds an impossible extent");
        }
      }
    }
  }
  return shapes;
}

TensorMap ParseFixedInputs(const std::vector<std::string>& texts) {
  TensorMap tensors;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      ThrowUsage("'" + text + "' fixes no input; write it like name=0.5 or name=file.npy");
    }
    const std::string value = text.substr(equals + 1);
    tensors[text.substr(0, equals)] = ParseFixedValue(value);
  }
  return tensors;
}

bool IsArchive(const NamedPath& named) { return named.name.empty() && named.path.ends_with(".npz"); }

Nonce ParseNonce(const std::string& text) {
  Nonce nonce{};
  bool good = text.size() == 2 * nonce.size();
  for (size_t i = 0; good && i < nonce.size(); ++i) {
    const char* begin = text.data() + 2 * i;
    const auto [end, error] = std::from_chars(begin, begin + 2, nonce[i], 16);
    good = error == std::errc() && end == begin + 2;
  }
  if (!good) ThrowUsage("a nonce is 64 hexadecimal digits, not '" + text + "'");
  return nonce;
}

NamedPath ParseNamedPath(const std::string& text, const std::vector<TensorInfo>& ports) {
  for (const TensorInfo& port : ports) {
    if (text.starts_with(port.name + "=")) return {port.name, text.substr(port.name.size() + 1)};
  }
  const size_t equals = text.find('=');
  if (equals != std::string::npos && text.find('/') > equals && !std::filesystem::exists(text)) {
    std::string names;
    for (const TensorInfo& port : ports) names.append(names.empty() ? "" : ", ").append(port.name);
    throw Error(kWrongName, "the model has no '" + text.substr(0, equals) + "' here, only " + names +
                                "; write NAME=FILE [" + text + "]");
  }
  return {"", text};
}

}  // namespace penumbra::cli
