#include "protect/schedule/layer_tables.h"

#include "boundary/limits.h"

namespace penumbra::protect {
namespace {

template <typename T>
void PutArray(const std::vector<T>& values, std::vector<uint8_t>* out) {
  const std::vector<uint8_t> bytes = BytesOf(values);
  out->insert(out->end(), bytes.begin(), bytes.end());
  out->resize(AlignUp(out->size(), 8));
}

}  // namespace

std::vector<uint8_t> RestoreParamsTile(const QuantizedLinear& quantized,
                                       const RestoreTables& tables) {
  std::vector<uint8_t> tile;
  PutArray(quantized.offset, &tile);
  PutArray(quantized.scale, &tile);
  PutArray(quantized.bias, &tile);
  PutArray(tables.a, &tile);
  if (!tables.covered()) PutArray(tables.b, &tile);
  if (quantized.is_field) {
    PutArray(tables.lambda, &tile);
  } else {
    PutArray(std::vector<uint8_t>(tables.lambda.begin(), tables.lambda.end()), &tile);
  }
  return tile;
}

std::vector<uint8_t> RowBoundsTile(const QuantizedLinear& quantized) {
  return BytesOf(quantized.bound);
}

PublicSegment ResidueSegment(const LinearPlan& plan, uint32_t blob) {
  const ConvGeometry& g = plan.published->geometry();
  const bool is_field = plan.quantized->is_field;
  const auto primes = static_cast<uint16_t>(is_field ? 0 : plan.quantized->prime_count);
  const ElementType type = is_field ? ElementType::kU32Residue : ElementType::kU8Residue;
  PublicSegment segment;
  segment.tensors = {{g.in_h, g.in_w, g.in_c, type, primes}, {g.out_h, g.out_w, g.out_c, type, primes}};
  SegmentNode node{};
  node.op = is_field ? SegmentOp::kConvPrime : SegmentOp::kConvResidue;
  node.input_count = 1;
  node.output = 1;
  node.geometry = g;
  node.weight_blob = blob;
  node.bias_blob = kNoBlob;
  segment.nodes = {node};
  segment.inputs = {0};
  segment.outputs = {1};
  return segment;
}

PublicBlob ResidueBlob(const LinearPlan& plan) {
  const PublishedWeights* published = plan.published;
  const uint64_t count = published->geometry().out_c * FilterLength(published->geometry());
  if (plan.quantized->is_field) {
    return {count * sizeof(int32_t), 1, [published](uint32_t) { return BytesOf(published->FieldRows()); }, {}};
  }
  return {count * plan.quantized->prime_count, plan.quantized->prime_count,
          [published](uint32_t prime) { return BytesOf(published->Rows(prime)); }, {}};
}

}  // namespace penumbra::protect
