// A read the host was asked for: where its answer stands. The host may say that the bytes already lie elsewhere in
// the exchange region, which saves it a copy.
#ifndef PENUMBRA_TRUSTED_SESSION_READ_REQUEST_H_
#define PENUMBRA_TRUSTED_SESSION_READ_REQUEST_H_

#include <cstdint>
#include <cstring>
#include <span>

#include "boundary/protocol.h"
#include "trusted/base/checked.h"

namespace penumbra::trusted {

class ReadRequest {
 public:
  void Note(const HostJob& job) {
    offset_ = job.offset;
    size_ = job.size;
  }
  // `offset` 0: the answer stands where it was asked for. False when it would reach beyond the region.
  bool Answer(uint64_t offset, uint64_t region_size) {
    if (!Fits(offset, size_, region_size)) return false;
    if (offset != 0) offset_ = offset;
    return true;
  }
  // The only copy: `out`, then `out_tag`. The next call goes on behind them; all calls together take what was asked for.
  void CopyIn(std::span<const uint8_t> region, std::span<uint8_t> out, std::span<uint8_t> out_tag) {
    const uint8_t* from = region.data() + offset_;
    std::memcpy(out.data(), from, out.size());
    if (!out_tag.empty()) std::memcpy(out_tag.data(), from + out.size(), out_tag.size());
    offset_ += out.size() + out_tag.size();
  }

 private:
  uint64_t offset_ = 0, size_ = 0;
};

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_SESSION_READ_REQUEST_H_
