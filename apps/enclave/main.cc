// penumbra-enclave: the trusted binary of the process TEE. The host program starts it; by hand it
// is of use only with --self-report.
#include <getopt.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "device_key_file.h"
#include "self_report.h"
#include "tee/process/control_block.h"
#include "tee/process/trusted/enclave_process.h"

namespace penumbra {
namespace {

constexpr uint64_t kDefaultSecureMemorySize = uint64_t{12} << 20;
constexpr int kUsageError = 2;

struct Arguments {
  tee::EnclaveOptions enclave;
  uint32_t spin_ns = 0;
  const char* device_key_file = nullptr;
  bool self_report = false;
  bool version = false;
};

bool ParseNumber(const char* text, uint64_t limit, uint64_t* out_number) {
  char* end = nullptr;
  errno = 0;
  const unsigned long long number = std::strtoull(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || *text == '-' || number > limit) return false;
  *out_number = number;
  return true;
}

bool ParseArguments(int argc, char** argv, Arguments* out) {
  static const option kOptions[] = {
      {"secure-memory", required_argument, nullptr, 'm'},
      {"device-key", required_argument, nullptr, 'k'},
      {"state", required_argument, nullptr, 's'},
      {"spin-ns", required_argument, nullptr, 'p'},
      {"self-report", no_argument, nullptr, 'r'},
      {"version", no_argument, nullptr, 'v'},
      {nullptr, 0, nullptr, 0},
  };
  out->enclave.secure_memory_size = kDefaultSecureMemorySize;
  uint64_t spin_ns = 0;
  bool ok = true;
  for (int c; ok && (c = getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    if (c == 'm') ok = ParseNumber(optarg, SIZE_MAX / 2, &out->enclave.secure_memory_size);
    if (c == 'p') ok = ParseNumber(optarg, UINT32_MAX, &spin_ns);
    if (c == 'k') out->device_key_file = optarg;
    if (c == 's') out->enclave.state_directory = optarg;
    if (c == 'r') out->self_report = true;
    if (c == 'v') out->version = true;
    if (c == '?') ok = false;
  }
  out->spin_ns = static_cast<uint32_t>(spin_ns);
  return ok && optind == argc;
}

Status Start(tee::EnclaveProcess* process, const Arguments& arguments, const char** out_why) {
  *out_why = "the process cannot be hardened";
  if (const Status status = process->Prepare(); !IsOk(status)) return status;
  const Status key = ReadDeviceKey(arguments.device_key_file, process->device_key(), out_why);
  if (!IsOk(key)) return key;
  return process->Enter(tee::kExchangeDescriptor, tee::kLifelineDescriptor, arguments.enclave,
                        out_why);
}

int RunEnclave(const Arguments& arguments) {
  tee::EnclaveProcess process;
  if (arguments.device_key_file == nullptr || !IsOk(process.MapControl(tee::kControlDescriptor))) {
    std::fprintf(stderr,
                 "penumbra-enclave is started by the penumbra program; by hand use "
                 "--self-report or --version\n");
    return kUsageError;
  }
  tee::SpinBudget budget(arguments.spin_ns);
  const char* why = "";
  const Status status = Start(&process, arguments, &why);
  process.ReportStart(status, IsOk(status) ? "" : why);
  if (!IsOk(status)) _exit(1);
  process.Serve(&budget);
}

int Main(int argc, char** argv) {
  // No configuration file of the machine may choose this process's cryptography.
  if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) != 1) return 1;
  Arguments arguments;
  if (!ParseArguments(argc, argv, &arguments)) return kUsageError;
  if (arguments.version) {
    std::printf("penumbra-enclave %s\n", PENUMBRA_VERSION);
    return 0;
  }
  return arguments.self_report ? RunSelfReport(arguments.enclave) : RunEnclave(arguments);
}

}  // namespace
}  // namespace penumbra

int main(int argc, char** argv) { return penumbra::Main(argc, argv); }
