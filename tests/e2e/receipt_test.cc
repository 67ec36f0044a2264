// Receipts of real models over both carriers, held against the tensors the caller has.
#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <thread>

#include "attest/receipt.h"
#include "graphs.h"
#include "harness.h"
#include "host/error.h"
#include "host/layout.h"
#include "protect/presets/presets.h"

namespace penumbra::e2e {
namespace {

using attest::Verdict;

std::unique_ptr<protect::CompiledModel> Compile(const model::Graph& graph, const std::string& preset) {
  protect::CompileOptions options;
  options.preset = preset;
  options.scheme = protect::PresetScheme(preset);
  options.seed_for_tests.emplace().fill(9);
  options.calibration = SmoothCalibration(graph);
  return std::make_unique<protect::CompiledModel>(graph, options);
}

attest::Device DeviceOf(const Keys& keys) {
  attest::Device device;
  device.public_key = keys.device.public_key;
  EXPECT_TRUE(IsOk(attest::ReceiptPublicKey(keys.device.private_key, device.receipt_key)));
  return device;
}

attest::Hash HashOf(const char (&context)[16], const std::vector<host::Port>& ports, const Tensors& tensors) {
  attest::PortsHash hash(context, static_cast<uint32_t>(ports.size()));
  for (size_t i = 0; i < ports.size(); ++i) {
    std::vector<float> physical(tensors[i].size());
    host::ToPhysical(ports[i].shape, ports[i].perm, tensors[i], physical);
    hash.Add(physical);
  }
  return hash.Final();
}

host::ReceiptRequest Request(uint8_t nonce) {
  host::ReceiptRequest request;
  request.nonce.fill(nonce);
  return request;
}

void ExpectReceipt(const host::Session& session, const Keys& keys, const host::ReceiptRequest& request,
                   const Tensors& inputs, const Tensors& outputs) {
  attest::Receipt receipt;
  ASSERT_EQ(attest::CheckReceipt(request.receipt, DeviceOf(keys), &receipt), Verdict::kGenuine);
  EXPECT_EQ(receipt.nonce, request.nonce);
  EXPECT_EQ(receipt.vendor_key, keys.vendor.public_key);
  EXPECT_EQ(receipt.carrier, session.transport().carrier());
  EXPECT_TRUE(receipt.software_tee);
  attest::Hash manifest;
  ASSERT_TRUE(IsOk(crypto::Sha256::Digest(session.bundle().manifest_message(), manifest)));
  EXPECT_EQ(receipt.manifest_hash, manifest);
  EXPECT_EQ(receipt.input_hash, HashOf(kReceiptInputs, session.inputs(), inputs));
  EXPECT_EQ(receipt.output_hash, HashOf(kReceiptOutputs, session.outputs(), outputs));
}

class ReceiptGraph : public testing::TestWithParam<GraphCase> {};

TEST_P(ReceiptGraph, HoldsForWhatTheCallerHas) {
  protect::TestGraph test;
  GetParam().build(test);
  for (const char* preset : {"shadownet", "groupcover", "enclave", "mlcapsule"}) {
    for (const CarrierKind carrier : {CarrierKind::kDirect, CarrierKind::kProcess}) {
      SCOPED_TRACE(preset);
      const auto model = Compile(test.graph, preset);
      const ScratchFolder scratch;
      const Keys keys;
      WriteBundle(*model, keys, scratch.path() / "m.penumbra");
      const auto session = OpenSession(scratch.path() / "m.penumbra", keys, {.carrier = carrier}, scratch.path());
      const Tensors inputs = SmoothInputs(model->lowered(), 5);
      host::ReceiptRequest request = Request(1);
      const Tensors outputs = RunSession(session.get(), inputs, nullptr, &request);
      // Float layers inside sum in the order of the trusted kernels, the oracle in any order.
      if (!model->quantized().empty()) {
        EXPECT_EQ(CountDifferentBits(outputs, RunPlain(*model, inputs)), 0u);
      }
      ExpectReceipt(*session, keys, request, inputs, outputs);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Graphs, ReceiptGraph, testing::ValuesIn(GraphCases()),
                         [](const auto& param_info) { return param_info.param.name; });

class ReceiptSession : public testing::Test {
 protected:
  void Open(const Place& place) {
    GraphCases().front().build(test_);
    model_ = Compile(test_.graph, "shadownet");
    WriteBundle(*model_, keys_, scratch_.path() / "m.penumbra");
    session_ = OpenSession(scratch_.path() / "m.penumbra", keys_, place, scratch_.path());
  }
  protect::TestGraph test_;
  std::unique_ptr<protect::CompiledModel> model_;
  const ScratchFolder scratch_;
  const Keys keys_;
  std::unique_ptr<host::Session> session_;
};

TEST_F(ReceiptSession, EveryRequestInFlightGetsItsOwn) {
  constexpr uint32_t kLanes = 3, kRequests = 4;
  Open({.device = "onednn", .carrier = CarrierKind::kProcess, .in_flight = kLanes,
        .secure_memory_size = uint64_t{24} << 20});
  std::atomic<uint32_t> done{0};
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t <= kLanes; ++t) {
    threads.emplace_back([&, t] {
      for (uint32_t i = 0; i < kRequests; ++i) {
        const Tensors inputs = SmoothInputs(model_->lowered(), 1 + t * kRequests + i);
        host::ReceiptRequest request = Request(static_cast<uint8_t>(t * kRequests + i));
        const Tensors outputs = RunSession(session_.get(), inputs, nullptr, &request);
        ExpectReceipt(*session_, keys_, request, inputs, outputs);
        ++done;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done, kRequests * (kLanes + 1));
}

TEST_F(ReceiptSession, AFailedInferenceLeavesNone) {
  Open({.carrier = CarrierKind::kProcess});
  Tensors inputs = SmoothInputs(model_->lowered(), 5);
  host::ReceiptRequest request = Request(1);
  RunSession(session_.get(), inputs, nullptr, &request);
  ASSERT_FALSE(request.receipt.empty());
  inputs[0][0] = std::numeric_limits<float>::infinity();
  EXPECT_THROW(RunSession(session_.get(), inputs, nullptr, &request), host::HostError);
  EXPECT_TRUE(request.receipt.empty());
}

TEST_F(ReceiptSession, AnAlteredByteAnotherDeviceOrARunAgainIsNoticed) {
  Open({});
  const Tensors inputs = SmoothInputs(model_->lowered(), 5);
  host::ReceiptRequest request = Request(1), again = Request(2);
  RunSession(session_.get(), inputs, nullptr, &request);
  RunSession(session_.get(), inputs, nullptr, &again);
  EXPECT_NE(request.receipt, again.receipt);
  attest::Receipt receipt;
  for (size_t i = 0; i < request.receipt.size(); ++i) {
    std::vector<uint8_t> altered = request.receipt;
    altered[i] ^= 0x20;
    ASSERT_NE(attest::CheckReceipt(altered, DeviceOf(keys_), &receipt), Verdict::kGenuine) << i;
  }
  EXPECT_EQ(attest::CheckReceipt(request.receipt, DeviceOf(Keys()), &receipt), Verdict::kOtherDevice);
}

}  // namespace
}  // namespace penumbra::e2e
