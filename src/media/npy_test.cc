#include "media/npy.h"

#include <cmath>
#include <cstring>
#include <utility>

#include "media/testing.h"

namespace penumbra::media {
namespace {

std::vector<uint8_t> Build(const std::string& header, const std::vector<uint8_t>& data,
                           uint8_t major = 1) {
  std::vector<uint8_t> bytes{0x93, 'N', 'U', 'M', 'P', 'Y', major, 0};
  const size_t length_size = major == 1 ? 2 : 4;
  for (size_t i = 0; i < length_size; ++i)
    bytes.push_back(static_cast<uint8_t>(header.size() >> (8 * i)));
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}

std::string Header(const std::string& descr, const std::string& shape,
                   const char* fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

template <typename T>
std::vector<uint8_t> Bytes(const std::vector<T>& values) {
  std::vector<uint8_t> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

template <typename T>
void ExpectReads(const std::string& descr, const std::vector<T>& values,
                 const std::vector<float>& expected) {
  const std::string shape = "(" + std::to_string(values.size()) + ",)";
  const Array array = ParseNpy(Build(Header(descr, shape), Bytes(values)));
  EXPECT_EQ(array.shape, std::vector<uint32_t>{static_cast<uint32_t>(values.size())});
  EXPECT_EQ(array.values, expected) << descr;
}

TEST(Npy, ReadsEveryElementType) {
  ExpectReads<float>("<f4", {1.5f, -2}, {1.5f, -2});
  ExpectReads<double>("<f8", {0.1, -3}, {0.1f, -3});
  ExpectReads<int8_t>("|i1", {-128, 127}, {-128, 127});
  ExpectReads<uint8_t>("|u1", {0, 255}, {0, 255});
  ExpectReads<int16_t>("<i2", {-32768, 5}, {-32768, 5});
  ExpectReads<uint16_t>("<u2", {65535}, {65535});
  ExpectReads<int32_t>("<i4", {-70000}, {-70000});
  ExpectReads<uint32_t>("<u4", {70000}, {70000});
  ExpectReads<int64_t>("<i8", {-5000000000}, {-5e9f});
  ExpectReads<uint64_t>("=u8", {5000000000}, {5e9f});
  ExpectReads<uint8_t>("|b1", {1, 0}, {1, 0});
}

TEST(Npy, ReadsHalfPrecision) {
  // One, the largest, the smallest subnormal, minus zero.
  ExpectReads<uint16_t>("<f2", {0x3c00, 0x7bff, 0x0001, 0x8000},
                        {1, 65504, std::ldexp(1.0f, -24), -0.0f});
  const Array odd = ParseNpy(Build(Header("<f2", "(2,)"), Bytes<uint16_t>({0x7c00, 0x7e00})));
  EXPECT_TRUE(std::isinf(odd.values[0]));
  EXPECT_TRUE(std::isnan(odd.values[1]));
}

TEST(Npy, ReadsLongHeaderVersions) {
  for (const uint8_t major : {2, 3}) {
    const Array array = ParseNpy(Build(Header("<f4", "(2, 1)"), Bytes<float>({1, 2}), major));
    EXPECT_EQ(array.shape, (std::vector<uint32_t>{2, 1}));
  }
}

TEST(Npy, ReordersFortranArrays) {
  // numpy: np.arange(6).reshape(1, 2, 3), stored column-major.
  const Array array =
      ParseNpy(Build(Header("<f4", "(1, 2, 3)", "True"), Bytes<float>({0, 3, 1, 4, 2, 5})));
  EXPECT_EQ(array.values, (std::vector<float>{0, 1, 2, 3, 4, 5}));
}

TEST(Npy, RoundTripsEveryRank) {
  for (const std::vector<uint32_t>& shape :
       {std::vector<uint32_t>{}, {3}, {2, 3}, {1, 2, 3, 4}, {0, 5}, {1, 1, 1, 1, 2, 1, 1, 3}}) {
    size_t count = 1;
    for (const uint32_t extent : shape) count *= extent;
    Array array{shape, std::vector<float>(count)};
    for (size_t i = 0; i < count; ++i) array.values[i] = static_cast<float>(i) * 0.5f - 1;
    const std::vector<uint8_t> bytes = EncodeNpy(array);
    EXPECT_EQ((bytes.size() - count * sizeof(float)) % 64, 0u);
    const Array back = ParseNpy(bytes);
    EXPECT_EQ(back.shape, shape);
    EXPECT_EQ(back.values, array.values);
  }
}

TEST(Npy, WritesEveryElementType) {
  const std::pair<const char*, size_t> types[] = {
      {"f2", 2}, {"f4", 4}, {"f8", 8}, {"i1", 1}, {"i2", 2}, {"i4", 4},
      {"i8", 8}, {"u1", 1}, {"u2", 2}, {"u4", 4}, {"u8", 8}, {"b1", 1}};
  for (const auto& [type, size] : types) {
    const Array array{{2, 2}, {0, 1, 1, 0}, type};
    const std::vector<uint8_t> bytes = EncodeNpy(array);
    EXPECT_EQ(bytes.size() % 64, 4 * size % 64) << type;
    const Array back = ParseNpy(bytes);
    EXPECT_EQ(back.type, type);
    EXPECT_EQ(back.values, array.values) << type;
  }
}

// Every half comes back, and what lies between two goes to the nearer one, in the middle to the even one.
TEST(Npy, HalvesAreRounded) {
  constexpr uint32_t kInfinity = 0x7c00;
  const auto from_half = [](uint32_t bits) {
    return ParseNpy(Build(Header("<f2", "(1,)"), Bytes<uint16_t>({static_cast<uint16_t>(bits)}))).values[0];
  };
  const auto to_half = [](float value) {
    const std::vector<uint8_t> bytes = EncodeNpy({{1}, {value}, "f2"});
    return uint32_t{bytes[bytes.size() - 2]} | uint32_t{bytes.back()} << 8;
  };
  for (uint32_t half = 0; half < kInfinity; ++half) {
    const float low = from_half(half), high = half + 1 == kInfinity ? 65536.0f : from_half(half + 1);
    const float middle = (low + high) / 2;
    ASSERT_EQ(to_half(low), half);
    ASSERT_EQ(to_half(-low), half | 0x8000);
    ASSERT_EQ(to_half(middle), half + (half & 1)) << middle;
    ASSERT_EQ(to_half(std::nextafter(middle, 0.0f)), half);
    ASSERT_EQ(to_half(std::nextafter(middle, 1e9f)), half + 1);
  }
  EXPECT_EQ(to_half(1e30f), kInfinity);
  EXPECT_EQ(to_half(-INFINITY), kInfinity | 0x8000);
  EXPECT_TRUE(std::isnan(from_half(to_half(NAN))));
}

TEST(Npy, IntegersAreNeverRounded) {
  const auto fails = [](const std::string& text, auto action) {
    ExpectError(Status::kInvalidArgument, text, action);
  };
  fails("16777217", [] { ParseNpy(Build(Header("<i8", "(1,)"), Bytes<int64_t>({16777217}))); });
  fails("18446744073709551615",
        [] { ParseNpy(Build(Header("<u8", "(1,)"), Bytes<uint64_t>({UINT64_MAX}))); });
  fails("0.5", [] { EncodeNpy({{1}, {0.5f}, "i4"}); });
  fails("128", [] { EncodeNpy({{1}, {128}, "i1"}); });
  fails("-1", [] { EncodeNpy({{1}, {-1}, "u8"}); });
  fails("2.0", [] { EncodeNpy({{1}, {2}, "b1"}); });
  fails("nan", [] { EncodeNpy({{1}, {NAN}, "i8"}); });
}

TEST(Npy, EveryTruncationIsAnError) {
  const std::vector<uint8_t> bytes = EncodeNpy({{2, 2}, {1, 2, 3, 4}});
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(ParseNpy(std::span(bytes).first(size)), MediaError) << size;
  }
}

TEST(Npy, RefusesWhatItCannotRead) {
  const auto fails = [](Status status, const std::string& text, const std::vector<uint8_t>& bytes) {
    ExpectError(status, text, [&] { ParseNpy(bytes); });
  };
  const std::vector<uint8_t> one = Bytes<float>({1});
  fails(Status::kMalformed, "not a .npy", {'P', 'K', 3, 4, 0, 0, 0, 0});
  fails(Status::kUnsupportedVersion, "version 4", Build(Header("<f4", "(1,)"), one, 4));
  fails(Status::kUnsupported, "'>f4'", Build(Header(">f4", "(1,)"), one));
  fails(Status::kUnsupported, "'<U4'", Build(Header("<U4", "(1,)"), one));
  fails(Status::kUnsupported, "'|O'", Build(Header("|O", "(1,)"), one));
  fails(Status::kUnsupported, "structured",
        Build("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", one));
  fails(Status::kUnsupported, "rank 9", Build(Header("<f4", "(1,1,1,1,1,1,1,1,1)"), one));
  fails(Status::kWrongShape, "2^31", Build(Header("<f4", "(4294967296, 4294967296)"), one));
  fails(Status::kWrongShape, "2^31", Build(Header("<f4", "(65536, 65536)"), one));
  fails(Status::kMalformed, "too large", Build(Header("<f4", "(99999999999999999999,)"), one));
  fails(Status::kMalformed, "natural number", Build(Header("<f4", "(-1,)"), one));
  fails(Status::kMalformed, "after the last element",
        Build(Header("<f4", "()"), Bytes<float>({1, 2})));
  fails(Status::kTruncated, "8 bytes of elements announced, 4 present",
        Build(Header("<f4", "(2,)"), one));
  fails(Status::kMalformed, "missing", Build("{'descr': '<f4', 'shape': ()}", one));
  fails(Status::kMalformed, "twice", Build("{'descr': '<f4', 'descr': '<f4'}", one));
  fails(Status::kMalformed, "unknown key", Build("{'spam': 1}", one));
  fails(Status::kMalformed, "does not end", Build("{'descr", one));
}

class NpyFile : public ScratchFolder {};

TEST_F(NpyFile, ErrorsNameTheFile) {
  const auto path = Put("x.npy", "no array");
  ExpectError(Status::kMalformed, path.string(), [&] { ReadNpy(path); });
  ExpectError(Status::kNotFound, "missing.npy", [&] { ReadNpy(folder_ / "missing.npy"); });
}

}  // namespace
}  // namespace penumbra::media
