#include "media/preprocess.h"

#include "media/testing.h"

namespace penumbra::media {
namespace {

const Image kTwoPixels{2, 1, {255, 0, 0, 0, 51, 255}};

TEST(Preprocess, ScalesAndArrangesBothLayouts) {
  Preprocess preprocess = PreprocessPreset("none", 1, 2);
  Array array = Apply(preprocess, kTwoPixels);
  EXPECT_EQ(array.shape, (std::vector<uint32_t>{1, 3, 1, 2}));
  const std::vector<float> planar{1, 0, 0, 0.2f, 0, 1};
  for (size_t i = 0; i < planar.size(); ++i) EXPECT_NEAR(array.values[i], planar[i], 1e-6f);
  preprocess.layout = Layout::kNhwc;
  preprocess.channels = ChannelOrder::kBgr;
  array = Apply(preprocess, kTwoPixels);
  EXPECT_EQ(array.shape, (std::vector<uint32_t>{1, 1, 2, 3}));
  const std::vector<float> interleaved{0, 0, 1, 1, 0.2f, 0};
  for (size_t i = 0; i < interleaved.size(); ++i)
    EXPECT_NEAR(array.values[i], interleaved[i], 1e-6f);
}

TEST(Preprocess, GreyHasOneChannel) {
  Preprocess preprocess;
  preprocess.channels = ChannelOrder::kGray;
  const Array array = Apply(preprocess, kTwoPixels);
  EXPECT_EQ(array.shape, (std::vector<uint32_t>{1, 1, 1, 2}));
  EXPECT_NEAR(array.values[0], 0.299f * 255, 1e-3f);
}

TEST(Preprocess, CifarConstantsAreAppliedPerChannel) {
  const Array array = Apply(PreprocessPreset("cifar10", 1, 2), kTwoPixels);
  EXPECT_NEAR(array.values[0], (1 - 0.4914) / 0.2470, 1e-5);
  EXPECT_NEAR(array.values[3], (0.2 - 0.4822) / 0.2435, 1e-5);
  EXPECT_NEAR(array.values[5], (1 - 0.4465) / 0.2616, 1e-5);
}

TEST(Preprocess, ImagenetKeepsTheAspectAndCrops) {
  const Image wide{600, 300, std::vector<uint8_t>(600 * 300 * 3, 200)};
  const Preprocess preprocess = PreprocessPreset("imagenet", 224, 224);
  EXPECT_EQ(preprocess.resize_height, 256u);
  const Array array = Apply(preprocess, wide);
  EXPECT_EQ(array.shape, (std::vector<uint32_t>{1, 3, 224, 224}));
  EXPECT_NEAR(array.values[0], (200 / 255.0 - 0.485) / 0.229, 1e-4);
}

TEST(Preprocess, JsonRoundTrip) {
  for (const char* name : {"imagenet", "cifar10", "none"}) {
    Preprocess preprocess = PreprocessPreset(name, 224, 192);
    preprocess.layout = Layout::kNhwc;
    preprocess.channels = ChannelOrder::kBgr;
    preprocess.antialias = false;
    preprocess.labels = {"a \"quoted\" label", "b\xc3\xa9"};
    const Preprocess back = PreprocessFromJson(PreprocessToJson(preprocess));
    EXPECT_EQ(PreprocessToJson(back), PreprocessToJson(preprocess));
    EXPECT_EQ(back.labels, preprocess.labels);
    EXPECT_EQ(back.mean, preprocess.mean);
    EXPECT_EQ(back.crop_width, preprocess.crop_width);
    EXPECT_EQ(back.resize, preprocess.resize);
    EXPECT_EQ(back.resize_height, preprocess.resize_height);
  }
}

TEST(Preprocess, JsonErrorsNameTheMember) {
  const auto fails = [](Status status, const std::string& member, const std::string& json) {
    ExpectError(status, member, [&] { PreprocessFromJson(json); });
  };
  fails(Status::kMalformed, "not a JSON object", "{");
  fails(Status::kMalformed, "not a JSON object", "[]");
  fails(Status::kMalformed, "'spam'", R"({"spam": 1})");
  fails(Status::kInvalidArgument, "'std'", R"({"std": [1, 0, 1]})");
  fails(Status::kInvalidArgument, "'mean'", R"({"mean": [1, 0]})");
  fails(Status::kInvalidArgument, "'scale'", R"({"scale": "x"})");
  fails(Status::kInvalidArgument, "'resize.mode'", R"({"resize": {"mode": "up"}})");
  fails(Status::kInvalidArgument, "'resize.side'", R"({"resize": {"mode": "shorter_side"}})");
  fails(Status::kInvalidArgument, "'crop.width'", R"({"crop": {"width": 0, "height": 1}})");
  fails(Status::kInvalidArgument, "nchw, nhwc", R"({"layout": "chw"})");
  fails(Status::kMalformed, "'labels'", R"({"labels": [1]})");
}

TEST(Preprocess, UnknownPresetIsRefused) {
  ExpectError(Status::kInvalidArgument, "'mnist'", [] { PreprocessPreset("mnist", 28, 28); });
}

class LabelFile : public ScratchFolder {};

TEST_F(LabelFile, OneLabelALine) {
  EXPECT_EQ(ReadLabels(Put("l.txt", "tench\r\n\ngreat white shark\nlast")),
            (std::vector<std::string>{"tench", "great white shark", "last"}));
  ExpectError(Status::kMalformed, "no label", [&] { ReadLabels(Put("e.txt", "\n")); });
}

}  // namespace
}  // namespace penumbra::media
