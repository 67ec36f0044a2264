// What a weight transform makes of a secret integer layer: the residue weights that are published
// and the tables with which the trusted half restores true outputs (docs/schemes.md).
#ifndef PENUMBRA_PROTECT_WEIGHTS_PUBLISHED_WEIGHTS_H_
#define PENUMBRA_PROTECT_WEIGHTS_PUBLISHED_WEIGHTS_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "boundary/geometry.h"
#include "protect/weights/secret_stream.h"

namespace penumbra::protect {

// A quantised linear layer as transforms read it; borrowed, must outlive the transform.
struct IntegerLayer {
  ConvGeometry geometry;
  std::span<const int32_t> q;  // [out_c][kernel_h][kernel_w][in_c/groups]
  uint32_t prime_count;        // 1..kMaxPrimes
  bool is_field = false;       // modulo kFieldPrime instead of kPrimes; prime_count is 1

  uint32_t prime(uint32_t k) const { return is_field ? kFieldPrime : kPrimes[k]; }
};

// Per output channel i and prime k (boundary/plan.h, RestoreParams):
//   v = lambda[k][i] * (y'[a[i]] - y'[b[i]]) mod p_k; b[i] = kNoPartner: nothing is subtracted.
// With covers, c = CoverBegin(a[i]), and there is no b:
//   v = sum_t lambda[k][i][t] * y'[c + t] mod p_k
struct RestoreTables {
  std::vector<uint16_t> a, b;    // [m]
  std::vector<uint32_t> lambda;  // [prime_count][m], lambda_i^-1 * (M / p_k)^-1 mod p_k
                                 // covers: [prime_count][m][kCoverSize], rows of inverses
  bool covered() const { return b.empty(); }
};

// (M / p_k)^-1 mod p_k of every prime of the layer; 1 for the one prime of the field.
std::vector<uint32_t> CofactorInverses(const IntegerLayer& layer);

class PublishedWeights {
 public:
  virtual ~PublishedWeights() = default;

  // Of the published layer: out_c = m', otherwise as the secret layer.
  const ConvGeometry& geometry() const { return geometry_; }
  const RestoreTables& tables() const { return tables_; }
  // u16 g[in_c]: the published layer reads x'[c] = x[g[c]]; empty: channels in their own order.
  const std::vector<uint16_t>& input_perm() const { return input_perm_; }

  // W' of one prime: [m'][kernel_h][kernel_w][in_c/groups] centred residues. Every call gives the
  // same bytes. Thread-safe. Rows() is for layers over the ring, FieldRows() for those over the
  // field.
  virtual std::vector<int8_t> Rows(uint32_t prime_index) const = 0;
  virtual std::vector<int32_t> FieldRows() const = 0;

 protected:
  ConvGeometry geometry_{};
  RestoreTables tables_;
  std::vector<uint16_t> input_perm_;
};

// Weights as they are, reduced modulo each prime (Slalom).
std::unique_ptr<PublishedWeights> MakePlainWeights(const IntegerLayer& layer);

// ShadowNet section 4. ratio >= 1: m' = max(m + 1, floor(ratio * m)) per group; depthwise layers
// get a channel permutation and scalars instead. `key` is the layer's own. Throws
// model::ModelError(kUnsupported) when m' does not fit the restore tables.
std::unique_ptr<PublishedWeights> MakeShadowNetWeights(const IntegerLayer& layer, double ratio,
                                                       const SecretKey& key);

// GroupCover: within each group of the convolution up to kCoverSize filters that are little alike (greedily
// those of least cosine) are mixed by a secret matrix, uniform over the invertible ones modulo each prime, and
// input channels are permuted. m' = m; depthwise layers as above. `key` and errors as above.
std::unique_ptr<PublishedWeights> MakeGroupCoverWeights(const IntegerLayer& layer,
                                                        const SecretKey& key);

// Depthwise layers of ShadowNet and GroupCover: channels permuted and scaled.
std::unique_ptr<PublishedWeights> MakeShuffledWeights(const IntegerLayer& layer,
                                                      const SecretKey& key);
bool IsChannelwise(const ConvGeometry& geometry);

// m' of one group of m filters.
uint32_t ShadowNetFilterCount(uint32_t m, double ratio);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_WEIGHTS_PUBLISHED_WEIGHTS_H_
