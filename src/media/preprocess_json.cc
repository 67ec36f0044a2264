#include <cmath>
#include <nlohmann/json.hpp>

#include "media/error.h"
#include "media/preprocess.h"

namespace penumbra::media {
namespace {

using nlohmann::json;

constexpr size_t kMaxLabelCount = 100000;

[[noreturn]] void Fail(Status status, const std::string& what, const std::string& member) {
  throw MediaError(status, "preprocessing: " + what, "member '" + member + "'");
}

template <typename Value>
struct Choice {
  std::string_view name;
  Value value;
};

constexpr Choice<ResizeMode> kResizeModes[] = {{"none", ResizeMode::kNone},
                                               {"shorter_side", ResizeMode::kShorterSide},
                                               {"exact", ResizeMode::kExact}};
constexpr Choice<ChannelOrder> kChannelOrders[] = {
    {"rgb", ChannelOrder::kRgb}, {"bgr", ChannelOrder::kBgr}, {"gray", ChannelOrder::kGray}};
constexpr Choice<Layout> kLayouts[] = {{"nchw", Layout::kNchw}, {"nhwc", Layout::kNhwc}};

template <typename Value, size_t count>
std::string NameOf(const Choice<Value> (&choices)[count], Value value) {
  for (const auto& choice : choices) {
    if (choice.value == value) return std::string(choice.name);
  }
  return {};
}

template <typename Value, size_t count>
Value Choose(const Choice<Value> (&choices)[count], const json& value, const std::string& member) {
  std::string names;
  for (const auto& choice : choices) {
    if (value.is_string() && value.get<std::string>() == choice.name) return choice.value;
    names.append(names.empty() ? "" : ", ").append(choice.name);
  }
  Fail(Status::kInvalidArgument, "not one of " + names, member);
}

uint32_t Side(const json& object, const char* key, const std::string& member) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number_unsigned() || found->get<uint64_t>() < 1 ||
      found->get<uint64_t>() > kMaxImageSide) {
    Fail(Status::kInvalidArgument, "not a number of pixels from 1 to 16384", member + "." + key);
  }
  return found->get<uint32_t>();
}

double Number(const json& value, const std::string& member) {
  if (!value.is_number() || !std::isfinite(value.get<double>())) {
    Fail(Status::kInvalidArgument, "not a number", member);
  }
  return value.get<double>();
}

std::array<double, 3> Triple(const json& value, const std::string& member) {
  if (!value.is_array() || value.size() != 3)
    Fail(Status::kInvalidArgument, "not three numbers", member);
  return {Number(value[0], member), Number(value[1], member), Number(value[2], member)};
}

void ReadResize(const json& value, Preprocess* out) {
  if (!value.is_object() || !value.contains("mode")) {
    Fail(Status::kMalformed, "not an object with 'mode'", "resize");
  }
  out->resize = Choose(kResizeModes, value["mode"], "resize.mode");
  if (out->resize == ResizeMode::kShorterSide) {
    out->resize_width = out->resize_height = Side(value, "side", "resize");
  } else if (out->resize == ResizeMode::kExact) {
    out->resize_width = Side(value, "width", "resize");
    out->resize_height = Side(value, "height", "resize");
  }
  if (value.contains("antialias")) {
    if (!value["antialias"].is_boolean())
      Fail(Status::kMalformed, "not true or false", "resize.antialias");
    out->antialias = value["antialias"].get<bool>();
  }
}

void ReadLabelList(const json& value, Preprocess* out) {
  if (!value.is_array() || value.size() > kMaxLabelCount)
    Fail(Status::kMalformed, "not a list", "labels");
  for (const json& label : value) {
    if (!label.is_string()) Fail(Status::kMalformed, "not a list of strings", "labels");
    out->labels.push_back(label.get<std::string>());
  }
}

void ReadMember(const std::string& key, const json& value, Preprocess* out) {
  if (key == "resize") {
    ReadResize(value, out);
  } else if (key == "crop") {
    if (!value.is_object()) Fail(Status::kMalformed, "not an object", key);
    out->crop_width = Side(value, "width", key);
    out->crop_height = Side(value, "height", key);
  } else if (key == "scale") {
    out->scale = Number(value, key);
  } else if (key == "mean") {
    out->mean = Triple(value, key);
  } else if (key == "std") {
    out->std = Triple(value, key);
    for (const double s : out->std) {
      if (s == 0) Fail(Status::kInvalidArgument, "zero", key);
    }
  } else if (key == "channels") {
    out->channels = Choose(kChannelOrders, value, key);
  } else if (key == "layout") {
    out->layout = Choose(kLayouts, value, key);
  } else if (key == "labels") {
    ReadLabelList(value, out);
  } else {
    Fail(Status::kMalformed, "unknown member", key);
  }
}

}  // namespace

std::string PreprocessToJson(const Preprocess& preprocess) {
  json object{{"scale", preprocess.scale},
              {"mean", preprocess.mean},
              {"std", preprocess.std},
              {"channels", NameOf(kChannelOrders, preprocess.channels)},
              {"layout", NameOf(kLayouts, preprocess.layout)}};
  json resize{{"mode", NameOf(kResizeModes, preprocess.resize)},
              {"antialias", preprocess.antialias}};
  if (preprocess.resize == ResizeMode::kShorterSide) resize["side"] = preprocess.resize_height;
  if (preprocess.resize == ResizeMode::kExact) {
    resize["width"] = preprocess.resize_width;
    resize["height"] = preprocess.resize_height;
  }
  object["resize"] = resize;
  if (preprocess.crop_width != 0) {
    object["crop"] = {{"width", preprocess.crop_width}, {"height", preprocess.crop_height}};
  }
  if (!preprocess.labels.empty()) object["labels"] = preprocess.labels;
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

Preprocess PreprocessFromJson(std::string_view text) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) throw MediaError(Status::kMalformed, "preprocessing: not a JSON object");
  Preprocess preprocess;
  for (const auto& [key, value] : object.items()) ReadMember(key, value, &preprocess);
  return preprocess;
}

}  // namespace penumbra::media
