// The log of a failure, for the vendor alone (boundary/failure_log.h). The key is agreed on while the model is loaded, so
// that nothing is allocated when something fails; a loaded model fails once, so it seals once.
#ifndef PENUMBRA_TRUSTED_SESSION_FAILURE_LOG_H_
#define PENUMBRA_TRUSTED_SESSION_FAILURE_LOG_H_

#include <cstdint>
#include <span>

#include "boundary/failure_log.h"
#include "boundary/status.h"
#include "crypto/hpke.h"
#include "trusted/port/port.h"

namespace penumbra::trusted {

class FailureLogger {
 public:
  // Sets up the key object.
  Status Init() { return sender_.Clear(); }

  // For logs of the model that is being loaded. kPlanRejected: nobody can own `vendor_key`. Other errors: the port's.
  Status Open(const Port& port, std::span<const uint8_t, 32> vendor_key);
  // Once after each Open(); any error leaves *out_log zeroed.
  Status Seal(const FailureRecord& record, FailureLog* out_log);
  // Wipes the key. Re-keying an existing context cannot fail for want of memory.
  void Clear() { (void)sender_.Clear(); }

 private:
  crypto::HpkeSender sender_;
  uint8_t enc_[32] = {};
};

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_SESSION_FAILURE_LOG_H_
