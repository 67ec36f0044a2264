#include "split_picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace penumbra::cli {
namespace {

using Colour = std::array<uint8_t, 3>;
constexpr Colour kPaper{255, 255, 255}, kTrusted{60, 100, 170}, kPublic{230, 150, 60},
    kCrossing{120, 120, 120};

constexpr uint32_t kMargin = 16, kTrustedWidth = 120, kGap = 100, kMaxSegmentWidth = 360;
constexpr uint32_t kWidth = kMargin + kTrustedWidth + kGap + kMaxSegmentWidth + kMargin;
constexpr uint32_t kMinRow = 8, kMaxRow = 28, kMaxHeight = 8192;

struct Canvas {
  uint32_t height;
  std::vector<uint8_t> rgb;

  explicit Canvas(uint32_t h) : height(h) {
    for (size_t i = 0; i < size_t{kWidth} * h; ++i)
      rgb.insert(rgb.end(), kPaper.begin(), kPaper.end());
  }

  void Fill(uint32_t x, uint32_t y, uint32_t w, uint32_t h, const Colour& colour) {
    for (uint32_t row = y; row < std::min(y + h, height); ++row) {
      for (uint32_t column = x; column < std::min(x + w, kWidth); ++column) {
        std::ranges::copy(
            colour, rgb.begin() + static_cast<ptrdiff_t>(3 * (size_t{row} * kWidth + column)));
      }
    }
  }
};

// 0..1 between a thousand and a trillion.
double LogShare(uint64_t value) {
  return std::clamp((std::log10(static_cast<double>(value) + 1) - 3) / 9, 0.02, 1.0);
}

}  // namespace

void WriteSplitPicture(const std::filesystem::path& path, const BundleInfo& info) {
  const auto rows = static_cast<uint32_t>(std::max<size_t>(1, info.segments.size()));
  const uint32_t pitch = std::clamp((kMaxHeight - 2 * kMargin) / rows, kMinRow, kMaxRow);
  const uint32_t shown = std::min(rows, (kMaxHeight - 2 * kMargin) / pitch);
  Canvas canvas(2 * kMargin + shown * pitch);
  canvas.Fill(kMargin, kMargin, kTrustedWidth, shown * pitch, kTrusted);
  for (uint32_t i = 0; i < std::min<size_t>(shown, info.segments.size()); ++i) {
    const PublicSegment& segment = info.segments[i];
    const uint32_t y = kMargin + i * pitch, bar = pitch * 2 / 3;
    const auto width = static_cast<uint32_t>(LogShare(segment.multiply_count) * kMaxSegmentWidth);
    const auto line = std::max(1u, static_cast<uint32_t>(LogShare(segment.crossing_bytes) * bar));
    canvas.Fill(kMargin + kTrustedWidth, y + (pitch - line) / 2, kGap, line, kCrossing);
    canvas.Fill(kMargin + kTrustedWidth + kGap, y + (pitch - bar) / 2, width, bar, kPublic);
  }
  WritePng(path, kWidth, canvas.height, canvas.rgb);
}

}  // namespace penumbra::cli
