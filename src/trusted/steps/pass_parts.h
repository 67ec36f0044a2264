// The two ends of a pass that meet the outside: masking rows out and restoring rows in.
#ifndef PENUMBRA_TRUSTED_STEPS_PASS_PARTS_H_
#define PENUMBRA_TRUSTED_STEPS_PASS_PARTS_H_

#include <cstdint>

#include "kernels/scratch.h"
#include "trusted/steps/machine.h"

namespace penumbra::trusted {

// Quantises, encodes, permutes and masks one row and writes its residue planes to the exchange region.
// row: [mask_row_elems] float32. docs/pad_bank.md; ShadowNet section 4.3.
Status MaskRow(Machine* machine, const PassScratch& scratch, uint32_t layer, uint32_t row_index,
               const float* row);

// Puts the layer's restore tables and secret projections at the start of scratch, unless they stand there already.
Status PrepareLayer(Machine* machine, const PassScratch& scratch, uint32_t layer);

// What the kernel of the restore does to each element besides, of the operations of a pass its first ones.
struct RestoreTail {
  const float* addend;  // the row of a tensor, or null
  bool relu;
};

// Copies one row of the reply in, once, checks it where the layer is checked, and restores it, a few pixels at a time.
// `tail`: none for a layer over the field. out_row: [out_w][m] float32; a pixel is written only when it is right.
// kIntegrity: the reply is wrong.
Status RestoreRow(Machine* machine, const PassScratch& scratch, uint32_t layer, uint32_t row_index,
                  const RestoreTail& tail, float* out_row);

// T of `pixels` pixels modulo kFieldPrime, minus the pad unless it is null: a reply decoded, or u = T(L'(r)). in: [pixels][m']
// words, pad and out: [pixels][m] centred.
void UnmixField(const Machine& machine, const LayerRec& layer, uint64_t pixels, const uint8_t* in, const int32_t* pad,
                int32_t* out);

// Secret projections of a layer and prime as centred residues, out: [projection][AlignUp(m', 64)].
Status MakeProjections(const Machine& machine, uint32_t layer, uint32_t prime, std::span<uint8_t> spare, int8_t* out);

// Pixels [first, first + count) of one row.
struct PixelRun {
  uint32_t row, first, count;
};

// Compares s^T y' with what x' demands, for every pixel of the run, of which scratch holds our copy of the reply ([prime]
// planes of scratch.reply_plane_size bytes). kIntegrity on any difference (docs/integrity.md).
Status CheckPixels(Machine* machine, const PassScratch& scratch, uint32_t layer, const PixelRun& pixels);

// Views of a layer's params tile (boundary/plan.h).
struct RestoreTables {
  const int64_t* offset;
  const float *scale, *bias;
  const uint16_t *a, *b;  // b: null of covers
  const uint8_t* lambda;  // [prime][m], [prime][m][kCoverSize] of covers
};
RestoreTables ViewRestoreTables(const LayerRec& layer, const uint8_t* tile);

// Every index and factor is in range, factors beyond a cover are 0: asked once, when the model is loaded, for the tile is the
// same at every later fetch. kPlanRejected.
Status CheckRestoreTables(const LayerRec& layer, const RestoreTables& tables);

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_STEPS_PASS_PARTS_H_
