// Bytes on a cache-line boundary; many of them in large pages where the system has any, so that streams of packed weights and
// the positions of a Winograd tile, which lie far apart, do not wait for page tables.
#ifndef PENUMBRA_ACCEL_RESIDUES_ALIGNED_BYTES_H_
#define PENUMBRA_ACCEL_RESIDUES_ALIGNED_BYTES_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace penumbra::residues {

class AlignedBytes {
 public:
  // At least `size` bytes, undefined; the contents are lost when it grows. May throw
  // std::bad_alloc.
  void Reserve(size_t size) {
    if (size <= size_) return;
    size_ = 0;
    data_.reset();
    const size_t alignment = size < kLargePage ? kCacheLine : kLargePage;
    const size_t whole = (size + alignment - 1) / alignment * alignment;
    data_.reset(static_cast<uint8_t*>(std::aligned_alloc(alignment, whole)));
    if (data_ == nullptr) throw std::bad_alloc();
    if (alignment == kLargePage) ::madvise(data_.get(), whole, MADV_HUGEPAGE);  // advice: a refusal costs time only
    size_ = size;
  }
  uint8_t* data() const { return data_.get(); }

 private:
  static constexpr size_t kCacheLine = 64, kLargePage = size_t{2} << 20;

  struct Free {
    void operator()(uint8_t* p) const { std::free(p); }
  };
  std::unique_ptr<uint8_t, Free> data_;
  size_t size_ = 0;
};

}  // namespace penumbra::residues

#endif  // PENUMBRA_ACCEL_RESIDUES_ALIGNED_BYTES_H_
