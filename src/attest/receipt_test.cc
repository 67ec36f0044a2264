#include "attest/receipt.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "crypto/cbor.h"
#include "crypto/cose_sign1.h"
#include "crypto/key_agreement.h"
#include "crypto/testing.h"

namespace penumbra::attest {
namespace {

using crypto::CborType;
using crypto::CborWriter;
using crypto::testing::FlipBit;

std::span<const uint8_t> TextBytes(const char* text) {
  return {reinterpret_cast<const uint8_t*>(text), std::strlen(text)};
}

Hash Filled(uint8_t value) {
  Hash hash;
  hash.fill(value);
  return hash;
}

// One encoded field each, written as docs/receipt.md says, so that a test can spell any of them differently.
std::vector<std::vector<uint8_t>> Fields(const Hash& device_id) {
  std::vector<std::vector<uint8_t>> fields;
  const auto add = [&fields](auto write) {
    std::vector<uint8_t> bytes(64);
    CborWriter writer(bytes);
    writer.Head(CborType::kUnsigned, fields.size() + 1);
    write(&writer);
    EXPECT_TRUE(writer.ok());
    bytes.resize(writer.size());
    fields.push_back(bytes);
  };
  const auto number = [&add](uint64_t n) { add([n](CborWriter* w) { w->Head(CborType::kUnsigned, n); }); };
  const auto bytes = [&add](const Hash& hash) { add([&hash](CborWriter* w) { w->ByteString(hash); }); };
  number(1);
  bytes(Filled(2));
  number(300);
  bytes(Filled(4));
  bytes(device_id);
  number(2);
  add([](CborWriter* w) { w->Head(CborType::kSimple, crypto::kCborTrue); });
  bytes(Filled(8));
  bytes(Filled(9));
  bytes(Filled(10));
  add([](CborWriter* w) {
    w->Head(CborType::kArray, 3);
    for (const uint64_t check : {1, 3, 6}) w->Head(CborType::kUnsigned, check);
  });
  number(46);
  number(7);
  return fields;
}

class ReceiptTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(crypto::X25519PublicKey(private_, device_.public_key), Status::kOk);
    ASSERT_EQ(ReceiptPublicKey(private_, device_.receipt_key), Status::kOk);
    ASSERT_EQ(crypto::Sha256::Digest(device_.public_key, device_id_), Status::kOk);
    fields_ = Fields(device_id_);
  }
  static std::vector<uint8_t> Sign(const Hash& device_private, std::span<const uint8_t> payload) {
    Hash seed;
    EXPECT_EQ(crypto::DeriveKey(device_private, TextBytes(kReceiptKeyContext), seed), Status::kOk);
    std::vector<uint8_t> message(crypto::CoseSign1Size(payload.size()));
    std::vector<uint8_t> scratch(crypto::CoseSign1ScratchSize(payload.size(), sizeof(kReceiptContext)));
    EXPECT_EQ(crypto::EncodeCoseSign1(seed, TextBytes(kReceiptContext), payload, scratch, message), Status::kOk);
    return message;
  }
  std::vector<uint8_t> Payload() const {
    std::vector<uint8_t> payload = {static_cast<uint8_t>(0xa0 | fields_.size())};
    for (const auto& field : fields_) payload.insert(payload.end(), field.begin(), field.end());
    return payload;
  }
  Verdict Check(std::span<const uint8_t> message) { return CheckReceipt(message, device_, &receipt_); }
  // Signed by the device itself: only the form is wrong.
  Verdict CheckSigned() { return Check(Sign(private_, Payload())); }

  Hash private_ = Filled(0x42), device_id_{};
  Device device_;
  Receipt receipt_;
  std::vector<std::vector<uint8_t>> fields_;
};

TEST_F(ReceiptTest, ReadsEveryField) {
  ASSERT_EQ(CheckSigned(), Verdict::kGenuine);
  EXPECT_EQ(receipt_.manifest_hash, Filled(2));
  EXPECT_EQ(receipt_.model_version, 300u);
  EXPECT_EQ(receipt_.vendor_key, Filled(4));
  EXPECT_EQ(receipt_.device_id, device_id_);
  EXPECT_EQ(receipt_.carrier, CarrierKind::kProcess);
  EXPECT_TRUE(receipt_.software_tee);
  EXPECT_EQ(receipt_.nonce, Filled(8));
  EXPECT_EQ(receipt_.input_hash, Filled(9));
  EXPECT_EQ(receipt_.output_hash, Filled(10));
  EXPECT_EQ(receipt_.checks, (std::vector{ReceiptCheck::kVendorSignature, ReceiptCheck::kPlanProved,
                                          ReceiptCheck::kReplies}));
  EXPECT_EQ(receipt_.soundness_bits, 46u);
  EXPECT_EQ(receipt_.clamped_count, 7u);
}

TEST_F(ReceiptTest, NoFlippedBitIsGenuine) {
  const std::vector<uint8_t> honest = Sign(private_, Payload());
  ASSERT_EQ(Check(honest), Verdict::kGenuine);
  uint32_t altered = 0, other_device = 0;
  for (size_t bit = 0; bit < 8 * honest.size(); ++bit) {
    std::vector<uint8_t> message = honest;
    FlipBit(message, bit);
    const Verdict verdict = Check(message);
    ASSERT_NE(verdict, Verdict::kGenuine) << bit;
    altered += verdict == Verdict::kAltered;
    other_device += verdict == Verdict::kOtherDevice;
  }
  // All of the signature and the five other fields of 32 bytes; the name of the device.
  EXPECT_GE(altered, 8u * (64 + 5 * 32));
  EXPECT_EQ(other_device, 8u * 32);
}

TEST_F(ReceiptTest, NoTruncationOrExtensionIsAReceipt) {
  std::vector<uint8_t> message = Sign(private_, Payload());
  for (size_t size = 0; size < message.size(); ++size) {
    ASSERT_EQ(Check(std::span(message).first(size)), Verdict::kNotAReceipt) << size;
  }
  message.push_back(0);
  EXPECT_EQ(Check(message), Verdict::kNotAReceipt);
}

TEST_F(ReceiptTest, AnotherDeviceIsNamed) {
  const std::vector<uint8_t> honest = Sign(private_, Payload());
  Device other;
  ASSERT_EQ(crypto::X25519PublicKey(Filled(0x43), other.public_key), Status::kOk);
  ASSERT_EQ(ReceiptPublicKey(Filled(0x43), other.receipt_key), Status::kOk);
  EXPECT_EQ(CheckReceipt(honest, other, &receipt_), Verdict::kOtherDevice);
  EXPECT_EQ(receipt_.device_id, device_id_);
  // Signed by another device in this one's name.
  EXPECT_EQ(Check(Sign(Filled(0x43), Payload())), Verdict::kAltered);
}

// The same signature in another context is another message.
TEST_F(ReceiptTest, AnotherContextIsAltered) {
  const std::vector<uint8_t> payload = Payload();
  Hash seed;
  ASSERT_EQ(crypto::DeriveKey(private_, TextBytes(kReceiptKeyContext), seed), Status::kOk);
  std::vector<uint8_t> message(crypto::CoseSign1Size(payload.size())), scratch(2 * kMaxReceiptSize);
  ASSERT_EQ(crypto::EncodeCoseSign1(seed, TextBytes("penumbra manifest 1"), payload, scratch, message), Status::kOk);
  EXPECT_EQ(Check(message), Verdict::kAltered);
}

TEST_F(ReceiptTest, EveryFieldIsNeededOnceInOrder) {
  const auto honest = fields_;
  for (size_t i = 0; i < honest.size(); ++i) {
    fields_ = honest;
    fields_.erase(fields_.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_EQ(CheckSigned(), Verdict::kNotAReceipt) << "without field " << i + 1;
    fields_ = honest;
    fields_.insert(fields_.begin() + static_cast<ptrdiff_t>(i), honest[i]);
    EXPECT_EQ(CheckSigned(), Verdict::kNotAReceipt) << "field twice " << i + 1;
    fields_ = honest;
    std::swap(fields_[i], fields_[(i + 1) % honest.size()]);
    EXPECT_EQ(CheckSigned(), Verdict::kNotAReceipt) << "other order " << i + 1;
  }
}

// What no trusted half signs, though the signature were its own.
TEST_F(ReceiptTest, RefusesFieldsThatMakeNoSense) {
  struct Case {
    size_t field;
    std::vector<uint8_t> encoded;
  };
  const auto honest = fields_;
  for (const Case& c : std::vector<Case>{
           {1, {0x01, 0x02}},              // a version to come
           {3, {0x03, 0x18, 0x05}},        // a long head
           {6, {0x06, 0x05}},              // no such carrier
           {6, {0x06, 0x00}},
           {6, {0x06, 0x03}},              // a hardware TEE that says it is software
           {7, {0x07, 0xf4}},              // and the reverse
           {7, {0x07, 0xf6}},              // null
           {7, {0x07, 0x01}},
           {11, {0x0b, 0x83, 1, 3, 7}},    // no such check
           {11, {0x0b, 0x83, 1, 6, 3}},    // not ascending
           {11, {0x0b, 0x83, 1, 3, 3}},
           {11, {0x0b, 0x83, 0, 3, 6}},
           {11, {0x0b, 0x82, 1, 3}},       // soundness without the check
           {11, {0x0b, 0x87, 1, 2, 3, 4, 5, 6, 7}},
           {12, {0x0c, 0x00}},             // the check without soundness
           {12, {0x0c, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0}},
           {13, {0x0d, 0x20}},             // negative
       }) {
    fields_ = honest;
    fields_[c.field - 1] = c.encoded;
    EXPECT_EQ(CheckSigned(), Verdict::kNotAReceipt) << "field " << c.field;
  }
  fields_ = honest;
  fields_[7 - 1] = {0x07, 0xf4};
  fields_[6 - 1] = {0x06, 0x03};
  EXPECT_EQ(CheckSigned(), Verdict::kGenuine) << "a hardware TEE that says so";
}

TEST(PortsHash, DependsOnContextCountOrderAndEveryBit) {
  const std::vector<float> a = {1, 2, 3}, b = {4, 5};
  const auto hash = [](const char(&context)[16], std::vector<std::vector<float>> ports) {
    PortsHash all(context, static_cast<uint32_t>(ports.size()));
    for (const auto& port : ports) all.Add(port);
    return all.Final();
  };
  const Hash honest = hash(kReceiptInputs, {a, b});
  EXPECT_EQ(hash(kReceiptInputs, {a, b}), honest);
  EXPECT_NE(hash(kReceiptOutputs, {a, b}), honest);
  EXPECT_NE(hash(kReceiptInputs, {b, a}), honest);
  EXPECT_NE(hash(kReceiptInputs, {a}), honest);
  EXPECT_NE(hash(kReceiptInputs, {{1, 2}, {3, 4, 5}}), honest);
  EXPECT_NE(hash(kReceiptInputs, {{1, 2, 3}, {4, -5}}), honest);
  EXPECT_NE(hash(kReceiptInputs, {{0.0f}}), hash(kReceiptInputs, {{-0.0f}}));
}

}  // namespace
}  // namespace penumbra::attest
