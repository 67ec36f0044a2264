#include "host/metadata.h"

#include <gtest/gtest.h>

#include "host/testing/bundle_builder.h"
#include "host/testing/expect_error.h"

namespace penumbra::host {
namespace {

constexpr uint64_t kRegion = 16384;

TEST(Metadata, ReadsPorts) {
  const Metadata metadata = ParseMetadata(kTinyMetadata, kRegion);
  ASSERT_EQ(metadata.inputs.size(), 1u);
  EXPECT_EQ(metadata.inputs[0].name, "x");
  EXPECT_EQ(metadata.inputs[0].shape, (std::vector<uint32_t>{1, 2, 2, 2}));
  EXPECT_EQ(metadata.inputs[0].perm, (std::vector<uint32_t>{0, 2, 3, 1}));
  EXPECT_EQ(metadata.inputs[0].elem_count, 8u);
  EXPECT_EQ(metadata.outputs[0].offset, 8192u);
  EXPECT_EQ(metadata.max_batch, 1u);
}

// Metadata with one member of the input port replaced.
std::string With(const std::string& member) {
  std::string port = R"("name":"x","type":"float32","shape":[2,2],"perm":[1,0],"offset":0)";
  const std::string key = member.substr(0, member.find(':'));
  const size_t at = port.find(key);
  const size_t end = port.find(",\"", at);
  port.replace(at, end == std::string::npos ? std::string::npos : end - at, member);
  return R"({"inputs":[{)" + port + R"(}],"outputs":[{"name":"y","type":"float32","shape":[],)" +
         R"("perm":[],"offset":0}]})";
}

TEST(Metadata, AcceptsTheUnchangedPort) {
  const Metadata metadata = ParseMetadata(With(R"("offset":0)"), kRegion);
  EXPECT_EQ(metadata.inputs[0].elem_count, 4u);
  EXPECT_EQ(metadata.outputs[0].elem_count, 1u);
}

// Missing and 0 both mean one by one.
TEST(Metadata, PadBatchesAreBounded) {
  const auto with = [](const char* value) {
    std::string text = With(R"("offset":0)");
    text.back() = ',';
    return ParseMetadata(text + R"("pad_batch":)" + value + "}", kRegion).pad_batch;
  };
  EXPECT_EQ(ParseMetadata(With(R"("offset":0)"), kRegion).pad_batch, 1u);
  EXPECT_EQ(with("0"), 1u);
  EXPECT_EQ(with("4"), 4u);
  for (const char* value : {"5", "-1", "2.5", "null", "4294967297"}) {
    EXPECT_THROW(with(value), HostError) << value;
  }
}

TEST(Metadata, EveryMemberIsChecked) {
  for (const char* member : {R"("name":"")",
                             R"("name":7)",
                             R"("name":"a\nb")",
                             R"("type":null)",
                             R"("shape":7)",
                             R"("shape":[2,0])",
                             R"("shape":[-2,2])",
                             R"("shape":[2.5,2])",
                             R"("shape":[16777217,1])",
                             R"("shape":[16777216,16777216])",
                             R"("shape":[1,1,1,1,1,1,1,1,1])",
                             R"("shape":[2,"2"])",
                             R"("perm":[0])",
                             R"("perm":[0,0])",
                             R"("perm":[0,2])",
                             R"("perm":{})",
                             R"("offset":-4)",
                             R"("offset":2)",
                             R"("offset":16372)",
                             R"("offset":18446744073709551612)",
                             R"("offset":"0")"}) {
    EXPECT_HOST_ERROR(ParseMetadata(With(member), kRegion), Status::kMalformed, "inputs[0]");
  }
  EXPECT_HOST_ERROR(ParseMetadata(With(R"("type":"string")"), kRegion), Status::kUnsupported,
                    "float32");
}

TEST(Metadata, TheWholeIsChecked) {
  for (const char* text : {"", "[]", "{", "{}", R"({"inputs":[],"outputs":[]})",
                           R"({"inputs":[7]})", R"({"inputs":{}})", "nonsense"}) {
    EXPECT_HOST_ERROR(ParseMetadata(text, kRegion), Status::kMalformed, "metadata");
  }
  std::string twice = kTinyMetadata;
  const size_t begin = twice.find("[{") + 1;
  const size_t end = twice.find("}]") + 1;
  twice.insert(end, "," + twice.substr(begin, end - begin));
  EXPECT_HOST_ERROR(ParseMetadata(twice, kRegion), Status::kMalformed, "share a name");
  std::string batch = kTinyMetadata;
  batch.insert(1, R"("max_batch":0,)");
  EXPECT_HOST_ERROR(ParseMetadata(batch, kRegion), Status::kMalformed, "max_batch");
  EXPECT_HOST_ERROR(ParseMetadata(kTinyMetadata, 8192), Status::kMalformed, "outputs[0]");
}

}  // namespace
}  // namespace penumbra::host
