#include "self_report.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "host/transport.h"
#include "tee/process/control_block.h"
#include "tee/process/isolation.h"

namespace penumbra {
namespace {

int MakeSealedMemory(const char* name, uint64_t size) {
  const int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(size)) != 0) return -1;
  return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0 ? fd : -1;
}

[[noreturn]] void RunChild(int control, int exchange, int lifeline,
                           const tee::EnclaveOptions& options) {
  tee::EnclaveProcess process;
  if (!IsOk(process.MapControl(control))) _exit(1);
  const char* why = "the process cannot be hardened";
  Status status = process.Prepare();
  if (IsOk(status)) status = process.Enter(exchange, lifeline, options, &why);
  process.ReportStart(status, IsOk(status) ? "" : why);
  _exit(0);
}

int Print(const tee::StartupReport& report) {
  if (!IsOk(report.status)) {
    std::fprintf(stderr, "P%u: %s\n", static_cast<uint32_t>(report.status), report.text);
    return 1;
  }
  for (const tee::IsolationName& entry : tee::kIsolationNames) {
    const bool active = (report.isolation & entry.bit) != 0;
    std::printf("%-18s %-3s  %s\n", entry.name, active ? "yes" : "no", entry.effect);
  }
  std::printf("%.*s\n", static_cast<int>(host::kSoftwareTeeNotice.size()),
              host::kSoftwareTeeNotice.data());
  return 0;
}

}  // namespace

int RunSelfReport(const tee::EnclaveOptions& options) {
  const int control = MakeSealedMemory("penumbra-control", sizeof(tee::ControlBlock));
  const int exchange = MakeSealedMemory("penumbra-exchange", kLoadWindowSize);
  void* address = control < 0 ? MAP_FAILED
                              : mmap(nullptr, sizeof(tee::ControlBlock), PROT_READ | PROT_WRITE,
                                     MAP_SHARED, control, 0);
  int line[2];
  if (exchange < 0 || address == MAP_FAILED || socketpair(AF_UNIX, SOCK_STREAM, 0, line) != 0) {
    std::perror("penumbra-enclave");
    return 1;
  }
  const pid_t child = fork();
  if (child == 0) {
    close(line[0]);
    RunChild(control, exchange, line[1], options);
  }
  int ending = 0;
  if (child < 0 || waitpid(child, &ending, 0) != child || !WIFEXITED(ending)) {
    std::fprintf(stderr, "penumbra-enclave: the enclave process did not survive its start\n");
    return 1;
  }
  return Print(static_cast<const tee::ControlBlock*>(address)->startup);
}

}  // namespace penumbra
