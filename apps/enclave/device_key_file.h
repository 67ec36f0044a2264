// Reads the device's private key before the sandbox closes.
#ifndef PENUMBRA_APPS_ENCLAVE_DEVICE_KEY_FILE_H_
#define PENUMBRA_APPS_ENCLAVE_DEVICE_KEY_FILE_H_

#include <cstdint>
#include <span>

#include "boundary/status.h"

namespace penumbra {

// `path`: PKCS#8 PEM with an unencrypted X25519 key (RFC 8410), owned by this user or root and
// closed to everybody else. On failure the key is zeroed and *out_why is a static sentence.
// kNotFound, kPermission, kMalformed, kIo.
Status ReadDeviceKey(const char* path, std::span<uint8_t, 32> out_key, const char** out_why);

}  // namespace penumbra

#endif  // PENUMBRA_APPS_ENCLAVE_DEVICE_KEY_FILE_H_
