#include "tee/direct/untrusted/direct_transport.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "tee/testing/carrier_test_util.h"

namespace penumbra::tee {
namespace {

constexpr uint64_t kExchangeSize = kLoadWindowSize;
constexpr uint64_t kSecureMemorySize = 1 << 20;

class DirectTransportTest : public ::testing::Test {
 protected:
  void SetUp() override { options_.device_key.fill(0x5a); }
  Reply Call(DirectTransport* transport, Script script, uint64_t argument = 0) {
    Reply reply{};
    EXPECT_EQ(transport->Call(ScriptCommand(script, argument), &reply), Status::kOk);
    return reply;
  }
  DirectOptions options_;
};

TEST_F(DirectTransportTest, SharesTheExchangeRegion) {
  DirectTransport transport(options_);
  ASSERT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk);
  ASSERT_EQ(transport.exchange().size(), kExchangeSize);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(transport.exchange().data()) % 64, 0u);
  std::ranges::fill(transport.exchange().first(3), uint8_t{2});
  EXPECT_EQ(Call(&transport, Script::kInvert, 3).info.clamped_count, 6u);
  EXPECT_EQ(transport.exchange()[2], 253);
  EXPECT_EQ(transport.exchange()[3], 0);
}

TEST_F(DirectTransportTest, GivesTheRuntimeItsPort) {
  DirectTransport transport(options_);
  ASSERT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk);
  const Reply hello = Call(&transport, Script::kNothing);
  EXPECT_EQ(hello.info.carrier, static_cast<uint32_t>(CarrierKind::kDirect));
  EXPECT_EQ(hello.info.secure_memory_size, kSecureMemorySize);
  EXPECT_EQ(Call(&transport, Script::kDeviceKey).info.clamped_count, 0x5a5a5a5a5a5a5a5au);
  EXPECT_EQ(Call(&transport, Script::kEntropy, 64).status, Status::kOk);
  EXPECT_FALSE(
      std::ranges::all_of(transport.exchange().first(64), [](uint8_t b) { return b == 0; }));
  EXPECT_EQ(Call(&transport, Script::kAdvanceVersion, 3).status, Status::kOk);
  EXPECT_EQ(Call(&transport, Script::kGetVersion).info.clamped_count, 3u);
}

TEST_F(DirectTransportTest, CountersInAFileOutliveTheTransport) {
  const TemporaryFolder folder;
  options_.state_directory = folder.path().string();
  {
    DirectTransport transport(options_);
    ASSERT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk);
    EXPECT_EQ(Call(&transport, Script::kAdvanceVersion, 9).status, Status::kOk);
  }
  DirectTransport transport(options_);
  ASSERT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk);
  EXPECT_EQ(Call(&transport, Script::kGetVersion).info.clamped_count, 9u);
  EXPECT_EQ(Call(&transport, Script::kAdvanceVersion, 8).status, Status::kRolledBack);
}

TEST_F(DirectTransportTest, RefusesCallsOutsideItsLife) {
  DirectTransport transport(options_);
  Reply reply{};
  EXPECT_EQ(transport.Call(ScriptCommand(Script::kNothing), &reply), Status::kWrongState);
  EXPECT_TRUE(transport.exchange().empty());
  ASSERT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk);
  EXPECT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kWrongState);
  const std::shared_ptr<const void> owner = transport.exchange_owner();
  uint8_t* const region = transport.exchange().data();
  transport.Stop();
  transport.Stop();
  EXPECT_EQ(transport.Call(ScriptCommand(Script::kNothing), &reply), Status::kWrongState);
  region[0] = 1;  // still mapped: the owner lives
}

TEST_F(DirectTransportTest, ReportsWhatTheRuntimeRefuses) {
  DirectTransport transport(options_);
  EXPECT_EQ(transport.Start(kExchangeSize, 8), Status::kSecureMemoryExceeded);
  EXPECT_EQ(transport.Start(kLoadWindowSize - 4096, kSecureMemorySize), Status::kInvalidArgument);
  EXPECT_FALSE(transport.failure().empty());
}

TEST_F(DirectTransportTest, SaysThatItIsASoftwareTee) {
  const DirectTransport transport(options_);
  EXPECT_NE(transport.label().find(host::kSoftwareTeeNotice), std::string::npos);
}

}  // namespace
}  // namespace penumbra::tee
