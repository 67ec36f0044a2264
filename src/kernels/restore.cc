#include "kernels/restore.h"

#include "kernels/covers.h"
#include "kernels/restore_plan.h"
#include "ring/modulus.h"

namespace penumbra {

namespace {

constexpr size_t kAlignment = 64;

constexpr size_t Align(size_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

constexpr uint32_t PaddedCount(uint32_t channel_count) {
  return (channel_count + kRestoreBlock - 1) / kRestoreBlock * kRestoreBlock;
}

// Hands out aligned tables from the caller's memory; with null memory it only measures.
class Carver {
 public:
  explicit Carver(void* memory) : base_(static_cast<uint8_t*>(memory)) {}

  template <typename T>
  T* Take(size_t count) {
    T* table = base_ == nullptr ? nullptr : reinterpret_cast<T*>(base_ + used_size_);
    used_size_ += Align(count * sizeof(T));
    return table;
  }
  size_t used_size() const { return used_size_; }

 private:
  uint8_t* base_;
  size_t used_size_ = 0;
};

// The tables while they are still being written.
struct Tables {
  RestorePlan* plan;
  uint16_t *a, *b;
  int8_t *lambda_a, *lambda_b;
  int64_t *window_begin, *window_residue;
  double* window_fraction;
  int32_t *window_begin_narrow, *window_residue_narrow;
  float *window_fraction_narrow, *scale, *bias;
  uint8_t* chunk_index;
  uint64_t* chunk_select;
  int8_t* chunk_lambda;
  int32_t* quotient_start;
  uint32_t *cover_factors, *cover_index;
  uint16_t* cover_select;
};

constexpr uint32_t LookupCount(uint32_t reply_channel_count) {
  return (reply_channel_count + kLookupSize - 1) / kLookupSize;
}

void CarveCovers(Carver* carver, uint32_t padded, uint32_t lookup_count, uint32_t prime_count, Tables* t) {
  t->cover_factors = carver->Take<uint32_t>(size_t{padded} * prime_count);
  t->cover_index = carver->Take<uint32_t>(padded);
  t->cover_select = carver->Take<uint16_t>(size_t{padded / kCoverChunk} * lookup_count);
}

void CarvePairs(Carver* carver, uint32_t padded, uint32_t lookup_count, uint32_t prime_count, Tables* t) {
  t->b = carver->Take<uint16_t>(padded);
  t->lambda_a = carver->Take<int8_t>(size_t{padded} * prime_count);
  t->lambda_b = carver->Take<int8_t>(size_t{padded} * prime_count);
  t->chunk_index = carver->Take<uint8_t>(2 * size_t{padded});
  t->chunk_select = carver->Take<uint64_t>(size_t{padded / kRestoreChunk} * lookup_count);
  t->chunk_lambda = carver->Take<int8_t>(2 * size_t{padded} * prime_count);
  t->quotient_start = carver->Take<int32_t>(padded);
}

Tables CarveTables(Carver* carver, uint32_t padded, uint32_t lookup_count, uint32_t prime_count, bool covered) {
  Tables t{};
  t.plan = carver->Take<RestorePlan>(1);
  t.a = carver->Take<uint16_t>(padded);
  t.window_begin = carver->Take<int64_t>(padded);
  t.window_residue = carver->Take<int64_t>(padded);
  t.window_fraction = carver->Take<double>(padded);
  t.window_begin_narrow = carver->Take<int32_t>(padded);
  t.window_residue_narrow = carver->Take<int32_t>(padded);
  t.window_fraction_narrow = carver->Take<float>(padded);
  t.scale = carver->Take<float>(padded);
  t.bias = carver->Take<float>(padded);
  covered ? CarveCovers(carver, padded, lookup_count, prime_count, &t)
          : CarvePairs(carver, padded, lookup_count, prime_count, &t);
  return t;
}

Status CheckChannels(const RestoreChannels& c) {
  if (c.prime_count == 0 || c.prime_count > kMaxPrimes || c.channel_count == 0 ||
      c.reply_channel_count == 0 || c.reply_channel_count > kMaxReplyChannels ||
      c.channel_count > kMaxReplyChannels) {
    return Status::kInvalidArgument;
  }
  const uint32_t group_rows = c.cover_group_rows;
  if (group_rows != 0 && (c.channel_count % group_rows != 0 || c.reply_channel_count != c.channel_count ||
                          c.b != nullptr)) {
    return Status::kInvalidArgument;
  }
  const uint32_t factor_count = group_rows == 0 ? 1 : kCoverSize;
  const uint8_t smallest = group_rows == 0 ? 1 : 0;
  const int64_t window_limit = c.prime_count <= 3 ? kMaxNarrowWindow : int64_t{1} << 60;
  for (uint32_t i = 0; i < c.channel_count; ++i) {
    if (c.a[i] >= c.reply_channel_count) return Status::kInvalidArgument;
    if (c.b != nullptr && c.b[i] != kNoPartner && c.b[i] >= c.reply_channel_count) {
      return Status::kInvalidArgument;
    }
    if (c.window_begin[i] > window_limit || c.window_begin[i] < -window_limit) {
      return Status::kInvalidArgument;
    }
  }
  for (uint32_t k = 0; k < c.prime_count; ++k) {
    const size_t count = size_t{c.channel_count} * factor_count;
    for (size_t i = 0; i < count; ++i) {
      const uint8_t lambda = c.lambda_inverse[k * count + i];
      if (lambda < smallest || lambda >= kPrimes[k]) return Status::kInvalidArgument;
    }
  }
  return Status::kOk;
}

void WriteCover(const RestoreChannels& c, const Tables& t, uint32_t padded, uint32_t i) {
  t.a[i] = 0;
  for (uint32_t k = 0; k < c.prime_count; ++k) {
    uint32_t* factors = t.cover_factors + size_t{k} * padded + i;
    *factors = 0;
    if (i >= c.channel_count) continue;
    const uint8_t* lambda = c.lambda_inverse + (size_t{k} * c.channel_count + i) * kCoverSize;
    const CoverTerm term = MakeCoverTerm(c.a[i], c.cover_group_rows, c.channel_count, lambda, kPrimes[k]);
    t.a[i] = term.begin;
    *factors = term.factors;
  }
}

// Below, `c`, `t` and `plan` are copies that the stores cannot change.
void WritePairs(const RestoreChannels c, const Tables t, uint32_t padded) {
  for (uint32_t i = 0; i < padded; ++i) {
    const bool inside = i < c.channel_count;
    t.a[i] = inside ? c.a[i] : 0;
    t.b[i] = inside && c.b != nullptr && c.b[i] != kNoPartner ? c.b[i] : 0;
  }
  for (uint32_t k = 0; k < c.prime_count; ++k) {
    const int32_t prime = kPrimes[k];
    const uint8_t* lambda = c.lambda_inverse + size_t{k} * c.channel_count;
    int8_t* out_a = t.lambda_a + size_t{k} * padded;
    int8_t* out_b = t.lambda_b + size_t{k} * padded;
    for (uint32_t i = 0; i < padded; ++i) {
      const int32_t canonical = i < c.channel_count ? lambda[i] : 0;
      const int32_t centred = canonical > prime / 2 ? canonical - prime : canonical;
      const bool partner = i < c.channel_count && c.b != nullptr && c.b[i] != kNoPartner;
      out_a[i] = static_cast<int8_t>(centred);
      out_b[i] = static_cast<int8_t>(partner ? -centred : 0);
    }
  }
}

void WriteWindows(const RestoreChannels c, const Tables t, const RestorePlan plan) {
  for (uint32_t i = 0; i < plan.padded_count; ++i) {
    const bool inside = i < c.channel_count;
    const int64_t begin = inside ? c.window_begin[i] : 0;
    const int64_t remainder = begin % plan.modulus;
    const int64_t residue = remainder < 0 ? remainder + plan.modulus : remainder;
    const double fraction = static_cast<double>(residue) / static_cast<double>(plan.modulus);
    t.window_begin[i] = begin;
    t.window_residue[i] = residue;
    t.window_fraction[i] = fraction;
    t.window_begin_narrow[i] = static_cast<int32_t>(c.prime_count <= 3 ? begin : 0);
    t.window_residue_narrow[i] = static_cast<int32_t>(c.prime_count <= 3 ? residue : 0);
    t.window_fraction_narrow[i] = static_cast<float>(fraction);
    t.scale[i] = inside ? c.scale[i] : 0.0f;
    t.bias[i] = inside ? c.bias[i] : 0.0f;
  }
}

void WriteQuotientStarts(const Tables t, uint32_t padded) {
  for (uint32_t i = 0; i < padded; ++i) {
    t.quotient_start[i] = -static_cast<int32_t>(t.window_fraction[i] * (1 << kQuotientBits)) - kQuotientBias;
  }
}

// The channel tables of one chunk once more, in the order of the byte permutations.
void WriteChunk(const Tables t, const RestorePlan plan, uint32_t chunk) {
  uint64_t* select = t.chunk_select + size_t{chunk} * plan.chunks.lookup_count;
  for (uint32_t lookup = 0; lookup < plan.chunks.lookup_count; ++lookup) select[lookup] = 0;
  for (uint32_t word = 0; word < kRestoreChunk; ++word) {
    const uint32_t i = chunk * kRestoreChunk + ChunkChannel(word);
    const size_t at = 2 * (size_t{chunk} * kRestoreChunk + word);
    t.chunk_index[at] = static_cast<uint8_t>(t.a[i] % kLookupSize);
    t.chunk_index[at + 1] = static_cast<uint8_t>(t.b[i] % kLookupSize);
    select[t.a[i] / kLookupSize] |= uint64_t{1} << (2 * word);
    select[t.b[i] / kLookupSize] |= uint64_t{1} << (2 * word + 1);
    for (uint32_t k = 0; k < plan.prime_count; ++k) {
      int8_t* lambda = t.chunk_lambda + 2 * size_t{k} * plan.padded_count + at;
      lambda[0] = t.lambda_a[size_t{k} * plan.padded_count + i];
      lambda[1] = t.lambda_b[size_t{k} * plan.padded_count + i];
    }
  }
}

// Where the covers of one chunk stand in the reply.
void WriteCoverChunk(const Tables& t, uint32_t lookup_count, uint32_t chunk) {
  uint16_t* select = t.cover_select + size_t{chunk} * lookup_count;
  for (uint32_t lookup = 0; lookup < lookup_count; ++lookup) select[lookup] = 0;
  for (uint32_t lane = 0; lane < kCoverChunk; ++lane) {
    const uint32_t i = chunk * kCoverChunk + lane;
    const uint32_t cover = t.a[i] / kCoverSize;
    t.cover_index[i] = cover % kCoverLookup;
    select[cover / kCoverLookup] = static_cast<uint16_t>(select[cover / kCoverLookup] | 1u << lane);
  }
}

void WriteTables(const RestoreChannels& channels, const Tables& t, const RestorePlan& plan) {
  const uint32_t padded = plan.padded_count;
  WriteWindows(channels, t, plan);
  if (channels.cover_group_rows == 0) {
    WritePairs(channels, t, padded);
    WriteQuotientStarts(t, padded);
    for (uint32_t chunk = 0; chunk < padded / kRestoreChunk; ++chunk) WriteChunk(t, plan, chunk);
    return;
  }
  for (uint32_t i = 0; i < padded; ++i) WriteCover(channels, t, padded, i);
  if (plan.covers.lookup_count == 0) return;
  for (uint32_t chunk = 0; chunk < padded / kCoverChunk; ++chunk) WriteCoverChunk(t, plan.covers.lookup_count, chunk);
}

}  // namespace

size_t RestorePlanSize(uint32_t channel_count, uint32_t reply_channel_count,
                       uint32_t prime_count, bool covered) {
  Carver carver(nullptr);
  CarveTables(&carver, PaddedCount(channel_count), LookupCount(reply_channel_count), prime_count, covered);
  return carver.used_size();
}

Status PrepareRestore(const RestoreChannels& channels, void* memory,
                      const RestorePlan** out_plan) {
  *out_plan = nullptr;
  const Status status = CheckChannels(channels);
  if (!IsOk(status)) return status;
  const uint32_t padded = PaddedCount(channels.channel_count);
  Carver carver(memory);
  const uint32_t lookup_count = LookupCount(channels.reply_channel_count);
  const bool covered = channels.cover_group_rows != 0;
  const Tables t = CarveTables(&carver, padded, lookup_count, channels.prime_count, covered);
  RestorePlan plan{};
  plan.channel_count = channels.channel_count;
  plan.padded_count = padded;
  plan.reply_channel_count = channels.reply_channel_count;
  plan.prime_count = channels.prime_count;
  const CrtConstants crt = MakeCrtConstants(channels.prime_count);
  plan.modulus = static_cast<int64_t>(crt.modulus);
  for (uint32_t k = 0; k < channels.prime_count; ++k) {
    plan.cofactor[k] = static_cast<int64_t>(crt.cofactor[k]);
    plan.inverse_prime[k] = 1.0 / kPrimes[k];
  }
  plan.a = t.a;
  plan.b = t.b;
  plan.lambda_a = t.lambda_a;
  plan.lambda_b = t.lambda_b;
  plan.window_begin = t.window_begin;
  plan.window_residue = t.window_residue;
  plan.window_fraction = t.window_fraction;
  plan.window_begin_narrow = t.window_begin_narrow;
  plan.window_residue_narrow = t.window_residue_narrow;
  plan.window_fraction_narrow = t.window_fraction_narrow;
  plan.scale = t.scale;
  plan.bias = t.bias;
  if (covered) {
    const bool whole = channels.cover_group_rows % kCoverSize == 0;
    plan.covers = {whole ? lookup_count : 0, t.cover_factors, t.cover_index, t.cover_select};
  } else {
    plan.chunks = {lookup_count, t.chunk_index, t.chunk_select, t.chunk_lambda, t.quotient_start};
  }
  *t.plan = plan;
  WriteTables(channels, t, plan);
  *out_plan = t.plan;
  return Status::kOk;
}

}  // namespace penumbra
