#include <linux/futex.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <initializer_list>

#include "tee/process/control_block.h"
#include "tee/process/trusted/sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PENUMBRA_SANITIZER_RUNTIME 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PENUMBRA_SANITIZER_RUNTIME 1
#endif
#endif

namespace penumbra::tee {
namespace {

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_KILL_PROCESS)) { ok_ = context_ != nullptr; }
  ~Filter() {
    if (context_ != nullptr) seccomp_release(context_);
  }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  void Allow(int call, std::initializer_list<scmp_arg_cmp> conditions = {}) {
    ok_ = ok_ &&
          seccomp_rule_add_array(context_, SCMP_ACT_ALLOW, call,
                                 static_cast<unsigned>(conditions.size()), conditions.begin()) == 0;
  }

  bool Install() {
    return ok_ && seccomp_attr_set(context_, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
           seccomp_load(context_) == 0;
  }

 private:
  scmp_filter_ctx context_;
  bool ok_;
};

scmp_arg_cmp Equals(unsigned argument, uint64_t value) { return {argument, SCMP_CMP_EQ, value, 0}; }
scmp_arg_cmp HasNone(unsigned argument, uint64_t bits) {
  return {argument, SCMP_CMP_MASKED_EQ, bits, 0};
}

void AllowHandoff(Filter* filter) {
  filter->Allow(SCMP_SYS(futex), {Equals(1, FUTEX_WAIT)});
  filter->Allow(SCMP_SYS(futex), {Equals(1, FUTEX_WAKE)});
  filter->Allow(SCMP_SYS(clock_gettime));  // only where the vDSO cannot answer
  filter->Allow(SCMP_SYS(exit_group));
  filter->Allow(SCMP_SYS(restart_syscall));  // after SIGSTOP and SIGCONT
}

// What libcrypto asks of the C library: malloc, a fork check, entropy, its locks.
void AllowLibraries(Filter* filter) {
  filter->Allow(SCMP_SYS(brk));
  filter->Allow(SCMP_SYS(mmap), {HasNone(2, PROT_EXEC), Equals(4, static_cast<uint32_t>(-1))});
  filter->Allow(SCMP_SYS(munmap));
  filter->Allow(SCMP_SYS(mremap));
  filter->Allow(SCMP_SYS(getpid));
  filter->Allow(SCMP_SYS(getrandom));
  filter->Allow(SCMP_SYS(futex), {Equals(1, FUTEX_WAIT_PRIVATE)});
  filter->Allow(SCMP_SYS(futex), {Equals(1, FUTEX_WAKE_PRIVATE)});
}

void AllowVersions(Filter* filter, int descriptor) {
  const auto file = static_cast<uint64_t>(descriptor);
  filter->Allow(SCMP_SYS(pread64), {Equals(0, file)});
  filter->Allow(SCMP_SYS(pwrite64), {Equals(0, file)});
  filter->Allow(SCMP_SYS(fdatasync), {Equals(0, file)});
  filter->Allow(SCMP_SYS(flock), {Equals(0, file)});
}

#ifdef PENUMBRA_SANITIZER_RUNTIME
// Instrumented builds are for tests: their runtime manages shadow memory and prints its findings.
void AllowSanitizer(Filter* filter) {
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(madvise), SCMP_SYS(mprotect), SCMP_SYS(write),
                         SCMP_SYS(sched_yield), SCMP_SYS(gettid), SCMP_SYS(sigaltstack),
                         SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(rt_sigprocmask),
                         SCMP_SYS(rt_sigaction), SCMP_SYS(futex), SCMP_SYS(prctl)}) {
    filter->Allow(call);
  }
}
#endif

}  // namespace

Status DenySystemCalls(int versions_descriptor, uint32_t* isolation) {
  Filter filter;
  AllowHandoff(&filter);
  AllowLibraries(&filter);
  if (versions_descriptor >= 0) AllowVersions(&filter, versions_descriptor);
#ifdef PENUMBRA_SANITIZER_RUNTIME
  AllowSanitizer(&filter);
#endif
  if (!filter.Install()) return Status::kInternal;
  *isolation |= kIsolatedSeccomp;
  return Status::kOk;
}

}  // namespace penumbra::tee
