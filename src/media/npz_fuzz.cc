// Fuzzes what reads .npz archives and the .npy files in them.
#include <cstddef>
#include <cstdint>

#include "media/error.h"
#include "media/npz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const penumbra::media::ArrayMap arrays = penumbra::media::ParseNpz({data, size});
    static_cast<void>(penumbra::media::EncodeNpz(arrays));
  } catch (const penumbra::media::MediaError&) {
  }
  return 0;
}
