// `penumbra-enclave --self-report`: what isolation an enclave process gets on this machine.
#ifndef PENUMBRA_APPS_ENCLAVE_SELF_REPORT_H_
#define PENUMBRA_APPS_ENCLAVE_SELF_REPORT_H_

#include "tee/process/trusted/enclave_process.h"

namespace penumbra {

// Starts a real enclave process without a device key, prints one line per kind of isolation to
// standard output and returns the exit code.
int RunSelfReport(const tee::EnclaveOptions& options);

}  // namespace penumbra

#endif  // PENUMBRA_APPS_ENCLAVE_SELF_REPORT_H_
