// A child process held by a pidfd: its death is seen at once and never confused with another
// process's.
#ifndef PENUMBRA_TEE_PROCESS_UNTRUSTED_CHILD_PROCESS_H_
#define PENUMBRA_TEE_PROCESS_UNTRUSTED_CHILD_PROCESS_H_

#include <string>
#include <vector>

#include "boundary/status.h"

namespace penumbra::tee {

// A file descriptor with one owner.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  ~UniqueFd() { Reset(); }
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release();
  void Reset();

 private:
  int fd_ = -1;
};

// One thread at a time.
class ChildProcess {
 public:
  ChildProcess() = default;
  ~ChildProcess() { Kill(); }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Runs `binary` with `arguments` (argv[0] excluded), an empty environment, default signals, its
  // own session, /dev/null as standard input and output, and inherited[i] as descriptor 3 + i.
  // Every other descriptor but standard error stays behind. Safe in a program with threads.
  // kNotFound, kPermission, kOutOfMemory, kIo.
  Status Spawn(const std::string& binary, const std::vector<std::string>& arguments,
               const std::vector<int>& inherited);

  // True once the process ended (or was never started).
  bool HasEnded();
  // "exit code 3", "signal 9"; empty while it runs.
  std::string ending() const { return ending_; }
  int pid() const { return pid_; }
  // From now on it runs on this processor only. False when the system refuses.
  bool MoveTo(int processor);

  // Ends the process with SIGKILL and waits until it is gone.
  void Kill();

 private:
  bool Reap(int options);

  int pid_ = -1;
  UniqueFd pidfd_;
  bool running_ = false;
  std::string ending_;
};

}  // namespace penumbra::tee

#endif  // PENUMBRA_TEE_PROCESS_UNTRUSTED_CHILD_PROCESS_H_
