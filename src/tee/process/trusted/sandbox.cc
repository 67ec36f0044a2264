#include "tee/process/trusted/sandbox.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/landlock.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "tee/process/control_block.h"

namespace penumbra::tee {
namespace {

// Every right of Landlock's first ABI. A ruleset without rules denies all it handles.
constexpr uint64_t kLandlockRights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

void TryUnshare(int flag, uint32_t bit, uint32_t* isolation) {
  if (unshare(flag) == 0) *isolation |= bit;
}

Status CloseBetween(int first, int last) {
  if (first > last) return Status::kOk;
  return close_range(static_cast<unsigned>(first), static_cast<unsigned>(last), 0) == 0
             ? Status::kOk
             : Status::kInternal;
}

}  // namespace

Status Harden(uint32_t* isolation) {
  const rlimit no_core{0, 0};
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &no_core) != 0) {
    return Status::kInternal;
  }
  *isolation |= kIsolatedUndumpable;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Status::kInternal;
  *isolation |= kIsolatedNoNewPrivileges;
  return Status::kOk;
}

Status TieToHost(int lifeline) {
  if (signal(SIGIO, SIG_DFL) == SIG_ERR || fcntl(lifeline, F_SETOWN, getpid()) != 0 ||
      fcntl(lifeline, F_SETFL, O_ASYNC | O_NONBLOCK) != 0) {
    return Status::kInternal;
  }
  // A host that died before the line above raised no signal.
  pollfd line{.fd = lifeline, .events = POLLIN, .revents = 0};
  if (poll(&line, 1, 0) < 0) return Status::kInternal;
  return line.revents == 0 ? Status::kOk : Status::kEnclaveDied;
}

void UnshareNamespaces(uint32_t* isolation) {
  // The user namespace first: inside it the others need no privilege.
  TryUnshare(CLONE_NEWUSER, kIsolatedUserNamespace, isolation);
  TryUnshare(CLONE_NEWNET, kIsolatedNetNamespace, isolation);
  TryUnshare(CLONE_NEWIPC, kIsolatedIpcNamespace, isolation);
  TryUnshare(CLONE_NEWNS, kIsolatedMountNamespace, isolation);
}

Status CloseDescriptors(int keep, int keep_too) {
  const int low = std::min(keep, keep_too);
  const int high = std::max(keep, keep_too);
  if (Status s = CloseBetween(0, low - 1); !IsOk(s)) return s;
  if (Status s = CloseBetween(low + 1, high - 1); !IsOk(s)) return s;
  return close_range(static_cast<unsigned>(high + 1), ~0u, 0) == 0 ? Status::kOk
                                                                   : Status::kInternal;
}

void DenyFiles(uint32_t* isolation) {
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = kLandlockRights;
  const long ruleset =
      syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes.handled_access_fs), 0);
  if (ruleset < 0) return;
  if (syscall(SYS_landlock_restrict_self, ruleset, 0) == 0) *isolation |= kIsolatedLandlock;
  close(static_cast<int>(ruleset));
}

}  // namespace penumbra::tee
