#include <benchmark/benchmark.h>

#include <array>
#include <vector>

#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/keystream.h"

namespace penumbra::crypto {
namespace {

constexpr std::array<uint8_t, 32> kKey = {1};
constexpr std::array<uint8_t, 16> kCounter = {2};
constexpr std::array<uint8_t, 12> kNonce = {3};

void SetBytes(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void Check(benchmark::State& state, Status status) {
  if (!IsOk(status)) state.SkipWithError("the call failed");
}

void BM_AeadSeal(benchmark::State& state) {
  AeadKey key;
  Check(state, key.Init(kKey));
  std::vector<uint8_t> buffer(static_cast<size_t>(state.range(0)));
  std::array<uint8_t, kAeadTagSize> tag;
  for (auto _ : state) Check(state, key.Seal(kNonce, {}, buffer, buffer, tag));
  SetBytes(state);
}
BENCHMARK(BM_AeadSeal)->Arg(64)->Arg(4096)->Arg(65536)->Arg(1 << 20);

void BM_AeadOpen(benchmark::State& state) {
  AeadKey key;
  Check(state, key.Init(kKey));
  std::vector<uint8_t> sealed(static_cast<size_t>(state.range(0))), opened(sealed.size());
  std::array<uint8_t, kAeadTagSize> tag;
  Check(state, key.Seal(kNonce, {}, sealed, sealed, tag));
  for (auto _ : state) Check(state, key.Open(kNonce, {}, sealed, tag, opened));
  SetBytes(state);
}
BENCHMARK(BM_AeadOpen)->Arg(64)->Arg(4096)->Arg(65536)->Arg(1 << 20);

void BM_Gmac(benchmark::State& state) {
  AeadKey key;
  Check(state, key.Init(kKey));
  const std::vector<uint8_t> message(static_cast<size_t>(state.range(0)));
  std::array<uint8_t, kAeadTagSize> tag;
  for (auto _ : state) Check(state, key.Seal(kNonce, message, {}, {}, tag));
  SetBytes(state);
}
BENCHMARK(BM_Gmac)->Arg(65536)->Arg(1 << 20);

void BM_Keystream(benchmark::State& state) {
  Keystream keystream;
  Check(state, keystream.Init(kKey));
  std::vector<uint8_t> out(static_cast<size_t>(state.range(0)));
  for (auto _ : state) Check(state, keystream.Generate(kCounter, out));
  SetBytes(state);
}
// 16 bytes: what a change of counter costs.
BENCHMARK(BM_Keystream)->Arg(16)->Arg(4096)->Arg(65536)->Arg(1 << 20);

void BM_Sha256(benchmark::State& state) {
  const std::vector<uint8_t> message(static_cast<size_t>(state.range(0)));
  std::array<uint8_t, kSha256Size> digest;
  for (auto _ : state) Check(state, Sha256::Digest(message, digest));
  SetBytes(state);
}
BENCHMARK(BM_Sha256)->Arg(64)->Arg(65536);

}  // namespace
}  // namespace penumbra::crypto
