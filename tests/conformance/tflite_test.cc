// The TFLite importer against what TensorFlow's own runtime computed (tools/tflite_cases).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "media/npy.h"
#include "model/interpreter.h"
#include "model/passes/passes.h"
#include "model/tflite/import.h"

namespace penumbra::model {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = PENUMBRA_TEST_DATA "/tflite";

std::vector<std::string> CaseNames() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".tflite") names.push_back(entry.path().stem());
  }
  std::ranges::sort(names);
  return names;
}

int CountOps(const Graph& graph, OpKind op) {
  return static_cast<int>(std::ranges::count(graph.nodes(), op, &Node::op));
}

Graph Normalized(const std::string& name) {
  Graph graph = ImportTfliteFile(kFolder / (name + ".tflite")).graph;
  Normalize(graph);
  return graph;
}

// The elements of the inputs, then what the outputs should be.
class TfliteCase : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    graph_ = ImportTfliteFile(kFolder / (GetParam() + ".tflite")).graph;
    values_ = media::ReadNpy(kFolder / (GetParam() + ".npy")).values;
  }

  void ExpectExpected() const {
    auto at = values_.begin();
    std::map<std::string, Tensor> inputs;
    for (const ValueId id : graph_.inputs) {
      Tensor& tensor = inputs[graph_.value(id).name] =
          Tensor(DataType::kFloat32, graph_.value(id).shape);
      ASSERT_GE(values_.end() - at, tensor.count());
      std::copy_n(at, tensor.count(), tensor.Floats().begin());
      at += tensor.count();
    }
    const auto outputs = Interpreter(graph_).Run(inputs);
    for (const ValueId id : graph_.outputs) {
      const std::vector<float> ours = outputs.at(graph_.value(id).name).ToFloat();
      ASSERT_GE(values_.end() - at, std::ssize(ours));
      float largest = 0.0f;
      for (size_t i = 0; i < ours.size(); ++i) {
        largest = std::max(largest, std::fabs(at[static_cast<int64_t>(i)]));
      }
      for (size_t i = 0; i < ours.size(); ++i, ++at) {
        ASSERT_NEAR(ours[i], *at, 1e-5f * std::max(1.0f, largest)) << "element " << i;
      }
    }
    EXPECT_EQ(at, values_.end());
  }

  Graph graph_;
  std::vector<float> values_;
};

TEST_P(TfliteCase, ComputesWhatTheRuntimeComputes) {
  ExpectExpected();
  Normalize(graph_);
  InferShapes(graph_);
  ExpectExpected();
}

INSTANTIATE_TEST_SUITE_P(All, TfliteCase, testing::ValuesIn(CaseNames()),
                         [](const testing::TestParamInfo<std::string>& param) {
                           std::string name = param.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(TfliteLayoutTest, NamesAndShapesAreThoseOfTheFile) {
  const Graph graph = Normalized("two-heads");
  ASSERT_EQ(graph.inputs.size(), 1u);
  EXPECT_EQ(graph.value(graph.inputs[0]).name, "picture");
  EXPECT_EQ(graph.value(graph.inputs[0]).shape, (Shape{1, 8, 8, 3}));
  ASSERT_EQ(graph.outputs.size(), 2u);
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "boxes");
  EXPECT_EQ(graph.value(graph.outputs[0]).shape, (Shape{1, 40, 4}));
  EXPECT_EQ(graph.value(graph.outputs[1]).name, "scores");
}

// One behind the picture and one before each of the four reshapes of an image; none in the trunk.
TEST(TfliteLayoutTest, TransposesStandAtTheEdgesOnly) {
  EXPECT_EQ(CountOps(Normalized("two-heads"), OpKind::kTranspose), 1 + 4);
  EXPECT_EQ(CountOps(Normalized("conv-same-1"), OpKind::kTranspose), 2);
  EXPECT_EQ(CountOps(Normalized("dense-of-flattened"), OpKind::kTranspose), 1);
  EXPECT_EQ(CountOps(Normalized("dense-of-image"), OpKind::kTranspose), 1);
  EXPECT_EQ(CountOps(Normalized("shape-arithmetic"), OpKind::kTranspose), 1);
  EXPECT_EQ(CountOps(Normalized("mean-12-0"), OpKind::kTranspose), 1);
  EXPECT_EQ(CountOps(Normalized("prelu-of-input"), OpKind::kTranspose), 0);
}

TEST(TfliteLayoutTest, Float16WeightsAreNoted) {
  const ImportedModel model = ImportTfliteFile(kFolder / "half-weights.tflite");
  ASSERT_EQ(model.notes.size(), 1u);
  EXPECT_NE(model.notes[0].find("float16"), std::string::npos);
}

TEST(TfliteLayoutTest, AFixedInputBecomesAConstant) {
  const Graph graph =
      ImportTfliteFile(kFolder / "dense.tflite",
                       {.shapes = {}, .fix_inputs = {{"x0", Tensor::Scalar<float>(1.0f)}}})
          .graph;
  EXPECT_TRUE(graph.inputs.empty());
  EXPECT_TRUE(graph.value(graph.outputs.at(0)).IsConstant());
}

}  // namespace
}  // namespace penumbra::model
