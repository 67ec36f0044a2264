// What the runs of one model share. Loading fills it, unloading wipes it; runs only read it, but for the keys'
// working state: they are served one after the other.
#ifndef PENUMBRA_TRUSTED_SESSION_LOADED_H_
#define PENUMBRA_TRUSTED_SESSION_LOADED_H_

#include <cstdint>
#include <span>

#include "crypto/aead.h"
#include "crypto/keystream.h"
#include "kernels/dispatch.h"
#include "trusted/bundle/manifest.h"
#include "trusted/plan/plan.h"
#include "trusted/session/failure_log.h"
#include "trusted/session/pad_slots.h"

namespace penumbra::trusted {

struct Loaded {
  Manifest manifest{};
  Plan plan{};
  const KernelTable* kernels = nullptr;
  std::span<uint8_t> exchange;  // the whole region
  std::span<uint8_t> scratch;   // of whichever run is inside; see Machine::scratch
  crypto::AeadKey bundle_key;
  // Of this load: what the prepare program stores outside, and the secret projections it is made from.
  crypto::AeadKey derived_key;
  crypto::Keystream check_stream;
  FailureLogger failure_log;
  PadSlots pad_slots;  // the model gives and takes them; runs find their tiles

  bool NeedsPads() const { return !plan.pad_program.empty(); }
};

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_SESSION_LOADED_H_
