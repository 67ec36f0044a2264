// Files that a vendor should never have: each gets its own status, none crashes.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>

#include "model/onnx/import.h"
#include "model/testing/model_maker.h"

namespace penumbra::model {
namespace {

namespace fs = std::filesystem;

ModelMaker Net() {
  ModelMaker maker;
  maker.Input("x", {1, 2, 4, 4}).Output("y").RandomFloats("w", {3, 2, 3, 3});
  maker.Node("Conv", {"x", "w"}, {"c"});
  maker.Node("Relu", {"c"}, {"y"});
  return maker;
}

ModelError ErrorOf(const std::function<void()>& body) {
  try {
    body();
  } catch (const ModelError& error) {
    return error;
  }
  return ModelError(Status::kOk, "no error");
}

Status StatusOf(const ModelMaker& maker, const ImportOptions& options = {}) {
  return ErrorOf([&] { maker.Import(options); }).status();
}

TEST(BadInputTest, CycleNamesANode) {
  ModelMaker maker = Net();
  maker.Node("Add", {"y", "b"}, {"a"});
  maker.Node("Relu", {"a"}, {"b"});
  const ModelError error = ErrorOf([&] { maker.Import(); });
  EXPECT_EQ(error.status(), Status::kMalformed);
  EXPECT_EQ(error.place().node, "a");
}

TEST(BadInputTest, MissingInitializerIsNamed) {
  ModelMaker maker = Net();
  maker.proto().mutable_graph()->clear_initializer();
  const ModelError error = ErrorOf([&] { maker.Import(); });
  EXPECT_EQ(error.status(), Status::kMalformed);
  EXPECT_NE(error.reason().find("'w'"), std::string::npos);
  EXPECT_EQ(error.place().op, "Conv");
}

TEST(BadInputTest, NamesDefinedTwice) {
  ModelMaker node = Net();
  node.Node("Relu", {"x"}, {"c"});
  EXPECT_EQ(StatusOf(node), Status::kMalformed);
  ModelMaker input = Net();
  input.Input("x", {1});
  EXPECT_EQ(StatusOf(input), Status::kMalformed);
  ModelMaker initializer = Net();
  initializer.RandomFloats("w", {1});
  EXPECT_EQ(StatusOf(initializer), Status::kMalformed);
}

TEST(BadInputTest, AbsurdShapes) {
  const int64_t huge = int64_t{1} << 40;
  for (const Shape& shape : {Shape{1, huge, huge, huge}, Shape{1, 2, -3, 4}, Shape{1, 0, huge, 1},
                             Shape{1, 1 << 16, 1 << 16, 1}}) {
    ModelMaker maker;
    maker.Input("x", {1}).Output("y");
    maker.Node("Relu", {"x"}, {"y"});
    auto& dims = *maker.proto()
                      .mutable_graph()
                      ->mutable_input(0)
                      ->mutable_type()
                      ->mutable_tensor_type()
                      ->mutable_shape();
    dims.clear_dim();
    for (int64_t dim : shape) dims.add_dim()->set_dim_value(dim);
    EXPECT_EQ(StatusOf(maker), Status::kMalformed) << ShapeText(shape);
    ModelMaker initializer;
    initializer.Input("x", {1}).Output("y").Floats("k", shape, {1});
    initializer.Node("Add", {"x", "k"}, {"y"});
    EXPECT_EQ(StatusOf(initializer), Status::kMalformed) << ShapeText(shape);
  }
}

TEST(BadInputTest, LyingElementCounts) {
  ModelMaker typed = Net();
  typed.proto().mutable_graph()->mutable_initializer(0)->mutable_float_data()->RemoveLast();
  EXPECT_EQ(StatusOf(typed), Status::kMalformed);
  ModelMaker raw = Net();
  raw.proto().mutable_graph()->mutable_initializer(0)->set_raw_data("abc");
  EXPECT_EQ(StatusOf(raw), Status::kMalformed);
}

TEST(BadInputTest, AttributesOutOfRange) {
  for (const auto& [key, numbers] : std::map<std::string, std::vector<int64_t>>{
           {"strides", {0, 1}},
           {"strides", {1}},
           {"pads", {-1, 0, 0, 0}},
           {"pads", {0, 0, 0, std::numeric_limits<int64_t>::max()}},
           {"dilations", {1, -1}},
           {"kernel_shape", {5, 5}}}) {
    ModelMaker maker = Net();
    SetInts(*maker.proto().mutable_graph()->mutable_node(0), key, numbers);
    EXPECT_EQ(StatusOf(maker), Status::kMalformed) << key;
  }
  ModelMaker group = Net();
  SetInt(*group.proto().mutable_graph()->mutable_node(0), "group",
         std::numeric_limits<int64_t>::min());
  EXPECT_EQ(StatusOf(group), Status::kMalformed);
}

TEST(BadInputTest, DynamicDimensionNeedsAShape) {
  ModelMaker maker;
  maker.Input("x", {-1, 3, -1}).Output("y");
  maker.Node("Relu", {"x"}, {"y"});
  const ModelError error = ErrorOf([&] { maker.Import(); });
  EXPECT_EQ(error.status(), Status::kWrongShape);
  EXPECT_NE(error.reason().find("'dim2'"), std::string::npos);
  EXPECT_NE(error.hint().find("--shapes x:"), std::string::npos);
}

TEST(BadInputTest, OptionsThatDoNotFit) {
  EXPECT_EQ(StatusOf(Net(), {.shapes = {{"q", {1}}}, .fix_inputs = {}}), Status::kWrongName);
  EXPECT_EQ(StatusOf(Net(), {.shapes = {{"x", {1, 2, 4}}}, .fix_inputs = {}}), Status::kWrongShape);
  EXPECT_EQ(StatusOf(Net(), {.shapes = {{"x", {1, 3, 4, 4}}}, .fix_inputs = {}}),
            Status::kWrongShape);
  EXPECT_EQ(StatusOf(Net(), {.shapes = {}, .fix_inputs = {{"q", Tensor::Scalar<float>(1)}}}),
            Status::kWrongName);
  EXPECT_EQ(StatusOf(Net(), {.shapes = {}, .fix_inputs = {{"x", Tensor::Vector<float>({1, 2})}}}),
            Status::kWrongShape);
}

TEST(BadInputTest, OpsetOutOfRange) {
  EXPECT_EQ(StatusOf(ModelMaker(99)), Status::kUnsupportedVersion);
  ModelMaker old(6);
  old.Input("x", {2}).Output("y");
  old.Node("Add", {"x", "x"}, {"y"});
  EXPECT_EQ(StatusOf(old), Status::kUnsupported);
}

TEST(BadInputTest, RunTimeConditionsAndParametersAreRefused) {
  ModelMaker condition;
  condition.Input("c", {}, onnx::TensorProto::BOOL).Output("y");
  condition.Node("If", {"c"}, {"y"});
  EXPECT_EQ(StatusOf(condition), Status::kUnsupported);
  ModelMaker shape;
  shape.Input("x", {4}).Input("s", {2}, onnx::TensorProto::INT64).Output("y");
  shape.Node("Reshape", {"x", "s"}, {"y"});
  const ModelError error = ErrorOf([&] { shape.Import(); });
  EXPECT_EQ(error.status(), Status::kUnsupported);
  EXPECT_NE(error.hint().find("--fix-input"), std::string::npos);
}

TEST(BadInputTest, EveryTruncationIsAnError) {
  const std::string bytes = Net().Bytes();
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto part = std::as_bytes(std::span(bytes.data(), size));
    EXPECT_NE(ErrorOf([&] { ImportOnnxBytes(part); }).status(), Status::kOk) << size;
  }
  const auto half = std::as_bytes(std::span(bytes.data(), bytes.size() / 2));
  const ModelError error = ErrorOf([&] { ImportOnnxBytes(half); });
  EXPECT_EQ(error.status(), Status::kTruncated);
  EXPECT_GE(error.place().file_offset, 0);
  EXPECT_LT(error.place().file_offset, static_cast<int64_t>(half.size()));
}

TEST(BadInputTest, EveryFlippedBitIsSurvived) {
  const std::string good = Net().Bytes();
  size_t refused = 0;
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    refused +=
        ErrorOf([&] { ImportOnnxBytes(std::as_bytes(std::span(bytes))); }).status() != Status::kOk;
  }
  EXPECT_GT(refused, 0u);
}

// A folder with model.onnx, whose weights are in `location`, and weights.bin beside it.
class ExternalDataTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("penumbra_external_" + std::to_string(getpid()));
    fs::create_directories(folder_ / "model");
    std::ofstream(folder_ / "model" / "weights.bin")
        << std::string(16 + 3 * 2 * 3 * 3 * sizeof(float), '\0');
    std::ofstream(folder_ / "outside.bin") << std::string(1024, '\0');
  }
  void TearDown() override { fs::remove_all(folder_); }

  Status Import(const std::string& location, const std::string& offset = "",
                const std::string& length = "") {
    ModelMaker maker = Net();
    auto& w = *maker.proto().mutable_graph()->mutable_initializer(0);
    w.clear_float_data();
    w.set_data_location(onnx::TensorProto::EXTERNAL);
    const auto set = [&w](const std::string& key, const std::string& value) {
      if (value.empty()) return;
      auto& entry = *w.add_external_data();
      entry.set_key(key);
      entry.set_value(value);
    };
    set("location", location);
    set("offset", offset);
    set("length", length);
    std::ofstream(folder_ / "model" / "model.onnx", std::ios::binary) << maker.Bytes();
    return ErrorOf([&] { ImportOnnxFile(folder_ / "model" / "model.onnx"); }).status();
  }

  fs::path folder_;
};

TEST_F(ExternalDataTest, ReadsFromTheFolderOfTheModel) {
  EXPECT_EQ(Import("weights.bin"), Status::kOk);
  EXPECT_EQ(Import("./weights.bin", "16", "216"), Status::kOk);
}

TEST_F(ExternalDataTest, PathsCannotLeaveTheFolder) {
  EXPECT_EQ(Import("../outside.bin"), Status::kPermission);
  EXPECT_EQ(Import("sub/../../outside.bin"), Status::kPermission);
  EXPECT_EQ(Import((folder_ / "outside.bin").string()), Status::kPermission);
  EXPECT_EQ(Import(""), Status::kPermission);
  EXPECT_EQ(Import("."), Status::kPermission);
  fs::create_symlink(folder_ / "outside.bin", folder_ / "model" / "link.bin");
  EXPECT_EQ(Import("link.bin"), Status::kPermission);
  fs::create_directory_symlink(folder_, folder_ / "model" / "up");
  EXPECT_EQ(Import("up/outside.bin"), Status::kPermission);
}

TEST_F(ExternalDataTest, LyingOffsetsAndLengths) {
  EXPECT_EQ(Import("absent.bin"), Status::kNotFound);
  EXPECT_EQ(Import("weights.bin", "17"), Status::kTruncated);
  EXPECT_EQ(Import("weights.bin", "9223372036854775807"), Status::kTruncated);
  EXPECT_EQ(Import("weights.bin", "-1"), Status::kMalformed);
  EXPECT_EQ(Import("weights.bin", "12x"), Status::kMalformed);
  EXPECT_EQ(Import("weights.bin", "0", "215"), Status::kMalformed);
}

TEST_F(ExternalDataTest, RefusedWithoutAFile) {
  ModelMaker maker = Net();
  auto& w = *maker.proto().mutable_graph()->mutable_initializer(0);
  w.clear_float_data();
  w.set_data_location(onnx::TensorProto::EXTERNAL);
  EXPECT_EQ(StatusOf(maker), Status::kPermission);
}

TEST(BadInputTest, FilesThatAreNotThere) {
  EXPECT_EQ(ErrorOf([] { ImportOnnxFile("/no/such/model.onnx"); }).status(), Status::kNotFound);
  EXPECT_EQ(ErrorOf([] { ImportOnnxFile("/"); }).status(), Status::kIo);
}

}  // namespace
}  // namespace penumbra::model
