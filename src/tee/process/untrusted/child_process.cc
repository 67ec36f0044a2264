#include "tee/process/untrusted/child_process.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace penumbra::tee {
namespace {

constexpr int kFirstInherited = 3;
constexpr int kParkingDescriptor = 64;  // above every place an inherited descriptor goes to

Status StatusOfErrno(int error) {
  if (error == ENOENT || error == ENOTDIR) return Status::kNotFound;
  if (error == EACCES || error == EPERM) return Status::kPermission;
  if (error == ENOMEM || error == EAGAIN) return Status::kOutOfMemory;
  return Status::kIo;
}

class FileActions {
 public:
  FileActions() { ok_ = posix_spawn_file_actions_init(&actions_) == 0; }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;

  void OpenNull(int target, int flags) {
    ok_ = ok_ && posix_spawn_file_actions_addopen(&actions_, target, "/dev/null", flags, 0) == 0;
  }
  void Duplicate(int from, int to) {
    ok_ = ok_ && posix_spawn_file_actions_adddup2(&actions_, from, to) == 0;
  }
  void CloseFrom(int first) {
    ok_ = ok_ && posix_spawn_file_actions_addclosefrom_np(&actions_, first) == 0;
  }
  bool ok() const { return ok_; }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
  bool ok_;
};

class SpawnAttributes {
 public:
  SpawnAttributes() {
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    // Its own session: Ctrl-C in the host's terminal is the host's business.
    constexpr short kFlags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID;
    ok_ = posix_spawnattr_init(&attributes_) == 0 &&
          posix_spawnattr_setsigdefault(&attributes_, &all) == 0 &&
          posix_spawnattr_setsigmask(&attributes_, &none) == 0 &&
          posix_spawnattr_setflags(&attributes_, kFlags) == 0;
  }
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  bool ok() const { return ok_; }
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
  bool ok_;
};

// Copies of the descriptors out of the way of the numbers they shall get in the child.
bool Park(const std::vector<int>& inherited, std::vector<UniqueFd>* out_parked) {
  for (const int fd : inherited) {
    out_parked->emplace_back(fcntl(fd, F_DUPFD_CLOEXEC, kParkingDescriptor));
    if (!out_parked->back().valid()) return false;
  }
  return true;
}

std::string EndingText(const siginfo_t& info) {
  const std::string kind = info.si_code == CLD_EXITED ? "exit code " : "signal ";
  return kind + std::to_string(info.si_status);
}

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    Reset();
    fd_ = other.Release();
  }
  return *this;
}

int UniqueFd::Release() { return std::exchange(fd_, -1); }

void UniqueFd::Reset() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

Status ChildProcess::Spawn(const std::string& binary, const std::vector<std::string>& arguments,
                           const std::vector<int>& inherited) {
  if (running_) return Status::kWrongState;
  std::vector<UniqueFd> parked;
  if (!Park(inherited, &parked)) return Status::kIo;
  FileActions actions;
  actions.OpenNull(STDIN_FILENO, O_RDONLY);
  actions.OpenNull(STDOUT_FILENO, O_WRONLY);
  int target = kFirstInherited;
  for (const UniqueFd& fd : parked) actions.Duplicate(fd.get(), target++);
  actions.CloseFrom(target);
  const SpawnAttributes attributes;
  if (!actions.ok() || !attributes.ok()) return Status::kOutOfMemory;

  std::vector<char*> argv{const_cast<char*>(binary.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  char* environment[] = {nullptr};
  const int error =
      posix_spawn(&pid_, binary.c_str(), actions.get(), attributes.get(), argv.data(), environment);
  if (error != 0) return StatusOfErrno(error);
  running_ = true;
  ending_.clear();
  // The process cannot have been reaped yet, so its number is still its own.
  pidfd_ = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  if (pidfd_.valid()) return Status::kOk;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  running_ = false;
  return Status::kUnsupported;
}

bool ChildProcess::Reap(int options) {
  siginfo_t info{};
  int result;
  do {
    result = waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | options);
  } while (result != 0 && errno == EINTR);
  if (result == 0 && info.si_pid == 0) return false;  // WNOHANG, still running
  // ECHILD: somebody else in this program reaped it, or SIGCHLD is ignored; it ended all the same.
  ending_ = result == 0 ? EndingText(info) : "unknown cause";
  running_ = false;
  pidfd_.Reset();
  return true;
}

bool ChildProcess::HasEnded() { return !running_ || Reap(WNOHANG); }

bool ChildProcess::MoveTo(int processor) {
  // Signal 0 tells whether the number is still its own: somebody else in this program may have
  // reaped it.
  if (!running_ || syscall(SYS_pidfd_send_signal, pidfd_.get(), 0, nullptr, 0) != 0) return false;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  return sched_setaffinity(pid_, sizeof(set), &set) == 0;
}

void ChildProcess::Kill() {
  if (!running_) return;
  syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
  Reap(0);
}

}  // namespace penumbra::tee
