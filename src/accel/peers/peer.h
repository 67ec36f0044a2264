// Unprotected runtimes that a protected model is timed against. Not backends: they run whole models, or a model's
// linear layers, at precisions no segment may have.
#ifndef PENUMBRA_ACCEL_PEERS_PEER_H_
#define PENUMBRA_ACCEL_PEERS_PEER_H_

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "boundary/status.h"

namespace penumbra::peers {

class PeerError : public std::runtime_error {
 public:
  PeerError(Status status, const std::string& what) : std::runtime_error(what), status_(status) {}
  Status status() const { return status_; }

 private:
  Status status_;
};

struct Array {
  std::vector<int64_t> shape;
  std::vector<float> values;  // row-major
};
using Arrays = std::map<std::string, Array>;  // by the model's own names

// Not thread-safe.
class Runtime {
 public:
  virtual ~Runtime() = default;
  virtual std::string version() const = 0;
  // What one run computes, exactly.
  virtual std::string includes() const = 0;
  // One inference. Throws PeerError.
  virtual void Run() = 0;
  // The float32 outputs of the last run; none of a runtime that does not compute the whole model.
  virtual Arrays Outputs() const { return {}; }
};

}  // namespace penumbra::peers

#endif  // PENUMBRA_ACCEL_PEERS_PEER_H_
