#include "peer.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "error_codes.h"

namespace penumbra::cli {
namespace {

class PlainPeer final : public Peer {
 public:
  PlainPeer(Session session, TensorMap feeds)
      : session_(std::move(session)), accelerator_(session_.Info().accelerator), feeds_(std::move(feeds)) {}
  PeerInfo info() const override {
    return {.name = "plain",
            .precision = "float32",
            .whole_model = true,
            .version = "penumbra " + BuildVersion().penumbra + ", accelerator " + accelerator_,
            .includes = "the whole model"};
  }
  uint64_t RunOnce() override {
    RunStats stats;
    session_.Run(feeds_, &stats);
    return stats.total_ns;
  }

 private:
  Session session_;
  const std::string accelerator_;
  const TensorMap feeds_;
};

struct Pipe {
  int read_end = -1, write_end = -1;
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw Error(kIo, "cannot make a pipe to the peer");
    read_end = ends[0];
    write_end = ends[1];
  }
};

class CommandPeer final : public Peer {
 public:
  explicit CommandPeer(const std::vector<std::string>& arguments) : name_(arguments.front()) {
    const Pipe requests, replies;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, requests.read_end, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, replies.write_end, STDOUT_FILENO);
    std::vector<char*> argv;
    for (const std::string& argument : arguments)
      argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const int error = posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(requests.read_end);
    close(replies.write_end);
    requests_ = fdopen(requests.write_end, "w");
    replies_ = fdopen(replies.read_end, "r");
    if (error != 0) {
      Stop();
      throw Error(kNotFound, "cannot start the peer '" + name_ + "'; name it with --peer-command");
    }
    const std::string line = ReadLine(), ready = "ready";
    if (line != ready && !line.starts_with(ready + " ")) {
      Stop();
      throw Error(kIo, "the peer '" + name_ + "' did not get ready");
    }
    version_ = line.substr(std::min(line.size(), ready.size() + 1));
  }
  ~CommandPeer() override { Stop(); }
  CommandPeer(const CommandPeer&) = delete;
  CommandPeer& operator=(const CommandPeer&) = delete;

  PeerInfo info() const override {
    return {.name = "onnxruntime",
            .precision = "float32",
            .whole_model = true,
            .version = version_,
            .includes = "the whole model"};
  }

  uint64_t RunOnce() override {
    std::fputs("run 1\n", requests_);
    std::fflush(requests_);
    const nlohmann::json times =
        nlohmann::json::parse(ReadLine(), nullptr, /*allow_exceptions=*/false);
    if (!times.is_array() || times.size() != 1 || !times[0].is_number_unsigned()) {
      throw Error(kIo, "the peer '" + name_ + "' did not answer with a time");
    }
    return times[0].get<uint64_t>();
  }

 private:
  // Without its line feed; empty at the end of the stream.
  std::string ReadLine() {
    std::string line;
    for (int c = std::fgetc(replies_); c != EOF && c != '\n'; c = std::fgetc(replies_)) {
      line.push_back(static_cast<char>(c));
    }
    return line;
  }

  void Stop() {
    if (requests_ != nullptr) std::fclose(requests_);  // the peer ends at the end of its input
    if (replies_ != nullptr) std::fclose(replies_);
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
    requests_ = replies_ = nullptr;
    pid_ = -1;
  }

  std::string name_, version_;
  pid_t pid_ = -1;
  std::FILE* requests_ = nullptr;
  std::FILE* replies_ = nullptr;
};

}  // namespace

std::filesystem::path MakePlainBundle(const Env& env, const std::filesystem::path& model, const ImportSettings& import,
                                      const std::filesystem::path& folder) {
  ProtectOptions protect;
  protect.preset = "plain";
  protect.import = import;
  const std::filesystem::path bundle = folder / "plain.penumbra";
  Protect(env, model, bundle, protect);
  return bundle;
}

std::unique_ptr<Peer> MakePlainPeer(const Env& env, const std::filesystem::path& bundle, const SessionArguments& session,
                                    const TensorMap& feeds) {
  if (Inspect(bundle).segments.empty()) {
    throw Error(kUnsupported,
                "nothing of this model runs in float32 on the accelerator; use --peer onnxruntime or none");
  }
  SessionOptions options;
  options.carrier = Carrier::kDirect;
  options.accelerator = session.accelerator;
  options.threads = session.threads;
  return std::make_unique<PlainPeer>(Session(env, bundle, options), feeds);
}

std::unique_ptr<Peer> MakeCommandPeer(const std::string& command, const std::filesystem::path& onnx,
                                      const SessionArguments& session,
                                      const std::vector<std::string>& shapes) {
  std::vector<std::string> arguments;
  std::istringstream words(command);
  for (std::string word; words >> word;) arguments.push_back(word);
  arguments.insert(arguments.end(), {onnx.string(), "--threads", std::to_string(session.threads)});
  if (!shapes.empty()) arguments.push_back("--shapes");
  arguments.insert(arguments.end(), shapes.begin(), shapes.end());
  std::signal(SIGPIPE, SIG_IGN);  // a peer that died is an error, not our end
  return std::make_unique<CommandPeer>(arguments);
}

}  // namespace penumbra::cli
