#include "peer_group.h"

#include <algorithm>
#include <sstream>

#include "arguments.h"
#include "error_codes.h"
#include "measurement.h"

namespace penumbra::cli {
namespace {

const std::string kPlain = "plain", kOnnxRuntime = "onnxruntime", kNone = "none";

std::vector<std::string> KnownNames() {
  std::vector<std::string> names{kPlain, kOnnxRuntime};
  for (const PeerInfo& info : InProcessPeers()) names.push_back(info.name);
  names.push_back(kNone);
  return names;
}

// Makes peers; the bundle of preset `plain` is made for the first that wants it.
class Maker {
 public:
  Maker(const PeerRequest& request, const Console& console, const TensorMap& feeds)
      : request_(request), console_(console), feeds_(feeds) {}

  std::unique_ptr<Peer> Make(const std::string& name) {
    if (name == kOnnxRuntime) {
      if (request_.model.extension() == ".tflite") {
        ThrowUsage("ONNX Runtime does not read TFLite files; use --peer plain");
      }
      return MakeCommandPeer(request_.command, request_.model, request_.session, request_.import.shapes);
    }
    if (name == kPlain) return MakePlainPeer(console_.env(), PlainBundle(), request_.session, feeds_);
    const auto infos = InProcessPeers();
    const auto info = std::ranges::find(infos, name, &PeerInfo::name);
    PeerOptions options{.model_file = request_.model, .plain_bundle = {}, .inputs = feeds_, .threads = request_.session.threads};
    if (info->remedy.empty() && !info->whole_model) options.plain_bundle = PlainBundle();
    for (const auto& [input, tensor] : ToImportSettings(request_.import).fix_inputs) options.inputs[input] = tensor;
    return OpenPeer(name, options);
  }

 private:
  const std::filesystem::path& PlainBundle() {
    if (bundle_.empty()) {
      bundle_ = MakePlainBundle(console_.env(), request_.model, ToImportSettings(request_.import), request_.scratch);
    }
    return bundle_;
  }

  const PeerRequest& request_;
  const Console& console_;
  const TensorMap& feeds_;
  std::filesystem::path bundle_;
};

}  // namespace

std::vector<std::string> PeerNames(const std::string& names) {
  std::vector<std::string> list;
  const std::vector<std::string> known = KnownNames();
  std::istringstream words(names);
  for (std::string name; std::getline(words, name, ',');) {
    if (std::ranges::find(known, name) == known.end()) {
      std::string text;
      for (const std::string& each : known) text.append(text.empty() ? "" : ", ").append(each);
      throw Error(kNotFound, "no peer is called '" + name + "'; there are " + text);
    }
    if (std::ranges::find(list, name) != list.end()) {
      throw Error(kIllegalCombination, "--peer names '" + name + "' twice");
    }
    list.push_back(name);
  }
  if (list.empty()) throw Error(kNotFound, "--peer names no peer; --peer none leaves the comparison out");
  if (std::ranges::find(list, kNone) == list.end()) return list;
  if (list.size() > 1) throw Error(kIllegalCombination, "--peer none stands alone");
  return {};
}

PeerGroup::PeerGroup(const PeerRequest& request, const Console& console, const TensorMap& feeds) {
  Maker maker(request, console, feeds);
  for (const std::string& name : PeerNames(request.names)) members_.push_back({maker.Make(name), {}});
}

PeerGroup::PeerGroup(std::unique_ptr<Peer> only) { members_.push_back({std::move(only), {}}); }

void PeerGroup::RunOnce() {
  for (Member& member : members_) member.milliseconds.push_back(static_cast<double>(member.peer->RunOnce()) / 1e6);
}

std::vector<PeerTimes> PeerGroup::Times(size_t count) const {
  std::vector<PeerTimes> times;
  for (const Member& member : members_) {
    const auto begin = member.milliseconds.end() - static_cast<ptrdiff_t>(std::min(count, member.milliseconds.size()));
    times.push_back({member.peer->info(), {begin, member.milliseconds.end()}});
  }
  return times;
}

const PeerTimes* BestFloatPeer(const std::vector<PeerTimes>& peers) {
  const PeerTimes* best = nullptr;
  for (const PeerTimes& peer : peers) {
    if (!peer.info.whole_model || peer.info.precision != "float32" || peer.milliseconds.empty()) continue;
    if (best == nullptr || Median(peer.milliseconds) < Median(best->milliseconds)) best = &peer;
  }
  return best;
}

void ReportPeers(const std::vector<PeerTimes>& peers, double protected_time, Json* document, std::vector<Row>* rows,
                 std::vector<Row>* facts) {
  Json list = Json::array();
  for (const PeerTimes& peer : peers) {
    const Summary summary = Summarise(peer.milliseconds);
    const PeerInfo& info = peer.info;
    rows->push_back(SummaryRow("unprotected, " + info.name, summary));
    facts->push_back({info.name, info.version + ", " + info.precision + ": " + info.includes});
    Json entry = SummaryJson(summary);
    entry.update({{"name", info.name},
                  {"version", info.version},
                  {"precision", info.precision},
                  {"whole_model", info.whole_model},
                  {"includes", info.includes},
                  {"ratio", protected_time / summary.p50}});
    list.push_back(std::move(entry));
  }
  (*document)["peers"] = std::move(list);
  const PeerTimes* best = BestFloatPeer(peers);
  if (best == nullptr) return;
  const Summary summary = Summarise(best->milliseconds);
  (*document)["peer"] = SummaryJson(summary);
  (*document)["peer"]["name"] = best->info.name;
  (*document)["ratio"] = protected_time / summary.p50;
  facts->push_back({"ratio of medians", Fixed(protected_time / summary.p50, 3) + " to " + best->info.name + ", the fastest float32 peer"});
}

}  // namespace penumbra::cli
