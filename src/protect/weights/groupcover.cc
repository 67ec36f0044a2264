// GroupCover (ICML 2024), as docs/schemes.md describes it.
#include <type_traits>

#include "boundary/limits.h"
#include "model/error.h"
#include "protect/weights/cover.h"
#include "protect/weights/published_weights.h"
#include "protect/weights/residue_rows.h"

namespace penumbra::protect {
namespace {

// Streams of a layer's key.
constexpr uint64_t kOrderStream = 0;
constexpr uint64_t kInputStream = 1;
constexpr uint64_t kMatrixStream = 2;  // + prime

class CoveredWeights final : public ResidueRows<CoveredWeights> {
 public:
  CoveredWeights(const IntegerLayer& layer, const SecretKey& key)
      : ResidueRows(layer), group_m_(OutChannelsPerGroup(layer.geometry)) {
    DrawOrder(key);
    DrawInputs(key);
    // At once, so that no copy of them stays behind.
    matrices_.reserve(size_t{layer.prime_count} * geometry_.out_c * kCoverSize);
    for (uint32_t k = 0; k < layer.prime_count; ++k) DrawMatrices(key, k);
  }
  ~CoveredWeights() override { crypto::Wipe(MutableBytesOf(&matrices_)); }

  template <typename Weight>
  void WriteRows(uint32_t prime_index, std::span<Weight> out_rows) const {
    const uint64_t n = filter_length();
    std::vector<ResidueOf<Weight>> filters(kCoverSize * n);
    const crypto::ScopedWipe wipe(MutableBytesOf(&filters));
    const uint32_t m = geometry_.out_c;
    for (uint32_t begin = 0; begin < m; begin += CoverRows(begin, group_m_)) {
      const uint32_t size = CoverRows(begin, group_m_);
      for (uint32_t t = 0; t < size; ++t) {
        ReadFilter<Weight>(prime_index, order_[begin + t], filters.data() + t * n);
      }
      for (uint32_t j = begin; j < begin + size; ++j) {
        MixRow<Weight>(prime_index, j, size, filters.data(), out_rows.data() + j * n);
      }
    }
  }

 private:
  // Residues of a secret filter, input channels in published order.
  template <typename Weight>
  void ReadFilter(uint32_t prime_index, uint32_t channel, ResidueOf<Weight>* out) const {
    const auto p = static_cast<int32_t>(prime(prime_index));
    const uint64_t n = filter_length();
    const uint32_t group_c = InChannelsPerGroup(geometry_);
    const uint32_t first = channel / group_m_ * group_c;
    const int32_t* w = layer().q.data() + channel * n;
    for (uint64_t j = 0; j < n; j += group_c) {
      for (uint32_t c = 0; c < group_c; ++c) {
        const uint32_t from = input_perm_.empty() ? c : input_perm_[first + c] - first;
        out[j + c] = static_cast<ResidueOf<Weight>>(SmallResidue(w[j + from], p));
      }
    }
  }

  template <typename Weight>
  void MixRow(uint32_t prime_index, uint32_t row, uint32_t size, const ResidueOf<Weight>* filters,
              Weight* out) const {
    // Over the field four products of 2^24 each way still fit 64 bits.
    using Sum = std::conditional_t<sizeof(Weight) == 1, uint32_t, uint64_t>;
    const uint32_t p = prime(prime_index);
    const uint64_t n = filter_length();
    const uint32_t* factors =
        matrices_.data() + (size_t{prime_index} * geometry_.out_c + row) * kCoverSize;
    for (uint64_t j = 0; j < n; ++j) {
      Sum sum = 0;
      for (uint32_t t = 0; t < size; ++t) sum += Sum{factors[t]} * filters[t * n + j];
      out[j] = Centre<Weight>(static_cast<uint32_t>(sum % p), p);
    }
  }

  void DrawOrder(const SecretKey& key) {
    SecretStream stream(key, kOrderStream);
    for (uint32_t begin = 0; begin < geometry_.out_c; begin += group_m_) {
      const std::vector<uint16_t> order =
          DissimilarOrder(layer().q, filter_length(), begin, begin + group_m_, &stream);
      order_.insert(order_.end(), order.begin(), order.end());
    }
    tables_.a.resize(order_.size());
    for (uint16_t row = 0; row < order_.size(); ++row) tables_.a[order_[row]] = row;
  }

  // Within each group of the convolution: a published filter reads the channels of its own.
  void DrawInputs(const SecretKey& key) {
    const uint32_t group_c = InChannelsPerGroup(geometry_);
    if (group_c == 1) return;
    SecretStream stream(key, kInputStream);
    for (uint32_t first = 0; first < geometry_.in_c; first += group_c) {
      for (const uint16_t c : stream.Permutation(group_c)) {
        input_perm_.push_back(static_cast<uint16_t>(first + c));
      }
    }
  }

  void DrawMatrices(const SecretKey& key, uint32_t prime_index) {
    SecretStream stream(key, kMatrixStream + prime_index);
    const uint32_t p = prime(prime_index);
    const uint64_t factor = CofactorInverses(layer())[prime_index];
    const uint32_t m = geometry_.out_c;
    tables_.lambda.resize(tables_.lambda.size() + size_t{m} * kCoverSize);
    uint32_t* lambda = tables_.lambda.data() + size_t{prime_index} * m * kCoverSize;
    for (uint32_t begin = 0; begin < m; begin += CoverRows(begin, group_m_)) {
      const uint32_t size = CoverRows(begin, group_m_);
      const CoverPair pair = DrawCover(&stream, size, p);
      const auto* first = pair.matrix.entry.data();
      matrices_.insert(matrices_.end(), first, first + size * kCoverSize);
      for (uint32_t r = 0; r < size; ++r) {
        uint32_t* out = lambda + size_t{order_[begin + r]} * kCoverSize;
        for (uint32_t t = 0; t < size; ++t) {
          out[t] = static_cast<uint32_t>(pair.inverse.At(r, t) * factor % p);
        }
      }
    }
  }

  uint32_t group_m_;
  std::vector<uint16_t> order_;     // [m]: output channel of each place among the covers
  std::vector<uint32_t> matrices_;  // [prime_count][m][kCoverSize]: rows of the covers' matrices
};

}  // namespace

std::unique_ptr<PublishedWeights> MakeGroupCoverWeights(const IntegerLayer& layer,
                                                        const SecretKey& key) {
  if (IsChannelwise(layer.geometry)) return MakeShuffledWeights(layer, key);
  if (layer.geometry.out_c >= kNoPartner || layer.geometry.in_c >= kNoPartner) {
    throw model::ModelError(Status::kUnsupported,
                            "a layer has more channels than restore tables can index", {},
                            "keep this layer inside the trusted half (--layers)");
  }
  return std::make_unique<CoveredWeights>(layer, key);
}

}  // namespace penumbra::protect
