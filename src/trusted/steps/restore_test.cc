// Which restore tables a loaded model may have.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "trusted/steps/pass_parts.h"

namespace penumbra::trusted {
namespace {

constexpr uint32_t kChannels = 14, kGroups = 2, kPrimeCount = 3;

// Tables of a layer of two groups of seven channels: covers of four and of three rows.
struct Tables {
  LayerRec layer{};
  std::vector<uint8_t> tile;

  explicit Tables(uint32_t flags, uint32_t public_out_c = kChannels) {
    layer.flags = flags;
    layer.prime_count = (flags & kLayerPrime) != 0 ? 1 : kPrimeCount;
    layer.public_out_c = public_out_c;
    layer.geometry.out_c = kChannels;
    layer.geometry.groups = kGroups;
    tile.resize(RestoreParamsSize(layer));
    for (uint16_t i = 0; i < kChannels; ++i) {
      SetA(i, static_cast<uint16_t>((i * 5) % kChannels));
      if (!IsCovered(layer)) SetB(i, i % 3 == 0 ? kNoPartner : i);
      for (uint32_t k = 0; k < layer.prime_count; ++k) {
        for (uint32_t t = 0; t < FactorCount(layer); ++t) {
          const uint32_t row = (i * 5) % kChannels % (kChannels / kGroups);
          const bool inside = t < (row < kCoverSize ? kCoverSize : 3);
          SetFactor(k, i, t, inside ? PrimeOf(layer, k) - 1 - t : 0);
        }
      }
    }
  }
  RestoreTables View() const { return ViewRestoreTables(layer, tile.data()); }
  Status Check() const { return CheckRestoreTables(layer, View()); }

  void SetA(uint32_t i, uint16_t value) { Put(View().a + i, value); }
  void SetB(uint32_t i, uint16_t value) { Put(View().b + i, value); }
  void SetFactor(uint32_t k, uint32_t i, uint32_t t, uint32_t value) {
    const uint64_t index = (uint64_t{k} * kChannels + i) * FactorCount(layer) + t;
    if ((layer.flags & kLayerPrime) != 0) {
      Put(reinterpret_cast<const uint32_t*>(View().lambda) + index, value);
    } else {
      Put(View().lambda + index, static_cast<uint8_t>(value));
    }
  }

 private:
  template <typename T>
  void Put(const T* at, T value) {
    std::memcpy(tile.data() + (reinterpret_cast<const uint8_t*>(at) - tile.data()), &value, sizeof(T));
  }
};

const uint32_t kKinds[] = {0, kLayerPrime, kLayerCovered, kLayerCovered | kLayerPrime};

TEST(RestoreTables, FillTheirTileExactly) {
  for (const uint32_t flags : kKinds) {
    const Tables tables(flags);
    const uint64_t size = uint64_t{kChannels} * MaskedElementSize(tables.layer) * FactorCount(tables.layer);
    EXPECT_EQ(tables.View().lambda + AlignUp(size, 8), tables.tile.data() + tables.tile.size());
    EXPECT_EQ(tables.View().b == nullptr, IsCovered(tables.layer));
  }
}

TEST(RestoreTables, GoodOnesPass) {
  for (const uint32_t flags : kKinds) EXPECT_EQ(Tables(flags).Check(), Status::kOk) << flags;
  EXPECT_EQ(Tables(0, kChannels + 4).Check(), Status::kOk);
}

TEST(RestoreTables, IndicesBeyondThePublishedRowsAreRefused) {
  for (const uint32_t flags : kKinds) {
    Tables tables(flags);
    tables.SetA(kChannels - 1, kChannels);
    EXPECT_EQ(tables.Check(), Status::kPlanRejected) << flags;
    tables.SetA(kChannels - 1, 0xffff);
    EXPECT_EQ(tables.Check(), Status::kPlanRejected) << flags;
  }
  for (const uint32_t flags : {0u, uint32_t{kLayerPrime}}) {
    Tables tables(flags);
    tables.SetB(0, kChannels);
    EXPECT_EQ(tables.Check(), Status::kPlanRejected) << flags;
  }
}

TEST(RestoreTables, FactorsOutOfRangeAreRefused) {
  for (const uint32_t flags : kKinds) {
    const Tables good(flags);
    for (uint32_t k = 0; k < good.layer.prime_count; ++k) {
      Tables tables(flags);
      tables.SetFactor(k, kChannels - 1, 0, PrimeOf(tables.layer, k));
      EXPECT_EQ(tables.Check(), Status::kPlanRejected) << flags;
    }
    // A scalar must have an inverse; an inverse matrix may well hold zeros.
    Tables zero(flags);
    zero.SetFactor(0, 3, 0, 0);
    EXPECT_EQ(zero.Check(), IsCovered(zero.layer) ? Status::kOk : Status::kPlanRejected) << flags;
  }
}

// Row 4 of a group begins a cover of three: its fourth factor would reach into the next group.
TEST(RestoreTables, FactorsBeyondACoverAreRefused) {
  for (const uint32_t flags : {uint32_t{kLayerCovered}, kLayerCovered | kLayerPrime}) {
    Tables tables(flags);
    uint32_t channel = 0;
    while (tables.View().a[channel] != 4) ++channel;
    tables.SetFactor(0, channel, 3, 1);
    EXPECT_EQ(tables.Check(), Status::kPlanRejected) << flags;
  }
}

}  // namespace
}  // namespace penumbra::trusted
