// The ports of a model, from the manifest's metadata. One JSON object:
//   {"inputs":  [{"name": "image", "type": "float32", "shape": [1,3,32,32], "perm": [0,2,3,1],
//                 "offset": 4096}, ...],
//    "outputs": [...], "max_batch": 1, "pad_bytes": 0, "pad_multiplications": 0, "pad_batch": 0, ...}
// `shape` is in the order users know, perm[d] the axis of `shape` that is axis d in the exchange
// region, `offset` where the port's float32 array lies in that region (PortRec::offset of the
// sealed plan). `max_batch` may be missing (1), `pad_bytes`,
// and `pad_multiplications`, too (unknown): bytes of one sealed pad and what making it costs, 0 for a model without.
// `pad_batch`: how many pads the trusted half can make in one pass over the weights; missing or 0: one by one only.
// Other members belong to applications.
#ifndef PENUMBRA_HOST_METADATA_H_
#define PENUMBRA_HOST_METADATA_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penumbra::host {

struct Port {
  std::string name;
  std::string type;             // that the model declares; elements cross as float32
  std::vector<uint32_t> shape;  // logical
  std::vector<uint32_t> perm;
  uint64_t elem_count;
  uint64_t offset;
};

struct Metadata {
  std::vector<Port> inputs, outputs;
  uint32_t max_batch = 1;
  std::optional<uint64_t> pad_size, pad_multiplications;
  uint32_t pad_batch = 1;
};

// Throws HostError kMalformed naming the member that is wrong; kUnsupported for another element
// type. Every port lies in a region of `exchange_size` bytes on return.
Metadata ParseMetadata(const std::string& json, uint64_t exchange_size);

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_METADATA_H_
