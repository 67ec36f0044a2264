#include "kernels/restore.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>

#include "kernels/test_support.h"
#include "ring/residue.h"

namespace penumbra {
namespace {

struct FreeDeleter {
  void operator()(void* p) const { std::free(p); }
};

// A layer's tables, a reply, and pads made so that every channel restores to a chosen integer.
struct Scene {
  uint32_t m, reply_m, s, pixels;
  std::vector<uint16_t> a, b;
  std::vector<uint8_t> lambda_inverse, reply, pad;
  std::vector<int64_t> window, expected;
  std::vector<float> scale, bias;
  std::unique_ptr<void, FreeDeleter> memory;
  const RestorePlan* plan = nullptr;

  RestoreChannels Channels() const {
    return {m, reply_m, s, a.data(), b.data(), lambda_inverse.data(), window.data(),
            scale.data(), bias.data(), 0};
  }
  Status Prepare() {
    memory.reset(std::aligned_alloc(64, RestorePlanSize(m, reply_m, s)));
    return PrepareRestore(Channels(), memory.get(), &plan);
  }
};

// The pad is what makes the formula come out: v = lambda * (y'a - y'b) - u, so u follows from the
// wanted v = Y * (M / p)^-1 mod p.
void ChoosePads(Scene* scene) {
  const CrtConstants crt = MakeCrtConstants(scene->s);
  const size_t count = size_t{scene->pixels} * scene->m;
  for (uint32_t k = 0; k < scene->s; ++k) {
    const int64_t p = kPrimes[k];
    for (size_t at = 0; at < count; ++at) {
      const size_t i = at % scene->m;
      const uint8_t* row =
          scene->reply.data() + (k * size_t{scene->pixels} + at / scene->m) * scene->reply_m;
      const int64_t right = scene->b[i] == kNoPartner ? 0 : row[scene->b[i]];
      const int64_t mixed =
          int64_t{scene->lambda_inverse[k * scene->m + i]} * (row[scene->a[i]] - right);
      const int64_t wanted = int64_t{Residue(scene->expected[at], kPrimes[k])} *
                             crt.cofactor_inverse[k] % p;
      scene->pad[k * count + at] = static_cast<uint8_t>(Residue(mixed - wanted, kPrimes[k]));
    }
  }
}

Scene MakeScene(uint32_t m, uint32_t reply_m, uint32_t s, uint32_t pixels, uint64_t seed) {
  TestRandom random(seed);
  Scene scene{m, reply_m, s, pixels, {}, {}, {}, {}, {}, {}, {}, {}, {}, nullptr, nullptr};
  const auto modulus = static_cast<int64_t>(Modulus(s));
  const int64_t window_limit = s <= 3 ? kMaxNarrowWindow : int64_t{1} << 50;
  for (uint32_t i = 0; i < m; ++i) {
    scene.a.push_back(static_cast<uint16_t>(random.Between(0, reply_m - 1)));
    scene.b.push_back(i % 7 == 3 ? kNoPartner
                                 : static_cast<uint16_t>(random.Between(0, reply_m - 1)));
    const int64_t choice = random.Between(0, 4);
    scene.window.push_back(choice == 0   ? -window_limit
                           : choice == 1 ? window_limit
                           : choice == 2 ? 0
                                         : random.Between(-modulus, modulus));
    scene.scale.push_back(random.Floats(1, 0.01f)[0]);
    scene.bias.push_back(random.Floats(1, 4.0f)[0]);
  }
  for (uint32_t k = 0; k < s; ++k) {
    for (uint32_t i = 0; i < m; ++i) {
      scene.lambda_inverse.push_back(static_cast<uint8_t>(random.Between(1, kPrimes[k] - 1)));
    }
  }
  scene.reply = random.Integers<uint8_t>(size_t{s} * pixels * reply_m, 0, 255);
  for (size_t at = 0; at < size_t{pixels} * m; ++at) {
    // Both edges of the window, its neighbours, and anything between.
    const int64_t choice = random.Between(0, 5);
    const int64_t off = choice == 0   ? 0
                        : choice == 1 ? modulus - 1
                        : choice == 2 ? random.Between(0, 2)
                        : choice == 3 ? modulus - 1 - random.Between(0, 2)
                                      : random.Between(0, modulus - 1);
    scene.expected.push_back(scene.window[at % m] + off);
  }
  scene.pad.resize(size_t{s} * pixels * m);
  ChoosePads(&scene);
  return scene;
}

using AlignedBytes = std::unique_ptr<uint8_t, FreeDeleter>;

// [prime][pixels] from ReplyStride(m') to ReplyStride(m'). Nothing behind the reply may be read.
AlignedBytes CopiedReply(const Scene& scene, Isa isa) {
  const size_t stride = ReplyStride(scene.reply_m), pixels = size_t{scene.s} * scene.pixels;
  AlignedBytes copy(static_cast<uint8_t*>(std::aligned_alloc(64, pixels * stride)));
  std::memset(copy.get(), 0xee, pixels * stride);
  const std::unique_ptr<uint8_t[]> exact(new uint8_t[scene.reply.size()]);
  std::memcpy(exact.get(), scene.reply.data(), scene.reply.size());
  Kernels(isa).copy_reply({exact.get(), scene.reply_m, pixels, copy.get(), stride});
  return copy;
}

void ExpectRestored(const Scene& scene, Isa isa) {
  const size_t count = size_t{scene.pixels} * scene.m;
  std::vector<float> y(count + 16, 7.0f);
  std::vector<int64_t> integers(count + 16, 7);
  Kernels(isa).restore({scene.plan, scene.reply.data(), size_t{scene.pixels} * scene.reply_m, scene.reply_m,
                        scene.pad.data(), count, scene.pixels, nullptr, false, y.data(), integers.data()});
  for (size_t at = 0; at < count; ++at) {
    ASSERT_EQ(integers[at], scene.expected[at])
        << IsaName(isa) << " channel " << at % scene.m << " of " << scene.m << " s " << scene.s;
    const float expected = std::fmaf(static_cast<float>(scene.expected[at]),
                                     scene.scale[at % scene.m], scene.bias[at % scene.m]);
    ASSERT_EQ(y[at], expected) << IsaName(isa);
  }
  for (size_t at = count; at < count + 16; ++at) {
    ASSERT_EQ(y[at], 7.0f);
    ASSERT_EQ(integers[at], 7);
  }
  // What the trusted half does: pixels copied in apart, only y wanted.
  std::vector<float> again(count + 16, 7.0f);
  const size_t stride = ReplyStride(scene.reply_m);
  const AlignedBytes copy = CopiedReply(scene, isa);
  Kernels(isa).restore({scene.plan, copy.get(), scene.pixels * stride, stride, scene.pad.data(), count, scene.pixels,
                        nullptr, false, again.data(), nullptr});
  EXPECT_TRUE(SameBits(y, again)) << IsaName(isa) << " m " << scene.m << " s " << scene.s;
}

TEST(Restore, CopiesRepliesPixelByPixel) {
  for (const uint32_t reply_m : {1u, 63u, 64u, 65u, 307u, 2458u}) {
    const Scene scene = MakeScene(1, reply_m, 3, 5, reply_m);
    const size_t stride = ReplyStride(reply_m);
    for (const Isa isa : SupportedIsas()) {
      const AlignedBytes copy = CopiedReply(scene, isa);
      for (size_t pixel = 0; pixel < size_t{3} * scene.pixels; ++pixel) {
        ASSERT_EQ(std::memcmp(copy.get() + pixel * stride, scene.reply.data() + pixel * reply_m, reply_m), 0)
            << IsaName(isa) << " m' " << reply_m;
      }
    }
  }
}

TEST(Restore, EveryIsaDecodesWholeWindow) {
  const uint32_t sizes[][2] = {{1, 1},    {3, 4},     {16, 20},   {31, 128},  {32, 129},
                               {64, 76},  {65, 300},  {100, 257}, {200, 240}, {256, 307},
                               {70, 2458}};
  uint64_t seed = 1;
  for (const auto& size : sizes) {
    for (uint32_t s = 1; s <= kMaxPrimes; ++s) {
      Scene scene = MakeScene(size[0], size[1], s, 9, ++seed);
      ASSERT_EQ(scene.Prepare(), Status::kOk);
      for (const Isa isa : SupportedIsas()) ExpectRestored(scene, isa);
    }
  }
}

TEST(Restore, WithoutPadsEqualsZeroPads) {
  Scene scene = MakeScene(80, 96, 3, 5, 99);
  ASSERT_EQ(scene.Prepare(), Status::kOk);
  const size_t count = size_t{scene.pixels} * scene.m;
  const std::vector<uint8_t> zeros(scene.pad.size());
  for (const Isa isa : SupportedIsas()) {
    std::vector<float> with(count);
    std::vector<float> without(count);
    RestoreJob job = {scene.plan, scene.reply.data(), size_t{scene.pixels} * scene.reply_m, scene.reply_m,
                      zeros.data(), count, scene.pixels, nullptr, false, with.data(), nullptr};
    Kernels(isa).restore(job);
    job.pad = nullptr;
    job.out_y = without.data();
    Kernels(isa).restore(job);
    EXPECT_TRUE(SameBits(with, without)) << IsaName(isa);
  }
}

// What follows the restore in most passes, in one go and one after the other.
TEST(Restore, AddsAndCutsLikeTheOtherKernels) {
  for (const uint32_t m : {5u, 64u, 96u, 256u}) {
    for (const uint32_t s : {2u, 3u, 4u}) {
      Scene scene = MakeScene(m, m + m / 5, s, 6, m + s);
      ASSERT_EQ(scene.Prepare(), Status::kOk);
      const size_t count = size_t{scene.pixels} * m;
      TestRandom random(m);
      std::vector<float> addend = random.Floats(count, 1e5f);
      addend[1] = std::numeric_limits<float>::quiet_NaN();
      addend[2] = -std::numeric_limits<float>::infinity();
      for (const Isa isa : SupportedIsas()) {
        const KernelTable& k = Kernels(isa);
        std::vector<float> expected(count), actual(count);
        RestoreJob job = {scene.plan, scene.reply.data(), size_t{scene.pixels} * scene.reply_m, scene.reply_m,
                          scene.pad.data(), count, scene.pixels, nullptr, false, expected.data(), nullptr};
        k.restore(job);
        addend[0] = -expected[0];
        k.binary[static_cast<size_t>(Binary::kAdd)][static_cast<size_t>(Operand::kSame)](expected.data(), addend.data(),
                                                                                         count, expected.data());
        job.addend = addend.data();
        job.out_y = actual.data();
        k.restore(job);
        EXPECT_TRUE(SameBits(expected, actual)) << IsaName(isa) << " m " << m << " s " << s;
        k.unary[static_cast<size_t>(Unary::kRelu)](expected.data(), count, 0, 0, expected.data());
        job.relu = true;
        k.restore(job);
        EXPECT_TRUE(SameBits(expected, actual)) << IsaName(isa) << " m " << m << " s " << s;
      }
    }
  }
}

TEST(Restore, RefusesHostileTables) {
  const auto broken = [](auto change) {
    Scene scene = MakeScene(20, 24, 3, 1, 5);
    change(&scene);
    return scene.Prepare();
  };
  EXPECT_EQ(broken([](Scene*) {}), Status::kOk);
  EXPECT_EQ(broken([](Scene* s) { s->a[19] = 24; }), Status::kInvalidArgument);
  EXPECT_EQ(broken([](Scene* s) { s->b[0] = 24; }), Status::kInvalidArgument);
  EXPECT_EQ(broken([](Scene* s) { s->lambda_inverse[0] = 0; }), Status::kInvalidArgument);
  EXPECT_EQ(broken([](Scene* s) { s->lambda_inverse[59] = 239; }), Status::kInvalidArgument);
  EXPECT_EQ(broken([](Scene* s) { s->window[3] = kMaxNarrowWindow + 1; }),
            Status::kInvalidArgument);
}

}  // namespace
}  // namespace penumbra
