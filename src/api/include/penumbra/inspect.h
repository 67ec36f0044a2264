// What a bundle says about itself: to anybody, and to the owner of a key.
#ifndef PENUMBRA_INSPECT_H_
#define PENUMBRA_INSPECT_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "penumbra/export.h"
#include "penumbra/protect.h"
#include "penumbra/tensor.h"

namespace penumbra {

// One published linear segment, as its accelerator gets it.
struct PublicSegment {
  std::vector<std::string> operators;   // "conv 3x3", in execution order
  std::string kernel_kind;              // of a segment of one convolution, as device profiles name it: "pointwise"; else empty
  std::vector<uint32_t> input, output;  // [h, w, c] of the first port
  uint32_t prime_count = 0;             // planes of residues; 0: float32
  uint64_t multiply_count = 0;          // multiplications of one inference, all primes, fingerprints included
  uint64_t weight_size = 0;             // bytes
  uint64_t crossing_bytes = 0;          // masked input and reply of one inference
  uint32_t projection_count = 0;        // secret projections per prime that check its reply
};

struct BundleInfo {
  std::string name;
  uint64_t model_version = 0;
  bool signature_checked = false;  // false: nothing below is more than a claim
  uint64_t file_size = 0, public_size = 0, sealed_size = 0;  // bytes
  uint64_t exchange_size = 0;
  uint64_t secure_memory_size = 0;      // planned peak
  uint32_t device_count = 0;            // devices the key is wrapped for, the vendor not counted
  std::vector<std::string> device_ids;  // SHA-256 of their public keys, hex
  std::vector<TensorInfo> inputs, outputs;
  std::string preprocess;  // JSON; may be empty
  // A wrong reply of a segment is accepted with probability at most 2^-soundness_bits; 0: replies
  // are not checked. As the metadata says; the trusted half proves its own plan at load.
  uint32_t soundness_bits = 0;
  FingerprintInfo fingerprints;  // as the metadata says, likewise
  // Operators of which each is public with probability `theta`, drawn inside at every load, as the metadata says; 0: what is public is
  // listed below.
  uint32_t candidate_count = 0;
  double theta = 0;
  bool has_report = false;       // sealed, see ReadReport
  // One sealed pad in bytes, and the multiplications that making it takes; 0 for a model without pads, empty when the
  // bundle does not say.
  std::optional<uint64_t> pad_size, pad_multiplications;
  uint32_t pad_batch = 1;  // pads that can be made in one pass over the weights; 1: one by one
  std::vector<PublicSegment> segments;
};

// `vendor_key` empty: the signature is not checked. Throws Error.
PENUMBRA_API BundleInfo Inspect(const std::filesystem::path& bundle,
                                const std::filesystem::path& vendor_key = {});

// Writes every segment of the public half as an ONNX model of standard operators into `folder`,
// which is made if need be: segment-0.onnx and so on, in the order of BundleInfo::segments. Inputs and
// outputs are what crosses the boundary, channel-last: float32 [1, h, w, c] or residues u8
// [prime, h, w, c]. Any runtime may serve them; nothing in them is more than the bundle shows to
// everybody. `vendor_key` empty: the signature is not checked. Throws Error; P502 for segments modulo
// the papers' prime, which standard operators do not compute exactly.
PENUMBRA_API std::vector<std::filesystem::path> ExportPublic(
    const std::filesystem::path& bundle, const std::filesystem::path& folder,
    const std::filesystem::path& vendor_key = {});

// How one operator of the public half is computed on this machine.
struct PublicMethod {
  struct Estimate {
    std::string method;
    double cycles = 0;  // of one core, for one inference
  };
  uint32_t segment = 0;    // of BundleInfo::segments
  std::string op = {};     // "conv 3x3", as PublicSegment::operators
  std::string method = {}, kernels = {}, reason = {};
  std::vector<Estimate> estimates = {};  // of every method that could serve; empty: it was not chosen by cost
};

// Prepares the public half on `accelerator` (a name of AcceleratorNames(); empty: the preferred one) as a session does and says
// how each operator would run; operators that are fused into others and backends that do not tell are left out. `vendor_key` as
// above. Throws Error.
PENUMBRA_API std::vector<PublicMethod> ExplainPublic(const std::filesystem::path& bundle,
                                                     const std::string& accelerator = {},
                                                     const std::filesystem::path& vendor_key = {});

// Exactly one private key, and for the device's also the vendor's public key, which the bundle does
// not hold.
struct ReportKeys {
  std::filesystem::path vendor_private_key = {};
  std::filesystem::path device_private_key = {};
  std::filesystem::path vendor_public_key = {};
};

struct SealedReport {
  ProtectReport report;    // without notes and bundle size
  ProtectOptions request;  // axes, limits and shapes as given to Protect(); no paths, no keys
};

// The per-layer report sealed in the bundle, after checking the signature. Nothing: the bundle has
// none (it was made by a penumbra that sealed none). Throws Error: P304 when the bundle is not
// wrapped for the key, P303, P305, and what Inspect throws.
PENUMBRA_API std::optional<SealedReport> ReadReport(const std::filesystem::path& bundle,
                                                    const ReportKeys& keys);

// A reply the trusted half refused on some device.
struct RefusedReply {
  uint64_t model_version = 0;
  // Name of the model's node, and index in ProtectReport::layers. Of a fingerprinted segment its first linear layer; when it
  // has none, no name and the number of layers.
  std::string layer;
  uint32_t layer_index = 0;
  std::optional<uint32_t> float_segment = {};  // of the public half, when replies are checked by fingerprints
  uint32_t prime = 0;        // plane of residues
  uint32_t row = 0;          // of the reply; with fingerprints: first of the tile
  uint32_t word = 0;         // of the instruction that found it, in the inference program
  uint64_t start = 0;        // inferences and pads begun since the model was loaded, this one included
};

// What Session::FailureLog() gave, for the owner of the key `bundle` was signed with. Base-mode HPKE does not say who
// sealed a log: whoever can open the bundle can write one. Throws Error: P301 for bytes of another size, P305 when they
// were altered or are for another vendor, P107 when they are of another bundle, and what ReadReport throws.
PENUMBRA_API RefusedReply ReadFailureLog(const std::vector<uint8_t>& log,
                                         const std::filesystem::path& bundle,
                                         const std::filesystem::path& vendor_private_key);
// Files of logs. Throw Error: reading, P301 for a file of another size, besides what files give.
PENUMBRA_API std::vector<uint8_t> ReadFailureLogFile(const std::filesystem::path& path);
PENUMBRA_API void WriteFailureLogFile(const std::filesystem::path& path,
                                      const std::vector<uint8_t>& log);

}  // namespace penumbra

#endif  // PENUMBRA_INSPECT_H_
