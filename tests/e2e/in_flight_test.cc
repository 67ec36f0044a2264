// "Exact means exact" with several requests under way at once: whoever else is inside, a request gets
// the bits it would have got alone.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "graphs.h"
#include "harness.h"
#include "host/error.h"
#include "model/onnx/import.h"
#include "protect/presets/presets.h"

namespace penumbra::e2e {
namespace {

using protect::CompiledModel;

constexpr uint32_t kRequests = 4;  // of each thread
constexpr uint32_t kInputs = 3;
constexpr uint64_t kAmpleMemory = uint64_t{24} << 20;

std::unique_ptr<CompiledModel> Compile(const model::Graph& graph, const std::string& preset,
                                       uint64_t secure_memory_size = uint64_t{12} << 20) {
  protect::CompileOptions options;
  options.preset = preset;
  options.secure_memory_size = secure_memory_size;
  options.scheme = protect::PresetScheme(preset);
  options.seed_for_tests.emplace().fill(7);
  options.calibration = SmoothCalibration(graph);
  return std::make_unique<CompiledModel>(graph, options);
}

// `in_flight` + 1 threads, so that one of them waits now and then, each with inputs of its own.
void ExpectExactInFlight(const CompiledModel& model, const Place& place) {
  SCOPED_TRACE(PlaceName(place) + ", " + std::to_string(place.in_flight) + " in flight");
  const ScratchFolder scratch;
  const Keys keys;
  const std::filesystem::path bundle = scratch.path() / "model.penumbra";
  WriteBundle(model, keys, bundle);
  std::vector<Tensors> inputs, wanted;
  for (uint32_t i = 0; i < kInputs; ++i) {
    inputs.push_back(SmoothInputs(model.lowered(), i + 1));
    wanted.push_back(RunPlain(model, inputs.back()));
  }
  ASSERT_NE(CountDifferentBits(wanted[0], wanted[1]), 0u);
  const auto session = OpenSession(bundle, keys, place, scratch.path());
  std::atomic<uint64_t> different{0};
  std::atomic<uint32_t> failed{0}, done{0};
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t <= place.in_flight; ++t) {
    threads.emplace_back([&, t] {
      try {
        for (uint32_t i = 0; i < kRequests; ++i) {
          const uint32_t which = (t + i) % kInputs;
          different += CountDifferentBits(RunSession(session.get(), inputs[which]), wanted[which]);
          ++done;
        }
      } catch (const host::HostError& error) {
        ++failed;
        ADD_FAILURE() << error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(different, 0u);
  EXPECT_EQ(failed, 0u);
  EXPECT_EQ(done, kRequests * (place.in_flight + 1));
  const Info info = session->QueryInfo();
  EXPECT_EQ(info.run_count, place.in_flight);
  EXPECT_EQ(info.pads_ready, 0u);
  EXPECT_LE(info.secure_memory_peak, info.secure_memory_size);
}

const Place kInFlight[] = {
    {.device = "reference", .in_flight = 2, .secure_memory_size = kAmpleMemory},
    {.device = "onednn", .threads = 2, .in_flight = 4, .secure_memory_size = kAmpleMemory},
    {.device = "onednn", .carrier = CarrierKind::kProcess, .in_flight = 2,
     .secure_memory_size = kAmpleMemory},
    {.device = "onednn", .carrier = CarrierKind::kProcess, .in_flight = 4,
     .secure_memory_size = kAmpleMemory},
};

class InFlightGraph : public testing::TestWithParam<GraphCase> {};

TEST_P(InFlightGraph, ChangesNoBit) {
  protect::TestGraph test;
  GetParam().build(test);
  for (const char* preset : {"shadownet", "enclave"}) {
    SCOPED_TRACE(preset);
    const auto model = Compile(test.graph, preset);
    for (const Place& place : {kInFlight[1], kInFlight[2]}) {
      ExpectExactInFlight(*model, place);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Graphs, InFlightGraph, testing::ValuesIn(GraphCases()),
                         [](const auto& param_info) { return param_info.param.name; });

class InFlightResNet44 : public testing::Test {
 protected:
  InFlightResNet44() : graph_(model::ImportOnnxFile(PENUMBRA_TEST_DATA "/resnet44-cifar10.onnx").graph) {
    model::Normalize(graph_);
    model_ = Compile(graph_, "shadownet");
  }
  model::Graph graph_;
  std::unique_ptr<CompiledModel> model_;
};

TEST_F(InFlightResNet44, ChangesNoBit) {
  for (const Place& place : kInFlight) ExpectExactInFlight(*model_, place);
}

TEST_F(InFlightResNet44, TooManyAreRefusedWithTheNumberThatFits) {
  const ScratchFolder scratch;
  const Keys keys;
  const std::filesystem::path bundle = scratch.path() / "model.penumbra";
  WriteBundle(*Compile(graph_, "shadownet", model_->report().schedule.secure_memory_size), keys,
              bundle);
  Place place{.carrier = CarrierKind::kProcess, .in_flight = 1, .secure_memory_size = kAmpleMemory};
  const Info one = OpenSession(bundle, keys, place, scratch.path())->QueryInfo();
  ASSERT_GT(one.run_capacity, 1u);
  place.in_flight = 2;
  const Info two = OpenSession(bundle, keys, place, scratch.path())->QueryInfo();
  // Tables and scratch are there once, whatever the number of runs.
  const uint64_t self_size = kAmpleMemory - one.secure_memory_size;
  const uint64_t run_size = two.secure_memory_peak - one.secure_memory_peak;
  EXPECT_LT(run_size, one.secure_memory_peak);
  place.secure_memory_size = self_size + two.secure_memory_peak + run_size - 64;
  place.in_flight = 3;
  try {
    OpenSession(bundle, keys, place, scratch.path());
    FAIL() << "three runs were loaded where two fit";
  } catch (const host::HostError& error) {
    EXPECT_EQ(error.status(), Status::kSecureMemoryExceeded);
    EXPECT_NE(std::string(error.what()).find("room for 2 requests in flight, not 3"),
              std::string::npos)
        << error.what();
  }
  place.in_flight = 2;
  EXPECT_EQ(OpenSession(bundle, keys, place, scratch.path())->QueryInfo().run_capacity, 2u);
}

}  // namespace
}  // namespace penumbra::e2e
