#include "trusted/testing/tiny_bundle.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "crypto/aead.h"
#include "crypto/cose_sign1.h"
#include "crypto/hash.h"
#include "crypto/hpke.h"
#include "crypto/random.h"
#include "ring/field.h"

namespace penumbra::trusted::testing {
namespace {

constexpr char kName[] = "tiny";

void Must(Status status) {
  if (!IsOk(status)) throw std::runtime_error("test set-up failed: " + std::to_string(static_cast<uint32_t>(status)));
}

void Append(std::vector<uint8_t>* out, const void* data, size_t size) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  out->insert(out->end(), bytes, bytes + size);
}

std::array<uint8_t, kAeadNonceSize> Nonce(uint32_t domain, uint64_t index) {
  std::array<uint8_t, kAeadNonceSize> nonce{};
  std::memcpy(nonce.data(), &domain, 4);
  std::memcpy(nonce.data() + 4, &index, 8);
  return nonce;
}

// Small integers with both signs; row i has its own pattern.
std::vector<int32_t> MakeWeights() {
  std::vector<int32_t> q(kColumns * kColumns);
  for (uint32_t i = 0; i < q.size(); ++i) q[i] = static_cast<int32_t>(i * 2654435761u >> 24) % 23 - 11;
  return q;
}

// Rows 0..15 carry the weights, 16..19 are never gathered.
std::vector<uint8_t> PublishWeights(const std::vector<int32_t>& q, bool prime) {
  std::vector<uint8_t> out;
  for (uint32_t k = 0; k < TinyPrimeCount(prime); ++k) {
    for (uint32_t row = 0; row < kPublicColumns; ++row) {
      for (uint32_t c = 0; c < kColumns; ++c) {
        const int64_t value = row < kColumns ? int64_t{q[row * kColumns + c]} : int64_t{77 + c + row};
        const int32_t residue = CentredResidue(value, prime ? kFieldPrime : kPrimes[k]);
        Append(&out, &residue, TinyResidueSize(prime));
      }
    }
  }
  return out;
}

std::vector<BoundRow> MakeBounds(const std::vector<int32_t>& q) {
  std::vector<BoundRow> bounds;
  for (uint32_t i = 0; i < kColumns; ++i) {
    const RowSums sums = SumRow(q.data() + uint64_t{i} * kColumns, kColumns);
    bounds.push_back({static_cast<uint64_t>(sums.positive), static_cast<uint64_t>(-sums.negative)});
  }
  return bounds;
}

std::vector<uint8_t> MakeParams(const TinyPlan& plan, const std::vector<BoundRow>& bounds,
                                std::vector<int64_t>* out_begin) {
  std::vector<int64_t> begin;
  std::vector<float> scale(kColumns, 0.5f), bias(kColumns, 1.0f);
  std::vector<uint16_t> a, b(kColumns, kNoPartner);
  std::vector<uint8_t> lambda;
  const bool prime = (plan.layers[0].flags & kLayerPrime) != 0;
  const CrtConstants crt = MakeCrtConstants(kPrimeCount);
  for (uint32_t i = 0; i < kColumns; ++i) {
    const LayerRec& layer = plan.layers[0];
    begin.push_back(prime ? -int64_t{kFieldHalf}
                          : static_cast<int64_t>(bounds[i].positive) * layer.klo -
                                static_cast<int64_t>(bounds[i].negative) * layer.khi);
    a.push_back(static_cast<uint16_t>(i));
  }
  for (uint32_t k = 0; k < TinyPrimeCount(prime); ++k) {
    const uint32_t factor = prime ? 1 : crt.cofactor_inverse[k];
    for (uint32_t i = 0; i < kColumns; ++i) Append(&lambda, &factor, TinyResidueSize(prime));
  }
  std::vector<uint8_t> out;
  Append(&out, begin.data(), begin.size() * 8);
  Append(&out, scale.data(), scale.size() * 4);
  Append(&out, bias.data(), bias.size() * 4);
  Append(&out, a.data(), a.size() * 2);
  Append(&out, b.data(), b.size() * 2);
  Append(&out, lambda.data(), lambda.size());
  *out_begin = begin;
  return out;
}

void TagSlices(crypto::AeadKey* key, const std::vector<uint8_t>& public_half, TinyPlan* plan) {
  for (uint32_t i = 0; i < plan->slices.size(); ++i) {
    PublicSliceRec& slice = plan->slices[i];
    const auto bytes = std::span(public_half).subspan(slice.offset, slice.size);
    Must(key->Seal(Nonce(kNonceSlice, i), bytes, {}, {}, slice.tag));
  }
}

std::vector<uint8_t> SealChunk(crypto::AeadKey* key, uint32_t index, uint32_t count, std::vector<uint8_t> plain) {
  std::vector<uint8_t> aad = {'c', 'h', 'u', 'n', 'k'};
  const uint32_t fields[3] = {index, count, static_cast<uint32_t>(plain.size())};
  Append(&aad, fields, sizeof(fields));
  uint8_t tag[kAeadTagSize];
  Must(key->Seal(Nonce(kNonceChunk, index), aad, plain, plain, tag));
  Append(&plain, tag, sizeof(tag));
  return plain;
}

WrapRec WrapKey(const TinyBundle& bundle, const Key& bundle_key, uint64_t version) {
  std::vector<uint8_t> info;
  Append(&info, kWrapContext, sizeof(kWrapContext) - 1);
  Append(&info, bundle.vendor_public.data(), 32);
  Append(&info, &version, 8);
  Append(&info, kName, sizeof(kName) - 1);
  WrapRec wrap{};
  Must(crypto::Sha256::Digest(bundle.device_public, wrap.device_id));
  Must(crypto::SealBase(bundle.device_public, info, {}, bundle_key, wrap.enc, wrap.wrapped));
  return wrap;
}

void SignManifest(TinyBundle* bundle, const TinyBundleOptions& options, const Key& bundle_key) {
  ManifestHead head{};
  head.version = kBundleVersion;
  head.name_size = sizeof(kName) - 1;
  head.model_version = options.model_version;
  head.public_size = bundle->public_half.size();
  head.chunk_count = static_cast<uint32_t>(bundle->chunks.size());
  for (const auto& chunk : bundle->chunks) head.sealed_size += chunk.size();
  head.exchange_size = kExchangeSize;
  head.plan_chunk_count = 1;
  head.wrap_count = 1;
  const WrapRec wrap = WrapKey(*bundle, bundle_key, head.model_version);
  if (options.change_head) options.change_head(&head);
  std::vector<uint8_t> payload;
  Append(&payload, &head, sizeof(head));
  Append(&payload, kName, sizeof(kName) - 1);
  for (const auto& chunk : bundle->chunks) {
    const auto size = static_cast<uint32_t>(chunk.size() - kAeadTagSize);
    Append(&payload, &size, 4);
  }
  Append(&payload, &wrap, sizeof(wrap));
  bundle->manifest.resize(crypto::CoseSign1Size(payload.size()));
  std::vector<uint8_t> scratch(crypto::CoseSign1ScratchSize(payload.size(), sizeof(kManifestContext)));
  const auto* context = reinterpret_cast<const uint8_t*>(kManifestContext);
  Must(crypto::EncodeCoseSign1(bundle->vendor_private, {context, sizeof(kManifestContext) - 1}, payload, scratch,
                               bundle->manifest));
}

}  // namespace

TinyBundle MakeTinyBundle(const TinyBundleOptions& options) {
  TinyBundle bundle;
  Must(crypto::GenerateSigningKey(bundle.vendor_private, bundle.vendor_public));
  Must(crypto::GenerateX25519Key(bundle.device_private, bundle.device_public));
  Key bundle_key{};
  Must(crypto::RandomBytes(bundle_key));
  crypto::AeadKey key;
  Must(key.Init(bundle_key));
  TinyPlan plan = options.checked ? MakeTinyCheckedPlan(options.prime) : MakeTinyPlan(options.prime);
  bundle.prime = options.prime;
  bundle.weights = MakeWeights();
  bundle.public_half = PublishWeights(bundle.weights, options.prime);
  std::vector<BoundRow> bounds = MakeBounds(bundle.weights);
  std::vector<uint8_t> params = MakeParams(plan, bounds, &bundle.window_begin);
  TagSlices(&key, bundle.public_half, &plan);
  if (options.change_plan) options.change_plan(&plan);
  if (options.change_bounds) options.change_bounds(&bounds);
  if (options.change_params) options.change_params(&params);
  std::vector<uint8_t> bound_bytes;
  Append(&bound_bytes, bounds.data(), bounds.size() * sizeof(BoundRow));
  std::vector<std::vector<uint8_t>> plain = {plan.Bytes(), params, bound_bytes};
  if (!plan.chunks.empty()) {
    plain.resize(1);
    plain.insert(plain.end(), plan.chunks.begin(), plan.chunks.end());
  }
  for (uint32_t i = 0; i < plain.size(); ++i) {
    bundle.chunks.push_back(SealChunk(&key, i, static_cast<uint32_t>(plain.size()), plain[i]));
  }
  SignManifest(&bundle, options, bundle_key);
  return bundle;
}

std::vector<float> MakeInput(uint32_t seed) {
  std::vector<float> x(kRows * kColumns);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>((i * 37 + seed) % 29) * 0.7f - 6.0f;
  return x;
}

std::vector<float> ExpectedOutput(const TinyBundle& bundle, const std::vector<float>& input) {
  std::vector<float> out(input.size());
  for (uint32_t r = 0; r < kRows; ++r) {
    for (uint32_t i = 0; i < kColumns; ++i) {
      int64_t sum = 0;
      for (uint32_t c = 0; c < kColumns; ++c) {
        const float level = std::min(10.0f, std::nearbyint(std::max(0.0f, input[r * kColumns + c])));
        sum += static_cast<int64_t>(level) * bundle.weights[i * kColumns + c];
      }
      out[r * kColumns + i] = std::fma(static_cast<float>(sum), 0.5f, 1.0f);
    }
  }
  return out;
}

void TinyHost::Serve(const HostJob& job) {
  seen.push_back(job);
  if (job.kind == JobKind::kAccelerate && accelerate) return accelerate(job);
  if (job.kind == JobKind::kAccelerate) {
    job.segment == kFloatSegment ? AccelerateFloat(job) : Accelerate(job);
    if (tamper) tamper(job, exchange_.subspan(job.y_offset, job.y_size));
    return;
  }
  const std::span<uint8_t> bytes = exchange_.subspan(job.offset, job.size);
  if (job.kind == JobKind::kWrite) {
    store_[{static_cast<uint32_t>(job.source), job.index}] = {bytes.begin(), bytes.end()};
    return;
  }
  const size_t size = job.size / job.batch;
  for (uint32_t i = 0; i < job.batch; ++i) {
    const uint8_t* from = nullptr;
    switch (job.source) {
      case JobSource::kBundleChunk: from = bundle_->chunks.at(job.index).data(); break;
      case JobSource::kPublic: from = bundle_->public_half.data() + job.index; break;
      default: from = store_.at({static_cast<uint32_t>(job.source), job.index + i}).data(); break;
    }
    std::memcpy(bytes.data() + i * size, from, size);
  }
  if (tamper) tamper(job, bytes);
}

// Offsets of a segment follow each other in the map.
std::vector<uint8_t> TinyHost::Emitted(uint32_t segment) const {
  std::vector<uint8_t> all;
  for (const auto& [where, bytes] : store_) {
    const bool is_own = where.first == static_cast<uint32_t>(JobSource::kEmitted) && where.second >> 32 == segment;
    if (is_own) all.insert(all.end(), bytes.begin(), bytes.end());
  }
  return all;
}

void TinyHost::Accelerate(const HostJob& job) {
  if (bundle_->prime) return AcceleratePrime(job);
  const auto* weights = reinterpret_cast<const int8_t*>(bundle_->public_half.data());
  for (uint32_t k = 0; k < kPrimeCount; ++k) {
    for (uint32_t r = 0; r < kRows; ++r) {
      for (uint32_t o = 0; o < kPublicColumns; ++o) {
        int64_t sum = 0;
        for (uint32_t c = 0; c < kColumns; ++c) {
          sum += int64_t{exchange_[job.x_offset + (k * kRows + r) * kColumns + c]} *
                 weights[(k * kPublicColumns + o) * kColumns + c];
        }
        // Any representative is a legal reply: add p where it still fits a byte.
        const uint32_t p = kPrimes[k];
        uint32_t reply = Residue(sum, p);
        if (reply + p <= 255 && (o + r) % 2 == 0) reply += p;
        exchange_[job.y_offset + (k * kRows + r) * kPublicColumns + o] = static_cast<uint8_t>(reply);
      }
    }
  }
}

void TinyHost::AcceleratePrime(const HostJob& job) {
  const auto* weights = reinterpret_cast<const int32_t*>(bundle_->public_half.data());
  const auto* x = reinterpret_cast<const uint32_t*>(exchange_.data() + job.x_offset);
  auto* y = reinterpret_cast<uint32_t*>(exchange_.data() + job.y_offset);
  for (uint32_t r = 0; r < kRows; ++r) {
    for (uint32_t o = 0; o < kPublicColumns; ++o) {
      int64_t sum = 0;
      for (uint32_t c = 0; c < kColumns; ++c) sum += int64_t{x[r * kColumns + c]} * weights[o * kColumns + c];
      // Any representative is a legal reply, up to 409 primes more.
      y[r * kPublicColumns + o] = Residue(sum, kFieldPrime) + (o + r) * 37 % 408 * kFieldPrime;
    }
  }
}

void TinyHost::AccelerateFloat(const HostJob& job) {
  const size_t count = size_t{kRows} * kColumns * job.batch;
  std::vector<float> x(2 * count), y(2 * count);
  std::memcpy(x.data(), exchange_.data() + job.x_offset, job.x_size);
  for (size_t i = 0; i < count; ++i) {
    y[i] = x[i];
    y[count + i] = x[i] + 2 * x[count + i];
  }
  std::memcpy(exchange_.data() + job.y_offset, y.data(), job.y_size);
}

Port TinyPort::Make() {
  Port port{};
  port.context = this;
  port.carrier = CarrierKind::kDirect;
  port.entropy = [](void* context, uint8_t* out, size_t size) {
    ++static_cast<TinyPort*>(context)->entropy_calls;
    return crypto::RandomBytes({out, size});
  };
  port.device_key = [](void* context, uint8_t out_key[32]) {
    std::memcpy(out_key, static_cast<TinyPort*>(context)->device_key.data(), 32);
    return Status::kOk;
  };
  port.version_get = [](void* context, const uint8_t id[32], uint64_t* out_version) {
    *out_version = static_cast<TinyPort*>(context)->versions[{id, id + 32}];
    return Status::kOk;
  };
  port.version_advance = [](void* context, const uint8_t id[32], uint64_t version) {
    static_cast<TinyPort*>(context)->versions[{id, id + 32}] = version;
    return Status::kOk;
  };
  port.sealing_key = [](void* context, uint8_t out_key[32]) {
    const Key& device = static_cast<TinyPort*>(context)->device_key;
    for (size_t i = 0; i < device.size(); ++i) out_key[i] = device[i] ^ 0x5a;
    return Status::kOk;
  };
  port.counter_get = [](void* context, const uint8_t id[32], uint64_t* out_value) {
    *out_value = static_cast<TinyPort*>(context)->counters[{id, id + 32}];
    return Status::kOk;
  };
  port.counter_advance = [](void* context, const uint8_t id[32], uint64_t from, uint64_t* out_value) {
    auto* const self = static_cast<TinyPort*>(context);
    if (!IsOk(self->counter_status)) return self->counter_status;
    uint64_t& value = self->counters[{id, id + 32}];
    if (value != from) return Status::kRolledBack;
    *out_value = ++value;
    return Status::kOk;
  };
  port.abort = [](void*) { std::abort(); };
  return port;
}

}  // namespace penumbra::trusted::testing
