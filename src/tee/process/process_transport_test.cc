#include "tee/process/untrusted/process_transport.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <random>
#include <thread>
#include <vector>

#include "tee/testing/carrier_test_util.h"

namespace penumbra::tee {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr uint64_t kExchangeSize = kLoadWindowSize;
constexpr uint64_t kSecureMemorySize = 1 << 20;
// "At once", on a machine that is busy with other things.
constexpr milliseconds kPrompt{2'000};

class ProcessTransportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.enclave_binary = PENUMBRA_SCRIPTED_ENCLAVE;
    options_.device_key_file = folder_.path() / "device.key";
    key_ = WriteDeviceKey(options_.device_key_file, 0600);
  }

  Reply Call(ProcessTransport* transport, Script script, uint64_t argument = 0) {
    Reply reply{};
    EXPECT_EQ(transport->Call(ScriptCommand(script, argument), &reply), Status::kOk)
        << transport->failure();
    return reply;
  }

  TemporaryFolder folder_;
  ProcessOptions options_;
  std::array<uint8_t, 32> key_{};
};

TEST_F(ProcessTransportTest, SharesTheExchangeRegion) {
  ProcessTransport transport(options_);
  ASSERT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk) << transport.failure();
  std::ranges::fill(transport.exchange().last(5), uint8_t{3});
  const Reply reply = Call(&transport, Script::kInvert, kExchangeSize);
  EXPECT_EQ(reply.info.clamped_count, 15u);
  EXPECT_EQ(reply.info.exchange_size, kExchangeSize);
  EXPECT_EQ(reply.info.secure_memory_size, kSecureMemorySize);
  EXPECT_EQ(reply.info.carrier, static_cast<uint32_t>(CarrierKind::kProcess));
  EXPECT_EQ(transport.exchange().back(), 252);
  EXPECT_EQ(transport.exchange().front(), 255);
  EXPECT_EQ(Call(&transport, Script::kWrongReply).status, Status::kIntegrity);
}

std::vector<int> AllowedProcessors(int pid) {
  cpu_set_t set;
  std::vector<int> processors;
  if (sched_getaffinity(pid, sizeof(set), &set) != 0) return processors;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) processors.push_back(i);
  }
  return processors;
}

void Allow(const std::vector<int>& processors) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int i : processors) CPU_SET(i, &set);
  ASSERT_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
}

TEST_F(ProcessTransportTest, TheEnclaveFollowsItsVisitor) {
  ProcessTransport transport(options_);
  ASSERT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk) << transport.failure();
  const std::vector<int> before = AllowedProcessors(0);
  for (const int processor : before) {
    Allow({processor});
    const auto visit = transport.BeginVisit();
    ASSERT_NE(visit, nullptr);
    EXPECT_EQ(AllowedProcessors(transport.enclave_pid()), std::vector<int>{processor});
    EXPECT_EQ(Call(&transport, Script::kNothing).status, Status::kOk);
  }
  Allow(before);
  auto visit = transport.BeginVisit();
  EXPECT_EQ(AllowedProcessors(0), AllowedProcessors(transport.enclave_pid()));
  EXPECT_EQ(AllowedProcessors(0).size(), 1u);
  EXPECT_EQ(Call(&transport, Script::kNothing).status, Status::kOk);
  visit.reset();
  EXPECT_EQ(AllowedProcessors(0), before);
}

// Whoever changes the thread's processors meanwhile has the last word.
TEST_F(ProcessTransportTest, AVisitLeavesOthersChoiceAlone) {
  ProcessTransport transport(options_);
  ASSERT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk) << transport.failure();
  const std::vector<int> before = AllowedProcessors(0);
  if (before.size() < 2) GTEST_SKIP() << "takes two processors";
  auto visit = transport.BeginVisit();
  const std::vector<int> chosen = {AllowedProcessors(0)[0] == before[0] ? before[1] : before[0]};
  Allow(chosen);
  visit.reset();
  EXPECT_EQ(AllowedProcessors(0), chosen);
  Allow(before);
}

TEST_F(ProcessTransportTest, VisitsOnRequestOnly) {
  options_.same_processor = false;
  ProcessTransport transport(options_);
  EXPECT_EQ(transport.BeginVisit(), nullptr);
  ASSERT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk) << transport.failure();
  EXPECT_EQ(transport.BeginVisit(), nullptr);
  EXPECT_EQ(Call(&transport, Script::kNothing).status, Status::kOk);
}

TEST_F(ProcessTransportTest, ReadsTheDeviceKeyFile) {
  ProcessTransport transport(options_);
  ASSERT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk) << transport.failure();
  uint64_t expected = 0;
  std::memcpy(&expected, key_.data(), sizeof(expected));
  EXPECT_EQ(Call(&transport, Script::kDeviceKey).info.clamped_count, expected);
}

TEST_F(ProcessTransportTest, AllowsWhatTheRuntimeNeeds) {
  options_.state_directory = folder_.path();
  ProcessTransport transport(options_);
  ASSERT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk) << transport.failure();
  EXPECT_EQ(Call(&transport, Script::kEntropy, 1 << 16).status, Status::kOk);
  EXPECT_EQ(Call(&transport, Script::kAllocate, 100).status, Status::kOk);
  EXPECT_EQ(Call(&transport, Script::kAllocate, 100 << 20).status, Status::kOk);
  EXPECT_EQ(Call(&transport, Script::kAdvanceVersion, 4).status, Status::kOk);
  EXPECT_EQ(Call(&transport, Script::kGetVersion).info.clamped_count, 4u);
}

TEST_F(ProcessTransportTest, CountersOutliveTheEnclave) {
  options_.state_directory = folder_.path();
  for (uint64_t version = 1; version <= 3; ++version) {
    ProcessTransport transport(options_);
    ASSERT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk)
        << transport.failure();
    EXPECT_EQ(Call(&transport, Script::kGetVersion).info.clamped_count, version - 1);
    EXPECT_EQ(Call(&transport, Script::kAdvanceVersion, version).status, Status::kOk);
  }
}

class ForbiddenCall : public ProcessTransportTest, public ::testing::WithParamInterface<Script> {};

TEST_P(ForbiddenCall, KillsTheEnclave) {
  ProcessTransport transport(options_);
  ASSERT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk) << transport.failure();
  ASSERT_TRUE((transport.isolation() & kIsolatedSeccomp) != 0);
  Reply reply{};
  EXPECT_EQ(transport.Call(ScriptCommand(GetParam()), &reply), Status::kEnclaveDied);
  EXPECT_NE(transport.failure().find("signal " + std::to_string(SIGSYS)), std::string::npos)
      << transport.failure();
}

// Instrumented builds may map memory as they like.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
INSTANTIATE_TEST_SUITE_P(Sandbox, ForbiddenCall,
                         ::testing::Values(Script::kOpenFile, Script::kFork, Script::kConnect));
#else
INSTANTIATE_TEST_SUITE_P(Sandbox, ForbiddenCall,
                         ::testing::Values(Script::kOpenFile, Script::kFork, Script::kConnect,
                                           Script::kMapExecutable));
#endif

TEST_F(ProcessTransportTest, AbortIsADeathWithAReason) {
  ProcessTransport transport(options_);
  ASSERT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk) << transport.failure();
  Reply reply{};
  reply.status = Status::kIntegrity;
  EXPECT_EQ(transport.Call(ScriptCommand(Script::kAbort), &reply), Status::kEnclaveDied);
  EXPECT_NE(transport.failure().find("exit code 70"), std::string::npos) << transport.failure();
  EXPECT_EQ(reply.info.carrier, 0u);
  EXPECT_EQ(transport.Call(ScriptCommand(Script::kNothing), &reply), Status::kEnclaveDied);
  EXPECT_TRUE(transport.exchange().empty());
}

// Killed at random moments, idle or busy: a prompt kEnclaveDied, never a hang, never a made-up
// result.
TEST_F(ProcessTransportTest, SurvivesKillsAtAnyMoment) {
  std::mt19937 random(7);
  for (int round = 0; round < 25; ++round) {
    ProcessTransport transport(options_);
    ASSERT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk)
        << transport.failure();
    const auto delay = std::chrono::microseconds(random() % 5'000);
    std::atomic<Clock::rep> killed_at{0};
    const int pid = transport.enclave_pid();
    std::thread killer([&, delay, pid] {
      std::this_thread::sleep_for(delay);
      kill(pid, SIGKILL);
      killed_at = Clock::now().time_since_epoch().count();
    });
    Reply reply{};
    Status status = Status::kOk;
    for (uint64_t call = 0; IsOk(status); ++call) {
      const Script script = call % 3 == 2 ? Script::kSleep : Script::kNothing;
      status = transport.Call(ScriptCommand(script, 300'000), &reply);
      if (IsOk(status)) {
        EXPECT_EQ(reply.info.exchange_size, kExchangeSize);
      }
    }
    const Clock::rep noticed_at = Clock::now().time_since_epoch().count();
    killer.join();
    EXPECT_EQ(status, Status::kEnclaveDied);
    EXPECT_EQ(reply.info.exchange_size, 0u);
    EXPECT_LT(Clock::duration(noticed_at - killed_at.load()), kPrompt);
  }
}

TEST_F(ProcessTransportTest, KillDuringAHangIsNoticed) {
  ProcessTransport transport(options_);
  ASSERT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk) << transport.failure();
  const int pid = transport.enclave_pid();
  std::thread killer([pid] {
    std::this_thread::sleep_for(milliseconds(50));
    kill(pid, SIGKILL);
  });
  const auto start = Clock::now();
  Reply reply{};
  EXPECT_EQ(transport.Call(ScriptCommand(Script::kHang), &reply), Status::kEnclaveDied);
  EXPECT_LT(Clock::now() - start, kPrompt);
  killer.join();
}

TEST_F(ProcessTransportTest, AStoppedEnclaveEndsByTimeout) {
  options_.call_timeout = milliseconds(100);
  ProcessTransport transport(options_);
  ASSERT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk) << transport.failure();
  ASSERT_EQ(kill(transport.enclave_pid(), SIGSTOP), 0);
  Reply reply{};
  EXPECT_EQ(transport.Call(ScriptCommand(Script::kNothing), &reply), Status::kTimeout);
  EXPECT_NE(kill(transport.enclave_pid(), 0), 0);
}

// The enclave must die with its host even while it computes. The host here is a child of the test
// that starts an enclave, sends it into an endless loop and is then killed.
TEST_F(ProcessTransportTest, DiesWithItsHost) {
  int report[2];
  ASSERT_EQ(pipe(report), 0);
  const pid_t host = fork();
  if (host == 0) {
    ProcessTransport transport(options_);
    if (!IsOk(transport.Start(kExchangeSize, kSecureMemorySize))) _exit(1);
    const int pid = transport.enclave_pid();
    if (write(report[1], &pid, sizeof(pid)) != sizeof(pid)) _exit(1);
    Reply reply{};
    static_cast<void>(transport.Call(ScriptCommand(Script::kHang), &reply));
    _exit(0);
  }
  int enclave = 0;
  ASSERT_EQ(read(report[0], &enclave, sizeof(enclave)), static_cast<ssize_t>(sizeof(enclave)));
  std::this_thread::sleep_for(milliseconds(20));
  ASSERT_EQ(kill(enclave, 0), 0);
  kill(host, SIGKILL);
  waitpid(host, nullptr, 0);
  const auto deadline = Clock::now() + kPrompt;
  const auto is_running = [enclave] {
    std::ifstream stat("/proc/" + std::to_string(enclave) + "/stat");
    std::string number, name, state;
    stat >> number >> name >> state;
    return !state.empty() && state != "Z" && state != "X";
  };
  while (is_running() && Clock::now() < deadline) std::this_thread::sleep_for(milliseconds(5));
  EXPECT_FALSE(is_running());
  close(report[0]);
  close(report[1]);
}

// A host thread that starts an enclave may end before the enclave does.
TEST_F(ProcessTransportTest, OutlivesTheThreadThatStartedIt) {
  ProcessTransport transport(options_);
  std::thread([&] {
    EXPECT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk)
        << transport.failure();
  }).join();
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(Call(&transport, Script::kInvert, 1).info.clamped_count, 0u);
}

TEST_F(ProcessTransportTest, RefusesBadKeyFiles) {
  const auto start = [this](Status expected, const char* words) {
    ProcessTransport transport(options_);
    EXPECT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), expected);
    EXPECT_NE(transport.failure().find(words), std::string::npos) << transport.failure();
  };
  for (const unsigned mode : {0640u, 0604u, 0660u}) {
    WriteDeviceKey(options_.device_key_file, mode);
    start(Status::kPermission, "chmod 600");
  }
  WriteDeviceKey(options_.device_key_file, 0600);
  std::filesystem::resize_file(options_.device_key_file, 60);
  start(Status::kMalformed, "X25519");
  std::ofstream(options_.device_key_file).close();
  start(Status::kMalformed, "X25519");
  options_.device_key_file = folder_.path();
  start(Status::kIo, "regular file");
  options_.device_key_file = folder_.path() / "missing";
  start(Status::kNotFound, "cannot be opened");
}

TEST_F(ProcessTransportTest, ReportsWhyItDoesNotStart) {
  {
    ProcessTransport transport(options_);
    EXPECT_EQ(transport.Start(kExchangeSize, 8), Status::kSecureMemoryExceeded);
    EXPECT_NE(transport.failure().find("runtime"), std::string::npos) << transport.failure();
    EXPECT_EQ(transport.Start(kLoadWindowSize - 4096, kSecureMemorySize), Status::kInvalidArgument);
    EXPECT_NE(transport.failure().find("exchange"), std::string::npos) << transport.failure();
    // After failures a good start still works.
    EXPECT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk)
        << transport.failure();
  }
  options_.state_directory = folder_.path() / "missing";
  ProcessTransport no_state(options_);
  EXPECT_EQ(no_state.Start(kExchangeSize, kSecureMemorySize), Status::kNotFound);
  EXPECT_NE(no_state.failure().find("version counters"), std::string::npos);
  options_.enclave_binary = folder_.path() / "no-such-binary";
  ProcessTransport no_binary(options_);
  EXPECT_EQ(no_binary.Start(kExchangeSize, kSecureMemorySize), Status::kNotFound);
  options_.enclave_binary = "/bin/false";
  ProcessTransport wrong_binary(options_);
  EXPECT_EQ(wrong_binary.Start(kExchangeSize, kSecureMemorySize), Status::kEnclaveDied);
}

TEST_F(ProcessTransportTest, LeavesNoDescriptorOrProcessBehind) {
  const auto count = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const auto before = count();
  for (int i = 0; i < 3; ++i) {
    ProcessTransport transport(options_);
    ASSERT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk)
        << transport.failure();
  }
  EXPECT_EQ(count(), before);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
}

TEST_F(ProcessTransportTest, SaysWhatItIs) {
  ProcessTransport transport(options_);
  ASSERT_EQ(transport.Start(kExchangeSize, kSecureMemorySize), Status::kOk) << transport.failure();
  EXPECT_NE(transport.label().find(host::kSoftwareTeeNotice), std::string::npos);
  EXPECT_NE(transport.label().find("seccomp"), std::string::npos);
}

}  // namespace
}  // namespace penumbra::tee
