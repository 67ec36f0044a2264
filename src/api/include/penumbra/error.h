// The one exception type of the public API.
#ifndef PENUMBRA_ERROR_H_
#define PENUMBRA_ERROR_H_

#include <cstdint>
#include <stdexcept>
#include <string>

#include "penumbra/export.h"

namespace penumbra {

// What a program should do with an error; the command line's exit codes.
enum class ErrorClass : int {
  kFailure = 1,    // files, memory, devices, keys, wrong input
  kUsage = 2,      // the options make no sense
  kIntegrity = 3,  // something was forged, altered or rolled back
  kAttestation = 4,
  kUnsupportedModel = 5,  // an operator, a type or a bound
};

// what() is one line: "P302: what failed [where]; likely cause or next command". The number is
// stable (docs/errors.md): 1xx caller, 2xx resource, 3xx bundle, 4xx session, 5xx accelerator, 6xx
// integrity, 7xx attestation, 8xx internal. No message holds a key or a value of a tensor.
class PENUMBRA_API Error : public std::runtime_error {
 public:
  Error(uint32_t number, const std::string& message);
  ~Error() override;

  uint32_t number() const { return number_; }
  std::string code() const;                                // "P302"
  const std::string& message() const { return message_; }  // what() without the code
  ErrorClass error_class() const;

 private:
  uint32_t number_;
  std::string message_;
};

}  // namespace penumbra

#endif  // PENUMBRA_ERROR_H_
