// The public C++ API: protect a model once, run it where nobody outside a TEE may see its weights.
//
//   penumbra::Env env;
//   penumbra::Protect(env, "m.onnx", "m.penumbra", {.calibration = "samples"});
//   penumbra::Session session(env, "m.penumbra");
//   auto outputs = session.Run({{"input", penumbra::ReadNpy("x.npy")}});
//
// Everything throws penumbra::Error. penumbra/penumbra_c.h is the same for C.
#ifndef PENUMBRA_PENUMBRA_H_
#define PENUMBRA_PENUMBRA_H_

#include "penumbra/audit.h"        // IWYU pragma: export
#include "penumbra/compare.h"      // IWYU pragma: export
#include "penumbra/device_profile.h"  // IWYU pragma: export
#include "penumbra/env.h"          // IWYU pragma: export
#include "penumbra/error.h"        // IWYU pragma: export
#include "penumbra/float_model.h"  // IWYU pragma: export
#include "penumbra/inspect.h"      // IWYU pragma: export
#include "penumbra/peer.h"        // IWYU pragma: export
#include "penumbra/protect.h"      // IWYU pragma: export
#include "penumbra/receipt.h"      // IWYU pragma: export
#include "penumbra/session.h"      // IWYU pragma: export
#include "penumbra/tensor.h"       // IWYU pragma: export

#endif  // PENUMBRA_PENUMBRA_H_
