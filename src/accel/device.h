// What an untrusted accelerator must offer. A device prepares *segments*, small graphs over the
// closed operator list of boundary/segment.h, once, and then runs jobs on them: masked tensors are
// read in place from the exchange region and replies are written back in place, nothing is copied
// or serialised.
//
// Nothing a device computes is trusted; it still must never crash on what it is given, because
// segments come from a file: Prepare checks everything (accel/validate.h does it for all backends)
// before use.
#ifndef PENUMBRA_ACCEL_DEVICE_H_
#define PENUMBRA_ACCEL_DEVICE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "boundary/geometry.h"
#include "boundary/segment.h"
#include "boundary/status.h"

namespace penumbra {

// Alignment in bytes of every pointer of a Job.
inline constexpr size_t kExchangeAlignment = 64;

// A borrowed segment. Only Prepare reads it: it may go once Prepare has returned.
// Nodes stand in execution order: each reads segment inputs or outputs of earlier nodes.
struct SegmentView {
  std::span<const SegmentTensor> tensors;
  std::span<const SegmentNode> nodes;
  std::span<const uint32_t> inputs;   // tensor ids, in the order of Job::inputs; written by no node
  std::span<const uint32_t> outputs;  // tensor ids, in the order of Job::outputs; written by a node
};

// The blobs of the public half, usually memory-mapped. Bytes must stay valid and unchanged for as
// long as any segment prepared from them lives: a device may use weights in place.
class BlobSource {
 public:
  virtual ~BlobSource() = default;
  // The bytes of blob `index`; empty when there is no such blob.
  virtual std::span<const std::byte> Blob(uint32_t index) const = 0;
};

struct Capabilities {
  uint64_t ops = 0;         // CapabilityBit(op) of every operator this device runs
  uint32_t max_primes = 0;  // residue planes of a tensor, <= kMaxPrimes; 0: runs no residues
  bool exact_residues =
      false;  // replies of residue convolutions are exact modulo each prime, for every legal input
  // Job::rows may be a part of the output. Applies to segments of one residue convolution; every
  // other segment always runs on its full range.
  bool row_ranges = false;

  bool Runs(SegmentOp op) const { return (ops & CapabilityBit(op)) != 0; }
};

struct PrepareOptions {
  uint32_t threads = 1;    // >= 1; the caller's thread counts as one
  uint32_t max_batch = 1;  // >= 1; the largest Job::batch that Run must accept
};

// One run of a prepared segment on memory of the exchange region. Every pointer is aligned to
// kExchangeAlignment and spans TensorByteSize(tensor, batch) bytes (accel/validate.h).
struct Job {
  uint32_t batch = 1;
  // Rows of the output to compute; {0, h} for all (h of the tallest output). With a part, only
  // these rows of each plane are written, at their usual place, and only the rows InputRowsOf()
  // names are read.
  RowRange rows{0, 0};
  std::span<const std::byte* const> inputs;
  std::span<std::byte* const> outputs;
};

// How one node of a segment is computed on this machine, for people who ask why it takes what it takes.
struct NodeMethod {
  struct Estimate {
    std::string method;
    double cycles;  // of one core, one sample
  };
  uint32_t node = 0;                // index into the segment's nodes
  std::string method = {};          // "exact Winograd, tiles of 6x6"
  std::string kernels = {};         // instruction set or the library's own name of its kernel: "avx512-vnni"
  std::string reason = {};          // why this method, one line
  std::vector<Estimate> estimates = {};  // of every method that could serve, this one included; empty: not chosen by cost
};

// A segment ready to run. One Run at a time per object (it owns scratch memory); different objects
// are independent of each other.
class PreparedSegment {
 public:
  virtual ~PreparedSegment() = default;
  // kInvalidArgument: batch, rows, or the number or alignment of pointers do not fit the segment.
  // kDeviceFailed: the device broke; outputs are then unspecified.
  virtual Status Run(const Job& job) = 0;
  // Of every node that computes something by itself, in their order; empty: the backend does not tell.
  virtual std::vector<NodeMethod> Methods() const { return {}; }
};

// A backend. Thread-safe: several segments may be prepared at once.
class Device {
 public:
  virtual ~Device() = default;
  virtual std::string_view name() const = 0;
  virtual const Capabilities& capabilities() const = 0;

  // Checks the segment and makes it ready. On failure *out_prepared is left empty and *out_why, if
  // given, says what is wrong, where, and what to do. kMalformed: no device could run this;
  // kDeviceUnsupported: this one cannot; kInvalidArgument: bad options; kOutOfMemory,
  // kDeviceFailed.
  virtual Status Prepare(const SegmentView& segment, const BlobSource& blobs,
                         const PrepareOptions& options,
                         std::unique_ptr<PreparedSegment>* out_prepared,
                         std::string* out_why = nullptr) = 0;
};

}  // namespace penumbra

#endif  // PENUMBRA_ACCEL_DEVICE_H_
