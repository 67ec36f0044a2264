#include "host/metadata.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "accel/validate.h"
#include "boundary/limits.h"
#include "host/error.h"
#include "host/layout.h"
#include "host/utf8.h"

namespace penumbra::host {
namespace {

using nlohmann::json;

constexpr std::string_view kPortTypes[] = {"float32", "float16", "float64", "int8",
                                            "int16",   "int32",   "int64",   "uint8",
                                            "uint16",  "uint32",  "uint64",  "bool"};

std::string TypeList() {
  std::string list;
  for (const std::string_view type : kPortTypes) list.append(list.empty() ? "" : ", ").append(type);
  return list;
}

[[noreturn]] void ThrowMalformed(const std::string& what, const std::string& where) {
  throw HostError(Status::kMalformed, what, "metadata " + where);
}

uint64_t TakeUnsigned(const json& object, const char* member, const std::string& where) {
  const auto found = object.find(member);
  if (found == object.end() || !found->is_number_unsigned()) {
    ThrowMalformed(std::string("'") + member + "' is not a natural number", where);
  }
  return found->get<uint64_t>();
}

std::string TakeString(const json& object, const char* member, const std::string& where) {
  const auto found = object.find(member);
  if (found == object.end() || !found->is_string()) {
    ThrowMalformed(std::string("'") + member + "' is not a string", where);
  }
  return found->get<std::string>();
}

std::vector<uint32_t> TakeList(const json& object, const char* member, uint64_t limit,
                               const std::string& where) {
  const auto found = object.find(member);
  if (found == object.end() || !found->is_array() || found->size() > kMaxRank) {
    ThrowMalformed(std::string("'") + member + "' is not a list of at most 8 numbers", where);
  }
  std::vector<uint32_t> list;
  for (const json& item : *found) {
    if (!item.is_number_unsigned() || item.get<uint64_t>() > limit) {
      ThrowMalformed(std::string("'") + member + "' holds an impossible number", where);
    }
    list.push_back(item.get<uint32_t>());
  }
  return list;
}

bool IsPermutation(const std::vector<uint32_t>& perm, size_t rank) {
  const std::set<uint32_t> axes(perm.begin(), perm.end());
  return perm.size() == rank && axes.size() == rank && (rank == 0 || *axes.rbegin() == rank - 1);
}

Port ParsePort(const json& object, uint64_t exchange_size, const std::string& where) {
  if (!object.is_object()) ThrowMalformed("a port is not an object", where);
  Port port;
  port.name = TakeString(object, "name", where);
  if (port.name.empty() || port.name.size() > kMaxNameSize || !IsPrintableUtf8(port.name)) {
    ThrowMalformed("'name' is empty, too long or not printable", where);
  }
  port.type = TakeString(object, "type", where);
  if (std::ranges::find(kPortTypes, port.type) == std::end(kPortTypes)) {
    throw HostError(Status::kUnsupported, "a port of another element type than " + TypeList(),
                    "metadata " + where);
  }
  port.shape = TakeList(object, "shape", kMaxDim, where);
  port.perm = TakeList(object, "perm", kMaxRank, where);
  if (!IsPermutation(port.perm, port.shape.size()))
    ThrowMalformed("'perm' is no permutation", where);
  port.elem_count = 1;
  for (const uint32_t extent : port.shape) {
    port.elem_count *= extent;  // at most kMaxTensorSize * kMaxDim: no overflow
    if (port.elem_count == 0 || port.elem_count > kMaxTensorSize / sizeof(float)) {
      ThrowMalformed("'shape' is empty or too large", where);
    }
  }
  port.offset = TakeUnsigned(object, "offset", where);
  if (port.offset % sizeof(float) != 0 || port.offset > exchange_size ||
      port.elem_count * sizeof(float) > exchange_size - port.offset) {
    ThrowMalformed("'offset' lies outside the exchange region", where);
  }
  return port;
}

std::vector<Port> ParsePorts(const json& root, const char* member, uint64_t exchange_size) {
  const auto found = root.find(member);
  if (found == root.end() || !found->is_array() || found->empty() || found->size() > kMaxPorts) {
    ThrowMalformed("not a list of ports", member);
  }
  std::vector<Port> ports;
  std::set<std::string_view> names;
  ports.reserve(found->size());
  for (size_t i = 0; i < found->size(); ++i) {
    const std::string where = std::string(member) + "[" + std::to_string(i) + "]";
    ports.push_back(ParsePort((*found)[i], exchange_size, where));
    if (!names.insert(ports.back().name).second) ThrowMalformed("two ports share a name", where);
  }
  return ports;
}

}  // namespace

Metadata ParseMetadata(const std::string& text, uint64_t exchange_size) {
  const json root = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) ThrowMalformed("not a JSON object", "");
  Metadata metadata;
  metadata.inputs = ParsePorts(root, "inputs", exchange_size);
  metadata.outputs = ParsePorts(root, "outputs", exchange_size);
  if (root.contains("max_batch")) {
    const uint64_t batch = TakeUnsigned(root, "max_batch", "max_batch");
    if (batch < 1 || batch > kMaxBatch) ThrowMalformed("out of range", "max_batch");
    metadata.max_batch = static_cast<uint32_t>(batch);
  }
  if (root.contains("pad_bytes")) {
    metadata.pad_size = TakeUnsigned(root, "pad_bytes", "pad_bytes");
    if (*metadata.pad_size > kMaxTensorSize) ThrowMalformed("out of range", "pad_bytes");
  }
  if (root.contains("pad_multiplications")) {
    metadata.pad_multiplications = TakeUnsigned(root, "pad_multiplications", "pad_multiplications");
  }
  if (root.contains("pad_batch")) {
    const uint64_t batch = TakeUnsigned(root, "pad_batch", "pad_batch");
    if (batch > kMaxPadBatch) ThrowMalformed("out of range", "pad_batch");
    metadata.pad_batch = std::max(1u, static_cast<uint32_t>(batch));
  }
  return metadata;
}

}  // namespace penumbra::host
