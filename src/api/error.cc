#include "penumbra/error.h"

#include "boundary/status.h"

namespace penumbra {

Error::Error(uint32_t number, const std::string& message)
    : std::runtime_error("P" + std::to_string(number) + ": " + message),
      number_(number),
      message_(message) {}

Error::~Error() = default;

std::string Error::code() const { return "P" + std::to_string(number_); }

ErrorClass Error::error_class() const {
  switch (static_cast<Status>(number_)) {
    case Status::kInvalidArgument:
    case Status::kIllegalCombination:
      return ErrorClass::kUsage;
    case Status::kUnsupported:
    case Status::kBoundUnproved:
      return ErrorClass::kUnsupportedModel;
    case Status::kBadSignature:
    case Status::kAuthenticationFailed:
    case Status::kRolledBack:
    case Status::kIntegrity:
    case Status::kReceiptRefused:
      return ErrorClass::kIntegrity;
    case Status::kAttestation:
      return ErrorClass::kAttestation;
    default:
      return ErrorClass::kFailure;
  }
}

}  // namespace penumbra
