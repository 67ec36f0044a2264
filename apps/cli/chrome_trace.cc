#include "chrome_trace.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "error_codes.h"
#include "explain.h"

namespace penumbra::cli {
namespace {

using Kind = ProfileSlice::Kind;

constexpr int kProcess = 1;
enum Track : uint32_t { kRequests = 0, kTrustedHalf, kAccelerator, kCopies, kTrackCount };
constexpr const char* kTrackNames[kTrackCount] = {"requests", "trusted half", "accelerator", "copies"};

uint32_t ThreadOf(uint32_t lane, Track track) { return 1 + lane * kTrackCount + track; }

// The format counts in microseconds.
double Micros(uint64_t ns) { return static_cast<double>(ns) / 1e3; }

Json Slice(const std::string& name, uint32_t thread, uint64_t start_ns, uint64_t duration_ns, Json arguments) {
  return {{"name", name},
          {"ph", "X"},
          {"pid", kProcess},
          {"tid", thread},
          {"ts", Micros(start_ns)},
          {"dur", Micros(duration_ns)},
          {"args", std::move(arguments)}};
}

Json Named(const char* what, uint32_t thread, Json arguments) {
  return {{"name", what}, {"ph", "M"}, {"pid", kProcess}, {"tid", thread}, {"args", std::move(arguments)}};
}

std::string NameOf(const std::vector<std::string>& segments, int64_t segment, const char* outside) {
  if (segment < 0) return outside;
  return static_cast<size_t>(segment) < segments.size() ? segments[segment] : "segment " + std::to_string(segment);
}

Json SliceJson(const ProfileSlice& slice, const std::vector<std::string>& segments) {
  const auto at = [&](const std::string& name, Track track, Json arguments) {
    return Slice(name, ThreadOf(slice.lane, track), slice.start_ns, slice.duration_ns, std::move(arguments));
  };
  switch (slice.kind) {
    case Kind::kRequest: return at("request", kRequests, Json::object());
    case Kind::kPads: return at(slice.count == 1 ? "make a pad" : "make pads", kRequests, {{"pads", slice.count}});
    case Kind::kTrusted: return at("call", kTrustedHalf, Json::object());
    case Kind::kAccelerator:
      return at(NameOf(segments, slice.segment, ""), kAccelerator,
                {{"segment", slice.segment}, {"crossing_bytes", slice.bytes}});
    case Kind::kCopy: return at(slice.what, kCopies, {{"bytes", slice.bytes}});
  }
  return nullptr;
}

std::string StepName(const TrustedStep& step, const std::vector<std::string>& segments) {
  if (step.pads) return "make pads";
  return NameOf(segments, step.after, "input") + " to " + NameOf(segments, step.before, "output");
}

std::optional<SealedReport> OpenReport(const Env& env, const std::string& bundle, const SessionArguments& session) {
  const auto device = session.device.empty() ? DefaultKeys(env, KeyKind::kDevice).private_path
                                             : std::filesystem::path(session.device);
  const auto vendor = session.vendor.empty() ? DefaultKeys(env, KeyKind::kVendor).public_path
                                             : std::filesystem::path(session.vendor);
  try {
    return ReadReport(bundle, {.device_private_key = device, .vendor_public_key = vendor});
  } catch (const Error& error) {
    if (error.number() != kWrongDevice) throw;
    return std::nullopt;
  }
}

}  // namespace

std::vector<std::string> SegmentNames(const Env& env, const BundleInfo& info, const std::string& bundle,
                                      const SessionArguments& session) {
  const auto sealed = OpenReport(env, bundle, session);
  return SegmentNames(info, sealed ? &sealed->report : nullptr);
}

std::vector<TrustedStep> TrustedSteps(const std::vector<ProfileSlice>& slices) {
  std::vector<ProfileSlice> sorted = slices;
  // A request begins no later than what lies within it.
  std::ranges::stable_sort(sorted, {}, [](const ProfileSlice& s) {
    return std::tuple(s.lane, s.start_ns, s.kind != Kind::kRequest && s.kind != Kind::kPads);
  });
  std::vector<TrustedStep> steps;
  bool open = false, pads = false;
  int64_t after = -1;
  for (const ProfileSlice& slice : sorted) {
    switch (slice.kind) {
      case Kind::kRequest:
      case Kind::kPads:
        open = false;
        after = -1;
        pads = slice.kind == Kind::kPads;
        break;
      case Kind::kTrusted:
        if (!open) steps.push_back({.lane = slice.lane, .start_ns = slice.start_ns, .pads = pads, .after = after});
        open = true;
        steps.back().end_ns = slice.start_ns + slice.duration_ns;
        steps.back().inside_ns += slice.duration_ns;
        break;
      case Kind::kAccelerator:
        if (open) steps.back().before = slice.segment;
        open = false;
        after = slice.segment;
        break;
      case Kind::kCopy: break;
    }
  }
  return steps;
}

void WriteChromeTrace(const std::string& path, const std::vector<ProfileSlice>& slices,
                      const std::vector<std::string>& segments, const SessionInfo& info) {
  Json events = Json::array();
  events.push_back(Named("process_name", 0, {{"name", "penumbra"}}));
  uint32_t lane_count = 0;
  for (const ProfileSlice& slice : slices) lane_count = std::max(lane_count, slice.lane + 1);
  for (uint32_t lane = 0; lane < lane_count; ++lane) {
    for (uint32_t track = 0; track < kTrackCount; ++track) {
      const std::string suffix = lane_count == 1 ? "" : ", lane " + std::to_string(lane);
      const uint32_t thread = ThreadOf(lane, static_cast<Track>(track));
      events.push_back(Named("thread_name", thread, {{"name", kTrackNames[track] + suffix}}));
      events.push_back(Named("thread_sort_index", thread, {{"sort_index", thread}}));
    }
  }
  for (const TrustedStep& step : TrustedSteps(slices)) {
    events.push_back(Slice(StepName(step, segments), ThreadOf(step.lane, kTrustedHalf), step.start_ns,
                           step.end_ns - step.start_ns, {{"inside_us", Micros(step.inside_ns)}}));
  }
  for (const ProfileSlice& slice : slices) events.push_back(SliceJson(slice, segments));
  const Json document{
      {"traceEvents", events},
      {"displayTimeUnit", "ms"},
      {"otherData", {{"carrier", info.carrier}, {"accelerator", info.accelerator}, {"notice", info.notice}}}};
  WriteText(path, document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace penumbra::cli
