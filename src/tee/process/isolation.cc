#include "tee/process/isolation.h"

#include "tee/process/control_block.h"

namespace penumbra::tee {

const IsolationName kIsolationNames[kIsolationCount] = {
    {kIsolatedSeccomp, "seccomp", "system calls beyond a short list kill the process"},
    {kIsolatedLandlock, "landlock", "no file can be opened"},
    {kIsolatedUserNamespace, "user-namespace", "no privileges outside"},
    {kIsolatedNetNamespace, "net-namespace", "no network"},
    {kIsolatedIpcNamespace, "ipc-namespace", "no System V or POSIX message queues"},
    {kIsolatedMountNamespace, "mount-namespace", "mounts are its own"},
    {kIsolatedSecretMemory, "secret-memory", "secure memory is unmapped even in the kernel"},
    {kIsolatedLockedMemory, "locked-memory", "secure memory is never swapped out"},
    {kIsolatedUndumpable, "undumpable", "no core dumps, no debugger of the same user"},
    {kIsolatedNoNewPrivileges, "no-new-privileges", "exec gives no privileges"},
};

std::string IsolationText(uint32_t isolation) {
  if (isolation == 0) return "not started";
  std::string active, missing;
  for (const IsolationName& entry : kIsolationNames) {
    std::string& list = (isolation & entry.bit) != 0 ? active : missing;
    list.append(list.empty() ? "" : ", ").append(entry.name);
  }
  return missing.empty() ? active : active + "; without: " + missing;
}

}  // namespace penumbra::tee
