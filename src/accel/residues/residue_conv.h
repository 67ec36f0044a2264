// One residue convolution, ready to run.
#ifndef PENUMBRA_ACCEL_RESIDUES_RESIDUE_CONV_H_
#define PENUMBRA_ACCEL_RESIDUES_RESIDUE_CONV_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "accel/device.h"
#include "accel/residues/worker_pool.h"
#include "boundary/geometry.h"

namespace penumbra::residues {

class ResidueConv {
 public:
  virtual ~ResidueConv() = default;

  // Makes ready for whole images of `batch` samples. Throws std::bad_alloc, or what the backend's library throws.
  virtual void Compile(uint32_t batch) = 0;

  // x: [prime][batch][in_h, in_w, in_c], out_y: [prime][batch][out_h, out_w, out_c] residues.
  // Shapes not seen before are compiled first. One call at a time. False if a strip failed.
  virtual bool Run(const uint8_t* x, uint32_t batch, RowRange rows, uint8_t* out_y) = 0;

  // How it is computed, `node` aside; after Compile().
  NodeMethod Explain() const {
    NodeMethod method = choice_;
    method.method = Name();
    return method;
  }
  // Why whoever made it chose it: `kernels`, `reason` and `estimates`.
  void SetChoice(NodeMethod choice) { choice_ = std::move(choice); }

 private:
  virtual std::string Name() const = 0;  // of the method

  NodeMethod choice_;
};

}  // namespace penumbra::residues

#endif  // PENUMBRA_ACCEL_RESIDUES_RESIDUE_CONV_H_
