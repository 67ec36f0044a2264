#include "model/onnx/wire.h"

#include <limits>

#include "model/error.h"

namespace penumbra::model {
namespace {

// Walks the fields of a protobuf message without interpreting them, down the chain of field numbers
// that leads to nodes and initialisers, to say where a broken file breaks.
class DamageFinder {
 public:
  explicit DamageFinder(std::span<const std::byte> bytes) : bytes_(bytes) {}

  // Returns false and sets offset() and truncated() at the first broken field of [begin, end).
  bool Walk(size_t begin, size_t end, int depth) {
    for (size_t at = begin; at < end;) {
      offset_ = at;
      uint64_t key = 0;
      uint64_t length = 0;
      if (!ReadVarint(&at, end, &key)) return false;
      switch (key & 7) {
        case 0:
          if (!ReadVarint(&at, end, &length)) return false;
          continue;
        case 1:
          length = 8;
          break;
        case 2:
          if (!ReadVarint(&at, end, &length)) return false;
          break;
        case 5:
          length = 4;
          break;
        default:
          return false;
      }
      if (length > end - at) {
        truncated_ = end == bytes_.size();
        return false;
      }
      if ((key & 7) == 2 && LeadsDeeper(key >> 3, depth) && !Walk(at, at + length, depth + 1))
        return false;
      at += length;
    }
    return true;
  }

  size_t offset() const { return offset_; }
  bool truncated() const { return truncated_; }

 private:
  static bool LeadsDeeper(uint64_t field, int depth) {
    if (depth == 0) return field == onnx::ModelProto::kGraphFieldNumber;
    return depth == 1 && (field == onnx::GraphProto::kNodeFieldNumber ||
                          field == onnx::GraphProto::kInitializerFieldNumber);
  }

  bool ReadVarint(size_t* at, size_t end, uint64_t* out_value) {
    *out_value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (*at == end) {
        truncated_ = end == bytes_.size();
        return false;
      }
      const auto byte = static_cast<uint64_t>(bytes_[(*at)++]);
      *out_value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  std::span<const std::byte> bytes_;
  size_t offset_ = 0;
  bool truncated_ = false;
};

}  // namespace

onnx::ModelProto ParseModel(std::span<const std::byte> bytes) {
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    throw ModelError(Status::kUnsupported, "the model file is larger than 2 GiB", {},
                     "store its weights as external data");
  }
  if (bytes.empty()) throw ModelError(Status::kTruncated, "the model file is empty");
  onnx::ModelProto model;
  if (model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return model;
  DamageFinder finder(bytes);
  finder.Walk(0, bytes.size(), 0);
  throw ModelError(
      finder.truncated() ? Status::kTruncated : Status::kMalformed,
      finder.truncated() ? "the ONNX file ends too early" : "the file is not an ONNX model",
      {.file_offset = static_cast<int64_t>(finder.offset())}, "export or copy the model again");
}

}  // namespace penumbra::model
