// Bytes on a cache-line boundary.
#ifndef PENUMBRA_ACCEL_RESIDUES_ALIGNED_BYTES_H_
#define PENUMBRA_ACCEL_RESIDUES_ALIGNED_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace penumbra::residues {

class AlignedBytes {
 public:
  static constexpr std::align_val_t kAlignment{64};

  // At least `size` bytes, undefined; the contents are lost when it grows. May throw
  // std::bad_alloc.
  void Reserve(size_t size) {
    if (size <= size_) return;
    size_ = 0;
    data_.reset();
    data_.reset(static_cast<uint8_t*>(::operator new(size, kAlignment)));
    size_ = size;
  }
  uint8_t* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(uint8_t* p) const { ::operator delete(p, kAlignment); }
  };
  std::unique_ptr<uint8_t, Free> data_;
  size_t size_ = 0;
};

}  // namespace penumbra::residues

#endif  // PENUMBRA_ACCEL_RESIDUES_ALIGNED_BYTES_H_
