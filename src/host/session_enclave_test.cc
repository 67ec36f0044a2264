// Sessions over the real trusted runtime, in both software carriers: what a bundle must get past
// before it is accepted. In the process carrier this also shows that the cryptography runs inside
// the sandbox.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <memory>

#include "accel/registry.h"
#include "boundary/plan.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/hpke.h"
#include "crypto/key_agreement.h"
#include "host/session.h"
#include "host/testing/bundle_builder.h"
#include "host/testing/expect_error.h"
#include "tee/direct/untrusted/direct_transport.h"
#include "tee/process/untrusted/process_transport.h"
#include "tee/testing/carrier_test_util.h"

namespace penumbra::host {
namespace {

constexpr uint8_t kBundleKey[32] = {9, 8, 7};

// Wraps kBundleKey for `device_key` as boundary/bundle.h says.
WrapRec Wrap(const std::array<uint8_t, 32>& device_key, const BundleBuilder& builder) {
  std::array<uint8_t, 32> public_key{};
  WrapRec wrap{};
  EXPECT_EQ(crypto::X25519PublicKey(device_key, public_key), Status::kOk);
  EXPECT_EQ(crypto::Sha256::Digest(public_key, wrap.device_id), Status::kOk);
  const VendorKey vendor = TestVendorKey();
  std::array<uint8_t, sizeof(uint64_t)> version{};
  std::memcpy(version.data(), &builder.head.model_version, version.size());
  std::vector<uint8_t> info;
  info.insert(info.end(), kWrapContext, kWrapContext + sizeof(kWrapContext) - 1);
  info.insert(info.end(), vendor.begin(), vendor.end());
  info.insert(info.end(), version.begin(), version.end());
  info.insert(info.end(), builder.name.begin(), builder.name.end());
  EXPECT_EQ(crypto::SealBase(public_key, info, {}, kBundleKey, wrap.enc, wrap.wrapped),
            Status::kOk);
  return wrap;
}

// Replaces the sealed half by chunks of zeros that authenticate under kBundleKey.
void SealChunks(BundleBuilder* builder) {
  crypto::AeadKey key;
  ASSERT_EQ(key.Init(kBundleKey), Status::kOk);
  builder->sealed_half.clear();
  const auto count = static_cast<uint32_t>(builder->chunk_plain_sizes.size());
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t size = builder->chunk_plain_sizes[i];
    const uint32_t aad_fields[3] = {i, count, size};
    uint8_t aad[5 + sizeof(aad_fields)] = {'c', 'h', 'u', 'n', 'k'};
    std::memcpy(aad + 5, aad_fields, sizeof(aad_fields));
    const uint64_t index = i;
    uint8_t nonce[12];
    std::memcpy(nonce, &kNonceChunk, 4);
    std::memcpy(nonce + 4, &index, 8);
    std::vector<uint8_t> bytes(size);
    std::array<uint8_t, 16> tag{};
    ASSERT_EQ(key.Seal(nonce, aad, bytes, bytes, tag), Status::kOk);
    builder->sealed_half.insert(builder->sealed_half.end(), bytes.begin(), bytes.end());
    builder->sealed_half.insert(builder->sealed_half.end(), tag.begin(), tag.end());
  }
}

class SessionEnclaveTest : public ::testing::TestWithParam<CarrierKind> {
 protected:
  void SetUp() override {
    key_file_ = folder_.path() / "device.key";
    device_key_ = tee::WriteDeviceKey(key_file_, 0600);
    builder_.head.secure_memory_size = 4 << 20;
  }

  std::unique_ptr<Transport> MakeTransport() {
    if (GetParam() == CarrierKind::kDirect) {
      return std::make_unique<tee::DirectTransport>(tee::DirectOptions{
          .device_key = device_key_, .state_directory = folder_.path().string()});
    }
    return std::make_unique<tee::ProcessTransport>(tee::ProcessOptions{
        .enclave_binary = PENUMBRA_ENCLAVE_BINARY,
        .device_key_file = key_file_,
        .state_directory = folder_.path(),
    });
  }

  std::unique_ptr<Session> Load() {
    const std::filesystem::path path = folder_.path() / "m.penumbra";
    const std::vector<uint8_t> bytes = builder_.Build();
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    std::unique_ptr<Device> device;
    EXPECT_EQ(CreateDevice("reference", &device), Status::kOk);
    SessionOptions options;
    options.vendor_key = TestVendorKey();
    return Session::Load(path, MakeTransport(), std::move(device), std::move(options));
  }

  tee::TemporaryFolder folder_;
  std::filesystem::path key_file_;
  std::array<uint8_t, 32> device_key_{};
  BundleBuilder builder_;
};

TEST_P(SessionEnclaveTest, AnswersBeforeAModelIsLoaded) {
  const std::unique_ptr<Transport> transport = MakeTransport();
  ASSERT_EQ(transport->Start(kLoadWindowSize, 4 << 20), Status::kOk) << transport->failure();
  Command hello{};
  hello.id = CommandId::kHello;
  Reply reply{};
  ASSERT_EQ(transport->Call(hello, &reply), Status::kOk) << transport->failure();
  EXPECT_EQ(reply.status, Status::kOk);
  EXPECT_EQ(reply.info.carrier, static_cast<uint32_t>(GetParam()));
  EXPECT_EQ(reply.info.state, static_cast<uint32_t>(SessionState::kEmpty));
}

TEST_P(SessionEnclaveTest, RefusesABundleForAnotherDevice) {
  EXPECT_HOST_ERROR(Load(), Status::kWrongDevice, "P304");
}

TEST_P(SessionEnclaveTest, RefusesChunksUnderAnotherKey) {
  builder_.wraps = {Wrap(device_key_, builder_)};
  EXPECT_HOST_ERROR(Load(), Status::kAuthenticationFailed, "P305");
}

TEST_P(SessionEnclaveTest, RefusesAWrapForAnotherVersion) {
  builder_.wraps = {Wrap(device_key_, builder_)};
  builder_.head.model_version += 1;
  EXPECT_HOST_ERROR(Load(), Status::kAuthenticationFailed, "P305");
}

// Everything authenticates, but the plan is zeros: the runtime read and judged it inside the TEE.
TEST_P(SessionEnclaveTest, RefusesAPlanThatIsNone) {
  builder_.chunk_plain_sizes.front() = sizeof(PlanHeader);
  builder_.wraps = {Wrap(device_key_, builder_)};
  SealChunks(&builder_);
  EXPECT_HOST_ERROR(Load(), Status::kUnsupportedVersion, "P307");
}

TEST_P(SessionEnclaveTest, RefusesTooLittleSecureMemory) {
  builder_.head.secure_memory_size = 4096;
  EXPECT_HOST_ERROR(Load(), Status::kSecureMemoryExceeded, "P202");
}

INSTANTIATE_TEST_SUITE_P(Carriers, SessionEnclaveTest,
                         ::testing::Values(CarrierKind::kDirect, CarrierKind::kProcess),
                         [](const auto& param_info) {
                           return param_info.param == CarrierKind::kDirect ? "direct" : "process";
                         });

}  // namespace
}  // namespace penumbra::host
