#include "media/npy.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "media/error.h"
#include "media/file.h"
#include "media/npy_header.h"

namespace penumbra::media {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are copied as they are");

constexpr uint8_t kMagic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
constexpr size_t kFixedSize = 8;         // magic, major, minor
constexpr size_t kHeaderAlignment = 64;  // of the data, as NumPy writes it

std::string At(uint64_t offset) { return "offset " + std::to_string(offset); }

struct Half {
  uint16_t bits;
};

float ToFloat(Half half) {
  const uint32_t exponent = (half.bits >> 10) & 31u, mantissa = half.bits & 1023u;
  const float sign = (half.bits & 0x8000u) != 0 ? -1.0f : 1.0f;
  if (exponent == 31) return mantissa != 0 ? std::nanf("") : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -24);
  return sign * std::ldexp(static_cast<float>(mantissa + 1024), static_cast<int>(exponent) - 25);
}

// Rounds to nearest even, as hardware does; not by _Float16, which older compilers lack.
Half ToHalf(float value) {
  constexpr int kInfinity = 0x7c00;
  const auto sign = static_cast<uint16_t>(std::signbit(value) ? 0x8000 : 0);
  const float magnitude = std::abs(value);
  int bits = kInfinity;
  if (std::isnan(value)) {
    bits |= 0x200;
  } else if (magnitude < 65536.0f) {
    const int exponent = magnitude == 0 ? -14 : std::max(std::ilogb(magnitude), -14);
    // The leading one of a normal number adds the one that its biased exponent lacks here.
    bits = ((exponent + 14) << 10) + static_cast<int>(std::nearbyint(std::ldexp(magnitude, 10 - exponent)));
  }
  return {static_cast<uint16_t>(sign | bits)};
}

// bool in a file: one byte.
struct Bool {
  uint8_t byte;
};

template <typename T>
float ToFloat(T value) {
  return static_cast<float>(value);
}
float ToFloat(Bool value) { return value.byte != 0 ? 1.0f : 0.0f; }

// `value` as T; nothing when T is an integer type without this value.
template <typename T>
std::optional<T> FromFloat(float value) {
  if constexpr (std::is_same_v<T, Half>) {
    return ToHalf(value);
  } else if constexpr (std::is_same_v<T, Bool>) {
    if (value != 0.0f && value != 1.0f) return std::nullopt;
    return Bool{static_cast<uint8_t>(value)};
  } else if constexpr (std::is_integral_v<T>) {
    // 2^digits is the first value past the end and exact, which max() may not be.
    const float end = std::ldexp(1.0f, std::numeric_limits<T>::digits);
    const bool inside = value >= static_cast<float>(std::numeric_limits<T>::min()) && value < end;
    if (!inside || value != std::trunc(value)) return std::nullopt;
    return static_cast<T>(value);
  } else {
    return static_cast<T>(value);
  }
}

[[noreturn]] void ThrowInexact(size_t element, const std::string& value, const std::string& why) {
  throw MediaError(Status::kInvalidArgument, ".npy: " + value + " " + why,
                   "element " + std::to_string(element),
                   "whole numbers up to 16777216 are kept exactly");
}

template <typename T>
void Decode(const uint8_t* bytes, std::vector<float>* out_values) {
  for (size_t i = 0; i < out_values->size(); ++i) {
    T value;
    std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
    (*out_values)[i] = ToFloat(value);
    if constexpr (std::is_integral_v<T> && sizeof(T) >= sizeof(float)) {
      if (FromFloat<T>((*out_values)[i]) != value)
        ThrowInexact(i, std::to_string(value), "is not exactly a float32 number");
    }
  }
}

template <typename T>
void Encode(const std::vector<float>& values, uint8_t* out_bytes) {
  for (size_t i = 0; i < values.size(); ++i) {
    const std::optional<T> value = FromFloat<T>(values[i]);
    if (!value) ThrowInexact(i, std::to_string(values[i]), "is not a value of the integer type");
    std::memcpy(out_bytes + i * sizeof(T), &*value, sizeof(T));
  }
}

struct ElementFormat {
  std::string_view name;  // of descr, without its byte order
  size_t size;
  void (*decode)(const uint8_t* bytes, std::vector<float>* out_values);
  void (*encode)(const std::vector<float>& values, uint8_t* out_bytes);
};

template <typename T>
constexpr ElementFormat Format(std::string_view name) {
  return {name, sizeof(T), Decode<T>, Encode<T>};
}

constexpr ElementFormat kFormats[] = {
    Format<Half>("f2"),     Format<float>("f4"),    Format<double>("f8"),   Format<int8_t>("i1"),
    Format<int16_t>("i2"),  Format<int32_t>("i4"),  Format<int64_t>("i8"),  Format<uint8_t>("u1"),
    Format<uint16_t>("u2"), Format<uint32_t>("u4"), Format<uint64_t>("u8"), Format<Bool>("b1"),
};

// `descr`: byte order and name.
const ElementFormat& FormatOf(const std::string& descr) {
  if (descr.size() == 3) {
    const std::string_view name = std::string_view(descr).substr(1);
    for (const ElementFormat& format : kFormats) {
      if (format.name != name) continue;
      if (descr[0] == '>' && format.size > 1) break;
      if (descr[0] == '<' || descr[0] == '|' || descr[0] == '=' || descr[0] == '>') return format;
    }
  }
  throw MediaError(Status::kUnsupported, ".npy: element type '" + descr.substr(0, 16) + "'", {},
                   "save it with array.astype('<f4')");
}

uint64_t CheckedCount(const NpyHeader& header) {
  if (header.shape.size() > kMaxNpyRank) {
    throw MediaError(Status::kUnsupported,
                     ".npy: rank " + std::to_string(header.shape.size()) + " is above 8");
  }
  uint64_t count = 1;
  for (const uint64_t extent : header.shape) {
    if (extent != 0 && (extent > kMaxNpyCount || count > kMaxNpyCount / extent)) {
      throw MediaError(Status::kWrongShape, ".npy: more than 2^31 elements");
    }
    count *= extent;
  }
  return count;
}

struct Located {
  NpyHeader header;
  uint64_t data_offset;
};

Located LocateHeader(std::span<const uint8_t> bytes) {
  if (bytes.size() < kFixedSize || std::memcmp(bytes.data(), kMagic, sizeof(kMagic)) != 0) {
    throw MediaError(Status::kMalformed, "not a .npy file", At(0), "save it with numpy.save");
  }
  const uint8_t major = bytes[6];
  if (major < 1 || major > 3) {
    throw MediaError(Status::kUnsupportedVersion, ".npy version " + std::to_string(major), At(6));
  }
  const size_t length_size = major == 1 ? 2 : 4;
  if (bytes.size() < kFixedSize + length_size) {
    throw MediaError(Status::kTruncated, ".npy: the file ends inside the header", At(bytes.size()));
  }
  uint32_t length = 0;
  std::memcpy(&length, bytes.data() + kFixedSize, length_size);
  const uint64_t start = kFixedSize + length_size;
  if (length > bytes.size() - start) {
    throw MediaError(Status::kTruncated, ".npy: the file ends inside the header", At(bytes.size()));
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + start, length);
  return {ParseNpyHeader(text, start), start + length};
}

// Values in Fortran order (first axis fastest) to row-major.
std::vector<float> FromFortranOrder(const std::vector<uint32_t>& shape,
                                    const std::vector<float>& values) {
  std::vector<float> ordered(values.size());
  std::vector<uint64_t> strides(shape.size(), 1);  // in `values`
  for (size_t axis = 1; axis < shape.size(); ++axis)
    strides[axis] = strides[axis - 1] * shape[axis - 1];
  std::vector<uint32_t> index(shape.size(), 0);
  uint64_t source = 0;
  for (float& value : ordered) {
    value = values[source];
    for (size_t axis = shape.size(); axis-- > 0;) {
      source += strides[axis];
      if (++index[axis] < shape[axis]) break;
      source -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return ordered;
}

}  // namespace

Array ParseNpy(std::span<const uint8_t> bytes) {
  const auto [header, data_offset] = LocateHeader(bytes);
  const ElementFormat& format = FormatOf(header.descr);
  const uint64_t count = CheckedCount(header);
  const uint64_t data_size = bytes.size() - data_offset;
  if (count * format.size > data_size) {
    throw MediaError(Status::kTruncated,
                     ".npy: " + std::to_string(count * format.size) +
                         " bytes of elements announced, " + std::to_string(data_size) + " present",
                     At(bytes.size()));
  }
  if (count * format.size < data_size) {
    throw MediaError(Status::kMalformed, ".npy: bytes after the last element",
                     At(data_offset + count * format.size));
  }
  Array array{{header.shape.begin(), header.shape.end()},
              std::vector<float>(count),
              std::string(format.name)};
  format.decode(bytes.data() + data_offset, &array.values);
  if (header.fortran_order) array.values = FromFortranOrder(array.shape, array.values);
  return array;
}

Array ReadNpy(const std::filesystem::path& path) {
  const std::vector<uint8_t> bytes = ReadFile(path);
  try {
    return ParseNpy(bytes);
  } catch (const MediaError& error) {
    throw error.In(path.string());
  }
}

std::vector<uint8_t> EncodeNpy(const Array& array) {
  const std::string descr = (array.type.ends_with('1') ? "|" : "<") + array.type;
  const ElementFormat& format = FormatOf(descr);
  std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (";
  for (const uint32_t extent : array.shape) header += std::to_string(extent) + ", ";
  if (array.shape.size() > 1) header.resize(header.size() - 2);  // only a 1-tuple needs its comma
  header += "), }";
  const size_t start = kFixedSize + 2;
  const size_t total =
      (start + header.size() + 1 + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment;
  header.append(total - start - header.size() - 1, ' ').push_back('\n');
  std::vector<uint8_t> bytes(std::begin(kMagic), std::end(kMagic));
  bytes.insert(bytes.end(), {1, 0, static_cast<uint8_t>(header.size()),
                             static_cast<uint8_t>(header.size() >> 8)});
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.resize(total + array.values.size() * format.size);
  format.encode(array.values, bytes.data() + total);
  return bytes;
}

void WriteNpy(const std::filesystem::path& path, const Array& array) {
  WriteFile(path, EncodeNpy(array));
}

}  // namespace penumbra::media
