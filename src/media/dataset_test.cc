#include "media/dataset.h"

#include "media/image.h"
#include "media/npy.h"
#include "media/testing.h"

namespace penumbra::media {
namespace {

class DatasetTest : public ScratchFolder {};

TEST_F(DatasetTest, FoldersAreClassesTakenInTurn) {
  for (const char* name : {"test/dog/2.jpg", "test/dog/1.jpg", "test/cat/9.PNG",
                           "test/cat/notes.txt", "test/.hidden/x.jpg", "test/cat/.thumb.jpg"}) {
    Put(name, "");
  }
  const Dataset dataset = ListDataset(folder_);
  EXPECT_EQ(dataset.classes, (std::vector<std::string>{"cat", "dog"}));
  ASSERT_EQ(dataset.samples.size(), 3u);
  EXPECT_EQ(dataset.samples[0].path.filename(), "9.PNG");
  EXPECT_EQ(dataset.samples[0].label, 0);
  EXPECT_EQ(dataset.samples[1].path.filename(), "1.jpg");
  EXPECT_EQ(dataset.samples[2].label, 1);
}

TEST_F(DatasetTest, AFlatFolderHasNoClasses) {
  Put("b.npy", "");
  Put("a.npy", "");
  const Dataset dataset = ListDataset(folder_);
  EXPECT_TRUE(dataset.classes.empty());
  ASSERT_EQ(dataset.samples.size(), 2u);
  EXPECT_EQ(dataset.samples[0].path.filename(), "a.npy");
  EXPECT_EQ(dataset.samples[0].label, -1);
}

TEST_F(DatasetTest, MissingAndEmptyFoldersAreErrors) {
  ExpectError(Status::kNotFound, "nowhere", [&] { ListDataset(folder_ / "nowhere"); });
  Put("readme.txt", "nothing here");
  ExpectError(Status::kInvalidArgument, "no sample", [&] { ListDataset(folder_); });
}

TEST_F(DatasetTest, ReadsArraysAndPictures) {
  WriteNpy(folder_ / "a.npy", {{1, 2}, {3, 4}});
  EXPECT_EQ(ReadSample(folder_ / "a.npy", std::nullopt).values, (std::vector<float>{3, 4}));
  WritePng(folder_ / "a.png", {1, 1, {255, 255, 0}});
  EXPECT_EQ(ReadSample(folder_ / "a.png", PreprocessPreset("none", 1, 1)).values,
            (std::vector<float>{1, 1, 0}));
  ExpectError(Status::kInvalidArgument, "needs a preprocessing",
              [&] { ReadSample(folder_ / "a.png", std::nullopt); });
  Preprocess crop = PreprocessPreset("none", 1, 1);
  crop.crop_width = crop.crop_height = 2;
  ExpectError(Status::kWrongShape, "a.png", [&] { ReadSample(folder_ / "a.png", crop); });
}

}  // namespace
}  // namespace penumbra::media
