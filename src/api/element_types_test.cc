// Inputs and outputs that are not float32, from an ONNX file to a .npy file.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "model/testing/model_maker.h"
#include "penumbra/penumbra.h"

namespace penumbra {
namespace {

class ElementTypes : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "penumbra_types_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path Save(const model::ModelMaker& maker) const {
    std::ofstream(folder_ / "model.onnx", std::ios::binary) << maker.Bytes();
    return folder_ / "model.onnx";
  }
  // Protected with mlcapsule, in the direct carrier.
  Session Open(const model::ModelMaker& maker) const {
    const Env env({.config_folder = folder_ / "config"});
    Protect(env, Save(maker), folder_ / "model.penumbra");
    return Session(env, folder_ / "model.penumbra", {.carrier = Carrier::kDirect});
  }

  std::filesystem::path folder_;
};

TEST_F(ElementTypes, ClassesComeOutAsIntegers) {
  model::ModelMaker maker;
  maker.Input("x", {2, 3});
  model::SetInt(maker.Node("ArgMax", {"x"}, {"class"}), "axis", 1);
  maker.Output("class");
  Session session = Open(maker);
  ASSERT_EQ(session.outputs().size(), 1u);
  EXPECT_EQ(session.outputs()[0].type, TensorType::kInt64);
  const TensorMap feeds{{"x", {{2, 3}, {1, 5, 2, 9, 8, 7}}}};
  const Tensor result = session.Run(feeds).at("class");
  EXPECT_EQ(result.type, TensorType::kInt64);
  EXPECT_EQ(result.values, (std::vector<float>{1, 0}));
  EXPECT_EQ(FloatModel(folder_ / "model.onnx").Run(feeds).at("class").type, TensorType::kInt64);
  WriteNpy(folder_ / "class.npy", result);
  EXPECT_EQ(std::filesystem::file_size(folder_ / "class.npy"), 128 + 2 * sizeof(int64_t));
  const Tensor back = ReadNpy(folder_ / "class.npy");
  EXPECT_EQ(back.type, TensorType::kInt64);
  EXPECT_EQ(back.values, result.values);
}

TEST_F(ElementTypes, IntegerInputsAreNeverRounded) {
  model::ModelMaker maker;
  maker.Input("n", {3}, onnx::TensorProto::INT32);
  model::SetInt(maker.Node("Cast", {"n"}, {"f"}), "to", onnx::TensorProto::FLOAT);
  maker.Node("Neg", {"f"}, {"y"});
  maker.Output("y");
  Session session = Open(maker);
  EXPECT_EQ(session.inputs()[0].type, TensorType::kInt32);
  const auto run = [&](const std::vector<float>& values) {
    return session.Run({{"n", {{3}, values, TensorType::kInt32}}}).at("y").values;
  };
  EXPECT_EQ(run({-7, 0, 16777216}), (std::vector<float>{7, 0, -16777216}));
  for (const float bad : {0.5f, 16777218.0f}) {
    try {
      run({1, bad, 2});
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "P101");
      EXPECT_NE(std::string(error.what()).find("input 'n', element 1"), std::string::npos);
    }
  }
}

TEST_F(ElementTypes, FloatTypesAreComputedAsFloat32) {
  model::ModelMaker maker;
  maker.Input("x", {2}, onnx::TensorProto::DOUBLE);
  maker.Node("Relu", {"x"}, {"y"});
  maker.Output("y");
  Session session = Open(maker);
  EXPECT_EQ(session.inputs()[0].type, TensorType::kFloat64);
  EXPECT_EQ(session.Run({{"x", {{2}, {-1, 2.5f}}}}).at("y").values, (std::vector<float>{0, 2.5f}));
}

TEST_F(ElementTypes, FixedInputsMustFitTheirType) {
  model::ModelMaker maker;
  maker.Input("x", {2});
  maker.Input("n", {2}, onnx::TensorProto::INT64);
  model::SetInt(maker.Node("Cast", {"n"}, {"f"}), "to", onnx::TensorProto::FLOAT);
  maker.Node("Add", {"x", "f"}, {"y"});
  maker.Output("y");
  const auto run = [&](Tensor fixed) {
    return FloatModel(Save(maker), {.fix_inputs = {{"n", std::move(fixed)}}})
        .Run({{"x", {{2}, {1, 2}}}})
        .at("y")
        .values;
  };
  EXPECT_EQ(run({{}, {3}}), (std::vector<float>{4, 5}));
  EXPECT_EQ(run({{2}, {3, -1}, TensorType::kInt64}), (std::vector<float>{4, 1}));
  EXPECT_THROW(run({{}, {0.5f}}), Error);
}

TEST_F(ElementTypes, EveryUnsupportedNodeIsNamed) {
  model::ModelMaker maker;
  maker.Input("x", {1, 2, 3, 4, 5});
  model::SetInts(maker.Node("MaxPool", {"x"}, {"first"}), "kernel_shape", {1, 1, 1});
  model::SetInts(maker.Node("AveragePool", {"x"}, {"second"}), "kernel_shape", {1, 1, 1});
  maker.Node("Relu", {"first"}, {"behind"});
  maker.Output("behind");
  maker.Output("second");
  try {
    Protect(Env({.config_folder = folder_ / "config"}), Save(maker), folder_ / "never.penumbra",
            {.dry_run = true});
    ADD_FAILURE() << "must be refused";
  } catch (const Error& error) {
    const std::string what = error.what();
    EXPECT_EQ(error.code(), "P106") << what;
    EXPECT_NE(what.find("MaxPool, node 'first'"), std::string::npos) << what;
    EXPECT_NE(what.find("AveragePool, node 'second'"), std::string::npos) << what;
    EXPECT_EQ(what.find("Relu"), std::string::npos) << what;
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "never.penumbra"));
}

}  // namespace
}  // namespace penumbra
