// Quantisation of a trained network: predictions against measurements, agreement with the float
// model.
#include <gtest/gtest.h>
// jpeglib.h needs size_t and FILE declared before it.
#include <jpeglib.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "model/interpreter.h"
#include "model/onnx/import.h"
#include "model/passes/passes.h"
#include "protect/lower/lower.h"
#include "protect/plain/inference.h"
#include "protect/plain/ports.h"
#include "protect/quantize/calibrate.h"
#include "protect/quantize/output_noise.h"
#include "protect/quantize/quantize.h"

namespace penumbra::protect {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSize = 32;

// A 32x32 RGB JPEG as the network's input, [3][32][32].
std::vector<float> LoadImage(const fs::path& path) {
  static constexpr float kMean[] = {0.4914f, 0.4822f, 0.4465f};
  static constexpr float kDeviation[] = {0.2470f, 0.2435f, 0.2616f};
  std::vector<float> image(3 * kSize * kSize);
  FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) throw std::runtime_error("cannot read " + path.string());
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&jpeg);
  jpeg_stdio_src(&jpeg, file);
  jpeg_read_header(&jpeg, TRUE);
  jpeg.out_color_space = JCS_RGB;
  jpeg_start_decompress(&jpeg);
  std::vector<JSAMPLE> row(3 * kSize);
  for (size_t y = 0; y < kSize; ++y) {
    JSAMPROW pointer = row.data();
    jpeg_read_scanlines(&jpeg, &pointer, 1);
    for (size_t x = 0; x < kSize; ++x) {
      for (size_t c = 0; c < 3; ++c) {
        image[(c * kSize + y) * kSize + x] = (row[x * 3 + c] / 255.0f - kMean[c]) / kDeviation[c];
      }
    }
  }
  jpeg_finish_decompress(&jpeg);
  jpeg_destroy_decompress(&jpeg);
  std::fclose(file);
  return image;
}

// Every `stride`-th picture of a folder tree in order of name.
std::vector<std::vector<float>> LoadImages(const char* folder, size_t stride) {
  std::vector<fs::path> paths;
  for (const auto& entry :
       fs::recursive_directory_iterator(fs::path(PENUMBRA_TEST_DATA) / folder)) {
    if (entry.path().extension() == ".jpg") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  std::vector<std::vector<float>> images;
  for (size_t i = 0; i < paths.size(); i += stride) images.push_back(LoadImage(paths[i]));
  return images;
}

size_t Top(const std::vector<float>& logits) {
  return static_cast<size_t>(std::ranges::max_element(logits) - logits.begin());
}

class ResNet44 : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    model_ = new model::Graph(
        model::ImportOnnxFile(fs::path(PENUMBRA_TEST_DATA) / "resnet44-cifar10.onnx").graph);
    model::Normalize(*model_);
    graph_ = new LoweredGraph(Lower(*model_));
    const auto images = LoadImages("cifar10-calibration", 4);
    size_t next = 0;
    statistics_ = new std::map<size_t, LinearStatistics>(Calibrate(*graph_, [&](Sample* sample) {
      if (next == images.size()) return false;
      *sample = {images[next++]};
      return true;
    }));
  }
  static void TearDownTestSuite() {
    delete statistics_;
    delete graph_;
    delete model_;
  }

  static const LinearOp& Linear(size_t index) {
    return std::get<LinearOp>(graph_->ops[index].kind);
  }
  static std::vector<std::vector<float>> Inputs(const std::vector<float>& image) {
    return {ToPhysical(graph_->tensors[graph_->inputs[0].tensor], image)};
  }

  static inline model::Graph* model_ = nullptr;
  static inline LoweredGraph* graph_ = nullptr;
  static inline std::map<size_t, LinearStatistics>* statistics_ = nullptr;
};

TEST_F(ResNet44, LoweringKeepsTheLogits) {
  size_t copies = 0;
  for (const LoweredOp& op : graph_->ops) copies += std::holds_alternative<CopyOp>(op.kind);
  EXPECT_EQ(copies, 0u);
  const model::Interpreter interpreter(*model_);
  for (const auto& image : LoadImages("cifar10", 100)) {
    const auto expected =
        interpreter.Run({{"input", model::Tensor::Of<float>({1, 3, kSize, kSize}, image)}})
            .at("logits");
    const std::vector<float> logits = RunFloat(*graph_, Inputs(image))[0];
    for (size_t i = 0; i < logits.size(); ++i) EXPECT_NEAR(logits[i], expected.Floats()[i], 1e-3);
  }
}

// On the calibration images: what clamps on others is not rounding and not predicted.
TEST_F(ResNet44, NoisePredictionsMatchMeasurements) {
  const auto images = LoadImages("cifar10-calibration", 4);
  std::map<size_t, IntegerLinear> layers;
  std::map<size_t, double> predicted;
  std::map<size_t, double> noise;
  for (const auto& [index, statistics] : *statistics_) {
    const QuantizedLinear quantized = QuantizeRing(Linear(index), statistics, {.prime_count = 3});
    predicted[index] = quantized.predicted_noise_db;
    layers.emplace(index, IntegerLinear(Linear(index).geometry, quantized));
  }
  const auto linear = [&](size_t index, const LinearOp& op, std::span<const float> x,
                          std::span<float> out_y) {
    LinearFloat(op, x, out_y);
    std::vector<float> rounded(out_y.size());
    layers.at(index).Apply(x, rounded);
    const double pixels =
        double{1} * op.geometry.out_h * op.geometry.out_w * static_cast<double>(images.size());
    for (size_t i = 0; i < rounded.size(); ++i) {
      noise[index] += std::pow(double{rounded[i]} - out_y[i], 2) / pixels;
    }
  };
  const Evaluator evaluator(*graph_, Kernels(DetectIsa()));
  for (const auto& image : images) evaluator.Run(Inputs(image), linear);
  double worst = 0;
  double difference_sum = 0;
  for (const auto& [index, statistics] : *statistics_) {
    const double measured = 10 * std::log10(statistics.output_variance / noise[index]);
    worst = std::max(worst, std::fabs(measured - predicted[index]));
    difference_sum += measured - predicted[index];
    EXPECT_NEAR(measured, predicted[index], 2.0) << graph_->ops[index].name;
  }
  RecordProperty("worst_difference_db", std::to_string(worst));
  RecordProperty("mean_difference_db",
                 std::to_string(difference_sum / static_cast<double>(noise.size())));
}

// Top-1 agreement with the float model over the test images, and the error of the logits.
struct Agreement {
  double share, noise_db;
};
Agreement MeasureAgreement(const LoweredGraph& graph,
                           const std::map<size_t, QuantizedLinear>& quantized, size_t stride) {
  const PlainInference inference(graph, quantized);
  const LoweredTensor& input = graph.tensors[graph.inputs[0].tensor];
  double same = 0;
  double signal = 0;
  double noise = 0;
  const auto images = LoadImages("cifar10", stride);
  for (const auto& image : images) {
    const std::vector<std::vector<float>> inputs = {ToPhysical(input, image)};
    const std::vector<float> exact = RunFloat(graph, inputs)[0];
    const std::vector<float> rounded = inference.Run(inputs)[0];
    same += Top(exact) == Top(rounded);
    for (size_t i = 0; i < exact.size(); ++i) {
      signal += std::pow(exact[i], 2);
      noise += std::pow(rounded[i] - exact[i], 2);
    }
  }
  return {same / static_cast<double>(images.size()), 10 * std::log10(signal / noise)};
}

TEST_F(ResNet44, ThreePrimesAgreeWithTheFloatModel) {
  std::map<size_t, QuantizedLinear> quantized;
  for (const auto& [index, statistics] : *statistics_) {
    quantized[index] = QuantizeRing(Linear(index), statistics);
    EXPECT_EQ(quantized[index].prime_count, 3u) << graph_->ops[index].name;
  }
  const Agreement agreement = MeasureAgreement(*graph_, quantized, 1);
  RecordProperty("agreement", std::to_string(agreement.share));
  RecordProperty("logit_noise_db", std::to_string(agreement.noise_db));
  EXPECT_GE(agreement.share, 0.99);
  EXPECT_GE(agreement.noise_db, 28);
}

TEST_F(ResNet44, OutputNoiseFallsWithTheBits) {
  std::vector<Sample> samples;
  for (const auto& image : LoadImages("cifar10-calibration", 25)) samples.push_back({image});
  double before = 0;
  for (uint32_t bits : {8u, 16u}) {
    std::map<size_t, QuantizedLinear> quantized;
    for (const auto& [index, statistics] : *statistics_) {
      quantized[index] = QuantizeInteger(Linear(index), statistics, {.bits = bits});
    }
    const std::optional<double> noise = MeasureOutputNoise(*graph_, quantized, samples);
    ASSERT_TRUE(noise.has_value());
    EXPECT_GT(*noise, before + 20);
    before = *noise;
    EXPECT_EQ(MeasureOutputNoise(*graph_, quantized, {}), std::nullopt);
  }
  // Layers without integers are computed in float32: nothing differs.
  EXPECT_EQ(MeasureOutputNoise(*graph_, {}, samples), std::nullopt);
}

TEST_F(ResNet44, EightAndSixteenBitsInside) {
  for (uint32_t bits : {8u, 16u}) {
    std::map<size_t, QuantizedLinear> quantized;
    for (const auto& [index, statistics] : *statistics_) {
      quantized[index] = QuantizeInteger(Linear(index), statistics, {.bits = bits});
    }
    const Agreement agreement = MeasureAgreement(*graph_, quantized, 3);
    RecordProperty("agreement_" + std::to_string(bits), std::to_string(agreement.share));
    RecordProperty("logit_noise_db_" + std::to_string(bits), std::to_string(agreement.noise_db));
    EXPECT_GE(agreement.share, bits == 8 ? 0.97 : 0.99);
  }
}

}  // namespace
}  // namespace penumbra::protect
