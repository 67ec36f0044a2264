#include "protect/placement/device_profile.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "model/error.h"

namespace penumbra::protect {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 2;
constexpr uint32_t kFewPixels = 4;      // up to here a layer is bound by its weights
constexpr uint32_t kFewChannels = 8;    // of a group, for each output
constexpr uint32_t kMaxThreads = 256;

struct GroupMember {
  const char* name;
  PerKernel DeviceProfile::*group;
};
constexpr GroupMember kRates[] = {{"trusted_float32", &DeviceProfile::trusted_float32},
                                  {"trusted_int8", &DeviceProfile::trusted_int8},
                                  {"trusted_int16", &DeviceProfile::trusted_int16},
                                  {"pad", &DeviceProfile::pad},
                                  {"public_float32", &DeviceProfile::public_float32},
                                  {"public_residue", &DeviceProfile::public_residue}};

constexpr GroupMember kElements[] = {{"trusted_float32", &DeviceProfile::float32_element},
                                     {"trusted_integer", &DeviceProfile::integer_element},
                                     {"public_residue", &DeviceProfile::residue_element}};

struct KernelMember {
  const char* name;
  double PerKernel::*number;
};
constexpr KernelMember kKernels[] = {{"convolution", &PerKernel::convolution},
                                     {"pointwise", &PerKernel::pointwise},
                                     {"dense", &PerKernel::dense},
                                     {"depthwise", &PerKernel::depthwise}};
enum KernelIndex : uint8_t { kConvolution, kPointwise, kDense, kDepthwise };

const KernelMember& KernelOf(const ConvGeometry& g) {
  if (g.groups > 1 && InChannelsPerGroup(g) <= kFewChannels) return kKernels[kDepthwise];
  if (uint64_t{g.out_h} * g.out_w <= kFewPixels) return kKernels[kDense];
  return kKernels[g.kernel_h == 1 && g.kernel_w == 1 ? kPointwise : kConvolution];
}

struct NumberMember {
  const char* name;
  double DeviceProfile::*number;
  bool may_be_zero;
};
constexpr NumberMember kNumbers[] = {
    {"pass_element_seconds", &DeviceProfile::pass_element, true},
    {"residue_byte_seconds", &DeviceProfile::residue_byte, true},
    {"check_multiplications_per_second", &DeviceProfile::check_rate, false},
    {"check_byte_seconds", &DeviceProfile::check_byte, true},
    {"memory_bytes_per_second", &DeviceProfile::memory_rate, false},
    {"weight_bytes_per_second", &DeviceProfile::weight_rate, false},
    {"pad_bytes_per_second", &DeviceProfile::pad_rate, false},
    {"crossing_bytes_per_second", &DeviceProfile::crossing_rate, false},
    {"hand_off_seconds", &DeviceProfile::hand_off, true},
    {"inference_seconds", &DeviceProfile::inference, true},
    {"pad_layer_seconds", &DeviceProfile::pad_layer, true},
    {"check_layer_seconds", &DeviceProfile::check_layer, true},
    {"pad_stock", &DeviceProfile::pad_stock, true},
    {"idle_share", &DeviceProfile::idle_share, true}};

[[noreturn]] void Refuse(const std::string& member, const std::string& what) {
  throw model::ModelError(Status::kMalformed, "the device profile's member '" + member + "' " + what, {},
                          "make one with 'penumbra profile -o device.json'");
}

// Reads members of an object and remembers them, so that what is left over can be refused.
class Members {
 public:
  Members(const Json& object, std::string path) : object_(object), path_(std::move(path)) {
    if (!object.is_object()) Refuse(path_, "is not an object");
  }

  const Json& At(const char* name) {
    const auto found = object_.find(name);
    if (found == object_.end()) Refuse(path_ + name, "is missing");
    seen_.insert(name);
    return *found;
  }
  double Number(const char* name, bool may_be_zero) {
    const Json& value = At(name);
    const double number = value.is_number() ? value.get<double>() : NAN;
    if (!std::isfinite(number) || number < 0 || (number == 0 && !may_be_zero)) {
      Refuse(path_ + name, may_be_zero ? "is not a number of at least 0" : "is not a number above 0");
    }
    return number;
  }
  std::string Text(const char* name) {
    const Json& value = At(name);
    if (!value.is_string()) Refuse(path_ + name, "is not a text");
    return value.get<std::string>();
  }
  void RequireNoOthers() const {
    for (const auto& [name, value] : object_.items()) {
      if (!seen_.contains(name)) Refuse(path_ + name, "is unknown");
    }
  }

 private:
  const Json& object_;
  std::string path_;
  std::set<std::string> seen_;
};

template <size_t count>
void ReadGroups(const Json& object, const std::string& path, const GroupMember (&groups)[count], bool may_be_zero,
                DeviceProfile* out_profile) {
  Members outer(object, path);
  for (const GroupMember& member : groups) {
    Members inner(outer.At(member.name), path + member.name + ".");
    for (const KernelMember& kernel : kKernels) {
      (out_profile->*member.group).*kernel.number = inner.Number(kernel.name, may_be_zero);
    }
    inner.RequireNoOthers();
  }
  outer.RequireNoOthers();
}

template <size_t count>
Json GroupsJson(const DeviceProfile& profile, const GroupMember (&groups)[count]) {
  Json json;
  for (const GroupMember& member : groups) {
    for (const KernelMember& kernel : kKernels) {
      json[member.name][kernel.name] = (profile.*member.group).*kernel.number;
    }
  }
  return json;
}

}  // namespace

double PerKernel::Of(const ConvGeometry& g) const { return this->*KernelOf(g).number; }

std::string_view KernelKind(const ConvGeometry& g) { return KernelOf(g).name; }

std::string DeviceProfileJson(const DeviceProfile& profile) {
  Json json{{"format", "penumbra device profile"},
            {"version", kVersion},
            {"device", profile.device},
            {"carrier", profile.carrier},
            {"accelerator", profile.accelerator},
            {"threads", profile.threads}};
  json["multiplications_per_second"] = GroupsJson(profile, kRates);
  json["element_seconds"] = GroupsJson(profile, kElements);
  for (const NumberMember& member : kNumbers) json[member.name] = profile.*member.number;
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

DeviceProfile ParseDeviceProfile(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.value("format", Json()) != "penumbra device profile") {
    throw model::ModelError(Status::kMalformed, "this is no device profile", {},
                            "make one with 'penumbra profile -o device.json'");
  }
  Members members(json, "");
  members.At("format");
  if (members.At("version") != kVersion) {
    throw model::ModelError(Status::kUnsupportedVersion,
                            "the device profile has version " + members.At("version").dump(), {},
                            "make it again with this release's 'penumbra profile'");
  }
  DeviceProfile profile;
  profile.device = members.Text("device");
  profile.carrier = members.Text("carrier");
  profile.accelerator = members.Text("accelerator");
  const double threads = members.Number("threads", false);
  if (threads > kMaxThreads || threads != std::floor(threads)) Refuse("threads", "is not a number of threads");
  profile.threads = static_cast<uint32_t>(threads);
  ReadGroups(members.At("multiplications_per_second"), "multiplications_per_second.", kRates, false, &profile);
  ReadGroups(members.At("element_seconds"), "element_seconds.", kElements, true, &profile);
  for (const NumberMember& member : kNumbers) {
    profile.*member.number = members.Number(member.name, member.may_be_zero);
  }
  if (profile.idle_share > 1) Refuse("idle_share", "is above 1");
  members.RequireNoOthers();
  return profile;
}

}  // namespace penumbra::protect
