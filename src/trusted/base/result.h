// Early return for trusted code, which has no exceptions.
#ifndef PENUMBRA_TRUSTED_BASE_RESULT_H_
#define PENUMBRA_TRUSTED_BASE_RESULT_H_

#include "boundary/status.h"

// Returns from the enclosing function when `expr` is not kOk.
#define PENUMBRA_TRY(expr)                                                   \
  do {                                                                       \
    const ::penumbra::Status penumbra_try_status = (expr);                   \
    if (!::penumbra::IsOk(penumbra_try_status)) return penumbra_try_status;  \
  } while (false)

// Returns `status` when a condition on outside data does not hold.
#define PENUMBRA_REQUIRE(condition, status) \
  do {                                      \
    if (!(condition)) return (status);      \
  } while (false)

#endif  // PENUMBRA_TRUSTED_BASE_RESULT_H_
