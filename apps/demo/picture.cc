#include "picture.h"

#include <algorithm>
#include <cmath>

namespace penumbra::demo {
namespace {

constexpr uint32_t kScale = 4, kGap = 2, kMiddle = 24;
constexpr uint8_t kBackground = 255;

struct Canvas {
  uint32_t width, height;
  std::vector<uint8_t> rgb;

  Canvas(uint32_t w, uint32_t h) : width(w), height(h), rgb(size_t{3} * w * h, kBackground) {}
  void Fill(uint32_t x, uint32_t y, uint8_t gray) {
    for (uint32_t dy = 0; dy < kScale; ++dy) {
      for (uint32_t dx = 0; dx < kScale; ++dx) {
        const size_t at = 3 * (size_t{y + dy} * width + x + dx);
        std::fill_n(rgb.begin() + static_cast<ptrdiff_t>(at), 3, gray);
      }
    }
  }
};

}  // namespace

const Tensor& FindActivation(const std::vector<std::pair<std::string, Tensor>>& activations,
                             const ExchangeRecord& record) {
  const std::vector<int64_t> shape = {1, record.channels, record.height, record.width};
  for (const auto& [name, tensor] : activations) {
    const bool positive = std::none_of(tensor.values.begin(), tensor.values.end(), [](float v) { return v < 0; });
    if (tensor.shape == shape && positive) return tensor;
  }
  throw Error(205, "the float model has no activation of the shape the accelerator saw");
}

void WriteComparison(const std::filesystem::path& path, const Tensor& activation, const ExchangeRecord& record) {
  const auto columns = static_cast<uint32_t>(std::ceil(std::sqrt(record.channels)));
  const uint32_t rows = (record.channels + columns - 1) / columns;
  const uint32_t cell_w = record.width * kScale + kGap, cell_h = record.height * kScale + kGap;
  Canvas canvas(2 * columns * cell_w + kMiddle, rows * cell_h);
  const float peak = *std::max_element(activation.values.begin(), activation.values.end());
  for (uint32_t c = 0; c < record.channels; ++c) {
    const uint32_t x0 = c % columns * cell_w, y0 = c / columns * cell_h;
    for (uint32_t y = 0; y < record.height; ++y) {
      for (uint32_t x = 0; x < record.width; ++x) {
        const float value = activation.values[(size_t{c} * record.height + y) * record.width + x];
        const uint8_t masked = record.input[(size_t{y} * record.width + x) * record.channels + c];
        const float gray = peak > 0 ? 255.0f * std::sqrt(value / peak) : 0.0f;
        canvas.Fill(x0 + x * kScale, y0 + y * kScale, static_cast<uint8_t>(gray));
        canvas.Fill(x0 + columns * cell_w + kMiddle + x * kScale, y0 + y * kScale, masked);
      }
    }
  }
  WritePng(path, canvas.width, canvas.height, canvas.rgb);
}

}  // namespace penumbra::demo
