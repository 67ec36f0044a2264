// TFLite files that must be refused (tools/tflite_cases/bad.py), and good ones that were damaged.
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "model/interpreter.h"
#include "model/passes/passes.h"
#include "model/tflite/import.h"

namespace penumbra::model {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = PENUMBRA_TEST_DATA "/tflite";

std::vector<std::byte> ReadBytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<std::byte> bytes;
  for (std::istreambuf_iterator<char> at(file), end; at != end; ++at) {
    bytes.push_back(static_cast<std::byte>(*at));
  }
  return bytes;
}

struct BadCase {
  const char* name;
  Status status;
  std::vector<std::string> says;
};

const BadCase kBadCases[] = {
    {"unknown-operators",
     Status::kUnsupported,
     {"custom operator TFLite_Detection_PostProcess", "CUMSUM (node 't2')", "RELU6 version 99"}},
    {"quantised", Status::kUnsupported, {"CONV_2D quantised to int8"}},
    {"later-operator", Status::kUnsupported, {"operator 4000"}},
    {"several-unsupported-layers",
     Status::kUnsupported,
     {"fused activation 5", "operator CONV_2D, node 't3'", "SYMMETRIC", "operator MIRROR_PAD"}},
    {"two-subgraphs", Status::kUnsupported, {"2 subgraphs"}},
    {"another-schema-version", Status::kUnsupportedVersion, {"schema version 2"}},
    {"tensor-out-of-range", Status::kMalformed, {"tensor 77 of 2"}},
    {"output-out-of-range", Status::kMalformed, {"an output refers to tensor -1"}},
    {"buffer-out-of-range", Status::kMalformed, {"buffer 9 of 1"}},
    {"operator-code-out-of-range", Status::kMalformed, {"operator 0 has no operator code"}},
    {"cycle", Status::kMalformed, {"'t2' is read before anything defines it", "operator ADD"}},
    {"defined-twice", Status::kMalformed, {"'t2' is defined twice", "operator NEG"}},
    {"short-buffer", Status::kMalformed, {"11 bytes for shape 3 of float32"}},
    {"overflowing-shape", Status::kMalformed, {"has too many elements"}},
    {"negative-dimension", Status::kMalformed, {"input 'x0' has a negative dimension"}},
    {"open-width", Status::kWrongShape, {"dimension 2", "--shapes x0"}},
    {"variable", Status::kUnsupported, {"'x0' keeps its value between inferences"}},
    {"options-of-another", Status::kMalformed, {"the options are those of another operator"}},
    {"no-options", Status::kMalformed, {"the options are missing"}},
    {"zero-stride", Status::kMalformed, {"attribute 'strides' holds 0"}},
    {"computed-shape", Status::kUnsupported, {"('wanted') must be a constant", "--fix-input"}},
    {"declared-as-another-type",
     Status::kMalformed,
     {"'t1' is declared as int32 and computed as float32"}},
    {"no-output", Status::kMalformed, {"the model has no output"}},
    {"endless-padding", Status::kMalformed, {"a padding is negative"}},
};

TEST(TfliteBadInputTest, IsRefusedByName) {
  for (const BadCase& bad : kBadCases) {
    SCOPED_TRACE(bad.name);
    const fs::path path = kFolder / "bad" / (std::string(bad.name) + ".tflite");
    try {
      ImportTfliteFile(path);
      ADD_FAILURE() << "imported";
    } catch (const ModelError& error) {
      EXPECT_EQ(error.status(), bad.status) << error.what();
      for (const std::string& text : bad.says) {
        EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
      }
    }
  }
}

TEST(TfliteBadInputTest, EveryBadModelIsListed) {
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(kFolder / "bad"))
    count += entry.is_regular_file();
  EXPECT_EQ(count, std::size(kBadCases));
}

TEST(TfliteBadInputTest, NotATfliteFile) {
  const std::string text = "this is not a model of any kind";
  try {
    ImportTfliteBytes(std::as_bytes(std::span(text)));
    FAIL() << "imported";
  } catch (const ModelError& error) {
    EXPECT_EQ(error.status(), Status::kMalformed);
    EXPECT_NE(std::string(error.what()).find("not a TFLite model"), std::string::npos);
  }
}

TEST(TfliteBadInputTest, CutOffAnywhere) {
  const std::vector<std::byte> bytes = ReadBytes(kFolder / "two-heads.tflite");
  ASSERT_GT(bytes.size(), 1000u);
  for (size_t size = 0; size < bytes.size(); ++size) {
    try {
      ImportTfliteBytes(std::span(bytes).first(size));
      // What lies behind the last element may be padding.
      EXPECT_GT(size + 16, bytes.size()) << size;
    } catch (const ModelError& error) {
      EXPECT_TRUE(error.status() == Status::kMalformed || error.status() == Status::kTruncated)
          << error.what();
    }
  }
}

// Whatever byte is changed, the file is refused by name or gives a graph that is sound.
TEST(TfliteBadInputTest, AnyByteChanged) {
  const std::vector<std::byte> original = ReadBytes(kFolder / "dense-of-flattened.tflite");
  size_t refused = 0, imported = 0;
  for (size_t at = 0; at < original.size(); ++at) {
    for (const int value : {0x00, 0x7f, 0xff}) {
      std::vector<std::byte> bytes = original;
      bytes[at] = static_cast<std::byte>(value);
      try {
        Graph graph = ImportTfliteBytes(bytes).graph;
        Normalize(graph);
        ++imported;
      } catch (const ModelError& error) {
        EXPECT_NE(error.status(), Status::kInternal) << error.what();
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 100u);
  EXPECT_GT(imported, 100u);
}

TEST(TfliteBadInputTest, TheContentTellsTheFormat) {
  EXPECT_TRUE(IsTfliteFile(kFolder / "dense.tflite"));
  EXPECT_TRUE(IsTfliteFile("no-such-file.tflite"));
  EXPECT_FALSE(IsTfliteFile(PENUMBRA_TEST_DATA "/resnet44-cifar10.onnx"));
  EXPECT_FALSE(IsTfliteFile("no-such-file.onnx"));
  const fs::path renamed = fs::path(testing::TempDir()) / "tflite-by-content";
  fs::copy_file(kFolder / "dense.tflite", renamed, fs::copy_options::overwrite_existing);
  EXPECT_EQ(ImportModelFile(renamed).graph.inputs.size(), 1u);
  fs::remove(renamed);
}

}  // namespace
}  // namespace penumbra::model
