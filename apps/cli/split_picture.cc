#include "split_picture.h"

#include <algorithm>
#include <vector>

#include "arguments.h"
#include "console.h"
#include "markup.h"
#include "report_text.h"

namespace penumbra::cli {
namespace {

constexpr int kMargin = 24, kHeader = 128, kLane = 400, kGap = 170, kRow = 62, kBox = 50;
constexpr int kInset = 8;  // of the box for unnamed trusted work
constexpr int kTrustedX = kMargin, kPublicX = kMargin + kLane + kGap;
constexpr int kWidth = kPublicX + kLane + kMargin;
constexpr size_t kMaxName = 46, kMaxLine = 62;  // characters that fit a box

constexpr const char* kStyle =
    "text{font-family:sans-serif;font-size:12px;fill:#222}"
    ".title{font-size:18px;font-weight:bold}.name{font-size:13px;font-weight:bold}"
    ".small{font-size:11px;fill:#444}.trusted{fill:#cfe0f5;stroke:#2f5f9e}"
    ".public{fill:#fbdcb4;stroke:#c26d12}.lane{fill:#f4f4f4;stroke:none}"
    ".hidden{fill:none;stroke:#2f5f9e;stroke-dasharray:4 3}"
    ".arrow{stroke:#666;stroke-width:1.5;fill:none}.flow{stroke:#999;stroke-width:1.5}";

// One line of the picture.
struct Layer {
  std::string name;
  bool is_public = false;
  std::string computes, numbers;  // second and third line of the box
  uint64_t crossing_size = 0;
};

// The first characters of UTF-8 text.
std::string Shortened(const std::string& text, size_t max_count) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const bool starts = (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
    if (starts && ++count > max_count) return text.substr(0, at) + "...";
  }
  return text;
}

std::string Text(int x, int y, const std::string& text, const std::string& attributes = {}) {
  return "<text x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\"" +
         (attributes.empty() ? "" : " " + attributes) + ">" + Escaped(text) + "</text>\n";
}

std::string Rect(int x, int y, int width, int height, const char* kind) {
  return "<rect x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\" width=\"" +
         std::to_string(width) + "\" height=\"" + std::to_string(height) +
         "\" rx=\"5\" class=\"" + kind + "\"/>\n";
}

std::string Line(int x1, int y1, int x2, int y2, const char* attributes) {
  return "<line x1=\"" + std::to_string(x1) + "\" y1=\"" + std::to_string(y1) + "\" x2=\"" +
         std::to_string(x2) + "\" y2=\"" + std::to_string(y2) + "\" " + attributes + "/>\n";
}

std::string PrimesText(uint32_t prime_count) {
  if (prime_count == 0) return "no residues";
  return std::to_string(prime_count) + (prime_count == 1 ? " prime" : " primes");
}

std::vector<Layer> FromReport(const ProtectReport& report) {
  std::vector<Layer> layers;
  for (const ProtectedLayer& in : report.layers) {
    Layer layer;
    layer.name = in.name;
    layer.is_public = in.is_public;
    layer.crossing_size = in.crossing_size;
    layer.computes =
        "convolution " + in.kernel + ",  " + ExtentText(in.input) + " to " + ExtentText(in.output);
    layer.numbers = PrimesText(in.prime_count) + ",  " +
                    std::to_string(in.is_public ? in.public_macs : in.trusted_macs) +
                    " multiplications";
    if (!in.reason.empty()) layer.numbers += ",  " + in.reason;
    layers.push_back(std::move(layer));
  }
  return layers;
}

std::vector<Layer> FromSegments(const BundleInfo& info) {
  std::vector<Layer> layers;
  for (size_t i = 0; i < info.segments.size(); ++i) {
    const PublicSegment& segment = info.segments[i];
    std::string operators;
    for (const std::string& one : segment.operators) {
      operators.append(operators.empty() ? "" : ", ").append(one);
    }
    layers.push_back({.name = "layer " + std::to_string(i),
                      .is_public = true,
                      .computes = operators + ",  " + ExtentText(segment.input) + " to " +
                                  ExtentText(segment.output),
                      .numbers = PrimesText(segment.prime_count) + ",  " +
                                 std::to_string(segment.multiply_count) + " multiplications",
                      .crossing_size = segment.crossing_bytes});
  }
  return layers;
}

std::string Box(const Layer& layer, int y) {
  const int x = layer.is_public ? kPublicX : kTrustedX;
  return "<g><title>" + Escaped(layer.name + ": " + layer.computes + ", " + layer.numbers) +
         "</title>\n" + Rect(x, y, kLane, kBox, layer.is_public ? "public" : "trusted") +
         Text(x + 10, y + 17, Shortened(layer.name, kMaxName), "class=\"name\"") +
         Text(x + 10, y + 31, Shortened(layer.computes, kMaxLine), "class=\"small\"") +
         Text(x + 10, y + 44, Shortened(layer.numbers, kMaxLine), "class=\"small\"") + "</g>\n";
}

// The trusted work around a public layer, and the way there and back.
std::string Crossing(const Layer& layer, int y, bool with_names) {
  const int from = kTrustedX + kLane, to = kPublicX, middle = (from + to) / 2;
  std::string svg = Rect(kTrustedX, y + kInset, kLane, kBox - 2 * kInset, "hidden") +
                    Text(kTrustedX + 10, y + 29,
                         with_names ? "masks, restores, element-wise operators"
                                    : "trusted layers and operators: not shown without a key",
                         "class=\"small\"");
  if (layer.crossing_size == 0) return svg;
  svg += Line(from + 4, y + 19, to - 6, y + 19, "class=\"arrow\" marker-end=\"url(#head)\"");
  svg += Line(to - 4, y + 31, from + 6, y + 31, "class=\"arrow\" marker-end=\"url(#head)\"");
  return svg + Text(middle, y + 12, SizeText(layer.crossing_size) + " cross",
                    "class=\"small\" text-anchor=\"middle\"");
}

std::string Heading(const BundleInfo& info, const ProtectReport* report) {
  std::string facts = "public half " + SizeText(info.public_size) + ",  sealed half " +
                      SizeText(info.sealed_size) + ",  secure memory " +
                      SizeText(info.secure_memory_size);
  std::string svg =
      Text(kMargin, 34,
           Shortened(info.name, 2 * kMaxName) + ", version " + std::to_string(info.model_version),
           "class=\"title\"");
  if (report != nullptr) {
    svg += Text(kMargin, 54, "scheme: " + report->scheme);
    facts += ",  crossing " + SizeText(report->crossing_size) + ",  pads " +
             SizeText(report->pad_size) + " per inference";
  }
  return svg + Text(kMargin, 72, facts) +
         Text(kTrustedX, kHeader - 18, "trusted: inside the TEE", "class=\"name\"") +
         Text(kPublicX, kHeader - 18, "public: on the accelerator", "class=\"name\"");
}

}  // namespace

void RequireSvgName(const std::filesystem::path& path) {
  if (path.extension() == ".svg") return;
  ThrowUsage("pictures are SVG: name a file that ends in .svg [" + path.string() +
             "]; convert it with 'rsvg-convert -o split.png split.svg'");
}

std::string SplitPicture(const BundleInfo& info, const ProtectReport* report) {
  const std::vector<Layer> layers = report != nullptr ? FromReport(*report) : FromSegments(info);
  const int rows = std::max<int>(1, static_cast<int>(layers.size()));
  const int height = kHeader + rows * kRow + kMargin;
  const std::string size = std::to_string(kWidth) + "\" height=\"" + std::to_string(height);
  std::string svg =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" "
      "width=\"" +
      size + "\">\n<style>" + kStyle + "</style>\n" +
      "<defs><marker id=\"head\" markerWidth=\"8\" markerHeight=\"8\" refX=\"6\" refY=\"4\" "
      "orient=\"auto\"><path d=\"M0,0 L8,4 L0,8 z\" fill=\"#666\"/></marker></defs>\n" +
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n" + Heading(info, report) +
      Rect(kTrustedX - 8, kHeader - 8, kLane + 16, rows * kRow + 12, "lane") +
      Rect(kPublicX - 8, kHeader - 8, kLane + 16, rows * kRow + 12, "lane");
  if (layers.empty()) {
    svg += Text(kTrustedX + 10, kHeader + 26, "every layer is inside the trusted half");
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    const int y = kHeader + static_cast<int>(i) * kRow, x = kTrustedX + kLane / 2;
    if (i != 0) {
      const int from = y - (kRow - kBox) - (layers[i - 1].is_public ? kInset : 0);
      svg += Line(x, from, x, y + (layers[i].is_public ? kInset : 0), "class=\"flow\"");
    }
    if (layers[i].is_public) svg += Crossing(layers[i], y, report != nullptr);
    svg += Box(layers[i], y);
  }
  return svg + "</svg>\n";
}

}  // namespace penumbra::cli
