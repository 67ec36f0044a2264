// Cryptographic random bytes.
#ifndef PENUMBRA_CRYPTO_RANDOM_H_
#define PENUMBRA_CRYPTO_RANDOM_H_

#include "boundary/status.h"
#include "crypto/bytes.h"

namespace penumbra::crypto {

// Fills `out` with bytes fit for keys, from a generator seeded by the operating system (NIST SP
// 800-90A). Thread-safe. The first call of each thread may allocate inside the backend; trusted
// code therefore calls it once during set-up. Returns kInternal, with `out` zeroed, when the
// generator has no entropy.
Status RandomBytes(MutableBytes out);

}  // namespace penumbra::crypto

#endif  // PENUMBRA_CRYPTO_RANDOM_H_
