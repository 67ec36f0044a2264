// The public surface: errors, samples, the C interface's handling of bad arguments, sessions that are
// used from several threads.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "penumbra/penumbra.h"
#include "penumbra/penumbra_c.h"

namespace penumbra {
namespace {

class ApiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "penumbra_api_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
};

template <typename Action>
void ExpectError(const std::string& code, const std::string& text, Action action) {
  try {
    action();
    ADD_FAILURE() << "no error, expected " << code;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    EXPECT_EQ(std::string(error.what()), code + ": " + error.message());
  }
}

TEST(ErrorTest, ClassesFollowTheBands) {
  EXPECT_EQ(Error(101, "x").error_class(), ErrorClass::kUsage);
  EXPECT_EQ(Error(103, "x").error_class(), ErrorClass::kFailure);
  EXPECT_EQ(Error(106, "x").error_class(), ErrorClass::kUnsupportedModel);
  EXPECT_EQ(Error(303, "x").error_class(), ErrorClass::kIntegrity);
  EXPECT_EQ(Error(601, "x").error_class(), ErrorClass::kIntegrity);
  EXPECT_EQ(Error(701, "x").error_class(), ErrorClass::kAttestation);
}

TEST(SplitSamplesTest, AcceptsTheShapeItsSqueezedFormAndBatches) {
  const TensorInfo input{"x", {1, 2, 3}};
  const std::vector<float> six{1, 2, 3, 4, 5, 6};
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{1, 2, 3}, {2, 3}, {1, 1, 2, 3}}) {
    const std::vector<Tensor> samples = SplitSamples(input, {shape, six});
    ASSERT_EQ(samples.size(), 1u);
    EXPECT_EQ(samples[0].shape, input.shape);
  }
  const std::vector<Tensor> three = SplitSamples({"x", {1, 2}}, {{3, 2}, six});
  ASSERT_EQ(three.size(), 3u);
  EXPECT_EQ(three[1].values, (std::vector<float>{3, 4}));
  EXPECT_EQ(three[2].shape, (std::vector<int64_t>{1, 2}));
  const std::vector<Tensor> stacked = SplitSamples({"x", {1, 2}}, {{3, 1, 2}, six});
  ASSERT_EQ(stacked.size(), 3u);
  EXPECT_EQ(stacked[2].values, (std::vector<float>{5, 6}));
}

TEST(SplitSamplesTest, RefusesOtherShapes) {
  ExpectError("P103", "expects 1x2x3, got 3x2", [] {
    SplitSamples({"x", {1, 2, 3}}, {{3, 2}, std::vector<float>(6)});
  });
  ExpectError("P103", "got scalar", [] { SplitSamples({"x", {1, 2}}, {{}, {1}}); });
}

TEST_F(ApiTest, DefaultKeysAreMadeOnceAndLogged) {
  std::vector<std::string> lines;
  const Env env({.log = [&](LogLevel, const std::string& line) { lines.push_back(line); },
                 .config_folder = folder_ / "config"});
  EXPECT_TRUE(DefaultKeys(env, KeyKind::kVendor).created);
  EXPECT_FALSE(DefaultKeys(env, KeyKind::kVendor).created);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(lines[0].find("made"), std::string::npos);
  EXPECT_NE(lines[0].find("vendor.key"), std::string::npos);
  EXPECT_EQ(lines[1].find("made"), std::string::npos);
}

TEST_F(ApiTest, FilesThatAreMissingOrForeign) {
  const Env env({.config_folder = folder_});
  ExpectError("P205", "m.onnx", [&] { Protect(env, folder_ / "m.onnx", folder_ / "m.penumbra"); });
  ExpectError("P205", "none", [&] { Inspect(folder_ / "none"); });
  std::ofstream(folder_ / "text")
      << "not a bundle, but long enough to hold the header of one: 0123456789";
  ExpectError("P301", "", [&] { Inspect(folder_ / "text"); });
  ExpectError("P301", "text", [&] { ReadNpy(folder_ / "text"); });
}

TEST_F(ApiTest, PreprocessFromPresetsAndFiles) {
  EXPECT_NE(ResolvePreprocess("imagenet", 224, 224, {}).find("\"side\":256"), std::string::npos);
  ExpectError("P101", "mnist", [] { ResolvePreprocess("mnist", 1, 1, {}); });
  std::ofstream(folder_ / "p.json") << R"({"scale": 2, "spam": 1})";
  ExpectError("P301", "p.json", [&] { ResolvePreprocess(folder_ / "p.json", 1, 1, {}); });
}

TEST(CApiTest, NullArgumentsAreErrors) {
  EXPECT_EQ(penumbra_c_api_version(), static_cast<uint32_t>(PENUMBRA_C_API_VERSION));
  EXPECT_EQ(penumbra_status_number(nullptr), 0u);
  EXPECT_STREQ(penumbra_status_text(nullptr), "");
  penumbra_status* status = penumbra_env_create(nullptr, nullptr, nullptr, nullptr);
  EXPECT_EQ(penumbra_status_number(status), 101u);
  penumbra_status_free(status);
  status = penumbra_session_run(nullptr, nullptr, 0, nullptr);
  EXPECT_EQ(penumbra_status_number(status), 101u);
  penumbra_status_free(status);
  penumbra_env_free(nullptr);
  penumbra_session_free(nullptr);
  penumbra_outputs_free(nullptr);
  penumbra_status_free(nullptr);
}

TEST_F(ApiTest, CErrorsCarryCodeAndText) {
  penumbra_env* env = nullptr;
  ASSERT_EQ(penumbra_env_create(folder_.c_str(), nullptr, nullptr, &env), nullptr);
  penumbra_session* session = nullptr;
  penumbra_status* status = penumbra_session_load(env, "/nowhere.penumbra", nullptr, &session);
  EXPECT_EQ(penumbra_status_number(status), 205u);
  EXPECT_EQ(std::string(penumbra_status_text(status)).rfind("P205: ", 0), 0u);
  EXPECT_EQ(session, nullptr);
  penumbra_status_free(status);
  penumbra_session_options unset{};
  status = penumbra_session_load(env, "/nowhere.penumbra", &unset, &session);
  EXPECT_EQ(penumbra_status_number(status), 101u);
  penumbra_status_free(status);
  penumbra_env_free(env);
}

Tensor Picture(const TensorInfo& info, uint32_t seed) {
  Tensor tensor{info.shape, {}};
  size_t count = 1;
  for (const int64_t extent : info.shape) count *= static_cast<size_t>(extent);
  for (size_t i = 0; i < count; ++i) {
    tensor.values.push_back(std::sin(static_cast<float>(i * (seed + 1)) * 0.01f));
  }
  return tensor;
}

class InFlightTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    const Env env({.config_folder = folder_ / "config"});
    const std::filesystem::path model = PENUMBRA_TEST_DATA "/resnet44-cifar10.onnx";
    const TensorInfo input = FloatModel(model).inputs().at(0);
    std::filesystem::create_directory(folder_ / "samples");
    for (uint32_t i = 0; i < 2; ++i) {
      WriteNpy(folder_ / "samples" / (std::to_string(i) + ".npy"), Picture(input, i));
    }
    bundle_ = folder_ / "model.penumbra";
    ProtectOptions options;
    options.preset = "shadownet";
    options.calibration = folder_ / "samples";
    options.secure_memory_size = 4 << 20;
    Protect(env, model, bundle_, options);
  }
  std::filesystem::path bundle_;
};

TEST_F(InFlightTest, ManyThreadsShareASession) {
  constexpr uint32_t kThreads = 4, kRequests = 3;
  const Env env({.config_folder = folder_ / "config"});
  Session session(env, bundle_,
                  {.carrier = Carrier::kDirect, .accelerator = "reference", .max_in_flight = 2});
  EXPECT_EQ(session.Info().max_in_flight, 2u);
  EXPECT_GE(session.Info().in_flight_capacity, 2u);
  const TensorInfo input = session.inputs().at(0);
  std::vector<TensorMap> wanted;
  for (uint32_t t = 0; t < kThreads; ++t) {
    wanted.push_back(session.Run({{input.name, Picture(input, t)}}));
  }
  std::atomic<uint32_t> wrong{0}, done{0};
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (uint32_t i = 0; i < kRequests; ++i) {
        if (i == 1 && t == 0) session.MakePads(1);
        if (i == 1 && t == 1) session.StartTrace(64 << 20);
        const TensorMap got = session.Run({{input.name, Picture(input, t)}});
        for (const auto& [name, tensor] : wanted[t]) {
          if (got.at(name).values != tensor.values) ++wrong;
        }
        ++done;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(done, kThreads * kRequests);
  EXPECT_FALSE(session.TakeTrace().empty());
  EXPECT_TRUE(session.TakeTrace().empty());
}

TEST_F(InFlightTest, TheCInterfaceTakesTheNumberAndItsLimits) {
  penumbra_env* env = nullptr;
  ASSERT_EQ(penumbra_env_create((folder_ / "config").c_str(), nullptr, nullptr, &env), nullptr);
  penumbra_session_options options{};
  options.struct_size = sizeof(options);
  options.carrier = PENUMBRA_CARRIER_DIRECT;
  options.accelerator = "reference";
  options.max_in_flight = 17;
  penumbra_session* session = nullptr;
  penumbra_status* status = penumbra_session_load(env, bundle_.c_str(), &options, &session);
  EXPECT_EQ(penumbra_status_number(status), 101u) << penumbra_status_text(status);
  penumbra_status_free(status);
  options.max_in_flight = 2;
  options.accelerator_timeout_ms = 24 * 3'600'000 + 1;
  status = penumbra_session_load(env, bundle_.c_str(), &options, &session);
  EXPECT_EQ(penumbra_status_number(status), 101u) << penumbra_status_text(status);
  penumbra_status_free(status);
  options.accelerator_timeout_ms = 10'000;
  status = penumbra_session_load(env, bundle_.c_str(), &options, &session);
  EXPECT_EQ(status, nullptr) << penumbra_status_text(status);
  const uint8_t* log = reinterpret_cast<const uint8_t*>(&options);
  size_t log_size = 1;
  EXPECT_EQ(penumbra_session_failure_log(session, &log, &log_size), nullptr);  // no reply was refused
  EXPECT_EQ(log, nullptr);
  EXPECT_EQ(log_size, 0u);
  penumbra_session_free(session);
  penumbra_env_free(env);
}

}  // namespace
}  // namespace penumbra
