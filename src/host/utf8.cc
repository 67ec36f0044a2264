#include "host/utf8.h"

#include <cstddef>
#include <cstdint>

namespace penumbra::host {
namespace {

constexpr uint32_t kInvalid = 0xffffffff;

// Decodes the code point at `*position` and moves past it; kInvalid when there is none.
uint32_t Next(std::string_view text, size_t* position) {
  const auto first = static_cast<uint8_t>(text[*position]);
  size_t extra = 0;
  uint32_t smallest = 0;
  uint32_t code = first;
  if (first >= 0xf8) return kInvalid;
  if (first >= 0xf0)
    extra = 3, smallest = 0x10000, code = first & 0x07u;
  else if (first >= 0xe0)
    extra = 2, smallest = 0x800, code = first & 0x0fu;
  else if (first >= 0xc0)
    extra = 1, smallest = 0x80, code = first & 0x1fu;
  else if (first >= 0x80)
    return kInvalid;
  if (extra >= text.size() - *position) return kInvalid;
  for (size_t i = 1; i <= extra; ++i) {
    const auto byte = static_cast<uint8_t>(text[*position + i]);
    if ((byte & 0xc0) != 0x80) return kInvalid;
    code = code << 6 | (byte & 0x3fu);
  }
  *position += extra + 1;
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return code < smallest || surrogate || code > 0x10ffff ? kInvalid : code;
}

template <typename Predicate>
bool EveryCodePoint(std::string_view text, Predicate accepts) {
  for (size_t position = 0; position < text.size();) {
    const uint32_t code = Next(text, &position);
    if (code == kInvalid || !accepts(code)) return false;
  }
  return true;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  return EveryCodePoint(text, [](uint32_t) { return true; });
}

bool IsPrintableUtf8(std::string_view text) {
  return EveryCodePoint(text, [](uint32_t c) { return c >= 0x20 && (c < 0x7f || c > 0x9f); });
}

}  // namespace penumbra::host
