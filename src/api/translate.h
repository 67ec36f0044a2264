// Turns whatever the inner rooms throw into the public Error.
#ifndef PENUMBRA_API_TRANSLATE_H_
#define PENUMBRA_API_TRANSLATE_H_

#include <string>
#include <utility>

#include "boundary/status.h"
#include "penumbra/error.h"

namespace penumbra::api {

[[noreturn]] void Throw(Status status, const std::string& message);

// Rethrows the exception being handled as an Error.
[[noreturn]] void Rethrow();

template <typename Body>
decltype(auto) Translated(Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (...) {
    Rethrow();
  }
}

}  // namespace penumbra::api

#endif  // PENUMBRA_API_TRANSLATE_H_
